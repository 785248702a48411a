"""Which taps make a ride, and what it costs."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.city.network import metro_network
from yikatong.city.tariffs import MetroTariff, load_metro_tariff
from yikatong.foundation.clock import BEIJING
from yikatong.scenarios.transit.rules import (
    Explanation,
    GateTap,
    Ride,
    TapKind,
    discount_percent,
    distance_fare_fen,
    pair_taps,
    price_month,
    price_ride,
)

START = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
END = START + timedelta(days=2)
TARIFF, NETWORK = load_metro_tariff(), metro_network()


def tap(kind: str, minute: int, station: str = "国贸") -> GateTap:
    return GateTap(START + timedelta(minutes=minute), "900100000001", minute + 1, TapKind(kind), station)


def ride(start: str, goal: str, minutes: int = 30) -> Ride:
    return Ride(tap("entry", 0, start), tap("exit", minutes, goal))


@pytest.mark.parametrize(
    ("taps", "rides", "waiting"),
    [
        ([("entry", 0), ("exit", 30)], [(0, 30)], []),
        ([("entry", 0), ("exit", 30), ("entry", 60), ("exit", 90)], [(0, 30), (60, 90)], []),
        ([("entry", 0), ("entry", 60), ("exit", 90)], [(0, None), (60, 90)], []),
        ([("exit", 30)], [(None, 30)], []),
        ([("entry", 0), ("exit", 1201)], [(0, None), (None, 1201)], []),  # pair_within is 1,200 minutes
        ([("entry", 0), ("exit", 1200)], [(0, 1200)], []),
        ([("entry", 2000)], [], [2000]),  # still inside at the cut-off
        ([("entry", 0)], [(0, None)], []),  # too long inside
        ([("entry", 0), ("exit", 2900)], [(0, None)], [2900]),  # the exit lies after the cut-off
    ],
)
def test_pairing(taps: list[tuple[str, int]], rides: list[tuple[int | None, int | None]], waiting: list[int]) -> None:
    pairing = pair_taps([tap(*one) for one in taps], until=END, pair_within=TARIFF.pair_within)

    def minute(found: GateTap | None) -> int | None:
        return None if found is None else int((found.at - START).total_seconds() // 60)

    assert [(minute(found.entry), minute(found.exit)) for found in pairing.rides] == rides
    assert [minute(found) for found in pairing.waiting] == waiting


@given(
    st.lists(st.tuples(st.sampled_from(["entry", "exit"]), st.integers(0, 2880)), max_size=12, unique_by=lambda t: t[1])
)
def test_pairing_uses_every_tap_once_whatever_the_order_of_arrival(taps: list[tuple[str, int]]) -> None:
    given_taps = [tap(*one) for one in taps]
    pairing = pair_taps(given_taps, until=END, pair_within=TARIFF.pair_within)
    assert pairing == pair_taps(reversed(given_taps), until=END, pair_within=TARIFF.pair_within)
    used = [part for found in pairing.rides for part in (found.entry, found.exit) if part] + list(pairing.waiting)
    assert sorted(used) == sorted(given_taps)


@pytest.mark.parametrize(
    ("distance_m", "fare_fen"),
    [
        (0, 300),
        (6000, 300),
        (6099, 300),  # distances count in whole 100 m
        (6100, 400),
        (12099, 400),
        (12100, 500),
        (22100, 600),
        (32099, 600),
        (32100, 700),
        (52099, 700),
        (52100, 800),
        (92100, 1000),
        (112100, 1100),
    ],
)
def test_fare_by_distance(distance_m: int, fare_fen: int) -> None:
    step_m = TARIFF.rule.distance_step_m
    assert distance_fare_fen(TARIFF.main_network, distance_m, step_m=step_m) == fare_fen


@pytest.mark.parametrize(
    ("start", "goal", "minutes", "spent_fen", "fare_fen", "explanation"),
    [
        ("国贸", "西单", 30, 0, 400, Explanation.DISTANCE),  # 7,165 m on line 1
        ("国贸", "国贸", 10, 0, 300, Explanation.DISTANCE),
        ("国贸", "西单", 30, 10000, 320, Explanation.MONTHLY_DISCOUNT),
        ("国贸", "西单", 30, 15000, 200, Explanation.MONTHLY_DISCOUNT),
        ("国贸", "西单", 30, 40000, 400, Explanation.DISTANCE),
        ("东直门", "3号航站楼", 40, 15000, 2500, Explanation.AIRPORT_LINE),
        ("国贸", "西单", 241, 0, 700, Explanation.OVERSTAY),
    ],
)
def test_price(start: str, goal: str, minutes: int, spent_fen: int, fare_fen: int, explanation: Explanation) -> None:
    fare = price_ride(ride(start, goal, minutes), network=NETWORK, tariff=TARIFF, spent_fen=spent_fen)
    assert (fare.fare_fen, fare.explanation) == (fare_fen, explanation)


@pytest.mark.parametrize(
    ("lonely", "explanation"),
    [
        (Ride(tap("entry", 0), None), Explanation.NO_EXIT),
        (Ride(None, tap("exit", 0)), Explanation.NO_ENTRY),
    ],
)
def test_a_missing_half_costs_the_lowest_fare(lonely: Ride, explanation: Explanation) -> None:
    fare = price_ride(lonely, network=NETWORK, tariff=TARIFF, spent_fen=20000)
    assert (fare.fare_fen, fare.discountable_fen, fare.explanation) == (300, 0, explanation)


@pytest.mark.parametrize(
    ("spent_fen", "percent"), [(0, 100), (9999, 100), (10000, 80), (14999, 80), (15000, 50), (39999, 50), (40000, 100)]
)
def test_monthly_tiers(spent_fen: int, percent: int) -> None:
    assert discount_percent(TARIFF, spent_fen) == percent


def test_each_ride_counts_before_the_next_is_priced() -> None:
    spent = {START.date().replace(day=1): 9900}
    rides = [Ride(tap("entry", n * 100, "国贸"), tap("exit", n * 100 + 30, "西单")) for n in range(3)]
    priced = price_month(rides, network=NETWORK, tariff_on=lambda _: TARIFF, spent_by_month=spent)
    assert [fare.fare_fen for _, fare in priced] == [400, 320, 320]
    assert spent == {START.date().replace(day=1): 9900 + 400 + 320 + 320}


def early_ride(when: str, start: str = "土桥", goal: str = "国贸") -> Ride:
    """A ride of half an hour; ``when`` is Beijing's time."""
    at = datetime.fromisoformat(when).replace(tzinfo=BEIJING)
    return Ride(
        GateTap(at, "900100000001", 1, TapKind.ENTRY, start),
        GateTap(at + timedelta(minutes=30), "900100000002", 1, TapKind.EXIT, goal),
    )


@pytest.mark.parametrize(
    ("ride_made", "spent_fen", "fare_fen", "explanation"),
    [
        (early_ride("2026-11-23T06:30:00"), 0, 250, Explanation.EARLY_BIRD),  # a Monday; 5 yuan otherwise
        (early_ride("2026-11-23T07:00:00"), 0, 250, Explanation.EARLY_BIRD),
        (early_ride("2026-11-23T07:00:01"), 0, 500, Explanation.DISTANCE),
        (early_ride("2026-11-22T06:30:00"), 0, 500, Explanation.DISTANCE),  # a Sunday
        (early_ride("2026-10-01T06:30:00"), 0, 500, Explanation.DISTANCE),  # National Day, a Thursday
        (early_ride("2026-10-10T06:30:00"), 0, 250, Explanation.EARLY_BIRD),  # a Saturday worked for it
        (early_ride("2026-11-23T06:30:00", "国贸", "土桥"), 0, 500, Explanation.DISTANCE),  # another way
        (early_ride("2026-11-23T06:30:00"), 10000, 200, Explanation.EARLY_BIRD),  # on top of 80 %
        (early_ride("2026-11-23T06:30:00"), 15000, 125, Explanation.EARLY_BIRD),  # on top of 50 %
        (
            early_ride("2026-11-23T06:30:00", goal="3号航站楼"),
            0,
            3100,
            Explanation.DISTANCE,
        ),  # 6 yuan and the airport's 25
    ],
)
def test_an_early_entry_halves_what_the_month_leaves(
    ride_made: Ride, spent_fen: int, fare_fen: int, explanation: Explanation
) -> None:
    fare = price_ride(ride_made, network=NETWORK, tariff=TARIFF, spent_fen=spent_fen)
    assert (fare.fare_fen, fare.explanation) == (fare_fen, explanation)


def test_without_an_early_rule_nothing_is_halved() -> None:
    tariff = replace(TARIFF, early_bird=None)
    assert price_ride(early_ride("2026-11-23T06:30:00"), network=NETWORK, tariff=tariff, spent_fen=0).fare_fen == 500


def test_a_ride_that_arrives_late_costs_what_it_cost_on_its_day() -> None:
    dearer = replace(TARIFF, rule=replace(TARIFF.rule, unmatched_fare_fen=999))
    change = date(2026, 11, 4)

    def tariff_on(day: date) -> MetroTariff:
        return dearer if day >= change else TARIFF

    rides = [Ride(tap("entry", day * 1440), None) for day in range(4)]  # from 2 November on
    priced = price_month(rides, network=NETWORK, tariff_on=tariff_on, spent_by_month={})
    assert [fare.fare_fen for _, fare in priced] == [300, 300, 999, 999]
