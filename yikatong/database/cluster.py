"""One embedded PostgreSQL server per home folder: made, started, found running, recovered, stopped.

It listens on a Unix socket in a folder that only its owner may enter, never on the network, so it needs neither a
port nor a password, and its address is known before it was ever started. Starting is safe to repeat and to do at the
same time: a running server is found, a stale pid file is removed, and after a crash the dead server's children are
ended first. Not for production: there ``DATABASE_URL`` names a server that somebody looks after.
"""

import contextlib
import fcntl
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.pq import PGconn, Ping

from yikatong.database.binaries import find_binaries, version_of
from yikatong.database.postmaster import HoldLock, end_processes, postmaster_pid, server_processes
from yikatong.database.server_settings import CLIENT_AUTHENTICATION, as_file, machine_memory_bytes, settings
from yikatong.database.server_user import STATE_OF_ROOT, server_user
from yikatong.database.waiting import wait_until
from yikatong.foundation.errors import YikatongError

SUPERUSER = "yikatong"
PORT = 5432  # only part of the socket's name
SOCKET_PATH_LENGTH_MAX = 107  # Source: unix(7), sun_path
START_WITHIN_S = 300  # recovery after a crash replays up to max_wal_size
STOP_WITHIN_S = 120
ORPHAN_PATIENCE_S = 10
UNFIT_FOR_PG_CTL = set("\"$`\\'\n")  # pg_ctl hands paths to a shell between double quotes


class ClusterError(YikatongError):
    """The embedded server cannot do what was asked; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Status:
    """What ``yikatong db status`` shows. ``pid`` is ``None`` when the server is stopped, sizes are bytes."""

    data: Path
    socket_folder: Path
    pid: int | None
    data_version: int | None
    size_bytes: int


class Cluster:
    """The embedded server whose data lie in ``data``; its locks, socket, settings and log lie beside them.

    ``durable=False`` is for tests: it gives up safety against power failure for speed.
    """

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self.data = data.absolute()
        self.durable = durable
        self.log_file = self._beside(".log")
        self._user = server_user()
        self._hold = HoldLock(self._beside(".held"))
        if UNFIT_FOR_PG_CTL & set(str(self.data)):
            raise ClusterError(f"{self.data} contains a quote, dollar, backslash or line break; choose another folder")

    @classmethod
    def for_home(cls, home: Path) -> "Cluster":
        """The server of a home folder: inside it, or for root, where ``nobody`` cannot enter it, below /var/lib.

        Data that exist decide, so that a later change of a folder's mode never makes them seem lost.
        """
        user = server_user()
        inside = home.absolute() / "postgres"
        mark = hashlib.sha256(os.fsencode(home.absolute())).hexdigest()[:12]
        elsewhere = STATE_OF_ROOT / mark / "postgres"
        if not user.drops_root or inside.is_dir():
            return cls(inside)
        return cls(elsewhere if elsewhere.is_dir() or user.closed_folder(home.absolute()) else inside)

    @property
    def socket_folder(self) -> Path:
        """Beside the data, or a short path where that one is too long for a socket's address."""
        beside = self._beside(".run")
        if len(os.fsencode(beside / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_LENGTH_MAX:
            return beside
        mark = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        if self._user.drops_root:
            return STATE_OF_ROOT / f"socket-{mark}"
        return Path("/tmp") / f"yikatong-{self._user.uid}-{mark}"  # noqa: S108 - made 0700, refused if another's

    def url(self, database: str = "yikatong") -> str:
        """The libpq address of one of its databases, the same whether it runs or not."""
        host = quote(str(self.socket_folder), safe="")
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}&port={PORT}"

    def start(self, database: str = "yikatong") -> str:
        """Start it unless it runs, make ``database`` if it is missing, and return the address.

        Raises ``ClusterError``.
        """
        binaries = find_binaries()
        self._make_parent()
        with self._locked():
            self._make_data(binaries)
            if not self._is_up():
                self._launch(binaries)
        self.create_database(database)
        return self.url(database)

    def stop(self, *, immediately: bool = False) -> bool:
        """Stop it and wait until its last process is gone; ``False`` when it was not running.

        ``immediately`` skips the final checkpoint: the next start recovers, as after a crash, and nothing committed
        is lost.
        """
        if not self.data.is_dir():
            return False
        with self._locked():
            pid = self.pid()
            if pid is None:
                return False
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT if immediately else signal.SIGINT)
            if not wait_until(self._is_gone, within_s=STOP_WITHIN_S):
                raise ClusterError(f"the server {pid} of {self.data} does not stop; see {self._logs()}")
            return True

    def status(self) -> Status:
        """Where it is, whether it runs, and how much it holds."""
        return Status(self.data, self.socket_folder, self.pid(), self._data_version(), _size_bytes(self.data))

    def pid(self) -> int | None:
        """The running postmaster's process number, or ``None``."""
        return postmaster_pid(self.data, self._user)

    def create_database(self, name: str) -> None:
        """Make an empty database unless it is there. Raises ``ClusterError`` when the server cannot be reached."""
        try:
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                    return
                with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        except psycopg.OperationalError as error:
            raise ClusterError(
                f"cannot make the database {name} in {self.data}: {error}; see {self._logs()}"
            ) from error

    def _beside(self, suffix: str) -> Path:
        return self.data.with_name(self.data.name + suffix)

    def _logs(self) -> str:
        return f"{self.log_file} and {self.data / 'log'}" if self.durable else str(self.log_file)

    def _data_version(self) -> int | None:
        version_file = self.data / "PG_VERSION"
        return int(version_file.read_text()) if version_file.is_file() else None

    def _make_parent(self) -> None:
        parent = self.data.parent
        if not parent.is_dir():
            parent.mkdir(mode=0o711 if self._user.drops_root else 0o700, parents=True, exist_ok=True)
            if parent.is_relative_to(STATE_OF_ROOT):
                STATE_OF_ROOT.chmod(0o711)
        closed = self._user.closed_folder(parent)
        if closed is not None:
            raise ClusterError(
                f"root's database runs as nobody, who cannot enter {closed}: choose a home that others may walk "
                f"through (YIKATONG_HOME), or open it with chmod o+x {closed}"
            )

    def _make_private(self, folder: Path) -> None:
        if folder.parent == STATE_OF_ROOT:
            STATE_OF_ROOT.mkdir(mode=0o711, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in {os.geteuid(), self._user.uid}:
            raise ClusterError(f"{folder} is a link or another user's; remove it or choose another YIKATONG_HOME")
        folder.chmod(0o700)
        self._user.own(folder)

    def _make_data(self, binaries: Path) -> None:
        if self.data.exists():
            self._check_data(binaries)
            return
        fresh = self._beside(".new")
        if fresh.exists():
            shutil.rmtree(fresh)  # a first start that was interrupted: it never held anything
        self._make_private(fresh)
        command: list[str | Path] = [binaries / "initdb", "-D", fresh, "-U", SUPERUSER, "-E", "UTF8", "-A", "trust"]
        command += ["--data-checksums"] if self.durable else ["--no-sync"]
        if version_of(binaries)[0] >= 17:
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        for locale in ("C.UTF-8", "C"):  # some hosts have only the latter
            made = self._run([*command, f"--locale={locale}"])
            if made.returncode == 0:
                fresh.rename(self.data)
                return
        raise ClusterError(f"initdb failed in {fresh}:\n{made.stdout}")

    def _check_data(self, binaries: Path) -> None:
        owner = self.data.stat().st_uid
        if owner != self._user.uid:
            raise ClusterError(
                f"the data in {self.data} belong to user {owner}, but the server would run as {self._user.uid}: "
                f"start it as the user who made them, or choose another YIKATONG_HOME"
            )
        made_by, (have, _) = self._data_version(), version_of(binaries)
        if made_by is None:
            raise ClusterError(f"{self.data} holds no PostgreSQL data (no PG_VERSION); move it away and start again")
        if made_by != have:
            raise ClusterError(
                f"the data in {self.data} are of PostgreSQL {made_by}, the binaries in {binaries} of {have}. Point "
                f"YIKATONG_PG_BIN at PostgreSQL {made_by}; to move on to {have}, make a backup with {made_by} "
                f"(yikatong db backup FILE), move the folder away, and restore the file with {have}"
            )

    def _is_up(self) -> bool:
        """Whether it accepts connections, waiting for one that is still starting or shutting down."""
        if self.pid() is not None:
            wait_until(lambda: self._accepts() or self.pid() is None, within_s=START_WITHIN_S)
        if self._accepts():
            return True
        pid = self.pid()
        if pid is not None:
            raise ClusterError(f"the server {pid} of {self.data} does not answer; see {self._logs()}")
        return False

    def _accepts(self) -> bool:
        return PGconn.ping(f"{self.url('postgres')}&connect_timeout=5".encode()) == Ping.OK

    def _is_gone(self) -> bool:
        return self._hold.is_free() and not server_processes(self.data, self._user)

    def _launch(self, binaries: Path) -> None:
        if not end_processes(self.data, self._user, patience_s=ORPHAN_PATIENCE_S):
            left = sorted(server_processes(self.data, self._user))
            raise ClusterError(f"processes {left} of a crashed server still hold {self.data} and cannot be killed")
        with self._hold.taken(within_s=ORPHAN_PATIENCE_S) as hold:
            if hold is None:
                raise ClusterError(
                    f"{self.data} is served by a process that cannot be seen from here, perhaps in another "
                    f"container that shares the folder: stop it there first"
                )
            self._make_private(self.socket_folder)
            for leftover in (self.data / "postmaster.pid", *self.socket_folder.glob(".s.PGSQL.*")):
                leftover.unlink(
                    missing_ok=True
                )  # its number may be a stranger's by now, and PostgreSQL would believe it
            options = f"-c config_file={shlex.quote(str(self._write_settings()))}"
            command: list[str | Path] = [binaries / "pg_ctl", "start", "-D", self.data, "-l", self.log_file, "-w"]
            command += ["-t", str(START_WITHIN_S), "-o", options]
            started = self._run(command, pass_fds=(hold,))
        if started.returncode != 0:
            raise ClusterError(f"PostgreSQL did not start:\n{started.stdout}\n{_tail(self.log_file)}")

    def _write_settings(self) -> Path:
        """Write the configuration files and make an empty log; return the main one's path."""
        hba_file, settings_file = self._beside(".hba.conf"), self._beside(".conf")
        parameters = settings(
            socket_folder=self.socket_folder,
            hba_file=hba_file,
            memory_bytes=machine_memory_bytes(),
            durable=self.durable,
        )
        for file, text in ((hba_file, CLIENT_AUTHENTICATION), (settings_file, as_file(parameters))):
            file.write_text(text)
            file.chmod(0o644)
        self.log_file.write_text("")
        self.log_file.chmod(0o600)
        self._user.own(self.log_file)
        return settings_file

    def _run(self, command: list[str | Path], *, pass_fds: tuple[int, ...] = ()) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        environment |= {"LC_ALL": "C", "TZ": "UTC"}
        with tempfile.TemporaryFile("w+") as output:  # a pipe would never reach its end: the server inherits it
            finished = subprocess.run(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd="/",
                start_new_session=True,
                umask=0o077,
                pass_fds=pass_fds,
                check=False,
                **self._user.subprocess_arguments,
            )
            output.seek(0)
            return subprocess.CompletedProcess(finished.args, finished.returncode, output.read())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self._beside(".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _size_bytes(folder: Path) -> int:
    """The bytes of the files below ``folder``; files that vanish meanwhile do not count."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(place) / name).lstat().st_size
    return total


def _tail(file: Path, characters: int = 2000) -> str:
    return file.read_text(errors="replace")[-characters:] if file.is_file() else ""
