"""What if: a campaign with one thing changed, planned anew around those invited already, and set beside the first plan.

It changes no plan by itself: the card centre compares and decides.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from yikatong.campaign.persons import NOBODYS, Slots, slots_of
from yikatong.campaign.planner import Figures, Plan, figures, load_of, plan
from yikatong.campaign.problem import Ints, Problem, ProblemWrong


def close_place(problem: Problem, place: int, weeks: range) -> Problem:
    """A place that takes nobody in these weeks. Raises ``ProblemWrong`` for one that there is not."""
    _require(place, len(problem.places), "领卡点")
    capacity = problem.places.capacity.copy()
    capacity[place, weeks.start : weeks.stop] = 0
    return problem.with_places(replace(problem.places, capacity=capacity))


def lose_production(problem: Problem, bank: int, weeks: range) -> Problem:
    """A bank that makes no cards in these weeks. Raises ``ProblemWrong`` for one that there is not."""
    _require(bank, problem.banks, "银行")
    production = problem.production.copy()
    production[bank, weeks.start : weeks.stop] = 0
    return problem.with_production(production)


def more_demand(problem: Problem, communities: Ints, *, percent: int) -> Problem:
    """``percent`` of the people in these communities, 200 being twice as many; halves are rounded up. Raises ``ProblemWrong``."""
    if percent < 0:
        raise ProblemWrong(f"需求比例不能是负数：{percent}%")
    cohorts = problem.cohorts
    people = cohorts.people.copy()
    here = np.isin(cohorts.community, communities)
    people[here] = (people[here] * percent + 50) // 100
    return replace(problem, cohorts=replace(cohorts, people=people))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two plans side by side. ``moved_place``: people who are handed to another place, or to one at all, or to none any more;
    ``moved_week``: how many more or fewer come in a week, over all places and weeks, counted once for each who moves."""

    before: Figures
    after: Figures
    moved_place: int
    moved_week: int


def compare(problem: Problem, before: Plan, changed: Problem, after: Plan) -> Comparison:
    """``changed`` has the cohorts of ``problem``; how many people they have may differ."""
    sent = [np.zeros((len(problem.cohorts), len(problem.places)), np.int64) for _ in range(2)]
    for each, table in zip((before, after), sent, strict=True):
        cohort, place, people = each.ways
        np.add.at(table, (cohort, place), people)
    loads = [load_of(problem, before), load_of(changed, after)]
    return Comparison(
        figures(problem, before), figures(changed, after), _moved(sent[0], sent[1]), _moved(loads[0], loads[1])
    )


def replan_rest(
    problem: Problem,
    slots: Slots,
    cohort_of: NDArray[np.int32],
    person: Ints,
    *,
    invited_through: int,
    seed: int,
    processes: int = 1,
) -> tuple[Plan, Slots]:
    """Plan everybody anew but those invited up to and with week ``invited_through``, who keep place and week.

    ``problem`` is what is now so. Those weeks are over for all others. Returns the plan of the others, and everybody's slots.
    Raises ``ProblemWrong``.
    """
    stays = (slots.week != NOBODYS) & (slots.week <= invited_through)
    others = np.flatnonzero(~stays)
    rest = _without(problem, cohort_of[stays], invited_through)
    made = plan(rest, processes=processes)
    drawn = slots_of(rest, made, cohort_of[others], person[others], seed=seed)
    place, week = slots.place.copy(), slots.week.copy()
    place[others], week[others] = drawn.place, drawn.week
    return made, Slots(place, week)


def _without(problem: Problem, invited: NDArray[np.int32], through: int) -> Problem:
    people = problem.cohorts.people - np.bincount(invited, minlength=len(problem.cohorts))
    capacity, production = problem.places.capacity.copy(), problem.production.copy()
    capacity[:, : through + 1] = 0
    production[:, : through + 1] = 0
    return replace(
        problem,
        cohorts=replace(problem.cohorts, people=people),
        places=replace(problem.places, capacity=capacity),
        production=production,
    )


def _moved(before: Ints, after: Ints) -> int:
    """Who is somewhere else: the larger of all gains and all losses."""
    difference = after - before
    return int(max(difference[difference > 0].sum(), -difference[difference < 0].sum()))


def _require(row: int, count: int, what: str) -> None:
    if row < 0 or row >= count:
        raise ProblemWrong(f"没有第 {row} 个{what}，共有 {count} 个")
