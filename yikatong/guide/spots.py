"""All spots in memory, for finding by name and by nearness. Pure: see ``selectors`` for where the rows come from.

Names, pinyin and initials are each one long text, so that a substring of sixteen thousand of them is found in well under a
millisecond; distances are computed for all places at once.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yikatong.guide.coordinates import EARTH_RADIUS_M, Point
from yikatong.guide.spelling import has_chinese, plain, syllables

PLACE_CATEGORIES = ("metro_station", "hospital", "clinic", "park", "library", "outlet")
AREA_CATEGORIES = ("district", "street", "community")
_RANK = {
    name: rank
    for rank, name in enumerate(
        (*PLACE_CATEGORIES[:1], "district", "park", "hospital", "library", "street", "community", "clinic", "outlet")
    )
}
type Rows = NDArray[np.intp]

INTERNAL = "对内"
"""The designated list's word for a room that serves one employer's staff."""
HITS_MAX = 400
"""Occurrences looked at for one query; a pair of letters occurs everywhere."""
_NO_DISTANCE = 1e9  # metres: behind everything that has a distance


@dataclass(frozen=True, slots=True)
class Found:
    """One spot as pages show it; fields as in ``models.Spot``."""

    spot_id: str
    category: str
    name: str
    aliases: str
    pinyin: str
    initials: str
    district_code: str
    street_code: str
    address: str
    telephone: str
    lng: float | None
    lat: float | None
    datum: str
    is_datum_assumed: bool
    is_synthetic: bool
    details: dict[str, Any]
    source: str
    as_of: date | None

    @property
    def point(self) -> Point | None:
        """Where it lies in WGS-84, if that is known."""
        return None if self.lng is None or self.lat is None else Point(self.lng, self.lat)

    @property
    def is_internal(self) -> bool:
        """Whether it is a medical room that serves one employer's staff only."""
        return self.details.get("category") == INTERNAL

    @property
    def is_area(self) -> bool:
        """Whether it is a part of the city and no place to use a card."""
        return self.category in AREA_CATEGORIES


@dataclass(frozen=True, slots=True)
class Filters:
    """Which places are asked for; empty means all. ``name`` is typed by people."""

    category: str = ""
    district_code: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Near:
    """A place with its distance in metres, or ``None`` where one of the two has no coordinates."""

    spot: Found
    distance_m: float | None


@dataclass(slots=True)
class _Texts:
    """One text of all spots behind each other, and where each begins."""

    whole: str = ""
    starts: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, texts: Sequence[str]) -> "_Texts":
        starts, at = [], 1
        for text in texts:
            starts.append(at)
            at += len(text) + 1
        return cls("\n" + "\n".join(texts) + "\n", starts)

    def is_whole(self, row: int, length: int) -> bool:
        """Whether a row's text is so long."""
        return self.whole[self.starts[row] + length] == "\n"

    def holding(self, wanted: str, *, most: int = HITS_MAX) -> Iterator[int]:
        """Row numbers whose text holds ``wanted``, each once. A line feed before it stands for a text's beginning."""
        if not wanted.strip():
            return
        at, hits = self.whole.find(wanted), 0
        while at >= 0 and hits < most:
            row = bisect_right(self.starts, at + 1) - 1
            yield row
            hits += 1
            at = self.whole.find(wanted, self.starts[row + 1] - 1) if row + 1 < len(self.starts) else -1


@dataclass(frozen=True, slots=True)
class Around:
    """What places are to be near to: distances from a point, if it has one, and the divisions it lies in."""

    distances: NDArray[np.float64] | None = None
    district_code: str = ""
    street_code: str = ""
    name: str = ""
    """What the names of places at the origin are likely to hold: 国贸 for 国贸支行."""


class SpotIndex:
    """Every spot of the city. Built once per process and stamp of the data; never changed."""

    def __init__(self, spots: Sequence[Found]) -> None:
        self._spots = list(spots)
        self._by_id = {spot.spot_id: spot for spot in self._spots}
        self._names = _Texts.of([plain(spot.name) for spot in self._spots])
        self._aliases = _Texts.of([plain(spot.aliases) for spot in self._spots])
        self._pinyin = _Texts.of([spot.pinyin.replace(" ", "") for spot in self._spots])
        self._initials = _Texts.of([spot.initials for spot in self._spots])
        places = [row for row, spot in enumerate(self._spots) if not spot.is_area]
        self._places: Rows = np.array(places, dtype=np.intp)
        self._lng = np.radians([np.nan if spot.lng is None else spot.lng for spot in self._spots])
        self._lat = np.radians([np.nan if spot.lat is None else spot.lat for spot in self._spots])
        categories = np.array([spot.category for spot in self._spots])
        self._of_category: dict[str, Rows] = {
            name: self._places[categories[self._places] == name] for name in PLACE_CATEGORIES
        }
        self._district = np.array([spot.district_code for spot in self._spots])
        self._street = np.array([spot.street_code for spot in self._spots])
        self._comes_last = np.array([spot.is_synthetic or spot.is_internal for spot in self._spots], dtype=bool)

    def __len__(self) -> int:
        return len(self._spots)

    def get(self, spot_id: str) -> Found | None:
        """The spot of an id."""
        return self._by_id.get(spot_id)

    def located(self) -> list[Point]:
        """Every place with coordinates."""
        rows = self._places[~np.isnan(self._lng[self._places])]
        return [point for row in rows.tolist() if (point := self._spots[row].point)]

    def counts(self) -> dict[str, int]:
        """How many places there are of each category."""
        return {name: len(rows) for name, rows in self._of_category.items()}

    def named(self, query: str, *, most: int = 8) -> list[Found]:
        """Spots whose name, English name, pinyin or initials hold what was typed, the likeliest first.

        Those that begin so come before those that hold it further on, which are only looked for when room is left.
        """
        wanted, texts = self._search_for(query)
        found: dict[int, tuple[int, int, int, int, str]] = {}
        for mark, exactness in (("\n", 1), ("", 2)):
            if len(found) >= most:
                break
            for text in texts:
                for row in text.holding(mark + wanted):
                    if row in found and found[row][0] < exactness:
                        continue
                    spot = self._spots[row]
                    is_exact = exactness == 1 and text.is_whole(row, len(wanted))
                    key = (
                        0 if is_exact else exactness,
                        spot.lng is None,
                        _RANK[spot.category],
                        len(spot.name),
                        spot.spot_id,
                    )
                    found[row] = min(found.get(row, key), key)
        return [self._spots[row] for row in sorted(found, key=found.__getitem__)[:most]]

    def _search_for(self, query: str) -> tuple[str, tuple[_Texts, ...]]:
        """What to look for, and in which texts; in none when too little was typed."""
        wanted = plain(query)[:60]
        if has_chinese(query):
            return wanted, (self._names,)
        if len(wanted) < 2:
            return wanted, ()
        return wanted, (self._names, self._aliases, self._initials, self._pinyin)

    def sounding(self, query: str, *, most: int = 8) -> list[Found]:
        """Spots that sound like a Chinese query, for one written with a wrong character: 国茂 finds 国贸."""
        if not has_chinese(query):
            return []
        spelt = "".join(syllables(query[:20]))
        return self.named(spelt, most=most) if len(spelt) >= 4 else []

    def matching(self, filters: Filters) -> Rows:
        """Row numbers of the places that fit."""
        rows: Rows = self._of_category.get(filters.category, self._places)
        if filters.district_code:
            rows = np.asarray(rows[self._district[rows] == filters.district_code])
        if filters.name:
            wanted, texts = self._search_for(filters.name)
            named = {row for text in texts for row in text.holding(wanted, most=len(self._spots))}
            rows = np.asarray(rows[np.isin(rows, list(named))])
        return rows

    def distances_from(self, origin: Point) -> NDArray[np.float64]:
        """Metres from a point to every spot, in the order of rows; not a number where a spot has no coordinates."""
        half_north = (self._lat - np.radians(origin.lat)) / 2
        half_east = (self._lng - np.radians(origin.lng)) / 2
        along = np.cos(self._lat) * np.cos(np.radians(origin.lat)) * np.sin(half_east) ** 2
        return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.sin(half_north) ** 2 + along)))

    def nearest(self, filters: Filters, near: "Around", *, start: int, count: int) -> tuple[list[Near], int]:
        """A stretch of the places that fit, and how many fit in all.

        From an origin with coordinates the nearest come first. Places without coordinates follow: those named after the
        origin, those of its street, of its district, and the rest; real ones that serve everybody before made-up and internal
        ones, in the order of their ids.
        """
        rows = self.matching(filters)
        distances = np.full(len(rows), np.nan) if near.distances is None else near.distances[rows]
        apart = np.full(len(rows), 2, dtype=np.int8)
        if near.district_code:
            apart[self._district[rows] == near.district_code] = 1
        if near.street_code:
            apart[self._street[rows] == near.street_code] = 0
        last = self._comes_last[rows]
        if near.name:
            named = list(self._names.holding(plain(near.name), most=len(self._spots)))
            apart[np.isin(rows, named) & ~last] = -1
        keys = np.where(np.isnan(distances), _NO_DISTANCE + apart * 2.0 + last, distances)
        wanted = start + count
        if wanted < len(rows):  # sort only what can be among the first
            rim = np.partition(keys, wanted)[wanted]
            few = np.flatnonzero(keys <= rim)
            order = few[np.argsort(keys[few], kind="stable")]
        else:
            order = np.argsort(keys, kind="stable")
        picked = order[start:wanted]
        return [
            Near(self._spots[rows[at]], None if np.isnan(distances[at]) else float(distances[at])) for at in picked
        ], len(rows)
