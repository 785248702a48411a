"""Where communities and outlets are taken to lie. Public data name them and give no coordinates.

A street is put at a point drawn within its district's boundary, a community or an outlet a little way from its street's point.
The draw depends on the code alone, so that everybody gets the same map; it is good for planning by nearness and not for showing
anybody the way. Source: assumption; the boundaries are real (the city's data folder).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yikatong.campaign.problem import Positions
from yikatong.gm import sm3

M_PER_DEGREE = 111_320.0
_NEAR_M = 700.0
_DRAWN_AT_ONCE = 64

type Point = NDArray[np.float64]


class Geography:
    """One city's map in metres. ``features``: the GeoJSON features of its districts, each with ``code6`` and ``name``."""

    def __init__(self, features: Iterable[Mapping[str, Any]]) -> None:
        self._rings = {feature["properties"]["code6"]: _outer_ring(feature["geometry"]) for feature in features}
        corners = np.concatenate(list(self._rings.values()))
        self._scale = np.array([M_PER_DEGREE * np.cos(np.radians(corners[:, 1].mean())), M_PER_DEGREE])
        self._rings = {code: ring * self._scale for code, ring in self._rings.items()}
        self._streets: dict[str, Point] = {}

    @property
    def scale(self) -> NDArray[np.float64]:
        """Metres per degree of longitude and of latitude, as this map lays them flat."""
        return self._scale

    def districts(self) -> Sequence[str]:
        """Their codes, sorted."""
        return sorted(self._rings)

    def street(self, code: str) -> Point:
        """A street's point; the first six digits of its code are its district's. Raises ``KeyError`` for no such district."""
        found = self._streets.get(code)
        if found is None:
            found = self._streets[code] = _point_in(self._rings[code[:6]], _chance(code))
        return found

    def near(self, street: str, code: str) -> Point:
        """Somewhere near a street's point: a community or an outlet, by its own code."""
        return np.asarray(self.street(street) + _chance(code).normal(0.0, _NEAR_M, 2))


def positions(points: Iterable[Point]) -> Positions:
    """Points as rows."""
    rows = list(points)
    return np.array(rows) if rows else np.empty((0, 2))


def _chance(code: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(sm3.digest(code.encode())[:8]))


def _outer_ring(geometry: Mapping[str, Any]) -> NDArray[np.float64]:
    """The longest outer ring."""
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return max((np.array(polygon[0], float)[:, :2] for polygon in polygons), key=len)


def _point_in(ring: NDArray[np.float64], chance: np.random.Generator) -> Point:
    low, high = ring.min(axis=0), ring.max(axis=0)
    while True:
        drawn = chance.uniform(low, high, (_DRAWN_AT_ONCE, 2))
        inside = drawn[is_in(ring, drawn)]
        if len(inside):
            return np.asarray(inside[0])


def is_in(ring: NDArray[np.float64], points: Positions) -> NDArray[np.bool_]:
    """Whether points lie in a closed ring: by counting the edges that a ray to the right crosses."""
    begin, end = ring, np.roll(ring, -1, axis=0)
    x, y = points[:, :1], points[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        crosses = (begin[:, 1] > y) != (end[:, 1] > y)
        at = begin[:, 0] + (y - begin[:, 1]) * (end[:, 0] - begin[:, 0]) / (end[:, 1] - begin[:, 1])
    return np.asarray(np.count_nonzero(crosses & (x < at), axis=1) % 2 == 1)
