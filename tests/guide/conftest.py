"""The city's data loaded once per module that asks."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pytest_django import DjangoDbBlocker

from tests.held import rows_held
from yikatong.city.folder import BEIJING
from yikatong.city.loader import load_city

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def city(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Beijing's data for all tests of a module: loaded once, taken back at its end."""
    with rows_held(django_db_blocker):
        load_city(BEIJING, at=AT)
        yield
