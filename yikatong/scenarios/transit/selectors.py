"""What a holder sees of their rides: the priced ones, and at once, provisionally, those not cleared yet."""

from dataclasses import dataclass
from datetime import date, datetime

from yikatong.city.network import metro_network
from yikatong.foundation.clock import beijing_day
from yikatong.scenarios.transit.models import Journey, MonthlySpend, PendingTap
from yikatong.scenarios.transit.rules import Explanation, TapKind, month_of, pair_taps, price_month
from yikatong.scenarios.transit.services import gate_tap, tariff_on


@dataclass(frozen=True, slots=True)
class RideView:
    """One line of "my rides". ``fare_fen`` is ``None`` while the holder is still inside."""

    entry_station: str
    entry_at: datetime | None
    exit_station: str
    exit_at: datetime | None
    fare_fen: int | None
    full_fare_fen: int | None
    explanation: Explanation | None
    is_provisional: bool


def rides_of(card_id: int, month: date, *, at: datetime) -> list[RideView]:
    """The rides of one card in one month (any day of it), newest first; provisional fares follow the same rules."""
    first = month.replace(day=1)
    rides = [
        RideView(
            journey.entry_station,
            journey.entry_at,
            journey.exit_station,
            journey.exit_at,
            journey.fare_fen,
            journey.full_fare_fen,
            Explanation(journey.explanation),
            is_provisional=False,
        )
        for journey in Journey.objects.filter(card_id=card_id, month=first).order_by("-charged_at")
    ]
    return _provisional(card_id, first, at=at) + rides


def _provisional(card_id: int, month: date, *, at: datetime) -> list[RideView]:
    taps = [gate_tap(tap) for tap in PendingTap.objects.filter(card_id=card_id)]
    pairing = pair_taps(taps, until=at, pair_within=tariff_on(beijing_day(at)).pair_within)
    spent = dict(MonthlySpend.objects.filter(card_id=card_id).values_list("month", "paid_fen"))
    priced = price_month(pairing.rides, network=metro_network(), tariff_on=tariff_on, spent_by_month=spent)
    inside = [
        RideView(tap.station, tap.at, "", None, None, None, None, is_provisional=True)
        for tap in pairing.waiting
        if tap.kind is TapKind.ENTRY and beijing_day(tap.at).replace(day=1) == month
    ]
    done = [
        RideView(
            ride.entry.station if ride.entry else "",
            ride.entry.at if ride.entry else None,
            ride.exit.station if ride.exit else "",
            ride.exit.at if ride.exit else None,
            fare.fare_fen,
            fare.full_fen,
            fare.explanation,
            is_provisional=True,
        )
        for ride, fare in priced
        if month_of(ride) == month
    ]
    return inside + done[::-1]
