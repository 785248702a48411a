"""The terminal's memory on disk: one SQLite file in one folder, for one terminal.

Every change is on disk before it is reported (write-ahead log, full synchronisation), so that a crash or a cut power line
between two taps loses neither. Safe between threads and between processes (a gate that runs and ``sync`` beside it). It
must lie on a local disk: SQLite's log does not work over network file systems.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from yikatong.foundation.errors import YikatongError

FILE_NAME = "state.sqlite"
SCHEMA_VERSION = 3
LOCK_WAIT_S = 10

# autoincrement: SQLite then never gives a sequence twice, not even after the rows were deleted.
_SCHEMA = """
create table owner (terminal_id text not null) strict;
create table tap (
    sequence integer primary key autoincrement,
    body blob not null,
    status text not null default 'waiting',
    reason text not null default '',
    settled_at_s integer not null default 0
) strict;
create index tap_by_status on tap (status, sequence);
create table seen (key blob not null, reason text not null, until_s integer not null, primary key (key, reason))
    strict, without rowid;
create table list (name text primary key, octets blob not null, revision integer not null) strict;
"""
_SINCE_2 = """
create table purse_payment (
    sequence integer primary key, purse_number text not null, card_counter integer not null, body blob not null,
    unique (purse_number, card_counter)
) strict
"""
_SINCE_3 = (
    "alter table purse_payment add column status text not null default 'waiting'",
    "alter table purse_payment add column reason text not null default ''",
    "alter table purse_payment add column settled_at_s integer not null default 0",
    "create index purse_payment_by_status on purse_payment (status, sequence)",
)


class StorageFailed(YikatongError):
    """The memory cannot be used; the text says why and what to do."""


class Storage:
    """One terminal's folder. Close it, or use it in a ``with`` statement."""

    def __init__(self, folder: Path, *, terminal_id: str) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = folder / FILE_NAME
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise StorageFailed(f"{folder} cannot hold a terminal's memory: {error.strerror}") from error
        with self._faults():
            self._database = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            with self._faults():
                self._database.execute("pragma journal_mode = wal")
                self._database.execute("pragma synchronous = full")
            self._prepare(terminal_id)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Storage":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction that is on disk when the block ends, or undone when it fails. Raises ``StorageFailed``."""
        with self._lock, self._faults():
            self._database.execute("begin immediate")
            try:
                yield self._database
                self._database.execute("commit")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("rollback")
                raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection to look with. Raises ``StorageFailed``."""
        with self._lock, self._faults():
            yield self._database

    def _prepare(self, terminal_id: str) -> None:
        with self.write() as database:
            (version,) = database.execute("pragma user_version").fetchone()
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.execute("insert into owner values (?)", [terminal_id])
            if version > SCHEMA_VERSION:
                raise StorageFailed(f"{self.folder} was written by another version of this program ({version})")
            if version < 2:
                database.execute(_SINCE_2)
            if version < 3:
                for statement in _SINCE_3:
                    database.execute(statement)
                database.execute(f"pragma user_version = {SCHEMA_VERSION}")
            (owner,) = database.execute("select terminal_id from owner").fetchone()
        if owner != terminal_id:
            raise StorageFailed(f"{self.folder} belongs to terminal {owner}, not to {terminal_id}; use another folder")

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageFailed(f"{self.folder / FILE_NAME}: {error}; look at the disk, taps in it are kept") from error
