"""What is planned: who waits for a card, where cards can be handed over, and how many a week. Arrays, one row each.

Pure: no I/O, no clock, no framework. People are planned as *cohorts*: all who live in one community, became eligible in one week,
wish one bank and one way of collection are alike to the planner. Weeks count from 0, the campaign's first. Distances are
straight lines in metres on a plane (``positions`` of 1 m), because Beijing's outlets are planned by nearness and not by route
(``Source: assumption``).
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from yikatong.foundation.errors import YikatongError

type Ints = NDArray[np.int64]
type Positions = NDArray[np.float64]


class ProblemWrong(YikatongError):
    """Numbers that cannot be planned with; the text says which."""


class Way(IntEnum):
    """How a card reaches its holder."""

    OUTLET = 0
    POST = 1
    VISIT = 2


@dataclass(frozen=True, slots=True)
class Cohorts:
    """People who are alike: so many ``people``, from ``eligible_week`` on. ``community``: a row of the problem's."""

    community: Ints
    bank: Ints
    way: Ints
    eligible_week: Ints
    people: Ints

    def __len__(self) -> int:
        return len(self.people)

    def of_bank(self, bank: int) -> Ints:
        """The rows of one bank's cohorts."""
        return np.flatnonzero(self.bank == bank)


@dataclass(frozen=True, slots=True)
class Places:
    """Where cards are handed over: outlets, a bank's post room, the helpers of one area.

    ``capacity``: people in each week, places × weeks. ``area``: for visits, the area that is served; -1 serves all.
    """

    bank: Ints
    way: Ints
    area: Ints
    position: Positions
    capacity: Ints

    def __len__(self) -> int:
        return len(self.bank)


@dataclass(frozen=True, slots=True)
class Weights:
    """What the plan weighs, in metres: a week's waiting is as bad as so many metres of way. Source: assumption.

    At an outlet, each person beyond ``calm_percent`` of a week's capacity is as bad as ``busy_m``, because a full house queues.
    ``unplaced_m`` is worse than any placing, so that people are left out only when there is no room at all.
    """

    week_m: int = 2_000
    calm_percent: int = 85
    busy_m: int = 1_500
    unplaced_m: int = 10_000_000


@dataclass(frozen=True, slots=True)
class Problem:
    """A whole campaign. ``community_position``, ``community_area``: a row each; ``production``: cards, banks × weeks."""

    community_position: Positions
    community_area: Ints
    cohorts: Cohorts
    places: Places
    production: Ints
    weights: Weights = Weights()

    @property
    def weeks(self) -> int:
        """How many there are."""
        return int(self.production.shape[1])

    @property
    def banks(self) -> int:
        """How many there are."""
        return int(self.production.shape[0])

    def calm(self) -> Ints:
        """How many people each place takes in a week without being busy; all it can take where nobody queues."""
        capacity = self.places.capacity
        is_outlet = (self.places.way == Way.OUTLET)[:, None]
        return np.where(is_outlet, capacity * self.weights.calm_percent // 100, capacity)

    def with_production(self, production: Ints) -> Self:
        """The same with other limits of production."""
        return replace(self, production=production)

    def with_places(self, places: Places) -> Self:
        """The same with other places."""
        return replace(self, places=places)

    def check(self) -> None:
        """Raise ``ProblemWrong`` for numbers that are none: negative ones, rows that do not exist, unlike lengths."""
        cohorts, places = self.cohorts, self.places
        for what, rows, below in (
            ("居民组的社区", cohorts.community, len(self.community_position)),
            ("居民组的银行", cohorts.bank, self.banks),
            ("居民组的领卡方式", cohorts.way, len(Way)),
            ("居民组的可申领周", cohorts.eligible_week, self.weeks),
            ("领卡点的银行", places.bank, self.banks),
            ("领卡点的方式", places.way, len(Way)),
        ):
            if len(rows) and (rows.min() < 0 or rows.max() >= below):
                raise ProblemWrong(f"{what}：应在 0 到 {below - 1} 之间，实际为 {rows.min()} 到 {rows.max()}")
        for what, numbers in (
            ("居民组人数", cohorts.people),
            ("领卡点容量", places.capacity),
            ("制卡能力", self.production),
        ):
            if numbers.size and numbers.min() < 0:
                raise ProblemWrong(f"{what}：不能是负数")
        lengths = {
            len(cohorts.community),
            len(cohorts.bank),
            len(cohorts.way),
            len(cohorts.eligible_week),
            len(cohorts),
        }
        if len(lengths) != 1:
            raise ProblemWrong(f"居民组的各列长度不同：{sorted(lengths)}")
        if places.capacity.shape != (len(places), self.weeks):
            raise ProblemWrong(f"领卡点容量应为 {len(places)} × {self.weeks}，实际为 {places.capacity.shape}")
        if not (np.isfinite(self.community_position).all() and np.isfinite(places.position).all()):
            raise ProblemWrong("坐标中有空值")


def distances_m(community: Positions, place: Positions) -> Ints:
    """Straight-line distances in whole metres, communities × places."""
    across = community[:, None, :] - place[None, :, :]
    return np.rint(np.sqrt((across**2).sum(axis=2))).astype(np.int64)
