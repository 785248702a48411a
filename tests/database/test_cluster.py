"""The embedded server is made once, found again, and comes back after whatever happened to it."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from yikatong.database import cluster as cluster_module
from yikatong.database.cluster import Cluster, ClusterError
from yikatong.database.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
START_AND_REPORT = """
import json, sys
from pathlib import Path
from yikatong.database.cluster import Cluster
cluster = Cluster(Path(sys.argv[1]), durable=False)
print(json.dumps([cluster.start(), cluster.pid()]))
"""


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def is_running(pid: int) -> bool:
    """Whether the process exists and is more than a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill_postmaster(cluster: Cluster) -> int:
    pid = cluster.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("unix_socket_permissions", "0700"),
    ],
)
def test_settings_of_a_new_server(shared_cluster: Cluster, setting: str, expected: str) -> None:
    assert value(shared_cluster.url(), f"show {setting}") == expected


def test_only_its_owner_reaches_the_socket(shared_cluster: Cluster) -> None:
    assert shared_cluster.socket_folder.stat().st_mode & 0o777 == 0o700
    assert shared_cluster.data.stat().st_mode & 0o777 == 0o700


def test_letters_of_every_script_change_case_and_sort_by_code_point(shared_cluster: Cluster) -> None:
    assert value(shared_cluster.url(), "select upper('é') || lower('Я')") == "Éя"
    assert (
        value(shared_cluster.url(), "select string_agg(x, '' order by x) from unnest('{卡,b,A,一}'::text[]) x")
        == "Ab一卡"
    )


def test_a_durable_server_syncs_checks_and_keeps_people_out_of_its_log(folder: Path) -> None:
    cluster = Cluster(folder / "postgres")
    url = cluster.start()
    try:
        assert [value(url, f"show {name}") for name in ("fsync", "full_page_writes", "data_checksums")] == ["on"] * 3
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create table person (phone text primary key)")
            connection.execute("insert into person values (%s)", ["13800001234"])
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute("insert into person values (%s)", ["13800001234"])
    finally:
        assert cluster.stop()
    log = "".join(path.read_text() for path in (cluster.data / "log").iterdir())
    assert "duplicate key" in log
    assert "13800001234" not in log


def test_a_second_start_finds_the_first(fresh_cluster: Cluster) -> None:
    first, pid = fresh_cluster.start(), fresh_cluster.pid()
    assert fresh_cluster.url() == first
    assert (fresh_cluster.start(), fresh_cluster.pid()) == (first, pid)
    assert Cluster(fresh_cluster.data, durable=False).start() == first


def test_starts_at_the_same_time_make_one_server(fresh_cluster: Cluster) -> None:
    command = [sys.executable, "-c", START_AND_REPORT, str(fresh_cluster.data)]
    starters = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [json.loads(starter.communicate()[0]) for starter in starters]
    assert answers == [[fresh_cluster.url(), fresh_cluster.pid()]] * 4


def test_stopping_is_safe_to_repeat(fresh_cluster: Cluster) -> None:
    assert not fresh_cluster.stop()
    fresh_cluster.start()
    assert fresh_cluster.stop()
    assert fresh_cluster.status().pid is None
    assert not fresh_cluster.stop()
    assert value(fresh_cluster.start(), "select 1") == 1


def test_after_kill_what_was_committed_is_there(fresh_cluster: Cluster) -> None:
    url = fresh_cluster.start()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table tap (sequence int primary key)")
        connection.execute("insert into tap select generate_series(1, 1000)")
    killed = kill_postmaster(fresh_cluster)
    assert value(fresh_cluster.start(), "select count(*) from tap") == 1000
    assert fresh_cluster.pid() != killed


def test_children_of_a_killed_server_are_ended_before_the_next_start(fresh_cluster: Cluster) -> None:
    url = fresh_cluster.start()
    with psycopg.connect(url) as connection:
        orphan = connection.info.backend_pid
        connection.pgconn.send_query(b"select count(*) from generate_series(1, 1000000000000)")  # never looks up
        connection.pgconn.flush()
        assert wait_until(
            lambda: value(url, f"select state from pg_stat_activity where pid = {orphan}") == "active", within_s=30
        )
        kill_postmaster(fresh_cluster)
        assert is_running(orphan)
        fresh_cluster.start()
        assert not is_running(orphan)
        connection.close()
    assert value(url, "select 1") == 1


def test_a_bystander_in_the_data_folder_survives_a_recovery(fresh_cluster: Cluster) -> None:
    """An administrator's shell may have its working folder there."""
    fresh_cluster.start()
    bystander = subprocess.Popen(["sleep", "600"], cwd=fresh_cluster.data)
    try:
        kill_postmaster(fresh_cluster)
        fresh_cluster.start()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("owner", ["nobody at all", "a stranger", "a zombie"])
def test_a_stale_pid_file_does_not_stop_a_start(fresh_cluster: Cluster, owner: str) -> None:
    fresh_cluster.start()
    pid_file = fresh_cluster.data / "postmaster.pid"
    text = pid_file.read_text()
    kill_postmaster(fresh_cluster)
    with subprocess.Popen(["sleep", "600"]) as stranger:
        if owner != "a stranger":
            stranger.kill()
            os.waitid(os.P_PID, stranger.pid, os.WEXITED | os.WNOWAIT)  # dead, not yet collected
        if owner == "nobody at all":
            stranger.wait()
        _, _, rest = text.partition("\n")
        pid_file.write_text(f"{stranger.pid}\n{rest}")
        assert fresh_cluster.pid() is None
        assert value(fresh_cluster.start(), "select 1") == 1
        if owner == "a stranger":
            assert stranger.poll() is None
            stranger.kill()


def test_a_first_start_that_was_interrupted_is_begun_again(fresh_cluster: Cluster) -> None:
    half_made = fresh_cluster.data.with_name("postgres.new")
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    assert value(fresh_cluster.start(), "select 1") == 1
    assert not half_made.exists()


def test_data_of_another_major_version_are_left_alone(fresh_cluster: Cluster) -> None:
    fresh_cluster.start()
    fresh_cluster.stop()
    version_file = fresh_cluster.data / "PG_VERSION"
    before = version_file.read_text()
    version_file.write_text("12\n")
    with pytest.raises(ClusterError, match=r"are of PostgreSQL 12, the binaries .* YIKATONG_PG_BIN at PostgreSQL 12"):
        fresh_cluster.start()
    version_file.write_text(before)
    assert value(fresh_cluster.start(), "select 1") == 1


def test_a_folder_with_something_else_in_it_is_refused(fresh_cluster: Cluster) -> None:
    fresh_cluster.data.mkdir()
    os.chown(fresh_cluster.data, cluster_module.server_user().uid, -1)
    (fresh_cluster.data / "thesis.txt").write_text("not a database")
    with pytest.raises(ClusterError, match="no PG_VERSION"):
        fresh_cluster.start()
    assert (fresh_cluster.data / "thesis.txt").exists()


def test_a_holder_out_of_sight_is_respected(fresh_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another container that shares the folder is invisible in /proc; only the inherited lock shows it."""
    fresh_cluster.start()
    fresh_cluster.stop()
    monkeypatch.setattr(cluster_module, "ORPHAN_PATIENCE_S", 0.2)
    held = fresh_cluster.data.with_name("postgres.held")
    holder = subprocess.Popen(["flock", str(held), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdin.write(b"locked\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == b"locked\n"
    with pytest.raises(ClusterError, match="another container"):
        fresh_cluster.start()
    holder.communicate()
    assert value(fresh_cluster.start(), "select 1") == 1


def test_a_path_too_long_for_a_socket(folder: Path) -> None:
    deep = folder.joinpath(*["a-folder-with-a-long-name"] * 5)
    deep.mkdir(parents=True)
    cluster = Cluster(deep / "postgres", durable=False)
    try:
        assert value(cluster.start(), "select 1") == 1
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(cluster.socket_folder / ".s.PGSQL.5432"))
        assert cluster.socket_folder.stat().st_mode & 0o777 == 0o700
    finally:
        cluster.stop(immediately=True)
        cluster.socket_folder.rmdir()


def test_a_socket_folder_that_is_a_link_is_refused(folder: Path) -> None:
    cluster = Cluster(folder / "postgres", durable=False)
    (folder / "elsewhere").mkdir(mode=0o755)
    cluster.socket_folder.symlink_to(folder / "elsewhere")
    with pytest.raises(ClusterError, match="is a link or another user's"):
        cluster.start()
    assert (folder / "elsewhere").stat().st_mode & 0o777 == 0o755


def test_a_folder_whose_name_a_shell_would_read_is_refused(folder: Path) -> None:
    with pytest.raises(ClusterError, match="choose another folder"):
        Cluster(folder / "a$HOME")


def test_a_name_with_blanks_and_chinese_is_fine(folder: Path) -> None:
    (folder / "一卡通 的家").mkdir()
    cluster = Cluster(folder / "一卡通 的家" / "postgres", durable=False)
    try:
        assert value(cluster.start(), "show data_directory") == str(cluster.data)
    finally:
        cluster.stop(immediately=True)


def test_status_names_places_and_sizes(shared_cluster: Cluster) -> None:
    status = shared_cluster.status()
    assert status.pid == shared_cluster.pid()
    assert status.data_version == value(
        shared_cluster.url(), "select current_setting('server_version_num')::int / 10000"
    )
    assert status.size_bytes > 10_000_000
