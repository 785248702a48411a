"""For everyone: the network closed but for loopback, and a database that tests may empty."""

import hypothesis
import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.postgresql.operations import DatabaseOperations
from pytest_socket import socket_allow_hosts

from tests.stack import drop_prepared
from yikatong.portal.finder_kept import kept_places
from yikatong.queries.kept import forget_all


def pytest_configure() -> None:
    """Hashing a password slowly, as it must be in a city, is left to the journeys; a busy machine fails no property."""
    hypothesis.settings.register_profile(
        "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("untimed")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What journeys kept for each other goes with the run."""
    if not hasattr(session.config, "workerinput"):
        drop_prepared()


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup() -> None:
    """Nothing leaves this machine."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """What processes keep in memory is of another test's database."""
    forget_all()
    kept_places.forget()


_flush = DatabaseOperations.execute_sql_flush


def _flush_past_triggers(operations: DatabaseOperations, statements: list[str]) -> None:
    """Let pytest-django empty append-only tables after a transactional test.

    The tables refuse TRUNCATE, which is right and tested by itself; only the emptying between tests goes around it.
    """
    with connections[operations.connection.alias].cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
        try:
            _flush(operations, statements)
        finally:
            cursor.execute("set session_replication_role = default")


DatabaseOperations.execute_sql_flush = _flush_past_triggers  # type: ignore[method-assign]
