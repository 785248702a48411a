"""The terminal's own memory: taps waiting for upload, sequence numbers, and codes seen a moment ago.

SQLite with full synchronisation: a tap is on disk before the gate opens, a sequence number is never given twice, and what
the gateway refused stays here with its reason until someone has looked at it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from yikatong.foundation.errors import YikatongError
from yikatong.wire.taps import Tap, TapResult

_SCHEMA = """
create table if not exists tap (
    sequence integer primary key autoincrement,
    body blob not null,
    status text not null default 'waiting',
    reason text not null default ''
) strict;
create index if not exists tap_waiting on tap (sequence) where status = 'waiting';
create table if not exists seen_code (nonce blob primary key, expires_s integer not null) strict;
create table if not exists terminal (terminal_id text primary key) strict;
"""


class OutboxError(YikatongError):
    """The outbox cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many taps wait, were taken, and were refused or conflicted."""

    waiting: int
    acknowledged: int
    refused: int


class Outbox:
    """One terminal's outbox in one folder."""

    def __init__(self, folder: Path, *, terminal_id: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / "outbox.sqlite"
        self._terminal_id = terminal_id
        with self._open() as database:
            database.executescript("pragma journal_mode = wal;" + _SCHEMA)
            database.execute("insert or ignore into terminal values (?)", [terminal_id])
            owners = [row[0] for row in database.execute("select terminal_id from terminal")]
        if owners != [terminal_id]:
            other = next(owner for owner in owners if owner != terminal_id)
            with self._open() as database:
                database.execute("delete from terminal where terminal_id = ?", [terminal_id])
            raise OutboxError(f"{folder} is the outbox of terminal {other}, not of {terminal_id}; use another folder")

    def add(self, tap: Tap) -> Tap:
        """Store a tap (its ``sequence`` is ignored) and return it with the sequence it was given."""
        with self._open() as database:
            cursor = database.execute("insert into tap (body) values (x'')")
            sequence = cursor.lastrowid
            if sequence is None:
                raise OutboxError("the outbox gave no sequence number")
            stored = msgspec.structs.replace(tap, sequence=sequence)
            body = msgspec.json.encode(stored, order="deterministic")
            database.execute("update tap set body = ? where sequence = ?", [body, sequence])
        return stored

    def take_nonce(self, nonce: bytes, *, now_s: int, expires_s: int) -> bool:
        """Remember a code; ``False`` when this terminal has seen it already."""
        with self._open() as database:
            database.execute("delete from seen_code where expires_s < ?", [now_s])
            cursor = database.execute("insert or ignore into seen_code values (?, ?)", [nonce, expires_s])
            return cursor.rowcount == 1

    def waiting(self, limit: int) -> list[Tap]:
        """The oldest taps not yet acknowledged."""
        with self._open() as database:
            rows = database.execute(
                "select body from tap where status = 'waiting' and body <> x'' order by sequence limit ?", [limit]
            ).fetchall()
        return [msgspec.json.decode(row[0], type=Tap) for row in rows]

    def settle(self, results: list[TapResult]) -> None:
        """Note what the gateway made of taps: stored and repeated ones are done, the others are kept with the reason."""
        with self._open() as database:
            for result in results:
                status = "acknowledged" if result.status in {"stored", "repeated"} else result.status
                database.execute(
                    "update tap set status = ?, reason = ? where sequence = ?", [status, result.reason, result.sequence]
                )

    def counts(self) -> Counts:
        """How the outbox stands."""
        with self._open() as database:
            rows = dict(
                database.execute("select status, count(*) from tap where body <> x'' group by status").fetchall()
            )
        refused = rows.get("refused", 0) + rows.get("conflict", 0)
        return Counts(rows.get("waiting", 0), rows.get("acknowledged", 0), refused)

    def refused(self) -> list[tuple[Tap, str, str]]:
        """The taps the gateway did not take: tap, status, reason."""
        with self._open() as database:
            rows = database.execute(
                "select body, status, reason from tap where status in ('refused', 'conflict') order by sequence"
            ).fetchall()
        return [(msgspec.json.decode(body, type=Tap), status, reason) for body, status, reason in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10)) as database:
            database.execute("pragma synchronous = full")
            with database:
                yield database
