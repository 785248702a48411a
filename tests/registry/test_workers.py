"""Chunks worked off by processes of their own: the same result, in order, and failures told without quoting a row."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.registry.conftest import Import, register_contents
from tests.registry.people import ADULT, COMMUNITY, EMPLOYER, FATHER, MINOR, MOTHER, RETIREE, adult, write_file
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.registry.chunks import ChunkTask, ImportFrame
from yikatong.registry.files import inspect_file
from yikatong.registry.importer import connection_parameters_of
from yikatong.registry.models import Person
from yikatong.registry.reasons import Reason
from yikatong.registry.rows import PERSON_COLUMNS, REQUIRED_PERSON_COLUMNS
from yikatong.registry.selectors import clear_view
from yikatong.registry.workers import ImportProcessEnded, ImportProcesses, register_over

pytestmark = pytest.mark.usefixtures("committed_city", "small_chunks")


def frame_of(path: Path, **changes: Any) -> ImportFrame:
    source = inspect_file(path, PERSON_COLUMNS, REQUIRED_PERSON_COLUMNS)
    at = utc_now()
    return ImportFrame(source, frozenset({COMMUNITY}), frozenset({"BOB"}), beijing_day(at), at)._replace(**changes)


def raw() -> "psycopg.Connection[Any]":
    connection.ensure_connection()
    return connection.connection


def submit_and_wait(processes: ImportProcesses, task: ChunkTask) -> None:
    """The first may be taken by a pipe whose other end has just gone."""
    for _ in range(3):
        processes.submit(task)
    processes.next_result()


def test_processes_store_what_one_would(tmp_path: Path, take: Import) -> None:
    parents = [adult(1, identity_number=FATHER), adult(2, identity_number=MOTHER, sex="2")]
    rows = [*parents, MINOR, *(adult(serial) for serial in range(3, 12)), RETIREE, ADULT, adult(30, phone="1")]
    path = write_file(tmp_path / "register.csv", rows)
    report = take(path, processes=2)
    assert (report.added, report.rejected) == (14, 1)
    contents = register_contents()
    in_order = [clear_view(person).identity_number for person in Person.objects.order_by("person_id")]
    assert in_order == [row["identity_number"] for row in rows[:-1]]
    assert contents[MINOR["identity_number"]]["guardians"] == [(FATHER, "father", True), (MOTHER, "mother", True)]
    again = take(path, processes=2, again=True)
    assert (again.added, again.changed, again.unchanged, again.rejected) == (0, 0, 14, 1)
    assert register_contents() == contents


def test_a_process_tells_that_the_file_was_changed(tmp_path: Path) -> None:
    path = write_file(tmp_path / "register.csv", [ADULT])
    frame = frame_of(path)
    with path.open("a", encoding="utf-8") as file:
        file.write("\n")
    with ImportProcesses(1, frame, connection_parameters_of(raw())) as processes:
        processes.submit(ChunkTask(frame.source.chunks[0], [1], frozenset()))
        with pytest.raises(Refused) as refusal:
            processes.next_result()
    assert refusal.value.reason is Reason.FILE_CHANGED


def test_a_failure_is_told_without_the_row(tmp_path: Path) -> None:
    frame = frame_of(write_file(tmp_path / "register.csv", [ADULT]), community_codes=None)
    with ImportProcesses(1, frame, connection_parameters_of(raw())) as processes:
        processes.submit(ChunkTask(frame.source.chunks[0], [1], frozenset()))
        with pytest.raises(ImportProcessEnded, match="TypeError") as failure:
            processes.next_result()
        assert "check_person_row" in str(failure.value)
        assert ADULT["identity_number"] not in str(failure.value)


def test_a_task_for_a_process_that_is_gone_is_told(tmp_path: Path) -> None:
    frame = frame_of(write_file(tmp_path / "register.csv", [ADULT]))
    task = ChunkTask(frame.source.chunks[0], [1], frozenset())
    with ImportProcesses(1, frame, connection_parameters_of(raw())) as processes:
        processes._processes[0]._process.kill()
        processes._processes[0]._process.join()
        with pytest.raises(ImportProcessEnded, match="run the import again"):
            submit_and_wait(processes, task)


def test_units_are_remembered_but_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    register = register_over(raw())
    wanted = [EMPLOYER, "nothing", "with\0zero"]
    assert register.organisation_kinds(wanted) == {EMPLOYER: "employer"}
    with connection.cursor() as cursor:
        cursor.execute("delete from registry_organisation where credit_code = %s", [EMPLOYER])
    assert register.organisation_kinds(wanted) == {EMPLOYER: "employer"}
    monkeypatch.setattr("yikatong.registry.workers._ORGANISATIONS_CACHED_MAX", 0)
    assert register.organisation_kinds(wanted) == {}
