"""A real gateway on the tests' own database, and a small world of cards in different standing."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.acceptance.makers import HOUR, Gate, registered
from tests.gateway.doors import GatewayProcess
from tests.gateway.world import World, make_world
from yikatong.foundation.clock import utc_now


@pytest.fixture(scope="session")
def gateway(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One process for all tests that do not harm it."""
    process = GatewayProcess(tmp_path_factory.mktemp("gateway") / "gateway.log")
    process.start()
    yield process
    process.stop()
    assert "Traceback" not in process.log.read_text(), process.log.read_text()


@pytest.fixture
def own_gateway(transactional_db: None, tmp_path: Path) -> Iterator[GatewayProcess]:
    """One that a test may kill."""
    process = GatewayProcess(tmp_path / "gateway.log")
    process.start()
    yield process
    process.kill()


@pytest.fixture
def now() -> datetime:
    """The gateway decides by the real clock; tables speak of times around this one."""
    return utc_now()


@pytest.fixture
def gate(transactional_db: None, tmp_path: Path, now: datetime) -> Gate:
    """A metro gate, registered."""
    return registered(tmp_path, at=now - HOUR)


@pytest.fixture
def world(transactional_db: None, tmp_path: Path, now: datetime) -> World:
    """Cards, phones and terminals."""
    return make_world(tmp_path, now)
