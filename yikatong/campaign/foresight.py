"""Before anybody chose: at which bank and in which way each person is planned, and whether that is known or only foreseen.

Whoever's bank is fixed by rule, or stands on their unit's roster, is planned there. All others are foreseen: members of a unit
at one of the banks it picked, retirees at the bank that pays their pension, minors at their guardian's, everybody else at a bank
drawn by the windows in their district (``Source: assumption``). What is foreseen reserves room; it is never told to anybody as a
choice.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from yikatong.campaign.persons import drawn
from yikatong.campaign.problem import Ints, Way
from yikatong.campaign.reading import City
from yikatong.city.capacity import campaign_limits_at
from yikatong.city.rules import rules_at
from yikatong.units.enrolment import first_enrolments

_WAY_SEED = 0x9057  # the draw of the way is another than that of the bank


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Each person's row of community, bank, way (``Way``, of those who come alone), unit (``-1``: none that collects), and, of a
    minor, the guardian's row among the people (``-1``: none who is planned for)."""

    community: Ints
    bank: Ints
    is_bank_fixed: NDArray[np.bool_]
    way: Ints
    unit: Ints
    units: list[str]
    guardian: Ints


def foresee(city: City, people: pl.DataFrame, *, starts_on: date, seed: int) -> Foreseen:
    """As of the plan's first day; drawn by the seed."""
    community = rows_of(people["community"], city.communities)
    person = people["person_id"].to_numpy()
    picks = _picks_of(city, people)
    bank, is_fixed = _banks_of(city, people, community, picks, _shares(person, seed), starts_on)
    units, unit = _units_of(people, picks, bank)
    guardian = _guardian_rows(people)
    post_percent = campaign_limits_at(starts_on).post_percent
    by_post = _shares(person, seed ^ _WAY_SEED) < post_percent / 100
    by_post[guardian >= 0] = False
    by_post[guardian[guardian >= 0]] = False
    way = np.where(by_post, Way.POST, Way.OUTLET).astype(np.int64)
    way[(people["needs_visit"] == "t").to_numpy()] = Way.VISIT
    wards = np.flatnonzero(guardian >= 0)
    wards = wards[(unit[guardian[wards]] < 0) & ~is_fixed[wards]]
    bank[wards] = bank[guardian[wards]]
    return Foreseen(community, bank, is_fixed, way, unit, units, guardian)


def rows_of(values: pl.Series, of: list[str]) -> Ints:
    """Which row of ``of`` each value is."""
    return values.replace_strict(of, range(len(of)), return_dtype=pl.Int64).to_numpy()


def _guardian_rows(people: pl.DataFrame) -> Ints:
    """Whoever has a guardian comes with them, so both come to an outlet. Source: assumption (families are served together)."""
    person, guardian = people["person_id"].to_numpy(), people["guardian"].to_numpy()
    row = np.searchsorted(person, guardian)
    row[row == len(person)] = 0
    is_known = (guardian > 0) & (person[row] == guardian) if len(person) else guardian > 0
    return np.where(is_known, row, -1).astype(np.int64)


def _shares(person: Ints, seed: int) -> NDArray[np.float64]:
    return drawn(person, seed).astype(np.float64) / 2.0**64


@dataclass(frozen=True, slots=True)
class _Picks:
    """What people's units picked: ``text``, each person's row of ``banks`` (-1 fills up), of which ``count`` are banks that there
    are."""

    text: Ints
    banks: Ints
    count: Ints

    def have(self, bank: Ints) -> NDArray[np.bool_]:
        """Whether each person's unit picked this bank."""
        return np.asarray((self.banks[self.text] == bank[:, None]).any(axis=1))


def _picks_of(city: City, people: pl.DataFrame) -> _Picks:
    texts = people["unit_banks"].unique().to_list()
    picked = [[city.banks.index(code) for code in json.loads(text or "[]") if code in city.banks] for text in texts]
    banks = np.full((len(texts), max([1, *map(len, picked)])), -1, np.int64)
    for row, rows in enumerate(picked):
        banks[row, : len(rows)] = rows
    return _Picks(rows_of(people["unit_banks"], texts), banks, np.array([len(rows) for rows in picked], np.int64))


def _banks_of(
    city: City,
    people: pl.DataFrame,
    community: Ints,
    picks: _Picks,
    draws: NDArray[np.float64],
    starts_on: date,
) -> tuple[Ints, NDArray[np.bool_]]:
    bank = _drawn_by_windows(city, community, draws)
    count = picks.count[picks.text]
    picked = count > 0
    bank[picked] = picks.banks[picks.text[picked], (draws[picked] * count[picked]).astype(np.int64)]
    choice = rules_at(starts_on).bank_choice
    bound = [name for name, rule in choice.items() if rule.rule in {"unit_list", "unit_list_if_collects"}]
    collects = (people["unit_collects"] == "t").to_numpy()
    is_fixed = (count == 1) & collects & people["category"].is_in(bound).to_numpy()
    pension = people["pension_bank"]
    is_paid = ((people["category"] == "retiree") & pension.is_in(city.banks)).to_numpy()
    bank[is_paid] = rows_of(pension.filter(is_paid), city.banks)
    is_fixed[is_paid] = choice["retiree"].rule == "pension_bank_first"
    wished = people["wished_bank"]
    has_wish = wished.is_in(city.banks)
    bank[has_wish.to_numpy()] = rows_of(wished.filter(has_wish), city.banks)
    return bank, is_fixed | (has_wish.to_numpy() & collects)


def _drawn_by_windows(city: City, community: Ints, draws: NDArray[np.float64]) -> Ints:
    """A bank by chance, as often as it has windows in the district."""
    windows = np.zeros((len(city.districts), len(city.banks)))
    for outlet in city.outlets:
        if outlet.district_code in city.districts:
            windows[city.districts.index(outlet.district_code), city.banks.index(outlet.bank_id)] += outlet.windows
    everywhere = windows.sum(axis=0)
    windows[windows.sum(axis=1) == 0] = everywhere if everywhere.any() else np.ones(len(city.banks))
    ends = np.cumsum(windows / windows.sum(axis=1, keepdims=True), axis=1)
    district = rows_of(pl.Series([code[:6] for code in city.communities]), city.districts)[community]
    # one search for all: each district's shares lie between its number and the next
    line = (ends + np.arange(len(city.districts))[:, None]).ravel()
    found = np.searchsorted(line, district + draws, side="right") - district * len(city.banks)
    return np.asarray(np.clip(found, 0, len(city.banks) - 1), np.int64)


def _units_of(people: pl.DataFrame, picks: _Picks, bank: Ints) -> tuple[list[str], Ints]:
    """Units that collect for their people, first enrolled first; each person's row of them.

    With the unit comes who collects through it: no minor, nobody who is visited, nobody whose bank the unit did not pick.
    """
    comes = (people["unit_collects"] == "t") & (people["needs_visit"] != "t") & (people["is_minor"] != "t")
    with_unit = comes.to_numpy() & picks.have(bank)
    enrolled, never = first_enrolments(), datetime.max.replace(tzinfo=UTC)
    of = people.filter(with_unit)["unit"]
    units = sorted(of.unique().to_list(), key=lambda code: (enrolled.get(code, never), code))
    unit = np.full(len(people), -1, np.int64)
    if units:
        unit[with_unit] = rows_of(of, units)
    return units, unit
