"""What a metro journey costs, and which two taps make one.

Pure: no I/O, no clock, no framework. The tariff and the network come in as values, so that another city's metro needs
other data and not other code. It does not charge anybody: see ``transit.services`` and ``clearing``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from yikatong.city.network import Network
from yikatong.city.tariffs import FareNetwork, MetroTariff
from yikatong.foundation.clock import beijing_day, beijing_day_bounds
from yikatong.foundation.money import round_half_up_fen
from yikatong.foundation.workdays import is_working_day


class TapKind(StrEnum):
    """Which way a gate was passed."""

    ENTRY = "entry"
    EXIT = "exit"


class Explanation(StrEnum):
    """Which rule set the fare; shown to the holder in words."""

    DISTANCE = "distance"
    MONTHLY_DISCOUNT = "monthly_discount"
    EARLY_BIRD = "early_bird"
    AIRPORT_LINE = "airport_line"
    OVERSTAY = "overstay"
    NO_EXIT = "no_exit"
    NO_ENTRY = "no_entry"


@dataclass(frozen=True, slots=True, order=True)
class GateTap:
    """An accepted tap at a gate. Ordered by time, then terminal and sequence, so that every run sees one order."""

    at: datetime
    terminal_id: str
    sequence: int
    kind: TapKind
    station: str


@dataclass(frozen=True, slots=True)
class Ride:
    """Two taps that belong together, or one whose other half is missing."""

    entry: GateTap | None
    exit: GateTap | None

    @property
    def charged_at(self) -> datetime:
        """When the fare falls due: at the exit, or at the entry of a ride that was never ended."""
        tap = self.exit or self.entry
        if tap is None:
            raise ValueError("a ride needs at least one tap")
        return tap.at


@dataclass(frozen=True, slots=True)
class Pairing:
    """Rides that are complete for good, and the taps that still wait for their other half."""

    rides: tuple[Ride, ...]
    waiting: tuple[GateTap, ...]


@dataclass(frozen=True, slots=True)
class Fare:
    """What one ride costs: before and after the monthly discount, in fen, with the rule that decided.

    ``discountable_fen`` is the part that counts towards the month's discount tiers.
    """

    full_fen: int
    fare_fen: int
    explanation: Explanation
    distance_m: int | None
    discountable_fen: int


def pair_taps(taps: Iterable[GateTap], *, until: datetime, pair_within: timedelta) -> Pairing:
    """Pair one card's taps in time order; taps at or after ``until`` are left waiting.

    An entry is ended by the next tap if that is an exit within ``pair_within``; otherwise it stays without exit.
    An exit that ends no entry stays without entry. An entry younger than ``pair_within`` at ``until`` still waits for its exit.
    Source: docs/algorithms/metro-fare.md, step 1.
    """
    rides: list[Ride] = []
    open_entry: GateTap | None = None
    later: list[GateTap] = []
    for tap in sorted(taps):
        if tap.at >= until:
            later.append(tap)
        elif tap.kind is TapKind.ENTRY:
            if open_entry is not None:
                rides.append(Ride(open_entry, None))
            open_entry = tap
        else:
            if open_entry is not None and tap.at - open_entry.at > pair_within:
                rides.append(Ride(open_entry, None))
                open_entry = None
            rides.append(Ride(open_entry, tap))
            open_entry = None
    if open_entry is not None and open_entry.at + pair_within <= until:
        rides.append(Ride(open_entry, None))
        open_entry = None
    waiting = ([open_entry] if open_entry is not None else []) + later
    return Pairing(tuple(rides), tuple(waiting))


def discount_percent(tariff: MetroTariff, spent_fen: int) -> int:
    """The share of the fare that the next ride costs after ``spent_fen`` were paid this month."""
    reached = [tier.percent for tier in tariff.monthly_tiers if tier.from_fen <= spent_fen]
    return reached[-1] if reached else 100


def early_bird_percent(tariff: MetroTariff, entry: GateTap, fare_networks: Iterable[FareNetwork]) -> int:
    """The share that an early entry leaves of the fare, 100 without.

    Source: rules/metro_fares.toml ``early_bird``: listed stations, working days, 07:00 included, no airport line.
    """
    rule = tariff.early_bird
    if rule is None or entry.station not in rule.stations:
        return 100
    if not all(fare_network.discounts_apply for fare_network in fare_networks):
        return 100
    day = beijing_day(entry.at)
    if rule.working_days_only and not is_working_day(day):
        return 100
    since_midnight = entry.at - beijing_day_bounds(day)[0]
    return rule.percent if since_midnight <= timedelta(minutes=rule.until_minute_of_day) else 100


def distance_fare_fen(fare_network: FareNetwork, distance_m: int, *, step_m: int) -> int:
    """The full fare of a distance within one fare network; the distance counts in whole steps, cut down."""
    counted_m = distance_m // step_m * step_m
    for band in fare_network.bands:
        if counted_m <= band.up_to_m:
            return band.fare_fen
    last = fare_network.bands[-1]
    steps_begun = -(-(counted_m - last.up_to_m) // fare_network.beyond_step_m)
    return last.fare_fen + steps_begun * fare_network.beyond_step_fen


def price_ride(ride: Ride, *, network: Network, tariff: MetroTariff, spent_fen: int) -> Fare:
    """What one ride costs its holder after ``spent_fen`` of discountable fares this month.

    Each fare network ridden through is priced by the metres within it, and the parts are added. The monthly discount
    applies to the parts whose network allows it, the early-bird share to what it leaves. Source: docs/algorithms/metro-fare.md.
    """
    rule = tariff.rule
    if ride.entry is None or ride.exit is None:
        explanation = Explanation.NO_EXIT if ride.exit is None else Explanation.NO_ENTRY
        return Fare(rule.unmatched_fare_fen, rule.unmatched_fare_fen, explanation, None, 0)
    way = network.shortest_way(ride.entry.station, ride.exit.station)
    metres: dict[str, int] = {}
    networks: dict[str, FareNetwork] = {}
    for line, distance_m in way.by_line_m or ((_any_line(tariff), 0),):
        fare_network = tariff.network_of(line)
        networks[fare_network.name] = fare_network
        metres[fare_network.name] = metres.get(fare_network.name, 0) + distance_m
    percent = discount_percent(tariff, spent_fen)
    early_percent = early_bird_percent(tariff, ride.entry, networks.values())
    full_fen = fare_fen = discountable_fen = 0
    for name, fare_network in networks.items():
        part_fen = distance_fare_fen(fare_network, metres[name], step_m=rule.distance_step_m)
        paid_fen = part_fen
        if fare_network.discounts_apply:
            paid_fen = round_half_up_fen(round_half_up_fen(part_fen, percent=percent), percent=early_percent)
        full_fen += part_fen
        fare_fen += paid_fen
        discountable_fen += paid_fen if fare_network.discounts_apply else 0
    explanation = Explanation.DISTANCE if percent == 100 else Explanation.MONTHLY_DISCOUNT
    if early_percent < 100:
        explanation = Explanation.EARLY_BIRD
    if not any(fare_network.discounts_apply for fare_network in networks.values()):
        explanation = Explanation.AIRPORT_LINE
    if ride.exit.at - ride.entry.at > tariff.stay_limit:
        full_fen += rule.unmatched_fare_fen
        fare_fen += rule.unmatched_fare_fen
        explanation = Explanation.OVERSTAY
    return Fare(full_fen, fare_fen, explanation, way.distance_m, discountable_fen)


def price_month(
    rides: Sequence[Ride],
    *,
    network: Network,
    tariff_on: Callable[[date], MetroTariff],
    spent_by_month: dict[date, int],
) -> list[tuple[Ride, Fare]]:
    """Price one card's rides in the order they fell due; each adds to its month's spending before the next is priced.

    ``tariff_on`` gives the tariff of the day on which a ride fell due, so that one that arrives after a change costs what it
    cost then. ``spent_by_month`` (first day of month to discountable fen paid) is brought up to date in place.
    """
    priced = []
    for ride in sorted(rides, key=lambda ride: ride.charged_at):
        month = month_of(ride)
        tariff = tariff_on(beijing_day(ride.charged_at))
        fare = price_ride(ride, network=network, tariff=tariff, spent_fen=spent_by_month.get(month, 0))
        spent_by_month[month] = spent_by_month.get(month, 0) + fare.discountable_fen
        priced.append((ride, fare))
    return priced


def month_of(ride: Ride) -> date:
    """The first day of the month in Beijing to which a ride counts."""
    return beijing_day(ride.charged_at).replace(day=1)


def _any_line(tariff: MetroTariff) -> str:
    """A line of the main network: leaving where one entered rides no track but costs the lowest fare."""
    return next(network.name for network in tariff.networks if not network.lines)
