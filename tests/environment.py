"""What every test run stands on: an own home folder and an own PostgreSQL, up before Django reads its settings.

Loaded as a pytest plug-in (``-p tests.environment``): settings are imported before any conftest. Nothing a test does reaches
the developer's own data. ``YIKATONG_PG_BIN`` chooses the PostgreSQL binaries.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tests.postgres import start_ephemeral_cluster

if "YIKATONG_TEST_HOME" not in os.environ:  # workers of pytest-xdist inherit it
    _home = Path(tempfile.mkdtemp(prefix="yikatong-test-"))
    _home.chmod(0o755)  # PostgreSQL runs as another user when the tests run as root
    atexit.register(shutil.rmtree, _home, ignore_errors=True)
    os.environ["YIKATONG_TEST_HOME"] = str(_home)
    os.environ["YIKATONG_HOME"] = str(_home / "home")
    os.environ.pop("DATABASE_URL", None)
    os.environ.pop("YIKATONG_KEYS", None)
    os.environ.pop("YIKATONG_ENV", None)
    _cluster = start_ephemeral_cluster(_home / "postgres")
    atexit.register(_cluster.stop)
    os.environ["DATABASE_URL"] = _cluster.url("yikatong")
