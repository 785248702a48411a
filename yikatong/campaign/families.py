"""Families together: minors come to the place and in the week of their guardian, by swaps that cost nobody anything.

People are drawn into slots one by one (``persons``), so a child may be sent elsewhere than its mother. Here pairs of people
exchange their slots. Only two kinds of swaps are made, because both leave the plan's cost exactly as it was:

- between two of one community, bank and way: the ways walked and the weeks waited are the same two, the other way round;
- between two at one place: each keeps the place, and the weeks waited are the same in sum.

Nobody comes before their own eligible week, no count of a place and week changes, and so neither do load, production, cost and
bound: a plan proved the best stays proved. What does change is which cohort sends how many where, when cohorts differ by
eligible week only. Partners are people in no family that is to be kept together; whoever is left out stays so. It does not move
people for a cost, and not to another bank or way. Source: assumption (patience; that a swap by lot is fair among equals).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yikatong.campaign.persons import NOBODYS, Slots, drawn
from yikatong.campaign.problem import Cohorts, Ints, Places, ProblemWrong, Way

PATIENCE_WEEKS = 4
"""How much later a guardian is moved for a minor who may not come earlier. Source: assumption."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_KEY_BITS = 64
_ENOUGH = 8
"""Where anybody at a place will do, so many people are looked at first for each who seeks."""
_ROUNDS_OF_ALL = 2


def keep_together(
    slots: Slots,
    guardian_of: NDArray[np.integer],
    cohort_of: NDArray[np.int32],
    person: Ints,
    cohorts: Cohorts,
    places: Places,
    *,
    seed: int,
    patience_weeks: int = PATIENCE_WEEKS,
) -> tuple[Slots, int]:
    """Slots in which minors are with their guardian as far as swaps allow, and how many placed minors are still apart.

    ``guardian_of``: the guardian's row among these people, -1 for whoever has none among them; ``person``: numbers that name
    people for good. First minors move to their guardian; then a guardian with whom no minor is moves to one, at most
    ``patience_weeks`` later; then the other minors follow. At the end no single swap would bring another minor to its guardian.
    Whose guardian is a ward too, or who is a guardian too, stays as drawn.
    Raises ``ProblemWrong`` for a guardian that is none.
    """
    if len(guardian_of) and (guardian_of.min() < -1 or guardian_of.max() >= len(person)):
        raise ProblemWrong(f"监护人的行号应在 -1 到 {len(person) - 1} 之间")
    minor = np.flatnonzero(guardian_of >= 0)
    guardian = guardian_of[minor].astype(np.int64)
    if (minor == guardian).any():
        raise ProblemWrong("有人被登记为自己的监护人")
    swaps = _Swaps(slots, cohort_of, person, cohorts, places, seed)
    is_guardian = np.zeros(len(person), np.bool_)
    is_guardian[guardian] = True
    can_be = swaps.could_share(minor, guardian) & (guardian_of[guardian] < 0) & ~is_guardian[minor]
    of_minor, of_guardian = minor[can_be], guardian[can_be]
    stays = can_be | swaps.share(minor, guardian)
    swaps.bind(np.concatenate([minor[stays], guardian[stays]]))
    swaps.bring(of_minor, of_guardian, by_place=True)
    is_met = np.zeros(len(person), np.bool_)
    is_met[guardian[swaps.share(minor, guardian)]] = True
    alone, nearest = swaps.last_of(of_minor, of_guardian, ~is_met[of_guardian], patience_weeks)
    swaps.bring(alone, nearest, by_place=False)
    swaps.bring(of_minor, of_guardian, by_place=True)
    is_apart = (swaps.place[minor] != NOBODYS) & ~swaps.share(minor, guardian)
    return Slots(swaps.place, swaps.week), int(is_apart.sum())


@dataclass(frozen=True, slots=True)
class _Side:
    """Rows of people, the cell in which each seeks or offers a slot, and the week by which they are compared."""

    rows: Ints
    cell: Ints
    week: Ints


class _Swaps:
    """Everybody's slots while they are exchanged."""

    def __init__(
        self,
        slots: Slots,
        cohort_of: NDArray[np.int32],
        person: Ints,
        cohorts: Cohorts,
        places: Places,
        seed: int,
    ) -> None:
        self.place, self.week = slots.place.copy(), slots.week.copy()
        self.cohort_of, self.person, self.cohorts, self.seed = cohort_of, person, cohorts, seed
        self.places = len(places)
        self.weeks = places.capacity.shape[1]
        homes = (cohorts.community * (int(cohorts.bank.max(initial=0)) + 1) + cohorts.bank) * len(Way) + cohorts.way
        self.home_of_cohort = np.unique(homes, return_inverse=True)[1].astype(np.int32)
        self.free, self.free_home = np.empty(0, np.int64), np.empty(0, np.int32)
        self.lot = np.empty(0, np.uint32)

    def could_share(self, one: Ints, other: Ints) -> NDArray[np.bool_]:
        """Whether both are placed, of one bank and one way."""
        bank, way = self.cohorts.bank, self.cohorts.way
        a, b = self.cohort_of[one], self.cohort_of[other]
        is_placed = (self.place[one] != NOBODYS) & (self.place[other] != NOBODYS)
        return np.asarray(is_placed & (bank[a] == bank[b]) & (way[a] == way[b]), np.bool_)

    def share(self, one: Ints, other: Ints) -> NDArray[np.bool_]:
        """Whether both have one place and week."""
        return np.asarray(
            (self.place[one] == self.place[other]) & (self.week[one] == self.week[other]),
            np.bool_,
        )

    def bind(self, family: Ints) -> None:
        """Leave these out of those who give their slot to others."""
        is_free = self.place != NOBODYS
        is_free[family] = False
        self.free = np.flatnonzero(is_free)
        self.free_home = self.home_of_cohort[self.cohort_of[self.free]]
        self.lot = (self.person[self.free].astype(np.uint64) * _GOLDEN >> np.uint64(32)).astype(np.uint32)

    def bring(self, rows: Ints, to: Ints, *, by_place: bool) -> None:
        """Swap until none of ``rows`` can be brought to the slot of ``to``. ``by_place``: also first the place, then the week.

        Everybody is looked at first. After that only those who moved have something new to give, and only those who were moved
        to the place alone seek something new; a last look at everybody confirms it.
        """
        pool, salt, halfway = self.free, self.seed, np.empty(0, np.int64)
        while True:
            rows, to = self._apart(rows, to)
            gave = [self._slot_at_once(rows, to, pool, salt)[1]]
            rows, to = self._apart(rows, to)
            gave.append(self._week_there(rows, to, self._some(len(rows), salt), salt)[1])
            if by_place:
                rows, to = self._apart(rows, to)
                among = self._some(len(rows), salt) if salt < self.seed + _ROUNDS_OF_ALL else pool
                moved, gave_place = self._place_only(rows, to, among, salt)
                gave.append(gave_place)
                halfway = np.concatenate([halfway, moved])
            rows, to = self._apart(rows, to)
            if not any(map(len, gave)):
                gave = [self._week_there(rows, to, self.free, salt)[1]]
                is_halfway = np.isin(rows, halfway) & ~self.share(rows, to)
                gave.append(self._slot_at_once(rows[is_halfway], to[is_halfway], self.free, salt)[1])
                if not any(map(len, gave)):
                    return
            pool = _each_once(np.concatenate(gave))
            salt += 1

    def _apart(self, rows: Ints, to: Ints) -> tuple[Ints, Ints]:
        """Those who could be where they belong and are not."""
        is_sought = ~self.share(rows, to) & (self._start(rows) <= self.week[to])
        return rows[is_sought], to[is_sought]

    def _some(self, seekers: int, salt: int) -> Ints:
        """Of the free so many by lot that each who seeks will find some in whatever place and week."""
        wanted = _ENOUGH * max(seekers, self.places * self.weeks)
        if wanted >= len(self.free):
            return self.free
        lot = self.lot + np.uint32(salt * int(_GOLDEN) % 2**32)
        return self.free[lot < np.uint32(2**32 * wanted // len(self.free))]

    def last_of(self, minor: Ints, guardian: Ints, among: NDArray[np.bool_], patience_weeks: int) -> tuple[Ints, Ints]:
        """Each guardian among them, with the minor of theirs who comes last, if that is not too late."""
        minor, guardian = minor[among], guardian[among]
        order = np.lexsort((self.person[minor], self.week[minor], guardian))
        minor, guardian = minor[order], guardian[order]
        is_last = np.r_[guardian[1:] != guardian[:-1], True] if len(guardian) else np.empty(0, np.bool_)
        minor, guardian = minor[is_last], guardian[is_last]
        is_soon = self.week[minor] - self.week[guardian] <= patience_weeks
        return guardian[is_soon], minor[is_soon]

    def _start(self, rows: Ints) -> Ints:
        return self.cohorts.eligible_week[self.cohort_of[rows]]

    def _slot_at_once(self, rows: Ints, to: Ints, among: Ints, salt: int) -> tuple[Ints, Ints]:
        """With one of the same home who has that very slot."""
        home = self.home_of_cohort[self.cohort_of[rows]].astype(np.int64)
        sought = (home * self.places + self.place[to]) * self.weeks + self.week[to]
        found, cell = self._offers(sought, among, by_home=True, by_week=True)
        return self._exchange(_Side(rows, sought, self._week(rows)), _Side(found, cell, self._start(found)), salt)

    def _week_there(self, rows: Ints, to: Ints, among: Ints, salt: int) -> tuple[Ints, Ints]:
        """With anybody at that place who comes in that week, for those who are at the place already."""
        is_there = self.place[rows] == self.place[to]
        rows, to = rows[is_there], to[is_there]
        sought = self.place[to].astype(np.int64) * self.weeks + self.week[to]
        found, cell = self._offers(sought, among, by_home=False, by_week=True)
        return self._exchange(_Side(rows, sought, self._week(rows)), _Side(found, cell, self._start(found)), salt)

    def _place_only(self, rows: Ints, to: Ints, among: Ints, salt: int) -> tuple[Ints, Ints]:
        """With one of the same home who is at that place in whatever week; the latest first, as that is easiest to pass on."""
        is_elsewhere = self.place[rows] != self.place[to]
        rows, to = rows[is_elsewhere], to[is_elsewhere]
        sought = self.home_of_cohort[self.cohort_of[rows]].astype(np.int64) * self.places + self.place[to]
        found, cell = self._offers(sought, among, by_home=True, by_week=False)
        last = self.weeks - 1
        return self._exchange(
            _Side(rows, sought, last - self._start(rows)), _Side(found, cell, last - self._week(found)), salt
        )

    def _week(self, rows: Ints) -> Ints:
        return self.week[rows].astype(np.int64)

    def _offers(self, sought: Ints, among: Ints, *, by_home: bool, by_week: bool) -> tuple[Ints, Ints]:
        """Those ``among`` the free who lie in a cell that is sought, and their cells."""
        if not len(sought) or not len(among):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        if by_home:
            cell = (self.free_home if among is self.free else self.home_of_cohort[self.cohort_of[among]]).astype(
                np.int64
            )
        else:
            cell = np.zeros(len(among), np.int64)
        cell *= self.places
        cell += self.place[among]
        if by_week:
            cell *= self.weeks
            cell += self.week[among]
        near = _in_cells(cell, sought)
        return among[near].astype(np.int64), cell[near]

    def _exchange(self, seeking: _Side, offering: _Side, salt: int) -> tuple[Ints, Ints]:
        """Pair them, each within their cell, where the offer's week is not after the seeker's, and swap; who sought, who gave."""
        seeker, giver = _paired(seeking, offering, self.person, self.weeks, salt)
        may = (self._start(seeker) <= self.week[giver]) & (self._start(giver) <= self.week[seeker])
        seeker, giver = seeker[may], giver[may]
        for column in (self.place, self.week):
            column[seeker], column[giver] = column[giver], column[seeker]
        return seeker, giver


def _each_once(rows: Ints) -> Ints:
    """In ascending order."""
    rows = np.sort(rows)
    return rows[np.r_[True, rows[1:] != rows[:-1]]] if len(rows) else rows


def _in_cells(offered: Ints, sought: Ints) -> NDArray[np.intp]:
    """Which offers may lie in a cell that is sought: all that do, and by chance of a hash few others."""
    bits = max(10, len(sought).bit_length() + 4)
    is_sought = np.zeros(2**bits, np.bool_)
    shift = np.uint64(_KEY_BITS - bits)
    is_sought[(sought.astype(np.uint64) * _GOLDEN) >> shift] = True
    hashed = offered.astype(np.uint64)
    hashed *= _GOLDEN
    hashed >>= shift
    return np.flatnonzero(is_sought[hashed])


def _paired(seeking: _Side, offering: _Side, person: Ints, weeks: int, salt: int) -> tuple[Ints, Ints]:
    """As many pairs as there can be in each cell with the offer's week not after the seeker's: rows of seekers, of givers.

    Both stand in one line, cell by cell, week by week, offers first and by lot among equals. Of the first ``j`` seekers of a
    cell, ``m = min(m before + 1, offers so far)`` find a partner; that is a running minimum, hence no loop over people.
    """
    rows = np.concatenate([seeking.rows, offering.rows])
    seekers = len(seeking.rows)
    if not seekers or seekers == len(rows):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    cell = np.concatenate([seeking.cell, offering.cell])
    low = int(weeks).bit_length() + 1
    bits = _KEY_BITS - low - int(cell.max()).bit_length()
    if bits < 0:
        raise ProblemWrong(f"家庭安排：社区、领卡点和周次的组合过多（{int(cell.max())}）")
    key = cell.astype(np.uint64) << np.uint64(low)
    key |= np.concatenate([seeking.week * 2 + 1, offering.week * 2]).astype(np.uint64)
    if bits:
        key <<= np.uint64(bits)
        key |= drawn(person[rows], salt) >> np.uint64(_KEY_BITS - bits)
    order = np.argsort(key, kind="stable")
    is_seeker = order < seekers
    cell = cell[order]
    is_first = np.r_[True, cell[1:] != cell[:-1]]
    number = np.cumsum(is_first) - 1
    offers, sought = np.cumsum(~is_seeker), np.cumsum(is_seeker)
    first = np.flatnonzero(is_first)
    offers_before = np.r_[0, offers[first[1:] - 1]][number[is_seeker]]
    sought_before = np.r_[0, sought[first[1:] - 1]][number[is_seeker]]
    so_far = offers[is_seeker] - offers_before
    mine = sought[is_seeker] - sought_before
    apart = number[is_seeker] * (2 * len(rows))
    matched = mine + np.minimum(np.minimum.accumulate(so_far - mine - apart) + apart, 0)
    before = np.where(mine == 1, 0, np.r_[0, matched[:-1]])
    is_paired = matched > before
    givers = rows[order[~is_seeker]]
    return rows[order[is_seeker][is_paired]], givers[(offers_before + matched - 1)[is_paired]]
