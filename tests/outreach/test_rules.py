"""Shares, what changed since the helper left, and clocks that are wrong."""

from datetime import timedelta

import pytest

from tests.cast import HOUR, NOON
from yikatong.outreach.rules import Facts, Reason, changed_since, shares, shown_within

HERE = Facts("retiree", "110101001001")


@pytest.mark.parametrize(
    ("capacity", "helpers", "each"),
    [(6, 1, [6]), (6, 4, [2, 2, 1, 1]), (1, 3, [1, 0, 0]), (0, 2, [0, 0]), (-3, 2, [0, 0]), (6, 0, [])],
)
def test_a_streets_visits_are_shared_evenly(capacity: int, helpers: int, each: list[int]) -> None:
    assert shares(capacity, helpers) == each


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (HERE, None),
        (Facts("retiree", "110101001002"), None),  # another community of the same street
        (None, Reason.PERSON_GONE),
        (Facts("resident", "110101001001"), Reason.CATEGORY_CHANGED),
        (Facts("retiree", "110101002001"), Reason.PERSON_MOVED),
        (Facts("resident", "110101002001"), Reason.CATEGORY_CHANGED),
    ],
)
def test_what_changed_since_the_helper_left(now: Facts | None, reason: Reason | None) -> None:
    assert changed_since(HERE, now) is reason


@pytest.mark.parametrize(
    ("shown", "counted"),
    [(HOUR, HOUR), (-HOUR, timedelta()), (5 * HOUR, 3 * HOUR)],
    ids=["between", "clock behind", "clock ahead"],
)
def test_a_list_was_shown_while_the_device_had_it(shown: timedelta, counted: timedelta) -> None:
    assert shown_within(NOON + shown, made_at=NOON, received_at=NOON + 3 * HOUR) == NOON + counted
