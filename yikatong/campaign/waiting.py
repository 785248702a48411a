"""How long people wait at every place in every week of a plan, looked up in a table of simulated half-days.

Half-days with as many windows and as many people are alike. So each number of windows is simulated once (``queues``) for a row of
loads from an empty house to six times what the windows can do, and a week of a place is read off between the two nearest loads.
The loads and the seeds of the table do not depend on the plan: two plans that send as many people to a place tell the same
waiting, and what differs between them is the plans' doing.

Stated error against a simulation of that very week, many times over: 1 minute or 8 percent, whichever is more (tests). Above six
times the room waiting grows by a line, one handling a window for each further person. A place that is open for half-days of
several lengths, or with windows that change within a week, is not told apart.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from yikatong.campaign.problem import Ints, ProblemWrong
from yikatong.campaign.queues import Floats, Service, simulate

HALF_DAYS_PER_DAY = 2
_LOADS = np.r_[np.linspace(0.0, 0.6, 5), np.linspace(0.65, 1.4, 16), 1.6, 1.8, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0]
"""Loads of the table, as shares of what the windows can do; closest where waiting begins."""
_PEOPLE_EACH = 30_000
_HALF_DAYS_LEAST, _CROWDED_HALF_DAYS_LEAST = 400, 60
_CROWDED = 1.5
"""So many people or half-days are simulated for each load; fewer half-days where all of them are crowded and alike."""
MEDIAN, MOST = 0.5, 0.95


@dataclass(frozen=True, slots=True)
class PlaceWaiting:
    """Minutes from coming to being called, places × weeks: of half of the people at most ``p50``, of 95 % at most ``p95``."""

    p50: Floats
    p95: Floats


@dataclass(frozen=True, slots=True)
class _Row:
    """For one number of windows: people in a half-day, and the waiting with so many; beyond the last, minutes per person more."""

    people: Floats
    p50: Floats
    p95: Floats
    slope: float

    def at(self, people: Floats) -> tuple[Floats, Floats]:
        beyond = np.maximum(people - self.people[-1], 0.0) * self.slope
        return (
            np.interp(people, self.people, self.p50) + MEDIAN * beyond,
            np.interp(people, self.people, self.p95) + MOST * beyond,
        )


def waiting_of(coming: Ints, windows: Ints, days: Ints, service: Service, *, seed: int) -> PlaceWaiting:
    """``coming``: people invited, places × weeks; ``windows``: of each place, open for this; ``days``: working days of each week.

    People are spread evenly over a week's half-days. Raises ``ProblemWrong``, also for people without a window or a working day.
    """
    _check(coming, windows, days, service)
    half_days = np.maximum(days * HALF_DAYS_PER_DAY, 1)
    people = coming / half_days[None, :]
    p50, p95 = np.zeros(coming.shape), np.zeros(coming.shape)
    is_open = coming > 0
    for count in np.unique(windows[is_open.any(axis=1)]).tolist():
        here = is_open & (windows == count)[:, None]
        row = _row(count, float(people[here].max()), service, seed)
        p50[here], p95[here] = row.at(people[here])
    return PlaceWaiting(p50, p95)


def _row(windows: int, most: float, service: Service, seed: int) -> _Row:
    """The table's row as far as it is needed: each load is simulated by its own seed, however many there are."""
    room = float(service.room(np.array(windows)))
    loads = np.unique(np.rint(_LOADS * room).astype(np.int64))
    loads = loads[: int(np.searchsorted(loads, most)) + 1]
    told = np.array([_quantiles(windows, people, service, seed) for people in loads.tolist()]).T
    came = 1 - service.no_show + service.walk_in
    return _Row(loads.astype(np.float64), told[0], told[1], service.minutes * came / windows)


@cache
def _quantiles(windows: int, people: int, service: Service, seed: int) -> tuple[float, float]:
    """Half-days alike, many of them: the middle and the long waiting. Remembered, for they are no plan's own."""
    if not people:
        return 0.0, 0.0
    is_crowded = people > _CROWDED * float(service.room(np.array(windows)))
    times = max(_CROWDED_HALF_DAYS_LEAST if is_crowded else _HALF_DAYS_LEAST, _PEOPLE_EACH // people)
    lot = int(np.random.SeedSequence((seed % 2**64, windows, people)).generate_state(1, np.uint64)[0])
    waiting = simulate(np.full(times, people), np.full(times, windows), service, seed=lot)
    return waiting.quantile(MEDIAN), waiting.quantile(MOST)


def _check(coming: Ints, windows: Ints, days: Ints, service: Service) -> None:
    service.check()
    if coming.shape != (len(windows), len(days)):
        raise ProblemWrong(f"每周人数应为 {len(windows)} 个领卡点 × {len(days)} 周，实际为 {coming.shape}")
    if (coming < 0).any() or (windows < 0).any() or (days < 0).any():
        raise ProblemWrong("人数、窗口数和工作日数不能是负数")
    is_shut = (windows == 0)[:, None] | (days == 0)[None, :]
    if (is_shut & (coming > 0)).any():
        place, week = np.argwhere(is_shut & (coming > 0))[0]
        raise ProblemWrong(f"第 {place} 个领卡点第 {week + 1} 周没有窗口或工作日，却安排了 {coming[place, week]} 人")
