"""A small city for tests of plans from the register: one community, and banks with an outlet each there."""

from datetime import date, datetime
from uuid import uuid4

from tests.cast import NOON, make_bank, make_person
from yikatong.banks.models import Outlet
from yikatong.city.models import Division
from yikatong.registry.models import Membership, Organisation, Person
from yikatong.units.models import Enrolment, RosterEntry, StoredFile

MONDAY = date(2026, 11, 30)
COMMUNITY = "110101001001"
UNIT = "91110000000000000X"


def make_city(*banks: str) -> list[Outlet]:
    """东城 with one street and one community; outlets of these banks."""
    for code, level, name, parent in (
        ("110101", "district", "东城区", ""),
        (COMMUNITY[:9], "street", "东华门街道", "110101"),
        (COMMUNITY, "community", "多福巷", COMMUNITY[:9]),
    ):
        Division.objects.create(
            code=code, level=level, name=name, parent_code=parent, district_code="110101", source="test"
        )
    return [make_bank(code) for code in banks or ("ABC", "ICBC")]


def make_unit(
    code: str = UNIT, *, people: range, banks: tuple[str, ...] = ("ABC",), collects: bool = True
) -> list[Person]:
    """An employer in 东城 with these banks, and its people."""
    Organisation.objects.create(
        credit_code=code,
        kind="employer",
        name=f"单位{code[-4:]}",
        district_code="110101",
        bank_codes=list(banks),
        collects_for_members=collects,
    )
    members = [make_person(serial, category="employee") for serial in people]
    for person in members:
        Membership.objects.create(person_id=person.person_id, organisation_code=code, since=date(2020, 1, 1))
    return members


def enrolled(code: str, *, at: datetime) -> None:
    """The unit's enrolment at this moment, with what evidence there must be."""
    file = StoredFile.objects.create(
        file_id=uuid4(),
        organisation_code=code,
        purpose="evidence",
        name="决定.pdf",
        media_type="application/pdf",
        size_bytes=1,
        sm3_hex="",
        stored_at=at,
    )
    Enrolment.objects.create(
        organisation_code=code,
        version=1,
        bank_codes=["ABC", "ICBC"],
        is_enrolled_as_whole=False,
        collects_for_members=True,
        deciding_body="办公会",
        decided_on=at.date(),
        reference_number="1",
        evidence=file,
        enrolled_at=at,
        enrolled_by="test",
    )


def wished(person: Person, code: str, bank: str) -> None:
    """What the unit's roster says that the person chose."""
    RosterEntry.objects.create(
        person_id=person.person_id,
        organisation_code=code,
        bank_code=bank,
        roster_id=uuid4(),
        tail_index=b"",
        name_index=b"",
        since=NOON,
    )
