"""A backup is one moment of the database; a restore gives back exactly that moment or leaves everything as it was."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from yikatong.database import backup as backup_module
from yikatong.database.backup import backup, manifest_file, restore
from yikatong.database.binaries import NEEDED
from yikatong.database.cluster import Cluster
from yikatong.database.manifest import BackupError, contents_of, differences, read_manifest

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEMA = """
create table account (code text primary key, balance_fen bigint not null);
create table posting (id bigint generated always as identity primary key, code text references account, amount_fen bigint,
                      at timestamptz default now(), seal bytea, note jsonb, entire_row text);
create table nothing ();
create schema procrastinate; create table procrastinate.job (id int primary key);
insert into account select 'a' || i, 0 from generate_series(1, 20) i;
create function refuse() returns trigger language plpgsql as $$ begin raise 'postings are never changed'; end $$;
create trigger postings_stay before update or delete on posting for each row execute function refuse();
create table django_migrations (id serial primary key, app text, name text);
insert into django_migrations (app, name) values ('ledger', '0001_initial'), ('cards', '0001_initial');
"""
POST = """
with entry as (insert into posting (code, amount_fen, seal, note)
               values ('a' || %(n)s %% 20 + 1, %(n)s, decode(md5(%(n)s::text), 'hex'), '{"标题": "卡"}')
               returning code, amount_fen)
update account set balance_fen = balance_fen + amount_fen from entry where account.code = entry.code
"""
UNBALANCED = """
select count(*) from account left join (select code, sum(amount_fen) as total from posting group by code) p using (code)
where balance_fen <> coalesce(total, 0)
"""
RESTORE = """
import sys
from pathlib import Path
from yikatong.database import backup
def stop_here(*_): print("compared", flush=True); sys.stdin.read()
backup._swap = stop_here
backup.restore(sys.argv[1], Path(sys.argv[2]), replace=True)
"""


@pytest.fixture
def ledger_url(scratch_url: str) -> str:
    with psycopg.connect(scratch_url, autocommit=True) as connection:
        connection.execute(SCHEMA)
        for n in range(1, 101):
            connection.execute(POST, {"n": n})
    return scratch_url


@pytest.fixture
def dump(ledger_url: str, tmp_path: Path) -> Path:
    backup(ledger_url, tmp_path / "ledger.backup")
    return tmp_path / "ledger.backup"


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def databases(cluster: Cluster) -> set[str]:
    with psycopg.connect(cluster.url()) as connection:
        return {name for (name,) in connection.execute("select datname from pg_database")}


def add_one(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(POST, {"n": 7})


def test_a_backup_says_what_it_holds(ledger_url: str, dump: Path) -> None:
    manifest = read_manifest(manifest_file(dump))
    assert {name: content.rows for name, content in manifest.tables.items()} == {
        "procrastinate.job": 0,
        "public.account": 20,
        "public.django_migrations": 2,
        "public.nothing": 0,
        "public.posting": 100,
    }
    assert manifest.rows == 122
    assert manifest.migrations == ["ledger.0001_initial", "cards.0001_initial"]
    assert manifest.server_version == value(ledger_url, "show server_version")
    assert dump.stat().st_mode & 0o777 == manifest_file(dump).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in dump.parent.iterdir()) == ["ledger.backup", "ledger.backup.manifest.json"]


def test_a_backup_under_writes_is_one_moment(ledger_url: str, tmp_path: Path, shared_cluster: Cluster) -> None:
    """Postings and balances change together; a dump that mixed two moments would not add up."""
    enough = threading.Event()
    written = []

    def write() -> None:
        with psycopg.connect(ledger_url, autocommit=True) as connection:
            while not enough.is_set():
                connection.execute(POST, {"n": len(written)})
                written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    manifests = [backup(ledger_url, tmp_path / f"{number}.backup") for number in range(3)]
    enough.set()
    writer.join()
    rows = [manifest.tables["public.posting"].rows for manifest in manifests]
    assert 100 <= rows[0] < rows[1] < rows[2] < 100 + len(written) + 1
    for number in range(3):
        restore(ledger_url, tmp_path / f"{number}.backup", replace=True)
        assert value(ledger_url, UNBALANCED) == 0
        assert value(ledger_url, "select count(*) from posting") == rows[number]


def test_a_restore_gives_back_rows_rules_and_numbering(ledger_url: str, dump: Path, shared_cluster: Cluster) -> None:
    with psycopg.connect(ledger_url) as connection:
        before = contents_of(connection)
    add_one(ledger_url)
    assert restore(ledger_url, dump, replace=True).tables == before
    with psycopg.connect(ledger_url) as connection:
        assert contents_of(connection) == before
        with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
            connection.execute("delete from posting")
    add_one(ledger_url)
    assert value(ledger_url, "select max(id) from posting") == 101
    assert {name for name in databases(shared_cluster) if "_restore_" in name or "_old_" in name} == set()


def test_a_full_database_is_not_replaced_unasked(ledger_url: str, dump: Path) -> None:
    add_one(ledger_url)
    with pytest.raises(BackupError, match="not empty; to replace all of it, restore with --replace"):
        restore(ledger_url, dump)
    assert value(ledger_url, "select count(*) from posting") == 101


@pytest.mark.parametrize("target", ["missing", "empty"])
def test_a_missing_or_empty_database_is_filled(dump: Path, shared_cluster: Cluster, target: str) -> None:
    if target == "empty":
        shared_cluster.create_database("restored")
    try:
        restore(shared_cluster.url("restored"), dump)
        assert value(shared_cluster.url("restored"), UNBALANCED) == 0
    finally:
        with psycopg.connect(shared_cluster.url(), autocommit=True) as connection:
            connection.execute("drop database restored with (force)")


def cut_short(dump: Path) -> None:
    os.truncate(dump, dump.stat().st_size - 100)


def flip_a_bit(dump: Path) -> None:
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 1
    dump.write_bytes(content)


def change_a_count(dump: Path) -> None:
    path = manifest_file(dump)
    path.write_text(path.read_text().replace('"rows": 100', '"rows": 101'))


def lose_the_manifest(dump: Path) -> None:
    manifest_file(dump).unlink()


def write_prose(dump: Path) -> None:
    manifest_file(dump).write_text("a shopping list")


def lose_the_dump(dump: Path) -> None:
    dump.unlink()


def forge_rows(dump: Path) -> None:
    """Both files are changed so that they agree: only the comparison after restoring can tell."""
    manifest = read_manifest(manifest_file(dump))
    content = manifest.tables["public.account"]
    manifest.tables["public.account"] = type(content)(content.rows, "1")
    manifest.write(manifest_file(dump))


def replace_by_other_format(dump: Path) -> None:
    """A well-described file that pg_restore cannot read."""
    dump.write_bytes(b"PGDMP" + bytes(5000))
    body = json.loads(manifest_file(dump).read_text())
    del body["digest"], body["format"]
    body |= {"dump_bytes": dump.stat().st_size, "dump_sha256": backup_module.sha256_of(dump)}
    body["tables"] = {}
    backup_module.Manifest(**body).write(manifest_file(dump))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_short, "cut short or another file"),
        (flip_a_bit, "SHA-256 differs"),
        (change_a_count, "changed or damaged after the backup"),
        (lose_the_manifest, "consists of the dump and its manifest"),
        (write_prose, "cannot be read as a manifest"),
        (lose_the_dump, "does not exist"),
        (forge_rows, "public.account has other content"),
        (replace_by_other_format, "pg_restore failed"),
    ],
    ids=lambda part: part.__name__ if callable(part) else "",
)
def test_a_damaged_backup_changes_nothing(
    ledger_url: str, dump: Path, shared_cluster: Cluster, damage, message: str
) -> None:
    add_one(ledger_url)
    before = databases(shared_cluster)
    damage(dump)
    with pytest.raises(BackupError, match=message):
        restore(ledger_url, dump, replace=True)
    assert value(ledger_url, "select count(*) from posting") == 101
    assert databases(shared_cluster) == before


def test_a_restore_wins_against_clients_that_keep_coming(ledger_url: str, dump: Path) -> None:
    enough = threading.Event()

    def come_back() -> None:
        while not enough.is_set():
            try:
                with psycopg.connect(ledger_url) as connection:
                    connection.execute("select count(*) from posting")
            except psycopg.OperationalError:
                continue

    clients = [threading.Thread(target=come_back) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        restore(ledger_url, dump, replace=True)
    finally:
        enough.set()
        for client in clients:
            client.join()
    assert value(ledger_url, "select count(*) from posting") == 100


def test_a_killed_restore_leaves_the_old_and_the_next_one_cleans_up(
    ledger_url: str, dump: Path, shared_cluster: Cluster
) -> None:
    add_one(ledger_url)
    before = databases(shared_cluster)
    command = [sys.executable, "-c", RESTORE, ledger_url, str(dump)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "compared\n"
        with pytest.raises(BackupError, match=r"another restore of .* is running"):
            restore(ledger_url, dump, replace=True)
        killed.kill()
    assert value(ledger_url, "select count(*) from posting") == 101
    assert len(databases(shared_cluster) - before) == 1
    restore(ledger_url, dump, replace=True)
    assert databases(shared_cluster) == before


def test_a_backup_is_never_overwritten(ledger_url: str, dump: Path) -> None:
    before = dump.read_bytes()
    with pytest.raises(BackupError, match="never overwritten"):
        backup(ledger_url, dump)
    assert dump.read_bytes() == before


def test_a_backup_that_fails_leaves_no_file(shared_cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="nowhere"):
        backup(shared_cluster.url("nowhere"), tmp_path / "x.backup")
    with pytest.raises(BackupError, match="make it first"):
        backup(shared_cluster.url(), tmp_path / "missing" / "x.backup")
    assert list(tmp_path.iterdir()) == []


def test_checksums_see_content_and_not_order_or_session(scratch_url: str) -> None:
    with psycopg.connect(scratch_url) as connection:
        connection.execute("create table tap (id int, at timestamptz)")
        connection.execute("insert into tap values (1, '2026-05-01 08:00+08'), (2, '2026-05-01 09:00+08')")
        first = contents_of(connection)
        connection.execute("create table copy as select * from tap order by id desc")
        connection.execute("set timezone = 'Asia/Shanghai'")
        assert contents_of(connection)["public.copy"] == first["public.tap"]
        connection.execute("drop table copy; update tap set at = at + interval '1 microsecond' where id = 2")
        second = contents_of(connection)
    assert differences(first, second) == ["public.tap has other content"]
    assert differences(first, {}) == ["public.tap is missing"]
    assert differences({}, first) == ["public.tap was not in the backup"]


def test_a_password_is_not_on_the_command_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NEEDED:
        (folder / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.0'\n")
        (folder / name).chmod(0o755)
    (folder / "pg_dump").write_text(f'#!/bin/sh\necho "$*" > {folder}/seen; echo "$PGPASSWORD" > {folder}/given\n')
    monkeypatch.setenv("YIKATONG_PG_BIN", str(folder))
    backup_module._run("pg_dump", ["--format=custom"], {"host": "db", "password": "geheim", "dbname": "x"})
    assert (folder / "seen").read_text() == "--dbname=host=db dbname=x --format=custom\n"
    assert (folder / "given").read_text() == "geheim\n"


def test_a_backup_of_an_older_version_moves_to_a_newer_one(
    folder: Path, tmp_path: Path, scratch_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    debian_15 = Path("/usr/lib/postgresql/15/bin")
    if not debian_15.is_dir():
        pytest.skip(f"{debian_15} is absent: make setup-system installs it")
    monkeypatch.setenv("YIKATONG_PG_BIN", str(debian_15))
    older = Cluster(folder / "postgres", durable=False)
    try:
        url = older.start()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SCHEMA)
            connection.execute(POST, {"n": 1})
        backup(url, tmp_path / "15.backup")
    finally:
        older.stop(immediately=True)
    monkeypatch.undo()
    manifest = restore(scratch_url, tmp_path / "15.backup")
    assert manifest.server_version.startswith("15.")
    assert value(scratch_url, "select sum(amount_fen) from posting") == 1
