"""From people to cohorts and back: whom the plan sends where and when, drawn person by person from a seed.

The plan says how many of a cohort go to a place, and how many of those at a place come in which week. Who they are is decided by
a hash of the seed and the person's number, so that anybody with the seed can repeat it, the order of the register plays no
part, and nobody's community comes first. Source: splitmix64 (Steele, Lea and Flood 2014) for the hash; that a draw is the fair
way among equals: assumption.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yikatong.campaign.planner import Plan
from yikatong.campaign.problem import Cohorts, Ints, Problem, ProblemWrong, Way

type Draws = NDArray[np.uint64]

_HASH_BITS = 40
NOBODYS = -1
"""The place and week of whoever is left out."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """``cohorts`` in ascending order of community, bank, way and week; ``cohort_of``: each person's."""

    cohorts: Cohorts
    cohort_of: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Slots:
    """Each person's place and week; ``NOBODYS`` for those who are left out."""

    place: NDArray[np.int32]
    week: NDArray[np.int16]


def grouped(
    community: NDArray[np.integer],
    bank: NDArray[np.integer],
    way: NDArray[np.integer],
    eligible_week: NDArray[np.integer],
    *,
    banks: int,
    weeks: int,
) -> Grouped:
    """Who is alike; one entry per person in each column. Raises ``ProblemWrong`` for a negative or too large entry."""
    for what, column, below in (
        ("社区", community, 2**31),
        ("银行", bank, banks),
        ("领卡方式", way, len(Way)),
        ("可申领周", eligible_week, weeks),
    ):
        if len(column) and (column.min() < 0 or column.max() >= below):
            raise ProblemWrong(f"居民的{what}应在 0 到 {below - 1} 之间，实际为 {column.min()} 到 {column.max()}")
    key = community.astype(np.int64)
    for column, count in ((bank, banks), (way, len(Way)), (eligible_week, weeks)):
        key *= count
        key += column
    counts = np.bincount(key)
    used = np.flatnonzero(counts)
    index = np.zeros(len(counts), np.int32)
    index[used] = np.arange(len(used), dtype=np.int32)
    rest, week_of = np.divmod(used, weeks)
    rest, way_of = np.divmod(rest, len(Way))
    community_of, bank_of = np.divmod(rest, banks)
    return Grouped(Cohorts(community_of, bank_of, way_of, week_of, counts[used]), index[key])


def slots_of(problem: Problem, made: Plan, cohort_of: NDArray[np.int32], person: Ints, *, seed: int) -> Slots:
    """Each person's place and week. ``person``: numbers that name people for good; ``seed``: 64 bits.

    Raises ``ProblemWrong`` when the people are not those that were planned.
    """
    cohorts, weeks = problem.cohorts, problem.weeks
    if not np.array_equal(np.bincount(cohort_of, minlength=len(cohorts)), cohorts.people):
        raise ProblemWrong("居民与计划时不一致：请重新分组并计划")
    draws = drawn(person, seed)
    place = np.empty(len(person), np.int32)
    where, people = _with_left_out(made)
    place[_sorted(cohort_of, draws)] = np.repeat(where, people)

    start = cohorts.eligible_week.astype(np.int32)[cohort_of]
    door = place * np.int32(weeks) + start
    door[place == NOBODYS] = len(problem.places) * weeks
    of_place, since, when, coming = made.slots
    doors = of_place * weeks + since
    order = np.lexsort((when, doors))
    left_out = int(made.unplaced.sum())
    week = np.empty(len(person), np.int16)
    in_order = np.repeat(when[order].astype(np.int16), coming[order])
    week[_sorted(door, drawn(draws.view(np.int64), seed))] = np.r_[in_order, np.full(left_out, NOBODYS, np.int16)]
    return Slots(place, week)


def drawn(number: Ints, seed: int) -> Draws:
    """One draw of 64 bits per number: splitmix64's finish of the number and the seed."""
    mixed = number.astype(np.uint64)
    mixed += np.uint64(seed % 2**64)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _with_left_out(made: Plan) -> tuple[Ints, Ints]:
    """Place and people in the order of the cohorts; last in each, those who are left out."""
    cohort, place, people = made.ways
    rows = np.flatnonzero(made.unplaced)
    cohort = np.r_[cohort, rows]
    place = np.r_[place, np.full(len(rows), NOBODYS)]
    people = np.r_[people, made.unplaced[rows]]
    order = np.lexsort((place == NOBODYS, cohort))
    return place[order], people[order]


def _sorted(group: NDArray[np.int32], draws: Draws) -> NDArray[np.intp]:
    """People group by group, in a group as drawn. Ties of the draw's 40 bits keep the order of the rows."""
    key = group.astype(np.uint64)
    key <<= np.uint64(_HASH_BITS)
    key |= draws >> np.uint64(64 - _HASH_BITS)
    return np.argsort(key, kind="stable")
