"""Every mistake a row of a roster can have, and what is mended without a word. Pure: no database."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from yikatong.foundation.checksums import identity_check_digit
from yikatong.units.rows import (
    Cells,
    Known,
    Problem,
    RowReason,
    Unit,
    bank_keys,
    bank_of,
    normal_cells,
    plain,
    problems_of_cells,
    problems_of_person,
)

ON = date(2026, 11, 2)
FIRST17 = "11990119800517001"
GOOD = FIRST17 + identity_check_digit(FIRST17)
WIDE = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
BANKS = {"ABC": "中国农业银行", "ICBC": "中国工商银行", "BOC": "中国银行"}
EMPLOYER = Unit("employer", bank_keys(BANKS), frozenset({"ABC", "ICBC"}), "中国农业银行、中国工商银行")
SCHOOL = Unit("school", EMPLOYER.banks, EMPLOYER.picked, EMPLOYER.picked_names)


@pytest.mark.parametrize(
    ("texts", "reasons", "words"),
    [
        (("赵甲", GOOD, "", ""), [], ""),
        (("", GOOD, "", ""), [RowReason.NAME_WRONG], "姓名为空"),
        (("赵1", GOOD, "", ""), [RowReason.NAME_WRONG], "不能有数字"),
        (("赵甲", "", "", ""), [RowReason.NUMBER_MISSING], "证件号码为空"),
        (("赵甲", GOOD[:-1], "", ""), [RowReason.NUMBER_WRONG], "17 个字符"),
        (("赵甲", GOOD[:6] + GOOD[8:17], "", ""), [RowReason.NUMBER_WRONG], "15 位旧身份证号码"),
        (("赵甲", GOOD[:17] + ("1" if GOOD[17] != "1" else "2"), "", ""), [RowReason.NUMBER_WRONG], "校验位不对"),
        (("赵甲", "1.19901E+17", "", ""), [RowReason.NUMBER_ROUNDED], "存成了数字"),
        (("赵甲", "1.1990119800517E+17", "", ""), [RowReason.NUMBER_ROUNDED], "存成了数字"),
        (("赵甲", "119901198005170000", "", ""), [RowReason.NUMBER_ROUNDED], "后三位全是 0"),
        (("=1+1", GOOD, "", ""), [RowReason.FORMULA], "“姓名”像是公式"),
        (("赵甲", GOOD, '=HYPERLINK("http://x")', ""), [RowReason.FORMULA], "“所选银行”像是公式"),
        (("赵甲", GOOD, "", "@SUM(A1)"), [RowReason.FORMULA], "以 @ 开头"),
        (("赵甲", GOOD, "", "+cmd|' /C calc'!A0"), [RowReason.FORMULA], "以 + 开头"),
        (("赵甲", GOOD, "", "-2+3"), [RowReason.FORMULA], "以 - 开头"),
        (("赵甲", GOOD, "", "-"), [], ""),
        (("赵甲", GOOD, "", "长" * 101), [RowReason.CELL_TOO_LONG], "超过 100 个字"),
        (("一行没有分开",), [RowReason.COLUMN_COUNT_WRONG], "列数与表头不符"),
        (("赵", "12", "", ""), [RowReason.NAME_WRONG, RowReason.NUMBER_WRONG], "2 个字符"),
    ],
)
def test_a_row_alone(texts: tuple[str, ...], reasons: list[RowReason], words: str) -> None:
    _, problems = problems_of_cells(texts, on=ON)
    assert [problem.reason for problem in problems] == reasons
    assert words in "".join(problem.text for problem in problems)
    assert GOOD not in str(problems), "no identity number in what is written down"


def test_a_number_cell_of_eighteen_digits_has_lost_some() -> None:
    _, problems = problems_of_cells(("赵甲", "119901198005170016", "", ""), on=ON, is_number_cell=True)
    assert [problem.reason for problem in problems] == [RowReason.NUMBER_ROUNDED]


@pytest.mark.parametrize(
    ("texts", "cells"),
    [
        ((" 赵 甲 ", f" {GOOD[:6]} {GOOD[6:14]} {GOOD[14:]} ", " ABC ", " x "), Cells("赵甲", GOOD, "ABC", "x")),
        (("赵\u3000甲", GOOD.translate(WIDE), "中国银行\u00a0", ""), Cells("赵甲", GOOD, "中国银行", "")),
        (("Ann  Lee", "'" + GOOD.lower(), "", ""), Cells("Ann Lee", GOOD, "", "")),
        (("阿不都．热合曼", "\ufeff" + GOOD, "", ""), Cells("阿不都·热合曼", GOOD, "", "")),
    ],
)
def test_what_is_mended(texts: tuple[str, ...], cells: Cells) -> None:
    assert normal_cells(texts) == cells


@pytest.mark.parametrize(
    ("unit", "known", "name", "reason"),
    [
        (EMPLOYER, Known(1, "赵甲", "employee", date(1980, 5, 17)), "赵甲", None),
        (EMPLOYER, None, "赵甲", RowReason.STRANGER),
        (EMPLOYER, Known(1, "钱乙", "employee", date(1980, 5, 17)), "赵甲", RowReason.NAME_DIFFERS),
        (EMPLOYER, Known(1, "阿不都•热合曼", "employee", date(1980, 5, 17)), "阿不都•热合曼", None),
        (EMPLOYER, Known(1, "Ann Lee", "employee", date(1980, 5, 17)), "AnnLee", None),
        (EMPLOYER, Known(1, "赵甲", "employee", date(2009, 5, 17)), "赵甲", RowReason.MINOR),
        (EMPLOYER, Known(1, "赵甲", "retiree", date(1950, 5, 17)), "赵甲", RowReason.CATEGORY_WRONG),
        (EMPLOYER, Known(1, "赵甲", "flexible", date(1980, 5, 17)), "赵甲", RowReason.CATEGORY_WRONG),
        (EMPLOYER, Known(1, "赵甲", "student", date(2005, 5, 17)), "赵甲", RowReason.CATEGORY_WRONG),
        (SCHOOL, Known(1, "赵甲", "student", date(2005, 5, 17)), "赵甲", None),
        (SCHOOL, Known(1, "赵甲", "employee", date(1980, 5, 17)), "赵甲", RowReason.CATEGORY_WRONG),
        (SCHOOL, Known(1, "赵甲", "minor", date(2012, 5, 17)), "赵甲", RowReason.MINOR),
    ],
)
def test_what_the_register_has_against_it(unit: Unit, known: Known | None, name: str, reason: RowReason | None) -> None:
    problems = problems_of_person(Cells(name, GOOD, "", ""), known, unit, on=ON)
    assert [problem.reason for problem in problems] == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("bank", "expected"),
    [
        ("", ""),
        ("ABC", "ABC"),
        ("abc", "ABC"),
        ("中国工商银行", "ICBC"),
        ("BOC", RowReason.BANK_NOT_PICKED),
        ("中国银行", RowReason.BANK_NOT_PICKED),
        ("工商", RowReason.BANK_UNKNOWN),
        ("随便", RowReason.BANK_UNKNOWN),
    ],
)
def test_the_bank_of_a_row(bank: str, expected: str) -> None:
    found = bank_of(Cells("赵甲", GOOD, bank, ""), EMPLOYER)
    assert (found.reason if isinstance(found, Problem) else found) == expected
    if isinstance(found, Problem):
        assert "中国农业银行、中国工商银行" in found.text, "what could be chosen is told"


def test_plain_is_plain_already() -> None:
    for text in ("赵甲", "Ann Lee", "阿不都·热合曼", ""):
        assert plain(plain(text)) == plain(text) == text


@given(st.text(max_size=30) | st.sampled_from(["ABC", "中国工商银行", " abc ", "-", "无", "0"]))
@example("")
def test_no_row_gets_a_bank_that_it_does_not_name(text: str) -> None:
    """No default, no guess: a code comes out only of the bank's own name or code."""
    cells, _ = problems_of_cells(("赵甲", GOOD, text, ""), on=ON)
    found = bank_of(cells, EMPLOYER)
    if isinstance(found, str) and found:
        assert plain(text).replace(" ", "").upper() in {found, BANKS[found]}
    elif not isinstance(found, Problem):
        assert plain(text).replace(" ", "") == ""


@given(st.lists(st.text(max_size=40), min_size=4, max_size=4))
def test_any_cells_are_judged_and_never_fail(texts: list[str]) -> None:
    cells, problems = problems_of_cells(tuple(texts), on=ON)
    assert problems or len(cells.number) == 18
    assert all(problem.text and len(problem.text) < 200 for problem in problems)
