"""For everyone: the network closed but for loopback, and a database that tests may empty."""

import hypothesis
import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.postgresql.operations import DatabaseOperations
from pytest_socket import socket_allow_hosts

from tests.stack import drop_prepared
from tests.template_database import migrated_template
from yikatong.portal.finder_kept import kept_places
from yikatong.queries.kept import forget_all

LONGEST_FIRST = (
    *("test_kill.py", "test_web_security.py", "test_personalisation.py"),  # the first prepares a demo for the next ones
    *("test_crawl_work.py", "test_crawl_portal.py", "test_unit.py", "test_first_card.py", "test_campaign.py"),
    *("test_ecard.py", "test_loss.py", "test_desk.py", "test_walk_in.py", "test_retiree.py", "test_minor.py"),
    *("test_kiosk.py", "test_outreach.py", "test_school.py", "test_staff.py", "test_interrupted.py"),
    *("test_finder.py", "test_fairness_figures.py"),
)
"""Names of modules. Journeys come first: nothing is worse than to wait for one of them at the end."""


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


def pytest_addoption(parser: pytest.Parser) -> None:
    """For the run on another PostgreSQL."""
    parser.addoption(
        "--of-database", action="store_true", help="only tests that use a database, or are about its server"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest; on another PostgreSQL, leave out what it cannot answer differently."""
    order = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))
    if not config.getoption("--of-database"):
        return
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        (kept if _is_of_database(item) else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def _is_of_database(item: pytest.Item) -> bool:
    asked = {"db", "transactional_db", "django_db_setup"} & set(getattr(item, "fixturenames", ()))
    return bool(asked) or item.get_closest_marker("django_db") is not None or "tests/database/" in item.nodeid


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    request: pytest.FixtureRequest, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """Where several processes test, their databases are copies of one."""
    if hasattr(request.config, "workerinput"):
        connections["default"].settings_dict["TEST"]["TEMPLATE"] = migrated_template()


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

    The tables refuse TRUNCATE, which is right and tested by itself; only the emptying between tests goes around it. Jobs go
    too, whose tables are not Django's.
    """
    with connections[operations.connection.alias].cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
        try:
            _flush(operations, statements)
            cursor.execute("truncate procrastinate_jobs, procrastinate_periodic_defers, procrastinate_events")
        finally:
            cursor.execute("set session_replication_role = default")


DatabaseOperations.execute_sql_flush = _flush_past_triggers  # type: ignore[method-assign]
