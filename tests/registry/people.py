"""Rows of import files for the tests: sound ones, and what to change in them. Nobody here exists."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from yikatong.foundation.checksums import card_number_check_digit, credit_code_check_digit, identity_check_digit
from yikatong.registry.rows import ORGANISATION_COLUMNS, PERSON_COLUMNS

DISTRICT = "110108"
COMMUNITY = "110108001001"
OTHER_COMMUNITY = "110108001002"


def identity(birth: str = "19900101", serial: int = 1) -> str:
    """An identity number under a division that never was; an odd serial is a man's."""
    first17 = f"119908{birth}{serial:03d}"
    return first17 + identity_check_digit(first17)


def credit_code(serial: int, kind: str = "91") -> str:
    """A credit code under a division that never was."""
    first17 = f"{kind}119908{serial:09d}"
    return first17 + credit_code_check_digit(first17)


def card_number(serial: int) -> str:
    """An older card's number."""
    first8 = f"A{serial:07d}"
    return first8 + card_number_check_digit(first8)


EMPLOYER, OTHER_EMPLOYER, SCHOOL = credit_code(1), credit_code(2), credit_code(3, "12")
FATHER, MOTHER = identity("19800202", 1), identity("19810303", 2)

ADULT = {
    "identity_number": identity(),
    "name": "测试甲",
    "phone": "10200000001",
    "sex": "1",
    "ethnicity_code": "01",
    "birth_date": "1990-01-01",
    "community_code": COMMUNITY,
    "category": "employee",
    "organisation_code": EMPLOYER,
    "pension_bank_code": "",
    "needs_large_print": "0",
    "needs_home_visit": "",
    "older_card_generation": "2",
    "older_card_number": card_number(1),
    "guardian1_identity_number": "",
    "guardian1_relation": "",
    "guardian2_identity_number": "",
    "guardian2_relation": "",
}
MINOR = ADULT | {
    "identity_number": identity("20200505", 3),
    "name": "测试小",
    "phone": "",
    "birth_date": "2020-05-05",
    "category": "minor",
    "organisation_code": "",
    "older_card_generation": "",
    "older_card_number": "",
    "guardian1_identity_number": FATHER,
    "guardian1_relation": "father",
    "guardian2_identity_number": MOTHER,
    "guardian2_relation": "mother",
}
RETIREE = ADULT | {
    "identity_number": identity("19500101", 2),
    "name": "测试老",
    "sex": "2",
    "birth_date": "",
    "category": "retiree",
    "organisation_code": "",
    "pension_bank_code": "BOB",
    "needs_large_print": "1",
    "older_card_number": card_number(2),
}


def adult(serial: int, **changes: str) -> dict[str, str]:
    """One of many different adults."""
    birth = f"19{60 + serial // 400 % 40}0101"
    number = identity(birth, serial % 400 * 2 + 1)
    mine = {
        "identity_number": number,
        "birth_date": "",
        "phone": f"1020{serial:07d}",
        "name": "测试" + chr(0x4E00 + serial),
    }
    return ADULT | mine | {"older_card_number": card_number(serial + 100)} | changes


def cells(row: Mapping[str, str]) -> list[str]:
    """A row as the rules take it."""
    return [row[name] for name in PERSON_COLUMNS]


def write_file(
    path: Path,
    rows: Iterable[Mapping[str, str]],
    *,
    columns: Sequence[str] = PERSON_COLUMNS,
    encoding: str = "utf-8",
) -> Path:
    """An import file."""
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_units(path: Path, rows: Iterable[Sequence[str]]) -> Path:
    """A file of organisations."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([ORGANISATION_COLUMNS, *rows])
    return path
