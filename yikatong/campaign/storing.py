"""Writing a plan down: everybody's slot, and the weekly figures that pages show without counting people again."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from django.db import connection
from numpy.typing import NDArray

from yikatong.campaign.building import Built
from yikatong.campaign.calendar import mondays
from yikatong.campaign.explain import prices
from yikatong.campaign.foresight import Foreseen
from yikatong.campaign.models import BankWeek, PlaceWeek, Slot, StreetFigures, UnitSlot
from yikatong.campaign.persons import NOBODYS
from yikatong.campaign.planner import Plan, load_of
from yikatong.campaign.problem import Ints, Way
from yikatong.campaign.reading import City, Readers
from yikatong.campaign.refusals import NO_ROOM, NO_WEEK_FOR_UNIT
from yikatong.campaign.waiting import PlaceWaiting

UNIT_WAY = 3
WAY_NAMES = [way.name.lower() for way in Way] + ["unit"]
_ROWS_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class Placed:
    """Everybody who is planned for, one entry each: place (``NOBODYS``: none, or a unit's), week (``NOBODYS``: left out), way
    (``Way`` or ``UNIT_WAY``), and the metres to their outlet."""

    place: Ints
    week: Ints
    way: Ints
    metres: Ints

    @property
    def is_left_out(self) -> NDArray[np.bool_]:
        """Who has no week."""
        return np.asarray(self.week == NOBODYS)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Who is likely to come: banks × weeks, and of each street, in people."""

    by_bank: Ints
    by_street: Ints


def clear(campaign_id: str) -> None:
    """Remove all that a plan left in the tables but its own row."""
    for model in (Slot, PlaceWeek, BankWeek, StreetFigures, UnitSlot):
        model.objects.filter(campaign_id=campaign_id).delete()


def store_slots(
    campaign_id: str, city: City, readers: Readers, foreseen: Foreseen, built: Built, placed: Placed, starts_on: date
) -> None:
    """One row for everybody of the register, those not planned for too; made-up people get none."""
    outlet_ids = [*built.places.outlets, ""]
    starts = [*mondays(starts_on, built.problem.weeks), None]
    refusal = np.where(placed.is_left_out, np.where(placed.way == UNIT_WAY, 2, 1), 0)
    table = pl.DataFrame(
        {
            "person_id": readers.people["person_id"],
            "bank_code": pl.Series(city.banks).gather(foreseen.bank),
            "way": pl.Series(WAY_NAMES).gather(placed.way),
            "outlet_id": pl.Series(outlet_ids).gather(_rows(placed.place, len(outlet_ids) - 1)),
            "organisation_code": pl.Series([*foreseen.units, ""]).gather(_rows(foreseen.unit, len(foreseen.units))),
            "is_bank_fixed": foreseen.is_bank_fixed,
            "week_starts_on": pl.Series(starts, dtype=pl.Date).gather(_rows(placed.week, len(starts) - 1)),
            "refusal": pl.Series(["", NO_ROOM, NO_WEEK_FOR_UNIT]).gather(refusal),
        }
    ).filter(pl.col("person_id") >= 0)
    refused = readers.refused.select(
        "person_id",
        bank_code=pl.lit(""),
        way=pl.lit("outlet"),
        outlet_id=pl.lit(""),
        organisation_code=pl.lit(""),
        is_bank_fixed=pl.lit(False),
        week_starts_on=pl.lit(None, pl.Date),
        refusal="refusal",
    )
    _copy("campaign_slot", campaign_id, table)
    _copy("campaign_slot", campaign_id, refused)


def store_places(campaign_id: str, city: City, built: Built, made: Plan, starts_on: date, waits: PlaceWaiting) -> None:
    """Every place in every week in which it takes anybody."""
    problem, names = built.problem, built.places
    load, (price, _) = load_of(problem, made), prices(problem, made)
    capacity = built.room
    place, week = np.nonzero((capacity > 0) | (load > 0))
    columns = {
        "place": pl.Series(names.keys).gather(place),
        "week_starts_on": pl.Series(mondays(starts_on, problem.weeks)).gather(week),
        "bank_code": pl.Series(city.banks).gather(problem.places.bank[place]),
        "way": pl.Series(WAY_NAMES).gather(problem.places.way[place]),
        "district_code": pl.Series(names.districts).gather(place),
        "street_code": pl.Series(names.streets).gather(place),
        "capacity": capacity[place, week],
        "planned": load[place, week],
        "price_m": price[place, week],
    }
    is_queue = pl.Series((problem.places.way[place] == Way.OUTLET) & (load[place, week] > 0))
    for name, minutes in (("wait_p50_min", waits.p50), ("wait_p95_min", waits.p95)):
        columns[name] = pl.Series(minutes[place, week]).set(~is_queue, None)
    _copy("campaign_place_week", campaign_id, pl.DataFrame(columns))


def store_banks(
    campaign_id: str,
    city: City,
    built: Built,
    made: Plan,
    units: Ints,
    placed: Placed,
    foreseen: Foreseen,
    forecast: Forecast,
    starts_on: date,
) -> None:
    """Every bank in every week. ``units``: cards for units, banks × weeks; ``built`` as before units took their part."""
    problem = built.problem
    _, price = prices(problem, made)
    planned = np.zeros((problem.banks, problem.weeks), np.int64)
    here = ~placed.is_left_out
    np.add.at(planned, (foreseen.bank[here], placed.week[here]), 1)
    bank, week = np.divmod(np.arange(problem.banks * problem.weeks), problem.weeks)
    columns = {
        "bank_code": pl.Series(city.banks).gather(bank),
        "week_starts_on": pl.Series(mondays(starts_on, problem.weeks)).gather(week),
        "production": built.cards[bank, week],
        "planned": planned[bank, week],
        "units": units[bank, week],
        "expected": forecast.by_bank[bank, week],
        "price_m": price[bank, week],
    }
    _copy("campaign_bank_week", campaign_id, pl.DataFrame(columns))


def store_streets(
    campaign_id: str, city: City, readers: Readers, foreseen: Foreseen, built: Built, placed: Placed, forecast: Forecast
) -> None:
    """Sums of each street's people."""
    count = len(city.streets)
    street = built.problem.community_area[foreseen.community]
    here, walks = ~placed.is_left_out, (placed.way == Way.OUTLET) & ~placed.is_left_out

    def summed(values: Ints, rows: NDArray[np.bool_]) -> Ints:
        return np.bincount(street[rows], weights=values[rows], minlength=count).astype(np.int64)

    ones = np.ones(len(street), np.int64)
    scale = built.geography.scale
    columns = {
        "street_code": city.streets,
        "district_code": [code[:6] for code in city.streets],
        "lng": built.street_positions[:, 0] / scale[0],
        "lat": built.street_positions[:, 1] / scale[1],
        "people": summed(ones, np.ones(len(street), np.bool_)),
        "left_out": summed(ones, ~here),
        "expected": forecast.by_street,
        "waited_weeks": summed(placed.week - readers.eligible, here),
        "distance_m": summed(placed.metres, walks),
        "to_outlets": summed(ones, walks),
    }
    _copy("campaign_street_figures", campaign_id, pl.DataFrame(columns))


def store_kept(campaign_id: str, kept: pl.DataFrame) -> None:
    """Those who stay as they were invited keep the slot of the plan that invited them. ``kept``: ``person_id``,
    ``campaign_id``, that plan."""
    for part in kept.iter_slices(_ROWS_AT_ONCE):
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into campaign_slot (person_id, campaign_id, bank_code, way, outlet_id, organisation_code, "
                "is_bank_fixed, week_starts_on, refusal) select s.person_id, %s, s.bank_code, s.way, s.outlet_id, "
                "s.organisation_code, s.is_bank_fixed, s.week_starts_on, s.refusal from campaign_slot s "
                "join unnest(%s::bigint[], %s::text[]) k (person_id, campaign_id) using (person_id, campaign_id) "
                "on conflict do nothing",
                [campaign_id, part["person_id"].to_list(), part["campaign_id"].to_list()],
            )


def _rows(numbers: Ints, nobody: int) -> Ints:
    return np.where(numbers == NOBODYS, nobody, numbers)


def _copy(name: str, campaign_id: str, table: pl.DataFrame) -> None:
    table = table.with_columns(pl.lit(campaign_id).alias("campaign_id"))
    target = f"copy {name} ({', '.join(table.columns)}) from stdin (format csv, null 'NULL')"
    with connection.cursor() as cursor, cursor.copy(target) as copy:
        for part in table.iter_slices(_ROWS_AT_ONCE):
            copy.write(part.write_csv(include_header=False, null_value="NULL"))
