"""What a plan feels like at the counter: arrivals and service of every half-day, minute by minute, by chance from a seed.

Each half-day of a place begins with empty windows. Invited people come about their appointed minute or not at all, others walk
in; whoever came first goes to the window that is free first. All half-days are walked through side by side, one arrival after
another, so that a city's week takes seconds. Source: assumption (every number in ``Service``; measure at counters, replace them).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yikatong.campaign.problem import Ints, ProblemWrong

type Floats = NDArray[np.float64]

HALF_DAYS_PER_WEEK = 10


@dataclass(frozen=True, slots=True)
class Service:
    """How people come and how long they take. Minutes; shares of those invited.

    Service times are lognormal with this mean and this coefficient of variation; ``late_minutes`` is the spread of arrivals about
    the appointed minute.
    """

    minutes: float = 8.0
    variation: float = 0.6
    half_day_minutes: float = 210.0
    no_show: float = 0.08
    walk_in: float = 0.05
    late_minutes: float = 6.0

    def check(self) -> None:
        """Raise ``ProblemWrong`` for numbers that are none."""
        if self.minutes <= 0 or self.half_day_minutes <= 0 or self.variation < 0 or self.late_minutes < 0:
            raise ProblemWrong("办理时间和半天长度应大于 0，波动不能是负数")
        if not (0 <= self.no_show <= 1 and self.walk_in >= 0):
            raise ProblemWrong("爽约率应在 0 到 1 之间，临时到访率不能是负数")

    def room(self, windows: Ints) -> Floats:
        """How many people so many windows serve in a half-day when they never stand idle."""
        return np.asarray(windows * (self.half_day_minutes / self.minutes), np.float64)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The waiting of those who came. ``lane``: their half-day, ``minutes``: from coming to being called.

    Per half-day, ``came``: people; ``worked_minutes``: of all windows; ``over_minutes``: how long after its end the last leaves.
    """

    lane: NDArray[np.int64]
    minutes: Floats
    came: Ints
    worked_minutes: Floats
    over_minutes: Floats

    def quantile(self, share: float) -> float:
        """Of everybody; 0 when nobody came."""
        return float(np.quantile(self.minutes, share)) if len(self.minutes) else 0.0

    def by_lane(self, share: float, group: Ints) -> Floats:
        """A quantile for each group of half-days (``group``: each half-day's, for example its outlet)."""
        groups = int(group.max()) + 1 if len(group) else 0
        told = np.zeros(groups)
        of = group[self.lane]
        order = np.lexsort((self.minutes, of))
        counts = np.bincount(of, minlength=groups)
        ends = np.cumsum(counts)
        here = counts > 0
        place = ends - counts + np.floor(share * np.maximum(counts - 1, 0)).astype(np.int64)
        told[here] = self.minutes[order][place[here]]
        return told


def half_days(load: Ints) -> Ints:
    """A week's people, places × weeks, spread over its half-days: places × weeks × 10, the earlier ones taking what is left."""
    each, left = np.divmod(load, HALF_DAYS_PER_WEEK)
    return each[..., None] + (np.arange(HALF_DAYS_PER_WEEK) < left[..., None])


def simulate(invited: Ints, windows: Ints, service: Service, *, seed: int) -> Waiting:
    """``invited``, ``windows``: people and open windows of each half-day. Raises ``ProblemWrong``.

    A half-day without windows serves nobody: people there are an error, not a queue without end.
    """
    service.check()
    if len(invited) != len(windows):
        raise ProblemWrong(f"人数有 {len(invited)} 个半天，窗口有 {len(windows)} 个")
    if ((windows < 1) & (invited > 0)).any() or (invited < 0).any():
        raise ProblemWrong("有人被约到没有开放窗口的半天，或人数是负数")
    chance = np.random.default_rng(seed)
    arrivals, came = _arrivals(np.where(windows > 0, invited, 0), service, chance)
    took = _service_times(arrivals.shape, service, chance)
    waits, over = walk(arrivals, came, took, windows, service.half_day_minutes)
    is_there = np.arange(arrivals.shape[1])[None, :] < came[:, None]
    lane = np.broadcast_to(np.arange(len(invited))[:, None], arrivals.shape)
    worked = np.where(is_there, took, 0.0).sum(axis=1)
    return Waiting(lane[is_there], waits[is_there], came, worked, over)


def walk(arrivals: Floats, came: Ints, took: Floats, windows: Ints, half_day_minutes: float) -> tuple[Floats, Floats]:
    """Each one's waiting, half-days × people in the order they came, and how long after its end each half-day goes on.

    ``arrivals``: ascending in each row, the first ``came`` of it count; ``took``: how long each takes.
    """
    lanes, longest = arrivals.shape
    most = int(windows.max()) if lanes else 0
    free = np.where(np.arange(most)[None, :] < windows[:, None], 0.0, np.inf)
    waits = np.zeros(arrivals.shape)
    rows = np.arange(lanes)
    for number in range(longest):
        here = rows[came > number]
        if not len(here):
            break
        window = free[here].argmin(axis=1)
        begin = np.maximum(free[here, window], arrivals[here, number])
        waits[here, number] = begin - arrivals[here, number]
        free[here, window] = begin + took[here, number]
    last = np.where(np.isfinite(free), free, 0.0).max(axis=1) if most else np.zeros(lanes)
    return waits, np.maximum(last - half_day_minutes, 0.0)


def _arrivals(invited: Ints, service: Service, chance: np.random.Generator) -> tuple[Floats, Ints]:
    """Minutes of coming, ascending, and how many came; appointments lie evenly over the half-day."""
    walk_ins = chance.poisson(invited * service.walk_in)
    appointed = int(invited.max()) if len(invited) else 0
    others = int(walk_ins.max()) if len(walk_ins) else 0
    number = np.arange(appointed)[None, :]
    minute = (number + 0.5) * (service.half_day_minutes / np.maximum(invited, 1))[:, None]
    minute = np.maximum(minute + chance.normal(0.0, service.late_minutes, minute.shape), 0.0)
    stays_away = (number >= invited[:, None]) | (chance.random(minute.shape) < service.no_show)
    minute[stays_away] = np.inf
    walking = chance.uniform(0.0, service.half_day_minutes, (len(invited), others))
    walking[np.arange(others)[None, :] >= walk_ins[:, None]] = np.inf
    arrivals = np.sort(np.concatenate([minute, walking], axis=1), axis=1)
    return arrivals, np.isfinite(arrivals).sum(axis=1)


def _service_times(shape: tuple[int, ...], service: Service, chance: np.random.Generator) -> Floats:
    spread = np.log1p(service.variation**2)
    return chance.lognormal(np.log(service.minutes) - spread / 2, np.sqrt(spread), shape)
