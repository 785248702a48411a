"""Two gates that the taps of these tests come from."""

from datetime import UTC, datetime

import pytest

from tests.acceptance.makers import metro_venue
from yikatong.acceptance.models import Terminal

STATIONS = {"900100000001": "国贸", "900100000002": "西单"}


@pytest.fixture(autouse=True)
def _gates(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("django_db") is None:
        return
    for terminal_id, station in STATIONS.items():
        Terminal.objects.create(
            terminal_id=terminal_id,
            venue=metro_venue(station),
            purpose="gate",
            public_key=b"",
            certificate_der=b"",
            registered_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
