"""Preparing a card: its key pair, its certificate, its keys derived from the city's, and all of it as data groupings.

One ``CardMaker`` serves one authority, region and validity, and prepares cards by the million; it is for one thread, several
processes have one each. It stores nothing: what becomes of a prepared card is its caller's decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from yikatong.gm.sm2 import generate_pair
from yikatong.gm.sm4 import BlockCipher
from yikatong.gm.x509_bulk import BulkIssuer
from yikatong.smartcard.dgi import Group, Grouping, encode_groupings
from yikatong.smartcard.payment import BankReference
from yikatong.smartcard.ssse_layout import Version
from yikatong.smartcard.ssse_security import (
    diversify,
    diversifying_block,
    factor_of_card,
    factor_of_province,
    factor_of_region,
)
from yikatong.smartcard.third_generation import PurseContents, SocialContents, purse_groupings, social_groupings
from yikatong.smartcard.tunion_security import CIPHERS, Algorithm, issuer_factor

IDENTIFICATION_DIGITS = 32


@dataclass(frozen=True, slots=True)
class PreparedCard:
    """``groupings``: what goes into the chip, with its keys, encoded. ``serial_number``: the certificate's."""

    identification: bytes
    groupings: bytes
    certificate_der: bytes
    serial_number: int

    def __repr__(self) -> str:
        """Without the groupings, which hold keys."""
        return f"PreparedCard({self.identification.hex()})"


@dataclass(frozen=True, slots=True)
class CertifiedPair:
    """A chip's key pair that is certified already. ``scalar``: the private key, 32 bytes."""

    scalar: bytes
    certificate_der: bytes
    serial_number: int

    def __repr__(self) -> str:
        """Without the private key."""
        return f"CertifiedPair({self.serial_number:x})"


class CardMaker:
    """``masters``: the city's keys by number (``ssse_layout.Key``). ``purse_masters``: those of transit purses, by number
    (``tunion_layout.PurseKey``). ``issuer``: with names of 32 characters.

    Without an issuer it prepares only cards whose pair was made and certified elsewhere.
    """

    def __init__(
        self,
        issuer: BulkIssuer | None,
        masters: Mapping[int, bytes],
        region_code: str,
        purse_masters: Mapping[int, bytes] | None = None,
    ) -> None:
        self._issuer = issuer
        self._purse_masters = purse_masters or {}
        self._purse_ciphers: dict[bytes, dict[int, BlockCipher]] = {}
        factors = factor_of_province(region_code), factor_of_region(region_code)
        self._regional = {number: BlockCipher(diversify(master, *factors)) for number, master in masters.items()}

    def card_keys(self, historical: bytes) -> dict[int, bytes]:
        """A card's own keys, by number: the same as ``ssse_security.card_key`` derives."""
        block = diversifying_block(factor_of_card(historical))
        return {number: cipher.encrypt(block) for number, cipher in self._regional.items()}

    def purse_keys(self, purse: PurseContents) -> dict[int, bytes]:
        """A purse's own keys, by number: the same as ``PurseContents.card_keys`` derives."""
        if purse.algorithm is not Algorithm.SM4:
            return purse.card_keys(self._purse_masters)
        issuer = issuer_factor(purse.issuer.issuer)
        if issuer not in self._purse_ciphers:
            self._purse_ciphers[issuer] = {
                number: BlockCipher(CIPHERS[Algorithm.SM4].diversify(master, issuer))
                for number, master in self._purse_masters.items()
            }
        block = diversifying_block(purse.issuer.serial)
        return {number: cipher.encrypt(block) for number, cipher in self._purse_ciphers[issuer].items()}

    def prepare(
        self,
        contents: SocialContents,
        historical: bytes,
        version: Version = Version.V3,
        *,
        purse: PurseContents | None = None,
        bank: BankReference | None = None,
    ) -> PreparedCard:
        """A card of these contents with a new pair; keys in ``contents`` and ``purse`` are not used.

        Raises ``ItemWrong``, ``ValueError``.
        """
        if self._issuer is None:
            raise ValueError("a maker without an issuer prepares cards with a certified pair only")
        scalar, point = generate_pair()
        certificate, serial = self._issuer.issue(point, name=contents.identification_code)
        pair = CertifiedPair(scalar, certificate, serial)
        return self.prepare_with(pair, contents, historical, version, purse=purse, bank=bank)

    def prepare_with(
        self,
        pair: CertifiedPair,
        contents: SocialContents,
        historical: bytes,
        version: Version = Version.V3,
        *,
        purse: PurseContents | None = None,
        bank: BankReference | None = None,
    ) -> PreparedCard:
        """The same with a pair that there is already, whose certificate must be over it. Raises ``ItemWrong``."""
        groupings = [
            *social_groupings(contents, historical, version, keys=self.card_keys(historical)),
            Grouping(Group.IDENTITY_KEY, pair.scalar),
            Grouping(Group.CERTIFICATE, pair.certificate_der),
        ]
        if purse is not None:
            groupings += purse_groupings(purse, keys=self.purse_keys(purse))
        if bank is not None:
            groupings.append(Grouping(Group.BANK_REFERENCE, bank.encode()))
        identification = bytes.fromhex(contents.identification_code)
        return PreparedCard(identification, encode_groupings(groupings), pair.certificate_der, pair.serial_number)
