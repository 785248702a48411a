"""One thing changed: nothing else moves that need not, and whoever is invited stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.linear_program import small_problem
from yikatong.campaign.persons import NOBODYS, slots_of
from yikatong.campaign.planner import load_of, plan
from yikatong.campaign.problem import ProblemWrong
from yikatong.campaign.whatif import close_place, compare, lose_production, more_demand, replan_rest


def test_a_closed_outlet_takes_nobody_and_its_people_are_counted_as_moved() -> None:
    problem = small_problem(1, tight=4.0)
    before = plan(problem)
    load = load_of(problem, before)
    busiest = int(load.sum(axis=1).argmax())
    changed = close_place(problem, busiest, range(problem.weeks))
    after = plan(changed)
    assert load_of(changed, after)[busiest].sum() == 0
    told = compare(problem, before, changed, after)
    assert told.moved_place >= load[busiest].sum()
    assert told.after.placed + told.after.unplaced == told.before.placed + told.before.unplaced
    assert problem.places.capacity[busiest].any(), "the first problem is left as it was"


def test_the_same_plan_twice_moves_nobody() -> None:
    problem = small_problem(2)
    made = plan(problem)
    told = compare(problem, made, problem, made)
    assert (told.moved_place, told.moved_week) == (0, 0)
    assert told.before == told.after


def test_a_week_without_production_has_no_cards_of_that_bank() -> None:
    problem = small_problem(3, tight=2.0)
    changed = lose_production(problem, 1, range(1, 3))
    load = load_of(changed, plan(changed))
    assert load[problem.places.bank == 1][:, 1:3].sum() == 0


def test_twice_the_demand_of_a_district_is_twice_its_people() -> None:
    problem = small_problem(4)
    communities = np.array([0, 1, 2])
    changed = more_demand(problem, communities, percent=200)
    here = np.isin(problem.cohorts.community, communities)
    assert (changed.cohorts.people[here] == 2 * problem.cohorts.people[here]).all()
    assert (changed.cohorts.people[~here] == problem.cohorts.people[~here]).all()


@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.sampled_from([0.5, 1.5]))
def test_whoever_is_invited_stays_and_nobody_else_comes_before(seed: int, through: int, tight: float) -> None:
    problem = small_problem(seed, tight=tight)
    made = plan(problem)
    chance = np.random.default_rng(seed)
    cohort_of = chance.permutation(np.repeat(np.arange(len(problem.cohorts), dtype=np.int32), problem.cohorts.people))
    person = np.arange(len(cohort_of))
    slots = slots_of(problem, made, cohort_of, person, seed=1)
    changed = lose_production(problem, 0, range(through + 1, problem.weeks))
    rest, after = replan_rest(changed, slots, cohort_of, person, invited_through=through, seed=2)
    stays = (slots.week != NOBODYS) & (slots.week <= through)
    assert (after.place[stays] == slots.place[stays]).all()
    assert (after.week[stays] == slots.week[stays]).all()
    moved = after.week[~stays]
    assert ((moved == NOBODYS) | (moved > through)).all()
    assert rest.gap == 0
    load = np.zeros(problem.places.capacity.shape, np.int64)
    placed = after.week != NOBODYS
    np.add.at(load, (after.place[placed], after.week[placed]), 1)
    assert (load <= problem.places.capacity).all()
    later = np.arange(problem.weeks) > through
    assert load[problem.places.bank == 0][:, later].sum() == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda problem: close_place(problem, 99, range(1)),
        lambda problem: close_place(problem, -1, range(1)),
        lambda problem: lose_production(problem, 99, range(1)),
        lambda problem: more_demand(problem, np.array([0]), percent=-1),
    ],
)
def test_what_there_is_not_cannot_be_changed(change: object) -> None:
    with pytest.raises(ProblemWrong):
        change(small_problem(0))  # type: ignore[operator]
