"""Applying through the service: once however often it is sent, for whom one may, and nothing half done."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.at_once import at_once
from tests.cast import CLERK, NOON, application_for, make_bank, make_guardian, make_person
from yikatong.applications.models import Application
from yikatong.applications.rules import Reason
from yikatong.applications.services import SubmitApplication, cancel, submit
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.banks.models import Outlet
from yikatong.foundation.errors import Refused
from yikatong.issuance.models import ProductionOrder
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher

pytestmark = pytest.mark.django_db


@pytest.fixture
def outlet(db: None) -> Outlet:
    return make_bank()


@pytest.fixture
def person(db: None) -> Person:
    return make_person(1)


def resident(person: Person) -> Actor:
    return Actor("resident", str(person.person_id))


def refusal(command: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        command()
    return str(refused.value.reason)


def traces() -> tuple[int, int, int, int]:
    """How much there is of all that an application leaves behind."""
    return (
        Application.objects.count(),
        ProductionOrder.objects.count(),
        AuditEvent.objects.count(),
        ProcrastinateJob.objects.count(),
    )


def test_an_application_is_approved_and_its_card_ordered(person: Person, outlet: Outlet) -> None:
    application = submit(application_for(person, outlet), by=resident(person), at=NOON)
    assert application.state == "approved"
    assert application.promised_by == date(2026, 12, 2)
    assert application.applicant_person_id is None
    order = ProductionOrder.objects.get(person_id=person.person_id)
    assert (order.order_id, order.bank_code, order.state) == (application.application_id, "ICBC", "ordered")
    jobs = ProcrastinateJob.objects.filter(task_name="issuance.produce_card", lock=f"person:{person.person_id}")
    assert jobs.count() == 1, "other tests may have left jobs of their persons"
    actions = AuditEvent.objects.order_by("event_id").values_list("action", "actor")
    assert list(actions) == [
        ("application.submitted", f"resident:{person.person_id}"),
        ("application.approved", "system:applications"),
    ]


def test_sending_it_again_is_sending_it_once(person: Person, outlet: Outlet) -> None:
    command = application_for(person, outlet)
    first = submit(command, by=CLERK, at=NOON)
    before = traces()
    assert submit(command, by=CLERK, at=NOON).application_id == first.application_id
    assert traces() == before


@pytest.mark.parametrize(
    "change", [{"bank_code": "ABC"}, {"collection": "post", "address": "某街某号"}, {"kind": "replacement"}]
)
def test_another_application_under_a_used_id_is_refused(person: Person, outlet: Outlet, change: dict[str, str]) -> None:
    command = application_for(person, outlet)
    submit(command, by=CLERK, at=NOON)
    before = traces()
    assert refusal(lambda: submit(replace(command, **change), by=CLERK, at=NOON)) == Reason.ID_REUSED  # type: ignore[arg-type]
    assert traces() == before


def test_two_persons_may_use_one_id(outlet: Outlet) -> None:
    shared = uuid4()
    for serial in (1, 2):
        submit(application_for(make_person(serial), outlet, application_id=shared), by=CLERK, at=NOON)
    assert Application.objects.filter(application_id=shared).count() == 2


def test_a_refusal_leaves_nothing_behind(person: Person, outlet: Outlet) -> None:
    before = traces()
    for change in ({"bank_code": "NONE"}, {"outlet_id": "nowhere"}, {"channel": "fax"}, {"person_id": 999_999}):
        refusal(lambda change=change: submit(replace(application_for(person, outlet), **change), by=CLERK, at=NOON))  # type: ignore[misc]
    assert traces() == before


def test_a_resident_is_nobody_else_than_themselves(person: Person, outlet: Outlet) -> None:
    other = make_person(2)
    claimed = application_for(person, outlet, acting_person_id=person.person_id)
    assert refusal(lambda: submit(claimed, by=resident(other), at=NOON)) == Reason.NOT_ALLOWED_TO_ACT
    silent = application_for(person, outlet, acting_person_id=None)
    assert refusal(lambda: submit(silent, by=resident(other), at=NOON)) == Reason.NOT_ALLOWED_TO_ACT
    assert submit(silent, by=resident(person), at=NOON).applicant_person_id is None


def test_a_guardian_applies_for_a_child(outlet: Outlet) -> None:
    child, mother, stranger = make_person(3, born=date(2017, 4, 1), category="minor"), make_person(4), make_person(5)
    make_guardian(child, mother)
    by_stranger = application_for(child, outlet, acting_person_id=stranger.person_id)
    assert refusal(lambda: submit(by_stranger, by=resident(stranger), at=NOON)) == Reason.GUARDIAN_REQUIRED
    by_mother = application_for(child, outlet, acting_person_id=mother.person_id)
    assert submit(by_mother, by=resident(mother), at=NOON).applicant_person_id == mother.person_id


def test_an_address_is_kept_sealed_and_only_where_it_is_needed(person: Person, outlet: Outlet) -> None:
    address = "北京市朝阳区某街九号院三单元"
    posted = submit(
        application_for(person, outlet, collection="post", outlet_id="", address=address), by=CLERK, at=NOON
    )
    assert field_cipher().open("address", bytes(posted.address_sealed or b"")) == address
    collected = submit(application_for(make_person(2), outlet, address=address), by=CLERK, at=NOON)
    assert collected.address_sealed is None
    with connection.cursor() as cursor:
        cursor.execute("select a::text from applications_application a")
        rows = "".join(row for (row,) in cursor.fetchall())
    assert address.encode().hex() not in rows
    assert address not in rows


def test_it_can_be_withdrawn_until_the_card_is_made(person: Person, outlet: Outlet) -> None:
    application = submit(application_for(person, outlet), by=CLERK, at=NOON)
    key = person.person_id, application.application_id
    stranger = make_person(2)
    assert refusal(lambda: cancel(*key, by=resident(stranger), at=NOON)) == Reason.NOT_ALLOWED_TO_ACT
    assert cancel(*key, by=resident(person), at=NOON).state == "cancelled"
    before = traces()
    assert cancel(*key, by=resident(person), at=NOON).state == "cancelled", "again changes nothing"
    assert traces() == before
    assert refusal(lambda: cancel(person.person_id, uuid4(), by=CLERK, at=NOON)) == Reason.APPLICATION_UNKNOWN
    assert submit(application_for(person, outlet), by=CLERK, at=NOON).state == "approved", "another may follow"


@pytest.mark.parametrize("is_one_id", [True, False])
@pytest.mark.django_db(transaction=True)
def test_many_at_once_leave_one_application(is_one_id: bool) -> None:
    person, outlet = make_person(1), make_bank()
    shared = application_for(person, outlet)

    def send() -> str:
        command: SubmitApplication = shared if is_one_id else replace(shared, application_id=uuid4())
        try:
            return submit(command, by=CLERK, at=NOON).state
        except Refused as refused:
            return str(refused.reason)

    outcomes = at_once(8, send)
    expected = ["approved"] * 8 if is_one_id else ["application_open"] * 7 + ["approved"]
    assert sorted(outcomes) == sorted(expected)
    assert Application.objects.count() == ProductionOrder.objects.count() == 1
