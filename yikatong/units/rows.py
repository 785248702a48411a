"""What a row of a unit's roster must look like, and what its mistakes are called.

Pure: no I/O, no clock, no framework. What the register says of a person comes in as ``Known``. Full-width digits, spaces and
``x`` for ``X`` are mended silently; everything else that is wrong is told in words that carry no name and no identity number.
Columns and their meaning: docs/formats/roster.md.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from yikatong.foundation.clock import age_years
from yikatong.registry.reasons import RowReason as RegisterReason
from yikatong.registry.rows import CATEGORY_NAMES, Category
from yikatong.registry.rows import Problem as RegisterProblem
from yikatong.registry.rules import ADULT_AGE_YEARS, check_identity_number, check_name

NAME, NUMBER, BANK, NOTE = COLUMNS = ("姓名", "证件号码", "所选银行", "备注")
REQUIRED_COLUMNS = frozenset({NAME, NUMBER})
REPORT_COLUMNS = ("行号", "原因代码", "原因", "原行内容")
"""A file of bad rows, once mended, may be uploaded as it is: these columns of it are passed over."""
NOTE_LENGTH_MAX = 100
CELL_LENGTH_MAX = 200
EXPECTED_CATEGORY = {"employer": Category.EMPLOYEE, "school": Category.STUDENT}

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # Source: OWASP, "CSV Injection"
_SCIENTIFIC = re.compile(r"[0-9](\.[0-9]+)?E\+?1[0-9]", re.IGNORECASE)
_SPACES = re.compile(r"[\s\u00a0\u200b\ufeff]+")
_NUMBER_LENGTH = 18
_DIGITS_KEPT = 15  # a number in a spreadsheet has this many; the rest of an identity number becomes 0


class RowReason(StrEnum):
    """One kind of mistake in one row, in the order of checking. API: it stands in files of bad rows."""

    COLUMN_COUNT_WRONG = "column_count_wrong"
    FORMULA = "formula"
    CELL_TOO_LONG = "cell_too_long"
    NAME_WRONG = "name_wrong"
    NUMBER_MISSING = "number_missing"
    NUMBER_ROUNDED = "number_rounded"
    NUMBER_WRONG = "number_wrong"
    REPEATED = "repeated"
    STRANGER = "stranger"
    NAME_DIFFERS = "name_differs"
    MINOR = "minor"
    CATEGORY_WRONG = "category_wrong"
    BANK_UNKNOWN = "bank_unknown"
    BANK_NOT_PICKED = "bank_not_picked"


class Problem(NamedTuple):
    """One mistake: its reason, and what is wrong and what to do in words."""

    reason: RowReason
    text: str


class Cells(NamedTuple):
    """A row in normal form: mended, not judged."""

    name: str
    number: str
    bank: str
    note: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the register says of the person with this identity number."""

    person_id: int
    name: str
    category: str
    birth_date: date


@dataclass(frozen=True, slots=True)
class Unit:
    """What of the unit matters for its rows. ``banks``: every name and code, as ``bank_keys`` writes them, to the code."""

    kind: str
    banks: Mapping[str, str]
    picked: frozenset[str]
    picked_names: str


def normal_cells(texts: Sequence[str]) -> Cells:
    """A row's cells mended: full-width characters made narrow, spaces around taken away, in numbers all of them."""
    name, number, bank, note = (plain(text) for text in texts)
    return Cells(name, number.replace(" ", "").lstrip("'‘’").upper(), bank.replace(" ", ""), note)


def plain(text: str) -> str:
    """Narrow characters for wide ones and no needless spaces: none beside Chinese, one between Latin words."""
    narrow = _SPACES.sub(" ", unicodedata.normalize("NFKC", text.replace("．", "·"))).strip()
    return narrow if narrow.isascii() else narrow.replace(" ", "")


def problems_of_cells(texts: Sequence[str], *, on: date, is_number_cell: bool = False) -> tuple[Cells, list[Problem]]:
    """What can be judged without the register. ``is_number_cell``: the spreadsheet held the identity number as a number."""
    if len(texts) != len(COLUMNS):
        return Cells("", "", "", ""), [
            Problem(RowReason.COLUMN_COUNT_WRONG, "列数与表头不符，请检查是否多了或少了逗号")
        ]
    problems: list[Problem] = []
    for column, text in zip(COLUMNS, texts, strict=True):
        stripped = text.strip(" ")
        if stripped.startswith(_FORMULA_STARTS) and len(stripped) > 1:
            words = f"“{column}”像是公式（以 {stripped[0].strip() or '制表符'} 开头）；系统不计算公式，请改为普通文字"
            problems.append(Problem(RowReason.FORMULA, words))
        if len(text) > CELL_LENGTH_MAX or (column == NOTE and len(text) > NOTE_LENGTH_MAX):
            limit = NOTE_LENGTH_MAX if column == NOTE else CELL_LENGTH_MAX
            problems.append(Problem(RowReason.CELL_TOO_LONG, f"“{column}”超过 {limit} 个字"))
    cells = normal_cells(texts)
    if problems:
        return cells, problems
    name = check_name(cells.name)
    if isinstance(name, RegisterProblem):
        problems.append(Problem(RowReason.NAME_WRONG, name.text))
    else:
        cells = cells._replace(name=name)
    wrong = _problem_of_number(cells.number, on, is_number_cell=is_number_cell)
    if wrong is not None:
        problems.append(wrong)
    return cells, problems


def _problem_of_number(number: str, on: date, *, is_number_cell: bool) -> Problem | None:
    if not number:
        return Problem(RowReason.NUMBER_MISSING, "证件号码为空")
    is_long = number.isdecimal() and len(number) > _DIGITS_KEPT
    if _SCIENTIFIC.fullmatch(number) or (is_number_cell and is_long):
        text = "证件号码被表格软件存成了数字，后三位已丢失：请先把该列设为“文本”格式，再从原始资料重新填写"
        return Problem(RowReason.NUMBER_ROUNDED, text)
    found = check_identity_number(number, on)
    if not isinstance(found, RegisterProblem):
        return None
    if number.isdecimal() and len(number) == _NUMBER_LENGTH and number.endswith("000"):
        text = f"{found.text}；后三位全是 0，可能是表格软件把它存成了数字，请从原始资料重新填写"
        return Problem(RowReason.NUMBER_ROUNDED, text)
    if found.reason is RegisterReason.IDENTITY_NUMBER_SHAPE_WRONG and len(number) == 15:
        return Problem(RowReason.NUMBER_WRONG, "这是 15 位旧身份证号码，请填写 18 位号码")
    return Problem(RowReason.NUMBER_WRONG, found.text)


def problems_of_person(cells: Cells, known: Known | None, unit: Unit, *, on: date) -> list[Problem]:
    """What the register has against taking this person in, in the order of ``RowReason``."""
    if known is None:
        text = "登记簿中没有这个证件号码：请核对号码；确属本单位人员的，请先办理参保登记"
        return [Problem(RowReason.STRANGER, text)]
    if plain(cells.name).replace(" ", "") != plain(known.name).replace(" ", ""):
        return [Problem(RowReason.NAME_DIFFERS, "姓名与登记簿中这个证件号码的姓名不一致，请核对姓名和号码")]
    if age_years(known.birth_date, on) < ADULT_AGE_YEARS:
        return [Problem(RowReason.MINOR, "未满十八周岁，由监护人为其选择银行并申请，请从名册中删去")]
    expected = EXPECTED_CATEGORY[unit.kind]
    if known.category != expected:
        is_now = CATEGORY_NAMES[Category(known.category)]
        text = f"参保类别为{is_now}，不是{CATEGORY_NAMES[expected]}：请从名册中删去，或先办理参保信息变更"
        return [Problem(RowReason.CATEGORY_WRONG, text)]
    return []


def bank_of(cells: Cells, unit: Unit) -> str | Problem:
    """The code of the bank a row names, empty when it names none: nobody gets a bank by default."""
    if not cells.bank:
        return ""
    code = unit.banks.get(cells.bank.upper())
    shown = "".join(c if c.isprintable() else "?" for c in cells.bank[:20])
    if code is None:
        return Problem(RowReason.BANK_UNKNOWN, f"所选银行“{shown}”不认识；本单位可选：{unit.picked_names}；未选请留空")
    if code not in unit.picked:
        return Problem(RowReason.BANK_NOT_PICKED, f"所选银行“{shown}”不是本单位选定的银行；可选：{unit.picked_names}")
    return code


def bank_keys(names: Mapping[str, str]) -> dict[str, str]:
    """From what a row may call a bank, its Chinese name or its code, to the code. ``names``: code to name."""
    return {plain(key).replace(" ", "").upper(): code for code, name in names.items() for key in (code, name)}


def repeats(first_line: int) -> Problem:
    """The same person stands on an earlier line, which counts."""
    return Problem(RowReason.REPEATED, f"与第 {first_line} 行是同一人，以先出现的一行为准")
