"""From the city, the register's people and what is foreseen of them to the planner's problem: cohorts, places, production, units.

Everything an outlet takes or a bank makes is effective-dated: rules/campaign.toml by the week's Monday, then the changes that
staff recorded (``capacities``), then the what-ifs of this plan. Half-days that others hold already are not planned again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from django.db import connection
from django.db.models import Count
from numpy.typing import NDArray

from yikatong.applications.models import Application, ApplicationState
from yikatong.banks.models import Outlet
from yikatong.banks.outlets import largest_remainder
from yikatong.campaign.blanks import within_stock
from yikatong.campaign.calendar import DAYS, Override, mondays, weekly
from yikatong.campaign.capacities import Departure, Kind, departures
from yikatong.campaign.changes import Change, CloseOutlet, LoseProduction
from yikatong.campaign.foresight import Foreseen
from yikatong.campaign.geography import Geography, positions
from yikatong.campaign.persons import Grouped, grouped
from yikatong.campaign.problem import Ints, Places, Positions, Problem, Way
from yikatong.campaign.reading import City, Readers
from yikatong.city.capacity import CampaignLimits, campaign_limits_at
from yikatong.city.folder import open_folder
from yikatong.foundation.workdays import is_working_day
from yikatong.issuance.stock import stock_of

_HELD_BY_OTHERS = """
select person_id, outlet_id, day from campaign_appointment
where state = 'kept' and day >= %s and day < %s
"""


@dataclass(frozen=True, slots=True)
class PlaceNames:
    """One entry per place: its key as stored, its name, outlet, district, street."""

    keys: list[str]
    names: list[str]
    outlets: list[str]
    districts: list[str]
    streets: list[str]


@dataclass(frozen=True, slots=True)
class Built:
    """``problem``: of the people who come alone, before units take their part; ``alone``: their rows among the people.

    ``unit_capacity``: cards for units, banks × weeks. ``street_positions``: one for each of the city's streets;
    ``working_days``: of each week. ``room``, ``cards``: what places take and banks make in truth, where the problem counts
    on people who will not come.
    """

    problem: Problem
    together: Grouped
    alone: Ints
    unit_capacity: Ints
    places: PlaceNames
    street_positions: Positions
    geography: Geography
    working_days: Ints
    room: Ints
    cards: Ints

    def windows(self) -> Ints:
        """Windows that each outlet must have for this to serve what it takes on its busiest day; 0 for other places."""
        days = np.maximum(self.working_days, 1)
        return np.where(self.problem.places.way == Way.OUTLET, (self.room / days[None, :]).max(axis=1), 0)


def build(
    city: City,
    readers: Readers,
    foreseen: Foreseen,
    *,
    starts_on: date,
    weeks: int,
    today: date,
    changes: Sequence[Change] = (),
    closed_weeks: int = 0,
    served_percent: int = 100,
) -> Built:
    """The problem. In the first ``closed_weeks`` nobody is placed; ``served_percent`` over 100 invites more than there is room
    for, because not everybody comes. ``today``: what was delivered until then is in the banks' stock."""
    last = starts_on + timedelta(weeks=weeks)
    noted = departures(starts_on, last)
    alone = np.flatnonzero(foreseen.unit < 0)
    together = grouped(
        foreseen.community[alone],
        foreseen.bank[alone],
        foreseen.way[alone],
        readers.eligible[alone],
        banks=len(city.banks),
        weeks=weeks,
    )
    geography = Geography(district_features())
    street = np.array([city.streets.index(code[:9]) for code in city.communities], np.int64)
    limits = [campaign_limits_at(monday) for monday in mondays(starts_on, weeks)]
    working = np.array([is_working_day(starts_on + timedelta(days=day)) for day in range(weeks * DAYS)], np.int64)
    week_of = _Weeks(starts_on, working, limits)
    held = _held_by_others(city, readers, starts_on, last)
    outlets = np.maximum(_outlet_capacity(city, week_of, noted, changes) - held, 0)
    bank_of = np.array([city.banks.index(outlet.bank_id) for outlet in city.outlets], np.int64)
    visit_bank, visit_street, visits = _visits(city, together, street, week_of, noted)
    posts = _posts(city, week_of, noted)
    banks = np.arange(len(city.banks))
    none = np.zeros((len(banks) + len(visit_bank), 2))
    room = np.concatenate([outlets, posts, visits])
    room[:, :closed_weeks] = 0
    made = _production(city, week_of, noted, changes)
    made[:, :closed_weeks] = 0
    made = _without_ordered(city, made)
    wanted = np.zeros((len(city.banks), weeks), np.int64)
    np.add.at(wanted, (foreseen.bank, np.maximum(readers.eligible, closed_weeks)), 1)
    made = _within_blanks(city, made, wanted, starts_on=starts_on, today=today, noted=noted)
    capacity, production = room * served_percent // 100, made * served_percent // 100
    ways = [np.full(count, way) for count, way in ((len(bank_of), 0), (len(banks), 1), (len(visit_bank), 2))]
    places = Places(
        np.r_[bank_of, banks, visit_bank],
        np.concatenate(ways).astype(np.int64),
        np.r_[np.full(len(bank_of) + len(banks), -1), visit_street],
        np.r_[positions(outlet_point(geography, outlet) for outlet in city.outlets), none],
        capacity,
    )
    community = positions(geography.near(code[:9], code) for code in city.communities)
    percents = np.array([each.units_percent for each in limits], np.int64)
    return Built(
        Problem(community, street, together.cohorts, places, production),
        together,
        alone,
        production * percents[None, :] // 100,
        _names(city, visit_bank, visit_street),
        positions(geography.street(code) for code in city.streets),
        geography,
        working.reshape(weeks, DAYS).sum(axis=1),
        room,
        made,
    )


def district_features() -> list[dict[str, Any]]:
    """The real boundaries, as GeoJSON features."""
    path = open_folder().path("boundaries")
    features: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["features"]
    return features


@dataclass(frozen=True, slots=True)
class _Weeks:
    starts_on: date
    working: Ints
    limits: list[CampaignLimits]

    def each(self, per_day: Any, overrides: Sequence[Override]) -> Ints:
        """``per_day``: what the limits of a week make of each row, as one array per week."""
        table = np.stack([per_day(limits) for limits in self.limits], axis=1)
        return weekly(table, self.working, self.starts_on, overrides)


def _outlet_capacity(city: City, weeks: _Weeks, noted: Sequence[Departure], changes: Sequence[Change]) -> Ints:
    windows = np.array([outlet.windows for outlet in city.outlets], np.int64)
    row = {outlet.outlet_id: number for number, outlet in enumerate(city.outlets)}
    limits = weeks.limits[0]
    overrides = []
    for each in noted:
        if each.of in row and each.kind in {Kind.OUTLET_CLOSED, Kind.OUTLET_WINDOWS}:
            served = each.value * limits.open_minutes // limits.handling_minutes
            overrides.append(Override(row[each.of], served, each.first, each.last))
    overrides += [
        Override(row[each.outlet_id], 0, each.first_day, each.last_day)
        for each in changes
        if isinstance(each, CloseOutlet) and each.outlet_id in row
    ]
    return weeks.each(
        lambda now: windows * now.open_minutes * now.windows_percent // (100 * now.handling_minutes), overrides
    )


def _production(city: City, weeks: _Weeks, noted: Sequence[Departure], changes: Sequence[Change]) -> Ints:
    bank_of = [city.banks.index(outlet.bank_id) for outlet in city.outlets]
    windows = np.bincount(
        np.array(bank_of, np.int64), weights=[outlet.windows for outlet in city.outlets], minlength=len(city.banks)
    ).astype(np.int64)
    row = {code: number for number, code in enumerate(city.banks)}
    overrides = _overrides(noted, Kind.PRODUCTION_CARDS, row)
    overrides += [
        Override(row[each.bank_code], 0, each.first_day, each.last_day)
        for each in changes
        if isinstance(each, LoseProduction) and each.bank_code in row
    ]
    return weeks.each(lambda now: windows * now.cards_per_window_and_day, overrides)


def _without_ordered(city: City, production: Ints) -> Ints:
    """Cards that are applied for and not begun are made first; the rest of the production is planned."""
    ordered = np.zeros(len(production), np.int64)
    open_ones = Application.objects.filter(state__in=[ApplicationState.SUBMITTED, ApplicationState.APPROVED])
    counts = dict(open_ones.values_list("bank_code").annotate(cards=Count("application_id")))
    for row, code in enumerate(city.banks):
        ordered[row] = counts.get(code, 0)
    before = np.cumsum(production, axis=1) - production
    return production - np.clip(ordered[:, None] - before, 0, production)


def _within_blanks(
    city: City, production: Ints, wanted: Ints, *, starts_on: date, today: date, noted: Sequence[Departure]
) -> Ints:
    """Production that the blanks suffice for, of banks whose blanks were entered or are expected; others are not limited.

    What arrived until today is in the stock where a bank's blanks are entered, else it is what was noted.
    """
    weeks = production.shape[1]
    deliveries = np.zeros(production.shape, np.int64)
    opening = np.zeros(len(production), np.int64)
    is_known = np.zeros(len(production), np.bool_)
    row = {code: number for number, code in enumerate(city.banks)}
    is_entered = np.zeros(len(production), np.bool_)
    for code, number in row.items():
        stock = stock_of(code)
        if stock.delivered:
            is_known[number] = is_entered[number] = True
            opening[number] = max(stock.left, 0)
    for each in noted:
        if each.kind != Kind.BLANKS or each.of not in row or (each.first <= today and is_entered[row[each.of]]):
            continue
        is_known[row[each.of]] = True
        week = (each.first - starts_on).days // DAYS
        if week < 0:
            opening[row[each.of]] += each.value
        elif week < weeks:
            deliveries[row[each.of], week] += each.value
    limited = within_stock(production, opening, deliveries, wanted=wanted)
    return np.where(is_known[:, None], limited, production)


def _posts(city: City, weeks: _Weeks, noted: Sequence[Departure]) -> Ints:
    row = {code: number for number, code in enumerate(city.banks)}
    each = np.ones(len(city.banks), np.int64)
    return weeks.each(lambda now: each * now.posts_per_bank_and_day, _overrides(noted, Kind.POST_CARDS, row))


def _overrides(noted: Sequence[Departure], kind: Kind, row: dict[str, int]) -> list[Override]:
    return [
        Override(row[each.of], each.value, each.first, each.last)
        for each in noted
        if each.kind == kind and each.of in row
    ]


def _visits(
    city: City, together: Grouped, street: Ints, weeks: _Weeks, noted: Sequence[Departure]
) -> tuple[Ints, Ints, Ints]:
    """A street's visits, shared among the banks by how many there need one: bank, street, visits a week."""
    cohorts = together.cohorts
    here = cohorts.way == Way.VISIT
    need = np.zeros((len(city.streets), len(city.banks)), np.int64)
    np.add.at(need, (street[cohorts.community[here]], cohorts.bank[here]), cohorts.people[here])
    used = np.flatnonzero(need.sum(axis=1))
    row = {city.streets[where]: number for number, where in enumerate(used)}
    each = np.ones(len(used), np.int64)
    by_street = weeks.each(lambda now: each * now.visits_per_street_and_day, _overrides(noted, Kind.VISITS, row))
    bank, at, visits = [], [], []
    for number, where in enumerate(used):
        weights = {f"{code:03d}": int(need[where, code]) for code in np.flatnonzero(need[where])}
        shared = {total: largest_remainder(total, weights) for total in {int(of) for of in by_street[number]}}
        for code in weights:
            bank.append(int(code))
            at.append(int(where))
            visits.append([shared[int(total)][code] for total in by_street[number]])
    table = np.array(visits, np.int64).reshape(len(bank), len(weeks.limits))
    return np.array(bank, np.int64), np.array(at, np.int64), table


def _held_by_others(city: City, readers: Readers, first: date, last: date) -> Ints:
    """Half-days kept by people who are not planned for, outlets × weeks."""
    weeks = (last - first).days // DAYS
    held = np.zeros((len(city.outlets), weeks), np.int64)
    with connection.cursor() as cursor:
        cursor.execute(_HELD_BY_OTHERS, [first, last])
        rows = cursor.fetchall()
    kept = pl.DataFrame(rows, schema=["person_id", "outlet", "day"], orient="row")
    if len(kept):
        row = {outlet.outlet_id: number for number, outlet in enumerate(city.outlets)}
        others = kept.join(readers.people.select("person_id"), on="person_id", how="anti")
        for _, outlet, day in others.iter_rows():
            if outlet in row:
                held[row[outlet], (day - first).days // DAYS] += 1
    return held


def outlet_point(geography: Geography, outlet: Outlet) -> NDArray[np.float64]:
    """Near its street; where only the district is known, anywhere in it; else anywhere in some district."""
    districts = geography.districts()
    district = outlet_district(outlet, districts)
    street = outlet.street_code if outlet.street_code[:6] in districts else f"{district}{outlet.outlet_id}"
    return geography.near(street, outlet.outlet_id)


def outlet_district(outlet: Outlet, districts: Sequence[str]) -> str:
    """The district an outlet is planned in: its own, or where none is known, one by its number."""
    if outlet.district_code in districts:
        return outlet.district_code
    return districts[sum(outlet.outlet_id.encode()) % len(districts)]


def _names(city: City, visit_bank: Ints, visit_street: Ints) -> PlaceNames:
    outlets, visits = city.outlets, list(zip(visit_bank.tolist(), visit_street.tolist(), strict=True))
    streets = [city.streets[where] for _, where in visits]
    posts = [""] * len(city.banks)
    districts = city.districts
    return PlaceNames(
        keys=[outlet.outlet_id for outlet in outlets]
        + [f"post:{code}" for code in city.banks]
        + [f"visit:{city.banks[bank]}:{city.streets[where]}" for bank, where in visits],
        names=[outlet.name for outlet in outlets]
        + [f"{name}邮寄" for name in city.bank_names]
        + [f"{city.bank_names[bank]} {city.streets[where]} 上门" for bank, where in visits],
        outlets=[outlet.outlet_id for outlet in outlets] + posts + [""] * len(visits),
        districts=[outlet_district(outlet, districts) for outlet in outlets] + posts + [code[:6] for code in streets],
        streets=[outlet.street_code for outlet in outlets] + posts + streets,
    )


def unit_table(foreseen: Foreseen, readers: Readers) -> pl.DataFrame:
    """Units' people by bank: ``unit`` (row), ``bank`` (row), ``people``, ``eligible``: the first week all of them may come."""
    here = np.flatnonzero(foreseen.unit >= 0)
    people = pl.DataFrame(
        {"unit": foreseen.unit[here], "bank": foreseen.bank[here], "eligible": readers.eligible[here]}
    )
    latest = people.group_by("unit").agg(pl.col("eligible").max())
    return people.group_by("unit", "bank").len("people").join(latest, on="unit").sort("unit", "bank")
