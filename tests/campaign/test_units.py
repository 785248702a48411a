"""Units stay together, first enrolled are first served, and what they leave is for the others."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.linear_program import small_problem
from yikatong.campaign.persons import NOBODYS
from yikatong.campaign.planner import load_of, plan
from yikatong.campaign.problem import Problem, ProblemWrong
from yikatong.campaign.units import UnitRefusal, UnitRefused, Units, after_units, plan_units, refusal_words


def some_units(chance: np.random.Generator, count: int, *, banks: int, weeks: int) -> Units:
    """Each with one to three banks, the rows in an order by chance."""
    rows = [
        (unit, bank, chance.integers(1, 40), chance.integers(0, weeks))
        for unit in range(count)
        for bank in chance.choice(banks, chance.integers(1, min(banks, 3) + 1), replace=False)
    ]
    return Units(*chance.permutation(np.array(rows, np.int64).reshape(-1, 4)).T)


def banks_full_of_room(weeks: int, *, banks: int = 1, cards: int = 1_000) -> Problem:
    return replace(small_problem(0, banks=banks, weeks=weeks), production=np.full((banks, weeks), cards))


@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.sampled_from([5, 40, 400]))
def test_no_unit_is_split_and_no_limit_exceeded(seed: int, count: int, room: int) -> None:
    """Against the rule written plainly: unit after unit, week after week, bank after bank."""
    chance = np.random.default_rng(seed)
    problem = small_problem(seed, banks=4, weeks=6)
    units = some_units(chance, count, banks=4, weeks=6)
    capacity = chance.integers(0, room, (4, 6))
    planned = plan_units(problem, units, capacity)
    limit = np.minimum(capacity, problem.production)
    left = limit.copy()
    for unit in range(count):
        rows = np.flatnonzero(units.unit == unit)
        fitting = [
            week
            for week in range(int(units.eligible_week[rows].max()), problem.weeks)
            if all(left[units.bank[row], week] >= units.people[row] for row in rows)
        ]
        assert planned.week[unit] == (fitting[0] if fitting else NOBODYS)
        assert (unit in planned.refusal) == (not fitting)
        for row in rows if fitting else ():
            left[units.bank[row], fitting[0]] -= units.people[row]
    assert (left >= 0).all()
    assert (planned.load == limit - left).all()

    rest = after_units(problem, planned)
    cards = np.zeros(problem.production.shape, np.int64)
    np.add.at(cards, problem.places.bank, load_of(rest, plan(rest)))
    assert (cards + planned.load <= problem.production).all(), "units and the others share the production"


def test_who_enrolled_first_is_served_first() -> None:
    zeros = np.zeros(3, np.int64)
    units = Units(np.arange(3), zeros, np.array([500, 300, 400]), zeros)
    planned = plan_units(banks_full_of_room(3), units, np.full((1, 3), 800))
    assert planned.week.tolist() == [0, 0, 1]


def test_a_unit_comes_in_one_week_at_all_of_its_banks() -> None:
    """Bank 0 has room in week 0 and bank 1 in week 1; both have in week 2."""
    capacity = np.array([[100, 0, 100], [0, 100, 100]])
    units = Units(np.array([0, 0]), np.array([0, 1]), np.array([60, 40]), np.array([0, 0]))
    planned = plan_units(banks_full_of_room(3, banks=2), units, capacity)
    assert planned.week.tolist() == [2]
    assert planned.load.tolist() == [[0, 0, 60], [0, 0, 40]]


def test_a_unit_waits_for_the_last_of_its_people() -> None:
    units = Units(np.array([0, 0]), np.array([0, 1]), np.array([5, 5]), np.array([0, 2]))
    assert plan_units(banks_full_of_room(3, banks=2), units, np.full((2, 3), 9)).week.tolist() == [2]


def test_a_bank_named_twice_is_one_bank() -> None:
    units = Units(np.array([0, 0]), np.array([0, 0]), np.array([60, 60]), np.array([0, 0]))
    planned = plan_units(banks_full_of_room(2), units, np.array([[100, 120]]))
    assert planned.week.tolist() == [1]
    assert planned.load.tolist() == [[0, 120]]


def test_a_unit_without_a_week_is_told_why() -> None:
    zeros = np.zeros(4, np.int64)
    units = Units(np.arange(4), zeros, np.array([500, 500, 400, 501]), zeros)
    planned = plan_units(banks_full_of_room(2), units, np.full((1, 2), 500))
    assert planned.week.tolist() == [0, 1, NOBODYS, NOBODYS]
    assert planned.refusal == {
        2: UnitRefused(UnitRefusal.NO_WEEK_LEFT, 0, 400, 500),
        3: UnitRefused(UnitRefusal.LARGER_THAN_A_WEEK, 0, 501, 500),
    }
    told = [refusal_words(planned.refusal[unit], bank="工行") for unit in (2, 3)]
    assert told[0].startswith("工行在本次换发期内已没有能一次容纳本单位 400 人")
    assert told[1].startswith("本单位在工行有 501 人，超过该行每周最多 500 人")


@pytest.mark.parametrize(
    ("people", "capacity", "told"),
    [
        ((5, 50), [[9, 9], [40, 40]], UnitRefused(UnitRefusal.LARGER_THAN_A_WEEK, 1, 50, 40)),
        ((5, 40), [[9, 0], [0, 40]], UnitRefused(UnitRefusal.NO_WEEK_LEFT, 0, 5, 9)),  # each has a week, none is shared
        ((5, 5), [[9, 9], [0, 9]], None),
    ],
)
def test_a_refusal_names_the_bank_that_is_in_the_way(
    people: tuple[int, int], capacity: list[list[int]], told: UnitRefused | None
) -> None:
    zeros = np.zeros(2, np.int64)
    units = Units(zeros, np.arange(2), np.array(people), zeros)
    planned = plan_units(banks_full_of_room(2, banks=2), units, np.array(capacity))
    assert planned.refusal.get(0) == told


@pytest.mark.parametrize(
    ("units", "told"),
    [
        (Units(np.array([0]), np.array([9]), np.array([1]), np.array([0])), "单位的银行"),
        (Units(np.array([0]), np.array([0]), np.array([0]), np.array([0])), "单位的人数"),
        (Units(np.array([0]), np.array([0]), np.array([1]), np.array([99])), "单位的可申领周"),
        (Units(np.array([0]), np.array([0]), np.array([1, 2]), np.array([0])), "单位的人数：有 2 项"),
        (Units(np.array([-1]), np.array([0]), np.array([1]), np.array([0])), "单位的序号"),
        (Units(np.array([0, 2]), np.array([0, 0]), np.array([1, 1]), np.array([0, 0])), "连续编号"),
    ],
)
def test_units_that_cannot_be_are_refused(units: Units, told: str) -> None:
    problem = small_problem(0)
    with pytest.raises(ProblemWrong, match=told):
        plan_units(problem, units, np.zeros(problem.production.shape, np.int64))


@pytest.mark.parametrize("capacity", [np.zeros((1, 1), np.int64), np.full((3, 5), -1)])
def test_a_capacity_that_is_none_is_refused(capacity: np.ndarray) -> None:
    none = np.empty(0, np.int64)
    with pytest.raises(ProblemWrong, match="批量办理能力"):
        plan_units(small_problem(0), Units(none, none, none, none), capacity)
