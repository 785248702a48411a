"""The file that goes to a bank's card bureau: one sealed record for each card to be made, in order, whole or not at all.

    header   magic (8) ‖ job (16) ‖ part (2) ‖ bureau's key number (2) ‖ records (4) ‖ file nonce (8)
    record   length (4) ‖ sequence (4) ‖ 识别码 (16) ‖ sealed groupings
    trailer  CMAC under the bureau's MAC key over the SM3 of everything before it (16)

Each record is SM4-GCM under the bureau's sealing key, with the header, the sequence and the 识别码 authenticated and the nonce
made of file nonce and sequence, so that no record can be moved, swapped or put into another file. The bureau checks the trailer
before it makes the first card. The two keys are derived from the one that the city and the bureau share.
Source: the pattern of EMV Card Personalization Specification 1.1 (encrypted groupings, file MAC); the layout: assumption.
"""

import hmac
import secrets
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from yikatong.foundation.errors import YikatongError
from yikatong.gm import sm3, sm4

MAGIC = b"YKTPERS1"
_HEADER = struct.Struct(">8s16sHHI8s")
_RECORD = struct.Struct(">I I 16s")
TRAILER_LENGTH = 16

type KeyOf = Callable[[int], bytes]


class BureauFileWrong(YikatongError):
    """A bureau file that must not be used: cut short, altered, or for another bureau."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the file is. ``part``: a job is delivered in parts, numbered from 1; ``records`` in this one."""

    job: UUID
    part: int
    key_id: int
    records: int
    nonce: bytes

    def encode(self) -> bytes:
        """The file's first bytes."""
        return _HEADER.pack(MAGIC, self.job.bytes, self.part, self.key_id, self.records, self.nonce)


@dataclass(frozen=True, slots=True)
class CardRecord:
    """One card: its place in the job, its 识别码 (16 bytes), and its data groupings, encoded."""

    sequence: int
    identification: bytes
    groupings: bytes

    def __repr__(self) -> str:
        """Without the groupings, which hold keys."""
        return f"CardRecord({self.sequence}, {self.identification.hex()})"


def write_bureau_file(
    out: BinaryIO, cards: Iterable[CardRecord], *, records: int, job: UUID, part: int, key_id: int, key: bytes
) -> Header:
    """Write a file of exactly ``records`` cards. Raises ``ValueError`` when there are more or fewer."""
    header = Header(job, part, key_id, records, secrets.token_bytes(8))
    sealing, authenticating = _keys_from(key, header)
    digest, written = sm3.hasher(), 0
    start = header.encode()
    digest.update(start)
    out.write(start)
    for card in cards:
        nonce, authenticated = _bindings(header, card.sequence, card.identification)
        sealed = sm4.gcm_encrypt(sealing, nonce, card.groupings, authenticated)
        record = _RECORD.pack(len(sealed), card.sequence, card.identification) + sealed
        digest.update(record)
        out.write(record)
        written += 1
    if written != records:
        raise ValueError(f"the file was to hold {records} cards, not {written}")
    out.write(sm4.mac(authenticating, digest.digest()))
    return header


def read_bureau_file(octets: bytes, key_of: "KeyOf") -> tuple[Header, list[CardRecord]]:
    """What a bureau reads. ``key_of`` gives the shared key by its number. Raises ``BureauFileWrong``."""
    if len(octets) < _HEADER.size + TRAILER_LENGTH or not octets.startswith(MAGIC):
        raise BureauFileWrong("this is no personalisation file, or it is cut short: ask for it again")
    _, job, part, key_id, records, nonce = _HEADER.unpack_from(octets)
    header = Header(UUID(bytes=job), part, key_id, records, nonce)
    sealing, authenticating = _keys_from(key_of(key_id), header)
    body, trailer = octets[:-TRAILER_LENGTH], octets[-TRAILER_LENGTH:]
    if not hmac.compare_digest(sm4.mac(authenticating, sm3.digest(body)), trailer):
        raise BureauFileWrong(
            "the file was altered, cut short, or is for another bureau: make no card of it, ask for it again"
        )
    found = list(_opened(body, sealing, header))
    if len(found) != records:
        raise BureauFileWrong(f"the file says {records} cards and holds {len(found)}: ask for it again")
    return header, found


def _opened(body: bytes, sealing: bytes, header: Header) -> Iterator[CardRecord]:
    position = _HEADER.size
    while position < len(body):
        if position + _RECORD.size > len(body):
            raise BureauFileWrong("the file ends inside a record: ask for it again")
        length, sequence, identification = _RECORD.unpack_from(body, position)
        position += _RECORD.size + length
        nonce, authenticated = _bindings(header, sequence, identification)
        try:
            groupings = sm4.gcm_decrypt(sealing, nonce, body[position - length : position], authenticated)
        except sm4.IntegrityError as error:
            raise BureauFileWrong(f"record {sequence} does not open: ask for the file again") from error
        yield CardRecord(sequence, identification, groupings)


def _keys_from(key: bytes, header: Header) -> tuple[bytes, bytes]:
    """The key that seals records and the key that authenticates the file, this file's own."""
    context = header.job.bytes + header.part.to_bytes(2) + header.nonce
    return sm4.mac(key, b"seal" + context), sm4.mac(key, b"file" + context)


def _bindings(header: Header, sequence: int, identification: bytes) -> tuple[bytes, bytes]:
    """A record's nonce, and what is authenticated with it: its place cannot be exchanged with another's."""
    place = sequence.to_bytes(4)
    return header.nonce + place, header.encode() + place + identification
