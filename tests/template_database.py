"""One migrated database that the databases of a test run's processes are copies of: migrating each takes half a minute."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

TEMPLATE = "yikatong_template"


def migrated_template() -> str:
    """Its name; the first process of a run that asks makes it, the others wait."""
    folder = Path(os.environ["YIKATONG_TEST_HOME"])
    is_made = folder / "template-made"
    with (folder / "template-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made.exists():
            _make()
            is_made.touch()
    return TEMPLATE


def _make() -> None:
    server = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(urlunsplit(server._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(f"create database {TEMPLATE}")
    environment = os.environ | {"DATABASE_URL": urlunsplit(server._replace(path=f"/{TEMPLATE}"))}
    command = [sys.executable, "-m", "yikatong.config", "db", "migrate"]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
