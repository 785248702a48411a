"""Data groupings there and back, and bytes that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.smartcard.dgi import (
    Grouping,
    GroupingsMalformed,
    decode_groupings,
    decode_keys,
    encode_groupings,
    encode_keys,
    record_group,
)


def test_the_layout_is_number_length_value() -> None:
    groupings = [Grouping(record_group(5, 3), b"\x03\x043.00"), Grouping(0x8101, b"")]
    assert encode_groupings(groupings).hex().upper() == "050306" + "0304332E3030" + "810100"


@pytest.mark.parametrize("length", [0, 1, 0xFE, 0xFF, 0x100, 0xFFFF])
def test_lengths_from_255_on_take_three_bytes(length: int) -> None:
    octets = encode_groupings([Grouping(0x0D01, bytes(length))])
    assert len(octets) == length + (3 if length < 0xFF else 5)
    assert decode_groupings(octets) == [Grouping(0x0D01, bytes(length))]


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=600))))
def test_what_is_encoded_comes_back(content: list[tuple[int, bytes]]) -> None:
    groupings = [Grouping(number, value) for number, value in content]
    assert decode_groupings(encode_groupings(groupings)) == groupings


def test_every_cut_is_told() -> None:
    octets = encode_groupings([Grouping(0x0501, bytes(300)), Grouping(0x0502, b"abc")])
    whole = {0, len(octets) - 6, len(octets)}
    for end in range(len(octets) + 1):
        if end in whole:
            assert len(decode_groupings(octets[:end])) == sorted(whole).index(end)
        else:
            with pytest.raises(GroupingsMalformed):
                decode_groupings(octets[:end])


def test_keys_by_number() -> None:
    keys = {0x0A: bytes(range(16)), 0x06: bytes(16)}
    assert decode_keys(encode_keys(keys.items())) == keys
    with pytest.raises(GroupingsMalformed, match="16 bytes each"):
        decode_keys(bytes(18))


def test_a_grouping_shows_no_value() -> None:
    assert repr(Grouping(0x8000, b"secret")) == "Grouping(8000, 6 bytes)"


@pytest.mark.parametrize("grouping", [Grouping(0x10000, b""), Grouping(0x0501, bytes(0x10000))])
def test_a_number_or_value_that_is_too_large_is_told(grouping: Grouping) -> None:
    with pytest.raises(GroupingsMalformed, match="two bytes"):
        encode_groupings([grouping])
