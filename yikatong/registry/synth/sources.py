"""What the city's data say about its people, as arrays to draw from.

Sources are those of the data folder (``SOURCES.toml``): the 2020 census for sizes, ages, sex and nationalities, the
division codes for communities, a names corpus for surnames. What they do not say is in ``assumptions``.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from yikatong.city.banking import read_banks
from yikatong.city.folder import CITY_DATA, open_folder
from yikatong.registry.synth import assumptions

type Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
type Integers = np.ndarray[tuple[int], np.dtype[np.int64]]
type Truths = np.ndarray[tuple[int], np.dtype[np.bool_]]
type Texts = np.ndarray[tuple[int], np.dtype[np.object_]]


@dataclass(frozen=True, slots=True)
class Draw:
    """A list of values and how likely each is, ready for drawing many at once."""

    values: Texts
    cumulative: Floats

    @classmethod
    def of(cls, values: list[str], weights: list[float]) -> "Draw":
        """Values with relative weights."""
        total = np.cumsum(np.array(weights, dtype=np.float64))
        return cls(np.array(values, dtype=object), total / total[-1])

    def indexes(self, random: np.random.Generator, count: int) -> Integers:
        """``count`` draws, as positions in ``values``."""
        return np.searchsorted(self.cumulative, random.random(count), side="right").astype(np.int64)


@dataclass(frozen=True, slots=True)
class Census:
    """The census's shares. ``age_bands`` are (from, below, share) in completed years."""

    age_bands: tuple[tuple[int, int, float], ...]
    male_share: float


@dataclass(frozen=True, slots=True)
class CityPeople:
    """All there is to draw from. Community positions refer to ``community_codes``; districts likewise."""

    census: Census
    district_codes: tuple[str, ...]
    communities: Draw
    community_district: Integers
    surnames: Draw
    given_names: dict[str, tuple[list[str], list[str]]]
    ethnicities: Draw
    pension_banks: Draw


def read_city_people(root: Path = CITY_DATA) -> CityPeople:
    """Read the folder's tables about people. Raises ``BadCityData`` when one is missing."""
    folder = open_folder(root)

    def table(role: str) -> pl.DataFrame:
        return pl.read_csv(folder.path(role), infer_schema=False)

    measures = {row["measure"]: int(row["value"]) for row in table("city_population").iter_rows(named=True)}
    people = {
        row["district_code"]: int(row["resident_population"])
        for row in table("district_population").iter_rows(named=True)
    }
    districts = tuple(sorted(people))
    communities = table("communities").filter(pl.col("district_code").is_in(districts)).sort("code12")
    in_district = communities["district_code"].to_list()
    # A community's own size is not known: its district's people spread over communities of uneven size.
    uneven = np.random.default_rng(assumptions.COMMUNITY_SIZE_SEED).lognormal(
        0.0, assumptions.COMMUNITY_SIZE_SIGMA, len(in_district)
    )
    sums = dict.fromkeys(districts, 0.0)
    for code, size in zip(in_district, uneven, strict=True):
        sums[code] += size
    weights = [people[code] * size / sums[code] for code, size in zip(in_district, uneven, strict=True)]
    surnames, given = table("surnames"), table("given_names")
    names = {
        sex: (
            [name for name in given.filter(pl.col("gender") == letter)["given_name"] if len(name) == 1],
            [name for name in given.filter(pl.col("gender") == letter)["given_name"] if len(name) > 1],
        )
        for sex, letter in (("1", "M"), ("2", "F"))
    }
    banks = [bank for bank in read_banks(root)[0]["bank"] if not bank.is_assumption]
    return CityPeople(
        census=_census(measures),
        district_codes=districts,
        communities=Draw.of(communities["code12"].to_list(), weights),
        community_district=np.array([districts.index(code) for code in in_district], dtype=np.int64),
        surnames=Draw.of(surnames["surname"].to_list(), [float(weight) for weight in surnames["weight"]]),
        given_names=names,
        ethnicities=_ethnicities(table("ethnic_groups")["code"].to_list(), measures),
        pension_banks=Draw.of([bank.code for bank in banks], [float(bank.outlet_weight) for bank in banks]),
    )


def _census(measures: dict[str, int]) -> Census:
    total = measures["resident_population"]
    from_60_to_64 = measures["age_60_plus"] - measures["age_65_plus"]
    return Census(
        age_bands=(
            (0, 15, measures["age_0_14"] / total),
            (15, 60, measures["age_15_59"] / total),
            (60, 65, from_60_to_64 / total),
            (65, assumptions.AGE_MAX_YEARS, measures["age_65_plus"] / total),
        ),
        male_share=measures["male"] / total,
    )


def _ethnicities(codes: list[str], measures: dict[str, int]) -> Draw:
    """Han as counted; the census's one figure for all others is shared out by assumption."""
    others = [code for code in codes if code != "01"]
    weights = [assumptions.MINORITY_WEIGHTS.get(code, assumptions.MINORITY_WEIGHT_OF_OTHERS) for code in others]
    share = measures["ethnic_minorities"] / sum(weights)
    return Draw.of(["01", *others], [float(measures["ethnic_han"]), *(weight * share for weight in weights)])
