"""The batches of the exchange on a timeline: when each opened, whom it takes, and how far it has come.

Whoever several batches take belongs to the one that opened first. Counting walks through the register once, so that the figures
are kept for ten minutes and say from when they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection

from yikatong.city.models import Division
from yikatong.city.rules import Batch, rules_at
from yikatong.foundation.clock import beijing_day
from yikatong.issuance.rules import THIRD_GENERATION
from yikatong.workbench.campaign_counts import counted

COUNTS_KEPT_S = 600
TICK_MONTHS = 3
LEAST_DAYS_SHOWN = 60
LAST_TICK_PERCENT = 92
_COUNTS = """
select p.category, coalesce(o.district_code, ''), count(*), count(c.person_id),
    count(i.person_id) filter (where c.person_id is null)
from registry_person p
left join (
    select distinct on (person_id) person_id, organisation_code from registry_membership
    where since <= %(day)s and (until is null or until >= %(day)s) order by person_id, since, organisation_code
) m on m.person_id = p.person_id
left join registry_organisation o on o.credit_code = m.organisation_code
left join (select distinct person_id from issuance_card where generation = %(generation)s) c on c.person_id = p.person_id
left join (select distinct person_id from campaign_invitation where state = 'sent') i on i.person_id = p.person_id
group by 1, 2
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """The register by category and the unit's district: people, of them with a card, of the others invited; counted ``at``."""

    at: datetime
    groups: tuple[tuple[str, str, int, int, int], ...]


@dataclass(slots=True)
class BatchRow:
    """One batch and its people. ``starts_percent``: where on the timeline it opens."""

    batch: Batch
    districts: list[str]
    starts_percent: float
    is_open: bool
    people: int = 0
    with_card: int = 0
    invited: int = 0

    @property
    def to_come(self) -> int:
        """Neither with a card nor invited yet."""
        return self.people - self.with_card - self.invited

    @property
    def width_percent(self) -> float:
        """From its opening to the end of the timeline."""
        return 100 - self.starts_percent

    @property
    def shares(self) -> tuple[float, float]:
        """With a card; invited: in percent of its people."""
        if not self.people:
            return 0.0, 0.0
        return self.with_card * 100 / self.people, self.invited * 100 / self.people


@dataclass(frozen=True, slots=True)
class Timeline:
    """The batches, the axis they are drawn on, and today's place on it, in percent."""

    rows: list[BatchRow]
    ticks: list[tuple[float, date]]
    today: date
    today_percent: float
    counted_at: datetime

    @property
    def people(self) -> int:
        """Everybody in the register."""
        return sum(row.people for row in self.rows)


def counts_at(at: datetime) -> Counts | None:
    """The register's counts, those before while another request counts anew; none before the first are there."""
    return counted("campaign-batches", COUNTS_KEPT_S, lambda: _count(at))


def _count(at: datetime) -> Counts:
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"day": beijing_day(at), "generation": THIRD_GENERATION})
        return Counts(at, tuple(cursor.fetchall()))


def timeline(at: datetime) -> Timeline | None:
    """The batches as of a day, in the order they open; none while they are counted for the first time. Raises ``NoRuleYet``."""
    today = beijing_day(at)
    batches = rules_at(today).batches
    counts = counts_at(at)
    if counts is None:
        return None
    first = min(batch.opens_on for batch in batches).replace(day=1)
    last = max(today, *(batch.opens_on for batch in batches)) + timedelta(days=LEAST_DAYS_SHOWN)
    days = (last - first).days

    def place(day: date) -> float:
        return round((day - first).days * 100 / days, 2)

    names = dict(Division.objects.filter(level="district").values_list("code", "name"))
    rows = [
        BatchRow(
            batch,
            [*(names.get(code, code) for code in batch.districts), *batch.zones_zh],
            place(batch.opens_on),
            batch.opens_on <= today,
        )
        for batch in batches
    ]
    _share_out(rows, counts.groups)
    ticks = [(place(day), day) for day in _quarters(first, last) if place(day) < LAST_TICK_PERCENT]
    return Timeline(rows, ticks, today, place(today), counts.at)


def _share_out(rows: list[BatchRow], groups: Iterable[tuple[str, str, int, int, int]]) -> None:
    """Each group of the register to the batch that takes it first."""
    for category, district, people, with_card, invited in groups:
        for row in rows:
            if row.batch.takes(category, district, row.batch.opens_on):
                row.people += people
                row.with_card += with_card
                row.invited += invited
                break


def _quarters(first: date, last: date) -> Iterable[date]:
    """The first days of quarters between two days."""
    year, month = first.year, (first.month - 1) // TICK_MONTHS * TICK_MONTHS + 1
    while (day := date(year, month, 1)) < last:
        if day >= first:
            yield day
        year, month = (year, month + TICK_MONTHS) if month + TICK_MONTHS <= 12 else (year + 1, 1)
