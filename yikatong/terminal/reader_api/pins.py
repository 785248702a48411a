"""The card's PIN: checked, changed, set anew, unblocked. It keeps no PIN.

Setting a PIN anew and unblocking it take the card's PUK and its PIN service key. A security module of ours
holds neither, because a lost terminal must not open cards: without an HSM these functions answer −27272, after
which software goes on with the steps. Source: LD/T 32 part 5 (commands), the reader specification (steps);
that −27272 is the answer, and that the steps of unblocking leave the new PIN's field out: assumption.
"""

from yikatong.smartcard.apdu import Command
from yikatong.smartcard.ssse_hsm import ADDRESSES, ALGORITHM, RESET_HEADER, UNBLOCK_HEADER
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.status import Refusal, Status, tries_left_in
from yikatong.terminal.reader_api.codes import Code, ReaderError
from yikatong.terminal.reader_api.social_card import SocialCard
from yikatong.terminal.reader_api.station import Station, Steps, answer_in, joined, pin_octets

_DIGITS = {RESET_HEADER: 50, UNBLOCK_HEADER: 18}
"""How many hex digits the last step's pKey has."""


def verify(station: Station, kind: int) -> str:
    """Let the holder type the PIN, and the card check it. Raises ``ReaderError``."""
    with station.card(kind) as social:
        check(social, station.typed("请输入密码"))
    return ""


def change(station: Station, kind: int) -> str:
    """Let the holder type the PIN, and a new one twice. Raises ``ReaderError``."""
    with station.card(kind) as social:
        old, new = station.typed("请输入原密码"), station.typed_twice()
        _checked(social, Command(0x80, 0x5E, 0x01, 0x00, pin_octets(old) + b"\xff" + pin_octets(new)))
    return ""


def service(station: Station, kind: int, card_info: str) -> str:
    """Set anew or unblock with the security module, which has no key for it. Raises ``ReaderError``."""
    with station.card(kind, card_info) as social, station.module(social):
        pass
    raise ReaderError(-Status.REFERENCE_DATA_NOT_FOUND)


def service_steps(station: Station, kind: int, card_info: str, header: str) -> Steps:
    """Set anew (``RESET_HEADER``) or unblock (``UNBLOCK_HEADER``) with an HSM: three steps."""
    with station.card(kind, card_info) as social:
        challenge = social.challenge()
        (answer,) = yield joined([ALGORITHM, ADDRESSES[Key.PUK], *challenge.fields])
        cryptogram = answer_in(answer.removesuffix("|"), challenge)
        new = [station.typed_twice()] if header == RESET_HEADER else []
        social.external(cryptogram, challenge.original, key=Key.PUK)
        factor = social.random().hex().upper()
        (answer,) = yield joined([ALGORITHM, ADDRESSES[Key.PIN_SERVICE], factor, header, *new])
        social.send(_secured(answer.removesuffix("|"), header))
    return ""


def check(social: SocialCard, pin: str) -> None:
    """Let the card check a PIN. Raises ``ReaderError`` (−51, −52)."""
    _checked(social, Command(0x00, 0x20, 0x00, 0x00, pin_octets(pin)))


def _secured(answer: str, header: str) -> Command:
    try:
        octets = bytes.fromhex(answer)
    except ValueError as error:
        raise ReaderError(Code.BAD_INPUT) from error
    if len(answer) != _DIGITS[header] or octets[:5].hex() != header.lower():
        raise ReaderError(Code.BAD_INPUT)
    return Command.decode(octets)


def _checked(social: SocialCard, command: Command) -> None:
    try:
        social.send(command)
    except ReaderError as error:
        cause = error.__cause__
        if not isinstance(cause, Refusal):
            raise
        if cause.status == Status.METHOD_BLOCKED:
            raise ReaderError(Code.PIN_LOCKED) from cause
        if tries_left_in(cause.status) is not None:
            raise ReaderError(Code.PIN_WRONG) from cause
        raise
