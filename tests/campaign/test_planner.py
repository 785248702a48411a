"""The planner against a linear program of somebody else, and what no plan may do."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.linear_program import least_cost, small_problem
from yikatong.campaign.planner import Plan, cost_of, figures, plan, replan_bank
from yikatong.campaign.problem import Problem, ProblemWrong, Way

problems = st.builds(
    small_problem,
    st.integers(0, 2**32 - 1),
    communities=st.integers(1, 15),
    banks=st.integers(1, 4),
    places=st.integers(0, 14),
    weeks=st.integers(1, 8),
    cohorts=st.integers(0, 40),
    tight=st.sampled_from([0.2, 0.8, 1.0, 1.5, 4.0]),
)


def kept(problem: Problem, made: Plan) -> None:
    """Every limit is kept, and everybody is placed once or said to be left out."""
    cohorts, places = problem.cohorts, problem.places
    cohort, place, people = made.ways
    assert (people > 0).all()
    assert (cohorts.bank[cohort] == places.bank[place]).all()
    assert (cohorts.way[cohort] == places.way[place]).all()
    area = places.area[place]
    assert ((area < 0) | (area == problem.community_area[cohorts.community[cohort]])).all()
    placed = np.bincount(cohort, weights=people, minlength=len(cohorts))
    assert (placed + made.unplaced == cohorts.people).all()

    place, start, week, coming = made.slots
    assert (week >= start).all(), "nobody before they are eligible"
    load = np.zeros(places.capacity.shape, np.int64)
    np.add.at(load, (place, week), coming)
    assert (load <= places.capacity).all()
    made_cards = np.zeros(problem.production.shape, np.int64)
    np.add.at(made_cards, (places.bank[place], week), coming)
    assert (made_cards <= problem.production).all()

    doors: dict[tuple[int, int], int] = {}
    for one, where, many in zip(*made.ways, strict=True):
        door = int(where), int(cohorts.eligible_week[one])
        doors[door] = doors.get(door, 0) + int(many)
    for where, first, _, many in zip(*made.slots, strict=True):
        doors[int(where), int(first)] -= int(many)
    assert not any(doors.values()), "whoever goes to a place comes there in some week"


@given(problems)
def test_every_limit_is_kept_and_the_plan_is_proved_the_best(problem: Problem) -> None:
    made = plan(problem)
    kept(problem, made)
    assert made.cost_m == cost_of(problem, made)
    assert made.gap == 0


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("tight", [0.5, 1.0, 2.0])
def test_highs_finds_nothing_cheaper(seed: int, tight: float) -> None:
    problem = small_problem(seed, places=14, cohorts=40, tight=tight)
    assert plan(problem).cost_m == pytest.approx(least_cost(problem), abs=0.5)


def test_places_beyond_the_nearest_are_found_when_they_are_needed() -> None:
    """Ten near outlets are full; the eleventh, far away, is not."""
    problem = small_problem(1, communities=1, banks=1, places=11, weeks=1, cohorts=1)
    position = np.column_stack([np.arange(11) * 1_000.0, np.zeros(11)])
    capacity = np.zeros((11, 1), np.int64)
    capacity[10, 0] = 100
    outlets = np.full(11, Way.OUTLET, np.int64)
    problem = replace(
        problem,
        community_position=np.zeros((1, 2)),
        cohorts=replace(problem.cohorts, way=outlets[:1], eligible_week=np.zeros(1, np.int64), people=np.array([100])),
        places=replace(problem.places, way=outlets, area=np.full(11, -1), position=position, capacity=capacity),
        production=np.array([[100]]),
    )
    made = plan(problem)
    assert (made.cost_m, int(made.unplaced.sum()), made.gap) == (100 * 10_000 + 15 * 1_500, 0, 0), (
        "fifteen beyond 85 percent"
    )


def test_processes_change_nothing() -> None:
    problem = small_problem(5, banks=4, places=20, cohorts=80)
    alone, together = plan(problem), plan(problem, processes=2)
    for one, other in zip(alone.parts, together.parts, strict=True):
        for name in one.__slots__:
            assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_a_price_is_what_one_more_would_save() -> None:
    """The planner's word on each limit, held against the plan that has one more of it."""
    problem = small_problem(7, tight=0.7)
    made = plan(problem)
    checked = 0
    for part in made.parts:
        for week, price in enumerate(part.production_price_m):
            more = problem.production.copy()
            more[part.bank, week] += 1
            saved = made.cost_m - plan(problem.with_production(more)).cost_m
            assert 0 <= saved <= price
            checked += saved > 0
    assert checked, "some limit of production binds"


def test_losing_a_banks_week_meets_that_bank_only() -> None:
    problem = small_problem(3, banks=3, tight=1.5)
    before = plan(problem)
    less = problem.production.copy()
    less[1, 2] = 0
    after = replan_bank(problem.with_production(less), before, 1)
    kept(problem.with_production(less), after)
    assert after.parts[0] is before.parts[0]
    assert after.cost_m == plan(problem.with_production(less)).cost_m
    assert after.cost_m >= before.cost_m


def test_figures_say_what_a_plan_means() -> None:
    problem = small_problem(2, tight=4.0)
    told = figures(problem, plan(problem))
    assert told.placed + told.unplaced == problem.cohorts.people.sum()
    assert told.mean_distance_m > 0
    assert 0 < told.load_p95 <= 1
    assert 0 <= told.last_week < problem.weeks


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda p: replace(p, cohorts=replace(p.cohorts, bank=p.cohorts.bank + 9)), "居民组的银行"),
        (lambda p: replace(p, cohorts=replace(p.cohorts, people=p.cohorts.people - 99)), "居民组人数"),
        (lambda p: replace(p, cohorts=replace(p.cohorts, eligible_week=p.cohorts.eligible_week + 99)), "可申领周"),
        (lambda p: replace(p, cohorts=replace(p.cohorts, way=p.cohorts.way[1:])), "长度不同"),
        (lambda p: replace(p, production=p.production[:, 1:]), "可申领周|领卡点容量"),
        (lambda p: replace(p, production=p.production - 10**6), "制卡能力"),
        (lambda p: replace(p, community_position=p.community_position * np.nan), "坐标"),
    ],
)
def test_numbers_that_are_none_are_refused(change: object, told: str) -> None:
    with pytest.raises(ProblemWrong, match=told):
        plan(change(small_problem(0)))  # type: ignore[operator]
