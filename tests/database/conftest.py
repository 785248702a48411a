"""Servers and databases for the tests of this floor; they need no Django and never touch the run's own database."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.postgres import ephemeral_cluster
from yikatong.database.cluster import Cluster


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that the database's user can walk through."""
    path = Path(tempfile.mkdtemp(prefix="yikatong-test-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def fresh_cluster(folder: Path) -> Iterator[Cluster]:
    """A server that has not been started yet, for tests that crash it."""
    cluster = Cluster(folder / "postgres", durable=False)
    yield cluster
    cluster.stop(immediately=True)


@pytest.fixture(scope="package")
def shared_cluster() -> Cluster:
    """A running server that the tests leave running."""
    return ephemeral_cluster()


@pytest.fixture
def scratch_url(shared_cluster: Cluster) -> Iterator[str]:
    """The address of an empty database, dropped afterwards."""
    name = f"scratch_{uuid4().hex}"
    shared_cluster.create_database(name)
    yield shared_cluster.url(name)
    with psycopg.connect(shared_cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database if exists {name} with (force)")
