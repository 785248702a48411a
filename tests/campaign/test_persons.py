"""From people to cohorts and back: the plan's numbers to the head, by a draw that anybody can repeat."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.linear_program import small_problem
from yikatong.campaign.greedy import plan_greedily
from yikatong.campaign.persons import NOBODYS, Slots, drawn, grouped, slots_of
from yikatong.campaign.planner import Plan, figures, plan
from yikatong.campaign.problem import Cohorts, Problem, ProblemWrong


def people_of(problem: Problem, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Each person's cohort and number, in an order by chance."""
    cohort_of = chance.permutation(np.repeat(np.arange(len(problem.cohorts), dtype=np.int32), problem.cohorts.people))
    return cohort_of, chance.choice(10**9, len(cohort_of), replace=False)


def assert_as_planned(problem: Problem, made: Plan, cohort_of: np.ndarray, slots: Slots) -> None:
    """Exactly the plan's numbers, and nobody at a place that is not theirs or before their week."""
    is_placed = slots.place != NOBODYS
    assert ((slots.week != NOBODYS) == is_placed).all()
    cohort, place, people = made.ways
    sent = np.zeros((len(problem.cohorts), len(problem.places)), np.int64)
    np.add.at(sent, (cohort, place), people)
    got = np.zeros_like(sent)
    np.add.at(got, (cohort_of[is_placed], slots.place[is_placed]), 1)
    assert (sent == got).all()
    load = np.zeros((len(problem.places), problem.weeks), np.int64)
    np.add.at(load, (slots.place[is_placed], slots.week[is_placed]), 1)
    planned = np.zeros_like(load)
    place, _, week, coming = made.slots
    np.add.at(planned, (place, week), coming)
    assert (load == planned).all()
    assert (slots.week[is_placed] >= problem.cohorts.eligible_week[cohort_of[is_placed]]).all()


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 1.0, 3.0]), st.booleans())
def test_everybody_gets_the_slot_that_was_planned_for_one_like_them(seed: int, tight: float, greedy: bool) -> None:
    problem = small_problem(seed, tight=tight)
    made = plan_greedily(problem) if greedy else plan(problem)
    cohort_of, person = people_of(problem, np.random.default_rng(seed))
    assert_as_planned(problem, made, cohort_of, slots_of(problem, made, cohort_of, person, seed=seed))


def test_the_draw_depends_on_seed_and_person_and_not_on_the_order_of_the_register() -> None:
    problem = small_problem(4, tight=0.6)
    made = plan(problem)
    chance = np.random.default_rng(4)
    cohort_of, person = people_of(problem, chance)
    first = slots_of(problem, made, cohort_of, person, seed=7)
    shuffled = chance.permutation(len(person))
    again = slots_of(problem, made, cohort_of[shuffled], person[shuffled], seed=7)
    assert (again.place == first.place[shuffled]).all()
    assert (again.week == first.week[shuffled]).all()
    other = slots_of(problem, made, cohort_of, person, seed=8)
    assert (other.week != first.week).any()


def test_no_community_comes_first() -> None:
    """Two communities, one outlet, two weeks, room for half in each: the draw divides both alike."""
    problem = small_problem(0, communities=2, banks=1, places=1, weeks=2, cohorts=2)
    people = np.array([4_000, 4_000])
    zeros = np.zeros(2, np.int64)
    problem = Problem(
        np.zeros((2, 2)),
        zeros,
        Cohorts(np.arange(2), zeros, zeros, zeros, people),
        type(problem.places)(zeros[:1], zeros[:1], zeros[:1] - 1, np.zeros((1, 2)), np.array([[4_000, 4_000]])),
        np.array([[8_000, 8_000]]),
    )
    cohort_of = np.repeat(np.arange(2, dtype=np.int32), people)
    slots = slots_of(problem, plan(problem), cohort_of, np.arange(8_000), seed=1)
    early = np.bincount(cohort_of[slots.week == 0], minlength=2)
    assert early.sum() == 4_000
    assert abs(int(early[0]) - 2_000) < 150, "within five standard deviations"


def test_people_who_were_not_planned_are_refused() -> None:
    problem = small_problem(0)
    cohort_of, person = people_of(problem, np.random.default_rng(0))
    with pytest.raises(ProblemWrong, match="重新分组"):
        slots_of(problem, plan(problem), cohort_of[1:], person[1:], seed=1)


def test_grouping_counts_everybody_once() -> None:
    chance = np.random.default_rng(1)
    columns = [chance.integers(0, below, 5_000) for below in (50, 4, 3, 6)]
    told = grouped(*columns, banks=4, weeks=6)
    cohorts = told.cohorts
    assert cohorts.people.sum() == 5_000
    assert (cohorts.people > 0).all()
    rows = np.column_stack([cohorts.community, cohorts.bank, cohorts.way, cohorts.eligible_week])
    assert (rows[told.cohort_of] == np.column_stack(columns)).all()
    assert len(np.unique(rows, axis=0)) == len(rows)


@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("value", [-1, 99])
def test_people_with_an_impossible_entry_are_refused(column: int, value: int) -> None:
    columns = [np.zeros(3, np.int64) for _ in range(4)]
    columns[column][1] = value
    if (column, value) == (0, 99):
        assert grouped(*columns, banks=4, weeks=6).cohorts.community.max() == 99
        return
    with pytest.raises(ProblemWrong, match="应在 0 到"):
        grouped(*columns, banks=4, weeks=6)


def test_nobody_at_all_is_a_plan_too() -> None:
    nobody = np.empty(0, np.int64)
    told = grouped(nobody, nobody, nobody, nobody, banks=3, weeks=5)
    assert len(told.cohorts) == 0
    assert len(told.cohort_of) == 0


def test_the_draw_is_splitmix64() -> None:
    """The first outputs of the published generator from seed 0, whose n-th state is n times the golden gamma."""
    assert [hex(value) for value in drawn(np.arange(1, 4), 0)] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 1.0, 2.0]))
def test_planning_is_never_worse_than_not_planning(seed: int, tight: float) -> None:
    problem = small_problem(seed, tight=tight)
    assert figures(problem, plan(problem)).unplaced <= figures(problem, plan_greedily(problem)).unplaced
