"""The deny list follows cards and devices, lists what a terminal could still be shown and nothing else, and is numbered."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from tests.acceptance.makers import DAY, HOUR, Phone
from tests.cast import CLERK, NOON, active_card, collected_card, make_bank, make_person
from yikatong.acceptance.lists import list_key
from yikatong.acceptance.models import DenyEntry
from yikatong.acceptance.services import deny_list
from yikatong.ecard import services as ecard
from yikatong.ecard.models import ElectronicCard
from yikatong.issuance import services as issuance
from yikatong.issuance.adoption import adopt_older_cards
from yikatong.issuance.models import Card
from yikatong.wire.lists import DenyList, open_deny_list


def listed(at: Any = NOON) -> dict[str, str]:
    return opened(at).entries


def opened(at: Any = NOON) -> DenyList:
    return open_deny_list(deny_list(at), list_key().public)


def names_of(card: Card, *, phone: bool = True) -> set[str]:
    token = bytes(ElectronicCard.objects.get(card_id=card.card_id).token).hex()
    numbers = {f"number:{card.card_number}", f"code:{card.identification_code}"}
    return numbers | {f"token:{token}"} if phone else numbers


@pytest.mark.django_db
def test_a_card_in_good_standing_is_not_listed() -> None:
    Phone.enrolled(active_card(make_person(1), make_bank()), at=NOON)
    assert listed() == {}


@pytest.mark.django_db
def test_a_lost_card_is_listed_until_it_is_found_again() -> None:
    card = active_card(make_person(1), make_bank())
    Phone.enrolled(card, at=NOON)
    issuance.pre_report_loss(card.card_id, by=CLERK, at=NOON)
    assert listed() == dict.fromkeys(names_of(card), "card_reported_lost")
    issuance.withdraw_pre_report(card.card_id, by=CLERK, at=NOON + HOUR)
    assert listed() == {}
    issuance.pre_report_loss(card.card_id, by=CLERK, at=NOON + 2 * HOUR)
    assert set(listed()) == names_of(card)
    lapsed = NOON + 11 * DAY
    assert listed(lapsed) == {}, "the date decides, not the task"
    assert issuance.lapse_pre_reports(at=lapsed) == 1
    assert listed(lapsed) == {}
    assert not DenyEntry.objects.filter(lifted_at=None).exists()


@pytest.mark.django_db
def test_a_formal_report_outlives_the_pre_report_it_follows() -> None:
    card = active_card(make_person(1), make_bank())
    issuance.pre_report_loss(card.card_id, by=CLERK, at=NOON)
    issuance.report_loss(card.card_id, by=CLERK, at=NOON + HOUR)
    assert listed(NOON + 100 * DAY) == dict.fromkeys(names_of(card, phone=False), "card_reported_lost")


@pytest.mark.django_db
def test_a_token_is_listed_only_while_a_certificate_for_it_could_be_shown() -> None:
    card = active_card(make_person(1), make_bank())
    issuance.report_loss(card.card_id, by=CLERK, at=NOON)
    assert set(listed()) == names_of(card, phone=False), "no phone was ever certified"
    other = active_card(make_person(2), make_bank())
    Phone.enrolled(other, at=NOON)
    issuance.report_loss(other.card_id, by=CLERK, at=NOON)
    assert names_of(other) <= set(listed(NOON + 7 * DAY - HOUR))
    assert names_of(other) & set(listed(NOON + 7 * DAY)) == names_of(other, phone=False)


@pytest.mark.django_db
def test_a_replaced_card_is_superseded_and_its_replacement_is_not_listed() -> None:
    person = make_person(1)
    first = active_card(person, make_bank())
    issuance.report_loss(first.card_id, by=CLERK, at=NOON)
    second = active_card(person, make_bank(), at=NOON + HOUR, kind="replacement")
    assert first.card_id != second.card_id
    assert listed() == dict.fromkeys(names_of(first, phone=False), "card_reported_lost")


@pytest.mark.django_db
def test_older_generations_are_left_to_the_gateway() -> None:
    person = make_person(1)
    adopt_older_cards(at=NOON)
    older = Card.objects.get(person_id=person.person_id)
    issuance.activate_social_function(collected_card(person, make_bank()).card_id, by=CLERK, at=NOON + HOUR)
    older.refresh_from_db()
    assert older.social_state == "ended"
    assert listed() == {}


@pytest.mark.django_db
def test_revoked_devices_are_listed_one_by_one_until_their_certificates_end() -> None:
    card = active_card(make_person(1), make_bank())
    lost, kept = Phone.enrolled(card, at=NOON), Phone.enrolled(card, at=NOON)
    ecard.revoke_device(card.card_id, lost.serial, by=CLERK, at=NOON)
    ecard.revoke_device(card.card_id, lost.serial, by=CLERK, at=NOON + HOUR)
    assert listed() == {f"device:{lost.serial.hex()}": "device_revoked"}
    assert ecard.revoke_all_devices(card.card_id, by=CLERK, at=NOON) == 1
    assert listed() == {f"device:{phone.serial.hex()}": "device_revoked" for phone in (lost, kept)}
    assert listed(NOON + 7 * DAY) == {}


@pytest.mark.django_db(transaction=True)
def test_each_change_makes_a_higher_version_and_repeating_it_does_not() -> None:
    card = active_card(make_person(1), make_bank())
    versions = [opened().version]
    for command in (
        lambda: issuance.pre_report_loss(card.card_id, by=CLERK, at=NOON),
        lambda: issuance.withdraw_pre_report(card.card_id, by=CLERK, at=NOON),
        lambda: issuance.report_loss(card.card_id, by=CLERK, at=NOON),
    ):
        command()
        versions.append(opened().version)
        command()
        assert opened().version == versions[-1]
    assert versions == sorted(set(versions))


@pytest.mark.django_db(transaction=True)
def test_a_change_that_commits_last_has_the_highest_version() -> None:
    """Drawn when the row is written, its number would be the lower one, and gateways would miss it."""
    early, late = (active_card(make_person(serial), make_bank()) for serial in (1, 2))
    written, committed = threading.Event(), threading.Event()

    def write_first_commit_last() -> None:
        with transaction.atomic():
            issuance.report_loss(early.card_id, by=CLERK, at=NOON)
            written.set()
            committed.wait()
        connection.close()

    thread = threading.Thread(target=write_first_commit_last)
    thread.start()
    written.wait()
    issuance.report_loss(late.card_id, by=CLERK, at=NOON)
    before = opened()
    committed.set()
    thread.join()
    after = opened()
    assert set(before.entries) == names_of(late, phone=False)
    assert set(after.entries) == names_of(late, phone=False) | names_of(early, phone=False)
    assert after.version > before.version


@pytest.mark.django_db
def test_a_list_is_fresh_for_a_day() -> None:
    content = opened()
    assert content.valid_until_s - content.issued_at_s == timedelta(days=1).total_seconds()
