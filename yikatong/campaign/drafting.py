"""A plan of the register as it is today: read, planned, drawn, stored as a draft. Nobody is invited by it.

Whoever has no third-generation card and no application under way is planned for. Which bank somebody will choose is not known
before they choose: retirees are planned at the bank that pays their pension, members of a unit at one of the banks it picked, all
others at a bank drawn by the windows in their district (``Source: assumption``).
"""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from django.db import connection, transaction
from django.db.models import Count
from numpy.typing import NDArray

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Bank, Outlet
from yikatong.banks.outlets import largest_remainder
from yikatong.campaign.explain import binding_words, bindings
from yikatong.campaign.geography import Geography, positions
from yikatong.campaign.models import Campaign, Slot
from yikatong.campaign.persons import NOBODYS, Grouped, Slots, drawn, grouped, slots_of
from yikatong.campaign.planner import Plan, figures, plan
from yikatong.campaign.problem import Ints, Places, Problem, ProblemWrong, Way
from yikatong.city.capacity import CampaignLimits, campaign_limits_at
from yikatong.city.folder import open_folder
from yikatong.city.models import Division
from yikatong.city.rules import CATEGORIES, rules_at
from yikatong.foundation.workdays import is_working_day
from yikatong.issuance.rules import THIRD_GENERATION

WEEKS_MAX = 104
_PEOPLE = """
copy (
    select p.person_id, p.community_code, p.category, p.pension_bank_code, p.needs_home_visit,
        coalesce(u.district_code, ''), coalesce(u.bank_codes::text, '[]')
    from registry_person p
    left join lateral (
        select o.district_code, o.bank_codes from registry_membership m
        join registry_organisation o on o.credit_code = m.organisation_code
        where m.person_id = p.person_id and m.since <= %(day)s and (m.until is null or m.until >= %(day)s)
        order by m.since, m.organisation_code limit 1
    ) u on true
    where not exists (select from issuance_card c where c.person_id = p.person_id and c.generation = %(generation)s)
        and not exists (select from applications_application a
                        where a.person_id = p.person_id and a.state not in ('rejected', 'cancelled'))
    order by p.person_id
) to stdout (format csv)
"""
_COLUMNS = {
    "person_id": pl.Int64,
    "community": pl.String,
    "category": pl.String,
    "pension_bank": pl.String,
    "needs_visit": pl.String,
    "unit_district": pl.String,
    "unit_banks": pl.String,
}


@dataclass(frozen=True, slots=True)
class _City:
    """What people and places are rows of."""

    communities: list[str]
    banks: list[str]
    outlets: list[Outlet]
    districts: list[str]
    streets: list[str]


def draft(
    campaign_id: str,
    *,
    starts_on: date,
    weeks: int,
    seed: int,
    by: Actor,
    at: datetime,
    processes: int = 1,
    told: Callable[[str], object] = lambda step: None,
) -> Campaign:
    """Plan and store; replaces an earlier draft of this name. ``told`` hears of each step. Raises ``ProblemWrong``."""
    if starts_on.weekday() != 0 or not 1 <= weeks <= WEEKS_MAX:
        raise ProblemWrong(f"计划须从周一开始，1 至 {WEEKS_MAX} 周")
    told("读取登记簿")
    city = _read_city()
    people = _read_people(starts_on)
    is_known = people["community"].is_in(city.communities)
    unknown = int((~is_known).sum())
    people = people.filter(is_known)
    eligible = _eligible_weeks(people, starts_on, weeks)
    is_open = eligible < weeks
    if not is_open.all():
        told(f"{int((~is_open).sum()):,} 人的批次在计划期内尚未开放，没有列入")
        people, eligible = people.filter(is_open), eligible[is_open]
    if people.is_empty():
        raise ProblemWrong("登记簿中没有需要换发的人：先导入登记簿和城市数据，或推迟计划到批次开放以后")
    told(f"分组：{len(people):,} 人")
    together = _grouped(city, people, eligible, weeks, seed)
    problem = _problem(city, together, starts_on, weeks)
    told(f"计划：{len(together.cohorts):,} 个居民组，{len(problem.places):,} 个领卡点")
    made = plan(problem, processes=processes)
    told("抽签并保存")
    person = people["person_id"].to_numpy()
    slots = slots_of(problem, made, together.cohort_of, person, seed=seed)
    with transaction.atomic():
        Campaign.objects.filter(campaign_id=campaign_id).delete()
        Slot.objects.filter(campaign_id=campaign_id).delete()
        _store_slots(campaign_id, city, problem, together, person, slots, starts_on)
        campaign = _campaign(campaign_id, city, problem, made, unknown, starts_on=starts_on, seed=seed, at=at)
        record("campaign.planned", subject=f"campaign:{campaign_id}", by=by, at=at, people=len(people), seed=seed)
    return campaign


def write_load(campaign_id: str, out: Path) -> int:
    """Write how many come to each outlet in each week as CSV, sorted; the number of rows. Raises ``OSError``."""
    rows = (
        Slot.objects.filter(campaign_id=campaign_id)
        .exclude(week_starts_on=None)
        .values_list("bank_code", "way", "outlet_id", "week_starts_on")
        .annotate(people=Count("person_id"))
        .order_by("bank_code", "way", "outlet_id", "week_starts_on")
    )
    written = 0
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["bank_code", "way", "outlet_id", "week_starts_on", "people"])
        for row in rows.iterator(chunk_size=10_000):
            writer.writerow(row)
            written += 1
    return written


def _read_city() -> _City:
    communities = list(Division.objects.filter(level="community").order_by("code").values_list("code", flat=True))
    banks = list(Bank.objects.order_by("code").values_list("code", flat=True))
    streets = sorted({code[:9] for code in communities})
    districts = sorted({code[:6] for code in communities})
    return _City(communities, banks, list(Outlet.objects.order_by("outlet_id")), districts, streets)


def _read_people(day: date) -> pl.DataFrame:
    octets = io.BytesIO()
    with connection.cursor() as cursor, cursor.copy(_PEOPLE, {"day": day, "generation": THIRD_GENERATION}) as copy:
        for block in copy:
            octets.write(block)
    octets.seek(0)
    if not octets.getbuffer().nbytes:
        return pl.DataFrame(schema=_COLUMNS)
    return pl.read_csv(octets, has_header=False, schema=_COLUMNS).fill_null("")


def _grouped(city: _City, people: pl.DataFrame, eligible: Ints, weeks: int, seed: int) -> Grouped:
    community = _rows(people["community"], city.communities)
    draws = drawn(people["person_id"].to_numpy(), seed).astype(np.float64) / 2.0**64
    way = np.where((people["needs_visit"] == "t").to_numpy(), Way.VISIT, Way.OUTLET).astype(np.int64)
    return grouped(
        community,
        _banks_of(city, people, community, draws),
        way,
        eligible,
        banks=len(city.banks),
        weeks=weeks,
    )


def _banks_of(city: _City, people: pl.DataFrame, community: Ints, draws: NDArray[np.float64]) -> Ints:
    """Each person's bank as far as one can tell before they choose."""
    windows = np.zeros((len(city.districts), len(city.banks)))
    for outlet in city.outlets:
        if outlet.district_code in city.districts:
            windows[city.districts.index(outlet.district_code), city.banks.index(outlet.bank_id)] += outlet.windows
    everywhere = windows.sum(axis=0)
    windows[windows.sum(axis=1) == 0] = everywhere if everywhere.any() else np.ones(len(city.banks))
    ends = np.cumsum(windows / windows.sum(axis=1, keepdims=True), axis=1)
    district = _rows(pl.Series([code[:6] for code in city.communities]), city.districts)[community]
    bank = np.minimum((draws[:, None] >= ends[district]).sum(axis=1), len(city.banks) - 1)
    for text in people["unit_banks"].unique().to_list():
        picked = [city.banks.index(code) for code in json.loads(text or "[]") if code in city.banks]
        if picked:
            here = (people["unit_banks"] == text).to_numpy()
            bank[here] = np.array(picked)[(draws[here] * len(picked)).astype(np.int64)]
    pension = people["pension_bank"]
    is_paid = ((people["category"] == "retiree") & pension.is_in(city.banks)).to_numpy()
    bank[is_paid] = _rows(pension.filter(is_paid), city.banks)
    return bank


def _eligible_weeks(people: pl.DataFrame, starts_on: date, weeks: int) -> Ints:
    """The first week that begins when a person's batch has opened, ``weeks`` for none. Source: rules/programme.toml."""
    last = starts_on + timedelta(weeks=weeks)
    batches = rules_at(last).batches
    week = np.zeros(len(people), np.int64)
    for category in CATEGORIES:
        is_here = (people["category"] == category).to_numpy()
        for district in people.filter(is_here)["unit_district"].unique().to_list():
            opens = min((each.opens_on for each in batches if each.takes(category, district or "", last)), default=last)
            here = is_here & (people["unit_district"] == district).to_numpy()
            week[here] = min(max((opens - starts_on).days + 6, 0) // 7, weeks)
    return week


def _problem(city: _City, together: Grouped, starts_on: date, weeks: int) -> Problem:
    limits = campaign_limits_at(starts_on)
    days = np.array([_working_days(starts_on + timedelta(weeks=week)) for week in range(weeks)], np.int64)
    geography = Geography(_features())
    street = np.array([city.streets.index(code[:9]) for code in city.communities], np.int64)
    bank_of = np.array([city.banks.index(outlet.bank_id) for outlet in city.outlets], np.int64)
    windows = np.array([outlet.windows for outlet in city.outlets], np.int64)
    per_day = windows * limits.open_minutes * limits.windows_percent // (100 * limits.handling_minutes)
    visit_bank, visit_street, visits = _visits(together, street, limits, len(city.banks))
    places = Places(
        np.r_[bank_of, visit_bank],
        np.r_[np.full(len(bank_of), Way.OUTLET), np.full(len(visit_bank), Way.VISIT)].astype(np.int64),
        np.r_[np.full(len(bank_of), -1), visit_street],
        np.r_[positions(_outlet_point(geography, outlet) for outlet in city.outlets), np.zeros((len(visit_bank), 2))],
        np.r_[per_day, visits][:, None] * days[None, :],
    )
    by_bank = np.bincount(bank_of, weights=windows, minlength=len(city.banks)).astype(np.int64)
    return Problem(
        positions(geography.near(code[:9], code) for code in city.communities),
        street,
        together.cohorts,
        places,
        (by_bank * limits.cards_per_window_and_day)[:, None] * days[None, :],
    )


def _visits(together: Grouped, street: Ints, limits: CampaignLimits, banks: int) -> tuple[Ints, Ints, Ints]:
    """A street's visits a day, shared among the banks by how many there need one: bank, street, visits."""
    cohorts = together.cohorts
    here = cohorts.way == Way.VISIT
    need = np.zeros((int(street.max()) + 1, banks), np.int64)
    np.add.at(need, (street[cohorts.community[here]], cohorts.bank[here]), cohorts.people[here])
    rows: list[tuple[int, int, int]] = []
    for where in np.flatnonzero(need.sum(axis=1)):
        weights = {f"{bank:03d}": int(need[where, bank]) for bank in np.flatnonzero(need[where])}
        shares = largest_remainder(limits.visits_per_street_and_day, weights)
        rows += [(int(code), int(where), visits) for code, visits in shares.items()]
    bank, at, visits = np.array(rows, np.int64).reshape(-1, 3).T
    return bank, at, visits


def _outlet_point(geography: Geography, outlet: Outlet) -> NDArray[np.float64]:
    """Near its street; where only the district is known, anywhere in it; else anywhere in some district."""
    districts = geography.districts()
    district = outlet.district_code if outlet.district_code in districts else ""
    if not district:
        district = districts[sum(outlet.outlet_id.encode()) % len(districts)]
    street = outlet.street_code if outlet.street_code[:6] in districts else f"{district}{outlet.outlet_id}"
    return geography.near(street, outlet.outlet_id)


def _store_slots(
    campaign_id: str,
    city: _City,
    problem: Problem,
    together: Grouped,
    person: Ints,
    slots: Slots,
    starts_on: date,
) -> None:
    outlet_ids = [outlet.outlet_id for outlet in city.outlets] + [""] * (len(problem.places) - len(city.outlets)) + [""]
    mondays = [starts_on + timedelta(weeks=week) for week in range(problem.weeks)] + [None]
    cohorts, cohort_of = together.cohorts, together.cohort_of
    ways = [each.name.lower() for each in Way]
    table = pl.DataFrame(
        {
            "person_id": person,
            "campaign_id": pl.repeat(campaign_id, len(person), eager=True),
            "bank_code": pl.Series(city.banks).gather(cohorts.bank[cohort_of]),
            "way": pl.Series(ways).gather(cohorts.way[cohort_of]),
            "outlet_id": pl.Series(outlet_ids).gather(
                np.where(slots.place == NOBODYS, len(outlet_ids) - 1, slots.place)
            ),
            "organisation_code": pl.repeat("", len(person), eager=True),
            "is_bank_fixed": pl.repeat(False, len(person), eager=True),
            "refusal": pl.repeat("", len(person), eager=True),
            "week_starts_on": pl.Series(mondays).gather(np.where(slots.week == NOBODYS, problem.weeks, slots.week)),
        }
    )
    target = f"copy campaign_slot ({', '.join(table.columns)}) from stdin (format csv, null 'NULL')"
    with connection.cursor() as cursor, cursor.copy(target) as copy:
        for part in table.iter_slices(100_000):
            copy.write(part.write_csv(include_header=False, null_value="NULL"))


def _campaign(
    campaign_id: str,
    city: _City,
    problem: Problem,
    made: Plan,
    unknown: int,
    *,
    starts_on: date,
    seed: int,
    at: datetime,
) -> Campaign:
    told = figures(problem, made)
    names = [outlet.name for outlet in city.outlets]
    names += [
        f"{city.banks[bank]} {city.streets[area]} 上门"
        for bank, area in zip(problem.places.bank[len(names) :], problem.places.area[len(names) :], strict=True)
    ]
    return Campaign.objects.create(
        campaign_id=campaign_id,
        starts_on=starts_on,
        weeks=problem.weeks,
        seed=seed,
        planned_at=at,
        people=told.placed + told.unplaced,
        left_out=told.unplaced,
        unknown_community=unknown,
        mean_distance_m=told.mean_distance_m,
        mean_wait_weeks=told.mean_wait_weeks,
        load_p95=told.load_p95,
        gap=made.gap,
        limits=[binding_words(problem, each, places=names, banks=city.banks) for each in bindings(problem, made)],
    )


def _features() -> list[dict[str, Any]]:
    path = open_folder().path("boundaries")
    features: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["features"]
    return features


def _rows(values: pl.Series, of: list[str]) -> Ints:
    """Which row of ``of`` each value is."""
    return values.replace_strict(of, range(len(of)), return_dtype=pl.Int64).to_numpy()


def _working_days(monday: date) -> int:
    return sum(is_working_day(monday + timedelta(days=day)) for day in range(7))
