"""Coordinates of three systems, against pairs published with other implementations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.guide.coordinates import (
    Point,
    bd09_to_gcj02,
    distance_m,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    to_wgs84,
    wgs84_to_gcj02,
)

# Source: test values of eviltransform (github.com/googollee/eviltransform): WGS-84 and GCJ-02 of one place.
PAIRS = [
    (Point(121.5272106, 31.1774276), Point(121.531541859215, 31.17530398364597)),
    (Point(113.912316, 22.543847), Point(113.9171764808363, 22.540796131694766)),
    (Point(116.377817, 39.911954), Point(116.38404722455657, 39.91334545536069)),
]
# Source: README of coordtransform (npm): what becomes of 116.404, 39.915.
OF_BAIDU = Point(116.39762729119315, 39.90865673957631)
TO_BAIDU = Point(116.41036949371029, 39.92133699351021)


@pytest.mark.parametrize(("wgs", "gcj"), PAIRS)
def test_published_pairs(wgs: Point, gcj: Point) -> None:
    assert wgs84_to_gcj02(wgs) == pytest.approx(gcj, abs=1e-12)
    assert distance_m(gcj02_to_wgs84(gcj), wgs) < 0.01
    assert distance_m(to_wgs84(gcj, "GCJ-02"), wgs) < 0.01
    assert distance_m(wgs, gcj) > 300, "a point left in the wrong system would be streets away"


def test_baidus_shift() -> None:
    assert bd09_to_gcj02(Point(116.404, 39.915)) == pytest.approx(OF_BAIDU, abs=1e-12)
    assert gcj02_to_bd09(Point(116.404, 39.915)) == pytest.approx(TO_BAIDU, abs=1e-12)
    assert to_wgs84(Point(116.404, 39.915), "BD-09") == gcj02_to_wgs84(OF_BAIDU)


@given(st.floats(115.4, 117.6), st.floats(39.4, 41.1))
def test_there_and_back_anywhere_in_the_city(lng: float, lat: float) -> None:
    point = Point(lng, lat)
    assert distance_m(gcj02_to_wgs84(wgs84_to_gcj02(point)), point) < 0.05
    assert distance_m(bd09_to_gcj02(gcj02_to_bd09(point)), point) < 1


def test_outside_china_nothing_is_shifted() -> None:
    denver = Point(-104.9903, 39.7392)
    assert wgs84_to_gcj02(denver) == denver == gcj02_to_wgs84(denver)


def test_an_unknown_system_is_refused() -> None:
    with pytest.raises(ValueError, match="no way from 'CGCS'"):
        to_wgs84(Point(116, 40), "CGCS")


def test_distances() -> None:
    # a degree of latitude is 111.2 km on the mean sphere
    assert distance_m(Point(116, 39), Point(116, 40)) == pytest.approx(111_195, abs=1)
    assert distance_m(Point(116, 40), Point(116, 40)) == 0
