"""Writing a made-up population as import files: ``registry synth``. The same seed, size and day give the same files.

People are made and written block by block, so that memory does not grow with their number. What the columns mean is in
docs/import-format.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Never

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source
from tqdm import tqdm

from yikatong.registry.rows import ORGANISATION_COLUMNS, PERSON_COLUMNS
from yikatong.registry.synth import assumptions, numbers
from yikatong.registry.synth.organisations import Organisations, make_organisations
from yikatong.registry.synth.population import (
    CATEGORIES,
    EMPLOYEE,
    MINOR,
    NOBODY,
    OTHER,
    RELATIONS,
    RETIREE,
    STUDENT,
    Block,
    make_block,
)
from yikatong.registry.synth.sources import CityPeople, Integers, Texts, Truths, read_city_people

BLOCK_PERSONS = 100_000
_UNIX_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class SynthReport:
    """What was written where."""

    persons: int
    organisations: int
    persons_path: Path
    organisations_path: Path


def organisations_path(out: Path) -> Path:
    """Where the units of a persons file go: ``register.csv`` has ``register.organisations.csv``."""
    return out.with_name(f"{out.stem}.organisations.csv")


def write_synthetic_register(
    out: Path, *, persons: int, seed: int, on: date, progress: bool = False, people: CityPeople | None = None
) -> SynthReport:
    """Write ``persons`` made-up people to ``out`` (CSV, or Parquet by its ending) and their units beside it.

    Ages are as of ``on``. A file appears under its name only when it is whole. Raises ``ValueError`` for no persons.
    """
    if persons < 1:
        raise ValueError(f"persons must be at least 1, not {persons}")
    city = people or read_city_people()
    units = make_organisations(city, persons, np.random.default_rng([seed, 0]))
    beside = organisations_path(out)
    unfinished = beside.with_name(beside.name + ".part")
    pl.DataFrame(units.rows, schema=list(ORGANISATION_COLUMNS), orient="row").write_csv(unfinished)
    unfinished.replace(beside)
    on_day = on.toordinal() - _UNIX_EPOCH_ORDINAL
    unfinished = out.with_name(out.name + ".part")
    frames = _Frames(city, units, persons, seed, on_day)
    with tqdm(total=persons, unit="person", unit_scale=True, desc="synth", disable=not progress) as bar:
        if out.suffix.lower() == ".parquet":
            lazy = register_io_source(lambda *_: _counted(frames, bar), schema=dict.fromkeys(PERSON_COLUMNS, pl.String))
            lazy.sink_parquet(unfinished, compression="zstd", maintain_order=True)
        else:
            with unfinished.open("wb") as file:
                for number, frame in enumerate(_counted(frames, bar)):
                    frame.write_csv(file, include_header=number == 0, quote_style="never")
    unfinished.replace(out)
    return SynthReport(persons, len(units.rows), out, beside)


def _counted(frames: "_Frames", bar: "tqdm[Never]") -> Iterator[pl.DataFrame]:
    for frame in frames:
        yield frame
        bar.update(len(frame))


class _Frames:
    """The blocks of one population, as tables in the order of ``PERSON_COLUMNS``."""

    def __init__(self, city: CityPeople, units: Organisations, persons: int, seed: int, on_day: int) -> None:
        self._city = city
        self._units = units
        self._persons = persons
        self._seed = seed
        self._on_day = on_day
        self._given = {sex: _given_names(*names) for sex, names in city.given_names.items()}

    def __iter__(self) -> Iterator[pl.DataFrame]:
        identities = numbers.IdentityNumbers(len(self._city.district_codes), self._on_day)
        for first in range(0, self._persons, BLOCK_PERSONS):
            random = np.random.default_rng([self._seed, 1, first])
            block = make_block(self._city, min(BLOCK_PERSONS, self._persons - first), self._on_day, random)
            yield self._frame(block, identities, first, random)

    def _frame(
        self, block: Block, identities: numbers.IdentityNumbers, first: int, random: np.random.Generator
    ) -> pl.DataFrame:
        count, city = len(block), self._city
        district = city.community_district[block.community]
        identity = identities.take(district, block.birth_day, block.is_male)
        surname, ethnicity = city.surnames.indexes(random, count), city.ethnicities.indexes(random, count)
        parent = np.where(block.relation[0] == OTHER, NOBODY, block.guardian[0])
        own = np.arange(count)
        surname, ethnicity = (values[np.where(parent == NOBODY, own, parent)] for values in (surname, ethnicity))
        given = {sex: _choose(names, random, count) for sex, names in self._given.items()}
        has_card, generation = _older_cards(block.age, random)
        guardian = [pl.Series([*identity, ""]).gather(np.where(at == NOBODY, count, at)) for at in block.guardian]
        relation = [
            np.where(at == NOBODY, "", np.array(RELATIONS)[kind])
            for at, kind in zip(block.guardian, block.relation, strict=True)
        ]
        banks = city.pension_banks.values[city.pension_banks.indexes(random, count)]
        columns: dict[str, object] = {
            "identity_number": identity,
            "name": _text(city.surnames.values[surname]) + _text(np.where(block.is_male == 1, given["1"], given["2"])),
            "phone": _where(_has_phone(block.age, random), numbers.phones(first, count, self._seed)),
            "sex": _text(np.where(block.is_male == 1, "1", "2")),
            "ethnicity_code": _text(city.ethnicities.values[ethnicity]),
            "birth_date": pl.Series(block.birth_day.astype("datetime64[D]")).cast(pl.Date).cast(pl.String),
            "community_code": _text(city.communities.values[block.community]),
            "category": _text(np.array(CATEGORIES)[block.category]),
            "organisation_code": _text(self._organisations(block, district, random)),
            "pension_bank_code": _text(np.where(block.category == RETIREE, banks, "")),
            "needs_large_print": _flag(
                block.age >= assumptions.LARGE_PRINT_FROM_AGE, assumptions.LARGE_PRINT_SHARE, random
            ),
            "needs_home_visit": _flag(
                block.age >= assumptions.HOME_VISIT_FROM_AGE, assumptions.HOME_VISIT_SHARE, random
            ),
            "older_card_generation": _where(has_card, _text(generation)),
            "older_card_number": _where(has_card, numbers.older_card_numbers(first, count, self._seed)),
            "guardian1_identity_number": guardian[0],
            "guardian1_relation": _text(relation[0]),
            "guardian2_identity_number": guardian[1],
            "guardian2_relation": _text(relation[1]),
        }
        return pl.DataFrame({name: columns[name] for name in PERSON_COLUMNS})

    def _organisations(self, block: Block, district: Integers, random: np.random.Generator) -> Texts:
        """Employees work anywhere, students study anywhere, pupils go to school in their district."""
        count, units = len(block), self._units
        result = np.full(count, "", dtype=object)
        schools = np.array(units.schools, dtype=object)
        employees = np.flatnonzero(block.category == EMPLOYEE)
        result[employees] = units.employers.values[units.employers.indexes(random, len(employees))]
        students = np.flatnonzero(block.category == STUDENT)
        result[students] = schools[random.integers(len(schools), size=len(students))]
        pupils = np.flatnonzero((block.category == MINOR) & (block.age >= assumptions.SCHOOL_AGE_FROM))
        first = np.searchsorted(units.school_district, district[pupils], side="left")
        number = np.searchsorted(units.school_district, district[pupils], side="right") - first
        result[pupils] = schools[first + (random.random(len(pupils)) * number).astype(np.int64)]
        return result


def _given_names(single: list[str], double: list[str]) -> tuple[list[str], int]:
    """All given names: the corpus's own, then single ones joined in pairs. The number tells where the pairs begin."""
    pairs = [one + other for one in single for other in single if one != other]
    return [*single, *double, *pairs], len(single) + len(double)


def _choose(names: tuple[list[str], int], random: np.random.Generator, count: int) -> Texts:
    values, own = names
    combined = random.random(count) < assumptions.COMBINED_GIVEN_NAME_SHARE
    low, high = np.where(combined, own, 0), np.where(combined, len(values), own)
    chosen: Texts = np.array(values, dtype=object)[low + (random.random(count) * (high - low)).astype(np.int64)]
    return chosen


def _has_phone(age: Integers, random: np.random.Generator) -> Truths:
    limits = np.array([below for below, _ in assumptions.PHONE_SHARE_BY_AGE])
    shares = np.array([share for _, share in assumptions.PHONE_SHARE_BY_AGE])
    return random.random(len(age)) < shares[np.searchsorted(limits, age, side="right")]


def _older_cards(
    age: Integers, random: np.random.Generator
) -> tuple[Truths, "np.ndarray[tuple[int], np.dtype[np.str_]]"]:
    has_card = (age >= 1) & (random.random(len(age)) < assumptions.OLDER_CARD_SHARE)
    old_enough = age >= assumptions.FIRST_GENERATION_FROM_AGE
    is_first = old_enough & (random.random(len(age)) < assumptions.FIRST_GENERATION_SHARE)
    return has_card, np.where(is_first, "1", "2")


def _text(values: object) -> pl.Series:
    return pl.Series(np.asarray(values).tolist(), dtype=pl.String)


def _flag(may: Truths, share: float, random: np.random.Generator) -> pl.Series:
    return _text(np.where(may & (random.random(len(may)) < share), "1", "0"))


def _where(condition: Truths, values: pl.Series) -> pl.Series:
    return pl.select(pl.when(pl.Series(condition)).then(values).otherwise(pl.lit(""))).to_series()
