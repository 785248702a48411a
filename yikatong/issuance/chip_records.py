"""What goes into the chip of one card: the register's facts, the city's derived keys, and the card's own pair, as a record.

``ChipRecords`` opens sealed personal data to put them into the record; neither they nor keys are logged or told in an error.
It changes nothing: what becomes of a card that cannot be prepared is its caller's decision.
"""

from dataclasses import dataclass

from yikatong.city.folder import open_folder
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import YikatongError
from yikatong.gm.sm4 import IntegrityError
from yikatong.issuance.models import Card, CardState, ChipKey
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher, key_store
from yikatong.smartcard.bureau_file import CardRecord
from yikatong.smartcard.making import CardMaker, CertifiedPair
from yikatong.smartcard.ssse_layout import ItemWrong, Key, historical_bytes, initialising_institution
from yikatong.smartcard.third_generation import SocialContents

MASTER_NUMBERS = (
    Key.PUK,
    Key.INTERNAL,
    Key.PIN_SERVICE,
    Key.READ,
    Key.BLOCK,
    Key.UPDATE,
    Key.PURCHASE,
    Key.LOAD,
    Key.TAC,
)
MASTER_VERSION = 1
"""The version of the city's card keys. A change of it is a change of every terminal's SAM and not made in passing."""

_INITIALISING_REGIONS = {"110000": "110100"}
"""Where cards of a city are initialised. Source: LD/T 32 part 8 for Beijing; other cities by themselves: assumption."""
_INSTITUTION_SEQUENCE = 2
_CHIP_MAKER, _CHIP, _CARD_MAKER = b"\x00\x81", b"JDF", b"\x86\x60"
"""Source: a published trace; that all our blanks are of this one make: assumption."""


class CardHeld(YikatongError):
    """A card that cannot be prepared. The text says why, in Chinese, and holds no personal data."""


@dataclass(frozen=True, slots=True)
class ChipRecords:
    """Makes records for one city. For one thread."""

    maker: CardMaker
    region_code: str

    @classmethod
    def of_city(cls) -> "ChipRecords":
        """With the city's keys, made at first use."""
        store = key_store()
        names = {number: f"card-master/{number:02X}" for number in MASTER_NUMBERS}
        store.ensure(symmetric=tuple(names.values()))
        region_code = open_folder().head.code
        masters = {number: store.get(name, MASTER_VERSION) for number, name in names.items()}
        return cls(CardMaker(None, masters, region_code), region_code)

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
            chip_maker=_CHIP_MAKER,
            chip=_CHIP,
            card_maker=_CARD_MAKER,
            region_code=self.region_code,
            serial=chip_serial,
        )
        try:
            prepared = self.maker.prepare_with(pair, self._contents(card, person), historical)
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
        )


def _opened(field: str, sealed: "bytes | memoryview[int]") -> str:
    """One damaged value holds one card back; a key that is missing altogether stops everything, as it must."""
    try:
        return field_cipher().open(field, bytes(sealed))
    except IntegrityError as error:
        raise CardHeld(f"登记库中的 {field} 已损坏，无法打开") from error
