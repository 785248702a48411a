"""The ride records of the transit purse (file 1A): where a ride that is not over began, and how the last one ended.

Source: the fields as gates write them (docs/card.md); the rail record from byte 106 on follows Shanghai's use. The byte order of
its CRC-32: assumption.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from yikatong.smartcard.tunion_layout import BUS, RAIL, RIDE_LENGTH, PurseRecordWrong, bcd_time

_RAIL_FIELDS: Mapping[str, tuple[int, int]] = {
    "valid": (4, 1),
    "lock": (5, 1),
    "serial": (6, 8),
    "state": (14, 1),
    "in_city": (15, 2),
    "out_city": (17, 2),
    "in_operator": (19, 8),
    "out_operator": (27, 8),
    "in_station": (35, 8),
    "out_station": (43, 8),
    "in_device": (51, 8),
    "out_device": (59, 8),
    "in_time": (67, 7),
    "out_time": (74, 7),
    "fare_max": (81, 4),
    "in_line": (85, 1),
    "out_line": (86, 1),
    "in_amount": (87, 4),
    "in_balance": (91, 4),
    "paid": (95, 4),
    "last_time": (99, 7),
    "last_device": (106, 4),
    "month_amount": (110, 3),
    "month_count": (113, 2),
    "transfer": (115, 5),
    "in_flag": (120, 1),
    "out_flag": (121, 1),
    "status": (122, 1),
    "crc": (124, 4),
}
_BUS_FIELDS: Mapping[str, tuple[int, int]] = {
    "valid": (4, 1),
    "lock": (5, 1),
    "serial": (6, 8),
    "state": (14, 1),
    "on_city": (15, 2),
    "on_operator": (17, 8),
    "on_company": (25, 2),
    "on_line": (27, 2),
    "on_stop": (29, 1),
    "on_bus": (30, 8),
    "on_device": (38, 8),
    "on_time": (46, 7),
    "marked": (53, 4),
    "direction": (57, 1),
    "off_city": (58, 2),
    "off_operator": (60, 8),
    "off_company": (68, 2),
    "off_line": (70, 2),
    "off_stop": (72, 1),
    "off_bus": (73, 8),
    "off_device": (81, 8),
    "off_time": (89, 7),
    "fare": (96, 4),
    "distance": (100, 2),
}
_FIELDS = {RAIL: _RAIL_FIELDS, BUS: _BUS_FIELDS}
_CRC_FROM, _CRC_PLACE = 6, 124
INSIDE, OUTSIDE = 0x01, 0x02
_STATUS_ENTERED = 0x55


@dataclass(frozen=True, slots=True)
class RideRecord:
    """A record of file 1A: where a ride that is not over began, and how the last one ended. ``octets``: 128."""

    octets: bytes

    @classmethod
    def blank(cls, number: int) -> Self:
        """One that no gate has written yet: RAIL or BUS."""
        return cls(_sealed(number, bytes((0x27, number, RIDE_LENGTH - 3, 0x01, 0x01)).ljust(RIDE_LENGTH, b"\0")))

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Raises ``PurseRecordWrong`` for another length or id, or a rail record whose checksum does not agree."""
        if len(octets) != RIDE_LENGTH or octets[0] != 0x27 or octets[1] not in _FIELDS:
            raise PurseRecordWrong(f"a record of file 1A has {RIDE_LENGTH} bytes and begins with 2701 or 2702")
        if octets != _sealed(octets[1], octets):
            raise PurseRecordWrong("the rail record's checksum does not agree")
        return cls(octets)

    @property
    def number(self) -> int:
        """RAIL or BUS."""
        return self.octets[1]

    @property
    def is_inside(self) -> bool:
        """Whether a ride has begun and not ended."""
        return self.octets[14] == INSIDE

    def get(self, name: str) -> bytes:
        """One field by name. Raises ``KeyError`` for one that this kind of record does not have."""
        place, length = _FIELDS[self.number][name]
        return self.octets[place : place + length]

    def number_in(self, name: str) -> int:
        """One field as a number."""
        return int.from_bytes(self.get(name))

    def with_fields(self, **values: bytes | int) -> Self:
        """Another record with some fields changed. Raises ``KeyError``, ``ValueError`` for a value that does not fit."""
        octets = bytearray(self.octets)
        for name, value in values.items():
            place, length = _FIELDS[self.number][name]
            field = value.to_bytes(length) if isinstance(value, int) else value
            if len(field) != length:
                raise ValueError(f"{name} has {length} bytes, not {len(field)}")
            octets[place : place + length] = field
        return type(self)(_sealed(self.number, bytes(octets)))

    def entered(
        self, *, city: str, operator: bytes, station: bytes, device: bytes, at: datetime, balance_fen: int
    ) -> Self:
        """A rail record after an entry. ``operator``, ``station``, ``device``: 8 bytes each."""
        time = bcd_time(at)
        return self.with_fields(
            state=INSIDE,
            in_city=bytes.fromhex(city),
            in_operator=operator,
            in_station=station,
            in_device=device,
            in_time=time,
            in_amount=0,
            in_balance=balance_fen,
            last_time=time,
            last_device=device[4:],
            in_flag=1,
            out_flag=0,
            status=_STATUS_ENTERED,
        )

    def left(self, *, city: str, operator: bytes, station: bytes, device: bytes, at: datetime, paid_fen: int) -> Self:
        """A rail record after an exit at which ``paid_fen`` was paid."""
        time = bcd_time(at)
        return self.with_fields(
            state=OUTSIDE,
            out_city=bytes.fromhex(city),
            out_operator=operator,
            out_station=station,
            out_device=device,
            out_time=time,
            paid=paid_fen,
            last_time=time,
            last_device=device[4:],
            in_flag=0,
            out_flag=1,
            status=0,
        )


def _sealed(number: int, octets: bytes) -> bytes:
    """A rail record with its CRC-32 over bytes 6 to 123; a bus record has none."""
    if number != RAIL:
        return octets
    return octets[:_CRC_PLACE] + zlib.crc32(octets[_CRC_FROM:_CRC_PLACE]).to_bytes(4)
