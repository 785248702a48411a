"""A PostgreSQL for one test run: in a temporary folder, without fsync, gone at the end even when the run is killed."""

import atexit
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

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
