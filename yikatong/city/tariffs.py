"""The metro tariff as a value: read once from the city's rule file, then handed to pure rules.

Django-free. What a ride costs is decided in ``scenarios.transit.rules``; here is only what the file says.
"""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import msgspec

CITY_DATA = Path(__file__).resolve().parent / "data" / "beijing"


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to and including this distance the ride costs this fare."""

    up_to_m: int
    fare_fen: int


class FareNetwork(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lines that share one table of fares. No lines means: all that no other network names."""

    name: str
    lines: tuple[str, ...]
    discounts_apply: bool
    bands: tuple[Band, ...]
    beyond_step_m: int
    beyond_step_fen: int
    source: str


class MonthlyTier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From this much paid in the month on, the next ride costs this share of its fare."""

    from_fen: int
    percent: int
    source: str


class TariffRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for every network."""

    name: str
    effective_from: date
    source: str
    operator_code: str
    stay_limit_minutes: int
    stay_limit_source: str
    pair_within_minutes: int
    pair_within_source: str
    unmatched_fare_fen: int
    unmatched_source: str
    distance_step_m: int


class _TariffFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: TariffRule
    network: tuple[FareNetwork, ...]
    monthly_tier: tuple[MonthlyTier, ...]


@dataclass(frozen=True, slots=True)
class MetroTariff:
    """The tariff of one city's metro."""

    rule: TariffRule
    networks: tuple[FareNetwork, ...]
    monthly_tiers: tuple[MonthlyTier, ...]

    @property
    def stay_limit(self) -> timedelta:
        """How long a ride may last before the lowest fare is added."""
        return timedelta(minutes=self.rule.stay_limit_minutes)

    @property
    def pair_within(self) -> timedelta:
        """How long an entry waits for its exit."""
        return timedelta(minutes=self.rule.pair_within_minutes)

    def network_of(self, line: str) -> FareNetwork:
        """The fare network a line belongs to."""
        named = next((network for network in self.networks if line in network.lines), None)
        return named or next(network for network in self.networks if not network.lines)


def load_metro_tariff(data: Path = CITY_DATA) -> MetroTariff:
    """Read and check ``rules/metro_fares.toml``. Raises ``ValueError`` naming the file and what is wrong."""
    path = data / "rules" / "metro_fares.toml"
    try:
        content = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _TariffFile)
        _check(content)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    return MetroTariff(content.rule, content.network, content.monthly_tier)


def _check(content: _TariffFile) -> None:
    if sum(not network.lines for network in content.network) != 1:
        raise ValueError("exactly one network must take the lines that no other names (lines = [])")
    for network in content.network:
        reaches = [band.up_to_m for band in network.bands]
        if not reaches or reaches != sorted(set(reaches)):
            raise ValueError(f"network {network.name}: bands must rise strictly by up_to_m, found {reaches}")
    thresholds = [tier.from_fen for tier in content.monthly_tier]
    if thresholds != sorted(set(thresholds)):
        raise ValueError(f"monthly tiers must rise strictly by from_fen, found {thresholds}")
