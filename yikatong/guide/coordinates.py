"""Coordinates between the systems that Chinese maps use. Pure.

WGS-84 is what satellites and browsers give and OpenStreetMap stores. GCJ-02 is WGS-84 shifted by a few hundred metres, as
maps published in China must be; BD-09 is Baidu's further shift of GCJ-02. The finder reckons in WGS-84.

Source: the formulas as published in the eviltransform library (github.com/googollee/eviltransform, README and test
values), written here anew; the Krasovsky ellipsoid is GCJ-02's. The way back is found by iteration, since the shift has no
closed inverse; it agrees with the way there to a few centimetres.
"""

import math
from typing import Literal, NamedTuple

Datum = Literal["WGS-84", "GCJ-02", "BD-09"]
DATUMS: tuple[Datum, ...] = ("WGS-84", "GCJ-02", "BD-09")
EARTH_RADIUS_M = 6_371_008.8
"""Mean radius. Source: IUGG 1980."""
_SEMI_MAJOR_M = 6_378_245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_BAIDU_PI = math.pi * 3000.0 / 180.0
_ROUNDS_MAX = 30
_CLOSE_ENOUGH_DEGREES = 1e-7  # about a centimetre


class Point(NamedTuple):
    """Longitude and latitude in degrees, in whichever system is said beside it."""

    lng: float
    lat: float


def to_wgs84(point: Point, datum: str) -> Point:
    """A point given in ``datum``, in WGS-84. Raises ``ValueError`` for a system we have no formula for."""
    if datum == "WGS-84":
        return point
    if datum == "GCJ-02":
        return gcj02_to_wgs84(point)
    if datum == "BD-09":
        return gcj02_to_wgs84(bd09_to_gcj02(point))
    raise ValueError(f"no way from {datum!r} to WGS-84; known are {', '.join(DATUMS)}")


def wgs84_to_gcj02(point: Point) -> Point:
    """The shift of China's published maps. Points outside the country are not shifted there; nor are they here."""
    if not _is_in_china(point):
        return point
    x, y = point.lng - 105.0, point.lat - 35.0
    latitude = math.radians(point.lat)
    magic = 1 - _ECCENTRICITY_SQUARED * math.sin(latitude) ** 2
    root = math.sqrt(magic)
    north_m_per_degree = math.radians(_SEMI_MAJOR_M * (1 - _ECCENTRICITY_SQUARED) / (magic * root))
    east_m_per_degree = math.radians(_SEMI_MAJOR_M / root * math.cos(latitude))
    return Point(point.lng + _east_m(x, y) / east_m_per_degree, point.lat + _north_m(x, y) / north_m_per_degree)


def gcj02_to_wgs84(point: Point) -> Point:
    """The point that the shift brings to ``point``."""
    found = point
    for _ in range(_ROUNDS_MAX):
        shifted = wgs84_to_gcj02(found)
        off_lng, off_lat = shifted.lng - point.lng, shifted.lat - point.lat
        found = Point(found.lng - off_lng, found.lat - off_lat)
        if abs(off_lng) < _CLOSE_ENOUGH_DEGREES and abs(off_lat) < _CLOSE_ENOUGH_DEGREES:
            break
    return found


def bd09_to_gcj02(point: Point) -> Point:
    """Baidu's shift taken off."""
    x, y = point.lng - 0.0065, point.lat - 0.006
    radius = math.hypot(x, y) - 0.00002 * math.sin(y * _BAIDU_PI)
    angle = math.atan2(y, x) - 0.000003 * math.cos(x * _BAIDU_PI)
    return Point(radius * math.cos(angle), radius * math.sin(angle))


def gcj02_to_bd09(point: Point) -> Point:
    """Baidu's shift put on."""
    radius = math.hypot(point.lng, point.lat) + 0.00002 * math.sin(point.lat * _BAIDU_PI)
    angle = math.atan2(point.lat, point.lng) + 0.000003 * math.cos(point.lng * _BAIDU_PI)
    return Point(radius * math.cos(angle) + 0.0065, radius * math.sin(angle) + 0.006)


def distance_m(one: Point, other: Point) -> float:
    """Along the surface between two points of one system (haversine). Within a city good to better than 0.5 %."""
    lat_1, lat_2 = math.radians(one.lat), math.radians(other.lat)
    half_north, half_east = (lat_2 - lat_1) / 2, math.radians(other.lng - one.lng) / 2
    part = math.sin(half_north) ** 2 + math.cos(lat_1) * math.cos(lat_2) * math.sin(half_east) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(part))


def _is_in_china(point: Point) -> bool:
    """The box inside which published maps shift."""
    return 72.004 <= point.lng <= 137.8347 and 0.8293 <= point.lat <= 55.8271


def _waves(value: float) -> float:
    return 20 * math.sin(6 * math.pi * value) + 20 * math.sin(2 * math.pi * value)


def _north_m(x: float, y: float) -> float:
    flat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    long_waves = 20 * math.sin(math.pi * y) + 40 * math.sin(math.pi * y / 3)
    longer_waves = 160 * math.sin(math.pi * y / 12) + 320 * math.sin(math.pi * y / 30)
    return flat + (_waves(x) + long_waves + longer_waves) * 2 / 3


def _east_m(x: float, y: float) -> float:
    flat = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    long_waves = 20 * math.sin(math.pi * x) + 40 * math.sin(math.pi * x / 3)
    longer_waves = 150 * math.sin(math.pi * x / 12) + 300 * math.sin(math.pi * x / 30)
    return flat + (_waves(x) + long_waves + longer_waves) * 2 / 3
