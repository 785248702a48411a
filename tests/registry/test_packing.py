"""Columns packed for PostgreSQL's binary COPY: each value is its length and its bytes, the highest first."""

import pytest

from yikatong.registry import packing

LEAST, MOST = -(1 << 63), (1 << 63) - 1


def test_bigints_stand_beside_each_other_row_by_row() -> None:
    length = b"\0\0\0\x08"
    assert packing.int64_columns([LEAST, -2], (1, MOST)) == [
        length + b"\x80" + bytes(7) + length + bytes(7) + b"\x01",
        length + b"\xff" * 7 + b"\xfe" + length + b"\x7f" + b"\xff" * 7,
    ]


@pytest.mark.parametrize("length", [0, 1, 16, 255, 256, 70_000])
def test_a_bytea_is_its_length_and_its_bytes(length: int) -> None:
    value = b"v" * length
    assert packing.binaries([value, b""]) == [length.to_bytes(4) + value, bytes(4)]
    assert packing.binary(value) == length.to_bytes(4) + value


def test_nobody_makes_no_rows() -> None:
    assert packing.int64_columns([], []) == packing.binaries([]) == []
