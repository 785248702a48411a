"""Terminals and a gateway for tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal.makers import LoopbackGateway, open_terminal, serving
from yikatong.terminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A gate at 国贸 that synced at ``NOW`` and whose gateway is away."""
    with open_terminal(tmp_path) as opened:
        yield opened


@pytest.fixture
def gateway() -> Iterator[LoopbackGateway]:
    """A gateway on the loopback."""
    with serving(LoopbackGateway()) as running:
        yield running
