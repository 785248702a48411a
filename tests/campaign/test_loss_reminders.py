"""A message before a pre-report of loss lapses: in the hours, once for each pre-report, to a guardian for a child."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.cast import CLERK, NOON, active_card, collected_card, made_card, make_bank, make_guardian, make_person
from yikatong.accounts.models import ConsoleMessage
from yikatong.audit.models import AuditEvent
from yikatong.campaign.loss_reminders import remind_of_lapse
from yikatong.campaign.wording import lapse_text
from yikatong.issuance import services
from yikatong.registry.sealing import field_cipher
from yikatong.registry.services import change_phone

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
"""A pre-report of NOON ends ten days later, at noon."""


def texts() -> list[tuple[str, str]]:
    rows = ConsoleMessage.objects.order_by("message_id")
    return [(row.to_masked, field_cipher().open("sms", bytes(row.body_sealed))) for row in rows]


def test_two_days_before_the_end_a_message_goes_out_once() -> None:
    card = active_card(make_person(1), make_bank(), at=NOON)
    services.pre_report_loss(card.card_id, by=CLERK, at=NOON)
    sent = [
        remind_of_lapse(at=NOON + offset, most=10) for offset in (7 * DAY, 8 * DAY - HOUR, 8 * DAY, 8 * DAY, 9 * DAY)
    ]
    assert sent == [0, 0, 1, 0, 0]
    ((phone, text),) = texts()
    assert phone == "102****0001"
    assert text == "【一卡通】测先生，您的社保卡预挂失11月12日12时到期，到期卡恢复可用。请撤销或正式挂失：localhost"
    assert AuditEvent.objects.filter(action="card.lapse_reminded", person_id=card.person_id).count() == 1


def test_what_was_withdrawn_or_reported_for_good_or_has_lapsed_is_not_reminded_of() -> None:
    outlet = make_bank()
    cards = [active_card(make_person(serial), outlet, at=NOON) for serial in (1, 2, 3)]
    for card in cards:
        services.pre_report_loss(card.card_id, by=CLERK, at=NOON)
    services.withdraw_pre_report(cards[0].card_id, by=CLERK, at=NOON + DAY)
    services.report_loss(cards[1].card_id, by=CLERK, at=NOON + DAY)
    assert remind_of_lapse(at=NOON + 10 * DAY, most=10) == 0, "over"
    assert remind_of_lapse(at=NOON + 9 * DAY, most=10) == 1


def test_a_second_pre_report_has_a_reminder_of_its_own() -> None:
    card = active_card(make_person(1), make_bank(), at=NOON)
    services.pre_report_loss(card.card_id, by=CLERK, at=NOON)
    assert remind_of_lapse(at=NOON + 9 * DAY, most=10) == 1
    services.withdraw_pre_report(card.card_id, by=CLERK, at=NOON + 9 * DAY)
    services.pre_report_loss(card.card_id, by=CLERK, at=NOON + 9 * DAY + HOUR)
    assert remind_of_lapse(at=NOON + 10 * DAY, most=10) == 0
    assert remind_of_lapse(at=NOON + 18 * DAY, most=10) == 1


def test_nothing_goes_out_at_night_and_nobody_is_forgotten_by_morning() -> None:
    card = active_card(make_person(1), make_bank(), at=NOON)
    services.pre_report_loss(card.card_id, by=CLERK, at=NOON)
    night = datetime(2026, 11, 10, 15, tzinfo=UTC)
    assert remind_of_lapse(at=night, most=10) == 0
    assert remind_of_lapse(at=night + 12 * HOUR, most=10) == 1


def test_a_childs_guardian_hears_and_without_a_phone_nobody_and_only_once() -> None:
    mother, child = make_person(1), make_person(2, born=date(2018, 1, 1), category="minor")
    make_guardian(child, mother)
    alone = make_person(3)
    outlet = make_bank()
    made = made_card(child, outlet, at=NOON, acting_person_id=mother.person_id)
    services.mark_ready(made.card_id, by=CLERK, at=NOON)
    services.hand_over(made.card_id, by=CLERK, at=NOON, guardian_person_id=mother.person_id)
    change_phone(alone.person_id, "", by=CLERK, at=NOON)
    for card in (made, collected_card(alone, outlet)):
        services.pre_report_loss(card.card_id, by=CLERK, at=NOON)
    assert [remind_of_lapse(at=NOON + 9 * DAY, most=1) for _ in range(3)].count(1) == 1
    ((phone, text),) = texts()
    assert phone == "102****0001"
    assert "孩子的社保卡" in text


def test_one_message_of_a_mobile_network_takes_it() -> None:
    text = lapse_text(to="欧阳女士", lapses_at=NOON, address="card.beijing.gov.cn", is_for_ward=True)
    assert len(text) <= 70, len(text)
