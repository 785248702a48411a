"""The crawl needs what journeys need: a running platform and a browser."""

from tests.journeys.conftest import browser, stack

__all__ = ["browser", "stack"]
