"""The whole platform as a newcomer starts it, for journeys: the demo command, its processes, and eyes on its database."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from yikatong.database.cluster import Cluster

START_WITHIN_S = 180
STEP_WITHIN_S = 60
PERSONS = 3000
PREPARED = "yikatong-test-prepared-"


def free_port() -> int:
    """A port nobody listens on now."""
    with contextlib.closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def wait_for[T](what: Callable[[], T | None], *, within_s: float = STEP_WITHIN_S, why: str = "") -> T:
    """The first value of ``what`` that is true; fails with ``why``."""
    deadline = time.monotonic() + within_s
    while not (found := what()):
        assert time.monotonic() < deadline, f"waited {within_s} s for {why or what}"
        time.sleep(0.1)
    return found


@dataclass
class Stack:
    """A running demo."""

    home: Path
    web: str
    gateway: str
    process: subprocess.Popen[str]
    printed: str
    _looking: psycopg.Connection[tuple[Any, ...]] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What commands against this platform need."""
        return stack_environment(self.home)

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``yikatong …`` as an operator would."""
        return self._run([sys.executable, "-m", "yikatong.config", *arguments], check=check)

    def terminal(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``yikatong-terminal …`` as a venue would; the exit code is part of the answer."""
        return self._run([sys.executable, "-m", "yikatong.terminal.cli", *arguments], check=False)

    def _run(self, command: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        finished = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert not check or finished.returncode == 0, f"{command}\n{finished.stdout}\n{finished.stderr}"
        return finished

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Look at the database; by one connection, since tests ask many times, and a new one when that is gone."""
        if self._looking is None or self._looking.closed:
            self._looking = psycopg.connect(Cluster.for_home(self.home).url(), autocommit=True)
        return self._looking.execute(statement, parameters).fetchall()

    def close(self) -> None:
        """Leave the database."""
        if self._looking is not None:
            self._looking.close()

    def pids(self) -> dict[str, int]:
        """The process numbers of web, gateway, worker and database, as the supervisor knows them."""
        status = json.loads((self.home / "processes.json").read_text())
        found = {name: service["pid"] for name, service in status["services"].items() if service["pid"]}
        return found | ({"database": status["database"]} if status.get("database") else {})

    def resident(self) -> tuple[str, str]:
        """The demo resident's phone and the end of the identity number."""
        match = re.search(r"phone (\d+), identity number ends (\w+);", self.printed)
        assert match, self.printed
        return match[1], match[2]

    def staff(self, role: str, *, user: str = "") -> tuple[str, str]:
        """User name and password of a role's first account, or of the one named."""
        match = re.search(rf"^ +{role} +({user or r'\S+'}) / (\S+) ", self.printed, re.MULTILINE)
        assert match, self.printed
        return match[1], match[2]

    def stop(self) -> str:
        """Ctrl-C; what it printed last."""
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=60)
        return rest


def stack_environment(home: Path) -> dict[str, str]:
    """The environment of a fresh installation in ``home``."""
    dropped = {"DATABASE_URL", "YIKATONG_KEYS", "YIKATONG_ENV", "DJANGO_SETTINGS_MODULE"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    gathered = Path(tempfile.gettempdir()) / "yikatong-test-static"  # compressing takes seconds: once for all of them
    return kept | {"YIKATONG_HOME": str(home), "YIKATONG_STATIC": str(gathered), "PYTHONUNBUFFERED": "1"}


@contextlib.contextmanager
def prepared_stack(home: Path, *, has_desk: bool = False) -> Iterator[Stack]:
    """A demo that was started once before in this test run: its folder is a copy of the first one's, and starts sooner.

    With ``has_desk`` there is the clerk's card reader and its program. The first is left when its plan is drafted, so that no
    copy spends its first minute on that.
    """
    folder = _prepared_folder()
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes of the run wait for the one that prepares
        if not (folder / "home").is_dir():
            with running_stack(folder / "making") as stack:
                drafted = "select true from campaign_campaign where state = 'planned'"
                wait_for(lambda: stack.query(drafted), within_s=START_WITHIN_S, why="the worker to draft the plan")
                stack.stop()
            (folder / "making").rename(folder / "home")
    subprocess.run(["cp", "-a", folder / "home", home], check=True)
    with running_stack(home, has_desk=has_desk) as stack:
        yield stack


def drop_prepared() -> None:
    """Remove what ``prepared_stack`` keeps for a test run; at its end, in the process that began it."""
    shutil.rmtree(_prepared_folder(), ignore_errors=True)


def _prepared_folder() -> Path:
    """One per test run: its processes inherit the home that ``tests.environment`` made for the first of them."""
    return Path(tempfile.gettempdir()) / f"{PREPARED}{Path(os.environ['YIKATONG_TEST_HOME']).name}"


@contextlib.contextmanager
def running_stack(home: Path, *, persons: int = PERSONS, has_desk: bool = True) -> Iterator[Stack]:
    """Start the demo in ``home``, wait until it says it is up, and stop it at the end."""
    web_port, gateway_port = free_port(), free_port()
    command = [sys.executable, "-m", "yikatong.config", "demo", "--persons", str(persons)]
    ports = ["--web-port", str(web_port), "--gateway-port", str(gateway_port), "--agent-port", str(free_port())]
    process = subprocess.Popen(
        [*command, *ports, "--desk" if has_desk else "--no-desk"],
        env=stack_environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed = ""
    assert process.stdout is not None
    deadline = time.monotonic() + START_WITHIN_S
    try:
        for line in process.stdout:
            printed += line
            if "Ctrl-C stops everything" in line:
                break
            assert time.monotonic() < deadline, printed
        assert "Ctrl-C stops everything" in printed, printed
        stack = Stack(home, f"http://127.0.0.1:{web_port}", f"http://127.0.0.1:{gateway_port}", process, printed)
        try:
            with contextlib.closing(stack):
                yield stack
        except BaseException:
            for log in sorted((home / "log").glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}")
            raise
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=60)
        if process.poll() is None:
            process.kill()
