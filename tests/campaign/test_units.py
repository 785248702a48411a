"""Units stay together, first enrolled are first served, and what they leave is for the others."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.linear_program import small_problem
from yikatong.campaign.persons import NOBODYS
from yikatong.campaign.planner import load_of, plan
from yikatong.campaign.problem import ProblemWrong
from yikatong.campaign.units import UnitRefusal, Units, after_units, plan_units, refusal_words


@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.sampled_from([5, 40, 400]))
def test_no_unit_is_split_and_no_limit_exceeded(seed: int, count: int, room: int) -> None:
    chance = np.random.default_rng(seed)
    problem = small_problem(seed, banks=3, weeks=6)
    units = Units(chance.integers(0, 3, count), chance.integers(1, 60, count), chance.integers(0, 6, count))
    capacity = chance.integers(0, room, (3, 6))
    planned = plan_units(problem, units, capacity)
    limit = np.minimum(capacity, problem.production)
    left = limit.copy()
    for row in range(count):
        bank, people, since = units.bank[row], units.people[row], units.eligible_week[row]
        week = planned.week[row]
        until = problem.weeks if week == NOBODYS else week
        assert (left[bank, since:until] < people).all(), "no earlier week had room for all of them"
        assert (week == NOBODYS) == (row in planned.refusal)
        if week != NOBODYS:
            assert week >= since
            left[bank, week] -= people
    assert (left >= 0).all()
    assert (planned.load == limit - left).all()

    rest = after_units(problem, planned)
    cards = np.zeros(problem.production.shape, np.int64)
    load = load_of(rest, plan(rest))
    np.add.at(cards, problem.places.bank, load)
    assert (cards + planned.load <= problem.production).all(), "units and the others share the production"


def test_who_enrolled_first_is_served_first() -> None:
    problem = replace(small_problem(0, banks=1, weeks=3), production=np.full((1, 3), 1_000))
    zeros = np.zeros(3, np.int64)
    planned = plan_units(problem, Units(zeros, np.array([500, 300, 400]), zeros), np.full((1, 3), 800))
    assert planned.week.tolist() == [0, 0, 1]


def test_a_unit_without_a_week_is_told_why() -> None:
    problem = replace(small_problem(0, banks=1, weeks=2), production=np.full((1, 2), 1_000))
    zeros = np.zeros(4, np.int64)
    planned = plan_units(problem, Units(zeros, np.array([500, 500, 400, 501]), zeros), np.full((1, 2), 500))
    assert planned.week.tolist() == [0, 1, NOBODYS, NOBODYS]
    assert planned.refusal == {2: UnitRefusal.NO_WEEK_LEFT, 3: UnitRefusal.LARGER_THAN_A_WEEK}
    told = [refusal_words(planned.refusal[row], people=people, most=500) for row, people in ((2, 400), (3, 501))]
    assert "能一次容纳 400 人" in told[0]
    assert "每周最多 500 人" in told[1]


@pytest.mark.parametrize(
    ("units", "told"),
    [
        (Units(np.array([9]), np.array([1]), np.array([0])), "单位的银行"),
        (Units(np.array([0]), np.array([0]), np.array([0])), "单位的人数"),
        (Units(np.array([0]), np.array([1]), np.array([99])), "单位的可申领周"),
        (Units(np.array([0]), np.array([1, 2]), np.array([0])), "单位的人数：有 2 项"),
    ],
)
def test_units_that_cannot_be_are_refused(units: Units, told: str) -> None:
    problem = small_problem(0)
    with pytest.raises(ProblemWrong, match=told):
        plan_units(problem, units, np.zeros(problem.production.shape, np.int64))


def test_a_capacity_of_another_shape_is_refused() -> None:
    problem = small_problem(0)
    none = np.empty(0, np.int64)
    with pytest.raises(ProblemWrong, match="批量办理能力"):
        plan_units(problem, Units(none, none, none), np.zeros((1, 1), np.int64))
