"""At any moment at most one card of a person has an active social function, and the tables agree about which.

Once with random commands one after another, once with several connections at the same time and another one watching.
"""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import Error, connection, transaction

from tests.at_once import at_once
from tests.cast import CLERK, NOON, collected_card, made_card, make_bank, make_person
from yikatong.foundation.errors import Refused
from yikatong.issuance import services
from yikatong.issuance.adoption import adopt_older_cards
from yikatong.issuance.models import Card, CardState, SocialFunction, SocialState
from yikatong.registry.models import Person

COMMANDS: tuple[Callable[..., object], ...] = (
    lambda card, at: services.activate_social_function(card, by=CLERK, at=at),
    lambda card, at: services.activate_financial_function(card, bank_code="ICBC", by=CLERK, at=at),
    lambda card, at: services.pre_report_loss(card, by=CLERK, at=at),
    lambda card, at: services.withdraw_pre_report(card, by=CLERK, at=at),
    lambda card, at: services.report_loss(card, by=CLERK, at=at),
    lambda card, at: services.lapse_pre_reports(at=at),
    lambda card, at: services.mark_ready(card, by=CLERK, at=at),
    lambda card, at: services.hand_over(card, by=CLERK, at=at),
)
SEES = """
select coalesce(array_agg(c.card_id order by c.card_id) filter (where c.social_state = 'active'), '{}'),
    (select s.card_id from issuance_social_function s where s.person_id = %s)
from issuance_card c where c.person_id = %s
"""


def assert_one_voice(person: Person) -> None:
    active = list(Card.objects.filter(person_id=person.person_id, social_state=SocialState.ACTIVE))
    recorded = SocialFunction.objects.filter(person_id=person.person_id).first()
    assert len(active) <= 1
    assert [card.card_id for card in active] == ([recorded.card_id] if recorded else [])
    assert all(card.state != CardState.CANCELLED for card in active)


def two_cards() -> tuple[Person, list[int]]:
    """Somebody with an active older card and a new one in hand."""
    person = make_person(1)
    adopt_older_cards(at=NOON)
    collected_card(person, make_bank())
    return person, list(Card.objects.filter(person_id=person.person_id).values_list("card_id", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(12))
def test_under_random_commands(seed: int) -> None:
    dice = random.Random(seed)
    person, cards = two_cards()
    assert_one_voice(person)
    at = NOON
    for _ in range(40):
        at += timedelta(hours=dice.choice([0, 1, 30, 200]))
        with suppress(Refused), transaction.atomic():
            dice.choice(COMMANDS)(dice.choice(cards), at)
        assert_one_voice(person)


@pytest.mark.django_db(transaction=True)
def test_under_concurrent_commands_seen_from_outside() -> None:
    person, cards = two_cards()
    over, faults = threading.Event(), []

    def command(seed: int) -> None:
        dice = random.Random(seed)
        for step in range(25):
            with suppress(Refused):
                dice.choice(COMMANDS)(dice.choice(cards), NOON + timedelta(hours=step))
        connection.close()

    def watch() -> None:
        while not over.is_set():
            with connection.cursor() as cursor:
                cursor.execute(SEES, [person.person_id, person.person_id])
                active, recorded = cursor.fetchone()
            if active != ([recorded] if recorded else []):
                faults.append((active, recorded))
        connection.close()

    workers = [threading.Thread(target=command, args=(seed,)) for seed in range(4)]
    watcher = threading.Thread(target=watch)
    for thread in (watcher, *workers):
        thread.start()
    for thread in workers:
        thread.join()
    over.set()
    watcher.join()
    assert faults == []
    assert_one_voice(person)


@pytest.mark.django_db(transaction=True)
def test_activating_twice_at_once_is_activating_once() -> None:
    _, cards = two_cards()
    outcomes = at_once(4, lambda: services.activate_social_function(max(cards), by=CLERK, at=NOON))
    assert sorted(outcome.was_repeated for outcome in outcomes) == [False, True, True, True]
    assert {outcome.activated_at for outcome in outcomes} == {NOON}


@pytest.mark.django_db
def test_postgresql_refuses_a_second_active_card_written_around_the_service() -> None:
    person, cards = two_cards()
    with pytest.raises(Error, match=f"person {person.person_id}"), transaction.atomic():
        Card.objects.filter(card_id=max(cards)).update(social_state=SocialState.ACTIVE)
        with connection.cursor() as cursor:
            cursor.execute("set constraints all immediate")


@pytest.mark.django_db
def test_a_card_that_was_not_handed_over_cannot_be_activated() -> None:
    card = made_card(make_person(2), make_bank())
    with pytest.raises(Refused) as refused:
        services.activate_social_function(card.card_id, by=CLERK, at=NOON)
    assert refused.value.reason == "card_not_collected"
