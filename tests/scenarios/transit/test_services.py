"""Stored taps become priced journeys, once each, whatever the order in which they arrive."""

from datetime import date, datetime, timedelta

import pytest
from django.db import transaction

from tests.scenarios.transit.conftest import STATIONS
from yikatong.acceptance.models import Tap, TapOutcome
from yikatong.foundation.clock import BEIJING, beijing_day_bounds
from yikatong.scenarios.transit.models import Journey, MonthlySpend, PendingTap
from yikatong.scenarios.transit.services import price_pending

CARD = 7
pytestmark = pytest.mark.django_db


def beijing_time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


def store(kind: str, when: str) -> None:
    """An accepted tap: in at 国贸, out at 西单, 4 yuan."""
    at = beijing_time(when)
    terminal_id = "900100000001" if kind == "entry" else "900100000002"
    Tap.objects.create(
        terminal_id=terminal_id,
        sequence=int(at.timestamp()),
        digest=b"",
        card_id=CARD,
        kind=kind,
        station=STATIONS[terminal_id],
        at=at,
        received_at=at,
        outcome=TapOutcome.ACCEPTED,
    )


def price(day: date) -> int:
    until = beijing_day_bounds(day)[1]
    return price_pending(until, at=until)


def journeys() -> list[tuple[str, int, date]]:
    rows = Journey.objects.order_by("charged_at").values_list("explanation", "fare_fen", "month")
    return [(explanation, fare_fen, month) for explanation, fare_fen, month in rows]


NOV, OCT = date(2026, 11, 1), date(2026, 10, 1)


@pytest.mark.parametrize(
    ("taps", "expected"),
    [
        ([("entry", "2026-11-02T09:00"), ("exit", "2026-11-02T09:30")], [("distance", 400, NOV)]),
        ([("exit", "2026-11-02T09:30"), ("entry", "2026-11-02T09:00")], [("distance", 400, NOV)]),  # arrived late
        ([("exit", "2026-11-02T09:30")], [("no_entry", 300, NOV)]),
        ([("entry", "2026-11-02T03:00")], [("no_exit", 300, NOV)]),
        ([("entry", "2026-11-02T20:00")], []),  # still inside
        ([("entry", "2026-11-02T09:00"), ("exit", "2026-11-02T13:01")], [("overstay", 700, NOV)]),
        ([("entry", "2026-11-01T23:50"), ("exit", "2026-11-02T00:20")], [("distance", 400, NOV)]),  # over midnight
        ([("entry", "2026-10-31T23:50"), ("exit", "2026-11-01T00:20")], [("distance", 400, NOV)]),  # the exit's month
        ([("entry", "2026-10-31T22:00"), ("exit", "2026-10-31T22:30")], [("distance", 400, OCT)]),
    ],
)
def test_taps_become_journeys(taps: list[tuple[str, str]], expected: list[tuple[str, int, date]]) -> None:
    for tap in taps:
        store(*tap)
    assert price(date(2026, 11, 2)) == len(expected)
    assert journeys() == expected


def test_pricing_again_changes_nothing() -> None:
    store("entry", "2026-11-02T09:00")
    store("exit", "2026-11-02T09:30")
    assert (price(date(2026, 11, 2)), price(date(2026, 11, 2))) == (1, 0)
    assert PendingTap.objects.count() == 0
    assert MonthlySpend.objects.get(card_id=CARD, month=NOV).paid_fen == 400


def test_a_run_that_is_rolled_back_leaves_nothing_double() -> None:
    store("entry", "2026-11-02T09:00")
    store("exit", "2026-11-02T09:30")
    with transaction.atomic():
        price(date(2026, 11, 2))
        transaction.set_rollback(True)
    assert (Journey.objects.count(), PendingTap.objects.count()) == (0, 2)
    assert price(date(2026, 11, 2)) == 1
    assert MonthlySpend.objects.get(card_id=CARD, month=NOV).paid_fen == 400


def test_a_late_upload_is_priced_after_what_the_month_has_paid_by_then() -> None:
    MonthlySpend.objects.create(card_id=CARD, month=OCT, paid_fen=9_900)
    for when in ("2026-10-20T09:00", "2026-10-10T09:00"):
        store("entry", when)
        store("exit", (datetime.fromisoformat(when) + timedelta(minutes=30)).isoformat())
        price(date(2026, 10, 31))
    assert journeys() == [("monthly_discount", 320, OCT), ("distance", 400, OCT)]
