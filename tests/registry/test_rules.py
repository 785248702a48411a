"""Every mistake a row can have, and what it is called."""

from datetime import date

import pytest

from tests.registry.people import (
    ADULT,
    COMMUNITY,
    DISTRICT,
    EMPLOYER,
    FATHER,
    MINOR,
    MOTHER,
    OTHER_COMMUNITY,
    RETIREE,
    SCHOOL,
    card_number,
    cells,
    credit_code,
    identity,
)
from yikatong.foundation.checksums import identity_check_digit
from yikatong.registry.models import InsuredCategory
from yikatong.registry.reasons import RowReason
from yikatong.registry.rows import (
    CATEGORY_NAMES,
    Category,
    Known,
    OrganisationRow,
    PersonRow,
    Problem,
    row_error_text,
)
from yikatong.registry.rules import (
    _ends_rightly,
    birth_date_in,
    check_organisation_row,
    check_person_row,
    is_phone,
    sex_in,
)

ON = date(2026, 11, 23)
KNOWN = Known(
    frozenset({COMMUNITY, OTHER_COMMUNITY}),
    frozenset({"BOB", "ICBC"}),
    {EMPLOYER: "employer", SCHOOL: "school"},
)
WRONG_LAST = identity()[:17] + "5"
NO_GUARDIANS = {name: "" for name in ADULT if name.startswith("guardian")}

STUDENT = {"category": "student", "organisation_code": SCHOOL}
RESIDENT = {"category": "resident", "organisation_code": ""}


def born(birth: str, serial: int = 1) -> dict[str, str]:
    return {"identity_number": identity(birth, serial), "birth_date": ""}


def checked(row: dict[str, str]) -> PersonRow | list[Problem]:
    return check_person_row(cells(row), KNOWN, ON)


@pytest.mark.parametrize(
    ("row", "changes"),
    [
        (ADULT, {}),
        (ADULT, {"identity_number": f" {identity('19900101', 5).lower()} ", "birth_date": ""}),
        (ADULT, {"phone": ""}),
        (ADULT, {"ethnicity_code": "98"}),
        (ADULT, {"older_card_generation": "", "older_card_number": ""}),
        (ADULT, {"name": "阿依古丽·买买提"}),
        (ADULT, {"name": "阿依古丽•买买提"}),
        (ADULT, {"name": "𠮷田"}),
        (ADULT, {"name": "Anna Müller".replace("ü", "u")}),
        (ADULT, {"category": "flexible", "organisation_code": ""}),
        (ADULT, RESIDENT),
        (ADULT, STUDENT),
        (ADULT, {"guardian1_identity_number": MOTHER, "guardian1_relation": "other"}),  # an adult may have a guardian
        (MINOR, {}),
        (MINOR, {"organisation_code": SCHOOL}),
        (MINOR, {"guardian2_identity_number": "", "guardian2_relation": ""}),
        (MINOR, born("20081124")),  # eighteen tomorrow
        (MINOR, born("20261123")),  # born today
        (ADULT, born("20081123")),  # eighteen today
        (ADULT, {"identity_number": identity("20080229", 1), "birth_date": "2008-02-29"}),
        (ADULT, born("19000101")),
        (RETIREE, {}),
    ],
)
def test_sound_rows_pass(row: dict[str, str], changes: dict[str, str]) -> None:
    assert isinstance(checked(row | changes), PersonRow)


def test_a_sound_row_comes_out_in_normal_form() -> None:
    row = checked(
        MINOR | {"identity_number": MINOR["identity_number"].lower(), "name": " 买买提•小 ", "needs_home_visit": "1"}
    )
    assert isinstance(row, PersonRow)
    assert (row.identity_number, row.name, row.birth_date) == (MINOR["identity_number"], "买买提·小", date(2020, 5, 5))
    assert (row.needs_large_print, row.needs_home_visit, row.older_card_generation) == (False, True, None)
    assert row.guardians == ((FATHER, "father"), (MOTHER, "mother"))


BAD_ROWS: list[tuple[dict[str, str], dict[str, str], list[str], str]] = [
    (ADULT, {"identity_number": ""}, ["identity_number_missing"], "身份证号码为空"),
    (ADULT, {"identity_number": "11990819900101001"}, ["identity_number_shape_wrong"], "文件中为 17 个字符"),
    (ADULT, {"identity_number": "1199081990010100１1"}, ["identity_number_shape_wrong"], "17 位数字"),
    (ADULT, {"identity_number": WRONG_LAST}, ["identity_number_check_digit_wrong"], "末位应为 1，文件中为 5"),
    (ADULT, born("19900230"), ["identity_number_birth_date_impossible"], "不是真实日期"),
    (ADULT, born("20261124"), ["identity_number_birth_date_in_future"], "晚于今天"),
    (ADULT, born("18991231"), ["identity_number_birth_date_too_early"], "早于 1900 年"),
    (ADULT, {"name": "  "}, ["name_missing"], "姓名为空"),
    (ADULT, {"name": "甲"}, ["name_length_wrong"], "2 至 50 个字"),
    (ADULT, {"name": "甲" * 51}, ["name_length_wrong"], "2 至 50 个字"),
    (ADULT, {"name": "测试1"}, ["name_characters_wrong"], "不能有数字"),
    (ADULT, {"name": "=cmd()"}, ["name_characters_wrong"], "不能有数字、符号"),
    (ADULT, {"name": "测\ue000"}, ["name_characters_wrong"], "自造字"),
    (ADULT, {"name": "·测试"}, ["name_characters_wrong"], "间隔号"),
    (ADULT, {"phone": "1380000"}, ["phone_wrong"], "11 位数字"),
    (ADULT, {"phone": "+8613800000000"}, ["phone_wrong"], "以 1 开头"),
    (ADULT, {"sex": "男"}, ["sex_unknown"], "性别“男”不认识"),
    (ADULT, {"sex": "2"}, ["sex_disagrees"], "第 17 位不符"),
    (ADULT, {"ethnicity_code": "57"}, ["ethnicity_unknown"], "民族代码“57”"),
    (ADULT, {"ethnicity_code": "1"}, ["ethnicity_unknown"], "民族代码“1”"),
    (ADULT, {"birth_date": "1990/01/01"}, ["birth_date_shape_wrong"], "2001-02-03"),
    (ADULT, {"birth_date": "1990-02-30"}, ["birth_date_shape_wrong"], "真实日期"),
    (ADULT, {"birth_date": "1990-01-02"}, ["birth_date_disagrees"], "出生日期不符"),
    (ADULT, {"community_code": "110108999999"}, ["community_unknown"], "代码“110108999999”"),
    (ADULT, {"community_code": "a\nb" + "c" * 30}, ["community_unknown"], "“a?bccccccccccccccccc…”"),
    (ADULT, {"category": "worker"}, ["category_unknown"], "employee（职工）"),
    (ADULT, born("20110101"), ["category_too_young"], "须年满 16 周岁（按身份证号码为 15"),
    (ADULT, STUDENT | born("20081124"), ["category_too_young"], "须年满 18 周岁"),
    (ADULT, RESIDENT | born("20090101"), ["category_too_young"], "须年满 18 周岁"),
    (RETIREE, {"identity_number": identity("19900101", 2)}, ["category_too_young"], "须年满 45 周岁"),
    (MINOR, born("20081123"), ["category_too_old"], "须未满 18 周岁"),
    (ADULT, {"organisation_code": ""}, ["organisation_missing"], "用人单位的统一社会信用代码"),
    (ADULT, {"category": "student", "organisation_code": ""}, ["organisation_missing"], "学校的统一社会信用代码"),
    (ADULT, {"category": "flexible"}, ["organisation_not_expected"], "不应填写单位"),
    (ADULT, {"organisation_code": credit_code(99)}, ["organisation_unknown"], "请先导入单位文件"),
    (ADULT, {"organisation_code": SCHOOL}, ["organisation_kind_wrong"], "单位应为用人单位"),
    (MINOR, {"organisation_code": EMPLOYER}, ["organisation_kind_wrong"], "单位应为学校"),
    (RETIREE, {"pension_bank_code": ""}, ["pension_bank_missing"], "须填写养老金发放银行"),
    (RETIREE, {"pension_bank_code": "BOX"}, ["pension_bank_unknown"], "“BOX”不是合作银行"),
    (ADULT, {"pension_bank_code": "BOB"}, ["pension_bank_not_expected"], "只有退休人员"),
    (ADULT, {"needs_large_print": "yes"}, ["flag_wrong"], "needs_large_print 应为 0 或 1"),
    (ADULT, {"needs_home_visit": "2"}, ["flag_wrong"], "needs_home_visit 应为 0 或 1"),
    (ADULT, {"older_card_number": ""}, ["older_card_incomplete"], "同时填写或同时留空"),
    (ADULT, {"older_card_generation": ""}, ["older_card_incomplete"], "同时填写或同时留空"),
    (ADULT, {"older_card_generation": "3"}, ["older_card_generation_wrong"], "应为 1 或 2"),
    (ADULT, {"older_card_number": "12345"}, ["older_card_number_wrong"], "应为 9 位"),
    (ADULT, {"older_card_number": card_number(1)[:8] + "0"}, ["older_card_number_wrong"], "旧卡卡号校验位不对"),
    (MINOR, NO_GUARDIANS, ["guardian_missing"], "至少要有一名监护人"),
    (MINOR, {"guardian1_relation": ""}, ["guardian_incomplete"], "监护人1的身份证号码和关系须同时填写"),
    (MINOR, {"guardian2_identity_number": ""}, ["guardian_incomplete"], "监护人2的身份证号码和关系须同时填写"),
    (MINOR, {"guardian1_identity_number": "", "guardian1_relation": ""}, ["guardian_incomplete"], "却没有填写监护人1"),
    (MINOR, {"guardian1_identity_number": FATHER[:17] + "0"}, ["guardian_identity_number_wrong"], "监护人1的身份证号码校验位"),
    (MINOR, {"guardian1_identity_number": MINOR["identity_number"]}, ["guardian_is_ward"], "监护人1是本人"),
    (MINOR, {"guardian2_identity_number": FATHER, "guardian2_relation": "other"}, ["guardian_repeated"], "同一人"),
    (MINOR, {"guardian1_identity_number": identity("20100101", 1)}, ["guardian_under_age"], "监护人1未满 18 周岁"),
    (MINOR, {"guardian1_relation": "uncle"}, ["guardian_relation_unknown"], "关系“uncle”不认识"),
    (MINOR, {"guardian1_relation": "mother"}, ["guardian_relation_disagrees"], "与其身份证号码的性别不符"),
    (MINOR, {"guardian2_relation": "father"}, ["guardian_relation_disagrees"], "监护人2的关系为 father"),
    (ADULT, {"name": "", "phone": "1", "sex": "9", "category": ""},
     ["name_missing", "phone_wrong", "sex_unknown", "category_unknown"], "；"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "changes", "reasons", "words"), BAD_ROWS)
def test_bad_rows_are_named(row: dict[str, str], changes: dict[str, str], reasons: list[str], words: str) -> None:
    problems = checked(row | changes)
    assert isinstance(problems, list)
    assert [problem.reason for problem in problems] == reasons
    assert words in row_error_text(2, problems)


def test_every_reason_a_person_row_can_have_is_in_the_table() -> None:
    beyond_one_row = {"row_malformed", "column_count_wrong", "identity_number_repeated", "credit_code_repeated"}
    of_units = {reason for *_, reasons, _ in BAD_UNITS for reason in reasons}
    of_persons = {reason for *_, reasons, _ in BAD_ROWS for reason in reasons}
    assert of_units | of_persons == set(RowReason) - beyond_one_row


def test_the_text_names_line_and_what_is_right() -> None:
    problems = checked(ADULT | {"identity_number": "11990819900101001X"})
    assert isinstance(problems, list)
    assert row_error_text(1204, problems) == "第 1204 行：身份证号码校验位不对（末位应为 1，文件中为 X）。"


@pytest.mark.parametrize(("row", "changes", "reasons", "words"), BAD_ROWS)
def test_texts_carry_no_identity_number_and_no_name(
    row: dict[str, str], changes: dict[str, str], reasons: list[str], words: str
) -> None:
    bad = row | changes
    problems = checked(bad)
    assert isinstance(problems, list)
    text = row_error_text(2, problems)
    for column in ("identity_number", "guardian1_identity_number", "guardian2_identity_number", "name"):
        assert len(bad[column]) < 3 or bad[column] not in text


def test_a_changed_cell_changes_the_canonical_text() -> None:
    rows = [ADULT, MINOR, RETIREE]
    changes = {
        "name": "测试乙",
        "phone": "10200000009",
        "ethnicity_code": "03",
        "community_code": OTHER_COMMUNITY,
        "needs_home_visit": "1",
        "needs_large_print": "1",
    }
    for row in rows:
        base = checked(row)
        assert isinstance(base, PersonRow)
        assert base.canonical_text() == base._replace().canonical_text()
        for column, value in changes.items():
            other = checked(row | {column: value})
            assert isinstance(other, PersonRow)
            assert (other.canonical_text() != base.canonical_text()) == (row[column] != value)


UNIT = [credit_code(7), "employer", "虚构单位", DISTRICT]
BAD_UNITS = [
    (0, "", ["credit_code_missing"], "统一社会信用代码为空"),
    (0, "91119908OOOOOOO07X", ["credit_code_shape_wrong"], "不含 I、O、S、V、Z"),
    (
        0,
        credit_code(7)[:17] + ("0" if credit_code(7)[17] != "0" else "1"),
        ["credit_code_check_digit_wrong"],
        "末位应为",
    ),
    (1, "company", ["organisation_kind_unknown"], "“company”不认识"),
    (2, "", ["organisation_name_wrong"], "单位名称为空"),
    (2, "长" * 121, ["organisation_name_wrong"], "超过 120 个字"),
    (2, "单\x07位", ["organisation_name_wrong"], "控制字符"),
    (3, "110199", ["district_unknown"], "“110199”"),
]


def test_a_sound_unit_passes() -> None:
    unit = [UNIT[0].lower(), " employer ", *UNIT[2:]]
    assert check_organisation_row(unit, frozenset({DISTRICT})) == OrganisationRow(*UNIT)


@pytest.mark.parametrize(("place", "value", "reasons", "words"), BAD_UNITS)
def test_bad_units_are_named(place: int, value: str, reasons: list[str], words: str) -> None:
    problems = check_organisation_row([*UNIT[:place], value, *UNIT[place + 1 :]], frozenset({DISTRICT}))
    assert isinstance(problems, list)
    assert [problem.reason for problem in problems] == reasons
    assert words in problems[0].text


def test_categories_are_those_of_the_model() -> None:
    assert {category.value for category in Category} == set(InsuredCategory.values)
    assert {category.value: CATEGORY_NAMES[category] for category in Category} == dict(InsuredCategory.choices)


def test_check_digits_are_those_of_the_standard() -> None:
    """The rule's quick way against the way the standard describes, for numbers all over the range."""
    for serial in range(0, 10**17, 10**17 // 997):
        number = f"{serial:017d}"
        right = identity_check_digit(number)
        assert [last for last in "0123456789X" if _ends_rightly(number + last)] == [right]


def test_small_readings() -> None:
    assert birth_date_in("20000230") is None
    assert birth_date_in("2000023x") is None
    assert [sex_in(number) for number in (FATHER, MOTHER)] == ["1", "2"]
    assert [is_phone(text) for text in ("10200000001", "20200000001", "1020000000", "1020000000１")] == [
        True,
        False,
        False,
        False,
    ]
