"""Applying in the portal where one's unit collects: a third way beside outlet and post, for adults and their own unit alone."""

from datetime import date

import pytest
from django.test import Client

from tests.cast import make_guardian, make_person
from tests.units.makers import EMPLOYER, OTHER, SCHOOL, make_named, make_units, member
from tests.web.applying import applicant, chooses, submits
from yikatong.applications.models import Application
from yikatong.registry.models import Organisation, Person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _units(db: None) -> None:
    make_units()
    Organisation.objects.filter(pk=EMPLOYER).update(bank_codes=["ABC"], collects_for_members=True)
    Organisation.objects.filter(pk=SCHOOL).update(bank_codes=["ABC"], collects_for_members=True)


def at_collection(person: Person, acting: Person | None = None) -> Client:
    client = applicant(acting or person, photo_of=person)
    assert chooses(client, person, "bank", bank="ABC").endswith(f"/apply/collection/?for={person.person_id}")
    return client


def page_of(client: Client, person: Person) -> str:
    return client.get("/apply/collection/", {"for": person.person_id}).content.decode()


def test_the_unit_that_collects_is_offered_and_collects() -> None:
    person = member(make_named(1))
    client = at_collection(person)
    assert f'name="unit" value="{EMPLOYER}"' in page_of(client, person)
    chooses(client, person, "collection", collection="unit", unit=EMPLOYER)
    assert "由单位代领" in client.get("/apply/check/", {"for": person.person_id}).content.decode()
    receipt = submits(client, person)
    application = Application.objects.get()
    found = (application.collection, application.organisation_code, application.channel, application.outlet_id)
    assert found == ("unit", EMPLOYER, "web", "")
    assert "虚构单位" in client.get(receipt).content.decode()


@pytest.mark.parametrize("unit", [OTHER, "", "9" * 18])
def test_no_other_unit_collects(unit: str) -> None:
    person = member(make_named(1))
    client = at_collection(person)
    form = {"for": person.person_id, "collection": "unit", "unit": unit}
    assert client.post("/apply/collection/", form).status_code == 422
    assert client.get("/apply/check/", {"for": person.person_id})["location"].startswith("/apply/collection/")
    assert not Application.objects.exists()


def test_another_bank_is_not_collected() -> None:
    person = make_named(1)
    client = applicant(person)
    chooses(client, person, "bank", bank="BOC")
    assert 'value="unit"' not in page_of(client, person)


def test_a_minors_card_goes_to_the_guardian() -> None:
    child, mother = member(make_person(1, born=date(2016, 5, 1), category="minor"), SCHOOL), make_person(2)
    make_guardian(child, mother)
    client = at_collection(child, mother)
    page = page_of(client, child)
    assert 'value="unit"' not in page
    assert 'value="post"' not in page
    form = {"for": child.person_id, "collection": "post", "address": "某街 1 号"}
    assert client.post("/apply/collection/", form).status_code == 422
