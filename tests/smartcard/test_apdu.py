"""APDUs: every case, short and extended, there and back; and bytes that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.smartcard.apdu import Command, MalformedApdu, Response

LONG = bytes(300)


@pytest.mark.parametrize(
    ("octets", "command"),
    [
        ("00200000", Command(0x00, 0x20, 0, 0)),
        ("0084000008", Command(0x00, 0x84, 0, 0, expected=8)),
        ("00B2010000", Command(0x00, 0xB2, 1, 0, expected=256)),
        ("0020000003123456", Command(0x00, 0x20, 0, 0, bytes.fromhex("123456"))),
        ("00A4040002AABB00", Command(0x00, 0xA4, 4, 0, b"\xaa\xbb", 256)),
        ("00B0000000012C", Command(0x00, 0xB0, 0, 0, expected=300, is_extended=True)),
        ("00B00000000000", Command(0x00, 0xB0, 0, 0, expected=65536, is_extended=True)),
        ("00D6000000012C" + LONG.hex(), Command(0x00, 0xD6, 0, 0, LONG, is_extended=True)),
        ("00D6000000012C" + LONG.hex() + "0000", Command(0x00, 0xD6, 0, 0, LONG, 65536, is_extended=True)),
    ],
)
def test_a_command_reads_and_writes_the_same_bytes(octets: str, command: Command) -> None:
    assert Command.decode(bytes.fromhex(octets)) == command
    assert command.encode() == bytes.fromhex(octets)


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "00",
        "00A404",
        "00200000031234",
        "002000000212345678",
        "00B000000001",
        "00B00000000003AABB",
        "00D60000000000AA",
        "00D600000000021122AA",
    ],
)
def test_bytes_that_are_no_command_are_told(octets: str) -> None:
    with pytest.raises(MalformedApdu):
        Command.decode(bytes.fromhex(octets))


@pytest.mark.parametrize(
    "values",
    [
        {"cla": 256},
        {"p2": -1},
        {"data": bytes(256)},
        {"expected": 0},
        {"expected": 257},
        {"data": bytes(65536), "is_extended": True},
    ],
)
def test_a_command_that_cannot_be_sent_is_not_made(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="byte"):
        Command(**({"cla": 0, "ins": 0, "p1": 0, "p2": 0} | values))  # type: ignore[arg-type]


@given(st.binary(max_size=40))
def test_whatever_is_read_is_written_the_same(octets: bytes) -> None:
    try:
        command = Command.decode(octets)
    except MalformedApdu:
        return
    assert command.encode() == octets


def test_a_response_is_data_and_status() -> None:
    assert Response.decode(bytes.fromhex("0102036A82")) == Response(b"\1\2\3", 0x6A82)
    assert Response(b"\1", 0x9000).is_ok
    assert not Response(b"", 0x6300).is_ok
    with pytest.raises(MalformedApdu):
        Response.decode(b"\x90")
