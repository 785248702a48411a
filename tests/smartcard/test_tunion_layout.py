"""Every field of the purse's files where gates and readers look for it."""

import zlib
from datetime import date, datetime

import pytest

from tests.smartcard.purses import ISSUER
from yikatong.foundation.clock import BEIJING
from yikatong.smartcard.tunion_layout import (
    BUS,
    ENTRY,
    ISSUER_BEIJING,
    RAIL,
    IssuerFile,
    LogRecord,
    PurseRecordWrong,
    RegionFile,
    TripRecord,
)
from yikatong.smartcard.tunion_ride import RideRecord

AT = datetime(2026, 11, 23, 8, 15, 0, tzinfo=BEIJING)
STATION, DEVICE = bytes.fromhex("0000000000000107"), bytes.fromhex("0000000011000042")


def test_file_15() -> None:
    octets = ISSUER.encode()
    assert len(octets) == 30
    assert octets.hex() == "01011000ffffffff" + "0201" + "01001000751000000017" + "20261123" + "20361122" + "0000"
    assert IssuerFile.decode(octets) == ISSUER
    assert ISSUER.serial.hex() == "1000751000000017"


@pytest.mark.parametrize("number", ["0100", "0100100075100000001X"])
def test_a_purse_has_a_number_of_twenty_digits(number: str) -> None:
    with pytest.raises(PurseRecordWrong, match="20 digits"):
        IssuerFile(ISSUER_BEIJING, number, date(2026, 1, 1), date(2036, 1, 1)).encode()


def test_file_17() -> None:
    octets = RegionFile(card_kind=0x03).encode()
    assert octets[:11].hex() == "00000156" + "0000" + "1000" + "0001" + "03"
    assert octets[11:] == bytes(49)
    assert RegionFile.decode(octets) == RegionFile(card_kind=0x03)
    assert RegionFile.decode(octets[:8] + bytes(52)).is_interoperable is False


def test_file_18() -> None:
    record = LogRecord(7, 0, 300, 0x09, bytes.fromhex("110000000042"), bytes.fromhex("20261123081500"))
    assert record.encode().hex() == "0007" + "000000" + "0000012c" + "09" + "110000000042" + "20261123081500"
    assert LogRecord.decode(record.encode()) == record


def test_file_1e() -> None:
    record = TripRecord(ENTRY, DEVICE, 1, 7, 3, 300, 9_700, AT)
    octets = record.encode()
    assert (
        octets.hex()
        == ("03" + DEVICE.hex() + "01" + "0001" + "0007" + "0003" + "00" + "0000012c" + "000025e4")
        + "20261123081500"
        + "1000"
        + ISSUER_BEIJING.hex()
        + "000000000000"
    )
    assert TripRecord.decode(octets) == record


def test_a_rail_record_through_a_ride() -> None:
    blank = RideRecord.blank(RAIL)
    assert blank.octets[:14].hex() == "27017d0101" + "00" * 9
    entered = blank.entered(
        city="1000", operator=ISSUER_BEIJING, station=STATION, device=DEVICE, at=AT, balance_fen=5_000
    )
    octets = entered.octets
    assert entered.is_inside
    assert (octets[14], octets[15:17].hex(), octets[19:27], octets[35:43]) == (1, "1000", ISSUER_BEIJING, STATION)
    assert (octets[51:59], octets[67:74].hex(), octets[91:95].hex()) == (DEVICE, "20261123081500", "00001388")
    assert (octets[99:106].hex(), octets[106:110], octets[120:123].hex()) == ("20261123081500", DEVICE[4:], "010055")
    assert octets[124:] == zlib.crc32(octets[6:124]).to_bytes(4)
    left = entered.left(city="1000", operator=ISSUER_BEIJING, station=STATION, device=DEVICE, at=AT, paid_fen=300)
    octets = left.octets
    assert not left.is_inside
    assert (octets[14], octets[17:19].hex(), octets[27:35], octets[43:51]) == (2, "1000", ISSUER_BEIJING, STATION)
    assert (octets[59:67], octets[74:81].hex(), octets[95:99].hex()) == (DEVICE, "20261123081500", "0000012c")
    assert octets[120:123].hex() == "000100"
    assert RideRecord.decode(octets) == left
    assert left.number_in("paid") == 300


def test_a_bus_record_has_no_checksum() -> None:
    record = RideRecord.blank(BUS).with_fields(state=1, on_line=52, fare=200, distance=12)
    octets = record.octets
    assert octets[:5].hex() == "27027d0101"
    assert (octets[14], octets[27:29].hex(), octets[96:100].hex(), octets[100:102].hex()) == (
        1,
        "0034",
        "000000c8",
        "000c",
    )
    assert RideRecord.decode(octets).is_inside


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (RideRecord.blank(RAIL).octets[:-1], "128 bytes"),
        (b"\x27\x03" + bytes(126), "2701 or 2702"),
        (RideRecord.blank(RAIL).octets[:20] + b"\1" + RideRecord.blank(RAIL).octets[21:], "checksum"),
    ],
)
def test_bytes_that_are_no_ride_record_are_told(octets: bytes, words: str) -> None:
    with pytest.raises(PurseRecordWrong, match=words):
        RideRecord.decode(octets)


@pytest.mark.parametrize(
    ("kind", "length"),
    [(IssuerFile, 29), (RegionFile, 61), (LogRecord, 22), (TripRecord, 0), (IssuerFile, 30), (TripRecord, 48)],
)
def test_bytes_that_are_no_such_file_are_told(kind: type[IssuerFile], length: int) -> None:
    with pytest.raises(PurseRecordWrong):
        kind.decode(b"\xff" * length)


def test_a_field_takes_only_what_fits() -> None:
    with pytest.raises(ValueError, match="in_city has 2 bytes"):
        RideRecord.blank(RAIL).with_fields(in_city=b"\1")
    with pytest.raises(KeyError):
        RideRecord.blank(RAIL).get("on_bus")
