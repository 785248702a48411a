"""What a holder sees of their rides: priced ones, ones not cleared yet at the price they will have, and being inside."""

from datetime import date, datetime, timedelta

import pytest

from tests.at_once import at_once
from yikatong.foundation.clock import BEIJING, beijing_day_bounds
from yikatong.scenarios.transit import services
from yikatong.scenarios.transit.models import Journey, MonthlySpend, PendingTap
from yikatong.scenarios.transit.rules import Explanation
from yikatong.scenarios.transit.selectors import rides_of

CARD, OTHER = 7, 8
DAY = date(2026, 11, 23)
EVENING = datetime(2026, 11, 23, 20, 0, tzinfo=BEIJING)
pytestmark = pytest.mark.django_db


def tap(kind: str, minute: int, station: str = "国贸", *, card_id: int = CARD, day: date = DAY) -> None:
    """An accepted tap, ``minute`` minutes after eight in the morning."""
    at = datetime(day.year, day.month, day.day, 8, 0, tzinfo=BEIJING) + timedelta(minutes=minute)
    terminal_id = "900100000001" if kind == "entry" else "900100000002"
    sequence = int(at.timestamp()) * 10 + card_id
    PendingTap.objects.create(
        card_id=card_id, terminal_id=terminal_id, sequence=sequence, kind=kind, station=station, at=at
    )


def ride(minute: int, *, card_id: int = CARD, day: date = DAY) -> None:
    """国贸 to 西单, 4 yuan."""
    tap("entry", minute, card_id=card_id, day=day)
    tap("exit", minute + 30, "西单", card_id=card_id, day=day)


def test_a_ride_is_shown_at_once_at_the_price_it_will_have() -> None:
    ride(0)
    (seen,) = rides_of(CARD, DAY, at=EVENING)
    assert (seen.entry_station, seen.exit_station, seen.fare_fen, seen.is_provisional) == ("国贸", "西单", 400, True)
    services.price_pending(EVENING, at=EVENING)
    (priced,) = rides_of(CARD, DAY, at=EVENING)
    assert (priced.fare_fen, priced.is_provisional) == (seen.fare_fen, False)


def test_who_is_inside_sees_the_entry_without_a_fare() -> None:
    tap("entry", 0)
    (seen,) = rides_of(CARD, DAY, at=EVENING)
    assert (seen.exit_station, seen.fare_fen, seen.explanation) == ("", None, None)


def test_newest_first_and_nobody_elses() -> None:
    for minute in (0, 100, 200):
        ride(minute)
    ride(50, card_id=OTHER)
    seen = rides_of(CARD, DAY, at=EVENING)
    assert [one.entry_at for one in seen] == sorted((one.entry_at for one in seen), reverse=True)  # type: ignore[type-var]
    assert len(seen) == 3


def test_provisional_fares_go_on_from_what_was_paid_this_month() -> None:
    MonthlySpend.objects.create(card_id=CARD, month=DAY.replace(day=1), paid_fen=9_900)
    for minute in (0, 100):
        ride(minute)
    latest, first = rides_of(CARD, DAY, at=EVENING)
    assert (first.fare_fen, latest.fare_fen) == (400, 320), "the ride that reaches 100 yuan is full, the next is not"
    assert latest.explanation is Explanation.MONTHLY_DISCOUNT
    assert MonthlySpend.objects.get(card_id=CARD).paid_fen == 9_900, "looking changes nothing"


def test_each_month_shows_its_own() -> None:
    ride(0, day=date(2026, 10, 30))
    ride(0)
    assert len(rides_of(CARD, date(2026, 10, 15), at=EVENING)) == 1
    assert len(rides_of(CARD, DAY, at=EVENING)) == 1
    assert rides_of(CARD, date(2026, 9, 1), at=EVENING) == []


def test_more_cards_than_fit_one_transaction_are_all_priced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "CARDS_PER_TRANSACTION", 3)
    for card_id in range(1, 9):
        ride(card_id, card_id=card_id)
    assert services.price_pending(EVENING, at=EVENING) == 8
    assert not PendingTap.objects.exists()
    assert Journey.objects.filter(fare_fen=400).count() == 8


@pytest.mark.django_db(transaction=True)
def test_priced_twice_at_once_is_priced_once() -> None:
    for card_id in range(1, 31):
        ride(card_id, card_id=card_id)
    made = at_once(4, lambda: services.price_pending(beijing_day_bounds(DAY)[1], at=EVENING))
    assert sum(made) == 30
    assert Journey.objects.count() == 30
    assert set(MonthlySpend.objects.values_list("paid_fen", flat=True)) == {400}
