"""``yikatong db``: start, stop and look at the embedded server, open a shell, back up and restore.

Works on ``DATABASE_URL`` too where that makes sense. Migrations belong to a higher floor, which adds its command to ``db``.
"""

import os
import time
from pathlib import Path
from typing import NoReturn

import click
import psycopg
from psycopg.conninfo import make_conninfo

from yikatong.database.backup import backup, manifest_file, restore
from yikatong.database.binaries import find_binaries
from yikatong.database.cluster import PORT
from yikatong.database.connection import connection_parameters, database_url, embedded_cluster
from yikatong.foundation.errors import YikatongError

STOPPED = 3  # Source: Linux Standard Base, exit codes of a service's status: not running


class ExplainingGroup(click.Group):
    """Shows errors meant for people as such instead of as a stack of calls."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except YikatongError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=ExplainingGroup)
def db() -> None:
    """The database: embedded by default, another one with DATABASE_URL."""


@db.command()
def start() -> None:
    """Start the embedded server; harmless when it runs."""
    _only_embedded("start")
    cluster = embedded_cluster()
    was_running = cluster.pid() is not None
    cluster.start()
    click.echo(f"{'already running' if was_running else 'started'}: pid {cluster.pid()}, data in {cluster.data}")


@db.command()
def stop() -> None:
    """Stop the embedded server; harmless when it is stopped."""
    _only_embedded("stop")
    click.echo("stopped" if embedded_cluster().stop() else "was not running")


@db.command()
@click.pass_context
def status(context: click.Context) -> None:
    """Say where the database is and whether it runs; the exit code is 3 when it does not."""
    if os.environ.get("DATABASE_URL"):
        rows, is_up = _status_of_another()
    else:
        rows, is_up = _status_of_embedded()
    for name, text in rows:
        click.echo(f"{name:<9} {text}")
    if not is_up:
        context.exit(STOPPED)


@db.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def shell(arguments: tuple[str, ...]) -> NoReturn:
    """Open psql on the database; what follows goes to psql, for example -c 'select 1'."""
    parameters = connection_parameters(database_url(start=True))
    environment = dict(os.environ)
    if "password" in parameters:
        environment["PGPASSWORD"] = parameters.pop("password")  # not on the command line, where ps shows it
    program = find_binaries() / "psql"
    os.execve(program, [str(program), make_conninfo(**parameters), *arguments], environment)  # noqa: S606


@db.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup_command(file: Path) -> None:
    """Write everything, as of one moment, to FILE and FILE.manifest.json."""
    began = time.monotonic()
    manifest = backup(database_url(start=True), file)
    click.echo(
        f"{file}: {len(manifest.tables)} tables, {manifest.rows:,} rows, {_size(manifest.dump_bytes)}, "
        f"in {time.monotonic() - began:.1f} s; its manifest is {manifest_file(file).name}. "
        "Keep both, and the key store apart from them: encrypted columns cannot be read without it"
    )


@db.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--replace", is_flag=True, help="Replace everything that is in the database now.")
def restore_command(file: Path, *, replace: bool) -> None:
    """Restore FILE and compare every table with its manifest before anything is replaced."""
    began = time.monotonic()
    manifest = restore(database_url(start=True), file, replace=replace)
    click.echo(
        f"restored {len(manifest.tables)} tables, {manifest.rows:,} rows as of {manifest.made_at_utc} in "
        f"{time.monotonic() - began:.1f} s; row counts and checksums of every table agree with the manifest"
    )


def _only_embedded(what: str) -> None:
    if os.environ.get("DATABASE_URL"):
        raise click.ClickException(f"DATABASE_URL names a server that Yikatong does not run; {what} it where it runs")


def _status_of_embedded() -> tuple[list[tuple[str, str]], bool]:
    cluster = embedded_cluster()
    status = cluster.status()
    rows = [
        ("state", "stopped" if status.pid is None else f"running, pid {status.pid}"),
        ("data", str(status.data)),
        ("version", f"PostgreSQL {status.data_version}" if status.data_version else "nothing there yet"),
        ("size", _size(status.size_bytes)),
        ("socket", str(status.socket_folder / f".s.PGSQL.{PORT}")),
        ("address", cluster.url()),
    ]
    return rows, status.pid is not None


def _status_of_another() -> tuple[list[tuple[str, str]], bool]:
    parameters = connection_parameters(database_url())
    place = [("address", ", ".join(f"{name} {text}" for name, text in parameters.items() if name != "password"))]
    try:
        with psycopg.connect(make_conninfo(**{"connect_timeout": "5", **parameters})) as connection:
            row = connection.execute("select version(), pg_database_size(current_database())").fetchone()
    except psycopg.OperationalError as error:
        return [("state", f"cannot be reached: {error}"), *place], False
    assert row is not None
    return [("state", "running, by DATABASE_URL"), ("version", row[0]), ("size", _size(row[1])), *place], True


def _size(count_bytes: int) -> str:
    return f"{count_bytes / 1e6:,.1f} MB"
