"""Units, their people and their files for the tests. Nobody here exists."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from io import BytesIO
from typing import Any

from openpyxl import Workbook

from tests.cast import NOON, make_bank, make_person
from tests.registry.people import credit_code
from yikatong.audit.actors import Actor
from yikatong.registry.models import Membership, Organisation, Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.selectors import clear_view
from yikatong.units.enrolment import enrol
from yikatong.units.models import Enrolment, Roster
from yikatong.units.rosters import receive
from yikatong.units.rules import Choice, Decision

UNIT = Actor("unit", "test")
EMPLOYER, OTHER, SCHOOL = credit_code(1), credit_code(2), credit_code(3, "12")
HEADER = ("姓名", "证件号码", "所选银行", "备注")
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
ADULT, STUDENT = date(1980, 5, 17), date(2005, 5, 17)
_FAMILY, _GIVEN = "赵钱孙李周吴郑王", "甲乙丙丁戊己庚辛"


def make_units() -> None:
    """Two employers, a school, four banks."""
    for code in ("ABC", "BOC", "CCB", "ICBC"):
        make_bank(code)
    for code, kind in ((EMPLOYER, "employer"), (OTHER, "employer"), (SCHOOL, "school")):
        Organisation.objects.create(credit_code=code, kind=kind, name="虚构单位", district_code="110101")


def named(serial: int) -> str:
    """A name without digits, another for each serial up to 511."""
    return _FAMILY[serial % 8] + _GIVEN[serial // 8 % 8] + _GIVEN[serial // 64 % 8]


def make_named(serial: int, *, category: str = "employee", born: date = ADULT, name: str = "") -> Person:
    """Somebody in the register with a name that a roster may hold."""
    person = make_person(serial, category=category, born=born)
    person.name_sealed = field_cipher().seal("name", name or named(serial))
    person.save(update_fields=["name_sealed"])
    return person


def number_of(person: Person) -> str:
    return clear_view(person).identity_number


def row_of(person: Person, bank: str = "", note: str = "") -> tuple[str, str, str, str]:
    view = clear_view(person)
    return (view.name, view.identity_number, bank, note)


def member(person: Person, code: str = EMPLOYER) -> Person:
    Membership.objects.create(
        person_id=person.person_id, organisation_code=code, since=date(2020, 1, 1), until=None, from_import=True
    )
    return person


def decision(**changes: Any) -> Decision:
    """Evidence that is complete."""
    parts: dict[str, Any] = {
        "deciding_body": "职工代表大会",
        "decided_on": date(2026, 10, 20),
        "reference_number": "职代会〔2026〕3 号",
        "document": PDF,
        "document_name": "决议.pdf",
    }
    return Decision(**(parts | changes))


def enrolled(
    code: str = EMPLOYER,
    banks: Sequence[str] = ("ICBC", "ABC"),
    *,
    collects: bool = True,
    whole: bool = False,
    at: datetime = NOON,
) -> Enrolment:
    return enrol(code, Choice(tuple(banks), whole, collects), decision(), by=UNIT, at=at)


def as_csv(rows: Iterable[Sequence[str]], *, encoding: str = "utf-8", header: Sequence[str] = HEADER) -> bytes:
    """Rows as a spreadsheet would write them, without quoting anything."""
    return "".join(",".join(row) + "\r\n" for row in (header, *rows)).encode(encoding)


def as_workbook(rows: Iterable[Sequence[object]], *, header: Sequence[str] = HEADER, title: str = "名册") -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    sheet.append(list(header))
    for row in rows:
        sheet.append(list(row))
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def uploaded(content: bytes, code: str = EMPLOYER, *, at: datetime = NOON, name: str = "名册.csv") -> Roster:
    """Received and, small as it is, checked."""
    return receive(code, name, content, by=UNIT, at=at)
