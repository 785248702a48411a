"""Data groupings: what is written into a blank card, group by group, and how a list of them is laid out in bytes.

A grouping is a number of two bytes and a value; its length takes one byte, or ``FF`` and two. Which number means what in our
card is in ``Group``. Source: EMV Card Personalization Specification 1.1, 2.2 (layout, 8000 keys, 8010 PIN); the numbers of
files follow its pattern (SFI, record); those from E001 on: assumption.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

_LONG = 0xFF
"""Lengths from here on take three bytes."""


class GroupingsMalformed(ValueError):
    """Bytes that are no list of data groupings."""


class Group(IntEnum):
    """Groupings that are not a record of a file. Keys are laid out as number (1) and 16 bytes, one after another."""

    SOCIAL_KEYS = 0x8000
    SOCIAL_PIN = 0x8010
    PURSE_KEYS = 0x8020
    PURSE_ISSUER = 0x1501
    PURSE_HOLDER = 0x1601
    PURSE_REGION = 0x1701
    PORTRAIT = 0x0801
    IDENTITY_KEY = 0x8101
    CERTIFICATE = 0x0D01
    HISTORICAL_BYTES = 0xE001
    CARD_VERSION = 0xE002
    PURSE_ALGORITHM = 0xE003
    PURSE_OVERDRAFT = 0xE004
    BANK_REFERENCE = 0xE005


class Grouping(NamedTuple):
    """One data grouping: a number of two bytes, and at most 65535 bytes."""

    number: int
    value: bytes

    def __repr__(self) -> str:
        """Without the value, which may be a key."""
        return f"Grouping({self.number:04X}, {len(self.value)} bytes)"


def record_group(sfi: int, number: int) -> int:
    """The grouping of one record of a file."""
    return sfi << 8 | number


def encode_groupings(groupings: Iterable[Grouping]) -> bytes:
    """All of them, one after another. Raises ``GroupingsMalformed`` for a number or a value that is too large."""
    octets = bytearray()
    try:
        for number, value in groupings:
            length = len(value)
            octets += number.to_bytes(2)
            octets += length.to_bytes(1) if length < _LONG else b"\xff" + length.to_bytes(2)
            octets += value
    except OverflowError as error:
        raise GroupingsMalformed("a data grouping has a number of two bytes and at most 65535 bytes") from error
    return bytes(octets)


def decode_groupings(octets: bytes) -> list[Grouping]:
    """What ``encode_groupings`` laid out. Raises ``GroupingsMalformed``."""
    found: list[Grouping] = []
    position = 0
    while position < len(octets):
        number = int.from_bytes(octets[position : position + 2])
        length, start = octets[position + 2 : position + 3], position + 3
        if length == b"\xff":
            length, start = octets[start : start + 2], start + 2
        position = start + int.from_bytes(length)
        if not length or start > len(octets) or position > len(octets):
            raise GroupingsMalformed("a data grouping ends before its value does")
        found.append(Grouping(number, octets[start:position]))
    return found


def encode_keys(keys: Iterable[tuple[int, bytes]]) -> bytes:
    """Keys of 16 bytes by number, for a grouping."""
    return b"".join(bytes((number,)) + key for number, key in keys)


def decode_keys(value: bytes) -> dict[int, bytes]:
    """What ``encode_keys`` laid out. Raises ``GroupingsMalformed``."""
    if len(value) % 17:
        raise GroupingsMalformed("keys have a number and 16 bytes each")
    return {value[place]: value[place + 1 : place + 17] for place in range(0, len(value), 17)}
