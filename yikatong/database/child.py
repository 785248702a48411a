"""One supervised process: started, asked whether it is ready, noticed when it dies, ended with all it started."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from yikatong.database.leash import Leash, group_is_alive
from yikatong.database.readiness import Probe, check_probe, is_ready
from yikatong.database.waiting import wait_until

LOG_BYTES_MAX = 10_000_000
RESTART_AFTER_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY_AFTER_S = 10.0
KILLED_WITHIN_S = 10.0
# The child begins only when the leash has it: if the supervisor dies before, the read ends and nothing is left running.
GATE = 'read -r go && exec "$@" </dev/null'


@dataclass(frozen=True, slots=True)
class Service:
    """A process to keep alive. ``name`` also names its log; ``env`` is added to the supervisor's own environment.

    ``ready`` is a URL (``http://host:port/path``, ``tcp://host:port``) or a function without arguments.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Probe = None
    ready_within_s: float = 60

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", self.name):
            raise ValueError(f"a service's name is small letters, digits and hyphens, not {self.name!r}")
        check_probe(self.ready)


class State(StrEnum):
    """Where a child is in its life."""

    WAITING = "waiting"  # not started yet, or resting before the next start
    STARTING = "starting"  # runs, but did not say that it is ready
    READY = "ready"
    STOPPED = "stopped"


class Child:
    """A service and the process that presently serves it. ``look`` advances it; it never blocks for long."""

    def __init__(self, service: Service, *, log_folder: Path, leash: Leash) -> None:
        self.service = service
        self.state = State.WAITING
        self.restarts = 0
        self.log_file = log_folder / f"{service.name}.log"
        self._leash = leash
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._changed_at = time.monotonic()
        self._start_at = 0.0

    @property
    def pid(self) -> int | None:
        """The process (and process group) number, while there is one."""
        return None if self._process is None else self._process.pid

    @property
    def failures(self) -> int:
        """How often in a row it died or did not become ready."""
        return self._failures

    def launch(self) -> None:
        """Start it, its output appended to its log."""
        self._rotate_log()
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **self.service.env}
        with self.log_file.open("ab") as log:
            self.log_file.chmod(0o600)
            log.write(f"--- {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: starting {self.service.name}\n".encode())
            log.flush()
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", GATE, "sh", *self.service.argv],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        self._leash.hold(self._process.pid)
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died already; the next look says so
            self._process.stdin.write(b"go\n")
            self._process.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._enter(State.STARTING)

    def look(self) -> str | None:
        """Take note of what happened since the last look; a sentence for the console if something did."""
        now = time.monotonic()
        if self.state is State.WAITING and self.restarts and now >= self._start_at:
            self.launch()
        if self._process is None:
            return None
        code = self._process.poll()
        if code is not None:
            return self._rest(_how_it_ended(code))
        if self.state is State.STARTING:
            if is_ready(self.service.ready):
                self._enter(State.READY)
                return f"{self.service.name} is ready" if not self.restarts else f"{self.service.name} is ready again"
            if now > self._changed_at + self.service.ready_within_s:
                return self._rest(f"was not ready within {self.service.ready_within_s:g} s")
        elif self._failures and now > self._changed_at + STEADY_AFTER_S:
            self._failures = 0
        return None

    def end(self, *, grace_s: float, in_haste: Callable[[], bool]) -> None:
        """End it and everything it started: asked first, killed after ``grace_s`` or as soon as ``in_haste()``."""
        self._signal_group(signal.SIGTERM)
        wait_until(lambda: self._group_is_gone() or in_haste(), within_s=grace_s)
        self._clear()
        self._enter(State.STOPPED)

    def last_words(self, characters: int = 1500) -> str:
        """The end of its log."""
        return self.log_file.read_text(errors="replace")[-characters:] if self.log_file.is_file() else ""

    def _rest(self, why: str) -> str:
        self._clear()
        delay_s = RESTART_AFTER_S[min(self._failures, len(RESTART_AFTER_S) - 1)]
        self._failures += 1
        self.restarts += 1
        self._start_at = time.monotonic() + delay_s
        self._enter(State.WAITING)
        return f"{self.service.name} {why}; starting it again in {delay_s:g} s (log: {self.log_file})"

    def _clear(self) -> None:
        """Kill what is left of the group, so that a restart finds its port free."""
        self._signal_group(signal.SIGKILL)
        wait_until(self._group_is_gone, within_s=KILLED_WITHIN_S)
        if self._process is not None:
            self._leash.release(self._process.pid)
            self._process = None

    def _signal_group(self, signal_number: signal.Signals) -> None:
        if self._process is not None and not self._group_is_gone():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal_number)

    def _group_is_gone(self) -> bool:
        if self._process is None:
            return True
        if self._process.poll() is not None:
            with contextlib.suppress(
                ChildProcessError
            ):  # where this process is the container's first, orphans come to it
                while os.waitpid(-self._process.pid, os.WNOHANG)[0]:
                    pass
        return not group_is_alive(self._process.pid)

    def _enter(self, state: State) -> None:
        self.state = state
        self._changed_at = time.monotonic()

    def _rotate_log(self) -> None:
        if self.log_file.is_file() and self.log_file.stat().st_size > LOG_BYTES_MAX:
            self.log_file.rename(self.log_file.with_suffix(".log.1"))


def _how_it_ended(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
