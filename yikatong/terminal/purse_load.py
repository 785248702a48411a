"""Loading a transit purse at a counter or machine: the card and the issuer prove themselves to each other through the terminal.

The terminal holds no key for it. A load that was sent and not answered is asked about when the same card is back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from yikatong.foundation.errors import YikatongError
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.channel import Channel, exchange
from yikatong.smartcard.status import Refusal, Status
from yikatong.smartcard.tunion import LOAD
from yikatong.smartcard.tunion_layout import AID, ISSUER_LENGTH, ISSUER_SFI, IssuerFile, bcd_time
from yikatong.smartcard.tunion_loading import LoadRequest
from yikatong.terminal.pcsc import ReaderFault
from yikatong.terminal.purse import NoPurse, PaymentRefused

_KEY_INDEX, _PURSE = b"\x01", 0x02

type Authorise = Callable[[LoadRequest, datetime], bytes]
"""The issuer's MAC2 for a request, over whatever way it is reached. Raises ``YikatongError``."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A load that the card carried out, with its TAC."""

    request: LoadRequest
    at: datetime
    tac: bytes


class LoadTorn(YikatongError):
    """The card left before it answered: only it knows whether it loaded. For ``recover_load``."""

    def __init__(self, request: LoadRequest, at: datetime) -> None:
        self.request, self.at = request, at
        super().__init__("卡片移开得太早，请重新放上同一张卡")


def load_purse(card: Channel, amount_fen: int, *, terminal: bytes, authorise: Authorise, at: datetime) -> Loaded:
    """Load a purse. ``terminal``: 6 bytes. Raises ``NoPurse``, ``PaymentRefused``, ``LoadTorn``, and as ``authorise`` does."""
    issuer = _issuer_of(card)
    try:
        asked = _KEY_INDEX + amount_fen.to_bytes(4) + terminal
        answer = exchange(card, Command(0x80, 0x50, 0x00, _PURSE, asked, 0x10))
    except Refusal as refusal:
        raise PaymentRefused(refusal.status, f"卡片不接受充值：{refusal}") from refusal
    numbers = int.from_bytes(answer[:4]), int.from_bytes(answer[4:6])
    request = LoadRequest(issuer, amount_fen, terminal, *numbers, answer[7], answer[8:12], answer[12:])
    mac2 = authorise(request, at)
    try:
        tac = exchange(card, Command(0x80, 0x52, 0x00, 0x00, bcd_time(at) + mac2, 4))
    except ReaderFault as fault:
        raise LoadTorn(request, at) from fault
    except Refusal as refusal:
        raise PaymentRefused(refusal.status, f"没有充值：{refusal}") from refusal
    return Loaded(request, at, tac)


def recover_load(card: Channel, torn: LoadTorn) -> Loaded | None:
    """Whether the card loaded: its proof, or ``None`` when it did not. Raises ``PaymentRefused`` for another card."""
    if _issuer_of(card) != torn.request.issuer:
        raise PaymentRefused(Status.CONDITIONS_NOT_SATISFIED, "这不是刚才那张卡，请放上刚才的卡")
    number = (torn.request.counter + 1).to_bytes(2)
    try:
        proof = exchange(card, Command(0x80, 0x5A, 0x00, LOAD, number, 8))
    except Refusal as refusal:
        if refusal.status == Status.MAC_NOT_AVAILABLE:
            return None
        raise PaymentRefused(refusal.status, f"卡片不能说明是否已充值：{refusal}") from refusal
    return Loaded(torn.request, torn.at, proof[4:])


def _issuer_of(card: Channel) -> IssuerFile:
    try:
        exchange(card, Command(0x00, 0xA4, 0x04, 0x00, AID, 256))
        return IssuerFile.decode(exchange(card, Command(0x00, 0xB0, 0x80 | ISSUER_SFI, 0x00, expected=ISSUER_LENGTH)))
    except Refusal as refusal:
        raise NoPurse(f"这张卡没有可用的交通钱包：{refusal}") from refusal
