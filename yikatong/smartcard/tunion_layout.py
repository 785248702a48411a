"""The transit purse's files: which there are, what stands where in them, and records made and read.

Dates and times are BCD: date 4 bytes, time 3, in Beijing time. Amounts are fen, 4 bytes.
Source: files and offsets as readers and gates use them (docs/card.md). The numbers of records, that only
the purse itself writes, and which industry number a metro writes (sources disagree): assumption.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from yikatong.foundation.clock import BEIJING
from yikatong.smartcard.files import FREE, Directory, ElementaryFile, Structure

AID = bytes.fromhex("A000000632010105")
PATH = "TU"
ISSUER_BEIJING = bytes.fromhex("01011000FFFFFFFF")
"""Source: readers of Beijing's cards."""
METRO_INDUSTRY = 0x01
ISSUER_SFI, HOLDER_SFI, REGION_SFI, LOG_SFI, RIDE_SFI, TRIP_SFI = 0x15, 0x16, 0x17, 0x18, 0x1A, 0x1E
ISSUER_LENGTH, HOLDER_LENGTH, REGION_LENGTH = 30, 55, 60
LOG_LENGTH, RIDE_LENGTH, TRIP_LENGTH = 23, 128, 48
RIDE_RECORDS, LOG_RECORDS, TRIP_RECORDS = 2, 10, 10
RAIL, BUS = 0x01, 0x02
"""Numbers of the records in file 1A: the low byte of their ids 2701 and 2702."""


class PurseRecordWrong(ValueError):
    """Bytes that are no such record; the text says what is wrong, never what they hold."""


class PurseKey:
    """Key numbers in the card's memory and its data grouping. Source: assumption."""

    PURCHASE = 0x01
    LOAD = 0x02
    TAC = 0x03


def purse_directory() -> Directory:
    """The purse's files. Only the purse itself writes them, with a transaction."""
    transparent, fixed, cyclic = Structure.TRANSPARENT, Structure.LINEAR_FIXED, Structure.CYCLIC
    files = (
        _file(ISSUER_SFI, transparent, ISSUER_LENGTH),
        _file(HOLDER_SFI, transparent, HOLDER_LENGTH),
        _file(REGION_SFI, transparent, REGION_LENGTH),
        _file(LOG_SFI, cyclic, LOG_LENGTH, LOG_RECORDS),
        _file(RIDE_SFI, fixed, RIDE_LENGTH, RIDE_RECORDS),
        _file(TRIP_SFI, cyclic, TRIP_LENGTH, TRIP_RECORDS),
    )
    return Directory(PATH, 0xDF05, (AID,), files)


def _file(sfi: int, structure: Structure, size: int, records: int = 0) -> ElementaryFile:
    return ElementaryFile(sfi, sfi, structure, size, records, FREE)


def bcd_time(at: datetime) -> bytes:
    """A moment as YYYYMMDDhhmmss, 7 bytes, in Beijing time."""
    return bytes.fromhex(f"{at.astimezone(BEIJING):%Y%m%d%H%M%S}")


def read_bcd_time(octets: bytes) -> datetime:
    """The moment in 7 bytes. Raises ``PurseRecordWrong``."""
    try:
        return datetime.strptime(octets.hex(), "%Y%m%d%H%M%S").replace(tzinfo=BEIJING)
    except ValueError as error:
        raise PurseRecordWrong("a date and time of a record are none") from error


def _bcd_date(day: date) -> bytes:
    return bytes.fromhex(day.isoformat().replace("-", ""))


@dataclass(frozen=True, slots=True)
class IssuerFile:
    """File 15. ``issuer``: 8 bytes. ``number``: the purse's own, 20 digits (it begins with 0)."""

    issuer: bytes
    number: str
    starts_on: date
    ends_on: date
    application_kind: int = 0x02
    version: int = 0x01

    def encode(self) -> bytes:
        """As 30 bytes. Raises ``PurseRecordWrong``."""
        if len(self.issuer) != 8 or len(self.number) != 20 or not self.number.isdecimal():
            raise PurseRecordWrong("file 15: the issuer has 8 bytes, the purse's number 20 digits")
        head = self.issuer + bytes((self.application_kind, self.version)) + bytes.fromhex(self.number)
        return head + _bcd_date(self.starts_on) + _bcd_date(self.ends_on) + b"\0\0"

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Raises ``PurseRecordWrong``."""
        if len(octets) != ISSUER_LENGTH:
            raise PurseRecordWrong(f"file 15 has {ISSUER_LENGTH} bytes, not {len(octets)}")
        days = [read_bcd_time(octets[place : place + 4] + bytes(3)).date() for place in (20, 24)]
        return cls(octets[:8], octets[10:20].hex(), days[0], days[1], octets[8], octets[9])

    @property
    def serial(self) -> bytes:
        """What a card's keys are derived with: the last 8 bytes of its number."""
        return bytes.fromhex(self.number)[2:]


@dataclass(frozen=True, slots=True)
class RegionFile:
    """File 17. Region codes are UnionPay's; ``is_interoperable``: other cities may take it. ``card_kind``: 1 ordinary, 2 student,
    3 senior, 4 test, 5 military."""

    city: str = "1000"
    province: str = "0000"
    is_interoperable: bool = True
    card_kind: int = 0x01

    def encode(self) -> bytes:
        """As 60 bytes."""
        head = "00000156" + self.province + self.city + f"{self.is_interoperable:04d}"
        return (bytes.fromhex(head) + bytes((self.card_kind,))).ljust(REGION_LENGTH, b"\0")

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Raises ``PurseRecordWrong``."""
        if len(octets) != REGION_LENGTH:
            raise PurseRecordWrong(f"file 17 has {REGION_LENGTH} bytes, not {len(octets)}")
        return cls(octets[6:8].hex(), octets[4:6].hex(), octets[8:10] == b"\0\1", octets[10])


@dataclass(frozen=True, slots=True)
class LogRecord:
    """File 18: one transaction. ``counter``: the card's number it was begun with. ``terminal``: 6 bytes. ``time``: 7, BCD."""

    counter: int
    overdraft_fen: int
    amount_fen: int
    kind: int
    terminal: bytes
    time: bytes

    def encode(self) -> bytes:
        """As 23 bytes."""
        amounts = self.overdraft_fen.to_bytes(3) + self.amount_fen.to_bytes(4)
        return self.counter.to_bytes(2) + amounts + bytes((self.kind,)) + self.terminal + self.time

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Raises ``PurseRecordWrong``."""
        if len(octets) != LOG_LENGTH:
            raise PurseRecordWrong(f"a record of file 18 has {LOG_LENGTH} bytes, not {len(octets)}")
        counter, overdraft_fen, amount_fen = (int.from_bytes(octets[a:b]) for a, b in ((0, 2), (2, 5), (5, 9)))
        return cls(counter, overdraft_fen, amount_fen, octets[9], octets[10:16], octets[16:])


ENTRY, EXIT, FLAT_FARE = 0x03, 0x04, 0x06


@dataclass(frozen=True, slots=True)
class TripRecord:
    """File 1E: a journey's beginning or end for other cities to read. ``kind``: ENTRY, EXIT or FLAT_FARE."""

    kind: int
    terminal: bytes
    line: int
    station: int
    operator: int
    amount_fen: int
    balance_fen: int
    at: datetime
    city: str = "1000"
    acceptor: bytes = ISSUER_BEIJING
    industry: int = METRO_INDUSTRY

    def encode(self) -> bytes:
        """As 48 bytes. ``terminal`` and ``acceptor``: 8 bytes each."""
        place = bytes((self.industry,)) + self.line.to_bytes(2) + self.station.to_bytes(2) + self.operator.to_bytes(2)
        money = self.amount_fen.to_bytes(4) + self.balance_fen.to_bytes(4)
        head = bytes((self.kind,)) + self.terminal + place + b"\0" + money + bcd_time(self.at)
        return (head + bytes.fromhex(self.city) + self.acceptor).ljust(TRIP_LENGTH, b"\0")

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Raises ``PurseRecordWrong``."""
        if len(octets) != TRIP_LENGTH:
            raise PurseRecordWrong(f"a record of file 1E has {TRIP_LENGTH} bytes, not {len(octets)}")
        line, station, operator = (int.from_bytes(octets[place : place + 2]) for place in (10, 12, 14))
        amount_fen, balance_fen = int.from_bytes(octets[17:21]), int.from_bytes(octets[21:25])
        at, city, acceptor = read_bcd_time(octets[25:32]), octets[32:34].hex(), octets[34:42]
        return cls(
            octets[0], octets[1:9], line, station, operator, amount_fen, balance_fen, at, city, acceptor, octets[9]
        )
