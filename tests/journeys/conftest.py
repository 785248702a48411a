"""One running platform and one browser for the journeys of a module."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.postgres import open_temporary_folder
from tests.stack import Stack, prepared_stack


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The demo, in a folder of its own; with a card reader where the module says ``HAS_DESK = True``."""
    has_desk = getattr(request.module, "HAS_DESK", False)
    with prepared_stack(open_temporary_folder() / "home", has_desk=has_desk) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as running:
        yield running
