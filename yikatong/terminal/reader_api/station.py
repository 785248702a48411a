"""Where the functions work: the terminal's readers, its security module, its keypad; and cards held between two steps.

A dialogue with an HSM is a generator (``Steps``): it yields each step's text and is sent the next step's
arguments. The card stays powered in it until it ends or is closed.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from hmac import compare_digest

from yikatong.smartcard.ssse_hsm import CardPath
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.ssse_pin import PinWrong, encode_pin
from yikatong.terminal.reader_api.codes import Code, ReaderError
from yikatong.terminal.reader_api.devices import Keypad, Readers
from yikatong.terminal.reader_api.social_card import Challenge, SecurityModule, SocialCard

NO_TERMINAL = "0" * 12
"""终端机编号 where there is no PSAM."""

type Steps = Generator[str, tuple[str, ...], str]
"""Yields a step's text, takes the next step's arguments, returns the last step's text."""


class Station:
    """One terminal. ``device``: 终端设备号; ``terminal``: 终端机编号 of payments without a PSAM. Raises ``ReaderError``."""

    def __init__(
        self, readers: Readers, *, device: str = "", terminal: str = NO_TERMINAL, keypad: Keypad | None = None
    ) -> None:
        self._readers, self._keypad = readers, keypad
        self.device, self.terminal = device, terminal
        self.path: CardPath | None = None
        """The card that was last used, as an HSM must know it."""

    @contextmanager
    def card(self, kind: int, card_info: str | None = None) -> Iterator[SocialCard]:
        """The card in the reader; with ``card_info`` (``识别码|卡号|``), only that card."""
        with self._readers.card(kind) as card:
            social = SocialCard(card)
            if card_info is not None and card_info != f"{social.free.identification}|{social.free.number}|":
                raise ReaderError(Code.OTHER_CARD)
            self.path = CardPath(social.free.region_code, social.free.historical)
            yield social

    @contextmanager
    def module(self, social: SocialCard) -> Iterator[SecurityModule]:
        """The security module, after the card has proved to it that it is genuine."""
        with self._readers.sam() as channel:
            if channel is None:
                raise ReaderError(Code.NO_SAM)
            module = SecurityModule(channel, social.free)
            challenge = social.challenge()
            require_genuine(social, challenge, module.cryptogram(challenge, key=Key.INTERNAL))
            yield module

    def typed(self, prompt: str) -> str:
        """The PIN that the holder types."""
        if self._keypad is None:
            raise ReaderError(Code.READER)
        pin = self._keypad.pin(prompt)
        pin_octets(pin)
        return pin

    def typed_twice(self) -> str:
        """A new PIN, typed twice."""
        new, again = self.typed("请输入新密码"), self.typed("请再输入一次新密码")
        if new != again:
            raise ReaderError(Code.PINS_DIFFER)
        return new


def pin_octets(pin: str) -> bytes:
    """A PIN as the card takes it. Raises ``ReaderError`` (−33)."""
    try:
        return encode_pin(pin)
    except PinWrong as error:
        raise ReaderError(Code.PIN_LENGTH) from error


def require_genuine(social: SocialCard, challenge: Challenge, expected: bytes) -> None:
    """Let the card prove itself. Raises ``ReaderError`` (−21)."""
    if not compare_digest(social.internal(challenge), expected):
        raise ReaderError(Code.INTERNAL_AUTHENTICATION)


def answer_in(field: str, challenge: Challenge) -> bytes:
    """The cryptogram in one field of pKey: 16 digits of it, and the 16 of the original information it is of."""
    try:
        octets = bytes.fromhex(field)
    except ValueError as error:
        raise ReaderError(Code.BAD_INPUT) from error
    if len(octets) != 16 or octets[8:] != challenge.original:
        raise ReaderError(Code.BAD_INPUT)
    return octets[:8]


def joined(fields: list[str]) -> str:
    """Fields as ``pOutInfo`` has them: each ends with ``|``."""
    return "".join(f"{field}|" for field in fields)
