"""Units whose people stay together: an employer's or a school's cards are made in one week and collected in one.

A unit picks up to three banks, and its people are at each of them: the week is the first in which every one of its banks has room
for all of its people there. Units are served in the order in which they enrolled; what they leave of the production is for
everybody else. So no unit is split, none that enrolled later takes a week away from one that enrolled earlier, and every refusal
can be told its bank. It does not choose banks for a unit. Source: assumption (first enrolled, first served; units before single
people).
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from yikatong.campaign.persons import NOBODYS
from yikatong.campaign.problem import Ints, Problem, ProblemWrong


class UnitRefusal(StrEnum):
    """Why a unit has no week."""

    LARGER_THAN_A_WEEK = "larger_than_a_week"
    NO_WEEK_LEFT = "no_week_left"


@dataclass(frozen=True, slots=True)
class Units:
    """A row for each bank of each unit: so many ``people`` of the unit are at that bank, and may come from ``eligible_week`` on.

    ``unit``: 0, 1, 2 … in the order of enrolment, none left out; a unit has as many rows as banks, in any order. It comes when
    the last of its people may.
    """

    unit: Ints
    bank: Ints
    people: Ints
    eligible_week: Ints

    def __len__(self) -> int:
        """How many units there are."""
        return int(self.unit.max()) + 1 if len(self.unit) else 0


@dataclass(frozen=True, slots=True)
class UnitRefused:
    """Why, and at which of its banks: the unit has ``people`` there, the bank serves at ``most`` so many in one week."""

    reason: UnitRefusal
    bank: int
    people: int
    most: int


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """``week``: each unit's, ``NOBODYS`` without one; ``refusal``: why, by the unit; ``load``: people, banks × weeks."""

    week: Ints
    refusal: dict[int, UnitRefused]
    load: Ints


def plan_units(problem: Problem, units: Units, capacity: Ints) -> UnitPlan:
    """``capacity``: people whom each bank serves through units in a week, banks × weeks. Raises ``ProblemWrong``."""
    _check(problem, units, capacity)
    limit = np.minimum(capacity, problem.production)
    room = limit.copy()
    count = len(units)
    first, bank, people = _by_unit(units, problem.banks)
    since = np.zeros(count, np.int64)
    np.maximum.at(since, units.unit, units.eligible_week)
    week = np.full(count, NOBODYS, np.int64)
    refusal: dict[int, UnitRefused] = {}
    ends, begins = first.tolist(), since.tolist()
    for unit in range(count):
        here = slice(ends[unit], ends[unit + 1])
        banks, wanted = bank[here], people[here]
        fits = (room[banks, begins[unit] :] >= wanted[:, None]).all(axis=0)
        earliest = int(fits.argmax())
        if fits[earliest]:
            week[unit] = begins[unit] + earliest
            room[banks, week[unit]] -= wanted
        else:
            refusal[unit] = _refused(limit[:, begins[unit] :], room[:, begins[unit] :], banks, wanted)
    return UnitPlan(week, refusal, limit - room)


def after_units(problem: Problem, planned: UnitPlan) -> Problem:
    """What is left for everybody else: the production that no unit takes."""
    return problem.with_production(problem.production - planned.load)


def refusal_words(refused: UnitRefused, *, bank: str) -> str:
    """What the unit is told. ``bank``: the name of the bank concerned."""
    if refused.reason is UnitRefusal.LARGER_THAN_A_WEEK:
        return (
            f"本单位在{bank}有 {refused.people} 人，超过该行每周最多 {refused.most} 人的批量办理能力："
            "请改选其他银行，或分部门登记"
        )
    return (
        f"{bank}在本次换发期内已没有能一次容纳本单位 {refused.people} 人、且所选各银行同周有空的周次："
        "请改选其他银行，或在常态化阶段办理"
    )


def _by_unit(units: Units, banks: int) -> tuple[Ints, Ints, Ints]:
    """Where each unit's rows begin, and their banks and people; a bank that is named twice is one row."""
    keys, inverse = np.unique(units.unit * banks + units.bank, return_inverse=True)
    people = np.zeros(len(keys), np.int64)
    np.add.at(people, inverse, units.people)
    unit, bank = np.divmod(keys, banks)
    return np.searchsorted(unit, np.arange(len(units) + 1)), bank, people


def _refused(limit: Ints, room: Ints, banks: Ints, wanted: Ints) -> UnitRefused:
    """The first bank that is too small in any week, else the one with the fewest weeks that have room."""
    most = limit[banks].max(axis=1)
    is_small = most < wanted
    reason = UnitRefusal.LARGER_THAN_A_WEEK if is_small.any() else UnitRefusal.NO_WEEK_LEFT
    weeks_left = (room[banks] >= wanted[:, None]).sum(axis=1)
    at = int(is_small.argmax() if is_small.any() else weeks_left.argmin())
    return UnitRefused(reason, int(banks[at]), int(wanted[at]), int(most[at]))


def _check(problem: Problem, units: Units, capacity: Ints) -> None:
    problem.check()
    if capacity.shape != problem.production.shape:
        raise ProblemWrong(f"单位批量办理能力应为 {problem.production.shape}，实际为 {capacity.shape}")
    if capacity.size and capacity.min() < 0:
        raise ProblemWrong("单位批量办理能力：不能是负数")
    for what, column, low, below in (
        ("单位的序号", units.unit, 0, 2**31),
        ("单位的银行", units.bank, 0, problem.banks),
        ("单位的人数", units.people, 1, 2**31),
        ("单位的可申领周", units.eligible_week, 0, problem.weeks),
    ):
        if len(column) != len(units.unit):
            raise ProblemWrong(f"{what}：有 {len(column)} 项，单位共有 {len(units.unit)} 行")
        if len(column) and (column.min() < low or column.max() >= below):
            raise ProblemWrong(f"{what}：应在 {low} 到 {below - 1} 之间，实际为 {column.min()} 到 {column.max()}")
    if len(units) > len(units.unit) or len(np.unique(units.unit)) != len(units):
        raise ProblemWrong("单位的序号：应从 0 起连续编号，按登记先后")
