"""Is this card real, and which card is it: offline, with the city's certificates.

A card is verified by its certificate, up to a trusted authority, and by its signature over a fresh challenge, so that a copy of
its files proves nothing. Whether it was reported lost is the deny list's to say.
Source: assumption (the identity key's commands); LD/T 32 part 6 (what is free to read).
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import x509 as asn1

from yikatong.foundation.errors import Refused, YikatongError
from yikatong.gm import x509
from yikatong.gm.sm2 import PublicKey
from yikatong.gm.x509_bulk_verify import BulkVerifier
from yikatong.smartcard import identity
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.channel import Channel, exchange
from yikatong.smartcard.ssse_layout import NAME
from yikatong.smartcard.status import Refusal

CHALLENGE_LENGTH = 16
_CERTIFICATE_SFI, _PIECE = 0x01, 0xFF


class CardNotGenuine(YikatongError):
    """The card could not prove what its certificate says, or has none that is trusted here."""


@dataclass(frozen=True, slots=True)
class GenuineCard:
    """A card that proved itself, by its certificate's name (卡识别码, 32 hex digits), number and last moment."""

    identification_code: str
    serial_number: int
    expires_at: datetime


class CardVerifier:
    """Verifies cards against ``authorities`` (issuing certificates that are believed as they are). Keeps their keys ready."""

    def __init__(self, authorities: Sequence[asn1.Certificate], *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._certificates = BulkVerifier(authorities, x509.Profile.CARD)
        self._random = random

    def verify(self, card: Channel, at: datetime) -> GenuineCard:
        """Let a card prove itself. Raises ``CardNotGenuine``."""
        try:
            exchange(card, Command(0x00, 0xA4, 0x04, 0x0C, identity.AID))
            certificate = self._certificates.verify(read_certificate(card), at=at)
            self._challenge(card, certificate.key)
        except Refusal as refusal:
            raise CardNotGenuine(f"这张卡没有可用的身份密钥：{refusal}") from refusal
        except Refused as refused:
            raise CardNotGenuine(f"卡的证书不可信：{refused}") from refused
        return GenuineCard(certificate.name, certificate.serial_number, certificate.not_after)

    def _challenge(self, card: Channel, key: PublicKey) -> None:
        challenge = self._random(CHALLENGE_LENGTH)
        signature = exchange(card, Command(0x00, 0x88, 0x00, identity.CARD_PROOF, challenge, 64))
        if not key.verify(identity.signed_message(identity.CARD_PROOF, challenge), signature):
            raise CardNotGenuine("卡没有证明自己持有证书中的密钥：可能是复制卡")


def read_identification_code(card: Channel) -> str:
    """卡识别码 in 32 hex digits, free to read; empty for a card without a social security environment."""
    try:
        exchange(card, Command(0x00, 0xA4, 0x04, 0x0C, NAME))
        return exchange(card, Command(0x00, 0xB2, 0x01, 0x2C, expected=0x12))[2:].hex().upper()
    except Refusal:
        return ""


def read_certificate(card: Channel) -> bytes:
    """The certificate's bytes, from the selected identity application. Raises ``Refusal``."""
    octets = exchange(card, Command(0x00, 0xB0, 0x80 | _CERTIFICATE_SFI, 0x00, expected=_PIECE))
    length = 4 + int.from_bytes(octets[2:4])
    while len(octets) < length:
        piece = min(_PIECE, length - len(octets))
        read = exchange(card, Command(0x00, 0xB0, len(octets) >> 8, len(octets) & 0xFF, expected=piece))
        if not read:
            break
        octets += read
    return octets[:length]
