"""A roster's way from upload to taken: everything told first, nothing half-applied, doing it twice is doing it once."""

import csv
import io
import threading
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from io import BytesIO

import pytest
from django.db import OperationalError, connection
from openpyxl import load_workbook
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.at_once import at_once
from tests.cast import NOON
from tests.stack import wait_for
from tests.units.makers import (
    EMPLOYER,
    HEADER,
    OTHER,
    SCHOOL,
    STUDENT,
    UNIT,
    as_csv,
    as_workbook,
    enrolled,
    make_named,
    member,
    number_of,
    row_of,
    uploaded,
)
from yikatong.audit.models import AuditEvent
from yikatong.exports.files import Sheet, csv_pieces, workbook_pieces
from yikatong.foundation.checksums import identity_check_digit
from yikatong.foundation.errors import Refused
from yikatong.registry.models import Membership, Person
from yikatong.units import rosters
from yikatong.units.checking import check_roster
from yikatong.units.models import Roster, RosterEntry, RosterRow, RosterState, StoredFile, StoredPart
from yikatong.units.reading import XLSX, check_file
from yikatong.units.rosters import confirm, discard, receive, remove_expired, take
from yikatong.units.selectors import bad_rows, good_rows, members_not_named, people_of, wishes_cleared_by
from yikatong.units.sheets import bad_row_table

DAY = timedelta(days=1)


def refusal(command: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        command()
    return str(refused.value.reason)


def stranger(serial: int) -> str:
    first17 = (
        f"11990219800101{serial % 1000:03d}"
        if serial < 1000
        else f"1199{serial // 1000:02d}19810101{serial % 1000:03d}"
    )
    return first17 + identity_check_digit(first17)


def applied() -> dict[str, object]:
    """All that rosters have changed."""
    return {
        "members": sorted(
            Membership.objects.values_list("person_id", "organisation_code", "since", "until", "from_import")
        ),
        "entries": sorted(RosterEntry.objects.values_list("person_id", "organisation_code", "bank_code", "ended_at")),
    }


def taken(content: bytes, code: str = EMPLOYER, **changes: object) -> Roster:
    at = changes.pop("at", NOON)
    roster = uploaded(content, code, at=at)  # type: ignore[arg-type]
    return confirm(code, roster.roster_id, by=UNIT, at=at, **changes)  # type: ignore[arg-type]


MISTAKES = [
    ("retiree", "category_wrong"),
    ("minor", "minor"),
    ("stranger", "stranger"),
    ("renamed", "name_differs"),
    ("repeated", "repeated"),
    ("digit", "number_wrong"),
    ("excel", "number_rounded"),
    ("unknown bank", "bank_unknown"),
    ("bank not picked", "bank_not_picked"),
    ("formula", "formula"),
    ("two at once", "name_wrong number_wrong"),
]


def row_with(mistake: str, good: Person) -> tuple[str, ...]:
    name, number, *_ = row_of(good)
    rows = {
        "retiree": lambda: row_of(make_named(90, category="retiree", born=date(1950, 1, 1))),
        "minor": lambda: row_of(make_named(91, category="minor", born=date(2012, 1, 1))),
        "stranger": lambda: ("赵甲", stranger(1), "", ""),
        "renamed": lambda: ("王五", number_of(make_named(92)), "", ""),
        "repeated": lambda: (name, f" {number} ", "", ""),
        "digit": lambda: (name, number[:17] + ("1" if number[17] != "1" else "2"), "", ""),
        "excel": lambda: (name, "1.19901E+17", "", ""),
        "unknown bank": lambda: (*row_of(make_named(93))[:2], "工行", ""),
        "bank not picked": lambda: (*row_of(make_named(94))[:2], "BOC", ""),
        "formula": lambda: (*row_of(make_named(95))[:2], "", "=1+1"),
        "two at once": lambda: ("1", "2", "", ""),
    }
    return rows[mistake]()


@pytest.mark.parametrize("make", [as_csv, as_workbook, lambda rows: as_csv(rows, encoding="gbk")])
def test_every_mistake_is_told_and_the_good_rows_are_kept(units: None, make: Callable[..., bytes]) -> None:
    enrolled()
    good = make_named(1)
    rows = [row_of(good, "ABC"), *(row_with(mistake, good) for mistake, _ in MISTAKES), row_of(make_named(2))]
    roster = uploaded(make(rows))
    assert (roster.state, roster.rows_good, roster.rows_bad) == ("checked", 2, len(MISTAKES)), roster.problem
    assert roster.rows_without_bank == 1
    assert [(row.line, row.reasons) for row in bad_rows(roster)] == [
        (line, reasons) for line, (_, reasons) in enumerate(MISTAKES, 3)
    ]
    assert "与第 2 行" in RosterRow.objects.get(reasons="repeated").problem
    assert applied() == {"members": [], "entries": []}, "nothing before it is confirmed"
    confirm(EMPLOYER, roster.roster_id, by=UNIT, at=NOON)
    second = RosterRow.objects.get(roster=roster, line=len(MISTAKES) + 3).person_id
    assert dict(RosterEntry.objects.values_list("person_id", "bank_code")) == {good.person_id: "ABC", second: ""}
    assert set(Membership.objects.values_list("from_import", "until")) == {(False, None)}


def test_nothing_personal_is_kept_in_clear(units: None) -> None:
    enrolled()
    number = stranger(5)
    uploaded(as_csv([("赵甲", number, "", ""), row_of(make_named(1))]))
    for part in StoredPart.objects.all():
        assert number.encode() not in bytes(part.content_sealed)
    row = RosterRow.objects.exclude(reasons="").get()
    assert number not in row.problem
    assert number.encode() not in bytes(row.cells_sealed or b"")
    assert number not in str(list(AuditEvent.objects.values_list("details", flat=True)))


def test_a_school_takes_its_students_alone(units: None) -> None:
    enrolled(SCHOOL, ("BOC",), whole=True)
    student, teacher = make_named(1, category="student", born=STUDENT), make_named(2)
    roster = uploaded(as_csv([row_of(student, "BOC"), row_of(teacher)]), SCHOOL)
    assert [row.reasons for row in bad_rows(roster)] == ["category_wrong"]
    assert [view.person_id for _, view in good_rows(roster)] == [student.person_id]


def test_without_a_choice_of_banks_there_is_no_roster(units: None) -> None:
    assert refusal(lambda: uploaded(as_csv([]))) == "not_enrolled"
    assert not StoredFile.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [(as_csv([]), "没有数据行"), (as_csv([("赵甲", "1", "", "")])[:-1] + b"\r\n" + b"x" * 70_000, "过长")],
)
def test_what_turns_out_unreadable_half_way_is_told(units: None, content: bytes, words: str) -> None:
    enrolled()
    roster = uploaded(content)
    assert (roster.state, words in roster.problem) == ("unreadable", True)
    assert not RosterRow.objects.exists()
    assert refusal(lambda: confirm(EMPLOYER, roster.roster_id, by=UNIT, at=NOON)) == "roster_not_checked"


def test_bad_rows_come_back_harmless_and_can_be_uploaded_again(units: None) -> None:
    enrolled()
    person = make_named(1)
    name, number, *_ = row_of(person)
    rows = [(name, number, "=cmd()", "@x"), ("只有一列",)]
    roster = uploaded(as_csv(rows))
    text = b"".join(csv_pieces(bad_row_table(roster))).decode()
    header, first, second = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert header == ["行号", "原因代码", "原因", "原行内容", *HEADER]
    assert first[0] == "2"
    assert first[4:] == [name, number, "'=cmd()", "'@x"]
    assert second[3:] == ["只有一列", "", "", "", ""]
    book = b"".join(workbook_pieces([Sheet("有问题的行", bad_row_table(roster))]))
    assert check_file("x.xlsx", book).media_type == XLSX, "a workbook of ours can be uploaded"
    sheet = load_workbook(BytesIO(book)).active
    assert sheet is not None
    assert all(cell.data_type != "f" for cell in sheet[2]), "text, never a formula"
    assert {cell.number_format for cell in sheet[2] if cell.value is not None} == {"@"}, "text stays text when edited"
    mended = text.replace("'=cmd()", "ABC").replace("'@x", "").replace("只有一列", "")
    again = uploaded(mended.encode())
    assert (again.rows_good, again.rows_bad) == (1, 1), list(bad_rows(again))


def test_confirming_twice_and_from_many_sides_is_confirming_once(committed_units: None) -> None:
    enrolled()
    roster = uploaded(as_csv([row_of(make_named(serial), "ABC") for serial in range(1, 6)]))
    at_once(4, lambda: confirm(EMPLOYER, roster.roster_id, by=UNIT, at=NOON))
    once = applied()
    confirm(EMPLOYER, roster.roster_id, by=UNIT, at=NOON + DAY)
    take(roster.roster_id, at=NOON + DAY)
    assert applied() == once
    assert AuditEvent.objects.filter(action="roster.taken").count() == 1


def test_two_uploads_at_once_are_two_and_the_older_cannot_undo_the_newer(committed_units: None) -> None:
    enrolled()
    people = [make_named(serial) for serial in range(1, 4)]
    content = as_csv([row_of(person, "ABC") for person in people])
    first, second = sorted(at_once(2, lambda: uploaded(content)), key=lambda roster: roster.roster_id)
    Roster.objects.filter(pk=second.pk).update(uploaded_at=NOON + DAY)
    assert first.rows_good == second.rows_good == 3
    confirm(EMPLOYER, second.roster_id, by=UNIT, at=NOON + DAY)
    assert refusal(lambda: confirm(EMPLOYER, first.roster_id, by=UNIT, at=NOON + DAY)) == "roster_outdated"


def test_a_roster_checked_before_the_banks_changed_is_outdated(units: None) -> None:
    enrolled(banks=("ABC",))
    roster = uploaded(as_csv([row_of(make_named(1), "ABC")]))
    enrolled(banks=("BOC",), at=NOON + DAY)
    assert refusal(lambda: confirm(EMPLOYER, roster.roster_id, by=UNIT, at=NOON + DAY)) == "roster_outdated"


def test_only_good_rows_can_be_taken(units: None) -> None:
    enrolled()
    roster = uploaded(as_csv([("赵甲", "1", "", "")]))
    assert refusal(lambda: confirm(EMPLOYER, roster.roster_id, by=UNIT, at=NOON)) == "nobody_to_take"


# --- who is not on it any more ---


def test_whoever_is_not_named_is_shown_and_ended_only_when_ticked(units: None) -> None:
    enrolled()
    stays, leaves, kept = (member(make_named(serial)) for serial in (1, 2, 3))
    wrong = member(make_named(4))
    number = number_of(wrong)
    roster = uploaded(as_csv([row_of(stays), ("王五", number, "", "")]))
    assert members_not_named(roster) == [leaves.person_id, kept.person_id], "a wrong row names its person all the same"
    confirm(EMPLOYER, roster.roster_id, ending=[leaves.person_id], by=UNIT, at=NOON)
    until = dict(Membership.objects.values_list("person_id", "until"))
    assert until == {
        stays.person_id: None,
        leaves.person_id: date(2026, 11, 1),
        kept.person_id: None,
        wrong.person_id: None,
    }
    assert Membership.objects.get(person_id=stays.person_id).since == date(2020, 1, 1), "since when is not forgotten"


def test_nobody_else_can_be_ended(units: None) -> None:
    enrolled()
    stays, foreign = member(make_named(1)), member(make_named(2), OTHER)
    roster = uploaded(as_csv([row_of(stays)]))
    for ending in ([stays.person_id], [foreign.person_id]):
        assert refusal(partial(confirm, EMPLOYER, roster.roster_id, ending=ending, by=UNIT, at=NOON)) == "not_a_member"
    assert Roster.objects.get().state == "checked"


def test_who_left_comes_back_by_a_later_roster(units: None) -> None:
    enrolled()
    person = make_named(1)
    taken(as_csv([row_of(person, "ABC")]))
    other = make_named(2)
    taken(as_csv([row_of(other)]), ending=[person.person_id], at=NOON + DAY)
    assert RosterEntry.objects.get(person_id=person.person_id).ended_at == NOON + DAY
    taken(as_csv([row_of(person)]), at=NOON + 2 * DAY)
    entry = RosterEntry.objects.get(person_id=person.person_id)
    assert (entry.ended_at, entry.since, entry.bank_code) == (None, NOON + 2 * DAY, "")
    membership = Membership.objects.get(person_id=person.person_id)
    assert (membership.since, membership.until) == (date(2026, 11, 4), None)


def test_the_newest_roster_holds_also_where_it_names_no_bank(units: None) -> None:
    enrolled()
    person = make_named(1)
    taken(as_csv([row_of(person, "ABC")]))
    later = uploaded(as_csv([row_of(person)]), at=NOON + DAY)
    assert wishes_cleared_by(later) == 1, "told before it is confirmed"
    confirm(EMPLOYER, later.roster_id, by=UNIT, at=NOON + DAY)
    assert RosterEntry.objects.get().bank_code == ""


# --- another unit's ---


@pytest.mark.parametrize(
    "command", [lambda key: confirm(OTHER, key, by=UNIT, at=NOON), lambda key: discard(OTHER, key, by=UNIT, at=NOON)]
)
def test_another_units_roster_is_unknown(units: None, command: Callable[..., object]) -> None:
    enrolled()
    enrolled(OTHER)
    roster = uploaded(as_csv([row_of(make_named(1))]))
    assert refusal(lambda: command(roster.roster_id)) == "roster_unknown"
    assert people_of(OTHER) == []


# --- interrupted ---


def test_a_crash_in_the_middle_of_taking_leaves_nothing_and_again_ends_the_same(committed_units: None) -> None:
    enrolled()
    leaves = member(make_named(9))
    people = [make_named(serial) for serial in range(1, 5)]
    roster = uploaded(as_csv([row_of(person, "ABC") for person in people]))
    Roster.objects.filter(pk=roster.pk).update(
        state=RosterState.CONFIRMED, confirmed_by="unit:test", ending_person_ids=[leaves.person_id]
    )
    before = applied()
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        """Another connection has the row that is changed last."""
        from django.db import transaction

        with transaction.atomic():
            list(Membership.objects.select_for_update().filter(person_id=leaves.person_id))
            holding.set()
            done.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(30)
    try:
        with connection.cursor() as cursor:
            cursor.execute("set lock_timeout = '200ms'")
        with pytest.raises(OperationalError):
            take(roster.roster_id, at=NOON)
        assert applied() == before, "memberships and entries were written already, and are gone again"
    finally:
        done.set()
        holder.join()
        with connection.cursor() as cursor:
            cursor.execute("set lock_timeout = 0")
    take(roster.roster_id, at=NOON)
    assert {person.person_id for person in people} == set(RosterEntry.objects.values_list("person_id", flat=True))
    assert Membership.objects.get(person_id=leaves.person_id).until == date(2026, 11, 1)


def test_a_check_whose_connection_is_cut_begins_anew(committed_units: None, monkeypatch: pytest.MonkeyPatch) -> None:
    enrolled()
    monkeypatch.setattr(rosters, "AT_ONCE_BYTES", 0)
    monkeypatch.setattr("yikatong.units.checking.CHUNK_ROWS", 100)
    rows = [("赵甲", stranger(serial), "", "") for serial in range(20_000)]
    roster = uploaded(as_csv([*rows, row_of(make_named(1))]))
    backend: list[int] = []
    errors: list[Exception] = []

    def check() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("select pg_backend_pid()")
                backend.append(cursor.fetchone()[0])
            check_roster(roster.roster_id, at=NOON)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    worker = threading.Thread(target=check)
    worker.start()
    wait_for(lambda: Roster.objects.get(pk=roster.pk).rows_read, why="the check to be under way")
    with connection.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s)", backend)
    worker.join()
    assert errors, "it was cut off"
    assert RosterRow.objects.exists()
    found = check_roster(roster.roster_id, at=NOON)
    assert (found.rows_good, found.rows_bad, RosterRow.objects.count()) == (1, 20_000, 20_001)


def test_large_files_are_left_to_the_worker(units: None, monkeypatch: pytest.MonkeyPatch) -> None:
    enrolled()
    monkeypatch.setattr(rosters, "AT_ONCE_BYTES", 0)
    monkeypatch.setattr(rosters, "AT_ONCE_ROWS", 0)
    roster = uploaded(as_csv([row_of(make_named(1))]))
    assert (roster.state, ProcrastinateJob.objects.filter(task_name="units.check_roster").count()) == ("checking", 1)
    check_roster(roster.roster_id, at=NOON)
    assert confirm(EMPLOYER, roster.roster_id, by=UNIT, at=NOON).state == "confirmed"
    assert ProcrastinateJob.objects.filter(task_name="units.take_roster").count() == 1
    assert not RosterEntry.objects.exists()
    assert take(roster.roster_id, at=NOON).state == "taken"


# --- removed in time ---


def test_uploads_are_removed_after_thirty_days_and_what_was_taken_stays(units: None) -> None:
    enrolled()
    person = make_named(1)
    roster = taken(as_csv([row_of(person), ("赵甲", "1", "", "")]))
    waiting = uploaded(as_csv([row_of(person)]), at=NOON + DAY)
    assert remove_expired(at=NOON + 29 * DAY) == 0
    assert remove_expired(at=NOON + 30 * DAY) == 1
    roster.refresh_from_db()
    assert (roster.state, roster.rows_good, roster.rows_bad) == ("taken", 1, 1)
    assert not StoredPart.objects.filter(file_id=roster.file_id).exists()
    assert not RosterRow.objects.filter(roster=roster).exists()
    assert RosterEntry.objects.filter(person_id=person.person_id).exists()
    assert remove_expired(at=NOON + 31 * DAY) == 1
    waiting.refresh_from_db()
    assert waiting.state == "discarded"
    assert remove_expired(at=NOON + 99 * DAY) == 0


def test_giving_an_upload_up_removes_it_at_once(units: None) -> None:
    enrolled()
    roster = uploaded(as_csv([row_of(make_named(1))]))
    for _ in range(2):
        assert discard(EMPLOYER, roster.roster_id, by=UNIT, at=NOON).state == "discarded"
    assert not RosterRow.objects.exists()
    assert not StoredPart.objects.filter(file_id=roster.file_id).exists()
    assert refusal(lambda: confirm(EMPLOYER, roster.roster_id, by=UNIT, at=NOON)) == "roster_not_checked"
    other = taken(as_csv([row_of(make_named(2))]))
    assert refusal(lambda: discard(EMPLOYER, other.roster_id, by=UNIT, at=NOON)) == "roster_not_checked"


def test_what_is_no_roster_leaves_nothing(units: None) -> None:
    enrolled()
    before = StoredFile.objects.count()
    assert refusal(lambda: receive(EMPLOYER, "x", b"%PDF-", by=UNIT, at=NOON)) == "file_wrong"
    assert (StoredFile.objects.count(), Roster.objects.count()) == (before, 0)
