"""Which counts the public sees: none under 10, and none from which one under 10 could be computed.

Pure. A table with its totals is a set of counts tied by sums. First every count under 10 is hidden (``FEW``). Then every sum is
looked at as an outsider would: all published counts are known, a hidden ``FEW`` lies between 0 and 9, any other hidden one
is 10 or more. Where that leaves a hidden count less room than 0 to 9, one more count of that sum is hidden
(``PROTECTING``), the smallest that suffices; parts before totals. Then the sums are put together: what one sum tells of a
count narrows what the others tell, until nothing more follows; a small count that is left with fewer than six possible
values gets one more neighbour hidden, and so on until none is. Last, all sums are solved at once (linear programming): a small
count that has only one value is treated the same. It does not protect from whoever knows the others of a small group already.
Source: the threshold of 10 is the product's; the method is cell suppression, A. Hundepool et al., Statistical Disclosure
Control (2012), chapter 4; the six values are an assumption.
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

PUBLISHED_MIN = 10
VALUES_LEFT_MIN = 6
_MOST_FEW = PUBLISHED_MIN - 1
_ONE_VALUE = 0.5  # counts are whole; solvers are not
_TRIES = 8


class Hidden(StrEnum):
    """Why a count is not published."""

    FEW = "few"
    PROTECTING = "protecting"


def hidden_counts[Key: Hashable](
    counts: Mapping[Key, int], sums: Iterable[tuple[Key, Sequence[Key]]]
) -> dict[Key, Hidden]:
    """The counts not to be published, and why. ``sums``: a total and its parts, all keys of ``counts``.

    Raises ``ValueError`` for parts that do not make their total: an outsider's arithmetic would not be ours.
    """
    relations = [(total, list(parts)) for total, parts in sums]
    for total, parts in relations:
        if sum(counts[part] for part in parts) != counts[total]:
            raise ValueError(f"the parts of {total} do not make {counts[total]}")
    hidden = {key: Hidden.FEW for key, count in counts.items() if count < PUBLISHED_MIN}
    while more := (
        _told_by_one_sum(counts, hidden, relations)
        or _told_by_several(counts, hidden, relations)
        or _told_by_all(counts, hidden, relations)
    ):
        hidden |= dict.fromkeys(more, Hidden.PROTECTING)
    return hidden


def _told_by_one_sum[Key: Hashable](
    counts: Mapping[Key, int], hidden: Mapping[Key, Hidden], relations: Sequence[tuple[Key, Sequence[Key]]]
) -> set[Key]:
    """What must be hidden too, so that no sum by itself tells a hidden count; empty when none does."""
    more: dict[Key, Hidden] = {}
    for total, parts in relations:
        now = {**hidden, **more}
        while not _is_safe(counts, now, total, parts):
            key = _next_to_hide(counts, now, total, parts)
            if key is None:
                break
            now[key] = more[key] = Hidden.PROTECTING
    return set(more)


def _told_by_several[Key: Hashable](
    counts: Mapping[Key, int], hidden: Mapping[Key, Hidden], relations: Sequence[tuple[Key, Sequence[Key]]]
) -> set[Key]:
    """One more neighbour of each small count that all sums together leave too little room; empty when none is left so."""
    bounds = _bounds(counts, hidden, relations)
    narrow = [
        key
        for key, mark in hidden.items()
        if mark is Hidden.FEW and bounds[key][1] - bounds[key][0] + 1 < VALUES_LEFT_MIN
    ]
    return _neighbours(counts, hidden, relations, narrow)


def _neighbours[Key: Hashable](
    counts: Mapping[Key, int],
    hidden: Mapping[Key, Hidden],
    relations: Sequence[tuple[Key, Sequence[Key]]],
    narrow: Iterable[Key],
) -> set[Key]:
    """The smallest published count beside each of ``narrow``, unless one beside it is taken already."""
    more: set[Key] = set()
    for key in narrow:
        sums = [(total, *parts) for total, parts in relations if key == total or key in parts]
        beside = {other for each in sums for other in each if other not in hidden}
        if beside and not beside & more:
            more.add(min(beside, key=lambda other: (counts[other], str(other))))
    return more


def _told_by_all[Key: Hashable](
    counts: Mapping[Key, int], hidden: Mapping[Key, Hidden], relations: Sequence[tuple[Key, Sequence[Key]]]
) -> set[Key]:
    """What must be hidden too because all sums solved at once leave a small count one value; empty when they do not.

    The true counts are one solution. A few others, farthest in directions drawn at random, show most counts to have
    more than one value; only those that stood still in all of them are looked at one by one.
    """
    keys = list(hidden)
    if not keys:
        return set()
    solutions = _Solutions(counts, hidden, relations, keys)
    random = np.random.default_rng(len(keys))
    few = [place for place, key in enumerate(keys) if hidden[key] is Hidden.FEW]
    least = most = solutions.true
    for _ in range(_TRIES):
        found = solutions.farthest(random.standard_normal(len(keys)))
        least, most = np.minimum(least, found), np.maximum(most, found)
    fixed: list[Key] = []
    for place in few:
        if most[place] - least[place] < _ONE_VALUE:
            aim = np.zeros(len(keys))
            aim[place] = 1
            ends = [solutions.farthest(sign * aim)[place] for sign in (1, -1)]
            if max(ends) - min(ends) < _ONE_VALUE:
                fixed.append(keys[place])
    more = _neighbours(counts, hidden, relations, fixed)
    is_stuck = fixed and not more and len(hidden) < len(counts)
    published = (key for key in counts if key not in hidden)
    return {min(published, key=lambda key: (counts[key], str(key)))} if is_stuck else more


class _Solutions:
    """All counts that hidden keys could have for somebody who knows the rest, their marks and the sums."""

    def __init__[Key: Hashable](
        self,
        counts: Mapping[Key, int],
        hidden: Mapping[Key, Hidden],
        relations: Sequence[tuple[Key, Sequence[Key]]],
        keys: Sequence[Key],
    ) -> None:
        from scipy import sparse  # SciPy takes a second to load, which only publishing needs

        place = {key: number for number, key in enumerate(keys)}
        lines, columns, signs = [], [], []
        self._right = np.zeros(len(relations))
        for line, (total, parts) in enumerate(relations):
            for key, sign in ((total, -1), *((part, 1) for part in parts)):
                if key in place:
                    lines.append(line)
                    columns.append(place[key])
                    signs.append(sign)
                else:
                    self._right[line] -= sign * counts[key]
        self._matrix = sparse.csr_array((signs, (lines, columns)), shape=(len(relations), len(keys)))
        self.true = np.array([counts[key] for key in keys], dtype=np.float64)
        most = 2 * max(counts.values()) + PUBLISHED_MIN  # a bound that no sum reaches keeps every direction finite
        self._bounds = [(0, _MOST_FEW) if hidden[key] is Hidden.FEW else (PUBLISHED_MIN, most) for key in keys]

    def farthest(self, direction: NDArray[np.float64]) -> NDArray[np.float64]:
        """A solution as far as possible in a direction."""
        from scipy import optimize

        found = optimize.linprog(-direction, A_eq=self._matrix, b_eq=self._right, bounds=self._bounds)
        return np.asarray(found.x, dtype=np.float64) if found.status == 0 else self.true


def _bounds[Key: Hashable](
    counts: Mapping[Key, int], hidden: Mapping[Key, Hidden], relations: Sequence[tuple[Key, Sequence[Key]]]
) -> dict[Key, tuple[float, float]]:
    """The least and the most every count can be, as far as follows by going from sum to sum."""
    marks = {Hidden.FEW: (0.0, float(_MOST_FEW)), Hidden.PROTECTING: (float(PUBLISHED_MIN), math.inf)}
    bounds = {
        key: marks[hidden[key]] if key in hidden else (float(count), float(count)) for key, count in counts.items()
    }
    is_changed = True
    while is_changed:
        is_changed = False
        for total, parts in relations:
            for key, narrower in _narrowed(bounds, total, parts):
                if narrower != bounds[key]:
                    bounds[key] = narrower
                    is_changed = True
    return bounds


def _narrowed[Key: Hashable](
    bounds: Mapping[Key, tuple[float, float]], total: Key, parts: Sequence[Key]
) -> list[tuple[Key, tuple[float, float]]]:
    """What one sum tells of each of its counts that is not known yet."""
    unknown = [part for part in parts if bounds[part][0] < bounds[part][1]]
    known = sum(bounds[part][0] for part in parts if bounds[part][0] == bounds[part][1])
    least = known + sum(bounds[part][0] for part in unknown)
    open_ended = [part for part in unknown if bounds[part][1] == math.inf]
    most_of_ended = known + sum(bounds[part][1] for part in unknown if bounds[part][1] < math.inf)
    total_least, total_most = bounds[total]
    found = [(total, (max(total_least, least), min(total_most, math.inf if open_ended else most_of_ended)))]
    for part in unknown:
        low, high = bounds[part]
        others_least = least - low
        if not open_ended:
            low = max(low, total_least - (most_of_ended - high))
        elif open_ended == [part]:
            low = max(low, total_least - most_of_ended)
        found.append((part, (low, min(high, total_most - others_least))))
    return found


def _is_safe[Key: Hashable](
    counts: Mapping[Key, int], hidden: Mapping[Key, Hidden], total: Key, parts: Sequence[Key]
) -> bool:
    """Whether this sum leaves every hidden count the room that its mark leaves it anyway."""
    few = sum(hidden.get(part) is Hidden.FEW for part in parts)
    protecting = sum(hidden.get(part) is Hidden.PROTECTING for part in parts)
    known = sum(counts[part] for part in parts if part not in hidden)
    if total not in hidden:
        if few + protecting == 0:
            return True
        left = counts[total] - known
        room = left - PUBLISHED_MIN * protecting
        if protecting:
            return few + protecting > 1 and room >= _MOST_FEW
        return _MOST_FEW <= room <= _MOST_FEW * (few - 1)
    if hidden[total] is Hidden.FEW:
        return True  # then all parts are few too, and no more is known of any
    if protecting:
        return True
    return few > 0 and known + _MOST_FEW * (few - 1) >= PUBLISHED_MIN


def _next_to_hide[Key: Hashable](
    counts: Mapping[Key, int], hidden: Mapping[Key, Hidden], total: Key, parts: Sequence[Key]
) -> Key | None:
    """The smallest published part that makes the sum safe, else the largest there is, else the total."""
    open_parts = sorted((part for part in parts if part not in hidden), key=lambda part: (counts[part], str(part)))
    for part in open_parts:
        if _is_safe(counts, {**hidden, part: Hidden.PROTECTING}, total, parts):
            return part
    if open_parts:
        return open_parts[-1]
    return total if total not in hidden else None
