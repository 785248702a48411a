"""Which processes serve a data folder, dead postmaster or not, and how the last of them is known to be gone.

PostgreSQL's own pid file cannot tell a crashed server from another process that later got its number, or from a
zombie that nobody collected. So a live postmaster is one that runs PostgreSQL's program, as the server's user, with
the data folder as its working folder. And a lock that the server's processes inherit (``HoldLock``) is free only when
the last of them has ended, even those in another container that shares the folder.
"""

import contextlib
import fcntl
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from yikatong.database.server_user import ServerUser
from yikatong.database.waiting import wait_until

PROGRAM = "postgres"
PROCESSES = Path("/proc")


def postmaster_pid(data: Path, user: ServerUser) -> int | None:
    """The running postmaster's process number, or ``None``: what the pid file names must also serve these data."""
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
    except (OSError, IndexError, ValueError):
        return None
    return pid if _serves(pid, data.resolve(), user) else None


def server_processes(data: Path, user: ServerUser) -> set[int]:
    """The postmaster and its children, also those it left behind when it was killed. Empty where there is no /proc."""
    if not PROCESSES.is_dir():
        return set()
    folder = data.resolve()
    numbers = (int(entry.name) for entry in PROCESSES.iterdir() if entry.name.isdigit())
    return {pid for pid in numbers if _serves(pid, folder, user)}


def end_processes(data: Path, user: ServerUser, *, patience_s: float) -> bool:
    """End what a dead postmaster left behind, as it would have done itself; ``True`` when nothing is left.

    SIGQUIT makes a server process leave at once without touching the data; who does not within ``patience_s`` is
    killed. Either way the next start recovers from the write-ahead log.
    """
    for signal_number in (signal.SIGQUIT, signal.SIGKILL):
        for pid in server_processes(data, user):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_number)
        if wait_until(lambda: not server_processes(data, user), within_s=patience_s):
            return True
    return False


class HoldLock:
    """A file lock that a started server keeps, because each of its processes inherits the open file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def taken(self, *, within_s: float) -> Iterator[int | None]:
        """The open, locked file's number, to be passed on to the server; ``None`` when a process still holds it."""
        with self.path.open("a") as file:
            if wait_until(lambda: self._try(file.fileno()), within_s=within_s):
                yield file.fileno()
            else:
                yield None

    def is_free(self) -> bool:
        """Whether the last process of the server has ended. Ask only where no start can happen meanwhile."""
        with self.path.open("a") as file:
            return self._try(file.fileno())

    @staticmethod
    def _try(number: int) -> bool:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _serves(pid: int, folder: Path, user: ServerUser) -> bool:
    if not PROCESSES.is_dir():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
    entry = PROCESSES / str(pid)
    try:
        is_postgres = (entry / "exe").readlink().name.removesuffix(" (deleted)") == PROGRAM
        return is_postgres and entry.stat().st_uid == user.uid and (entry / "cwd").readlink() == folder
    except OSError:  # gone, a zombie, or another user's
        return False
