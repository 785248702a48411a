"""Small campaigns by chance through the whole planner (units, blanks, plan, draw, families): what holds of every one of them."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.linear_program import small_problem
from yikatong.campaign.blanks import within_stock
from yikatong.campaign.families import keep_together
from yikatong.campaign.persons import NOBODYS, Slots, slots_of
from yikatong.campaign.planner import Plan, cost_of, load_of, plan
from yikatong.campaign.problem import Problem, Way, distances_m
from yikatong.campaign.units import UnitPlan, Units, after_units, plan_units

WEEKS, BANKS, COMMUNITIES = 5, 3, 6


@dataclass(frozen=True, slots=True)
class Campaign:
    """A city, and all that the planner made of it."""

    problem: Problem
    opening: np.ndarray
    units: Units
    capacity: np.ndarray
    of_units: UnitPlan
    rest: Problem
    made: Plan
    cohort_of: np.ndarray
    guardian_of: np.ndarray
    drawn: Slots
    slots: Slots
    apart: int


def campaign_of(seed: int, tight: float) -> Campaign:
    """Everything by chance from the seed."""
    chance = np.random.default_rng(seed)
    problem = small_problem(seed, communities=COMMUNITIES, banks=BANKS, weeks=WEEKS, tight=tight)
    opening = chance.integers(0, 2 * int(problem.production.sum()) // BANKS + 1, BANKS)
    problem = problem.with_production(within_stock(problem.production, opening, np.zeros((BANKS, WEEKS), np.int64)))
    rows = np.array(
        [
            (unit, bank, chance.integers(1, 12), chance.integers(0, WEEKS))
            for unit in range(8)
            for bank in chance.choice(BANKS, chance.integers(1, BANKS + 1), replace=False)
        ]
    )
    units, capacity = Units(*rows.T), chance.integers(0, 40, (BANKS, WEEKS))
    of_units = plan_units(problem, units, capacity)
    rest = after_units(problem, of_units)
    made = plan(rest)
    cohort_of = chance.permutation(np.repeat(np.arange(len(rest.cohorts), dtype=np.int32), rest.cohorts.people))
    person = chance.choice(10**9, len(cohort_of), replace=False)
    drawn = slots_of(rest, made, cohort_of, person, seed=seed)
    guardian_of = guardians(problem, cohort_of, chance)
    slots, apart = keep_together(drawn, guardian_of, cohort_of, person, rest.cohorts, rest.places, seed=seed)
    return Campaign(
        problem, opening, units, capacity, of_units, rest, made, cohort_of, guardian_of, drawn, slots, apart
    )


def guardians(problem: Problem, cohort_of: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """A fifth are minors with somebody of their community, bank and way, if there is somebody."""
    cohorts = problem.cohorts
    home = (cohorts.community * BANKS + cohorts.bank) * len(Way) + cohorts.way
    is_minor = chance.random(len(cohort_of)) < 0.2
    guardian_of = np.full(len(cohort_of), -1)
    for row in np.flatnonzero(is_minor):
        adults = np.flatnonzero((home[cohort_of] == home[cohort_of[row]]) & ~is_minor)
        if len(adults):
            guardian_of[row] = chance.choice(adults)
    return guardian_of


def load_of_people(problem: Problem, slots: Slots) -> np.ndarray:
    load = np.zeros(problem.places.capacity.shape, np.int64)
    here = slots.place != NOBODYS
    np.add.at(load, (slots.place[here], slots.week[here]), 1)
    return load


def cost_of_people(told: Campaign, slots: Slots) -> int:
    """By the weights, person by person: ways, weeks, busy outlets, and who is left out."""
    problem, cohorts, weights = told.rest, told.rest.cohorts, told.rest.weights
    here = slots.place != NOBODYS
    cohort, place, week = told.cohort_of[here], slots.place[here], slots.week[here].astype(np.int64)
    metres = distances_m(problem.community_position[cohorts.community[cohort]], problem.places.position)
    walked = metres[np.arange(len(place)), place][problem.places.way[place] == Way.OUTLET].sum()
    waited = (week - cohorts.eligible_week[cohort]).sum() * weights.week_m
    busy = np.maximum(load_of_people(problem, slots) - problem.calm(), 0).sum() * weights.busy_m
    return int(walked + waited + busy + (~here).sum() * weights.unplaced_m)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 0.8, 1.5, 4.0]))
def test_what_holds_of_every_campaign(seed: int, tight: float) -> None:
    told = campaign_of(seed, tight)
    rest, slots, cohorts = told.rest, told.slots, told.rest.cohorts
    load = load_of_people(rest, slots)
    assert (load <= rest.places.capacity).all(), "no place takes more than it can in any week"
    cards = told.of_units.load.copy()
    np.add.at(cards, rest.places.bank, load)
    assert (cards <= told.problem.production).all(), (
        "no bank makes more cards than it can, units and single people together"
    )
    assert (np.cumsum(cards, axis=1) <= told.opening[:, None]).all(), "nor more than it has blanks"
    for_units(told)

    is_placed = slots.place != NOBODYS
    assert (is_placed == (slots.week != NOBODYS)).all()
    left_out = np.bincount(told.cohort_of[~is_placed], minlength=len(cohorts))
    assert (left_out == told.made.unplaced).all(), "everybody is placed or counted as left out"
    cohort, place = told.cohort_of[is_placed], slots.place[is_placed]
    assert (slots.week[is_placed] >= cohorts.eligible_week[cohort]).all(), "nobody is invited before their batch opens"
    assert (rest.places.bank[place] == cohorts.bank[cohort]).all()
    assert (rest.places.way[place] == cohorts.way[cohort]).all()
    area = rest.places.area[place]
    assert ((area < 0) | (area == rest.community_area[cohorts.community[cohort]])).all()

    assert told.made.gap == 0, "proved the best"
    assert cost_of(rest, told.made) == told.made.cost_m == cost_of_people(told, told.drawn)
    assert cost_of_people(told, slots) == told.made.bound_m, "and still the best when families are together"
    assert (load == load_of(rest, told.made)).all()
    for_families(told)


def for_units(told: Campaign) -> None:
    """No unit is split or too early, and what it may use at its banks suffices."""
    units, of_units = told.units, told.of_units
    count = np.zeros(told.capacity.shape, np.int64)
    for unit, bank, people, since in zip(units.unit, units.bank, units.people, units.eligible_week, strict=True):
        week = of_units.week[unit]
        assert (week == NOBODYS) == (int(unit) in of_units.refusal), "a unit has a week or is told why not"
        if week != NOBODYS:
            assert week >= since
            count[bank, week] += people
    assert (count == of_units.load).all(), "all of a unit's people at all of its banks are in its one week"
    assert (count <= told.capacity).all()


def for_families(told: Campaign) -> None:
    """Who is apart is counted; whoever was together is together still."""
    minor = np.flatnonzero(told.guardian_of >= 0)
    of = told.guardian_of[minor]
    before, after = (
        (slots.place[minor] == slots.place[of])
        & (slots.week[minor] == slots.week[of])
        & (slots.place[minor] != NOBODYS)
        for slots in (told.drawn, told.slots)
    )
    assert (after >= before).all()
    assert told.apart == int((~after & (told.slots.place[minor] != NOBODYS)).sum())


@settings(derandomize=True, max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_same_seed_makes_the_same_campaign(seed: int) -> None:
    one, again = campaign_of(seed, 1.0), campaign_of(seed, 1.0)
    for slots in ("drawn", "slots"):
        assert (getattr(one, slots).place == getattr(again, slots).place).all()
        assert (getattr(one, slots).week == getattr(again, slots).week).all()
    assert (one.of_units.week == again.of_units.week).all()
    assert one.apart == again.apart


def test_families_are_brought_together_in_these_campaigns() -> None:
    """Many guardians come long before their minors may, but not all."""
    counts = np.zeros(3, np.int64)
    for seed in range(20):
        told = campaign_of(seed, 4.0)
        minor = np.flatnonzero((told.guardian_of >= 0) & (told.slots.place != NOBODYS))
        of = told.guardian_of[minor]
        was = (told.drawn.place[minor] == told.drawn.place[of]) & (told.drawn.week[minor] == told.drawn.week[of])
        counts += len(minor), int((~was).sum()), told.apart
    minors, apart_before, apart = counts.tolist()
    assert minors > 300
    assert apart < 0.8 * apart_before
