"""Many certificates of one authority, verified at a gate's pace: the form of one that was read in full serves for all like it.

Reading a certificate field by field takes longer than checking its signature. The first certificate of a form is parsed and its
chain verified as any other (``x509.verify_chain``); one that equals it in every byte but its serial number, times, name, key and
key identifier says the same of everything else. Only those are then read, the authority's signature is checked over all of it,
and what has another form is parsed in full. Revocation is the caller's: a terminal has a deny list.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from asn1crypto import x509

from yikatong.foundation.errors import Refused
from yikatong.gm.sm2 import KeyInvalid, PublicKey
from yikatong.gm.x509 import Profile, Reason, parse, public_key_of, verify_chain
from yikatong.gm.x509_profile import SIGNATURE_ALGORITHM

FORMS_MAX = 64
"""A city has a few; more would be somebody filling the memory."""
_TAIL = bytes(SIGNATURE_ALGORITHM.dump())
_LONG_SEQUENCE = b"\x30\x82"
"""A SEQUENCE whose length takes two bytes."""
_SERIAL_OCTETS, _TIME_OCTETS, _POINT_OCTETS, _IDENTIFIER_OCTETS = 20, 13, 65, 20


@dataclass(frozen=True, slots=True)
class VerifiedCertificate:
    """What a verified end certificate says. ``name``: its common name."""

    name: str
    serial_number: int
    not_after: datetime
    key: PublicKey


@dataclass(frozen=True, slots=True)
class _Form:
    """A certificate's signed body but for its fields: ``pieces`` surround ``lengths``. ``valid``: when its authority is."""

    pieces: tuple[bytes, ...]
    lengths: tuple[int, ...]
    authority_key: PublicKey
    valid: tuple[datetime, datetime]

    def fields(self, body: bytes) -> list[bytes] | None:
        """The fields of a body of this form; ``None`` for a body of another."""
        found, place = [], 0
        for piece, length in zip(self.pieces, (*self.lengths, 0), strict=True):
            if not body.startswith(piece, place):
                return None
            place += len(piece)
            found.append(body[place : place + length])
            place += length
        return found[:-1] if place == len(body) else None


class BulkVerifier:
    """Verifies end certificates of one profile below ``authorities``, which are believed as they are."""

    def __init__(self, authorities: Sequence[x509.Certificate], profile: Profile) -> None:
        self._authorities, self._profile = list(authorities), profile
        self._forms: dict[int, list[_Form]] = {}  # by the body's length
        self._count = 0

    def verify(self, der: bytes, *, at: datetime) -> VerifiedCertificate:
        """Verify one certificate. Raises ``Refused`` as ``x509.parse`` and ``x509.verify_chain`` do."""
        split = _split(der)
        if split is not None:
            body, signature = split
            for form in self._forms.get(len(body), ()):
                fields = form.fields(body)
                if fields is not None and (read := _read(fields)) is not None:
                    return _checked(read, form, body, signature, at)
        return self._verify_in_full(der, at)

    def _verify_in_full(self, der: bytes, at: datetime) -> VerifiedCertificate:
        certificate = parse(der)
        key = verify_chain([certificate], self._authorities, at=at, profile=self._profile)
        name = str(certificate.subject.native["common_name"])
        self._learn(certificate, name)
        return VerifiedCertificate(name, certificate.serial_number, certificate.not_valid_after, key)

    def _learn(self, certificate: x509.Certificate, name: str) -> None:
        """Keep its form, when its fields can be told apart in it and its times are of the usual length."""
        identifier, point = certificate.key_identifier, public_key_of(certificate).point
        issuers = [known for known in self._authorities if known.key_identifier == certificate.authority_key_identifier]
        if self._count >= FORMS_MAX or len(issuers) != 1 or identifier != _identifier_of(point):
            return
        validity = certificate["tbs_certificate"]["validity"]
        times = [bytes(validity[part].chosen.contents) for part in ("not_before", "not_after")]
        serial = certificate.serial_number.to_bytes(_SERIAL_OCTETS)
        fields = (serial, *times, name.encode(), point, identifier)
        body, pieces = bytes(certificate["tbs_certificate"].dump()), []
        rest = body
        for field in fields:
            if body.count(field) != 1 or field not in rest:
                return
            piece, _, rest = rest.partition(field)
            pieces.append(piece)
        lengths = tuple(map(len, fields))
        if lengths[1:3] == (_TIME_OCTETS, _TIME_OCTETS) and serial[0] in range(1, 0x80):
            valid = issuers[0].not_valid_before, issuers[0].not_valid_after
            form = _Form((*pieces, rest), lengths, public_key_of(issuers[0]), valid)
            self._forms.setdefault(len(body), []).append(form)
            self._count += 1


def _split(der: bytes) -> tuple[bytes, bytes] | None:
    """A certificate's signed body and its signature, when all around them is as ours are made, byte by byte."""
    if len(der) < 8 or der[:2] != _LONG_SEQUENCE or der[4:6] != _LONG_SEQUENCE:
        return None
    end = 8 + int.from_bytes(der[6:8])
    start = end + len(_TAIL) + 3
    body, signature = der[4:end], der[start:]
    around = _LONG_SEQUENCE + (len(der) - 4).to_bytes(2) + body + _TAIL + bytes((0x03, len(signature) + 1 & 0x7F, 0x00))
    return (body, signature) if len(signature) < 0x7F and der[:start] == around else None


@dataclass(frozen=True, slots=True)
class _Read:
    """The fields, read."""

    serial_number: int
    not_before: datetime
    not_after: datetime
    name: str
    key: PublicKey


def _read(fields: list[bytes]) -> _Read | None:
    """The fields of a form; ``None`` when one is none, so that the certificate is read, and refused, in full."""
    serial, begins, ends, name, point, identifier = fields
    if not 1 <= serial[0] < 0x80 or identifier != _identifier_of(point):
        return None
    try:
        text = name.decode("ascii")
        times = [_time(octets) for octets in (begins, ends)]
        key = PublicKey.from_point(point)
    except (ValueError, KeyInvalid):
        return None
    if not text.isalnum():
        return None
    return _Read(int.from_bytes(serial), times[0], times[1], text, key)


def _checked(read: _Read, form: _Form, body: bytes, signature: bytes, at: datetime) -> VerifiedCertificate:
    if not form.authority_key.verify_der(body, signature):
        raise Refused(Reason.SIGNATURE_WRONG, f"{read.name} was not signed by its authority")
    for not_before, title in ((read.not_before, read.name), (form.valid[0], "the authority")):
        if at < not_before:
            raise Refused(Reason.NOT_YET_VALID, f"{title} is valid from {not_before}")
    for not_after, title in ((read.not_after, read.name), (form.valid[1], "the authority")):
        if at > not_after:
            raise Refused(Reason.EXPIRED, f"{title} was valid until {not_after}")
    return VerifiedCertificate(read.name, read.serial_number, read.not_after, read.key)


@lru_cache(maxsize=1024)
def _time(octets: bytes) -> datetime:
    """A UTCTime; years below 50 are of this century. Source: RFC 5280, 4.1.2.5.1."""
    text = octets.decode("ascii")
    if not text.endswith("Z") or not text[:-1].isdecimal() or text[:2] >= "50":
        raise ValueError("not a time of this century")
    year, month, day, hour, minute, second = (int(text[place : place + 2]) for place in range(0, 12, 2))
    return datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)


def _identifier_of(point: bytes) -> bytes:
    """Source: RFC 5280, 4.2.1.2, method 1: SHA-1 of the key's bits, as a name and not as protection."""
    return hashlib.sha1(point, usedforsecurity=False).digest()
