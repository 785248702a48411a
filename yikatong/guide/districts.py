"""District outlines for drawing: simplified at two finenesses, in WGS-84. Pure.

They are good for a map and for saying “probably this district”; not for deciding on which side of a border a point lies
(SOURCES.toml says so of the file).
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yikatong.city.folder import open_folder
from yikatong.guide.coordinates import Point, to_wgs84

COARSE_DEGREES = 0.012
FINE_DEGREES = 0.0015

type Ring = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class District:
    """One district's outlines: for the whole city, and for a part of it."""

    code: str
    name: str
    label: Point
    coarse: tuple[NDArray[np.float64], ...]
    fine: tuple[NDArray[np.float64], ...]


@dataclass(frozen=True, slots=True)
class DistrictMap:
    """All districts, sorted by code."""

    districts: tuple[District, ...]

    def probably(self, point: Point) -> District | None:
        """The district whose outline holds a point; none outside all of them."""
        for district in self.districts:
            if any(is_inside(point, ring) for ring in district.fine):
                return district
        return None


@cache
def read_district_map(root: Path) -> DistrictMap:
    """The outlines of a data folder."""
    folder = open_folder(root)
    datum = folder.described("boundaries").datum
    features = json.loads(folder.path("boundaries").read_text(encoding="utf-8"))["features"]
    found = []
    for feature in features:
        kept, geometry = feature["properties"], feature["geometry"]
        polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        rings = [[to_wgs84(Point(*corner[:2]), datum) for corner in polygon[0]] for polygon in polygons]
        label = to_wgs84(Point(kept["label_lng"], kept["label_lat"]), datum)
        coarse, fine = (_drawn(rings, tolerance) for tolerance in (COARSE_DEGREES, FINE_DEGREES))
        found.append(District(kept["code6"], kept["name"], label, coarse, fine))
    return DistrictMap(tuple(sorted(found, key=lambda district: district.code)))


def _drawn(rings: Sequence[Sequence[Point]], tolerance: float) -> tuple[NDArray[np.float64], ...]:
    """Rings as rows of longitude and latitude; what is too small to be seen is left out."""
    return tuple(np.array(ring) for each in rings if len(ring := simplified(each, tolerance)) >= 4)


def simplified(ring: Sequence[Point], tolerance: float) -> Ring:
    """A closed ring with corners left out that lie within ``tolerance`` degrees of the line without them.

    Source: Douglas and Peucker 1973. The ring is cut at the corner farthest from its first, so that both halves are lines.
    """
    points = list(ring)
    if len(points) < 4:
        return tuple(points)
    middle = max(range(len(points)), key=lambda at: math.dist(points[0], points[at]))
    return tuple(_thinned(points[: middle + 1], tolerance)[:-1] + _thinned(points[middle:], tolerance))


def _thinned(points: list[Point], tolerance: float) -> list[Point]:
    kept = {0, len(points) - 1}
    open_parts = [(0, len(points) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        farthest, distance = 0, tolerance
        for at in range(first + 1, last):
            off = _off_line(points[at], points[first], points[last])
            if off > distance:
                farthest, distance = at, off
        if farthest:
            kept.add(farthest)
            open_parts += [(first, farthest), (farthest, last)]
    return [points[at] for at in sorted(kept)]


def _off_line(point: Point, start: Point, end: Point) -> float:
    along_x, along_y = end.lng - start.lng, end.lat - start.lat
    length_squared = along_x**2 + along_y**2
    if length_squared == 0:
        return math.dist(point, start)
    share = ((point.lng - start.lng) * along_x + (point.lat - start.lat) * along_y) / length_squared
    share = min(1.0, max(0.0, share))
    return math.dist(point, (start.lng + share * along_x, start.lat + share * along_y))


def is_inside(point: Point, ring: NDArray[np.float64]) -> bool:
    """Whether a ring (rows of longitude and latitude) holds a point: crossings of a ray to the east."""
    other = np.roll(ring, -1, axis=0)
    crosses = (ring[:, 1] > point.lat) != (other[:, 1] > point.lat)
    one, other = ring[crosses], other[crosses]
    at = one[:, 0] + (point.lat - one[:, 1]) * (other[:, 0] - one[:, 0]) / (other[:, 1] - one[:, 1])
    return bool(np.count_nonzero(point.lng < at) % 2)
