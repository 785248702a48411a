"""The plan of who does not plan: everybody to the nearest place of their bank, first come, first served, in the first free week.

It is the measure of what planning gains, and how a city without a planner does it. Nobody is sent further because somebody else
has no other choice; whoever finds no room at the nearest place in any week goes on to the next nearest, up to so many.
"""

import numpy as np

from yikatong.campaign.flow import BankPlan
from yikatong.campaign.planner import Plan
from yikatong.campaign.problem import Ints, Problem, Way, distances_m

PLACES_TRIED = 8
"""Source: assumption (how many outlets a person asks before giving up)."""


def plan_greedily(problem: Problem) -> Plan:
    """Cohort by cohort, by when they are eligible. It proves no bound: ``bound_m`` is 0. Raises ``ProblemWrong``."""
    problem.check()
    return Plan(tuple(_bank(problem, bank) for bank in range(problem.banks)))


def _bank(problem: Problem, bank: int) -> BankPlan:
    cohorts, places = problem.cohorts, problem.places
    here = np.flatnonzero(places.bank == bank)
    room, production = places.capacity[here].copy(), problem.production[bank].copy()
    ways: list[tuple[int, int, int]] = []
    slots: dict[tuple[int, int, int], int] = {}
    unplaced = np.zeros(len(cohorts), np.int64)
    rows = cohorts.of_bank(bank)
    for row in rows[np.argsort(cohorts.eligible_week[rows], kind="stable")]:
        start, left = int(cohorts.eligible_week[row]), int(cohorts.people[row])
        for place in _nearest(problem, int(row), here):
            came = 0
            for week in range(start, problem.weeks):
                taken = min(left, int(room[place, week]), int(production[week]))
                if not taken:
                    continue
                room[place, week] -= taken
                production[week] -= taken
                slot = int(here[place]), start, week
                slots[slot] = slots.get(slot, 0) + taken
                left, came = left - taken, came + taken
                if not left:
                    break
            if came:
                ways.append((int(row), int(here[place]), came))
            if not left:
                break
        unplaced[row] = left
    way_cohort, way_place, way_people = np.array(ways, np.int64).reshape(-1, 3).T
    kept = np.array([(*key, people) for key, people in slots.items()], np.int64).reshape(-1, 4)
    slot_place, slot_start, slot_week, slot_people = kept.T
    return BankPlan(
        bank=bank,
        way_cohort=way_cohort,
        way_place=way_place,
        way_people=way_people,
        slot_place=slot_place,
        slot_start=slot_start,
        slot_week=slot_week,
        slot_people=slot_people,
        unplaced=unplaced,
        cost_m=0,
        bound_m=0,
        place_price_m=np.zeros(places.capacity.shape, np.int64),
        production_price_m=np.zeros(problem.weeks, np.int64),
    )


def _nearest(problem: Problem, row: int, here: Ints) -> Ints:
    """The places of this bank that are for this cohort, nearest first."""
    cohorts, places = problem.cohorts, problem.places
    community, way = cohorts.community[row], cohorts.way[row]
    area = places.area[here]
    is_for_them = (places.way[here] == way) & ((area < 0) | (area == problem.community_area[community]))
    found = np.flatnonzero(is_for_them)
    if way == Way.OUTLET:
        metres = distances_m(problem.community_position[community : community + 1], places.position[here[found]])[0]
        found = found[np.argsort(metres, kind="stable")]
    return found[:PLACES_TRIED]
