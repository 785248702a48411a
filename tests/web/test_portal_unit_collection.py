"""Applying in the portal where one's unit collects: a third way beside outlet and post, for adults and their own unit alone."""

from datetime import date
from uuid import uuid4

import pytest
from django.test import Client

from tests.cast import make_guardian, make_person
from tests.units.makers import EMPLOYER, OTHER, SCHOOL, make_named, make_units, member
from yikatong.accounts.models import Role, User
from yikatong.applications.models import Application
from yikatong.registry.models import Organisation, Person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _units(db: None) -> None:
    make_units()
    Organisation.objects.filter(pk=EMPLOYER).update(bank_codes=["ABC"], collects_for_members=True)
    Organisation.objects.filter(pk=SCHOOL).update(bank_codes=["ABC"], collects_for_members=True)


def holder_of(person: Person) -> Client:
    client = Client()
    client.force_login(User.objects.create(username="r", role=Role.RESIDENT, person_id=person.person_id))
    return client


def answers(person: Person, unit: str, **changes: str) -> dict[str, str]:
    given = {"for": str(person.person_id), "bank": "ABC", "collection": "unit", "unit": unit, "kind": "first"}
    return given | {"application_id": str(uuid4())} | changes


def test_the_unit_that_collects_is_offered_and_collects() -> None:
    person = member(make_named(1))
    client = holder_of(person)
    offered = client.get("/apply/collection/", {"for": person.person_id, "bank": "ABC"}).content.decode()
    assert f'name="unit" value="{EMPLOYER}"' in offered
    given = answers(person, EMPLOYER)
    check = client.get("/apply/check/", given).content.decode()
    assert "由单位代领" in check
    receipt = client.post("/apply/check/", given)
    assert receipt.status_code == 302
    application = Application.objects.get()
    found = (application.collection, application.organisation_code, application.channel, application.outlet_id)
    assert found == ("unit", EMPLOYER, "web", "")
    assert "虚构单位" in client.get(receipt["location"]).content.decode()


@pytest.mark.parametrize("unit", [OTHER, "", "9" * 18])
def test_no_other_unit_collects(unit: str) -> None:
    person = member(make_named(1))
    client = holder_of(person)
    assert client.post("/apply/check/", answers(person, unit))["location"].startswith("/apply/collection/")
    assert not Application.objects.exists()


def test_another_bank_is_not_collected() -> None:
    person = member(make_named(1))
    page = holder_of(person).get("/apply/collection/", {"for": person.person_id, "bank": "BOC"}).content.decode()
    assert 'value="unit"' not in page


def test_a_minors_card_goes_to_the_guardian() -> None:
    child, mother = member(make_person(1, born=date(2016, 5, 1), category="minor"), SCHOOL), make_person(2)
    make_guardian(child, mother)
    page = holder_of(mother).get("/apply/collection/", {"for": child.person_id, "bank": "ABC"}).content.decode()
    assert 'value="unit"' not in page
