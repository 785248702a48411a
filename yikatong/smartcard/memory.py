"""A card's non-volatile memory as a journal: power may go after any byte written, and nothing is ever half there.

The memory is a set of named cells. What one transaction changes is appended as one record: length (4), its CRC-32 (4),
the entries, their CRC-32 (4). A record that power cut short is dropped at the next power-on, so the card is as before the
transaction or as after it; one that is whole but wrong is damage, which is told and never dropped.
A card image is such a journal in a file. It holds the card's keys in clear, as a chip does inside: it is a stand-in for a
chip in tests and demonstrations, never a place for a city's keys.
"""

import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

MAGIC = b"YKTCARD1"
COMPACT_BYTES = 1 << 16
"""A journal longer than this, and longer than four times what it holds, is written anew at power-on."""
_AROUND = 12


class MemoryDamaged(ValueError):
    """The journal is not one, or was changed by something other than a card."""


class Medium(Protocol):
    """Where the journal lies."""

    def read(self) -> bytes:
        """All of it."""

    def append(self, octets: bytes) -> None:
        """Write at the end, first byte first. May be cut short."""

    def truncate(self, length: int) -> None:
        """Drop what is behind ``length``."""

    def replace(self, octets: bytes) -> None:
        """Put another journal in its place, all at once."""


class VolatileMedium:
    """A journal that ends with the process; tests begin with one."""

    def __init__(self, octets: bytes = b"") -> None:
        self._octets = bytearray(octets)

    def read(self) -> bytes:
        """All of it."""
        return bytes(self._octets)

    def append(self, octets: bytes) -> None:
        """Write at the end."""
        self._octets += octets

    def truncate(self, length: int) -> None:
        """Drop what is behind ``length``."""
        del self._octets[length:]

    def replace(self, octets: bytes) -> None:
        """Put another journal in its place."""
        self._octets = bytearray(octets)


class FileMedium:
    """A card image on disk, readable by its owner only. Killing the process loses nothing that was answered.

    It does not wait for the disk: an image is not a purse that outlives a power failure of the whole machine.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes:
        """All of it; nothing when there is no file yet."""
        return self._path.read_bytes() if self._path.exists() else b""

    def append(self, octets: bytes) -> None:
        """Write at the end."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            file.write(octets)

    def truncate(self, length: int) -> None:
        """Drop what is behind ``length``."""
        os.truncate(self._path, length)

    def replace(self, octets: bytes) -> None:
        """Put another journal in its place, by renaming."""
        beside = self._path.with_name(f"{self._path.name}.new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)


class Memory:
    """The cells of one card. Read with ``[]``, written only inside ``transaction``."""

    def __init__(self, medium: Medium) -> None:
        self._medium = medium
        self._cells: dict[str, bytes] = {}
        self._changes: dict[str, bytes | None] | None = None
        self._power_on()

    def __getitem__(self, cell: str) -> bytes:
        value = self.get(cell)
        if value is None:
            raise KeyError(cell)
        return value

    def __contains__(self, cell: str) -> bool:
        return self.get(cell) is not None

    def get(self, cell: str) -> bytes | None:
        """The cell's value as the running transaction sees it, ``None`` without one."""
        if self._changes is not None and cell in self._changes:
            return self._changes[cell]
        return self._cells.get(cell)

    def __setitem__(self, cell: str, value: bytes) -> None:
        self._open_changes()[cell] = bytes(value)

    def __delitem__(self, cell: str) -> None:
        self._open_changes()[cell] = None

    def cells(self) -> Mapping[str, bytes]:
        """All cells with their committed values; a copy."""
        return dict(self._cells)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written inside takes effect together at the end, or not at all. One at a time; not nested."""
        if self._changes is not None:
            raise RuntimeError("a transaction of this card is open already")
        self._changes = {}
        try:
            yield
            changes = {cell: value for cell, value in self._changes.items() if value != self._cells.get(cell)}
        finally:
            self._changes = None
        if changes:
            self._medium.append(_record(changes))
            _apply(self._cells, changes)

    def commit_now(self, write: Callable[[], None]) -> None:
        """Write on their own, before the running transaction goes on: a try counter that must fall before the check.

        What the running transaction has written so far stays open.
        """
        outer, self._changes = self._changes, None
        try:
            with self.transaction():
                write()
        finally:
            self._changes = outer

    def _open_changes(self) -> dict[str, bytes | None]:
        if self._changes is None:
            raise RuntimeError("a card's memory is written in a transaction only")
        return self._changes

    def _power_on(self) -> None:
        journal = self._medium.read()
        if len(journal) < len(MAGIC):
            if not MAGIC.startswith(journal):
                raise MemoryDamaged("this is no card image: its first bytes are others")
            self._medium.replace(MAGIC)
            return
        if not journal.startswith(MAGIC):
            raise MemoryDamaged("this is no card image: its first bytes are others")
        end = len(MAGIC)
        for changes, position in _records(journal):
            _apply(self._cells, changes)
            end = position
        if end < len(journal):
            self._medium.truncate(end)
        if end > COMPACT_BYTES:
            snapshot = MAGIC + _record(dict(self._cells))
            if end > 4 * len(snapshot):
                self._medium.replace(snapshot)


def _apply(cells: dict[str, bytes], changes: Mapping[str, bytes | None]) -> None:
    for cell, value in changes.items():
        if value is None:
            cells.pop(cell, None)
        else:
            cells[cell] = value


def _record(changes: Mapping[str, bytes | None]) -> bytes:
    entries = bytearray()
    for cell, value in changes.items():
        name = cell.encode()
        entries += bytes((len(name),)) + name
        entries += b"\xff\xff\xff\xff" if value is None else len(value).to_bytes(4) + value
    length = len(entries).to_bytes(4)
    return length + _checksum(length) + bytes(entries) + _checksum(entries)


def _checksum(octets: bytes | bytearray) -> bytes:
    return zlib.crc32(octets).to_bytes(4)


def _records(journal: bytes) -> Iterator[tuple[dict[str, bytes | None], int]]:
    """Each whole record's changes, and where it ends. Raises ``MemoryDamaged`` when one is whole but wrong."""
    position = len(MAGIC)
    while position + _AROUND <= len(journal):
        length = journal[position : position + 4]
        start = position + 8
        end = start + int.from_bytes(length)
        entries, is_whole = journal[start:end], end + 4 <= len(journal)
        is_right = journal[position + 4 : start] == _checksum(length)
        if is_right and not is_whole:
            return
        if not is_right or journal[end : end + 4] != _checksum(entries):
            raise MemoryDamaged(f"the card image is damaged at byte {position}: a checksum does not agree")
        position = end + 4
        yield _changes(entries), position


def _changes(entries: bytes) -> dict[str, bytes | None]:
    changes: dict[str, bytes | None] = {}
    position = 0
    while position < len(entries):
        start = position + 1 + entries[position]
        cell, length = entries[position + 1 : start].decode(), int.from_bytes(entries[start : start + 4])
        position = start + 4
        if length == 0xFFFFFFFF:
            changes[cell] = None
            continue
        changes[cell] = entries[position : position + length]
        position += length
    return changes
