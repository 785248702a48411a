"""Fixtures for everyone: the network closed but for loopback, and a database that tests may empty."""

import pytest
from django.db import connection
from pytest_socket import socket_allow_hosts


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup() -> None:
    """Nothing leaves this machine."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Every xdist worker gets its own test database through pytest-django's suffix."""


@pytest.fixture(autouse=True)
def _let_tests_empty_append_only_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-django empties tables with TRUNCATE after a transactional test; the append-only ones refuse that.

    The refusal is right, and tested by itself. Only the emptying between tests goes around it.
    """
    flush = connection.ops.execute_sql_flush

    def flush_without_triggers(statements: list[str]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("set session_replication_role = replica")
            try:
                flush(statements)
            finally:
                cursor.execute("set session_replication_role = default")

    monkeypatch.setattr(connection.ops, "execute_sql_flush", flush_without_triggers)
