"""Turning accepted gate taps into priced journeys.

Runs before a clearing: card by card, in chunks of one transaction each, so that a crash loses and doubles nothing.
A journey keeps its price for good; a tap that arrives after its ride was priced is priced at the next run, towards the
month it belongs to.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from uuid import UUID, uuid5

from django.db import transaction

from yikatong.acceptance.models import Terminal
from yikatong.city.network import metro_network
from yikatong.city.tariffs import MetroTariff, load_metro_tariff
from yikatong.foundation.clock import beijing_day
from yikatong.scenarios.transit.models import Journey, MonthlySpend, PendingTap
from yikatong.scenarios.transit.rules import Fare, GateTap, Ride, TapKind, month_of, pair_taps, price_month

JOURNEYS = UUID("5f7b7b0e-6c58-4f2b-9d0e-2f7f6f1f9a01")
CARDS_PER_TRANSACTION = 500


def price_pending(until: datetime, *, at: datetime) -> int:
    """Price every ride that is complete before ``until``; the number of journeys made.

    Safe to repeat and to run twice at once: a card's pending taps are locked while they are priced.
    """
    pair_within = tariff_on(beijing_day(until)).pair_within
    made = 0
    last_card_id = -1
    while True:
        card_ids = list(
            PendingTap.objects.filter(at__lt=until, card_id__gt=last_card_id)
            .order_by("card_id")
            .values_list("card_id", flat=True)
            .distinct()[:CARDS_PER_TRANSACTION]
        )
        if not card_ids:
            return made
        with transaction.atomic():
            made += _price_cards(card_ids, until, at=at, pair_within=pair_within)
        last_card_id = card_ids[-1]


def _price_cards(card_ids: Sequence[int], until: datetime, *, at: datetime, pair_within: timedelta) -> int:
    taps: dict[int, list[PendingTap]] = defaultdict(list)
    for tap in PendingTap.objects.select_for_update().filter(card_id__in=card_ids).order_by("card_id", "at"):
        taps[tap.card_id].append(tap)
    spent: dict[int, dict[date, int]] = defaultdict(dict)
    for row in MonthlySpend.objects.select_for_update().filter(card_id__in=card_ids):
        spent[row.card_id][row.month] = row.paid_fen
    operators = operators_of({tap.terminal_id for pending in taps.values() for tap in pending})
    journeys: list[Journey] = []
    used: list[tuple[int, str, int]] = []
    for card_id, pending in taps.items():
        pairing = pair_taps(map(gate_tap, pending), until=until, pair_within=pair_within)
        priced = price_month(pairing.rides, network=metro_network(), tariff_on=tariff_on, spent_by_month=spent[card_id])
        for ride, fare in priced:
            journeys.append(_journey(card_id, ride, fare, operators, at=at))
            used += [(card_id, tap.terminal_id, tap.sequence) for tap in (ride.entry, ride.exit) if tap is not None]
    Journey.objects.bulk_create(journeys)
    MonthlySpend.objects.bulk_create(
        [MonthlySpend(card_id=c, month=m, paid_fen=fen) for c, months in spent.items() for m, fen in months.items()],
        update_conflicts=True,
        unique_fields=["card_id", "month"],
        update_fields=["paid_fen"],
    )
    PendingTap.objects.filter(pk__in=used).delete()
    return len(journeys)


@lru_cache(maxsize=400)
def tariff_on(day: date) -> MetroTariff:
    """The tariff of a day. The file is read once; a change of it takes effect with the next start."""
    return load_metro_tariff(on=day)


def operators_of(terminal_ids: set[str]) -> dict[str, str]:
    """Which operator runs each terminal."""
    return dict(
        Terminal.objects.filter(terminal_id__in=terminal_ids).values_list("terminal_id", "venue__operator__code")
    )


def gate_tap(tap: PendingTap) -> GateTap:
    """A stored tap as the rules take it."""
    return GateTap(tap.at, tap.terminal_id, tap.sequence, TapKind(tap.kind), tap.station)


def _journey(card_id: int, ride: Ride, fare: Fare, operators: dict[str, str], *, at: datetime) -> Journey:
    last = ride.exit or ride.entry
    if last is None:
        raise ValueError("a ride needs at least one tap")
    return Journey(
        card_id=card_id,
        journey_id=uuid5(JOURNEYS, f"{last.terminal_id}:{last.sequence}"),  # one tap ends one journey
        entry_station=ride.entry.station if ride.entry else "",
        entry_at=ride.entry.at if ride.entry else None,
        exit_station=ride.exit.station if ride.exit else "",
        exit_at=ride.exit.at if ride.exit else None,
        distance_m=fare.distance_m,
        full_fare_fen=fare.full_fen,
        fare_fen=fare.fare_fen,
        explanation=fare.explanation,
        operator_code=operators[last.terminal_id],
        month=month_of(ride),
        charged_at=ride.charged_at,
        priced_at=at,
    )
