"""What goes into the chip of one card: the register's facts, the city's derived keys, and the card's own pair, as a record.

``ChipRecords`` opens sealed personal data to put them into the record; neither they nor keys are logged or told in an error.
It changes nothing: what becomes of a card that cannot be prepared is its caller's decision.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

from yikatong.city.folder import open_folder
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import YikatongError
from yikatong.gm.keystore import KeyStore, KeyUnknown
from yikatong.gm.sm4 import IntegrityError
from yikatong.issuance.models import Card, CardState, ChipKey
from yikatong.issuance.portraits import chip_portrait_of
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher, key_store
from yikatong.smartcard.bureau_file import CardRecord
from yikatong.smartcard.card_roots import ROOT_NAMES, card_roots, purse_roots
from yikatong.smartcard.making import CardMaker, CertifiedPair
from yikatong.smartcard.ssse_layout import ItemWrong, historical_bytes, initialising_institution
from yikatong.smartcard.third_generation import PurseContents, SocialContents
from yikatong.smartcard.tunion_layout import ISSUER_BEIJING, IssuerFile

log = logging.getLogger(__name__)

_INITIALISING_REGIONS = {"110000": "110100"}
"""Where cards of a city are initialised. Source: LD/T 32 part 8 for Beijing; other cities by themselves: assumption."""
_INSTITUTION_SEQUENCE = 2
_PURSE_PREFIX = "0100100075"
CHIP_MAKER, CHIP, CARD_MAKER = b"\x00\x81", b"JDF", b"\x86\x60"
"""Source: a published trace; that all our blanks are of this one make: assumption."""


class CardHeld(YikatongError):
    """A card that cannot be prepared. The text says why, in Chinese, and holds no personal data."""


def city_roots(read: Callable[[KeyStore], dict[int, bytes]]) -> dict[int, bytes]:
    """The roots that ``read`` takes from the city's key store. Raises ``KeyUnknown`` in production before their ceremony."""
    store = key_store()
    try:
        return read(store)
    except KeyUnknown:
        if os.environ.get("YIKATONG_ENV") == "production":
            raise
        log.warning("the cards' roots are made without a ceremony, for development only: yikatong keys ceremony")
        store.ensure(symmetric=ROOT_NAMES)
        return read(store)


@dataclass(frozen=True, slots=True)
class ChipRecords:
    """Makes records for one city. For one thread."""

    maker: CardMaker
    region_code: str

    @classmethod
    def of_city(cls) -> "ChipRecords":
        """With the city's roots in their current versions. Raises ``KeyUnknown`` in production before their ceremony."""
        social, purses = city_roots(card_roots), city_roots(purse_roots)
        region_code = open_folder().head.code
        return cls(CardMaker(None, social, region_code, purses), region_code)

    def record(
        self, card: Card, person: Person | None, chip_key: ChipKey | None, *, sequence: int, chip_serial: int
    ) -> CardRecord:
        """The record of one card, over the pair it is certified with. Raises ``CardHeld``."""
        if card.state == CardState.CANCELLED:
            raise CardHeld("此卡已注销")
        if chip_key is None or card.certificate_der is None:
            raise CardHeld("没有此卡的芯片密钥或证书")
        if person is None:
            raise CardHeld("登记库中没有持卡人")
        scalar = bytes.fromhex(_opened("chip_key", chip_key.private_key_sealed))
        pair = CertifiedPair(scalar, bytes(card.certificate_der), int(card.certificate_serial_hex, 16))
        historical = historical_bytes(
            chip_maker=CHIP_MAKER,
            chip=CHIP,
            card_maker=CARD_MAKER,
            region_code=self.region_code,
            serial=chip_serial,
        )
        try:
            contents = self._contents(card, person)
            prepared = self.maker.prepare_with(pair, contents, historical, purse=_purse(contents, chip_serial))
        except ItemWrong as wrong:
            raise CardHeld(f"个人信息写不进芯片：{wrong}") from wrong
        return CardRecord(sequence, prepared.identification, prepared.groupings)

    def _contents(self, card: Card, person: Person) -> SocialContents:
        identity_number = _opened("identity_number", person.identity_number_sealed)
        if card.made_at is None or card.expires_on is None:
            raise CardHeld("此卡没有发卡日期或有效期")
        initialising_region = _INITIALISING_REGIONS.get(self.region_code, self.region_code)
        return SocialContents(
            identification_code=card.identification_code,
            institution=initialising_institution(self.region_code, initialising_region, _INSTITUTION_SEQUENCE),
            issued_on=beijing_day(card.made_at),
            expires_on=card.expires_on,
            card_number=card.card_number,
            identity_number=identity_number,
            name=_opened("name", person.name_sealed),
            sex=person.sex,
            ethnicity_code=person.ethnicity_code,
            birthplace_code=identity_number[:6],
            birth_date=person.birth_date,
            portrait_jpeg=chip_portrait_of(person.person_id),
        )


def _purse(contents: SocialContents, chip_serial: int) -> PurseContents:
    """An empty transit purse, numbered after its blank and valid as long as the card.

    The bank's own applet is for the bank to personalise. Source: assumption (how purses are numbered).
    """
    number = f"{_PURSE_PREFIX}{chip_serial:010d}"
    return PurseContents(IssuerFile(ISSUER_BEIJING, number, contents.issued_on, contents.expires_on))


def _opened(field: str, sealed: "bytes | memoryview[int]") -> str:
    """One damaged value holds one card back; a key that is missing altogether stops everything, as it must."""
    try:
        return field_cipher().open(field, bytes(sealed))
    except IntegrityError as error:
        raise CardHeld(f"登记库中的 {field} 已损坏，无法打开") from error
