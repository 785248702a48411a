"""A small city for tests of plans from the register: one community, and banks with an outlet each there."""

from datetime import date

from tests.cast import make_bank, make_person
from yikatong.banks.models import Outlet
from yikatong.city.models import Division
from yikatong.registry.models import Membership, Organisation, Person

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
