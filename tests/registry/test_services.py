"""Changes to the register by an office, looking people up, and nothing of them in clear anywhere."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from tests.registry.conftest import Import
from tests.registry.people import ADULT, EMPLOYER, FATHER, MINOR, MOTHER, adult, identity, write_file
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.registry.models import Guardianship, IdentityKey, Person
from yikatong.registry.reasons import Reason
from yikatong.registry.selectors import (
    clear_view,
    find_person,
    find_person_by_identity_number,
    find_person_by_phone,
    guardians_of,
    masked_view,
    organisations_of,
    wards_of,
)
from yikatong.registry.services import change_phone, end_guardianship, record_guardianship

BY = Actor("staff", "clerk")
AT = utc_now()
TODAY = beijing_day(AT)
AUNT = identity("19820101", 8)


@pytest.fixture
def people(tmp_path: Path, city: None, take: Import) -> dict[str, int]:
    """A family of three, their aunt and somebody else; person ids by identity number."""
    phone = {"phone": "10277777777"}
    rows = [
        adult(1, identity_number=FATHER, name="测试父") | phone,
        adult(2, identity_number=MOTHER, name="测试母", sex="2") | phone,
        adult(3, identity_number=AUNT, name="欧阳测试姑", sex="2", phone=""),
        MINOR,
        ADULT,
    ]
    take(write_file(tmp_path / "register.csv", rows), at=AT)
    return {clear_view(person).identity_number: person.person_id for person in Person.objects.all()}


def test_people_are_found_by_what_they_say(people: dict[str, int]) -> None:
    found = find_person_by_identity_number(f" {FATHER[:6]} {FATHER[6:].lower()} ")
    assert found is not None
    assert found.person_id == people[FATHER]
    assert find_person_by_identity_number("nobody") is None
    assert {person.person_id for person in find_person_by_phone("102-7777 7777")} == {people[FATHER], people[MOTHER]}
    assert find_person_by_phone("") == []
    assert find_person(people[AUNT]) is not None
    assert find_person(-1) is None


def test_people_are_shown_masked_or_in_clear(people: dict[str, int]) -> None:
    aunt, father = (Person.objects.get(pk=people[number]) for number in (AUNT, FATHER))
    assert clear_view(father).phone == "10277777777"
    assert (clear_view(aunt).name, clear_view(aunt).phone) == ("欧阳测试姑", "")
    masked = masked_view(father)
    assert (masked.name, masked.phone, masked.identity_number) == (
        "**父",
        "102****7777",
        f"119*************{FATHER[-2:]}",
    )
    assert masked_view(aunt).phone == ""


def test_families_and_units(people: dict[str, int]) -> None:
    ward = people[MINOR["identity_number"]]
    assert [person.person_id for person in wards_of(people[FATHER], TODAY)] == [ward]
    assert {person.person_id for person in guardians_of(ward, TODAY)} == {people[FATHER], people[MOTHER]}
    assert guardians_of(ward, TODAY - timedelta(days=1)) == []
    assert [unit.credit_code for unit in organisations_of(people[ADULT["identity_number"]], TODAY)] == [EMPLOYER]


def test_a_guardian_is_recorded_once(people: dict[str, int]) -> None:
    ward = people[MINOR["identity_number"]]
    events = AuditEvent.objects.count()
    first = record_guardianship(ward, people[AUNT], "other", by=BY, at=AT)
    again = record_guardianship(ward, people[AUNT], "other", by=BY, at=AT)
    assert (first.pk, again.since) == (again.pk, TODAY)
    assert AuditEvent.objects.count() == events + 1
    event = AuditEvent.objects.latest("event_id")
    assert (event.action, event.person_id, event.details["guardian_person_id"]) == (
        "guardianship.recorded",
        ward,
        people[AUNT],
    )
    assert people[AUNT] in {person.person_id for person in guardians_of(ward, TODAY)}


def test_an_office_makes_an_imported_guardianship_its_own(people: dict[str, int]) -> None:
    ward = people[MINOR["identity_number"]]
    recorded = record_guardianship(ward, people[FATHER], "father", by=BY, at=AT)
    assert (recorded.from_import, recorded.since) == (False, TODAY)
    assert Guardianship.objects.count() == 2


@pytest.mark.parametrize(
    ("ward", "guardian", "reason"),
    [
        (MINOR["identity_number"], None, Reason.PERSON_UNKNOWN),
        (None, FATHER, Reason.PERSON_UNKNOWN),
        (MINOR["identity_number"], MINOR["identity_number"], Reason.GUARDIAN_IS_WARD),
        (ADULT["identity_number"], MINOR["identity_number"], Reason.GUARDIAN_UNDER_AGE),
    ],
)
def test_guardians_that_cannot_be(
    people: dict[str, int], ward: str | None, guardian: str | None, reason: Reason
) -> None:
    with pytest.raises(Refused) as refusal:
        record_guardianship(people[ward] if ward else -1, people[guardian] if guardian else -1, "other", by=BY, at=AT)
    assert refusal.value.reason is reason
    assert Guardianship.objects.count() == 2


def test_a_guardianship_ends_at_once_and_can_begin_again(people: dict[str, int]) -> None:
    ward = people[MINOR["identity_number"]]
    end_guardianship(ward, people[FATHER], by=BY, at=AT)
    events = AuditEvent.objects.count()
    ended = end_guardianship(ward, people[FATHER], by=BY, at=AT)
    assert AuditEvent.objects.count() == events
    assert ended.until == TODAY - timedelta(days=1)
    assert wards_of(people[FATHER], TODAY) == []
    later = AT + timedelta(days=30)
    again = record_guardianship(ward, people[FATHER], "father", by=BY, at=later)
    assert (again.since, again.until) == (beijing_day(later), None)
    with pytest.raises(Refused) as refusal:
        end_guardianship(ward, people[AUNT], by=BY, at=AT)
    assert refusal.value.reason is Reason.GUARDIANSHIP_UNKNOWN


def test_a_phone_is_changed(tmp_path: Path, people: dict[str, int], take: Import) -> None:
    person_id = people[ADULT["identity_number"]]
    change_phone(person_id, "10288888888", by=BY, at=AT)
    events = AuditEvent.objects.count()
    change_phone(person_id, "10288888888", by=BY, at=AT)
    assert AuditEvent.objects.count() == events
    assert [person.person_id for person in find_person_by_phone("10288888888")] == [person_id]
    take(write_file(tmp_path / "again.csv", [ADULT]))  # says what was said before: not news
    assert find_person_by_phone("10288888888") != []
    change_phone(person_id, "", by=BY, at=AT)
    assert Person.objects.get(pk=person_id).phone_sealed is None
    for phone, reason in (("20288888888", Reason.PHONE_WRONG), ("10288888888", Reason.PERSON_UNKNOWN)):
        with pytest.raises(Refused) as refusal:
            change_phone(-1, phone, by=BY, at=AT)
        assert refusal.value.reason is reason


def test_nobody_stands_in_clear_in_the_database(people: dict[str, int]) -> None:
    change_phone(people[AUNT], "10266666666", by=BY, at=AT)
    record_guardianship(people[MINOR["identity_number"]], people[AUNT], "other", by=BY, at=AT)
    with connection.cursor() as cursor:
        cursor.execute("select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'")
        tables = [name for (name,) in cursor.fetchall()]
    everything = b""
    for table in tables:
        for how in ("text", "binary"):
            with connection.connection.cursor().copy(f'copy "{table}" to stdout (format {how})') as copy:
                everything += b"".join(bytes(piece) for piece in copy)
    assert EMPLOYER.encode() in everything  # it is indeed what is stored
    secrets = [*people, "10277777777", "10266666666", "测试父", "欧阳测试姑", ADULT["phone"]]
    assert [secret for secret in secrets if secret.encode() in everything] == []


def test_nobody_stands_in_clear_in_a_log(
    tmp_path: Path, people: dict[str, int], take: Import, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    caplog.set_level(0)
    bad = [
        adult(20, name="王小明明1"),
        adult(21, phone="13800001234567"),
        adult(21, identity_number="11990819900101001Y"),
    ]
    take(write_file(tmp_path / "bad.csv", bad), progress=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        IdentityKey.objects.create(identity_number_index=IdentityKey.objects.all()[0].pk, person_id=1)
    shown = capfd.readouterr()
    server_log = Path(os.environ["YIKATONG_TEST_HOME"], "postgres.log")
    texts = [caplog.text, shown.out, shown.err, server_log.read_text(errors="replace")]
    for secret in (FATHER, "王小明明", "13800001234567", "11990819900101001Y", "测试父"):
        assert not any(secret in text for text in texts)
