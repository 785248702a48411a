"""Half-days end when they end, and people are spread over a week's in proportion to what is free, never beyond it."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.campaign.halves import NO_HALF_DAY, half_of, is_over, shares, spread

DAY = date(2026, 11, 9)


@pytest.mark.parametrize(
    ("beijing", "over"),
    [("09:00", set()), ("11:59", set()), ("12:00", {"am"}), ("16:59", {"am"}), ("17:00", {"am", "pm"})],
)
def test_a_half_day_is_over_at_noon_and_at_five(beijing: str, over: set[str]) -> None:
    at = datetime.fromisoformat(f"2026-11-09T{beijing}:00+08:00").astimezone(UTC)
    assert {half for half in ("am", "pm") if is_over(DAY, half, at)} == over
    assert not is_over(date(2026, 11, 10), "am", at)
    assert half_of(at) == ("am" if "am" not in over else "pm")


@pytest.mark.parametrize(
    ("free", "people", "expected"),
    [
        ([10, 10], 10, [5, 5]),
        ([10, 20], 9, [3, 6]),
        ([10, 10, 10], 1, [1, 0, 0]),  # the earlier among equals
        ([3, 0, 1], 9, [3, 0, 1]),  # more come than there is room
        ([0, 0], 4, [0, 0]),
        ([-2, 4], 2, [0, 2]),  # a half-day whose capacity was lowered below what is taken
        ([5, 7], 0, [0, 0]),
    ],
)
def test_shares_are_in_proportion_to_what_is_free(free: list[int], people: int, expected: list[int]) -> None:
    assert shares(np.array([free]), np.array([people])).tolist() == [expected]


WEEKS = st.integers(1, 10).flatmap(
    lambda halves: st.lists(st.lists(st.integers(0, 30), min_size=halves, max_size=halves), min_size=1, max_size=6)
)


@given(WEEKS, st.lists(st.integers(0, 5), max_size=200), st.integers(0, 2**63))
def test_no_half_day_gets_more_than_is_free_and_nobody_is_turned_away_while_there_is_room(
    weeks: list[list[int]], outlets: list[int], seed: int
) -> None:
    free = np.array(weeks)
    outlet = np.array([number % len(weeks) for number in outlets], np.int64)
    person = np.arange(1, len(outlet) + 1)
    found = spread(free, outlet, person, seed=seed)
    placed = found != NO_HALF_DAY
    given_out = np.zeros_like(free)
    np.add.at(given_out, (outlet[placed], found[placed]), 1)
    assert (given_out <= free).all()
    asked = np.bincount(outlet, minlength=len(free))
    assert (given_out.sum(axis=1) == np.minimum(asked, free.sum(axis=1))).all()


def test_the_order_of_the_people_plays_no_part_and_the_seed_does() -> None:
    free, person = np.array([[5, 5, 5, 5]]), np.arange(100, 120)
    outlet = np.zeros(20, np.int64)
    first = dict(zip(person.tolist(), spread(free, outlet, person, seed=1).tolist(), strict=True))
    turned = dict(zip(person[::-1].tolist(), spread(free, outlet, person[::-1], seed=1).tolist(), strict=True))
    other = dict(zip(person.tolist(), spread(free, outlet, person, seed=2).tolist(), strict=True))
    assert first == turned
    assert first != other
