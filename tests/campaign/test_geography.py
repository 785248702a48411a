"""The map that everybody gets alike: within the real boundaries, the same for the same code."""

import json

import numpy as np
import pytest

from yikatong.campaign.geography import Geography, is_in, positions
from yikatong.city.folder import BEIJING

FEATURES = json.loads((BEIJING / "district_boundaries.geojson").read_text(encoding="utf-8"))["features"]


def test_a_street_lies_in_its_district_and_nowhere_else() -> None:
    city = Geography(FEATURES)
    assert len(city.districts()) == 16
    for code in city.districts():
        points = positions(city.street(f"{code}{number:03d}") for number in range(20))
        inside = {other: is_in(city._rings[other], points).sum() for other in city.districts()}
        assert inside.pop(code) == 20
        assert sum(inside.values()) == 0


def test_the_same_code_is_always_at_the_same_point() -> None:
    one, other = Geography(FEATURES), Geography(FEATURES)
    assert (one.near("110101001", "110101001001") == other.near("110101001", "110101001001")).all()
    assert (one.near("110101001", "110101001001") != one.near("110101001", "110101001002")).all()


def test_neighbours_are_near_and_districts_are_not() -> None:
    city = Geography(FEATURES)
    street = city.street("110101001")
    assert np.hypot(*(city.near("110101001", "110101001001") - street)) < 4_000
    assert 20_000 < np.hypot(*(city.street("110119001") - street)) < 150_000, "延庆 lies far from 东城"


def test_a_district_that_there_is_not_is_an_error() -> None:
    with pytest.raises(KeyError):
        Geography(FEATURES).street("999999001")
