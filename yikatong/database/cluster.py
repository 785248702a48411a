"""One embedded PostgreSQL server per home folder: made, started, found running, stopped.

It listens on a Unix socket in a folder that only its owner may enter, never on the network, so it needs no password.
Starting is safe to repeat: a running server is found, a stale pid file is removed, and after a crash the start waits until
the dead server's children have let go of the data. Not for production: there ``DATABASE_URL`` names a real server.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from yikatong.database.binaries import (
    STATE_OF_ROOT,
    RunAs,
    find_binaries,
    is_open_to_others,
    major_version,
    server_user,
)
from yikatong.foundation.errors import YikatongError

SUPERUSER = "yikatong"
SOCKET_NAME_LENGTH_MAX = 107
START_WITHIN_S = 60
POLL_EVERY_S = 0.05

SETTINGS = {
    "listen_addresses": "''",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "max_connections": "200",
    "shared_buffers": "'256MB'",
    "maintenance_work_mem": "'128MB'",
    "max_wal_size": "'2GB'",
    "random_page_cost": "1.1",
    "log_line_prefix": "'%m [%p] '",
    "log_statement": "'none'",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
}
UNSAFE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class ClusterError(YikatongError):
    """The embedded server cannot do what was asked; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Status:
    """What ``yikatong db status`` shows. ``pid`` is ``None`` when the server is stopped."""

    data: Path
    socket_folder: Path
    pid: int | None
    data_version: int | None


class Cluster:
    """The embedded server whose data lie in ``data``."""

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self.data = data
        self.durable = durable
        self._run_as: RunAs = server_user()
        self._lock_file = data.with_name(data.name + ".lock")
        self.log_file = data.with_name(data.name + ".log")

    @classmethod
    def for_home(cls, home: Path) -> "Cluster":
        """The server of a home folder: inside it, or for root, where ``nobody`` cannot enter it, below /var/lib."""
        if os.geteuid() == 0 and not is_open_to_others(home):
            mark = hashlib.sha256(str(home).encode()).hexdigest()[:12]
            return cls(STATE_OF_ROOT / mark / "postgres")
        return cls(home / "postgres")

    @property
    def socket_folder(self) -> Path:
        """Beside the data, or in the temporary folder where that path is too long for a socket's address."""
        beside = self.data.with_name(self.data.name + ".run")
        if len(str(beside)) + len("/.s.PGSQL.5432.lock") <= SOCKET_NAME_LENGTH_MAX:
            return beside
        mark = hashlib.sha256(str(self.data).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"yikatong-{mark}"

    def url(self, database: str = "yikatong") -> str:
        """The libpq address of one of its databases."""
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self.socket_folder), safe='')}"

    def start(self, database: str = "yikatong") -> str:
        """Start it unless it runs, make ``database`` if it is missing, and return the address. Raises ``ClusterError``."""
        binaries = find_binaries()
        self._make_folder(self.data.parent)
        with self._locked():
            self._make_data(binaries)
            if not self._answers():
                self._clear_leftovers()
                self._launch(binaries)
        self.create_database(database)
        return self.url(database)

    def stop(self, *, immediately: bool = False) -> bool:
        """Stop it and wait until it is gone; ``False`` when it was not running."""
        if not self.data.is_dir():
            return False
        with self._locked():
            if self.pid() is None:
                return False
            mode = "immediate" if immediately else "fast"
            self._pg_ctl(find_binaries(), "stop", "-m", mode, "-w", "-t", str(START_WITHIN_S))
            return True

    def status(self) -> Status:
        """Where it is and whether it runs."""
        version_file = self.data / "PG_VERSION"
        version = int(version_file.read_text()) if version_file.is_file() else None
        return Status(self.data, self.socket_folder, self.pid(), version)

    def pid(self) -> int | None:
        """The running postmaster's process number: its pid file names a live process that works in these data."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, NotADirectoryError, IndexError, ValueError):
            return None
        return pid if pid in self._processes() else None

    def create_database(self, name: str) -> None:
        """Make a database unless it is there."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                return
            with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(mode=0o711, parents=True, exist_ok=True)
            if os.geteuid() == 0 and folder.is_relative_to(STATE_OF_ROOT):
                for part in (folder, STATE_OF_ROOT):
                    part.chmod(0o711)

    def _make_private(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        self._run_as.own(folder)
        if folder.stat().st_uid not in {os.geteuid(), self._run_as.uid}:
            raise ClusterError(f"{folder} belongs to another user; remove it or choose another YIKATONG_HOME")

    def _make_data(self, binaries: Path) -> None:
        version_file = self.data / "PG_VERSION"
        if version_file.is_file():
            made_by, have = int(version_file.read_text()), major_version(binaries)
            if made_by != have:
                raise ClusterError(
                    f"the data in {self.data} are of PostgreSQL {made_by}, the binaries in {binaries} of {have}: "
                    f"point YIKATONG_PG_BIN at PostgreSQL {made_by}, make a backup (yikatong db backup FILE), move the "
                    f"data away, and restore it with the new binaries"
                )
            return
        if self.data.exists():
            shutil.rmtree(self.data)  # an initdb that was interrupted: it never held anything
        fresh = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        self._make_private(fresh)
        command = [binaries / "initdb", "-D", fresh, "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "-A", "trust"]
        made = self._run([*command, *([] if self.durable else ["--no-sync"])])
        if made.returncode != 0:
            raise ClusterError(f"initdb failed in {fresh}:\n{made.stdout}")
        with (fresh / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in self._settings().items())
        fresh.rename(self.data)

    def _settings(self) -> dict[str, str]:
        return SETTINGS if self.durable else SETTINGS | UNSAFE_SETTINGS

    def _launch(self, binaries: Path) -> None:
        self._make_private(self.socket_folder)
        if not self.log_file.exists():
            self.log_file.touch(mode=0o600)
        self._run_as.own(self.log_file)
        options = f"-c unix_socket_directories='{self.socket_folder}' -c unix_socket_permissions=0700"
        self._pg_ctl(binaries, "start", "-w", "-t", str(START_WITHIN_S), "-l", str(self.log_file), "-o", options)
        if not self._wait(self._answers):
            raise ClusterError(f"PostgreSQL started but does not answer; see {self.log_file}")

    def _clear_leftovers(self) -> None:
        """After a crash: end the dead postmaster's children, and remove a pid file that names no server of ours."""
        postmaster = self.pid()
        if postmaster is not None and self._wait(lambda: self._answers() or self.pid() is None, within_s=30):
            if self._answers():
                return
        elif postmaster is not None:
            raise ClusterError(f"the server {postmaster} of {self.data} does not answer; see {self.log_file}")
        for child in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGQUIT)
        if not self._wait(lambda: not self._processes()):
            raise ClusterError(f"processes {sorted(self._processes())} of a crashed server still hold {self.data}")
        for leftover in (self.data / "postmaster.pid", *self.socket_folder.glob(".s.PGSQL.*")):
            leftover.unlink(missing_ok=True)  # a zombie still owns its number, so PostgreSQL would believe the file

    def _processes(self) -> set[int]:
        """The processes whose working folder is the data folder: PostgreSQL's postmaster and its children."""
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if (entry / "cwd").readlink() == self.data.resolve() and (entry / "cmdline").read_bytes():
                        found.add(int(entry.name))
        return found

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=5) as connection:
                folder = connection.execute("show data_directory").fetchone()
                return folder is not None and Path(folder[0]).resolve() == self.data.resolve()
        except psycopg.OperationalError:
            return False

    def _pg_ctl(self, binaries: Path, *arguments: str) -> None:
        finished = self._run([binaries / "pg_ctl", "-D", self.data, *arguments])
        if finished.returncode != 0:
            log = self.log_file.read_text(errors="replace")[-2000:] if self.log_file.exists() else ""
            raise ClusterError(f"pg_ctl {arguments[0]} failed:\n{finished.stdout}\n{log}")

    def _run(self, command: list[str | Path]) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        environment |= {"LC_ALL": "C", "TZ": "UTC"}
        with tempfile.TemporaryFile("w+") as output:  # the server inherits it: a pipe would never reach its end
            finished = subprocess.run(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd="/",
                start_new_session=True,
                check=False,
                **self._run_as.subprocess_arguments,
            )
            output.seek(0)
            return subprocess.CompletedProcess(finished.args, finished.returncode, output.read())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock_file.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @staticmethod
    def _wait(condition: Callable[[], bool], *, within_s: float = START_WITHIN_S) -> bool:
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_EVERY_S)
        return True
