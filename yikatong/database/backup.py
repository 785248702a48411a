"""Backups that are known to be complete, and restores that replace everything or nothing.

A backup is ``pg_dump``'s custom format, readable by ``pg_restore`` alone, and a manifest of what one snapshot contained.
A restore builds a new database, compares it with the manifest, and only then takes the old one's name. It backs up one
database: roles and settings of the server, and the key store that opens encrypted columns, are not in it.
"""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from yikatong.database.binaries import find_binaries
from yikatong.database.connection import connection_parameters
from yikatong.database.manifest import (
    BackupError,
    Manifest,
    contents_of,
    differences,
    read_manifest,
    sha256_of,
)

SWAP_ATTEMPTS_MAX = 10
RESTORE_JOBS = 2

type Connection = psycopg.Connection[tuple[Any, ...]]


def manifest_file(dump: Path) -> Path:
    """Where a dump's manifest lies."""
    return dump.with_name(dump.name + ".manifest.json")


def backup(url: str, file: Path) -> Manifest:
    """Write the database at ``url`` to ``file`` and its manifest beside it, both of mode 0600, as of one moment.

    Nothing appears under that name before it is complete and on disk. Raises ``BackupError``, also when ``file`` exists.
    """
    if file.exists() or manifest_file(file).exists():
        raise BackupError(f"{file} exists; a backup is never overwritten: choose another name")
    if not file.parent.is_dir():
        raise BackupError(f"the folder {file.parent} does not exist; make it first")
    partial = file.with_name(f".{file.name}.{uuid4().hex[:8]}.partial")
    try:
        manifest = _dump(url, partial)
        manifest.write(_private(manifest_file(partial)))
        _sync(manifest_file(partial))
        manifest_file(partial).rename(manifest_file(file))  # first, so that no dump is ever seen without one
        partial.rename(file)
        _sync(file.parent)
    finally:
        partial.unlink(missing_ok=True)
        manifest_file(partial).unlink(missing_ok=True)
    return manifest


def restore(url: str, file: Path, *, replace: bool = False) -> Manifest:
    """Make the database at ``url`` what ``file`` holds; it may be missing or empty, or anything with ``replace``.

    The old database keeps its name and content until the new one has been compared with the manifest, row counts and
    checksums of every table; then it is dropped. Returns the manifest. Raises ``BackupError``.
    """
    manifest = read_manifest(manifest_file(file))
    _check_dump(file, manifest)
    server = connection_parameters(url)
    name = server.pop("dbname", "")
    fresh = f"{_stem(name)}_restore_{uuid4().hex[:8]}"
    with (
        _reporting("restore"),
        psycopg.connect(make_conninfo(**{**server, "dbname": "postgres"}), autocommit=True) as maintenance,
    ):
        _clear_interrupted(maintenance, name)
        exists = _exists(maintenance, name)
        if exists and not replace and not _is_empty(url):
            raise BackupError(f"the database {name} is not empty; to replace all of it, restore with --replace")
        maintenance.execute(sql.SQL("create database {} template template0").format(sql.Identifier(fresh)))
        try:
            _fill({**server, "dbname": fresh}, file, manifest)
            old = _swap(maintenance, name, fresh) if exists else None
            if not exists:
                _rename(maintenance, fresh, name)
        except BaseException:
            maintenance.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(fresh)))
            raise
        if old is not None:
            maintenance.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(old)))
    return manifest


def _dump(url: str, target: Path) -> Manifest:
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    with _reporting("backup"), psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        snapshot = _scalar(connection, "select pg_export_snapshot()")
        _private(target)
        options = ["--format=custom", "--no-owner", f"--snapshot={snapshot}", f"--file={target}"]
        _run("pg_dump", options, connection_parameters(url))
        return Manifest(
            made_at_utc=made_at,
            database=connection.info.dbname,
            server_version=connection.info.parameter_status("server_version") or "",
            dump_bytes=target.stat().st_size,
            dump_sha256=sha256_of(target),
            tables=contents_of(connection),
            migrations=_migrations(connection),
        )


def _check_dump(file: Path, manifest: Manifest) -> None:
    if not file.is_file():
        raise BackupError(f"{file} does not exist")
    size = file.stat().st_size
    if size != manifest.dump_bytes:
        raise BackupError(f"{file} has {size} bytes instead of {manifest.dump_bytes}: it is cut short or another file")
    if sha256_of(file) != manifest.dump_sha256:
        raise BackupError(f"{file} was changed or damaged after the backup was made (SHA-256 differs)")


def _fill(target: dict[str, str], file: Path, manifest: Manifest) -> None:
    _run("pg_restore", ["--exit-on-error", "--no-owner", f"--jobs={RESTORE_JOBS}", str(file)], target)
    with psycopg.connect(make_conninfo(**target)) as connection:
        wrong = differences(manifest.tables, contents_of(connection))
        if wrong:
            raise BackupError(f"{file} did not restore to what it was made from: {'; '.join(wrong)}")
        connection.execute("analyze")


def _swap(maintenance: Connection, name: str, fresh: str) -> str:
    """Give ``fresh`` the name ``name`` in one transaction; return what the old database is called now.

    Renaming waits for sessions to leave and meanwhile lets none in; one that slipped in between is ended at the next try.
    """
    old = f"{_stem(name)}_old_{uuid4().hex[:8]}"
    for attempt in range(1, SWAP_ATTEMPTS_MAX + 1):
        maintenance.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        try:
            with maintenance.transaction():
                _rename(maintenance, name, old)
                _rename(maintenance, fresh, name)
        except psycopg.errors.ObjectInUse:
            if attempt == SWAP_ATTEMPTS_MAX:
                raise BackupError(f"sessions keep coming to {name}; stop Yikatong and restore again") from None
        else:
            return old
    raise AssertionError("unreachable")


def _clear_interrupted(maintenance: Connection, name: str) -> None:
    """Drop what an earlier restore of this database left when it was killed, and let no other restore begin meanwhile."""
    key = f"yikatong restore {name}"
    if not _scalar(maintenance, "select pg_try_advisory_lock(hashtextextended(%s, 0))", [key]):
        raise BackupError(f"another restore of {name} is running; wait for it")
    if not _exists(maintenance, name):
        return
    left = f"^{re.escape(_stem(name))}_(restore|old)_[0-9a-f]{{8}}$"
    for (database,) in maintenance.execute("select datname from pg_database where datname ~ %s", [left]).fetchall():
        maintenance.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(database)))


def _stem(name: str) -> str:
    """As much of a database's name as leaves room for a suffix within PostgreSQL's 63 bytes."""
    return name.encode()[:40].decode(errors="ignore")


def _rename(maintenance: Connection, name: str, other: str) -> None:
    maintenance.execute(sql.SQL("alter database {} rename to {}").format(sql.Identifier(name), sql.Identifier(other)))


def _exists(maintenance: Connection, name: str) -> bool:
    return maintenance.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is not None


def _is_empty(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return not contents_of(connection)


def _migrations(connection: Connection) -> list[str]:
    if _scalar(connection, "select to_regclass('public.django_migrations')") is None:
        return []
    return [f"{app}.{name}" for app, name in connection.execute("select app, name from django_migrations order by id")]


def _scalar(connection: Connection, query: LiteralString, parameters: list[str] | None = None) -> Any:
    row = connection.execute(query, parameters).fetchone()
    assert row is not None
    return row[0]


def _run(program: str, options: list[str], target: dict[str, str]) -> None:
    """Run one of PostgreSQL's programs on a database; a password goes through the environment, never to ``ps``."""
    environment = {**os.environ, "LC_ALL": "C"}
    if "password" in target:
        environment["PGPASSWORD"] = target["password"]
    address = make_conninfo(**{name: text for name, text in target.items() if name != "password"})
    command = [str(find_binaries() / program), f"--dbname={address}", *options]
    ended = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        raise BackupError(f"{program} failed: {ended.stderr.strip()[-1500:]}")


@contextlib.contextmanager
def _reporting(what: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise BackupError(f"the {what} failed, existing data are as they were: {str(error).strip()}") from error


def _private(path: Path) -> Path:
    """Make an empty file that only its owner may read."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return path


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
