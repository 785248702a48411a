"""Command and response APDUs, short and extended, in all four cases.

The bytes between a terminal and a card; what they mean is the applications' business.
Source: ISO/IEC 7816-3:2006, 12.1 (cases and their coding); ISO/IEC 7816-4:2013, 5.1.
"""

from dataclasses import dataclass
from typing import Self

from yikatong.smartcard.status import Status

SHORT_DATA_MAX = 255
SHORT_EXPECTED_MAX = 256
EXTENDED_DATA_MAX = 65535
EXTENDED_EXPECTED_MAX = 65536
_HEADER_LENGTH = 4


class MalformedApdu(ValueError):
    """Bytes that are no APDU: too short, or their length fields disagree with their number."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command APDU.

    ``expected``: how many response bytes the sender waits for at most, ``None`` when it waits for none (cases 1 and 3). A
    length field of zero means the largest: 256, or 65536 when ``is_extended``.
    """

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    expected: int | None = None
    is_extended: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.cla | self.ins | self.p1 | self.p2 <= 0xFF:
            names = ("cla", "ins", "p1", "p2")
            wrong = next(name for name in names if not 0 <= getattr(self, name) <= 0xFF)
            raise ValueError(f"{wrong} of a command is one byte, not {getattr(self, wrong)}")
        data_max, expected_max = SHORT_DATA_MAX, SHORT_EXPECTED_MAX
        if self.is_extended:
            data_max, expected_max = EXTENDED_DATA_MAX, EXTENDED_EXPECTED_MAX
        if len(self.data) > data_max:
            raise ValueError(f"a command carries at most {data_max} bytes, not {len(self.data)}")
        if self.expected is not None and not 1 <= self.expected <= expected_max:
            raise ValueError(f"a command expects 1 to {expected_max} bytes, not {self.expected}")

    @property
    def header(self) -> bytes:
        """CLA INS P1 P2."""
        return bytes((self.cla, self.ins, self.p1, self.p2))

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """The command in ``octets``. Raises ``MalformedApdu``."""
        if len(octets) < _HEADER_LENGTH:
            raise MalformedApdu(f"a command has at least 4 bytes, not {len(octets)}")
        cla, ins, p1, p2 = octets[:_HEADER_LENGTH]
        body = octets[_HEADER_LENGTH:]
        if not body:
            return cls(cla, ins, p1, p2)
        if len(body) == 1:
            return cls(cla, ins, p1, p2, expected=body[0] or SHORT_EXPECTED_MAX)
        if body[0]:
            data, tail = body[1 : 1 + body[0]], body[1 + body[0] :]
            if len(data) < body[0] or len(tail) > 1:
                raise MalformedApdu(f"Lc is {body[0]}, but {len(body) - 1} bytes follow")
            return cls(cla, ins, p1, p2, data, (tail[0] or SHORT_EXPECTED_MAX) if tail else None)
        return cls._decode_extended(octets[:_HEADER_LENGTH], body)

    @classmethod
    def _decode_extended(cls, header: bytes, body: bytes) -> Self:
        if len(body) < 3:
            raise MalformedApdu("an extended length field has three bytes")
        cla, ins, p1, p2 = header
        length = int.from_bytes(body[1:3])
        if len(body) == 3:
            return cls(cla, ins, p1, p2, expected=length or EXTENDED_EXPECTED_MAX, is_extended=True)
        data, tail = body[3 : 3 + length], body[3 + length :]
        if not length or len(data) < length or len(tail) not in {0, 2}:
            raise MalformedApdu(f"extended Lc is {length}, but {len(body) - 3} bytes follow")
        expected = (int.from_bytes(tail) or EXTENDED_EXPECTED_MAX) if tail else None
        return cls(cla, ins, p1, p2, data, expected, is_extended=True)

    def encode(self) -> bytes:
        """The bytes to send."""
        if self.is_extended:
            return self.header + self._extended_body()
        body = bytes((len(self.data),)) + self.data if self.data else b""
        if self.expected is not None:
            body += bytes((self.expected % SHORT_EXPECTED_MAX,))
        return self.header + body

    def _extended_body(self) -> bytes:
        expected = b"" if self.expected is None else (self.expected % EXTENDED_EXPECTED_MAX).to_bytes(2)
        if self.data:
            return b"\0" + len(self.data).to_bytes(2) + self.data + expected
        return b"\0" + expected if expected else b""


@dataclass(frozen=True, slots=True)
class Response:
    """A response APDU: data and status word."""

    data: bytes
    status: int

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """The response in ``octets``. Raises ``MalformedApdu``."""
        if len(octets) < 2:
            raise MalformedApdu(f"a response has at least the 2 bytes of its status, not {len(octets)}")
        return cls(octets[:-2], int.from_bytes(octets[-2:]))

    def encode(self) -> bytes:
        """The bytes to send."""
        return self.data + self.status.to_bytes(2)

    @property
    def is_ok(self) -> bool:
        """Whether the command was carried out in full."""
        return self.status == Status.SUCCESS
