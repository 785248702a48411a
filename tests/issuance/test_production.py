"""Making cards: one for each order however often the worker tries, numbered and certified."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.at_once import at_once
from tests.cast import CLERK, NOON, application_for, made_card, make_bank, make_person
from yikatong.applications.models import Application
from yikatong.applications.selectors import applications_of
from yikatong.applications.services import cancel, submit
from yikatong.foundation.checksums import card_number_check_digit
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.gm import x509
from yikatong.gm.sm2 import PrivateKey
from yikatong.issuance import services
from yikatong.issuance.adoption import adopt_older_cards
from yikatong.issuance.authorities import card_authority, root
from yikatong.issuance.lateness import Stage
from yikatong.issuance.models import Card, CardDirectory, ChipKey, ProductionOrder
from yikatong.issuance.rules import card_number
from yikatong.issuance.selectors import older_cards_in_doubt, timelines
from yikatong.issuance.tracking import Track, tracks
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def applied(person: Person, **changes: object) -> Application:
    return submit(application_for(person, make_bank(), **changes), by=CLERK, at=NOON)


def test_a_made_card_is_numbered_and_certified_over_its_own_key() -> None:
    card = made_card(make_person(1), make_bank())
    assert card_number_check_digit(card.card_number[:8]) == card.card_number[8]
    assert card.identification_code.startswith("110000D156000005")
    assert card.certificate_der is not None
    certificate = x509.parse(bytes(card.certificate_der))
    chip = PrivateKey.from_scalar(
        bytes.fromhex(
            field_cipher().open("chip_key", bytes(ChipKey.objects.get(card_id=card.card_id).private_key_sealed))
        )
    )
    chain = [certificate, card_authority().certificate]
    assert x509.verify_chain(chain, [root().certificate], at=NOON, profile=x509.Profile.CARD) == chip.public
    assert certificate.subject.native["common_name"] == card.identification_code
    assert beijing_day(certificate.not_valid_after - timedelta(seconds=1)) == card.expires_on


def test_making_it_again_makes_nothing() -> None:
    person = make_person(1)
    application = applied(person)
    first = services.produce_card(person.person_id, application.application_id, at=NOON)
    again = services.produce_card(person.person_id, application.application_id, at=NOON + DAY)
    assert first is not None
    assert again is not None
    assert (first.card_id, first.made_at) == (again.card_id, again.made_at)
    assert Card.objects.filter(generation=3).count() == ChipKey.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_one_card() -> None:
    person = make_person(1)
    application = applied(person)
    made = at_once(6, lambda: services.produce_card(person.person_id, application.application_id, at=NOON))
    assert {card.card_id for card in made if card} == {Card.objects.get(generation=3).card_id}
    assert None not in made


def test_a_withdrawn_application_gets_no_card() -> None:
    person = make_person(1)
    application = applied(person)
    cancel(person.person_id, application.application_id, by=CLERK, at=NOON)
    for _ in range(2):
        assert services.produce_card(person.person_id, application.application_id, at=NOON) is None
    assert ProductionOrder.objects.get().state == "cancelled"
    assert not Card.objects.exists()


def test_an_order_nobody_gave_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        services.produce_card(make_person(1).person_id, uuid4(), at=NOON)
    assert refused.value.reason == "order_unknown"


def test_a_number_that_an_older_card_bears_is_passed_over() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select nextval('issuance_card_serial')")
        (serial,) = cursor.fetchone()
    for coming in (serial + 1, serial + 2):
        CardDirectory.objects.create(key=f"number:{card_number(0, coming)}", card_id=10_000 + coming)
    card = made_card(make_person(1), make_bank())
    assert card.card_number[1:8] > card_number(0, serial + 2)[1:8]
    assert CardDirectory.objects.get(key=f"number:{card.card_number}").card_id == card.card_id


def test_an_order_the_worker_gave_up_is_taken_up_again() -> None:
    applied(make_person(1))
    assert services.resume_orders(ordered_before=NOON + DAY) == 0, "its job is waiting still"
    ProcrastinateJob.objects.all().delete()
    assert services.resume_orders(ordered_before=NOON) == 0, "too young to be given up"
    assert services.resume_orders(ordered_before=NOON + DAY) == 1
    assert services.resume_orders(ordered_before=NOON + DAY) == 0
    assert ProcrastinateJob.objects.filter(task_name="issuance.produce_card").count() == 1


def track_of(person: Person, on: date) -> Track | None:
    me = person.person_id
    return tracks({me: applications_of(me)}, timelines([me]), on=on).get(me)


def test_what_was_promised_and_whether_it_was_kept() -> None:
    person = make_person(1)
    assert track_of(person, beijing_day(NOON)) is None
    application = applied(person, kind="first")
    day = application.promised_by
    assert day is not None
    told = []
    for on in (day, day + DAY):
        track = track_of(person, on)
        assert track is not None
        assert track.now is not None
        told.append((track.now.stage, track.now.promised_on, track.is_late))
    assert told == [(Stage.MADE, day, False), (Stage.MADE, day, True)]
    services.produce_card(person.person_id, application.application_id, at=NOON + 40 * DAY)
    track = track_of(person, day + 60 * DAY)
    assert track is not None
    steps = {step.stage: step for step in track.steps}
    assert (steps[Stage.MADE].done_at, steps[Stage.MADE].days_late) == (NOON + 40 * DAY, 10)
    assert steps[Stage.APPROVED].done_at == NOON


def test_a_withdrawn_application_promises_nothing() -> None:
    person = make_person(1)
    application = applied(person)
    cancel(person.person_id, application.application_id, by=CLERK, at=NOON)
    assert track_of(person, beijing_day(NOON)) is None


def test_who_has_no_older_card_because_another_bears_its_number_is_listed() -> None:
    first, second = make_person(1), make_person(2)
    Person.objects.filter(person_id=second.person_id).update(older_card_number=first.older_card_number)
    adopt_older_cards(at=NOON)
    bearer = Card.objects.get(person_id=first.person_id)
    assert older_cards_in_doubt() == [(second.person_id, bearer.card_id)]
    assert older_cards_in_doubt(limit=0) == []
