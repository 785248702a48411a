"""Minors come with their guardian, and nothing that the plan counts is different for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.linear_program import small_problem
from yikatong.campaign.families import keep_together
from yikatong.campaign.persons import NOBODYS, Slots, slots_of
from yikatong.campaign.planner import plan
from yikatong.campaign.problem import Cohorts, Places, Problem, ProblemWrong, Way, distances_m

OUTLET, POST = int(Way.OUTLET), int(Way.POST)


def families_of(problem: Problem, cohort_of: np.ndarray, chance: np.random.Generator, *, share: float) -> np.ndarray:
    """So many have a guardian of their bank and way, most of them of their own community; some have one elsewhere."""
    cohorts = problem.cohorts
    guardian_of = np.full(len(cohort_of), -1)
    for row in np.flatnonzero(chance.random(len(cohort_of)) < share):
        mine = cohort_of[row]
        like = (cohorts.bank == cohorts.bank[mine]) & (cohorts.way == cohorts.way[mine])
        if chance.random() < 0.8:
            like &= cohorts.community == cohorts.community[mine]
        others = np.flatnonzero(like[cohort_of] if chance.random() < 0.95 else np.ones(len(cohort_of), bool))
        others = others[others != row]
        if len(others):
            guardian_of[row] = chance.choice(others)
    return guardian_of


def cost_of_people(problem: Problem, cohort_of: np.ndarray, slots: Slots) -> int:
    """Metres and weeks of everybody who is placed, counted one by one."""
    here = slots.place != NOBODYS
    cohort, place, week = cohort_of[here], slots.place[here], slots.week[here].astype(np.int64)
    metres = distances_m(problem.community_position, problem.places.position)[problem.cohorts.community[cohort], place]
    metres[problem.places.way[place] != Way.OUTLET] = 0
    waited = (week - problem.cohorts.eligible_week[cohort]) * problem.weights.week_m
    return int(metres.sum() + waited.sum())


def load_of_people(problem: Problem, slots: Slots) -> np.ndarray:
    load = np.zeros(problem.places.capacity.shape, np.int64)
    here = slots.place != NOBODYS
    np.add.at(load, (slots.place[here], slots.week[here]), 1)
    return load


def swaps_left(problem: Problem, cohort_of: np.ndarray, guardian_of: np.ndarray, slots: Slots) -> list[tuple[int, int]]:
    """Every pair whose swap would bring a minor to the guardian, tried one by one."""
    cohorts = problem.cohorts
    start = cohorts.eligible_week[cohort_of]
    home = np.stack([column[cohort_of] for column in (cohorts.community, cohorts.bank, cohorts.way)])
    placed = slots.place != NOBODYS
    families = [
        (minor, guardian)
        for minor, guardian in enumerate(guardian_of)
        if guardian >= 0
        and guardian_of[guardian] < 0
        and minor not in guardian_of
        and placed[minor]
        and placed[guardian]
        and (home[1:, minor] == home[1:, guardian]).all()
    ]
    slot = list(zip(slots.place.tolist(), slots.week.tolist(), strict=True))
    together = {
        (minor, of) for minor, of in enumerate(guardian_of) if of >= 0 and placed[minor] and slot[minor] == slot[of]
    }
    bound = {row for family in {*families, *together} for row in family}
    found = []
    for minor, guardian in families:
        for other in np.flatnonzero(placed):
            if slot[minor] == slot[guardian] or slot[other] != slot[guardian] or other in bound:
                continue
            is_neutral = slot[other][0] == slot[minor][0] or (home[:, other] == home[:, minor]).all()
            if is_neutral and start[minor] <= slot[other][1] and start[other] <= slot[minor][1]:
                found.append((minor, int(other)))
    return found


def apart_in(guardian_of: np.ndarray, slots: Slots) -> set[int]:
    minor = np.flatnonzero((guardian_of >= 0) & (slots.place != NOBODYS))
    of = guardian_of[minor]
    return set(minor[(slots.place[minor] != slots.place[of]) | (slots.week[minor] != slots.week[of])].tolist())


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.4, 1.0, 3.0]), st.sampled_from([0.1, 0.3, 0.6]))
def test_swaps_cost_nothing_and_none_is_left(seed: int, tight: float, share: float) -> None:
    problem = small_problem(seed, tight=tight, communities=4, banks=2)
    chance = np.random.default_rng(seed)
    cohort_of = chance.permutation(np.repeat(np.arange(len(problem.cohorts), dtype=np.int32), problem.cohorts.people))
    person = chance.choice(10**9, len(cohort_of), replace=False)
    slots = slots_of(problem, plan(problem), cohort_of, person, seed=seed)
    guardian_of = families_of(problem, cohort_of, chance, share=share)
    kept, apart = keep_together(slots, guardian_of, cohort_of, person, problem.cohorts, problem.places, seed=seed)
    assert (load_of_people(problem, kept) == load_of_people(problem, slots)).all()
    assert cost_of_people(problem, cohort_of, kept) == cost_of_people(problem, cohort_of, slots)
    assert ((kept.place == NOBODYS) == (slots.place == NOBODYS)).all(), "who is left out stays so, and nobody else is"
    placed = kept.place != NOBODYS
    cohort = cohort_of[placed]
    assert (kept.week[placed] >= problem.cohorts.eligible_week[cohort]).all()
    assert (problem.places.bank[kept.place[placed]] == problem.cohorts.bank[cohort]).all()
    assert (problem.places.way[kept.place[placed]] == problem.cohorts.way[cohort]).all()
    area = problem.places.area[kept.place[placed]]
    assert ((area < 0) | (area == problem.community_area[problem.cohorts.community[cohort]])).all()
    assert apart == len(apart_in(guardian_of, kept))
    assert apart_in(guardian_of, kept) <= apart_in(guardian_of, slots), "no family is taken apart for another"
    assert swaps_left(problem, cohort_of, guardian_of, kept) == []


def test_the_draw_depends_on_seed_and_person_and_not_on_the_order_of_the_register() -> None:
    problem = small_problem(4, tight=1.0, communities=3, banks=1)
    chance = np.random.default_rng(4)
    cohort_of = chance.permutation(np.repeat(np.arange(len(problem.cohorts), dtype=np.int32), problem.cohorts.people))
    person = chance.choice(10**9, len(cohort_of), replace=False)
    slots = slots_of(problem, plan(problem), cohort_of, person, seed=4)
    guardian_of = families_of(problem, cohort_of, chance, share=0.2)

    def kept(order: np.ndarray, seed: int) -> Slots:
        row_of = np.empty(len(order), np.int64)
        row_of[order] = np.arange(len(order))
        guardians = guardian_of[order]
        return keep_together(
            Slots(slots.place[order], slots.week[order]),
            np.where(guardians >= 0, row_of[guardians], -1),
            cohort_of[order],
            person[order],
            problem.cohorts,
            problem.places,
            seed=seed,
        )[0]

    same = np.arange(len(person))
    shuffled = chance.permutation(len(person))
    first, again, other = kept(same, 7), kept(shuffled, 7), kept(same, 8)
    assert (again.place == first.place[shuffled]).all()
    assert (again.week == first.week[shuffled]).all()
    assert (other.week != first.week).any()


def two_outlets(
    people: list[tuple[int, int, int, int]], *, weeks: int = 8
) -> tuple[Slots, np.ndarray, np.ndarray, Cohorts, Places]:
    """People by hand: community, eligible week, place, week; one bank, two outlets. Each is a cohort of one."""
    community, start, place, week = np.array(people, np.int64).T
    zeros = np.zeros(len(people), np.int64)
    return (
        Slots(place.astype(np.int32), week.astype(np.int16)),
        np.arange(len(people), dtype=np.int32),
        np.arange(len(people)),
        Cohorts(community, zeros, zeros, start, zeros + 1),
        Places(zeros[:2], zeros[:2], zeros[:2] - 1, np.zeros((2, 2)), np.zeros((2, weeks), np.int64)),
    )


HOME, ELSEWHERE = 0, 1
AWAY = (ELSEWHERE, 0, 1, 7)


@pytest.mark.parametrize(
    ("people", "guardian_of", "slot_of"),
    [
        # the guardian (0), the minor (1), and who may swap; then where guardian and minor are
        ([(HOME, 0, 0, 3), (HOME, 0, 1, 5), (HOME, 0, 0, 3)], [-1, 0, -1], [(0, 3), (0, 3)]),  # a neighbour's very slot
        ([(HOME, 0, 0, 3), (HOME, 0, 0, 5), (ELSEWHERE, 0, 0, 3)], [-1, 0, -1], [(0, 3), (0, 3)]),  # at the same outlet
        ([(HOME, 0, 0, 3), (HOME, 0, 1, 5), (HOME, 0, 0, 7), (ELSEWHERE, 0, 0, 3)], [-1, 0, -1, -1], [(0, 3), (0, 3)]),
        ([(HOME, 0, 0, 3), (HOME, 0, 1, 5), (HOME, 6, 0, 7)], [-1, 0, -1], [(0, 3), (1, 5)]),  # may not come in week 5
        ([(HOME, 0, 0, 3), (HOME, 0, 1, 5), (ELSEWHERE, 0, 0, 3)], [-1, 0, -1], [(0, 3), (1, 5)]),  # walks differ
        ([(HOME, 0, 0, 3), (HOME, 5, 0, 6), (HOME, 0, 0, 6)], [-1, 0, -1], [(0, 6), (0, 6)]),  # the guardian waits
        ([(HOME, 0, 0, 1), (HOME, 5, 0, 6), (HOME, 0, 0, 6)], [-1, 0, -1], [(0, 1), (0, 6)]),  # but not for five weeks
        (
            [(HOME, 0, 0, 3), (HOME, 0, 1, 5), (HOME, 0, 1, 5)],
            [-1, 0, -1],
            [(1, 5), (1, 5)],
        ),  # the guardian can, not it
        ([(HOME, 0, 0, 3), (HOME, 0, 1, 5), (HOME, 0, 0, 3), (HOME, 0, 0, 3)], [-1, 0, 3, -1], [(0, 3), (1, 5)]),
        ([(HOME, 0, 0, 3), (HOME, 0, NOBODYS, NOBODYS), (HOME, 0, 0, 3)], [-1, 0, -1], [(0, 3), (NOBODYS, NOBODYS)]),
        ([(HOME, 0, NOBODYS, NOBODYS), (HOME, 0, 0, 3), (HOME, 0, 0, 3)], [-1, 0, -1], [(NOBODYS, NOBODYS), (0, 3)]),
    ],
)
def test_who_moves(
    people: list[tuple[int, int, int, int]], guardian_of: list[int], slot_of: list[tuple[int, int]]
) -> None:
    slots, cohort_of, person, cohorts, places = two_outlets([*people, AWAY])
    kept, apart = keep_together(slots, np.array([*guardian_of, -1]), cohort_of, person, cohorts, places, seed=1)
    told = list(zip(kept.place[:2].tolist(), kept.week[:2].tolist(), strict=True))
    assert told == slot_of
    assert apart == int(slot_of[0] != slot_of[1] and slot_of[1][0] != NOBODYS)


def test_three_children_come_with_their_mother() -> None:
    family = [(HOME, 0, 0, 3), (HOME, 0, 0, 1), (HOME, 0, 0, 2), (HOME, 0, 1, 4)]
    slots, cohort_of, person, cohorts, places = two_outlets([*family, *[(HOME, 0, 0, 3)] * 3])
    guardian_of = np.array([-1, 0, 0, 0, -1, -1, -1])
    kept, apart = keep_together(slots, guardian_of, cohort_of, person, cohorts, places, seed=1)
    assert apart == 0
    assert kept.week[:4].tolist() == [3, 3, 3, 3]
    assert sorted(kept.week[4:].tolist()) == [1, 2, 4]


def test_no_more_children_come_than_there_are_partners_and_as_many_as_there_are() -> None:
    """One partner may come from week 4 only: the child of week 5 must take that one, the child of week 2 the other."""
    people = [(HOME, 0, 0, 6), (HOME, 0, 0, 2), (HOME, 0, 0, 5), (HOME, 4, 0, 6), (HOME, 0, 0, 6)]
    slots, cohort_of, person, cohorts, places = two_outlets(people)
    for seed in range(5):
        kept, apart = keep_together(
            slots, np.array([-1, 0, 0, -1, -1]), cohort_of, person, cohorts, places, seed=seed, patience_weeks=0
        )
        assert apart == 0
        assert kept.week[3:].tolist() == [5, 2]


def test_a_guardian_of_another_bank_or_way_is_counted_and_nobody_moves() -> None:
    slots, cohort_of, person, cohorts, places = two_outlets([(HOME, 0, 0, 3), (HOME, 0, 0, 5), (HOME, 0, 0, 3)])
    guardian_of = np.array([-1, 0, -1])
    for column, value in (("bank", 1), ("way", POST)):
        parts = {name: getattr(cohorts, name).copy() for name in Cohorts.__slots__}
        parts[column][0] = value
        kept, apart = keep_together(slots, guardian_of, cohort_of, person, Cohorts(**parts), places, seed=1)
        assert apart == 1
        assert (kept.week == slots.week).all()


def test_three_generations_stay_as_drawn() -> None:
    """Who is a ward and a guardian would take one family apart to bring another together."""
    slots, cohort_of, person, cohorts, places = two_outlets([(HOME, 0, 0, week) for week in (1, 2, 2, 1, 2)])
    kept, apart = keep_together(slots, np.array([-1, 0, 1, -1, -1]), cohort_of, person, cohorts, places, seed=1)
    assert kept.week[:3].tolist() == [1, 2, 2]
    assert apart == 1


@pytest.mark.parametrize("guardian_of", [[-1, 7, -1], [-2, -1, -1], [0, -1, -1]])
def test_guardians_who_are_none_are_refused(guardian_of: list[int]) -> None:
    slots, cohort_of, person, cohorts, places = two_outlets([(HOME, 0, 0, 3)] * 3)
    with pytest.raises(ProblemWrong, match="监护人"):
        keep_together(slots, np.array(guardian_of), cohort_of, person, cohorts, places, seed=1)


def test_nobody_at_all_is_a_family_too() -> None:
    slots, cohort_of, _, cohorts, places = two_outlets([(HOME, 0, 0, 3)])
    none = np.empty(0, np.int64)
    nobody = Slots(slots.place[:0], slots.week[:0])
    kept, apart = keep_together(nobody, none, cohort_of[:0], none, cohorts, places, seed=1)
    assert (len(kept.place), apart) == (0, 0)


def test_a_city_of_families_is_brought_together() -> None:
    """Enough people that only some are looked at first; what is left apart has no swap."""
    chance = np.random.default_rng(2)
    count, minors, weeks = 60_000, 2_000, 10
    community, adults = chance.integers(0, 20, count), np.arange(minors, count)
    guardian_of = np.full(count, -1)
    guardian_of[:minors] = chance.choice(adults, minors)
    community[:minors] = community[guardian_of[:minors]]
    zeros = np.zeros(20, np.int64)
    cohorts = Cohorts(np.arange(20), zeros, zeros, zeros, np.bincount(community, minlength=20))
    places = Places(zeros[:4], zeros[:4], zeros[:4] - 1, np.zeros((4, 2)), np.zeros((4, weeks), np.int64))
    slots = Slots(chance.integers(0, 4, count).astype(np.int32), chance.integers(0, weeks, count).astype(np.int16))
    cohort_of, person = community.astype(np.int32), np.arange(count)
    assert len(apart_in(guardian_of, slots)) > 1_800
    kept, apart = keep_together(slots, guardian_of, cohort_of, person, cohorts, places, seed=3)
    assert apart == 0
    assert not apart_in(guardian_of, kept)
