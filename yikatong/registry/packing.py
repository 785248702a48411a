"""Rows of the register as PostgreSQL's binary COPY wants them.

Source: PostgreSQL documentation, COPY, "Binary Format": a 16-bit field count, then each field as a 32-bit length and its
bytes. Building them here, in the import's processes, leaves the database only the copying.
"""

import struct
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import chain, repeat

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
COPY_TRAILER = struct.pack(">h", -1)
NULL = struct.pack(">i", -1)
TRUE, FALSE = struct.pack(">i?", 1, True), struct.pack(">i?", 1, False)
_INT16 = struct.Struct(">ih").pack
_INT32 = struct.Struct(">ii").pack
_INT64 = struct.Struct(">iq").pack
_LENGTH = struct.Struct(">i").pack
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.date().toordinal()
_SHORT_LENGTHS = tuple(_LENGTH(length) for length in range(256))


def field_count(count: int) -> bytes:
    """The number that begins every row."""
    return struct.pack(">h", count)


def int64_columns(*columns: Iterable[int]) -> list[bytes]:
    """Equally long ``bigint`` columns that stand beside each other, row by row."""
    pack = struct.Struct(">" + "iq" * len(columns)).pack
    return list(map(pack, *chain.from_iterable((repeat(8), column) for column in columns)))


def int16(value: int) -> bytes:
    """A ``smallint``."""
    return _INT16(2, value)


@lru_cache(maxsize=1 << 16)
def day(value: date) -> bytes:
    """A ``date``: days since 2000-01-01."""
    return _INT32(4, value.toordinal() - _EPOCH_DAY)


def moment(value: datetime) -> bytes:
    """A ``timestamptz``: microseconds since 2000-01-01 UTC. ``value`` is aware."""
    elapsed = value - _EPOCH
    return _INT64(8, (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds)


def binary(value: bytes) -> bytes:
    """A ``bytea``."""
    length = len(value)
    return (_SHORT_LENGTHS[length] if length < len(_SHORT_LENGTHS) else _LENGTH(length)) + value


def binaries(values: Iterable[bytes]) -> list[bytes]:
    """A column of ``bytea``."""
    return [
        (_SHORT_LENGTHS[len(value)] if len(value) < len(_SHORT_LENGTHS) else _LENGTH(len(value))) + value
        for value in values
    ]


@lru_cache(maxsize=1 << 15)
def code(value: str) -> bytes:
    """A ``varchar`` of which there are few different ones, such as a community's or a bank's code."""
    return binary(value.encode())


def text(value: str) -> bytes:
    """A ``varchar``."""
    return binary(value.encode())


def truth(value: bool) -> bytes:
    """A ``boolean``."""
    return TRUE if value else FALSE
