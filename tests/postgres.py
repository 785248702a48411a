"""A PostgreSQL for one test run: in a temporary folder, without fsync, gone at the end even when the run is killed."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from yikatong.database.cluster import Cluster

# It ends with the run's side of the pipe, whichever way the run ends.
KEEPER = """
import sys
from pathlib import Path
from yikatong.database.cluster import Cluster
sys.stdin.read()
Cluster(Path(sys.argv[1]), durable=False).stop(immediately=True)
"""


def start_ephemeral_cluster(folder: Path) -> Cluster:
    """Start a server with its data in ``folder``; when root runs this, every folder above must be open to others."""
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(folder)],
        stdin=subprocess.PIPE,
        cwd=Path(__file__).resolve().parent.parent,
        start_new_session=True,
    )
    atexit.register(keeper.communicate)
    cluster = Cluster(folder, durable=False)
    cluster.start()
    return cluster


def open_temporary_folder() -> Path:
    """A new folder that the database's user, unlike pytest's own ``tmp_path``, can walk through; removed at exit."""
    folder = Path(tempfile.mkdtemp(prefix="yikatong-test-"))
    folder.chmod(0o711)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def ephemeral_cluster() -> Cluster:
    """A running server of this test run's own; ``YIKATONG_PG_BIN`` chooses the binaries."""
    return start_ephemeral_cluster(open_temporary_folder() / "postgres")


def database_address() -> str:
    """The libpq address of the database that the tests of this process use."""
    from django.db import connection  # settings read the address of the server that this module has yet to start

    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
