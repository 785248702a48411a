"""Importing a file of persons into the register: streaming, repeatable, and resumed where it was interrupted.

The file is first read through and refused as a whole when it is not sound. Then chunk after chunk is stored in one transaction
each, together with how far the run has come and how long the file of rejected rows is: after a crash at any point the same
command goes on with the next chunk. A finished file is not imported again unless asked, and then changes only what differs.
"""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection, transaction
from tqdm import tqdm

from yikatong.audit import services as audit
from yikatong.audit.actors import Actor
from yikatong.city.banking import read_banks
from yikatong.city.folder import CITY_DATA
from yikatong.city.models import Division
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.registry.chunked import CHUNK_ROWS, Chunk, SourceFile
from yikatong.registry.chunks import ChunkResult, ChunkTask, ImportFrame, process_chunk
from yikatong.registry.files import inspect_file
from yikatong.registry.merging import Cursor, add_counts, make_temporary_tables, settle_contested, store_chunk
from yikatong.registry.models import ImportRepeat, ImportRun, PendingGuardian
from yikatong.registry.reasons import Reason
from yikatong.registry.rejected import RejectedFile, rejected_path
from yikatong.registry.rows import PERSON_COLUMNS, REQUIRED_PERSON_COLUMNS
from yikatong.registry.sealing import field_cipher
from yikatong.registry.workers import ImportProcesses, InlineProcessing, Processing, register_over

_IMPORT_LOCK = 0x594B545F494D50  # "YKT_IMP": one import at a time in a database
_LOCK_WAIT = "15s"  # after a crash the database may still be finishing the dead import's last statement
_PROCESSES_MAX = 8
_CHUNKS_WORTH_PROCESSES = 4


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import came to. Rows are counted over all attempts of a run that was interrupted."""

    file_name: str
    rows: int
    added: int
    changed: int
    unchanged: int
    rejected: int
    rejected_path: Path | None
    guardians_awaited: int
    was_already_imported: bool


def import_persons(
    path: Path, *, by: Actor, at: datetime, again: bool = False, progress: bool = False, processes: int | None = None
) -> ImportReport:
    """Import a file of persons. ``processes``: how many check and seal; 0 for none beside this one, None to choose.

    ``again`` works through a file that was imported to its end before. Raises ``Refused`` (``Reason.FILE_…``, ``COLUMNS_…``,
    ``CITY_NOT_LOADED``, ``IMPORT_RUNNING``) before anything is written.
    """
    source = inspect_file(path, PERSON_COLUMNS, REQUIRED_PERSON_COLUMNS)
    communities = frozenset(Division.objects.filter(level="community").values_list("code", flat=True))
    if not communities:
        raise Refused(Reason.CITY_NOT_LOADED, "城市数据尚未导入，请先运行 yikatong city load")
    if not os.access(path.parent, os.W_OK):
        raise Refused(Reason.FILE_UNREADABLE, f"不能在 {path.parent.absolute()} 中写入被拒绝的行，请先修改目录权限")
    with only_import():
        run = ImportRun.objects.filter(pk=source.sha256).first()
        if run and run.finished_at and not again:
            return _report(run, path, was_already_imported=True)
        rejected = RejectedFile(rejected_path(path), PERSON_COLUMNS)
        run = _begin(run, source, rejected, at=at)
        banks = frozenset(bank.code for bank in read_banks(CITY_DATA)[0]["bank"])
        frame = ImportFrame(source, communities, banks, beijing_day(run.started_at), run.started_at)
        _Import(frame, run, rejected).work_off(progress=progress, processes=processes)
        with transaction.atomic():
            run.refresh_from_db()  # the figures were counted in the database
            run.finished_at = at
            run.save(update_fields=["finished_at"])
            ImportRepeat.objects.filter(file_sha256=run.file_sha256).delete()
            audit.record("registry.imported", subject=f"import:{run.file_sha256}", by=by, at=at, **_figures(run))
    return _report(run, path, was_already_imported=False)


@contextmanager
def only_import() -> Iterator[None]:
    """Hold the right to import; PostgreSQL takes it back when this process dies. Raises ``Refused(IMPORT_RUNNING)``."""
    with connection.cursor() as cursor:
        try:
            cursor.execute("select set_config('lock_timeout', %s, false)", [_LOCK_WAIT])
            cursor.execute("select pg_advisory_lock(%s)", [_IMPORT_LOCK])
        except Exception as error:
            if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise Refused(Reason.IMPORT_RUNNING, "另一个导入正在进行，请等它结束后再试") from None
            raise
        finally:
            cursor.execute("select set_config('lock_timeout', '0', false)")
        try:
            yield
        finally:
            if not connection.connection.closed:
                cursor.execute("select pg_advisory_unlock(%s)", [_IMPORT_LOCK])


def _begin(run: ImportRun | None, source: SourceFile, rejected: RejectedFile, *, at: datetime) -> ImportRun:
    """The run to work on: taken up where it stopped, or begun anew."""
    done = run.rows_done if run else 0
    on_boundary = done == source.rows or done % CHUNK_ROWS == 0
    if run and not run.finished_at and on_boundary and rejected.go_on(run.rejected_bytes):
        return run
    rejected.begin()
    with transaction.atomic():
        ImportRepeat.objects.filter(file_sha256=source.sha256).delete()
        ImportRun.objects.filter(pk=source.sha256).delete()
        return ImportRun.objects.create(
            file_sha256=source.sha256, file_name=source.path.name[:200], rows_total=source.rows, started_at=at
        )


class _Import:
    """One attempt at one run."""

    def __init__(self, frame: ImportFrame, run: ImportRun, rejected: RejectedFile) -> None:
        self._frame = frame
        self._run = run
        self._rejected = rejected
        self._tasks: deque[ChunkTask] = deque()

    def work_off(self, *, progress: bool, processes: int | None) -> None:
        """Store every chunk that is not stored yet."""
        chunks = self._frame.source.chunks[-(-self._run.rows_done // CHUNK_ROWS) :]
        connection.ensure_connection()
        raw: psycopg.Connection[Any] = connection.connection
        with ExitStack() as stack:
            with raw.cursor() as cursor:
                make_temporary_tables(cursor)
            count = _process_count(len(chunks)) if processes is None else processes
            processing: Processing = InlineProcessing(self._frame, raw)
            if count:
                database = connection_parameters_of(raw)
                processing = stack.enter_context(ImportProcesses(count, self._frame, database))
            bar = stack.enter_context(
                tqdm(
                    total=self._run.rows_total,
                    initial=self._run.rows_done,
                    unit="row",
                    unit_scale=True,
                    desc=f"import {self._run.file_name}",
                    disable=not progress,
                )
            )
            for chunk in chunks:
                while len(self._tasks) >= processing.ahead:
                    bar.update(self._store(processing.next_result()))
                self._tasks.append(self._task(chunk))
                processing.submit(self._tasks[-1])
            while self._tasks:
                bar.update(self._store(processing.next_result()))

    def _task(self, chunk: Chunk) -> ChunkTask:
        with connection.cursor() as cursor:
            # Ids left over, by rows that were not new or by a crash, are holes in a sequence that has room for them.
            cursor.execute(
                "select nextval(pg_get_serial_sequence('registry_person', 'person_id')) from generate_series(1, %s)",
                [chunk.lines],
            )
            ids = [person_id for (person_id,) in cursor.fetchall()]
        last = chunk.first_line + chunk.lines
        contested = self._frame.source.repeated_lines
        return ChunkTask(
            chunk, ids, contested.intersection(range(chunk.first_line, last)) if contested else frozenset()
        )

    def _store(self, result: ChunkResult) -> int:
        """Store one chunk; the number of its lines."""
        task = self._tasks.popleft()
        try:
            self._commit(result, task.person_ids)
        except psycopg.errors.UniqueViolation:
            # Somebody of this chunk was registered elsewhere after it was compared; now it will be found.
            register = register_over(connection.connection)
            self._commit(process_chunk(self._frame, task, register, field_cipher()), task.person_ids)
        return result.chunk.lines

    def _commit(self, result: ChunkResult, person_ids: list[int]) -> None:
        run = self._run
        with transaction.atomic(), connection.connection.cursor() as cursor:
            extra, counts, repeated = settle_contested(cursor, run.file_sha256, result.contested)
            store_chunk(cursor, result, extra, person_ids, self._frame.on)
            added, changed, unchanged = add_counts([result.counts, counts])
            rows = sorted(result.rejected + repeated)
            self._rejected.append(rows)
            _advance(cursor, run, result.chunk.lines, (added, changed, unchanged, len(rows)), self._rejected.size_bytes)


def _advance(
    cursor: Cursor, run: ImportRun, lines: int, counts: tuple[int, int, int, int], rejected_bytes: int
) -> None:
    cursor.execute(
        "update registry_import_run set rows_done = rows_done + %s, rows_added = rows_added + %s,"
        " rows_changed = rows_changed + %s, rows_unchanged = rows_unchanged + %s,"
        " rows_rejected = rows_rejected + %s, rejected_bytes = %s where file_sha256 = %s",
        [lines, *counts, rejected_bytes, run.file_sha256],
    )


def connection_parameters_of(raw: "psycopg.Connection[Any]") -> dict[str, Any]:
    """How to reach the database that a connection is connected to."""
    parameters: dict[str, Any] = dict(raw.info.get_parameters())
    if raw.info.password:
        parameters["password"] = raw.info.password
    return parameters


def _process_count(chunks: int) -> int:
    """None for a file so small that starting them would take longer than the import."""
    return 0 if chunks < _CHUNKS_WORTH_PROCESSES else min(os.cpu_count() or 1, _PROCESSES_MAX, chunks)


def _figures(run: ImportRun) -> dict[str, int]:
    return {
        "rows": run.rows_done,
        "added": run.rows_added,
        "changed": run.rows_changed,
        "unchanged": run.rows_unchanged,
        "rejected": run.rows_rejected,
    }


def _report(run: ImportRun, path: Path, *, was_already_imported: bool) -> ImportReport:
    run.refresh_from_db()
    return ImportReport(
        file_name=run.file_name,
        rows=run.rows_done,
        added=run.rows_added,
        changed=run.rows_changed,
        unchanged=run.rows_unchanged,
        rejected=run.rows_rejected,
        rejected_path=rejected_path(path) if run.rows_rejected else None,
        guardians_awaited=PendingGuardian.objects.count(),
        was_already_imported=was_already_imported,
    )
