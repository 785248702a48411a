"""What a row of the register's import file must look like, and what its mistakes are called.

Pure: no I/O, no clock, no framework. All problems of a row are found, not only the first: a file is mended once.
Whether an identity number occurs twice, and whether a guardian is in the register, takes more than one row: see
``importer``. Columns and their meaning are in docs/import-format.md.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from yikatong.foundation.checksums import card_number_check_digit, credit_code_check_digit, identity_check_digit
from yikatong.foundation.clock import age_years
from yikatong.registry.reasons import RowReason
from yikatong.registry.rows import CATEGORY_NAMES, Category, Known, OrganisationRow, PersonRow, Problem

MALE, FEMALE = "1", "2"  # GB/T 2261.1
ADULT_AGE_YEARS = 18  # Source: Civil Code of the People's Republic of China, article 17
EARLIEST_BIRTH_YEAR = 1900  # Source: assumption; nobody older is in a register today
# 56 nationalities of GB/T 3304-1991; 97 (others) and 98 (naturalised) are what the identity register adds to them.
ETHNICITY_CODES = frozenset([f"{code:02d}" for code in range(1, 57)] + ["97", "98"])
NAME_LENGTH_MAX = 50

_IDENTITY_NUMBER = re.compile(r"[0-9]{17}[0-9X]", re.ASCII)
_CREDIT_CODE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")  # GB 32100-2015: digits and capitals without I, O, S, V, Z
_CARD_NUMBER = re.compile(r"[0-9A-Z]{8}[0-9X]")
_FLAGS = frozenset({"", "0", "1"})
# Eleven digits beginning with 1. Which third digits are in use changes with the numbering plan, so it is not checked.
_PHONE = re.compile(r"1[0-9]{10}", re.ASCII)
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
# Han (with extensions), the interpunct of transcribed names, Latin letters for names without characters. No private-use
# code points: what they show depends on the font of the machine that wrote them.
_NAME = re.compile(
    "[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323afA-Za-z]"
    "[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323afA-Za-z· .'-]*"
)
_INTERPUNCTS = str.maketrans({"•": "·", "・": "·", "．": "·", "‧": "·"})


class AgeRange(NamedTuple):
    """Completed years from which, and below which, a category is possible."""

    youngest: int
    below: int


# Minor and student: programme facts, docs/standards (groups of the fourth batch). Employee and flexible: Labour Law,
# article 15 (from 16). Retiree: 国发〔1978〕104号 (women in special trades from 45). Resident in own name: from 18.
CATEGORY_AGES = {
    Category.EMPLOYEE: AgeRange(16, 200),
    Category.FLEXIBLE: AgeRange(16, 200),
    Category.RESIDENT: AgeRange(ADULT_AGE_YEARS, 200),
    Category.STUDENT: AgeRange(ADULT_AGE_YEARS, 200),
    Category.MINOR: AgeRange(0, ADULT_AGE_YEARS),
    Category.RETIREE: AgeRange(45, 200),
}
_CATEGORIES = {category.value: category for category in Category}
# Which kind of unit a category may or must name. The bank is chosen by unit for employees and students, so they must.
ORGANISATION_KINDS = {Category.EMPLOYEE: "employer", Category.STUDENT: "school", Category.MINOR: "school"}
ORGANISATION_REQUIRED = frozenset({Category.EMPLOYEE, Category.STUDENT})
ORGANISATION_KIND_NAMES = {"employer": "用人单位", "school": "学校"}
GUARDIAN_RELATION_SEX = {"father": MALE, "mother": FEMALE, "other": ""}


def check_person_row(cells: Sequence[str], known: Known, on: date) -> PersonRow | list[Problem]:
    """Check one row. ``cells`` in the order of ``PERSON_COLUMNS``; ``on`` is the day ages are counted for.

    Returns the row in its normal form, or every problem it has, in the order of ``RowReason``.
    """
    texts = [cell.strip() for cell in cells]
    identity_number, name, phone, sex, ethnicity_code, birth_date_text, community_code, category_text = texts[:8]
    organisation_code, pension_bank_code, large_print, home_visit, older_generation, older_number = texts[8:14]
    guardian_cells = texts[14:]
    identity_number = identity_number.upper()
    problems: list[Problem] = []
    birth_date = _check_identity_number(identity_number, on, problems)
    name = _check_name(name, problems)
    if phone and not _PHONE.fullmatch(phone):
        problems.append(Problem(RowReason.PHONE_WRONG, "手机号码应为以 1 开头的 11 位数字；没有手机号码请留空"))
    _check_sex(sex, identity_number if birth_date else "", problems)
    if ethnicity_code not in ETHNICITY_CODES:
        text = f"民族代码“{_shown(ethnicity_code)}”不是 01 至 56、97 或 98"
        problems.append(Problem(RowReason.ETHNICITY_UNKNOWN, text))
    if birth_date_text:
        _check_birth_date(birth_date_text, birth_date, problems)
    if community_code not in known.community_codes:
        text = f"社区（村）代码“{_shown(community_code)}”不在本市区划代码表中"
        problems.append(Problem(RowReason.COMMUNITY_UNKNOWN, text))
    category = _CATEGORIES.get(category_text)
    if category is None:
        allowed = "、".join(f"{value}（{CATEGORY_NAMES[value]}）" for value in Category)
        problems.append(Problem(RowReason.CATEGORY_UNKNOWN, f"参保类别“{_shown(category_text)}”不认识，应为 {allowed}"))
    else:
        if birth_date:
            _check_category_age(category, age_years(birth_date, on), problems)
        _check_organisation(category, organisation_code, known.organisation_kinds, problems)
        _check_pension_bank(category, pension_bank_code, known.bank_codes, problems)
    _check_flags(large_print, home_visit, problems)
    if older_generation or older_number:
        _check_older_card(older_generation, older_number, problems)
    guardians: tuple[tuple[str, str], ...] = ()
    if any(guardian_cells):
        guardians = _check_guardians(guardian_cells, identity_number, on, problems)
    elif category is Category.MINOR:
        problems.append(Problem(RowReason.GUARDIAN_MISSING, "未成年人至少要有一名监护人"))
    if problems or birth_date is None:
        return problems
    return PersonRow(
        identity_number,
        name,
        phone,
        sex,
        ethnicity_code,
        birth_date,
        community_code,
        category_text,
        organisation_code,
        pension_bank_code,
        large_print == "1",
        home_visit == "1",
        int(older_generation) if older_generation else None,
        older_number,
        guardians,
    )


def check_organisation_row(cells: Sequence[str], district_codes: frozenset[str]) -> OrganisationRow | list[Problem]:
    """Check one row of the organisations file. ``cells`` in the order of ``ORGANISATION_COLUMNS``."""
    credit_code, kind, name, district_code = (cell.strip() for cell in cells)
    credit_code = credit_code.upper()
    problems: list[Problem] = []
    if not credit_code:
        problems.append(Problem(RowReason.CREDIT_CODE_MISSING, "统一社会信用代码为空"))
    elif not _CREDIT_CODE.fullmatch(credit_code):
        text = "统一社会信用代码应为 18 位数字或大写字母（不含 I、O、S、V、Z）"
        problems.append(Problem(RowReason.CREDIT_CODE_SHAPE_WRONG, text))
    elif (expected := credit_code_check_digit(credit_code[:17])) != credit_code[17]:
        text = f"统一社会信用代码校验位不对（末位应为 {expected}，文件中为 {credit_code[17]}）"
        problems.append(Problem(RowReason.CREDIT_CODE_CHECK_DIGIT_WRONG, text))
    if kind not in ORGANISATION_KIND_NAMES:
        text = f"单位类型“{_shown(kind)}”不认识，应为 employer（用人单位）或 school（学校）"
        problems.append(Problem(RowReason.ORGANISATION_KIND_UNKNOWN, text))
    if not 0 < len(name) <= 120 or not name.isprintable():
        problems.append(Problem(RowReason.ORGANISATION_NAME_WRONG, "单位名称为空、超过 120 个字或含有控制字符"))
    if district_code not in district_codes:
        text = f"区代码“{_shown(district_code)}”不在本市区划代码表中"
        problems.append(Problem(RowReason.DISTRICT_UNKNOWN, text))
    return problems or OrganisationRow(credit_code, kind, name, district_code)


def check_identity_number(number: str, on: date) -> date | Problem:
    """The birth date inside a sound identity number (in capitals, without spaces), or what is wrong with the number."""
    problems: list[Problem] = []
    return _check_identity_number(number, on, problems) or problems[0]


def guardianship_holds(since: date, until: date | None, ward_birth_date: date, on: date) -> bool:
    """Whether a guardian may act for a ward on a day; ``until`` is the last day.

    Guardianship of a minor ends with the eighteenth birthday, whatever the register still says. One that began on that day or
    later was recorded for an adult who cannot act, and lasts. Source: Civil Code, articles 17, 27 and 28; telling the two
    apart by their beginning: assumption.
    """
    if not since <= on or (until is not None and until < on):
        return False
    is_over_a_minor = age_years(ward_birth_date, since) < ADULT_AGE_YEARS
    return not is_over_a_minor or age_years(ward_birth_date, on) < ADULT_AGE_YEARS


def check_name(name: str) -> str | Problem:
    """A name in its normal form, or what is wrong with it."""
    problems: list[Problem] = []
    normal = _check_name(name, problems)
    return problems[0] if problems else normal


def is_phone(text: str) -> bool:
    """Whether a text can be a mobile number."""
    return _PHONE.fullmatch(text) is not None


@lru_cache(maxsize=1 << 16)
def birth_date_in(digits8: str) -> date | None:
    """The date written as YYYYMMDD, or None when there is no such day. Cached: a register has few distinct days."""
    try:
        return date(int(digits8[:4]), int(digits8[4:6]), int(digits8[6:]))
    except ValueError:
        return None


def sex_in(identity_number: str) -> str:
    """``1`` (male) or ``2`` (female): odd or even 17th digit. Source: GB 11643-1999."""
    return MALE if identity_number[16] in "13579" else FEMALE


def _shown(cell: str) -> str:
    """A wrong code as a message may show it: short, and printable."""
    return "".join(c if c.isprintable() else "?" for c in cell[:20]) + ("…" if len(cell) > 20 else "")


def _check_identity_number(number: str, on: date, problems: list[Problem]) -> date | None:
    """The birth date inside a sound identity number (GB 11643-1999); None, and the problem noted, otherwise.

    The six division digits are not looked up: people keep numbers of divisions that were renamed or never re-used.
    """
    birth_date = None
    if not number:
        problems.append(Problem(RowReason.IDENTITY_NUMBER_MISSING, "身份证号码为空"))
    elif not _IDENTITY_NUMBER.fullmatch(number):
        text = f"身份证号码应为 17 位数字加 1 位数字或 X（文件中为 {len(number)} 个字符）"
        problems.append(Problem(RowReason.IDENTITY_NUMBER_SHAPE_WRONG, text))
    elif not _ends_rightly(number):
        text = f"身份证号码校验位不对（末位应为 {identity_check_digit(number[:17])}，文件中为 {number[17]}）"
        problems.append(Problem(RowReason.IDENTITY_NUMBER_CHECK_DIGIT_WRONG, text))
    elif (birth_date := birth_date_in(number[6:14])) is None:
        text = "身份证号码中的出生日期（第 7 至 14 位）不是真实日期"
        problems.append(Problem(RowReason.IDENTITY_NUMBER_BIRTH_DATE_IMPOSSIBLE, text))
    elif birth_date > on:
        problems.append(Problem(RowReason.IDENTITY_NUMBER_BIRTH_DATE_IN_FUTURE, "身份证号码中的出生日期晚于今天"))
        birth_date = None
    elif birth_date.year < EARLIEST_BIRTH_YEAR:
        text = f"身份证号码中的出生日期早于 {EARLIEST_BIRTH_YEAR} 年"
        problems.append(Problem(RowReason.IDENTITY_NUMBER_BIRTH_DATE_TOO_EARLY, text))
        birth_date = None
    return birth_date


def _ends_rightly(number: str) -> bool:
    """Whether an identity number's check digit is right, ten times faster than working out what it should be.

    Digits are weighted with powers of 2 modulo 11 (ISO 7064, MOD 11-2), and 13 is 2 modulo 11: so the number's digits, read in
    base 13 with A for the ten that an X is, are that sum, and a right number's is 1.
    """
    return int(number.replace("X", "A"), 13) % 11 == 1


def _check_name(name: str, problems: list[Problem]) -> str:
    if not name.isalnum():  # the few names with an interpunct, from keyboards that write it in several ways
        name = name.translate(_INTERPUNCTS)
    if not name:
        problems.append(Problem(RowReason.NAME_MISSING, "姓名为空"))
    elif not 2 <= len(name) <= NAME_LENGTH_MAX:
        problems.append(Problem(RowReason.NAME_LENGTH_WRONG, f"姓名应为 2 至 {NAME_LENGTH_MAX} 个字"))
    elif not _NAME.fullmatch(name):
        text = "姓名只能有汉字、拉丁字母和间隔号“·”（不能有数字、符号和自造字）"
        problems.append(Problem(RowReason.NAME_CHARACTERS_WRONG, text))
    return name


def _check_sex(sex: str, identity_number: str, problems: list[Problem]) -> None:
    if sex not in (MALE, FEMALE):
        problems.append(Problem(RowReason.SEX_UNKNOWN, f"性别“{_shown(sex)}”不认识，应为 1（男）或 2（女）"))
    elif identity_number and sex != sex_in(identity_number):
        problems.append(Problem(RowReason.SEX_DISAGREES, "性别与身份证号码第 17 位不符（单数为男，双数为女）"))


def _check_birth_date(text: str, expected: date | None, problems: list[Problem]) -> None:
    if expected and text == expected.isoformat():
        return
    if not _ISO_DATE.fullmatch(text) or birth_date_in(text.replace("-", "")) is None:
        problems.append(Problem(RowReason.BIRTH_DATE_SHAPE_WRONG, "出生日期应写成 2001-02-03 的形式，且为真实日期"))
    elif expected:
        problems.append(Problem(RowReason.BIRTH_DATE_DISAGREES, "出生日期与身份证号码中的出生日期不符"))


def _check_category_age(category: Category, age: int, problems: list[Problem]) -> None:
    ages = CATEGORY_AGES[category]
    if age < ages.youngest:
        text = f"参保类别为{CATEGORY_NAMES[category]}，须年满 {ages.youngest} 周岁（按身份证号码为 {age} 周岁）"
        problems.append(Problem(RowReason.CATEGORY_TOO_YOUNG, text))
    elif age >= ages.below:
        text = f"参保类别为{CATEGORY_NAMES[category]}，须未满 {ages.below} 周岁（按身份证号码为 {age} 周岁）"
        problems.append(Problem(RowReason.CATEGORY_TOO_OLD, text))


def _check_organisation(category: Category, code: str, kinds: Mapping[str, str], problems: list[Problem]) -> None:
    expected = ORGANISATION_KINDS.get(category)
    if not code:
        if category in ORGANISATION_REQUIRED and expected:
            text = f"参保类别为{CATEGORY_NAMES[category]}，须填写{ORGANISATION_KIND_NAMES[expected]}的统一社会信用代码"
            problems.append(Problem(RowReason.ORGANISATION_MISSING, text))
    elif expected is None:
        text = f"参保类别为{CATEGORY_NAMES[category]}，不应填写单位"
        problems.append(Problem(RowReason.ORGANISATION_NOT_EXPECTED, text))
    elif (kind := kinds.get(code)) is None:
        text = f"单位“{_shown(code)}”未登记，请先导入单位文件"
        problems.append(Problem(RowReason.ORGANISATION_UNKNOWN, text))
    elif kind != expected:
        text = f"参保类别为{CATEGORY_NAMES[category]}，单位应为{ORGANISATION_KIND_NAMES[expected]}"
        problems.append(Problem(RowReason.ORGANISATION_KIND_WRONG, text))


def _check_pension_bank(category: Category, code: str, bank_codes: frozenset[str], problems: list[Problem]) -> None:
    """A retiree's first card comes from the bank that pays the pension. Source: programme facts."""
    if category is not Category.RETIREE:
        if code:
            problems.append(Problem(RowReason.PENSION_BANK_NOT_EXPECTED, "只有退休人员填写养老金发放银行"))
    elif not code:
        problems.append(Problem(RowReason.PENSION_BANK_MISSING, "退休人员须填写养老金发放银行"))
    elif code not in bank_codes:
        problems.append(Problem(RowReason.PENSION_BANK_UNKNOWN, f"养老金发放银行“{_shown(code)}”不是合作银行的代码"))


def _check_flags(large_print: str, home_visit: str, problems: list[Problem]) -> None:
    if large_print in _FLAGS and home_visit in _FLAGS:
        return
    for column, cell in (("needs_large_print", large_print), ("needs_home_visit", home_visit)):
        if cell not in _FLAGS:
            problems.append(Problem(RowReason.FLAG_WRONG, f"{column} 应为 0 或 1（文件中为“{_shown(cell)}”）"))


def _check_older_card(generation: str, number: str, problems: list[Problem]) -> None:
    if not (generation and number):
        problems.append(Problem(RowReason.OLDER_CARD_INCOMPLETE, "旧卡的代次和卡号须同时填写或同时留空"))
        return
    if generation not in ("1", "2"):
        problems.append(Problem(RowReason.OLDER_CARD_GENERATION_WRONG, "旧卡代次应为 1 或 2"))
    if not _CARD_NUMBER.fullmatch(number):
        text = "旧卡卡号应为 9 位：8 位数字或大写字母加 1 位校验位"
        problems.append(Problem(RowReason.OLDER_CARD_NUMBER_WRONG, text))
    elif (expected := card_number_check_digit(number[:8])) != number[8]:
        text = f"旧卡卡号校验位不对（末位应为 {expected}，文件中为 {number[8]}）"
        problems.append(Problem(RowReason.OLDER_CARD_NUMBER_WRONG, text))


def _check_guardians(
    cells: Sequence[str], ward_number: str, on: date, problems: list[Problem]
) -> tuple[tuple[str, str], ...]:
    guardians: list[tuple[str, str]] = []
    for ordinal in (1, 2):
        number, relation = cells[2 * ordinal - 2].upper(), cells[2 * ordinal - 1]
        if not number and not relation:
            if ordinal == 1:
                problems.append(Problem(RowReason.GUARDIAN_INCOMPLETE, "填写了监护人2，却没有填写监护人1"))
            continue
        before = len(problems)
        _check_guardian(f"监护人{ordinal}", (number, relation), ward_number, on, problems)
        if guardians and number == guardians[0][0]:
            problems.append(Problem(RowReason.GUARDIAN_REPEATED, "监护人1与监护人2是同一人"))
        if len(problems) == before:
            guardians.append((number, relation))
    return tuple(guardians)


def _check_guardian(who: str, person: tuple[str, str], ward_number: str, on: date, problems: list[Problem]) -> None:
    number, relation = person
    if not (number and relation):
        problems.append(Problem(RowReason.GUARDIAN_INCOMPLETE, f"{who}的身份证号码和关系须同时填写"))
        return
    found: list[Problem] = []
    birth_date = _check_identity_number(number, on, found)
    if birth_date is None:
        text = f"{who}的{found[0].text}"
        problems.append(Problem(RowReason.GUARDIAN_IDENTITY_NUMBER_WRONG, text))
    elif number == ward_number:
        problems.append(Problem(RowReason.GUARDIAN_IS_WARD, f"{who}是本人"))
    elif age_years(birth_date, on) < ADULT_AGE_YEARS:  # Source: Civil Code, article 27: a guardian must be capable
        problems.append(Problem(RowReason.GUARDIAN_UNDER_AGE, f"{who}未满 {ADULT_AGE_YEARS} 周岁"))
    if relation not in GUARDIAN_RELATION_SEX:
        text = f"{who}的关系“{_shown(relation)}”不认识，应为 father（父）、mother（母）或 other（其他）"
        problems.append(Problem(RowReason.GUARDIAN_RELATION_UNKNOWN, text))
    elif birth_date and (sex := GUARDIAN_RELATION_SEX[relation]) and sex != sex_in(number):
        text = f"{who}的关系为 {relation}，与其身份证号码的性别不符"
        problems.append(Problem(RowReason.GUARDIAN_RELATION_DISAGREES, text))
