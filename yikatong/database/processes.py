"""The supervisor behind ``yikatong up`` and ``yikatong demo``: several processes and the embedded database, kept alive.

It starts the database, then all services at once; restarts what dies; stops all in reverse order at ctrl-C; and should it be
killed itself, nothing that it started lives on (see ``leash``). It is for one machine of a developer or a demonstration:
production has systemd or Kubernetes.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import click

from yikatong.database.child import RESTART_AFTER_S, Child, Service, State
from yikatong.database.cluster import Cluster, ClusterError
from yikatong.database.leash import Leash
from yikatong.database.waiting import wait_until
from yikatong.foundation.errors import YikatongError

__all__ = ["Service", "Supervisor", "SupervisorError", "read_status"]

FIRST_STARTS_MAX = 3
LOOK_EVERY_S = 0.1  # while something is on its way
REST_EVERY_S = 0.5  # when all is well: how late the database's death is seen; a child's is seen at once
LEASH_WITHIN_S = 60
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SupervisorError(YikatongError):
    """A service does not come up, or another supervisor serves this home; the text says what to do."""


class Supervisor:
    """Keeps ``services`` and, if given, ``cluster`` alive until it is told to stop.

    Logs go to ``home/log/NAME.log``, process numbers to ``home/processes.json`` (see ``read_status``), events to ``echo``.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        home: Path,
        cluster: Cluster | None = None,
        echo: Callable[[str], object] = click.echo,
        grace_s: float = 10,
    ) -> None:
        names = [service.name for service in services]
        if len(set(names)) != len(names):
            raise ValueError(f"services need different names, not {names}")
        self._services = services
        self._home = home
        self._cluster = cluster
        self._echo = echo
        self._grace_s = grace_s
        self._children: list[Child] = []
        self._stops_asked = 0
        self._database_pid: int | None = None
        self._database_failures = 0
        self._database_start_at = 0.0
        self._wake_read: socket.socket | None = None
        self._wake_write: socket.socket | None = None
        self._written: dict[str, Any] = {}

    def run(self, *, on_ready: Callable[[], object] | None = None) -> None:
        """Bring everything up, call ``on_ready``, watch until SIGINT, SIGTERM or SIGHUP, and stop everything.

        Blocks; main thread only. A second signal skips the grace. Raises ``SupervisorError`` when a service does not come
        up at first, with the end of its log; everything is stopped by then.
        """
        with self._alone() as lock, self._signals():
            self._write_status()
            leash = Leash(lock=lock, grace_s=self._grace_s)
            try:
                self._bring_up(leash)
                if on_ready is not None and not self._stops_asked:
                    on_ready()
                while not self._stops_asked:
                    self._turn(leash)
            finally:
                try:
                    self._stop_all()
                finally:
                    leash.close()
                    self._status_file.unlink(missing_ok=True)

    def request_stop(self) -> None:
        """Have ``run`` stop everything and return; may be called from any thread."""
        self._stops_asked += 1
        if self._wake_write is not None:
            self._wake_write.send(b"!")

    @property
    def _status_file(self) -> Path:
        return self._home / "processes.json"

    def _bring_up(self, leash: Leash) -> None:
        if self._cluster is not None:
            leash.hold_database(self._cluster.data)
            self._cluster.start()
            self._database_pid = self._cluster.pid()
            self._echo(f"database is ready (pid {self._database_pid})")
        log_folder = self._home / "log"
        log_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for service in self._services:
            child = Child(service, log_folder=log_folder, leash=leash)
            self._children.append(child)
            child.launch()
        while not self._stops_asked and any(child.state is not State.READY for child in self._children):
            self._turn(leash)
            for child in self._children:
                if child.failures >= FIRST_STARTS_MAX:
                    raise SupervisorError(
                        f"{child.service.name} does not come up; the end of {child.log_file}:\n{child.last_words()}"
                    )

    def _turn(self, leash: Leash) -> None:
        """Look after everybody once, then sleep until a signal comes or it is time to look again."""
        self._look_at_database()
        for child in self._children:
            said = child.look()
            if said:
                self._echo(said)
        leash.keep()
        self._write_status()
        is_calm = self._database_failures == 0 and all(child.state is State.READY for child in self._children)
        self._sleep(REST_EVERY_S if is_calm else LOOK_EVERY_S)

    def _look_at_database(self) -> None:
        if self._cluster is None or time.monotonic() < self._database_start_at:
            return
        pid = self._cluster.pid()
        if pid is None:
            self._echo("database is gone; starting it again")
            try:
                self._cluster.start()
            except ClusterError as error:
                delay_s = RESTART_AFTER_S[min(self._database_failures, len(RESTART_AFTER_S) - 1)]
                self._database_failures += 1
                self._database_start_at = time.monotonic() + delay_s
                self._echo(f"database did not start, trying again in {delay_s:g} s: {error}")
                return
            pid = self._cluster.pid()
            self._echo(f"database is ready again (pid {pid})")
        self._database_failures = 0
        self._database_pid = pid

    def _stop_all(self) -> None:
        for child in reversed(self._children):
            if child.pid is not None:
                self._echo(f"stopping {child.service.name}")
            child.end(grace_s=self._grace_s, in_haste=lambda: self._stops_asked > 1)
        if self._cluster is not None:
            self._echo("stopping database")
            self._cluster.stop()

    def _write_status(self) -> None:
        status = {
            "supervisor": os.getpid(),
            "database": self._database_pid,
            "services": {
                child.service.name: {"pid": child.pid, "state": child.state.value, "restarts": child.restarts}
                for child in self._children
            },
        }
        if status != self._written:
            fresh = self._status_file.with_suffix(".json.new")
            fresh.write_text(json.dumps(status, indent=1) + "\n")
            fresh.rename(self._status_file)
            self._written = status

    def _sleep(self, at_most_s: float) -> None:
        assert self._wake_read is not None
        self._wake_read.settimeout(at_most_s)
        with contextlib.suppress(TimeoutError):
            self._wake_read.recv(4096)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[int]:
        """One supervisor per home; after a killed one, wait until its leash has ended what it left behind."""
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._home / "processes.lock").open("a") as file:
            if not wait_until(
                lambda: _lock(file.fileno()) or self._other_supervisor() is not None, within_s=LEASH_WITHIN_S
            ):
                raise SupervisorError(f"processes of a killed supervisor still run in {self._home}; end them first")
            if not _lock(file.fileno()):
                raise SupervisorError(
                    f"another Yikatong (pid {self._other_supervisor()}) runs in {self._home}: stop it, or choose another "
                    f"YIKATONG_HOME"
                )
            yield file.fileno()

    def _other_supervisor(self) -> int | None:
        status = read_status(self._home)
        if status is None:
            return None
        pid = int(status["supervisor"])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        return pid

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Let signals, also a child's death, end the sleep; put everything back afterwards."""

        def ask(number: int, frame: FrameType | None) -> None:
            self._stops_asked += 1

        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_write.setblocking(False)
        before_fd = signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        before = {number: signal.signal(number, ask) for number in STOP_SIGNALS}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda number, frame: None)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before_fd)
            self._wake_read.close()
            self._wake_write.close()
            self._wake_read = self._wake_write = None


def _lock(number: int) -> bool:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_status(home: Path) -> dict[str, Any] | None:
    """Who runs in ``home``: ``{"supervisor": pid, "database": pid, "services": {name: {"pid", "state", "restarts"}}}``.

    ``None`` when nothing was started, or all was stopped. After a supervisor was killed it still says what was.
    """
    try:
        status: dict[str, Any] = json.loads((home / "processes.json").read_text())
    except FileNotFoundError:
        return None
    return status
