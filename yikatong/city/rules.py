"""The programme's rules as values: batches, which banks a person may choose, time limits, each as of a day.

Django-free, so that pure rules of other domains can take them. What follows from them for a person is decided there: this
module only says what is written in ``rules/programme.toml``. The metro's tariff is in ``tariffs``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from yikatong.city.dated import Entry, NoRuleYet, in_force, read_entries
from yikatong.city.folder import CITY_DATA, BadCityData, Problem

PROGRAMME = "rules/programme.toml"
Category = Literal["employee", "flexible", "resident", "student", "minor", "retiree"]
CATEGORIES: tuple[Category, ...] = ("employee", "flexible", "resident", "student", "minor", "retiree")
BankChoiceRule = Literal["any", "unit_list", "unit_list_if_whole", "unit_list_if_collects", "pension_bank_first"]


class Batch(Entry, frozen=True, kw_only=True):
    """A part of the collective exchange, or normal issuance. Once open it stays open for those it missed.

    ``districts``: six-digit codes, of the employer for employees; empty for the whole city. ``zones_zh``: zones that are no
    district, by name.
    """

    name_zh: str
    opens_on: date
    categories: tuple[Category, ...]
    districts: tuple[Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$", description="六位数字的区代码")], ...]
    zones_zh: tuple[str, ...] = ()

    def takes(self, category: str, district_code: str, on: date) -> bool:
        """Whether it is open on a day for a person of this category and (for employees, the unit's) district."""
        is_here = not self.districts or district_code in self.districts
        return self.opens_on <= on and category in self.categories and is_here


class BankChoice(Entry, frozen=True, kw_only=True):
    """How a category comes to its bank; ``picks_max`` is how many banks the unit may pick, 0 when it picks none."""

    rule: BankChoiceRule
    picks_max: Annotated[int, msgspec.Meta(ge=0, le=16, description="0 到 16 的整数")] = 0


class Limit(Entry, frozen=True, kw_only=True):
    """A single number; its unit ends its code."""

    value: Annotated[int, msgspec.Meta(gt=0, description="大于 0 的整数")]


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits and other single values, each with its unit in its name."""

    first_issue_max_natural_days: int
    replacement_max_working_days: int
    instant_issue_max_min: int
    pre_report_lapses_after_days: int
    ecard_code_life_s: int
    ecard_clock_skew_s: int
    ecard_device_certificate_days: int
    credential_days: int
    tap_age_max_days: int
    tap_ahead_max_s: int
    unit_bank_picks_max: int
    card_validity_years: int
    arrival_max_working_days: int
    collect_within_natural_days: int
    pre_report_reminder_before_lapse_h: int
    confirmation_code_life_min: int
    confirmation_code_tries_max: int
    confirmation_codes_per_hour_max: int


@dataclass(frozen=True, slots=True)
class ProgrammeRules:
    """All that holds on ``day``."""

    day: date
    batches: tuple[Batch, ...]
    bank_choice: Mapping[str, BankChoice]
    limits: Limits

    def batches_open_to(self, category: str, district_code: str) -> tuple[Batch, ...]:
        """The batches that take such a person on ``day``, in the order they opened; empty before the first."""
        return tuple(batch for batch in self.batches if batch.takes(category, district_code, self.day))


_TABLES: dict[str, type[Entry]] = {"batch": Batch, "bank_choice": BankChoice, "limit": Limit}


@cache
def rules_at(day: date, data: Path = CITY_DATA) -> ProgrammeRules:
    """What holds on a day (of Beijing). Raises ``NoRuleYet`` before the programme began, ``BadCityData`` on a bad file."""
    entries = _entries(data)
    batches = tuple(sorted(in_force(entries["batch"], day).values(), key=lambda batch: (batch.opens_on, batch.code)))
    choice = in_force(entries["bank_choice"], day)
    limits = {code: limit.value for code, limit in in_force(entries["limit"], day).items()}
    if set(limits) != set(Limits.__slots__) or set(choice) != set(CATEGORIES) or not batches:
        raise NoRuleYet(f"{PROGRAMME} 中没有 {day} 的完整规则；请补上那天之前生效的各条")
    return ProgrammeRules(day, batches, choice, Limits(**limits))


@cache
def _entries(data: Path) -> dict[str, list[Any]]:
    entries, problems = read_programme(data)
    if problems:
        raise BadCityData(problems)
    return entries


def read_programme(data: Path) -> tuple[dict[str, list[Any]], list[Problem]]:
    """The rule file's entries by table, and every fault in it."""
    entries, problems = read_entries(data, PROGRAMME, _TABLES)

    def missing(table: str, wanted: set[str]) -> None:
        found = {entry.code for entry in entries[table]}
        for code in sorted(wanted ^ found):
            problems.append(Problem(PROGRAMME, 0, f"{table}.code", f"{code} {'缺少' if code in wanted else '不认识'}"))

    missing("limit", set(Limits.__slots__))
    missing("bank_choice", set(CATEGORIES))
    for choice in entries["bank_choice"]:
        if choice.rule.startswith("unit_list") and choice.picks_max == 0:
            problems.append(Problem(PROGRAMME, 0, "bank_choice.picks_max", f"{choice.code} 由单位选择，须写明可选几家"))
    return entries, problems
