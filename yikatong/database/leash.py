"""A second process that ends the supervisor's children should the supervisor itself be killed.

Nothing runs in a process that gets SIGKILL, so somebody else must notice. The leash reads lines from a pipe whose other end
only the supervisor holds: ``+GROUP`` and ``-GROUP`` as process groups come and go, ``database PATH`` for a server to stop.
When the pipe ends, however that came, what is still on the leash is ended. A signal that Linux sends at a parent's death
would reach only direct children, not a web server's workers.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from yikatong.database.waiting import wait_until


class Leash:
    """The supervisor's end of the pipe.

    ``lock`` is an open, locked file that the leash keeps open too, so that the lock lasts until it has done its work.
    """

    def __init__(self, *, lock: int, grace_s: float) -> None:
        self._lock = lock
        self._grace_s = grace_s
        self._lines: dict[str, None] = {}
        self._process = self._spawn()

    def hold(self, group: int) -> None:
        """Put a process group on the leash; returns when the pipe has it, which outlives the supervisor."""
        self._lines[f"+{group}"] = None
        self._say(f"+{group}")

    def release(self, group: int) -> None:
        """Take an ended process group off it, before its number can belong to another."""
        self._lines.pop(f"+{group}", None)
        self._say(f"-{group}")

    def hold_database(self, data: Path) -> None:
        """Have the server with these data stopped at the end."""
        self._lines[f"database {data}"] = None
        self._say(f"database {data}")

    def keep(self) -> None:
        """Put up a new one if it was killed."""
        if self._process.poll() is not None:
            self._drop()
            self._process = self._spawn()
            for line in self._lines:
                self._say(line)

    def close(self) -> None:
        """End it and wait: what is still on it is ended first."""
        self._drop()
        self._process.wait()

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "yikatong.database.leash", str(self._grace_s)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(self._lock,), start_new_session=True)

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # keep() notices
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()

    def _drop(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()


def group_is_alive(group: int) -> bool:
    """Whether any process of the group exists."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group of zombies
        return False
    return True


def _end_groups(groups: Iterable[int], *, grace_s: float) -> None:
    """Ask process groups to end, and kill those that still exist after ``grace_s``."""
    left = set(groups)

    def are_gone() -> bool:
        return not any(group_is_alive(group) for group in left)

    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        for group in left:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal_number)
        if wait_until(are_gone, within_s=grace_s):
            return


def _main() -> None:
    grace_s = float(sys.argv[1])
    groups: set[int] = set()
    data: Path | None = None
    for raw in sys.stdin.buffer:
        line = raw.decode().rstrip("\n")
        if line.startswith("+"):
            groups.add(int(line[1:]))
        elif line.startswith("-"):
            groups.discard(int(line[1:]))
        else:
            data = Path(line.removeprefix("database "))
    _end_groups(groups, grace_s=grace_s)
    if data is not None:
        from yikatong.database.cluster import Cluster

        Cluster(data).stop()


if __name__ == "__main__":
    _main()
