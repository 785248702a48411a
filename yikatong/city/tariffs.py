"""The metro tariff as a value: read once from the city's rule file, then handed to pure rules.

Django-free. What a ride costs is decided in ``scenarios.transit.rules``; here is only what the file says for a day.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import msgspec

from yikatong.city.dated import Entry, NoRuleYet, in_force, read_entries
from yikatong.city.folder import CITY_DATA, BadCityData, Problem

METRO_FARES = "rules/metro_fares.toml"
Positive = Annotated[int, msgspec.Meta(gt=0, description="大于 0 的整数")]
NotNegative = Annotated[int, msgspec.Meta(ge=0, description="不小于 0 的整数")]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100, description="0 到 100 的整数")]


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to and including this distance the ride costs this fare."""

    up_to_m: Positive
    fare_fen: NotNegative


class FareNetwork(Entry, frozen=True, kw_only=True):
    """Lines that share one table of fares. No lines means: all that no other network names."""

    name_zh: str
    name_en: str
    lines: tuple[str, ...]
    discounts_apply: bool
    bands: Annotated[tuple[Band, ...], msgspec.Meta(min_length=1, description="{up_to_m, fare_fen} 的列表")]
    beyond_step_m: Positive
    beyond_step_fen: NotNegative

    @property
    def name(self) -> str:
        """The code under another name, as rules address networks."""
        return self.code


class MonthlyTier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From this much paid in the month on, the next ride costs this share of its fare."""

    from_fen: Positive
    percent: Percent


class MonthlyDiscount(Entry, frozen=True, kw_only=True):
    """The tiers of one period."""

    tiers: Annotated[tuple[MonthlyTier, ...], msgspec.Meta(description="{from_fen, percent} 的列表")]


class EarlyBird(Entry, frozen=True, kw_only=True):
    """Who enters these stations up to this minute of the day in Beijing, itself included, pays this share."""

    until_minute_of_day: Annotated[int, msgspec.Meta(gt=0, le=1440, description="1 到 1440 的整数（当天第几分钟）")]
    percent: Percent
    working_days_only: bool
    stations: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, description="站名列表")]


class TariffLimit(Entry, frozen=True, kw_only=True):
    """A single number; its unit ends its code."""

    value: Positive


class MetroOperator(Entry, frozen=True, kw_only=True):
    """To whom fares are due."""

    operator_code: str


@dataclass(frozen=True, slots=True)
class TariffRule:
    """What holds for every network. Sources stand with the entries in the rule file."""

    operator_code: str
    stay_limit_minutes: int
    pair_within_minutes: int
    unmatched_fare_fen: int
    distance_step_m: int


@dataclass(frozen=True, slots=True)
class MetroTariff:
    """The tariff of one city's metro on one day."""

    rule: TariffRule
    networks: tuple[FareNetwork, ...]
    monthly_tiers: tuple[MonthlyTier, ...]
    early_bird: EarlyBird | None = None

    @property
    def stay_limit(self) -> timedelta:
        """How long a ride may last before the lowest fare is added."""
        return timedelta(minutes=self.rule.stay_limit_minutes)

    @property
    def pair_within(self) -> timedelta:
        """How long an entry waits for its exit."""
        return timedelta(minutes=self.rule.pair_within_minutes)

    @property
    def main_network(self) -> FareNetwork:
        """The network of all lines that no other network names."""
        return next(network for network in self.networks if not network.lines)

    def network_of(self, line: str) -> FareNetwork:
        """The fare network a line belongs to."""
        return next((network for network in self.networks if line in network.lines), self.main_network)


_TABLES: dict[str, type[Entry]] = {
    "network": FareNetwork,
    "monthly_discount": MonthlyDiscount,
    "early_bird": EarlyBird,
    "limit": TariffLimit,
    "operator": MetroOperator,
}
_LIMITS = {"stay_limit_minutes", "pair_within_minutes", "unmatched_fare_fen", "distance_step_m"}


def load_metro_tariff(data: Path = CITY_DATA, *, on: date | None = None) -> MetroTariff:
    """The tariff in force on a day; without a day, the latest one written down.

    Raises ``BadCityData`` naming every fault of ``rules/metro_fares.toml``, ``NoRuleYet`` for a day before the first.
    """
    entries = _entries(data)
    day = on or date.max
    networks = tuple(in_force(entries["network"], day).values())
    limits = {code: entry.value for code, entry in in_force(entries["limit"], day).items()}
    operator = in_force(entries["operator"], day).get("metro")
    if operator is None or limits.keys() != _LIMITS or not any(not network.lines for network in networks):
        raise NoRuleYet(f"{METRO_FARES} 中没有 {day} 的完整票价；请补上那天之前生效的各条")
    discount = in_force(entries["monthly_discount"], day).get("monthly")
    return MetroTariff(
        TariffRule(operator_code=operator.operator_code, **limits),
        networks,
        discount.tiers if discount else (),
        in_force(entries["early_bird"], day).get("early_bird"),
    )


@cache
def _entries(data: Path) -> dict[str, list[Any]]:
    entries, problems = read_metro_fares(data)
    if problems:
        raise BadCityData(problems)
    return entries


def read_metro_fares(data: Path) -> tuple[dict[str, list[Any]], list[Problem]]:
    """The rule file's entries by table, and every fault in it."""
    entries, problems = read_entries(data, METRO_FARES, _TABLES)

    def fault(where: str, reason: str) -> None:
        problems.append(Problem(METRO_FARES, 0, where, reason))

    for network in entries["network"]:
        if not all(one.up_to_m < next_.up_to_m for one, next_ in pairwise(network.bands)):
            fault("network.bands", f"{network.code} 的分段必须按 up_to_m 递增")
        if not all(one.fare_fen <= next_.fare_fen for one, next_ in pairwise(network.bands)):
            fault("network.bands", f"{network.code} 越远反而越便宜")
    for discount in entries["monthly_discount"]:
        if not all(one.from_fen < next_.from_fen for one, next_ in pairwise(discount.tiers)):
            fault("monthly_discount.tiers", f"{discount.code} 的档次必须按 from_fen 递增")
    latest = in_force(entries["network"], date.max).values()
    if sum(not network.lines for network in latest) != 1:
        fault("network.lines", "必须恰好有一个 lines 为空的路网，收下其余所有线路")
    named = [line for network in latest for line in network.lines]
    for line in sorted({line for line in named if named.count(line) > 1}):
        fault("network.lines", f"{line} 属于不止一个路网")
    for code in sorted(_LIMITS ^ {entry.code for entry in entries["limit"]}):
        fault("limit.code", f"{code} {'缺少' if code in _LIMITS else '不认识'}")
    return entries, problems
