"""What the exchange can take in: minutes, windows, cards and visits, as of a day. Source: rules/campaign.toml, entry by entry."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from yikatong.city.dated import Entry, NoRuleYet, in_force, read_entries
from yikatong.city.folder import CITY_DATA, BadCityData, Problem
from yikatong.city.rules import Limit

CAMPAIGN = "rules/campaign.toml"
_TABLES: dict[str, type[Entry]] = {"limit": Limit}


@dataclass(frozen=True, slots=True)
class CampaignLimits:
    """Each with its unit in its name."""

    handling_minutes: int
    open_minutes: int
    windows_percent: int
    cards_per_window_and_day: int
    visits_per_street_and_day: int
    posts_per_bank_and_day: int
    post_percent: int
    units_percent: int
    uptake_weight_people: int
    uptake_percent_employee: int
    uptake_percent_flexible: int
    uptake_percent_resident: int
    uptake_percent_student: int
    uptake_percent_minor: int
    uptake_percent_retiree: int

    def uptake_percent(self, category: str) -> int:
        """Of a hundred people of this category who are invited, how many are taken to apply before any were."""
        percent: int = getattr(self, f"uptake_percent_{category}")
        return percent


def read_campaign(data: Path) -> tuple[dict[str, list[Any]], list[Problem]]:
    """The rule file's entries by table, and every fault in it."""
    entries, problems = read_entries(data, CAMPAIGN, _TABLES)
    found, wanted = {entry.code for entry in entries["limit"]}, set(CampaignLimits.__slots__)
    problems += [
        Problem(CAMPAIGN, 0, "limit.code", f"{code} {'缺少' if code in wanted else '不认识'}")
        for code in sorted(wanted ^ found)
    ]
    return entries, problems


@cache
def campaign_limits_at(day: date, data: Path = CITY_DATA) -> CampaignLimits:
    """What holds on a day. Raises ``NoRuleYet``, ``BadCityData``."""
    entries, problems = read_campaign(data)
    if problems:
        raise BadCityData(problems)
    limits = {code: limit.value for code, limit in in_force(entries["limit"], day).items()}
    if set(limits) != set(CampaignLimits.__slots__):
        raise NoRuleYet(f"{CAMPAIGN} 中没有 {day} 的完整规则；请补上那天之前生效的各条")
    return CampaignLimits(**limits)
