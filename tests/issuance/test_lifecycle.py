"""The commands on a card: done once however often they are sent, and refused without a trace."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from tests.cast import (
    CLERK,
    NOON,
    active_card,
    application_for,
    collected_card,
    made_card,
    make_bank,
    make_guardian,
    make_person,
)
from yikatong.applications.models import Application
from yikatong.applications.services import submit
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.foundation.errors import Refused
from yikatong.issuance import services
from yikatong.issuance.adoption import adopt_older_cards
from yikatong.issuance.models import Card, SocialFunction
from yikatong.issuance.rules import Reason
from yikatong.issuance.selectors import cards_held, cards_of, timeline
from yikatong.registry.models import Person

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def refusal(command: Callable[[], object]) -> str:
    events = AuditEvent.objects.count()
    with pytest.raises(Refused) as refused:
        command()
    assert AuditEvent.objects.count() == events, "a refusal is no deed"
    return str(refused.value.reason)


def resident(person: Person) -> Actor:
    return Actor("resident", str(person.person_id))


def again(command: Callable[[], object]) -> None:
    """Repeating it leaves the cards, the applications and the trail as they are."""

    def seen() -> list[object]:
        tables = (Card.objects, Application.objects, AuditEvent.objects, SocialFunction.objects)
        return [list(table.order_by("pk").values()) for table in tables]

    before = seen()
    command()
    assert seen() == before


def test_every_command_may_be_repeated() -> None:
    person, outlet = make_person(1), make_bank()
    adopt_older_cards(at=NOON)
    card_id = made_card(person, outlet).card_id
    for command in (
        lambda: services.mark_ready(card_id, by=CLERK, at=NOON),
        lambda: services.hand_over(card_id, by=CLERK, at=NOON),
        lambda: services.activate_social_function(card_id, by=CLERK, at=NOON),
        lambda: services.activate_financial_function(card_id, bank_code="ICBC", by=CLERK, at=NOON),
        lambda: services.pre_report_loss(card_id, by=CLERK, at=NOON),
        lambda: services.withdraw_pre_report(card_id, by=CLERK, at=NOON),
        lambda: services.report_loss(card_id, by=CLERK, at=NOON),
    ):
        command()
        again(command)
    assert [entry.action for entry in timeline(person.person_id)] == [
        "application.submitted",
        "application.approved",
        "card.made",
        "card.ready",
        "card.collected",
        "card.social_function_ended",
        "card.activated",
        "card.financially_activated",
        "card.pre_reported_lost",
        "card.pre_report_withdrawn",
        "card.reported_lost",
    ]


def test_a_repeated_activation_tells_again_which_card_it_ended() -> None:
    person, outlet = make_person(1), make_bank()
    adopt_older_cards(at=NOON)
    (older,) = cards_of(person.person_id)
    card = collected_card(person, outlet)
    first = services.activate_social_function(card.card_id, by=CLERK, at=NOON)
    second = services.activate_social_function(card.card_id, by=CLERK, at=NOON + DAY)
    assert (first.ended_card_id, first.was_repeated) == (older.card_id, False)
    assert (second.ended_card_id, second.activated_at, second.was_repeated) == (older.card_id, NOON, True)
    older.refresh_from_db()
    assert (older.social_state, older.ended_at) == ("ended", NOON)


def test_the_bank_function_is_switched_on_by_its_own_bank_and_brings_the_social_one() -> None:
    card = collected_card(make_person(1), make_bank())
    wrong = refusal(lambda: services.activate_financial_function(card.card_id, bank_code="ABC", by=CLERK, at=NOON))
    assert wrong == Reason.OTHER_BANKS_CARD
    services.activate_financial_function(card.card_id, bank_code="ICBC", by=CLERK, at=NOON)
    card.refresh_from_db()
    assert (card.is_financially_active, card.social_state) == (True, "active")


def test_a_childs_card_is_its_guardians_business() -> None:
    child, mother, stranger = make_person(2, born=date(2018, 1, 1), category="minor"), make_person(3), make_person(4)
    make_guardian(child, mother)
    outlet = make_bank()
    card = made_card(child, outlet, acting_person_id=mother.person_id)
    services.mark_ready(card.card_id, by=CLERK, at=NOON)
    assert refusal(lambda: services.hand_over(card.card_id, by=CLERK, at=NOON)) == Reason.GUARDIAN_REQUIRED
    by_stranger = refusal(
        lambda: services.hand_over(card.card_id, by=CLERK, at=NOON, guardian_person_id=stranger.person_id)
    )
    assert by_stranger == Reason.GUARDIAN_REQUIRED
    services.hand_over(card.card_id, by=CLERK, at=NOON, guardian_person_id=mother.person_id)
    alone = refusal(
        lambda: services.activate_social_function(
            card.card_id, by=resident(child), at=NOON, acting_person_id=child.person_id
        )
    )
    assert alone == Reason.GUARDIAN_REQUIRED
    services.activate_social_function(card.card_id, by=resident(mother), at=NOON, acting_person_id=mother.person_id)


@pytest.mark.parametrize(
    "command",
    [
        services.activate_social_function,
        services.pre_report_loss,
        services.withdraw_pre_report,
        services.report_loss,
    ],
)
def test_nobody_touches_anothers_card(command: Callable[..., object]) -> None:
    card = active_card(make_person(1), make_bank())
    stranger = make_person(2)
    found = refusal(lambda: command(card.card_id, by=resident(stranger), at=NOON, acting_person_id=stranger.person_id))
    assert found == Reason.NOT_THE_HOLDER
    claimed = refusal(lambda: command(card.card_id, by=resident(stranger), at=NOON, acting_person_id=card.person_id))
    assert claimed == "not_allowed_to_act"
    assert refusal(lambda: command(999_999, by=CLERK, at=NOON)) == Reason.CARD_UNKNOWN


def test_a_posted_card_is_activated_by_its_holder() -> None:
    person, outlet = make_person(1), make_bank()
    card = made_card(person, outlet, collection="post", outlet_id="", address="某街九号")
    services.mark_ready(card.card_id, by=CLERK, at=NOON)
    services.activate_social_function(
        card.card_id, by=resident(person), at=NOON + DAY, acting_person_id=person.person_id
    )
    card.refresh_from_db()
    assert (card.state, card.collected_at, card.social_state) == ("collected", NOON + DAY, "active")
    assert Application.objects.get(person_id=person.person_id).state == "collected"


@pytest.mark.parametrize("is_task_run", [True, False])
def test_a_pre_report_ends_after_ten_days_whether_or_not_the_task_runs(is_task_run: bool) -> None:
    card = active_card(make_person(1), make_bank())
    services.pre_report_loss(card.card_id, by=CLERK, at=NOON)
    almost, over = NOON + 10 * DAY - timedelta(seconds=1), NOON + 10 * DAY
    refused = refusal(lambda: services.activate_social_function(card.card_id, by=CLERK, at=almost))
    assert refused == Reason.CARD_REPORTED_LOST
    assert services.lapse_pre_reports(at=almost) == 0
    if is_task_run:
        assert services.lapse_pre_reports(at=over) == 1
        assert services.lapse_pre_reports(at=over) == 0
    services.activate_social_function(card.card_id, by=CLERK, at=over)
    services.pre_report_loss(card.card_id, by=CLERK, at=over + DAY)
    card.refresh_from_db()
    assert card.pre_reported_lost_at == over + DAY
    told = [entry.action for entry in timeline(card.person_id)][-3:]
    assert told == ["card.pre_reported_lost", "card.pre_report_lapsed", "card.pre_reported_lost"]


def test_lost_for_good_and_replaced() -> None:
    person, outlet = make_person(1), make_bank()
    lost = active_card(person, outlet)
    services.report_loss(lost.card_id, by=CLERK, at=NOON + DAY)
    assert not SocialFunction.objects.filter(person_id=person.person_id).exists()
    assert cards_held(person.person_id).lost_third_generation
    withdrawn = refusal(lambda: services.withdraw_pre_report(lost.card_id, by=CLERK, at=NOON + DAY))
    assert withdrawn == Reason.NOT_PRE_REPORTED
    first = application_for(person, outlet)
    assert refusal(lambda: submit(first, by=CLERK, at=NOON + DAY)) == "replacement_needed"
    replacement = active_card(person, outlet, at=NOON + 2 * DAY, kind="replacement")
    lost.refresh_from_db()
    assert (lost.state, lost.social_state, lost.ended_at) == ("cancelled", "ended", NOON + DAY)
    assert replacement.card_number != lost.card_number
    assert SocialFunction.objects.get(person_id=person.person_id).card_id == replacement.card_id


def test_a_superseded_card_reported_lost_keeps_the_moment_it_ended() -> None:
    person, outlet = make_person(1), make_bank()
    adopt_older_cards(at=NOON)
    (older,) = cards_of(person.person_id)
    active_card(person, outlet)
    services.report_loss(older.card_id, by=CLERK, at=NOON + 5 * DAY)
    older.refresh_from_db()
    assert (older.state, older.ended_at) == ("cancelled", NOON)


def test_a_posted_card_that_never_came_is_reported_and_applied_for_again() -> None:
    person, outlet = make_person(1), make_bank()
    card = made_card(person, outlet, collection="post", outlet_id="", address="某街九号")
    assert refusal(lambda: services.report_loss(card.card_id, by=CLERK, at=NOON)) == Reason.CARD_NOT_COLLECTED
    services.mark_ready(card.card_id, by=CLERK, at=NOON)
    services.report_loss(card.card_id, by=CLERK, at=NOON + DAY)
    assert Application.objects.get(person_id=person.person_id).state == "cancelled"
    late = refusal(lambda: services.hand_over(card.card_id, by=CLERK, at=NOON + DAY))
    assert late == Reason.CARD_REPORTED_LOST
    assert made_card(person, outlet, at=NOON + 2 * DAY, kind="replacement").card_number != card.card_number
