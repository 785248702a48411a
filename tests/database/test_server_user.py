"""Root's server runs as ``nobody``; an ordinary user's runs as that user; neither changes anything else on the host."""

import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from yikatong.database import binaries, cluster, server_user
from yikatong.database.binaries import BinariesMissing, find_binaries, version_of
from yikatong.database.cluster import Cluster, ClusterError
from yikatong.database.server_user import ServerUser

ROOT = Path(__file__).resolve().parent.parent.parent
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
NOBODY = 65534
as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can show what root's server does; run the tests as root"
)

# Modules are loaded before the rights are given up: the interpreter itself may lie in root's closed home.
AS_ORDINARY_USER = """
import encodings.idna, os, psycopg, sys, tempfile
from yikatong.database.connection import database_url, embedded_cluster
psycopg.connect(sys.argv[2]).close()
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
os.environ.update(HOME=sys.argv[1])
with psycopg.connect(database_url(start=True)) as connection:
    cluster = embedded_cluster()
    print(cluster.data, os.stat(f"/proc/{cluster.pid()}").st_uid, *connection.execute("select 1").fetchone())
cluster.stop()
print(cluster.start() == database_url(), cluster.stop())
"""


def accounts_of_the_host() -> list[str]:
    return [hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in ("/etc/passwd", "/etc/group")]


@as_root
def test_roots_server_has_no_rights_left(fresh_cluster: Cluster) -> None:
    before = accounts_of_the_host()
    fresh_cluster.start()
    status = Path(f"/proc/{fresh_cluster.pid()}/status").read_text().splitlines()
    fields = {name: rest.split() for name, _, rest in (line.partition(":") for line in status)}
    assert fields["Uid"] == ["65534"] * 4
    assert fields["Groups"] == []
    assert fields["CapEff"] == ["0" * 16]
    assert accounts_of_the_host() == before


@as_root
def test_an_ordinary_user_needs_nothing_of_root(shared_cluster: Cluster, folder: Path) -> None:
    home = folder / "home"
    home.mkdir(mode=0o755)
    os.chown(home, NOBODY, NOBODY)
    environment = {name: text for name, text in os.environ.items() if name not in {"DATABASE_URL", "YIKATONG_HOME"}}
    command = [sys.executable, "-c", AS_ORDINARY_USER, str(home), shared_cluster.url()]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    assert ran.stdout.split() == [f"{home}/.local/share/yikatong/postgres", str(NOBODY), "1", "True", "True"]
    assert stat.S_IMODE((home / ".local/share/yikatong").stat().st_mode) == 0o700


@as_root
def test_a_closed_home_of_root_keeps_its_database_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "STATE_OF_ROOT", folder / "state")
    home = folder / "home"
    home.mkdir(mode=0o700)
    server = Cluster.for_home(home)
    assert server.data.is_relative_to(folder / "state")
    try:
        server.start()
        home.chmod(0o755)
        assert Cluster.for_home(home).data == server.data, "a mode changed later must not make the data seem lost"
    finally:
        server.stop()


@as_root
def test_an_open_home_of_root_keeps_its_database_inside(folder: Path) -> None:
    home = folder / "home"
    home.mkdir(mode=0o711)
    server = Cluster.for_home(home)
    assert server.data == home / "postgres"
    try:
        server.start()
    finally:
        server.stop()
    home.chmod(0o700)
    assert Cluster.for_home(home).data == server.data
    with pytest.raises(ClusterError, match=rf"cannot enter {home}"):
        server.start()


@as_root
def test_data_of_another_user_are_left_alone(folder: Path) -> None:
    data = folder / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("18\n")
    os.chown(data, 1234, 1234)
    with pytest.raises(ClusterError, match="belong to user 1234"):
        Cluster(data).start()


def test_another_build_of_postgresql(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not DEBIAN_15.is_dir():
        pytest.skip(f"{DEBIAN_15} is absent: make setup-system installs it")
    monkeypatch.setenv("YIKATONG_PG_BIN", str(DEBIAN_15))
    server = Cluster(folder / "postgres")
    try:
        with psycopg.connect(server.start()) as connection:
            assert connection.info.server_version // 10000 == 15
    finally:
        server.stop()
    monkeypatch.delenv("YIKATONG_PG_BIN")
    with pytest.raises(ClusterError, match="of PostgreSQL 15, the binaries"):
        server.start()


@pytest.mark.parametrize("present", [[], ["postgres", "initdb"]])
def test_a_folder_without_the_programs_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, present: list[str]
) -> None:
    for name in present:
        (folder / name).touch()
    monkeypatch.setenv("YIKATONG_PG_BIN", str(folder))
    with pytest.raises(BinariesMissing, match=r"lacks .*pg_dump, pg_restore, psql; name the bin folder"):
        find_binaries()


def test_an_old_postgresql_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in binaries.NEEDED:
        (folder / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.9'\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("YIKATONG_PG_BIN", str(folder))
    with pytest.raises(BinariesMissing, match="holds PostgreSQL 14"):
        find_binaries()


@as_root
def test_binaries_in_a_closed_folder_are_copied_for_nobody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YIKATONG_PG_BIN", raising=False)
    usual = find_binaries()
    monkeypatch.setattr(binaries, "STATE_OF_ROOT", folder / "state")
    monkeypatch.setattr(ServerUser, "closed_folder", lambda self, path: path.parent)
    copied = find_binaries()
    monkeypatch.undo()
    assert copied.is_relative_to(folder / "state" / "binaries")
    assert version_of(copied) == version_of(usual)
    for program in binaries.NEEDED:
        dropped = server_user.server_user().subprocess_arguments
        subprocess.run([copied / program, "--version"], check=True, capture_output=True, cwd="/", **dropped)
    assert {path.lstat().st_uid for path in copied.parent.rglob("*")} == {0}
    monkeypatch.setenv("YIKATONG_PG_BIN", str(copied))
    server = Cluster(folder / "postgres", durable=False)
    try:
        server.start()
    finally:
        server.stop(immediately=True)
