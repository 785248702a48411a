"""The map of places as an SVG in the page: outlines, metro lines, numbered places. No script is needed to see it.

Everything is projected with equal scale north and east at the middle of what is shown. Points are whole units of the drawing,
which keeps the page small; the drawing is put together as text, because a template would take most of a page's time for it.
"""

import math
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from django.utils.safestring import SafeString, mark_safe
from numpy.typing import NDArray

from yikatong.guide.coordinates import Point
from yikatong.guide.selectors import CityMap
from yikatong.guide.spots import Near, SpotIndex

WIDTH, HEIGHT = 400, 300
WHOLE_CITY = (Point(115.42, 39.44), Point(117.51, 41.06))
_M_PER_DEGREE = 111_320.0
_SPAN_MIN_M = 2_400.0
_MARGIN = 1.25
_FINE_BELOW_M = 60_000.0
_LINES_BELOW_M = 45_000.0
_STATIONS_BELOW_M = 6_000.0
_OUTSIDE = 40  # units beyond the drawing that still belong to it, so that edges run off cleanly

type Corner = tuple[float, float]
type Corners = NDArray[np.float64]


class _Frame:
    """Which part of the city is shown, and how it is laid flat."""

    def __init__(self, points: Sequence[Point]) -> None:
        low, high, margin = (*WHOLE_CITY, 1.02)
        if points:
            low, high, margin = Point(*map(min, *points, points[0])), Point(*map(max, *points, points[0])), _MARGIN
        self.middle = Point((low.lng + high.lng) / 2, (low.lat + high.lat) / 2)
        self._east = _M_PER_DEGREE * math.cos(math.radians(self.middle.lat))
        wide, tall = (high.lng - low.lng) * self._east, (high.lat - low.lat) * _M_PER_DEGREE
        self.span_m = max(wide * margin, tall * margin * WIDTH / HEIGHT, _SPAN_MIN_M)
        self.units_per_m = WIDTH / self.span_m
        self._scale = np.array([self._east, -_M_PER_DEGREE]) * self.units_per_m

    def place(self, point: Point) -> tuple[int, int]:
        """A point in whole units of the drawing."""
        x, y = (np.array(point) - self.middle) * self._scale + (WIDTH / 2, HEIGHT / 2)
        return round(float(x)), round(float(y))

    def places(self, corners: Corners) -> Corners:
        """Many points at once, not rounded."""
        return np.asarray((corners - self.middle) * self._scale + (WIDTH / 2, HEIGHT / 2))


def map_of(city: CityMap, places: Iterable[tuple[int, Near]], origin: Point | None) -> SafeString:
    """The map of these numbered places; of the whole city when none of them has coordinates. Safe to put into a page."""
    located = [(number, near.spot.point) for number, near in places if near.spot.point is not None]
    points = [point for _, point in located] + ([origin] if origin else [])
    frame = _Frame(points)
    parts = [_areas(city, frame), *_marks(located, origin, frame)]
    return mark_safe("".join(parts))  # noqa: S308 - numbers, and names escaped here


_whole: dict[tuple[int, int], str] = {}


def overview(city: CityMap, index: SpotIndex) -> SafeString:
    """The whole city with a dot for every place whose coordinates are known; made once for each state of the data."""
    key = (id(city), id(index))
    if key not in _whole:
        frame = _Frame([])
        corners = frame.places(np.array(index.located(), dtype=float).reshape(-1, 2))
        inside = (corners > 0).all(axis=1) & (corners < (WIDTH, HEIGHT)).all(axis=1)
        dots = sorted({(round(x), round(y)) for x, y in corners[inside].tolist()})
        drawn = "".join(f"M{x} {y}h0" for x, y in dots)
        scale = _scale(frame)
        _whole.clear()
        _whole[key] = f'{_areas(city, frame)}<path class="finder-map__dots" d="{drawn}"/>{scale}'
    return mark_safe(_whole[key])  # noqa: S308 - numbers, and names escaped here


def _areas(city: CityMap, frame: _Frame) -> str:
    """Outlines, lines and names."""
    outlines, labels, lines = [], [], []
    for district in city.districts.districts:
        for ring in district.fine if frame.span_m < _FINE_BELOW_M else district.coarse:
            outlines.append(_outline(frame.places(ring)))
        x, y = frame.place(district.label)
        if 20 <= x <= WIDTH - 20 and 10 <= y <= HEIGHT - 10:
            labels.append(f'<text x="{x}" y="{y}">{escape(district.name)}</text>')
    if frame.span_m < _LINES_BELOW_M:
        for stretch in city.lines:
            lines += [
                f'<polyline points="{part}" stroke="{escape(stretch.colour)}"/>'
                for part in _visible(frame.places(stretch.stops))
            ]
    if frame.span_m < _STATIONS_BELOW_M:
        for name, point in city.stations:
            x, y = frame.place(point)
            if 0 < x < WIDTH and 14 < y < HEIGHT:
                labels.append(f'<text class="finder-map__station" x="{x}" y="{y - 6}">{escape(name)}</text>')
                lines.append(f'<circle cx="{x}" cy="{y}" r="3"/>')
    return (
        f'<g class="finder-map__areas">{"".join(outlines)}</g><g class="finder-map__lines">{"".join(lines)}</g>'
        f'<g class="finder-map__labels" lang="zh-CN">{"".join(labels)}</g>'
    )


def _marks(located: list[tuple[int, Point]], origin: Point | None, frame: _Frame) -> list[str]:
    parts = []
    if origin is not None:
        x, y = frame.place(origin)
        parts.append(
            f'<g class="finder-map__origin"><circle cx="{x}" cy="{y}" r="9"/><circle cx="{x}" cy="{y}" r="4"/></g>'
        )
    parts.append('<g class="finder-map__marks">')
    for number, point in reversed(located):
        x, y = frame.place(point)
        parts.append(
            f'<g data-mark="{number}"><circle cx="{x}" cy="{y}" r="9"/><text x="{x}" y="{y}">{number}</text></g>'
        )
    return [*parts, "</g>", _scale(frame)]


def _scale(frame: _Frame) -> str:
    scale_m = round_length(frame.span_m / 4)
    words = f"{scale_m // 1000} km" if scale_m >= 1000 else f"{scale_m} m"
    return (
        f'<g class="finder-map__scale"><path d="M12 286v6h{round(scale_m * frame.units_per_m)}v-6"/>'
        f'<text x="16" y="282">{words}</text></g>'
    )


def round_length(most_m: float) -> int:
    """The largest of 1, 2, 5 times a power of ten that is not longer."""
    power: int = 10 ** int(math.log10(most_m))
    return next((each * power for each in (5, 2) if each * power <= most_m), power)


def _text(corners: Iterable[Corner]) -> str:
    """Points as whole numbers, a point that repeats the one before left out."""
    made, before = [], None
    for x, y in corners:
        point = (round(x), round(y))
        if point != before:
            made.append(f"{point[0]},{point[1]}")
        before = point
    return " ".join(made)


def _outline(corners: Corners) -> str:
    low, high = corners.min(axis=0), corners.max(axis=0)
    if low[0] > WIDTH or low[1] > HEIGHT or high[0] < 0 or high[1] < 0:
        return ""
    ring: list[Corner] = corners.tolist()
    if low.min() < -_OUTSIDE or high[0] > WIDTH + _OUTSIDE or high[1] > HEIGHT + _OUTSIDE:
        ring = clipped(ring)
    return f'<polygon points="{_text(ring)}"/>' if len(ring) > 2 else ""


def _visible(corners: Corners) -> list[str]:
    """The parts of a line that touch the drawing."""
    low, high = np.minimum(corners[:-1], corners[1:]), np.maximum(corners[:-1], corners[1:])
    seen = (high[:, 0] >= 0) & (low[:, 0] <= WIDTH) & (high[:, 1] >= 0) & (low[:, 1] <= HEIGHT)
    parts: list[str] = []
    run: list[int] = []
    for at in np.flatnonzero(seen).tolist():
        if run and run[-1] != at:
            parts.append(_text(corners[run].tolist()))
            run = []
        run = [*run, at + 1] if run else [at, at + 1]
    return [*parts, _text(corners[run].tolist())] if run else parts


def clipped(ring: list[Corner]) -> list[Corner]:
    """A ring cut at the edges of the drawing and a little beyond. Source: Sutherland and Hodgman 1974."""
    edges = ((0, -_OUTSIDE, 1), (0, WIDTH + _OUTSIDE, -1), (1, -_OUTSIDE, 1), (1, HEIGHT + _OUTSIDE, -1))
    for axis, edge, sign in edges:
        made: list[Corner] = []
        for one, two in zip(ring[-1:] + ring[:-1], ring, strict=True):
            one_in, two_in = sign * (one[axis] - edge) >= 0, sign * (two[axis] - edge) >= 0
            if one_in != two_in:
                share = (edge - one[axis]) / (two[axis] - one[axis])
                made.append((one[0] + share * (two[0] - one[0]), one[1] + share * (two[1] - one[1])))
            if two_in:
                made.append(two)
        ring = made
    return ring
