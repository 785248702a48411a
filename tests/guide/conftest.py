"""The city's data loaded once per test that asks, and nothing remembered from the test before."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from yikatong.guide import selectors

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    selectors.forget()
    yield
    selectors.forget()
