"""``yikatong db`` as an operator meets it: what it prints, what it returns, what it refuses."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from yikatong.database.cluster import Cluster

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = [sys.executable, "-c", "from yikatong.database.cli import db; db(prog_name='yikatong db')"]

type Db = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(folder: Path) -> Iterator[Path]:
    place = folder / "home"
    place.mkdir(mode=0o711)
    yield place
    Cluster.for_home(place).stop(immediately=True)


@pytest.fixture
def run(home: Path) -> Db:
    def run_db(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}
        variables = inherited | {"YIKATONG_HOME": str(home)} | environment
        return subprocess.run(
            [*COMMAND, *arguments], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
        )

    return run_db


def test_a_day_of_an_operator(run: Db, home: Path) -> None:
    before = run("status")
    assert before.returncode == 3
    assert before.stdout.startswith("state     stopped\n")
    assert "started: pid " in run("start").stdout
    assert "already running: pid " in run("start").stdout
    during = run("status")
    assert during.returncode == 0
    assert f"data      {home}/postgres\n" in during.stdout
    assert f"socket    {home}/postgres.run/.s.PGSQL.5432\n" in during.stdout
    made = run("shell", "-qc", "create table bank (code text primary key); insert into bank values ('icbc')")
    assert (made.returncode, made.stderr) == (0, "")
    assert "1 tables, 1 rows" in run("backup", str(home / "monday.backup")).stdout
    refused = run("restore", str(home / "monday.backup"))
    assert refused.returncode == 1
    assert refused.stderr == "Error: the database yikatong is not empty; to replace all of it, restore with --replace\n"
    restored = run("restore", "--replace", str(home / "monday.backup"))
    assert "row counts and checksums of every table agree" in restored.stdout
    assert run("shell", "-Atc", "select code from bank").stdout == "icbc\n"
    assert run("stop").stdout == "stopped\n"
    assert run("stop").stdout == "was not running\n"
    assert run("status").returncode == 3


def test_a_backup_of_a_stopped_server_starts_it(run: Db, home: Path) -> None:
    assert "0 tables" in run("backup", str(home / "empty.backup")).stdout
    assert json.loads((home / "empty.backup.manifest.json").read_text())["tables"] == {}


def test_another_server_is_looked_at_but_not_run(run: Db, scratch_url: str) -> None:
    seen = run("status", DATABASE_URL=scratch_url)
    assert seen.returncode == 0
    assert seen.stdout.startswith("state     running, by DATABASE_URL\n")
    for command in ("start", "stop"):
        refused = run(command, DATABASE_URL=scratch_url)
        assert refused.returncode == 1
        assert f"{command} it where it runs" in refused.stderr
    with psycopg.connect(scratch_url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_an_unreachable_server_is_down_and_its_password_not_shown(run: Db, home: Path) -> None:
    seen = run("status", DATABASE_URL=f"postgresql://clerk:geheim@/yikatong?host={home}")
    assert seen.returncode == 3
    assert "cannot be reached" in seen.stdout
    assert "geheim" not in seen.stdout + seen.stderr


def test_a_wrong_address_is_explained_without_its_password(run: Db) -> None:
    seen = run("status", DATABASE_URL="mysql://clerk:geheim@db/yikatong")
    assert seen.returncode == 1
    assert seen.stderr == (
        "Error: DATABASE_URL must begin with postgresql://, for example postgresql://user@host/yikatong\n"
    )
