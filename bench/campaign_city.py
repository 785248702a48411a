"""A campaign of any size for benchmarks: Beijing's communities and districts as they are, people and outlets by chance.

Communities have names and codes in public data and no coordinates: each is put at a point drawn within its district's boundary.
How many live where follows the census by district; which bank is wished for, how large an outlet is, and what a bank can make
in a week are drawn. Nobody in it exists.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from yikatong.campaign.geography import M_PER_DEGREE, is_in
from yikatong.campaign.problem import Cohorts, Ints, Places, Positions, Problem, Way

DATA = Path(__file__).resolve().parent.parent / "yikatong" / "city" / "data" / "beijing"
BANKS, OUTLETS, WEEKS = 16, 3_000, 60
BATCH_WEEKS = np.array([0, 13, 26, 39, 48])
"""The first weeks of the five batches, from 2024-10-30. Source: rules/programme.toml."""
GROUP_SHARES = (0.44, 0.36, 0.20)
"""Employees (batches 1 to 3 by district), batch 4, retirees. Source: assumption, near the census's ages."""
_BATCH_OF_DISTRICT = {
    **dict.fromkeys(("110111", "110113", "110114", "110115", "110117"), 0),
    **dict.fromkeys(("110108", "110106", "110112", "110119"), 1),
}


@dataclass(frozen=True, slots=True)
class City:
    """``share``: each community's part of the people; ``first_batch``: of its employees."""

    position: Positions
    share: NDArray[np.float64]
    first_batch: Ints


def make_city(chance: np.random.Generator) -> City:
    """The communities."""
    communities = pl.read_csv(DATA / "communities_2023_nbs.csv", infer_schema_length=0)
    population = pl.read_csv(DATA / "population_2020_by_district.csv", infer_schema_length=0)
    residents = dict(zip(population["district_code"], population["resident_population"].cast(pl.Int64), strict=True))
    district = communities["district_code"].str.slice(0, 6).to_numpy()
    position = np.zeros((len(district), 2))
    share = np.zeros(len(district))
    for code, rings in _boundaries().items():
        rows = np.flatnonzero(district == code)
        position[rows] = _points_in(rings, len(rows), chance)
        weights = chance.gamma(2.0, size=len(rows))
        share[rows] = weights / weights.sum() * residents.get(code, 0)
    first = np.array([_BATCH_OF_DISTRICT.get(code, 2) for code in district], np.int64)
    return City(position, share / share.sum(), first)


def write_residents(city: City, count: int, path: Path, chance: np.random.Generator) -> None:
    """``count`` made-up residents as Parquet: person_id, community, bank, way, eligible_week."""
    community = chance.choice(len(city.share), count, p=city.share).astype(np.int16)
    group = chance.choice(3, count, p=GROUP_SHARES)
    batch = np.where(group == 0, city.first_batch[community], group + 2)
    pl.DataFrame(
        {
            "person_id": np.arange(1, count + 1, dtype=np.int64),
            "community": community,
            "bank": chance.choice(BANKS, count, p=_bank_shares()).astype(np.int8),
            "way": (chance.random(count) < 0.25).astype(np.int8) * np.int8(Way.POST),
            "eligible_week": BATCH_WEEKS[batch].astype(np.int8),
        }
    ).write_parquet(path, compression="lz4")


def make_problem(
    city: City, cohorts: Cohorts, people: int, chance: np.random.Generator, *, outlets: int = OUTLETS
) -> Problem:
    """Room for about twice the people over all weeks, and production for half as many again as there are."""
    shares = _bank_shares()
    at = chance.choice(len(city.share), outlets, p=city.share)
    bank = np.r_[np.arange(BANKS), chance.choice(BANKS, outlets - BANKS, p=shares)]
    windows = chance.integers(1, 6, outlets)
    room = windows / windows.sum() * people * 2.0 / WEEKS
    capacity = np.rint(room[:, None] * chance.uniform(0.8, 1.1, (outlets, WEEKS))).astype(np.int64)
    holidays = chance.choice(WEEKS, 4, replace=False)
    capacity[:, holidays] //= 4
    post = np.rint(np.outer(shares, np.full(WEEKS, people * 0.6 / WEEKS))).astype(np.int64)
    places = Places(
        np.r_[bank, np.arange(BANKS)].astype(np.int64),
        np.r_[np.full(outlets, Way.OUTLET), np.full(BANKS, Way.POST)].astype(np.int64),
        np.full(outlets + BANKS, -1),
        np.r_[city.position[at] + chance.normal(0, 300, (outlets, 2)), np.zeros((BANKS, 2))],
        np.r_[capacity, post],
    )
    production = np.rint(np.outer(shares, np.full(WEEKS, people * 2.2 / WEEKS))).astype(np.int64)
    return Problem(city.position, np.zeros(len(city.share), np.int64), cohorts, places, production)


def _bank_shares() -> NDArray[np.float64]:
    shares = 1.0 / (np.arange(BANKS) + 3.0)
    return shares / shares.sum()


def _boundaries() -> dict[str, list[NDArray[np.float64]]]:
    """Each district's outer rings in metres, by its code of six digits."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    for feature in json.loads((DATA / "district_boundaries.geojson").read_text(encoding="utf-8"))["features"]:
        geometry = feature["geometry"]
        polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        scale = np.array([M_PER_DEGREE * np.cos(np.radians(40.0)), M_PER_DEGREE])
        found[feature["properties"]["code6"]] = [np.array(polygon[0], float)[:, :2] * scale for polygon in polygons]
    return found


def _points_in(rings: list[NDArray[np.float64]], count: int, chance: np.random.Generator) -> Positions:
    """Points drawn evenly within the largest ring."""
    ring = max(rings, key=len)
    low, high = ring.min(axis=0), ring.max(axis=0)
    found = np.empty((0, 2))
    while len(found) < count:
        drawn = chance.uniform(low, high, (max(count, 64), 2))
        found = np.r_[found, drawn[is_in(ring, drawn)]]
    return found[:count]
