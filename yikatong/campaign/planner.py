"""Planning a whole campaign: every bank's flow, in as many processes as asked, and the sum of it in figures.

The plan is the best there is for the stated model (``problem``): its cost equals the bound that the dual prices prove.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from yikatong.campaign.flow import BankPlan, plan_bank
from yikatong.campaign.problem import Ints, Problem, Way


@dataclass(frozen=True)
class Plan:
    """All banks' parts, in the order of the banks; columns as in ``BankPlan``, one bank after another."""

    parts: tuple[BankPlan, ...]

    @property
    def cost_m(self) -> int:
        """Of all."""
        return sum(part.cost_m for part in self.parts)

    @property
    def bound_m(self) -> int:
        """What no plan can be under."""
        return sum(part.bound_m for part in self.parts)

    @property
    def gap(self) -> float:
        """How far the cost lies above the bound, of the cost; 0 when the plan is proved the best."""
        return (self.cost_m - self.bound_m) / self.cost_m if self.cost_m else 0.0

    @cached_property
    def unplaced(self) -> Ints:
        """People per cohort for whom there is no room."""
        return np.sum([part.unplaced for part in self.parts], axis=0, dtype=np.int64)

    @cached_property
    def ways(self) -> tuple[Ints, Ints, Ints]:
        """Cohort, place, people."""
        return self._column("way_cohort"), self._column("way_place"), self._column("way_people")

    @cached_property
    def slots(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Place, first week that its people could have come, week, people."""
        return (
            self._column("slot_place"),
            self._column("slot_start"),
            self._column("slot_week"),
            self._column("slot_people"),
        )

    def _column(self, name: str) -> Ints:
        return np.concatenate([np.empty(0, np.int64), *(getattr(part, name) for part in self.parts)])


@dataclass(frozen=True, slots=True)
class Figures:
    """What a plan means to people. Distances are of those who go to an outlet; load is of outlets in weeks that are used."""

    placed: int
    unplaced: int
    mean_distance_m: float
    mean_wait_weeks: float
    load_p95: float
    last_week: int


def plan(problem: Problem, *, processes: int = 1) -> Plan:
    """The best plan. Raises ``ProblemWrong``. ``processes``: how many banks at once."""
    problem.check()
    banks = _largest_first(problem)
    if processes == 1:
        parts = [plan_bank(problem, bank) for bank in banks]
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context, initializer=_take, initargs=(problem,)) as pool:
            parts = list(pool.map(_plan_taken, banks))
    return Plan(tuple(sorted(parts, key=lambda part: part.bank)))


def replan_bank(problem: Problem, before: Plan, bank: int) -> Plan:
    """The best plan after a change that meets one bank only: the others' parts stay. Raises ``ProblemWrong``."""
    problem.check()
    part = plan_bank(problem, bank)
    return Plan(tuple(part if each.bank == bank else each for each in before.parts))


def figures(problem: Problem, made: Plan) -> Figures:
    """The plan in figures."""
    places = problem.places
    metres, people = _walks(problem, made)
    _, start, week, coming = made.slots
    load = load_of(problem, made)
    is_used = (load > 0) & (places.way == Way.OUTLET)[:, None]
    shares = load[is_used] / places.capacity[is_used]
    placed = int(coming.sum())
    return Figures(
        placed=placed,
        unplaced=int(made.unplaced.sum()),
        mean_distance_m=int(metres @ people) / max(int(people.sum()), 1),
        mean_wait_weeks=int((week - start) @ coming) / max(placed, 1),
        load_p95=float(np.quantile(shares, 0.95)) if len(shares) else 0.0,
        last_week=int(week.max()) if len(week) else -1,
    )


def cost_of(problem: Problem, made: Plan) -> int:
    """What a plan costs by the problem's weights, counted from who goes where and when, not from how it was found."""
    metres, people = _walks(problem, made)
    _, start, week, coming = made.slots
    weights = problem.weights
    waited = int((week - start) @ coming) * weights.week_m
    busy = int(np.maximum(load_of(problem, made) - problem.calm(), 0).sum()) * weights.busy_m
    return int(metres @ people) + waited + busy + int(made.unplaced.sum()) * weights.unplaced_m


def load_of(problem: Problem, made: Plan) -> Ints:
    """How many come, places × weeks."""
    place, _, week, coming = made.slots
    load = np.zeros(problem.places.capacity.shape, np.int64)
    np.add.at(load, (place, week), coming)
    return load


def _walks(problem: Problem, made: Plan) -> tuple[Ints, Ints]:
    """Distance and people of each way to an outlet."""
    cohorts, places = problem.cohorts, problem.places
    cohort, place, people = made.ways
    at_outlet = places.way[place] == Way.OUTLET
    cohort, place = cohort[at_outlet], place[at_outlet]
    across = problem.community_position[cohorts.community[cohort]] - places.position[place]
    return np.rint(np.sqrt((across**2).sum(axis=1))).astype(np.int64), people[at_outlet]


_taken: list[Problem] = []


def _take(problem: Problem) -> None:
    _taken[:] = [problem]


def _plan_taken(bank: int) -> BankPlan:
    return plan_bank(_taken[0], bank)


def _largest_first(problem: Problem) -> list[int]:
    """The banks with most people first, so that no process ends up with a large one alone."""
    people = np.bincount(problem.cohorts.bank, weights=problem.cohorts.people, minlength=problem.banks)
    return [int(bank) for bank in np.argsort(-people, kind="stable")]
