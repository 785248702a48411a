"""Reading what a unit has: its people and where each stands, its rosters, what waits. Never another unit's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from django.db import connection

from yikatong.foundation.clock import beijing_day
from yikatong.registry.models import Organisation, Person
from yikatong.registry.selectors import PersonView, clear_view, masked_view
from yikatong.units.checking import name_index, tail_index
from yikatong.units.models import ApplyRun, Roster, RosterRow, RosterState


class Standing(StrEnum):
    """Where a person on the roster stands, in the order in which it goes on."""

    UNCHOSEN = "unchosen"
    TO_APPLY = "to_apply"
    REFUSED = "refused"
    APPLIED = "applied"
    MAKING = "making"
    READY = "ready"
    COLLECTED = "collected"


@dataclass(frozen=True, slots=True)
class Standings:
    """One person on the roster. ``bank_code``: of the application where there is one, else what the roster says."""

    person_id: int
    standing: Standing
    bank_code: str
    by_unit: bool
    refusal_reason: str
    refusal_text: str
    person: PersonView


_PEOPLE = """
select e.person_id,
    case when a.state in ('submitted', 'approved') then 'applied'
        when a.state = 'in_production' then 'making'
        when a.state is not null then a.state
        when e.refusal_reason <> '' then 'refused'
        when e.bank_code = '' then 'unchosen'
        else 'to_apply' end as standing,
    coalesce(a.bank_code, e.bank_code) as bank_code,
    coalesce(a.channel = 'unit' and a.organisation_code = e.organisation_code, false) as by_unit,
    e.refusal_reason, e.refusal_text, e.tail_index, e.name_index
from units_roster_entry e
left join lateral (
    select state, bank_code, channel, organisation_code from applications_application
    where person_id = e.person_id and state not in ('cancelled', 'rejected') order by submitted_at desc limit 1
) a on true
where e.organisation_code = %(code)s and e.ended_at is null
"""
_PAGE = f"""
select person_id, standing, bank_code, by_unit, refusal_reason, refusal_text from ({_PEOPLE}) people
where person_id > %(after)s and (%(standing)s = '' or standing = %(standing)s)
    and (%(tail)s::bytea is null or tail_index = %(tail)s or name_index = %(name)s)
order by person_id limit %(limit)s
"""  # noqa: S608 -- put together from constants
_COUNTS = f"select standing, count(*) from ({_PEOPLE}) people group by standing"  # noqa: S608 -- put together from constants
_NOT_NAMED = """
select m.person_id from registry_membership m
where m.organisation_code = %(code)s and m.since <= %(on)s and (m.until is null or m.until >= %(on)s)
    and not exists (select from units_roster_row r where r.roster_id = %(roster)s and r.person_id = m.person_id)
    and (%(only)s::bigint[] is null or m.person_id = any(%(only)s::bigint[]))
order by m.person_id limit %(limit)s
"""
_CLEARED = """
select count(*) from units_roster_entry e join units_roster_row r on r.person_id = e.person_id
where e.organisation_code = %(code)s and e.ended_at is null and e.bank_code <> ''
    and r.roster_id = %(roster)s and r.reasons = '' and r.bank_code = ''
"""


def organisation_of(credit_code: str) -> Organisation | None:
    """A unit by its credit code."""
    return Organisation.objects.filter(credit_code=credit_code).first() if credit_code else None


def counts_by_standing(organisation_code: str) -> dict[Standing, int]:
    """How many people of the roster stand where; every standing is there."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"code": organisation_code})
        found = dict(cursor.fetchall())
    return {standing: found.get(standing, 0) for standing in Standing}


def people_of(
    organisation_code: str,
    *,
    standing: str = "",
    query: str = "",
    after_person_id: int = 0,
    limit: int = 50,
    names_in_clear: bool = False,
) -> list[Standings]:
    """The unit's people by number, masked. ``query``: the full name, or the last four of the identity number, or all of it.

    Whoever asks for names in clear writes the audit row.
    """
    wanted = query.strip()
    parameters: dict[str, str | int | bytes | None] = {
        "code": organisation_code,
        "standing": standing if standing in set(Standing) else "",
        "after": after_person_id,
        "limit": limit,
        "tail": tail_index(organisation_code, wanted.upper()) if wanted else None,
        "name": name_index(organisation_code, wanted) if wanted else None,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, parameters)
        found = cursor.fetchall()
    persons = Person.objects.in_bulk([row[0] for row in found])
    return [
        Standings(
            person_id,
            Standing(standing),
            bank,
            by_unit,
            reason,
            text,
            view_of(persons[person_id], names_in_clear=names_in_clear),
        )
        for person_id, standing, bank, by_unit, reason, text in found
    ]


def view_of(person: Person, *, names_in_clear: bool) -> PersonView:
    """A person masked; with the full name for lists that are worked through by hand."""
    view = masked_view(person)
    return replace(view, name=clear_view(person).name) if names_in_clear else view


def rosters_of(organisation_code: str, *, limit: int = 20) -> list[Roster]:
    """The unit's uploads, newest first."""
    found = Roster.objects.filter(organisation_code=organisation_code).select_related("file")
    return list(found.order_by("-uploaded_at")[:limit])


def roster_of(organisation_code: str, roster_id: UUID) -> Roster | None:
    """One upload of the unit."""
    found = Roster.objects.filter(organisation_code=organisation_code, pk=roster_id)
    return found.select_related("file").first()


def bad_rows(roster: Roster, *, after_line: int = 0, limit: int = 50) -> list[RosterRow]:
    """The rows that are not taken, by line."""
    found = RosterRow.objects.filter(roster=roster, line__gt=after_line).exclude(reasons="")
    return list(found.order_by("line")[:limit])


def good_rows(roster: Roster, *, limit: int = 10) -> list[tuple[RosterRow, PersonView]]:
    """The first rows that will be taken, their persons masked."""
    found = list(RosterRow.objects.filter(roster=roster, reasons="").order_by("line")[:limit])
    persons = Person.objects.in_bulk([row.person_id for row in found if row.person_id is not None])
    return [(row, masked_view(persons[row.person_id])) for row in found if row.person_id is not None]


def members_not_named(roster: Roster, *, only: Sequence[int] | None = None, limit: int | None = None) -> list[int]:
    """Persons who belong to the unit and stand on no line of this roster, right or wrong."""
    if roster.checked_at is None or roster.state not in {RosterState.CHECKED, RosterState.CONFIRMED}:
        return []
    parameters = {
        "code": roster.organisation_code,
        "on": beijing_day(roster.checked_at),
        "roster": roster.roster_id,
        "only": None if only is None else list(only),
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NOT_NAMED, parameters)  # type: ignore[arg-type]  # the stubs know no lists
        return [person_id for (person_id,) in cursor.fetchall()]


def wishes_cleared_by(roster: Roster) -> int:
    """How many persons with a bank on the present roster have none on this one."""
    with connection.cursor() as cursor:
        cursor.execute(_CLEARED, {"code": roster.organisation_code, "roster": roster.roster_id})
        return int(cursor.fetchone()[0])


def named(person_ids: Sequence[int]) -> list[PersonView]:
    """Persons with full names and masked numbers, in the order given. Whoever calls this writes the audit row."""
    persons = Person.objects.in_bulk(person_ids)
    found = (persons[person_id] for person_id in person_ids if person_id in persons)
    return [view_of(person, names_in_clear=True) for person in found]


def runs_of(organisation_code: str, kind: str, *, limit: int = 5) -> list[ApplyRun]:
    """The unit's latest goes of applying or reminding, newest first."""
    return list(ApplyRun.objects.filter(organisation_code=organisation_code, kind=kind).order_by("-begun_at")[:limit])
