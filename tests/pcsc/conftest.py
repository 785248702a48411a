"""A virtual reader of this test process's own, and cards to put into it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pcsc.cards import Slot
from yikatong.terminal.virtual_reader import VirtualReader


@pytest.fixture(scope="session")
def virtual_reader() -> Iterator[VirtualReader]:
    """Up for the whole session. PC/SC programs of this process and those it starts see this reader and no other."""
    folder = Path(tempfile.mkdtemp(prefix="ykt-"))  # sockets need a short path
    with VirtualReader(folder) as reader:
        os.environ.update(reader.environment())
        yield reader
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def slot(virtual_reader: VirtualReader) -> Iterator[Slot]:
    """The first slot, empty before and after."""
    with Slot(virtual_reader, 0) as opened:
        yield opened


@pytest.fixture
def sam_slot(virtual_reader: VirtualReader) -> Iterator[Slot]:
    """The second slot, for a security module."""
    with Slot(virtual_reader, 1) as opened:
        yield opened
