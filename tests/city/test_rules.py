"""The programme's rules as written, day by day."""

from datetime import date
from pathlib import Path

import pytest

from yikatong.city.dated import NoRuleYet
from yikatong.city.folder import BadCityData
from yikatong.city.rules import Limits, rules_at

XICHENG, FANGSHAN, HAIDIAN = "110102", "110111", "110108"


@pytest.mark.parametrize(
    ("day", "category", "district", "batches"),
    [
        (date(2024, 10, 30), "employee", FANGSHAN, ["1"]),
        (date(2024, 10, 30), "employee", HAIDIAN, []),
        (date(2025, 2, 1), "employee", HAIDIAN, ["2"]),
        (date(2025, 4, 30), "employee", XICHENG, []),
        (date(2025, 5, 1), "employee", XICHENG, ["3"]),
        (date(2025, 7, 31), "minor", XICHENG, []),
        (date(2025, 8, 1), "minor", XICHENG, ["4"]),
        (date(2025, 8, 1), "flexible", "", ["4"]),
        (date(2025, 9, 30), "retiree", HAIDIAN, []),
        (date(2025, 10, 1), "retiree", HAIDIAN, ["5"]),
        (date(2025, 12, 31), "employee", FANGSHAN, ["1"]),  # stays open for those it missed
        (date(2026, 1, 1), "employee", FANGSHAN, ["1", "normal"]),
        (date(2026, 1, 1), "retiree", "", ["5", "normal"]),
    ],
)
def test_batches_open_in_their_turn(day: date, category: str, district: str, batches: list[str]) -> None:
    assert [batch.code for batch in rules_at(day).batches_open_to(category, district)] == batches


def test_every_district_of_the_city_has_a_batch_for_employees() -> None:
    in_batches = [code for batch in rules_at(date(2025, 6, 1)).batches for code in batch.districts]
    assert len(in_batches) == len(set(in_batches)) == 16


@pytest.mark.parametrize(
    ("category", "collective", "normal"),
    [
        ("employee", "unit_list", "unit_list_if_collects"),
        ("student", "unit_list_if_whole", "unit_list_if_collects"),
        ("minor", "any", "any"),
        ("flexible", "any", "any"),
        ("resident", "any", "any"),
        ("retiree", "pension_bank_first", "any"),
    ],
)
def test_bank_choice_changes_with_normal_issuance(category: str, collective: str, normal: str) -> None:
    assert rules_at(date(2025, 12, 31)).bank_choice[category].rule == collective
    assert rules_at(date(2026, 1, 1)).bank_choice[category].rule == normal


def test_limits_of_today() -> None:
    assert rules_at(date(2026, 11, 23)).limits == Limits(
        first_issue_max_natural_days=30,
        replacement_max_working_days=4,
        instant_issue_max_min=60,
        pre_report_lapses_after_days=10,
        ecard_code_life_s=60,
        ecard_clock_skew_s=5,
        ecard_device_certificate_days=7,
        tap_age_max_days=30,
        tap_ahead_max_s=300,
        unit_bank_picks_max=3,
        card_validity_years=10,
        arrival_max_working_days=5,
        collect_within_natural_days=90,
        pre_report_reminder_before_lapse_h=48,
        confirmation_code_life_min=5,
        confirmation_code_tries_max=5,
        confirmation_codes_per_hour_max=5,
        credential_days=30,
    )


def test_a_replacement_took_longer_before_normal_issuance() -> None:
    assert rules_at(date(2025, 12, 31)).limits.replacement_max_working_days == 15


def test_there_are_no_rules_before_the_programme() -> None:
    with pytest.raises(NoRuleYet, match="2024-10-29"):
        rules_at(date(2024, 10, 29))


def test_a_spoilt_rule_file_is_refused(folder: Path) -> None:
    path = folder / "rules" / "programme.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("value = 30", "value = 0", 1), encoding="utf-8")
    with pytest.raises(BadCityData, match="大于 0 的整数"):
        rules_at(date(2026, 1, 1), folder)


def test_inventions_are_marked() -> None:
    rules = rules_at(date(2026, 1, 1))
    assert next(batch for batch in rules.batches if batch.code == "2").is_assumption  # the day within the month
    assert not next(batch for batch in rules.batches if batch.code == "1").is_assumption
