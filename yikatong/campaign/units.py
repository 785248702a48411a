"""Units whose people stay together: an employer's or a school's cards are made in one week and collected in one.

Units are served in the order in which they enrolled, each in the first week that has room for all of its people; what they leave
of the production is for everybody else. So no unit is split, none that enrolled later takes a week away from one that enrolled
earlier, and every week can be told a reason. Source: assumption (first enrolled, first served; units before single people).
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
    """Units in the order of their enrolment: each one's bank, people who apply together, and the first week they may."""

    bank: Ints
    people: Ints
    eligible_week: Ints

    def __len__(self) -> int:
        return len(self.bank)


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """``week``: each unit's, ``NOBODYS`` without one; ``refusal``: why, by the unit's row; ``load``: people, banks × weeks."""

    week: Ints
    refusal: dict[int, UnitRefusal]
    load: Ints


def plan_units(problem: Problem, units: Units, capacity: Ints) -> UnitPlan:
    """``capacity``: people whom each bank serves through units in a week, banks × weeks. Raises ``ProblemWrong``."""
    _check(problem, units, capacity)
    limit = np.minimum(capacity, problem.production)
    room = limit.copy()
    week = np.full(len(units), NOBODYS, np.int64)
    refusal: dict[int, UnitRefusal] = {}
    for row in range(len(units)):
        bank, people, since = int(units.bank[row]), int(units.people[row]), int(units.eligible_week[row])
        fits = room[bank, since:] >= people
        if fits.any():
            week[row] = since + int(fits.argmax())
            room[bank, week[row]] -= people
        elif (limit[bank, since:] >= people).any():
            refusal[row] = UnitRefusal.NO_WEEK_LEFT
        else:
            refusal[row] = UnitRefusal.LARGER_THAN_A_WEEK
    return UnitPlan(week, refusal, limit - room)


def after_units(problem: Problem, planned: UnitPlan) -> Problem:
    """What is left for everybody else: the production that no unit takes."""
    return problem.with_production(problem.production - planned.load)


def refusal_words(refusal: UnitRefusal, *, people: int, most: int) -> str:
    """What the unit is told. ``most``: the most people whom its bank serves in a week."""
    if refusal is UnitRefusal.LARGER_THAN_A_WEEK:
        return f"本单位 {people} 人，超过所选银行每周最多 {most} 人的批量办理能力：请改选其他银行，或分部门登记"
    return f"所选银行在本次换发期内已没有能一次容纳 {people} 人的周次：请改选其他银行，或在常态化阶段办理"


def _check(problem: Problem, units: Units, capacity: Ints) -> None:
    problem.check()
    if capacity.shape != problem.production.shape:
        raise ProblemWrong(f"单位批量办理能力应为 {problem.production.shape}，实际为 {capacity.shape}")
    for what, column, low, below in (
        ("单位的银行", units.bank, 0, problem.banks),
        ("单位的人数", units.people, 1, 2**31),
        ("单位的可申领周", units.eligible_week, 0, problem.weeks),
    ):
        if len(column) != len(units):
            raise ProblemWrong(f"{what}：有 {len(column)} 项，单位有 {len(units)} 个")
        if len(column) and (column.min() < low or column.max() >= below):
            raise ProblemWrong(f"{what}：应在 {low} 到 {below - 1} 之间，实际为 {column.min()} 到 {column.max()}")
    if capacity.size and capacity.min() < 0:
        raise ProblemWrong("单位批量办理能力：不能是负数")
