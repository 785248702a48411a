"""The supervisor with real processes: it restarts what is killed, and whatever ends it, nothing outlives it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from yikatong.database import child as child_module
from yikatong.database.child import GATE, Service
from yikatong.database.cluster import Cluster
from yikatong.database.processes import Supervisor, read_status
from yikatong.database.readiness import is_ready
from yikatong.database.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_S = 30
SUPERVISE = """
import json, sys
from pathlib import Path
from yikatong.database.cluster import Cluster
from yikatong.database.processes import Service, Supervisor
from yikatong.foundation.errors import YikatongError
plan = json.loads(sys.argv[1])
cluster = Cluster(Path(plan["cluster"]), durable=False) if plan["cluster"] else None
services = [Service(**service) for service in plan["services"]]
say = lambda line: print(line, flush=True)
try:
    Supervisor(services, home=Path(plan["home"]), cluster=cluster, echo=say, grace_s=plan["grace_s"]).run(
        on_ready=lambda: say("all up"))
except YikatongError as error:
    sys.exit(str(error))
"""
WEB = """
import http.server, subprocess, sys
from pathlib import Path
helper = subprocess.Popen(["sleep", "1000"])
Path(sys.argv[2]).write_text(str(helper.pid))
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
STUBBORN = "trap '' TERM; while :; do sleep 1; done"


class Console:
    """A running supervisor and what it said so far."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.home = Path(plan["home"])
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, json.dumps(plan)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(line.rstrip("\n") for line in iter(self.process.stdout.readline, ""))

    def said(self, pattern: str, *, times: int = 1) -> bool:
        def is_said() -> bool:
            return sum(re.search(pattern, line) is not None for line in list(self.lines)) >= times

        return wait_until(is_said, within_s=PATIENCE_S)

    def pid_of(self, service: str) -> int:
        status = read_status(self.home)
        assert status is not None
        return int(status["services"][service]["pid"])

    def state_of(self, service: str) -> str:
        status = read_status(self.home)
        assert status is not None
        return str(status["services"][service]["state"])

    def send(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


type Supervise = Callable[..., Console]


@pytest.fixture
def supervise(folder: Path) -> Iterator[Supervise]:
    started: list[Console] = []

    def begin(*services: dict[str, Any], database: bool = False, grace_s: float = 10) -> Console:
        plan = {
            "home": str(folder / "home"),
            "cluster": str(folder / "postgres") if database else None,
            "services": services,
            "grace_s": grace_s,
        }
        started.append(Console(plan))
        return started[-1]

    yield begin
    for console in started:
        console.close()
    Cluster(folder / "postgres", durable=False).stop(immediately=True)


@pytest.fixture
def web(folder: Path) -> dict[str, Any]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    argv = [sys.executable, "-c", WEB, str(port), str(folder / "helper")]
    return {"name": "web", "argv": argv, "ready": f"http://127.0.0.1:{port}/"}


WORKER = {"name": "worker", "argv": ["sleep", "1000"]}


def exists(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it may end while the file is read
        return False


def gone(*pids: int) -> bool:
    return wait_until(lambda: not any(exists(pid) for pid in pids), within_s=PATIENCE_S)


def test_up_all_at_once_down_in_reverse(supervise: Supervise, web: dict[str, Any], folder: Path) -> None:
    console = supervise(web, WORKER, database=True)
    assert console.said("all up")
    status = read_status(console.home)
    assert status is not None
    assert status["supervisor"] == console.process.pid
    assert status["database"] == Cluster(folder / "postgres").pid()
    assert {name: service["state"] for name, service in status["services"].items()} == {
        "web": "ready",
        "worker": "ready",
    }
    children = [console.pid_of("web"), console.pid_of("worker"), int((folder / "helper").read_text())]
    assert all(exists(pid) for pid in children)
    assert console.send(signal.SIGINT) == 0
    console.close()
    said = [re.sub(r" \(pid \d+\)", "", line) for line in console.lines]
    assert [*said[:1], *sorted(said[1:3]), *said[3:]] == [
        "database is ready",
        "web is ready",
        "worker is ready",
        "all up",
        "stopping worker",
        "stopping web",
        "stopping database",
    ]
    assert not any(exists(pid) for pid in children)
    assert Cluster(folder / "postgres").pid() is None
    assert read_status(console.home) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_ways_to_ask_for_the_end(supervise: Supervise, number: signal.Signals) -> None:
    console = supervise(WORKER)
    assert console.said("all up")
    worker = console.pid_of("worker")
    assert console.send(number) == 0
    assert not exists(worker)


def test_a_killed_child_comes_back_on_its_port(supervise: Supervise, web: dict[str, Any], folder: Path) -> None:
    console = supervise(web, WORKER)
    assert console.said("all up")
    worker = console.pid_of("worker")
    for delay, times in (("0.2", 1), ("0.5", 2)):
        killed, helper = console.pid_of("web"), int((folder / "helper").read_text())
        os.kill(killed, signal.SIGKILL)
        assert console.said(rf"web was ended by signal 9; starting it again in {delay} s \(log: .*/log/web.log\)")
        assert console.said("web is ready again", times=times)
        assert gone(helper), "what the killed process had started holds its port"
        assert wait_until(lambda: console.state_of("web") == "ready", within_s=PATIENCE_S)
        assert console.pid_of("web") != killed
    assert console.pid_of("worker") == worker
    log = console.home / "log" / "web.log"
    assert log.read_text().count("UTC: starting web\n") == 3
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_killed_database_comes_back(supervise: Supervise, folder: Path) -> None:
    console = supervise(WORKER, database=True)
    assert console.said("all up")
    cluster = Cluster(folder / "postgres", durable=False)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("create table kept as select 1 as one")
    killed = cluster.pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    assert console.said(r"database is ready again \(pid \d+\)")
    with psycopg.connect(cluster.url()) as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)
    assert wait_until(lambda: read_status(console.home)["database"] == cluster.pid(), within_s=PATIENCE_S)
    assert console.send(signal.SIGINT) == 0


@pytest.mark.parametrize("leash_dies_first", [False, True])
def test_nothing_outlives_a_killed_supervisor(
    supervise: Supervise, web: dict[str, Any], folder: Path, leash_dies_first: bool
) -> None:
    stubborn = {"name": "stubborn", "argv": ["sh", "-c", STUBBORN]}
    console = supervise(web, stubborn, database=True, grace_s=0.5)
    assert console.said("all up")
    postmaster = Cluster(folder / "postgres").pid()
    assert postmaster is not None
    pids = [console.pid_of("web"), console.pid_of("stubborn"), int((folder / "helper").read_text()), postmaster]
    if leash_dies_first:
        [leash] = leashes_of(console.process.pid)
        os.kill(leash, signal.SIGKILL)
        assert wait_until(lambda: leashes_of(console.process.pid) not in ([], [leash]), within_s=PATIENCE_S)
    console.process.kill()
    console.process.wait()
    assert gone(*pids)


def leashes_of(supervisor: int) -> list[int]:
    found = []
    for child in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        if exists(int(child)) and b"yikatong.database.leash" in Path(f"/proc/{child}/cmdline").read_bytes():
            found.append(int(child))
    return found


def test_a_new_supervisor_waits_for_what_a_killed_one_left(supervise: Supervise) -> None:
    stubborn = {"name": "stubborn", "argv": ["sh", "-c", STUBBORN]}
    first = supervise(stubborn, grace_s=2)
    assert first.said("all up")
    left = first.pid_of("stubborn")
    first.process.kill()
    first.process.wait()
    second = supervise(stubborn, grace_s=2)
    assert second.said("all up")
    assert not exists(left)
    assert second.pid_of("stubborn") != left


def test_one_supervisor_per_home(supervise: Supervise) -> None:
    first = supervise(WORKER)
    assert first.said("all up")
    second = supervise(WORKER)
    assert second.process.wait(PATIENCE_S) == 1
    second.close()
    assert second.lines == [
        f"another Yikatong (pid {first.process.pid}) runs in {first.home}: stop it, or choose another YIKATONG_HOME"
    ]
    assert exists(first.pid_of("worker"))


@pytest.mark.parametrize("times", [1, 2])
def test_who_does_not_listen_is_killed(supervise: Supervise, times: int) -> None:
    """After the grace, or at once when the operator asks a second time."""
    stubborn = {"name": "stubborn", "argv": ["sh", "-c", STUBBORN]}
    console = supervise(stubborn, grace_s=1 if times == 1 else 3600)
    assert console.said("all up")
    pid = console.pid_of("stubborn")
    console.process.send_signal(signal.SIGINT)
    assert console.said("stopping stubborn")
    if times == 2:
        console.process.send_signal(signal.SIGINT)
    assert console.process.wait(PATIENCE_S) == 0
    assert not exists(pid)


@pytest.mark.parametrize(
    ("argv", "ready", "words"),
    [
        (["sh", "-c", "echo no route to the city; exit 7"], None, "no route to the city"),
        (["/no/such/program"], None, "not found"),
        (["sleep", "1000"], "tcp://127.0.0.1:1", "starting broken"),
    ],
    ids=["exits", "is missing", "never ready"],
)
def test_who_does_not_come_up_is_explained(
    supervise: Supervise, argv: list[str], ready: str | None, words: str
) -> None:
    broken = {"name": "broken", "argv": argv, "ready": ready or "tcp://127.0.0.1:1", "ready_within_s": 0.5}
    console = supervise(WORKER, broken)
    assert console.process.wait(PATIENCE_S) == 1
    console.close()
    said = "\n".join(console.lines)
    assert "broken does not come up; the end of" in said
    assert words in said
    assert "stopping worker" in said
    assert "all up" not in said
    assert read_status(console.home) is None


def test_a_child_whose_supervisor_died_before_it_was_on_the_leash_never_begins(tmp_path: Path) -> None:
    gate = ["/bin/sh", "-c", GATE, "sh", "touch", str(tmp_path / "begun")]
    subprocess.run(gate, stdin=subprocess.DEVNULL, check=False)
    assert not (tmp_path / "begun").exists()
    subprocess.run(gate, input=b"go\n", check=True)
    assert (tmp_path / "begun").exists()


def test_a_long_log_is_put_aside_at_a_start(
    supervise: Supervise, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = folder / "home" / "log" / "worker.log"
    log.parent.mkdir(parents=True)
    with log.open("wb") as file:
        file.truncate(child_module.LOG_BYTES_MAX + 1)
    console = supervise(WORKER)
    assert console.said("all up")
    assert log.stat().st_size < 1000
    assert log.with_suffix(".log.1").stat().st_size > child_module.LOG_BYTES_MAX


class Answer(BaseHTTPRequestHandler):
    """Answers with the status that the path names, and with 503 to a path without its query."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.removeprefix("/").partition("?")[0]) if "?" in self.path else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        ("http://127.0.0.1:{port}/200?deep=1", True),
        ("http://127.0.0.1:{port}/302?deep=1", True),
        ("http://127.0.0.1:{port}/404?deep=1", False),
        ("http://127.0.0.1:{port}/200", False),
        ("tcp://127.0.0.1:{port}", True),
        ("http://127.0.0.1:{closed}/200?deep=1", False),
        ("tcp://127.0.0.1:{closed}", False),
        (None, True),
        (lambda: True, True),
        (lambda: False, False),
    ],
)
def test_readiness_is_asked(probe: Any, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # must not come between
    with socket.create_server(("127.0.0.1", 0)) as unused:
        closed = unused.getsockname()[1]
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        answering = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        answering.start()
        if isinstance(probe, str):
            probe = probe.format(port=server.server_port, closed=closed)
        try:
            assert is_ready(probe) is expected
        finally:
            server.shutdown()
            answering.join()


@pytest.mark.parametrize("ready", ["ftp://127.0.0.1:21", "http://127.0.0.1", "127.0.0.1:80"])
def test_a_probe_that_cannot_be_asked_is_refused(ready: str) -> None:
    with pytest.raises(ValueError, match="readiness is asked at"):
        Service("web", ["true"], ready=ready)


def test_names_must_be_fit_for_files_and_different(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="small letters"):
        Service("../web", ["true"])
    with pytest.raises(ValueError, match="different names"):
        Supervisor([Service("web", ["true"]), Service("web", ["true"])], home=tmp_path)
