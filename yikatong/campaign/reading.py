"""Who is planned for: the city's rows, the register's people without a third-generation card, and who of them cannot be planned.

It reads and decides nothing about where anybody goes. Everybody who is read is either planned for or has a reason why not.
"""

import tempfile
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from django.db import connection

from yikatong.applications.rules import ADULT_AGE_YEARS
from yikatong.banks.models import Bank, Outlet
from yikatong.campaign.changes import Change, MoreDemand
from yikatong.campaign.persons import drawn
from yikatong.campaign.problem import Ints
from yikatong.campaign.refusals import NO_COMMUNITY, NO_GUARDIAN, NOT_OPEN
from yikatong.city.models import Division
from yikatong.city.rules import CATEGORIES, rules_at
from yikatong.issuance.rules import THIRD_GENERATION
from yikatong.registry.models import Person

_PEOPLE = """
copy (
    select p.person_id, p.community_code, p.category, p.pension_bank_code, p.needs_home_visit,
        p.birth_date > (%(day)s::date - make_interval(years => %(adult)s))::date, coalesce(g.guardian_person_id, 0),
        coalesce(u.credit_code, ''), coalesce(u.district_code, ''), coalesce(u.bank_codes::text, '[]'),
        coalesce(u.collects_for_members, false), coalesce(e.bank_code, '')
    from registry_person p
    left join lateral (
        select o.credit_code, o.district_code, o.bank_codes, o.collects_for_members from registry_membership m
        join registry_organisation o on o.credit_code = m.organisation_code
        where m.person_id = p.person_id and m.since <= %(day)s and (m.until is null or m.until >= %(day)s)
        order by o.collects_for_members desc, m.since, m.organisation_code limit 1
    ) u on true
    left join units_roster_entry e
        on e.person_id = p.person_id and e.organisation_code = u.credit_code and e.ended_at is null
    left join lateral (
        select min(w.guardian_person_id) guardian_person_id from registry_guardianship w
        where w.ward_person_id = p.person_id and w.since <= %(day)s and (w.until is null or w.until >= %(day)s)
    ) g on true
    where not exists (select from issuance_card c where c.person_id = p.person_id and c.generation = %(generation)s)
        and not exists (select from applications_application a
                        where a.person_id = p.person_id and a.state not in ('rejected', 'cancelled'))
    order by p.person_id
) to stdout (format csv)
"""
_UNIT_DISTRICT = """
select o.district_code from registry_membership m join registry_organisation o on o.credit_code = m.organisation_code
where m.person_id = %(person)s and m.since <= %(day)s and (m.until is null or m.until >= %(day)s)
order by o.collects_for_members desc, m.since, m.organisation_code limit 1
"""
_COLUMNS = {
    "person_id": pl.Int64,
    "community": pl.String,
    "category": pl.String,
    "pension_bank": pl.String,
    "needs_visit": pl.String,
    "is_minor": pl.String,
    "guardian": pl.Int64,
    "unit": pl.String,
    "unit_district": pl.String,
    "unit_banks": pl.String,
    "unit_collects": pl.String,
    "wished_bank": pl.String,
}


@dataclass(frozen=True, slots=True)
class City:
    """What people and places are rows of."""

    communities: list[str]
    banks: list[str]
    bank_names: list[str]
    outlets: list[Outlet]
    districts: list[str]
    streets: list[str]


@dataclass(frozen=True, slots=True)
class Readers:
    """``people``: who is planned for, with ``eligible``, the first week of each; ``refused``: ``person_id`` and ``refusal``.

    People with numbers under 0 are made up by a what-if that asks for more demand.
    """

    people: pl.DataFrame
    eligible: Ints
    refused: pl.DataFrame

    def count(self, refusal: str) -> int:
        """How many are not planned for this reason."""
        return int((self.refused["refusal"] == refusal).sum())


def read_city(on: date) -> City:
    """Communities, the banks that have joined by a day, and their outlets, each in the order of its code."""
    communities = list(Division.objects.filter(level="community").order_by("code").values_list("code", flat=True))
    banks = list(Bank.objects.filter(joined_on__lte=on).order_by("code").values_list("code", "name_zh"))
    streets = sorted({code[:9] for code in communities})
    districts = sorted({code[:6] for code in communities})
    outlets = list(Outlet.objects.filter(bank__joined_on__lte=on).order_by("outlet_id"))
    return City(communities, [code for code, _ in banks], [name for _, name in banks], outlets, districts, streets)


def read_people(city: City, starts_on: date, weeks: int, *, changes: tuple[Change, ...] = (), seed: int = 0) -> Readers:
    """The register as of the plan's first day, with what the changes of demand make of it."""
    people = _register(starts_on)
    reason = (
        pl.when(~pl.col("community").is_in(city.communities))
        .then(pl.lit(NO_COMMUNITY))
        .when((pl.col("is_minor") == "t") & (pl.col("guardian") == 0))
        .then(pl.lit(NO_GUARDIAN))
        .otherwise(pl.lit(""))
    )
    guardian = pl.when(pl.col("is_minor") == "t").then("guardian").otherwise(0)
    people = people.with_columns(reason.alias("refusal"), guardian.alias("guardian"))
    people = people.with_columns(pl.Series("eligible", eligible_weeks(people, starts_on, weeks)))
    is_late = (pl.col("eligible") >= weeks) & (pl.col("refusal") == "")
    people = people.with_columns(pl.when(is_late).then(pl.lit(NOT_OPEN)).otherwise("refusal").alias("refusal"))
    refused = people.filter(pl.col("refusal") != "").select("person_id", "refusal")
    people = _with_changed_demand(people.filter(pl.col("refusal") == ""), changes, seed)
    return Readers(people.drop("refusal", "eligible"), people["eligible"].to_numpy(), refused)


def eligible_weeks(people: pl.DataFrame, starts_on: date, weeks: int) -> Ints:
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


def eligible_week_of(person: Person, starts_on: date, weeks: int) -> int:
    """The same for one person."""
    with connection.cursor() as cursor:
        cursor.execute(_UNIT_DISTRICT, {"person": person.person_id, "day": starts_on})
        found = cursor.fetchone()
    row = pl.DataFrame({"category": [person.category], "unit_district": [found[0] if found else ""]})
    return int(eligible_weeks(row, starts_on, weeks)[0])


def _register(day: date) -> pl.DataFrame:
    """Through a file: millions of rows as text and as columns need not be in memory side by side."""
    asked = {"day": day, "generation": THIRD_GENERATION, "adult": ADULT_AGE_YEARS}
    with tempfile.NamedTemporaryFile(prefix="yikatong-plan-") as file:
        with connection.cursor() as cursor, cursor.copy(_PEOPLE, asked) as copy:
            for block in copy:
                file.write(block)
        file.flush()
        if not file.tell():
            return pl.DataFrame(schema=_COLUMNS)
        return pl.read_csv(file.name, has_header=False, schema=_COLUMNS).fill_null("")


def _with_changed_demand(people: pl.DataFrame, changes: tuple[Change, ...], seed: int) -> pl.DataFrame:
    """More people are copies under numbers of their own, all below 0; fewer are drawn."""
    for change in changes:
        if not isinstance(change, MoreDemand):
            continue
        is_here = people["community"].str.starts_with(change.district_code)
        here, elsewhere = people.filter(is_here), people.filter(~is_here)
        wanted = (len(here) * change.percent + 50) // 100
        order = np.argsort(drawn(here["person_id"].to_numpy(), seed), kind="stable")
        copies = here[np.resize(order, max(wanted - len(here), 0)).tolist()] if len(here) else here
        lowest = min(int(people["person_id"].min() or 0), 0)  # type: ignore[arg-type]  # a column of whole numbers
        numbers = pl.Series("person_id", np.arange(lowest - len(copies), lowest, dtype=np.int64))
        people = pl.concat(
            [elsewhere, here[order[:wanted].tolist()], copies.with_columns(numbers, guardian=pl.lit(0, pl.Int64))]
        ).sort("person_id")
    return people
