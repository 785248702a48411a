"""From days to weeks: how much a place takes or a bank makes in each week of a plan, day by day, with what departs from it.

Pure: no I/O, no clock. Working days and values of each day are given by the caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from yikatong.campaign.problem import Ints

DAYS = 7


@dataclass(frozen=True, slots=True)
class Override:
    """From ``first`` until ``last`` (``None``: for good), ``row`` takes ``per_day`` on each working day."""

    row: int
    per_day: int
    first: date
    last: date | None


def weekly(per_day: Ints, working: Ints, starts_on: date, overrides: Sequence[Override] = ()) -> Ints:
    """Rows × weeks. ``per_day``: rows × weeks, what a working day of that week takes; ``working``: 1 or 0 for each day.

    Of two overrides of one day the later in the list holds.
    """
    weeks = len(working) // DAYS
    found = per_day * working.reshape(weeks, DAYS).sum(axis=1)[None, :]
    for row in {override.row for override in overrides}:
        daily = np.repeat(per_day[row], DAYS)
        for override in overrides:
            if override.row == row:
                first = max((override.first - starts_on).days, 0)
                last = len(working) if override.last is None else (override.last - starts_on).days + 1
                daily[first : max(last, 0)] = override.per_day
        found[row] = (daily * working).reshape(weeks, DAYS).sum(axis=1)
    return found


def week_of(day: date, starts_on: date) -> int:
    """The number of the week a day lies in; negative before the first."""
    return (day - starts_on).days // DAYS


def mondays(starts_on: date, weeks: int) -> list[date]:
    """The first day of each week."""
    return [starts_on + timedelta(weeks=week) for week in range(weeks)]
