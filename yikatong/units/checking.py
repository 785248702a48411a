"""Checking an uploaded roster against the register: nothing of it is applied, all of it is told.

Rows go through in chunks: what can be judged alone first, then one look-up of a chunk's identity numbers by blind index and one
of the persons, never one a row. Every chunk is written with the progress in a transaction of its own; a check that was
interrupted begins anew, since nothing depends on it yet.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import batched
from uuid import UUID

from django.db import connection, transaction

from yikatong.banks.models import Bank
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.registry.models import IdentityKey, Organisation, Person
from yikatong.registry.sealing import field_cipher
from yikatong.units import rows
from yikatong.units.models import Enrolment, Roster, RosterRow, RosterState
from yikatong.units.reading import RawRow, rows_of
from yikatong.units.rows import Cells, Known, Problem, Unit
from yikatong.units.storage import content_of

CHUNK_ROWS = 5_000
CELLS_FIELD, TAIL_FIELD, NAME_FIELD = "roster", "roster_tail", "roster_name"
_COPY = (
    "copy units_roster_row (roster_id, line, person_id, bank_code, reasons, problem, cells_sealed, tail_index, name_index)"
    " from stdin"
)


@dataclass(slots=True)
class _Counts:
    read: int = 0
    good: int = 0
    bad: int = 0
    without_bank: int = 0


@dataclass(slots=True)
class _Check:
    """One check under way. ``first_lines``: on which line each sound person stands first."""

    roster: Roster
    unit: Unit
    on: date
    counts: _Counts = field(default_factory=_Counts)
    first_lines: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Judged:
    raw: RawRow
    cells: Cells
    problems: list[Problem]


def check_roster(roster_id: UUID, *, at: datetime) -> Roster:
    """Check a roster from its first row to its last. Repeating it, or running it twice at once, ends in the same.

    A file that cannot be read becomes ``unreadable``, with what is wrong in words.
    """
    with _only_check(roster_id):
        roster = Roster.objects.select_related("file").get(pk=roster_id)
        if roster.state != RosterState.CHECKING:
            return roster
        RosterRow.objects.filter(roster=roster).delete()
        enrolment = Enrolment.objects.filter(organisation_code=roster.organisation_code).latest("version")
        check = _Check(roster, unit_for_rows(roster.organisation_code, enrolment, on=beijing_day(at)), beijing_day(at))
        try:
            content = content_of(roster.file_id)
            for chunk in batched(rows_of(roster.file.name, content, roster.file.media_type), CHUNK_ROWS):
                _check_chunk(check, chunk)
            problem = "" if check.counts.read else "名册只有表头，没有数据行"
        except Refused as refused:
            problem = str(refused)
        return _finish(check, problem, enrolment.version, at=at)


def unit_for_rows(organisation_code: str, enrolment: Enrolment, *, on: date) -> Unit:
    """What of a unit the rules for rows need."""
    names = dict(Bank.objects.filter(joined_on__lte=on).values_list("code", "name_zh"))
    kind = Organisation.objects.values_list("kind", flat=True).get(credit_code=organisation_code)
    picked = "、".join(names.get(code, code) for code in enrolment.bank_codes)
    return Unit(kind, rows.bank_keys(names), frozenset(enrolment.bank_codes), picked)


def tail_index(organisation_code: str, number: str) -> bytes:
    """What finds a person within a unit by the last four characters of the identity number."""
    return field_cipher().blind_index(TAIL_FIELD, f"{organisation_code}:{number[-4:]}")


def name_index(organisation_code: str, name: str) -> bytes:
    """What finds a person within a unit by the full name."""
    return field_cipher().blind_index(NAME_FIELD, f"{organisation_code}:{rows.plain(name)}")


@contextmanager
def _only_check(roster_id: UUID) -> Iterator[None]:
    """One check of a roster at a time; PostgreSQL lets go when this process dies."""
    key = int.from_bytes(roster_id.bytes[-8:], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s)", [key])
        try:
            yield
        finally:
            if not connection.connection.closed:
                cursor.execute("select pg_advisory_unlock(%s)", [key])


def _check_chunk(check: _Check, chunk: tuple[RawRow, ...]) -> None:
    judged = [_judged(raw, check.on) for raw in chunk]
    cipher = field_cipher()
    indexes = cipher.blind_index_many("identity_number", (row.cells.number for row in judged))
    known = _known({index for index, row in zip(indexes, judged, strict=True) if _has_number(row)})
    written = [_written(check, row, known.get(index)) for index, row in zip(indexes, judged, strict=True)]
    code = check.roster.organisation_code
    tails = cipher.blind_index_many(TAIL_FIELD, (f"{code}:{row.cells.number[-4:]}" for row in judged))
    names = cipher.blind_index_many(NAME_FIELD, (f"{code}:{row.cells.name}" for row in judged))
    check.counts.read += len(chunk)
    with transaction.atomic():
        with connection.connection.cursor().copy(_COPY) as copy:
            for row, (person_id, bank_code, problems), tail, name in zip(judged, written, tails, names, strict=True):
                copy.write_row(
                    (
                        check.roster.roster_id,
                        row.raw.line,
                        person_id,
                        bank_code,
                        " ".join(problem.reason for problem in problems)[:120],
                        "；".join(problem.text for problem in problems)[:400],
                        _sealed(row.raw) if problems else None,
                        None if problems else tail,
                        None if problems else name,
                    )
                )
        Roster.objects.filter(pk=check.roster.pk).update(rows_read=check.counts.read)


def _judged(raw: RawRow, on: date) -> _Judged:
    return _Judged(raw, *rows.problems_of_cells(raw.cells, on=on, is_number_cell=raw.is_number_cell))


def _has_number(row: _Judged) -> bool:
    """Whether the identity number may be looked up: also in a row with other faults, so that its person counts as named."""
    return len(row.cells.number) == 18


def _known(indexes: set[bytes]) -> dict[bytes, Known]:
    """What the register says of those it has, by the blind index of the identity number; two queries."""
    keys = IdentityKey.objects.filter(identity_number_index__in=indexes)
    persons = {person_id: bytes(index) for index, person_id in keys.values_list("identity_number_index", "person_id")}
    cipher = field_cipher()
    found = Person.objects.filter(person_id__in=persons.keys())
    return {
        persons[person_id]: Known(person_id, cipher.open("name", bytes(name_sealed)), category, birth_date)
        for person_id, name_sealed, category, birth_date in found.values_list(
            "person_id", "name_sealed", "category", "birth_date"
        )
    }


def _written(check: _Check, row: _Judged, known: Known | None) -> tuple[int | None, str, list[Problem]]:
    """Person, bank and problems of one row; a sound one counts as its person's from here on."""
    person_id = known.person_id if known else None
    problems = list(row.problems) or rows.problems_of_person(row.cells, known, check.unit, on=check.on)
    bank = rows.bank_of(row.cells, check.unit)
    if isinstance(bank, Problem):
        problems.append(bank)
        bank = ""
    if not problems and person_id is not None:
        first = check.first_lines.setdefault(person_id, row.raw.line)
        if first != row.raw.line:
            problems.append(rows.repeats(first))
    check.counts.bad += bool(problems)
    check.counts.good += not problems
    check.counts.without_bank += not problems and not bank
    return person_id, bank, problems


def _sealed(raw: RawRow) -> bytes:
    return field_cipher().seal(CELLS_FIELD, json.dumps(raw.cells, ensure_ascii=False))


def _finish(check: _Check, problem: str, version: int, *, at: datetime) -> Roster:
    with transaction.atomic():
        roster = Roster.objects.select_for_update().get(pk=check.roster.pk)
        if roster.state == RosterState.CHECKING:
            roster.state = RosterState.UNREADABLE if problem else RosterState.CHECKED
            roster.problem = problem[:400]
            roster.enrolment_version = version
            roster.rows_good, roster.rows_bad = check.counts.good, check.counts.bad
            roster.rows_without_bank, roster.checked_at = check.counts.without_bank, at
            roster.save()
        if roster.state != RosterState.CHECKED:
            RosterRow.objects.filter(roster=roster).delete()
        return roster
