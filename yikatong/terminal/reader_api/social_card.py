"""A terminal's dialogue with a social security card: reading what is free, proving both sides, reading the holder.

Source: LD/T 32 part 5 and a published trace of a 3.00 card (docs/card.md), also for the order of challenges:
original, factor.
"""

from dataclasses import dataclass

from yikatong.smartcard import ssse_sam
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.channel import Channel, exchange
from yikatong.smartcard.ssse_layout import ISSUER_ITEMS, NAME, Key, Version, holder_items
from yikatong.smartcard.ssse_security import factor_of_card, factor_of_province, factor_of_region
from yikatong.smartcard.status import Refusal, Status
from yikatong.terminal.reader_api.codes import Code, ReaderError, error_of
from yikatong.terminal.reader_api.devices import Card

SM4 = 0x03
FACTOR_LENGTH = 8
_ISSUER_RECORDS = {"identification": 1, "version": 3, "issued": 5, "expires": 6, "number": 7}
_HOLDER_TAGS = {"identity_number": 0x08, "name": 0x09, "name_extension": 0x4E}


@dataclass(frozen=True, slots=True)
class FreeData:
    """What every card shows: from EF05, the ATR and the selection."""

    identification: str
    version: str
    issued: str
    expires: str
    number: str
    historical: bytes
    algorithm: int

    @property
    def region_code(self) -> str:
        """发卡地区, six digits."""
        return self.identification[:6]

    @property
    def needs_external(self) -> bool:
        """Whether the holder's data are closed until the reader has proved itself."""
        return self.version >= Version.V3


@dataclass(frozen=True, slots=True)
class Challenge:
    """Two of the card's random numbers, 8 bytes each."""

    original: bytes
    factor: bytes

    @property
    def fields(self) -> list[str]:
        """As a step tells them: 过程因子, 原始信息."""
        return [self.factor.hex().upper(), self.original.hex().upper()]


class SocialCard:
    """One card, from its selection on. Raises ``ReaderError``."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self.free = self._read_free()

    def challenge(self) -> Challenge:
        """Ask the card for two random numbers."""
        return Challenge(self.random(), self.random())

    def random(self) -> bytes:
        """Ask the card for a random number, 8 bytes."""
        return self.send(Command(0x00, 0x84, 0x00, 0x00, expected=FACTOR_LENGTH))

    def internal(self, challenge: Challenge) -> bytes:
        """The card's cryptogram, 8 bytes."""
        return self.send(Command(0x00, 0x88, 0x00, 0x00, challenge.factor + challenge.original, FACTOR_LENGTH))

    def external(self, cryptogram: bytes, original: bytes, *, key: int = Key.READ) -> None:
        """Prove to the card that the terminal, or its HSM, holds a key."""
        self.send(Command(0x00, 0x82, 0x00, key, cryptogram + original))

    def holder(self) -> tuple[str, str]:
        """社会保障号码 and 姓名. A 1.00 card has no extension of the name."""
        self.send(Command(0x00, 0xA4, 0x02, 0x00, b"\xef\x06"))
        items = {item.tag: item for item in holder_items(Version(self.free.version))}
        values = {
            name: items[tag].decode(self.send(Command(0x00, 0xB2, tag, 0x00, expected=items[tag].length + 2)))
            for name, tag in _HOLDER_TAGS.items()
            if tag in items
        }
        return values["identity_number"], values["name"] + values.get("name_extension", "")

    def send(self, command: Command) -> bytes:
        """A command's data. Raises ``ReaderError`` by the status word."""
        try:
            return exchange(self._card, command)
        except Refusal as refusal:
            raise error_of(refusal) from refusal

    def _read_free(self) -> FreeData:
        try:
            selected = exchange(self._card, Command(0x00, 0xA4, 0x04, 0x00, NAME, 256))
        except Refusal as refusal:
            raise ReaderError(Code.WRONG_CARD) from refusal
        items = dict(enumerate(ISSUER_ITEMS, start=1))
        values = {
            name: items[number].decode(self.send(Command(0x00, 0xB2, number, 0x2C, expected=items[number].length + 2)))
            for name, number in _ISSUER_RECORDS.items()
        }
        return FreeData(**values, historical=self._card.atr[4:17], algorithm=_algorithm_in(selected, values))


def _algorithm_in(selected: bytes, values: dict[str, str]) -> int:
    """Tag 86 of the selection; without it, SSF33 for Beijing and DES elsewhere. Source: reader specification §10.1."""
    place = selected.find(b"\x86\x01")
    if place >= 0:
        return selected[place + 2]
    return 0x02 if values["identification"].startswith("11") else 0x01


class SecurityModule:
    """The terminal's PSAM. Raises ``ReaderError``."""

    def __init__(self, channel: Channel, free: FreeData) -> None:
        self.channel = channel
        if free.algorithm != SM4:
            raise ReaderError(Code.ALGORITHM)
        try:
            exchange(channel, Command(0x00, 0xA4, 0x04, 0x0C, ssse_sam.AID))
            self.terminal = exchange(channel, Command(0x00, 0xB0, 0x96, 0x00, expected=6)).hex()
            exchange(channel, Command(0xBF, 0xEC, 0x00, 0x00, bytes.fromhex(free.identification[:2])))
        except Refusal as refusal:
            raise ReaderError(Code.SAM) from refusal
        levels = (
            factor_of_card(free.historical),
            factor_of_region(free.region_code),
            factor_of_province(free.region_code),
        )
        self.factors = b"".join(levels)

    def cryptogram(self, challenge: Challenge, *, key: int) -> bytes:
        """What only a holder of the key can make of the card's random numbers, 8 bytes."""
        try:
            exchange(self.channel, Command(0xBF, 0xDE, 0x01, key, self.factors + challenge.factor))
            return exchange(self.channel, Command(0x80, 0xFA, 0x00, 0x00, challenge.original, FACTOR_LENGTH))
        except Refusal as refusal:
            code: int = Code.SAM
            if refusal.status == Status.KEY_INDEX_UNKNOWN and key != Key.INTERNAL:
                code = Code.NO_READING_KEY if key == Key.READ else -Status.REFERENCE_DATA_NOT_FOUND
            raise ReaderError(code) from refusal
