"""Many certificates that differ in subject, key and serial number only: a model cut into pieces, filled in anew for each.

Building one certificate field by field costs more than signing it, and a city issues twenty million that look alike. The
model is issued as any other; its variable parts have fixed lengths, so a new one is the same bytes with others in their
places. What comes out is what ``issue_end_entity`` would have made.
"""

import hashlib
import secrets
from datetime import datetime

from asn1crypto import core, parser

from yikatong.gm.sm2 import PrivateKey
from yikatong.gm.x509_certificate import Authority, issue_end_entity
from yikatong.gm.x509_profile import SIGNATURE_ALGORITHM, Profile

_SERIAL_OCTETS = 20
_POINT_OCTETS = 65


class BulkIssuer:
    """Issues certificates of one profile and one validity under one authority. Safe to share between threads.

    ``name_length``: the ASCII characters of every subject's common name, the same for all (a chip's 识别码 has 32).
    """

    def __init__(
        self, issuer: Authority, *, profile: Profile, name_length: int, not_before: datetime, not_after: datetime
    ) -> None:
        self._key = issuer.key
        self._name_length = name_length
        marker = PrivateKey.generate().public
        serial, name = _serial_number(), secrets.token_hex(name_length)[:name_length]
        model = issue_end_entity(
            issuer, marker, profile=profile, name=name, not_before=not_before, not_after=not_after, serial_number=serial
        )
        body = bytes(model["tbs_certificate"].dump())
        parts = (serial.to_bytes(_SERIAL_OCTETS), name.encode(), marker.point, _key_identifier(marker.point))
        self._pieces = _cut(body, parts)
        self._tail = bytes(SIGNATURE_ALGORITHM.dump())

    def issue(self, point: bytes, *, name: str) -> tuple[bytes, int]:
        """The certificate's bytes and serial number for a public key (65 bytes, uncompressed) and its common name.

        The point is taken as it is: it must come from a key made here, not from outside. Raises ``ValueError``.
        """
        if len(name) != self._name_length or not name.isascii() or not name.isalnum():
            raise ValueError(f"a subject's name has {self._name_length} ASCII letters and digits here")
        if len(point) != _POINT_OCTETS or point[0] != 0x04:
            raise ValueError("a public key is 65 bytes, uncompressed")
        serial = _serial_number()
        parts = (serial.to_bytes(_SERIAL_OCTETS), name.encode(), point, _key_identifier(point))
        body = self._pieces[0] + b"".join(p + piece for p, piece in zip(parts, self._pieces[1:], strict=True))
        signature = parser.emit(0, 0, core.BitString.tag, b"\0" + self._key.sign_der(body))
        return parser.emit(0, 1, core.Sequence.tag, body + self._tail + signature), serial


def _serial_number() -> int:
    """A random one whose encoding always has 20 octets."""
    return secrets.randbits(158) | 1 << 158


def _key_identifier(point: bytes) -> bytes:
    """Source: RFC 5280, 4.2.1.2, method 1: SHA-1 of the key's bits, as a name and not as protection."""
    return hashlib.sha1(point, usedforsecurity=False).digest()


def _cut(body: bytes, parts: tuple[bytes, ...]) -> list[bytes]:
    """What is between the variable parts; each occurs once, in this order."""
    pieces: list[bytes] = []
    rest = body
    for part in parts:
        if body.count(part) != 1:
            raise ValueError("a variable part of the model certificate is not found exactly once")
        before, _, rest = rest.partition(part)
        pieces.append(before)
    return [*pieces, rest]
