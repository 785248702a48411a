"""A plan of the register as it is today: read, foreseen, planned, drawn, stored as a draft. Nobody is invited by it.

Whoever has no third-generation card and no application under way is planned for. A plan may change one thing (what if), go on
from an earlier plan without moving whoever is invited already, and reckon with those who will not come.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from django.db import connection, transaction
from django.db.models import Count

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.campaign import storing
from yikatong.campaign.asking import STEPS, UNDER_WAY, Abandoned
from yikatong.campaign.building import Built, build, unit_table
from yikatong.campaign.calendar import mondays
from yikatong.campaign.changes import from_json
from yikatong.campaign.explain import binding_words, bindings
from yikatong.campaign.families import keep_together
from yikatong.campaign.forecast import Uptake, expected
from yikatong.campaign.foresight import Foreseen, foresee, rows_of
from yikatong.campaign.models import Campaign, CampaignState, Slot, UnitSlot
from yikatong.campaign.persons import NOBODYS, slots_of
from yikatong.campaign.planner import Plan, figures, load_of, plan
from yikatong.campaign.problem import Ints, ProblemWrong, Way
from yikatong.campaign.queues import Service
from yikatong.campaign.reading import City, Readers, read_city, read_people
from yikatong.campaign.refusals import NO_COMMUNITY, NO_GUARDIAN, NOT_OPEN
from yikatong.campaign.standing import TOLD, last_unmoved, weeks_that_stand
from yikatong.campaign.storing import Forecast, Placed
from yikatong.campaign.units import UnitPlan, Units, after_units, plan_units, refusal_words
from yikatong.campaign.uptake import forecast_uptake
from yikatong.campaign.waiting import PlaceWaiting, waiting_of
from yikatong.city.capacity import campaign_limits_at
from yikatong.city.rules import CATEGORIES
from yikatong.foundation.clock import beijing_day

WAITING_SEED = 1
"""The same for all plans, so that what differs in their waiting is the plans' doing."""

_KEPT = """
with told as (
    select distinct on (i.person_id) i.person_id, i.campaign_id, s.organisation_code, s.way
    from campaign_invitation i join campaign_slot s using (person_id, campaign_id)
    where i.state = any(%(told)s) and i.week_starts_on between %(first)s and %(last)s
    order by i.person_id, i.state_since desc
)
select person_id, campaign_id from told
union
select s.person_id, s.campaign_id from campaign_slot s
join (select distinct campaign_id, organisation_code from told where way = 'unit') u using (campaign_id, organisation_code)
where s.way = 'unit' and s.week_starts_on is not null and not exists (select from told t where t.person_id = s.person_id)
"""

type Told = Callable[[int, str], object]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The plan of those who come alone, the units', and everybody's place in it."""

    made: Plan
    units: Units
    unit_plan: UnitPlan
    placed: Placed
    families_split: int


def _require_wanted(wanted: Campaign) -> None:
    """The row is locked until all is stored, so that two workers never store one plan. Raises ``Abandoned``."""
    row = Campaign.objects.select_for_update().filter(campaign_id=wanted.campaign_id).first()
    if row is None or row.requested_at != wanted.requested_at or row.state not in UNDER_WAY:
        raise Abandoned(wanted.campaign_id)


def carry_out(wanted: Campaign, *, by: Actor, at: datetime, processes: int, told: Told) -> Campaign:
    """Plan what ``wanted`` asks for and store it, all of it or nothing. Raises ``ProblemWrong``.

    ``told`` hears the number of each step (of ``STEPS``) and what it is about.
    """
    starts_on, weeks, seed = wanted.starts_on, wanted.weeks, wanted.seed
    told(0, STEPS[0])
    changes = from_json(wanted.changes)
    city = read_city(starts_on)
    readers = read_people(city, starts_on, weeks, changes=changes, seed=seed)
    kept = _kept(wanted, beijing_day(at))
    readers = _without(readers, kept)
    if readers.people.is_empty():
        raise ProblemWrong("登记簿中没有需要换发的人：先导入登记簿和城市数据，或推迟计划到批次开放以后")
    told(1, f"{STEPS[1]}：{len(readers.people):,} 人")
    foreseen = foresee(city, readers.people, starts_on=starts_on, seed=seed)
    told(2, STEPS[2])
    uptake = forecast_uptake(beijing_day(at))
    group = rows_of(readers.people["category"], list(CATEGORIES))
    served_percent = _served_percent(uptake, group) if wanted.by_forecast else 100
    built = build(
        city,
        readers,
        foreseen,
        starts_on=starts_on,
        weeks=weeks,
        today=beijing_day(at),
        changes=changes,
        closed_weeks=_closed_weeks(wanted, beijing_day(at)),
        served_percent=served_percent,
    )
    drawn = _drawn(readers, foreseen, built, seed=seed, processes=processes, told=told)
    told(6, STEPS[6])
    forecast = _forecast(city, foreseen, built, drawn, uptake, group)
    waits = _waits(built, drawn, starts_on, served_percent)
    told(7, STEPS[7])
    with transaction.atomic():
        _require_wanted(wanted)
        _store(wanted, city, readers, foreseen, built, drawn, forecast, waits, kept)
        campaign = _campaign(wanted, city, readers, built, drawn, at=at)
        record(
            "campaign.planned",
            subject=f"campaign:{wanted.campaign_id}",
            by=by,
            at=at,
            people=len(readers.people),
            seed=seed,
        )
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


def _kept(wanted: Campaign, today: date) -> pl.DataFrame:
    """Who stays as invited, and by which plan: of all that were told, whatever was published in between, the last holds.

    A unit's people stay together: where one of them was told, all of that plan's stay. Who was told long ago and has
    not come is planned anew (``standing``).
    """
    rows: list[tuple[int, str]] = []
    if wanted.keeps_invited:
        first, last = weeks_that_stand(today)
        with connection.cursor() as cursor:
            cursor.execute(_KEPT, {"first": first, "last": last, "told": list(TOLD)})
            rows = cursor.fetchall()
    return pl.DataFrame(rows, schema={"person_id": pl.Int64, "campaign_id": pl.String}, orient="row")


def _closed_weeks(wanted: Campaign, today: date) -> int:
    """Weeks that are over for all others when some keep theirs."""
    if not wanted.keeps_invited:
        return 0
    return sum(monday <= last_unmoved(today) for monday in mondays(wanted.starts_on, wanted.weeks))


def _without(readers: Readers, kept: pl.DataFrame) -> Readers:
    if kept.is_empty():
        return readers
    stays = readers.people["person_id"].is_in(kept["person_id"].implode())
    return replace(
        readers,
        people=readers.people.filter(~stays),
        eligible=readers.eligible[~stays.to_numpy()],
        refused=readers.refused.join(kept, on="person_id", how="anti"),
    )


def _drawn(readers: Readers, foreseen: Foreseen, built: Built, *, seed: int, processes: int, told: Told) -> _Drawn:
    table = unit_table(foreseen, readers)
    told(3, f"{STEPS[3]}：{len(foreseen.units):,} 个")
    units = Units(*(table[name].cast(pl.Int64).to_numpy() for name in ("unit", "bank", "people", "eligible")))
    unit_plan = plan_units(built.problem, units, built.unit_capacity)
    rest = after_units(built.problem, unit_plan)
    told(4, f"{STEPS[4]}：{len(rest.cohorts):,} 个居民组，{len(rest.places):,} 个领卡点")
    made = plan(rest, processes=processes)
    told(5, STEPS[5])
    person = readers.people["person_id"].to_numpy()
    slots = slots_of(rest, made, built.together.cohort_of, person[built.alone], seed=seed)
    slots, apart = keep_together(
        slots,
        _guardians_among(foreseen, built.alone),
        built.together.cohort_of,
        person[built.alone],
        rest.cohorts,
        rest.places,
        seed=seed,
    )
    place = np.full(len(person), NOBODYS, np.int64)
    week = np.full(len(person), NOBODYS, np.int64)
    way = foreseen.way.copy()
    place[built.alone], week[built.alone] = slots.place, slots.week
    in_unit = foreseen.unit >= 0
    week[in_unit] = unit_plan.week[foreseen.unit[in_unit]]
    way[in_unit] = storing.UNIT_WAY
    return _Drawn(made, units, unit_plan, Placed(place, week, way, _metres(foreseen, built, place, way)), apart)


def _guardians_among(foreseen: Foreseen, alone: Ints) -> Ints:
    """Guardians' rows among those who come alone."""
    row = np.full(len(foreseen.guardian) + 1, NOBODYS, np.int64)  # the last entry answers for nobody
    row[alone] = np.arange(len(alone))
    return row[foreseen.guardian[alone]]


def _waits(built: Built, drawn: _Drawn, starts_on: date, served_percent: int) -> PlaceWaiting:
    """How long people queue at every outlet in every week. Where more are invited than there is room for, so many come."""
    limits = campaign_limits_at(starts_on)
    service = Service(minutes=float(limits.handling_minutes), half_day_minutes=limits.open_minutes / 2)
    coming = load_of(built.problem, drawn.made) * 100 // served_percent
    coming[built.problem.places.way != Way.OUTLET] = 0
    a_window = limits.open_minutes / limits.handling_minutes
    windows = np.ceil(built.windows() / a_window).astype(np.int64)
    return waiting_of(coming, windows, built.working_days, service, seed=WAITING_SEED)


def _served_percent(uptake: Uptake, group: Ints) -> int:
    """So many people may be invited for a hundred places that in nine of ten cases no more come than there is room for, even
    where all are of the group that comes most."""
    here = np.bincount(group, minlength=len(CATEGORIES)) > 0
    return int(100 / max(float(uptake.high[here].max()), 0.01))


def _forecast(city: City, foreseen: Foreseen, built: Built, drawn: _Drawn, uptake: Uptake, group: Ints) -> Forecast:
    problem, placed = built.problem, drawn.placed
    here = ~placed.is_left_out
    planned = np.zeros((problem.banks, len(CATEGORIES), problem.weeks), np.int64)
    np.add.at(planned, (foreseen.bank[here], group[here], placed.week[here]), 1)
    by_bank = np.rint([expected(each, uptake).people.sum(axis=0) for each in planned]).astype(np.int64)
    street = problem.community_area[foreseen.community[here]]
    shares = uptake.share[group[here]]
    by_street = np.rint(np.bincount(street, weights=shares, minlength=len(city.streets))).astype(np.int64)
    return Forecast(by_bank, by_street)


def _metres(foreseen: Foreseen, built: Built, place: Ints, way: Ints) -> Ints:
    metres = np.zeros(len(place), np.int64)
    walks = (way == Way.OUTLET) & (place != NOBODYS)
    across = built.problem.community_position[foreseen.community[walks]] - built.problem.places.position[place[walks]]
    metres[walks] = np.rint(np.sqrt((across**2).sum(axis=1))).astype(np.int64)
    return metres


def _store(
    wanted: Campaign,
    city: City,
    readers: Readers,
    foreseen: Foreseen,
    built: Built,
    drawn: _Drawn,
    forecast: Forecast,
    waits: PlaceWaiting,
    kept: pl.DataFrame,
) -> None:
    name, starts_on = wanted.campaign_id, wanted.starts_on
    storing.clear(name)
    storing.store_slots(name, city, readers, foreseen, built, drawn.placed, starts_on)
    if len(kept):
        storing.store_kept(name, kept)
    storing.store_places(name, city, built, drawn.made, starts_on, waits)
    storing.store_banks(
        name, city, built, drawn.made, drawn.unit_plan.load, drawn.placed, foreseen, forecast, starts_on
    )
    storing.store_streets(name, city, readers, foreseen, built, drawn.placed, forecast)
    _store_units(name, city, foreseen, drawn, starts_on)


def _store_units(name: str, city: City, foreseen: Foreseen, drawn: _Drawn, starts_on: date) -> None:
    units, planned = drawn.units, drawn.unit_plan
    banks: dict[int, dict[str, int]] = {}
    for unit, bank, people in zip(units.unit.tolist(), units.bank.tolist(), units.people.tolist(), strict=True):
        banks.setdefault(unit, {})[city.banks[bank]] = people
    UnitSlot.objects.bulk_create(
        [
            UnitSlot(
                campaign_id=name,
                organisation_code=foreseen.units[unit],
                people=sum(of_bank.values()),
                banks=of_bank,
                week_starts_on=None
                if planned.week[unit] == NOBODYS
                else starts_on + timedelta(weeks=int(planned.week[unit])),
                **_refusal_of(city, planned, unit),
            )
            for unit, of_bank in banks.items()
        ],
        batch_size=1_000,
    )


def _refusal_of(city: City, planned: UnitPlan, unit: int) -> dict[str, str]:
    refused = planned.refusal.get(unit)
    if refused is None:
        return {}
    return {"refusal": refused.reason, "refusal_words": refusal_words(refused, bank=city.bank_names[refused.bank])}


def _campaign(wanted: Campaign, city: City, readers: Readers, built: Built, drawn: _Drawn, *, at: datetime) -> Campaign:
    told = figures(built.problem, drawn.made)
    placed = drawn.placed
    here = ~placed.is_left_out
    waited = int((placed.week - readers.eligible)[here].sum())
    wanted.state = CampaignState.PLANNED
    wanted.planned_at = at
    wanted.people = len(readers.people)
    wanted.left_out = int(placed.is_left_out.sum())
    wanted.unknown_community = readers.count(NO_COMMUNITY)
    wanted.not_open = readers.count(NOT_OPEN)
    wanted.without_guardian = readers.count(NO_GUARDIAN)
    wanted.families_split = drawn.families_split
    wanted.mean_distance_m = told.mean_distance_m
    wanted.mean_wait_weeks = waited / max(int(here.sum()), 1)
    wanted.load_p95 = told.load_p95
    wanted.gap = drawn.made.gap
    wanted.limits = [
        binding_words(built.problem, each, places=built.places.names, banks=city.bank_names)
        for each in bindings(built.problem, drawn.made)
    ]
    wanted.step, wanted.steps_done, wanted.steps_total, wanted.failure = "", len(STEPS), len(STEPS), ""
    wanted.save()
    return wanted
