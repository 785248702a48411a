"""A terminal's side of a transit purse: reading it, taking money from it, and asking again after a torn payment.

The terminal holds no key: its security module (PSAM) makes the MAC that the card asks for and checks the one it answers. A
payment that was sent and not answered is *torn*: the money may have moved or not, and only the card can tell (``recover``).
Source: gates' own dialogues (docs/card.md); JR/T 0025 (transaction proof).
"""

from dataclasses import dataclass
from datetime import datetime

from yikatong.foundation.errors import YikatongError
from yikatong.smartcard import ssse_sam, tunion_sam
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.channel import Channel, exchange
from yikatong.smartcard.status import Refusal, Status
from yikatong.smartcard.tunion import COMPOUND, PURCHASE
from yikatong.smartcard.tunion_layout import (
    AID,
    ISSUER_LENGTH,
    ISSUER_SFI,
    RAIL,
    REGION_LENGTH,
    REGION_SFI,
    RIDE_LENGTH,
    RIDE_SFI,
    TRIP_SFI,
    IssuerFile,
    RegionFile,
    TripRecord,
    bcd_time,
)
from yikatong.smartcard.tunion_ride import RideRecord
from yikatong.smartcard.tunion_security import issuer_factor
from yikatong.terminal.pcsc import ReaderFault

_KEY_INDEX = b"\x01"
_PURSE = 0x02


class NoPurse(YikatongError):
    """The card has no transit purse, or one that this terminal cannot read."""


class PaymentRefused(YikatongError):
    """The card or the security module did not take part. Nothing was paid. ``status``: the status word."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class PaymentTorn(YikatongError):
    """The card left before it answered: only it knows whether it paid. ``pending`` is for ``recover``."""

    def __init__(self, pending: "Pending") -> None:
        self.pending = pending
        super().__init__("卡片移开得太早，请重新放上同一张卡")


@dataclass(frozen=True, slots=True)
class PurseState:
    """What a gate reads of a purse before it decides."""

    issuer: IssuerFile
    region: RegionFile
    ride: RideRecord

    @property
    def number(self) -> str:
        """The purse's own number, 20 digits."""
        return self.issuer.number


@dataclass(frozen=True, slots=True)
class Pending:
    """A payment that was sent to the card. ``counter``: the card's, ``terminal_number``: the module's.

    ``issuer``: file 15's first 8 bytes; ``versions``: the card's key version and algorithm.
    """

    purse_number: str
    kind: int
    amount_fen: int
    balance_before_fen: int
    counter: int
    terminal_number: int
    at: datetime
    issuer: bytes
    versions: bytes


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment that the card made. ``tac``: 4 bytes, for its issuer; ``is_checked``: the module saw the card's MAC2."""

    asked: Pending
    tac: bytes
    is_checked: bool = True

    @property
    def balance_after_fen(self) -> int:
        """What was left; no less than nothing when the purse was overdrawn by it."""
        return max(self.asked.balance_before_fen - self.asked.amount_fen, 0)


class PurseTerminal:
    """One terminal with its security module in ``sam``; for one card at a time."""

    def __init__(self, sam: Channel) -> None:
        """Raises ``PaymentRefused`` when the module is none for purses."""
        self._sam = sam
        try:
            exchange(sam, Command(0x00, 0xA4, 0x04, 0x0C, ssse_sam.AID))
            self.terminal = exchange(sam, Command(0x00, 0xB0, 0x96, 0x00, expected=6))
            exchange(sam, Command(0x00, 0xA4, 0x04, 0x0C, tunion_sam.AID))
        except Refusal as refusal:
            raise PaymentRefused(refusal.status, f"安全模块不支持交通钱包：{refusal}") from refusal
        if not self.terminal.hex().isdecimal():
            raise PaymentRefused(Status.CONDITIONS_NOT_SATISFIED, "安全模块的终端机编号不是 12 位数字，请更换安全模块")

    def read(self, card: Channel) -> PurseState:
        """Select a card's purse and read it. Raises ``NoPurse``, and ``PurseRecordWrong`` for a record that is none."""
        try:
            exchange(card, Command(0x00, 0xA4, 0x04, 0x00, AID, 256))
            issuer = exchange(card, Command(0x00, 0xB0, 0x80 | ISSUER_SFI, 0x00, expected=ISSUER_LENGTH))
            region = exchange(card, Command(0x00, 0xB0, 0x80 | REGION_SFI, 0x00, expected=REGION_LENGTH))
            ride = exchange(card, Command(0x00, 0xB2, RAIL, RIDE_SFI << 3 | 0x04, expected=RIDE_LENGTH))
        except Refusal as refusal:
            raise NoPurse(f"这张卡没有可用的交通钱包：{refusal}") from refusal
        return PurseState(IssuerFile.decode(issuer), RegionFile.decode(region), RideRecord.decode(ride))

    def begin(self, card: Channel, amount_fen: int, *, kind: int = COMPOUND) -> "BegunPayment":
        """Tell the card the amount; it answers its balance. Nothing is paid yet. Raises ``PaymentRefused``."""
        p1 = 0x03 if kind == COMPOUND else 0x01
        data = _KEY_INDEX + amount_fen.to_bytes(4) + self.terminal
        try:
            answer = exchange(card, Command(0x80, 0x50, p1, _PURSE, data, 0x0F))
        except Refusal as refusal:
            told = "余额不足" if refusal.status == Status.FUNDS_INSUFFICIENT else f"卡片不接受扣款：{refusal}"
            raise PaymentRefused(refusal.status, told) from refusal
        return BegunPayment(
            kind, amount_fen, int.from_bytes(answer[:4]), int.from_bytes(answer[4:6]), answer[9:11], answer[11:]
        )

    def finish(
        self,
        card: Channel,
        state: PurseState,
        begun: "BegunPayment",
        at: datetime,
        *,
        ride: RideRecord | None = None,
        trip: TripRecord | None = None,
    ) -> Payment:
        """Let the card pay what was begun and write the records with it. Raises ``PaymentRefused``, ``PaymentTorn``."""
        time = bcd_time(at)
        asked = (
            begun.random
            + begun.counter.to_bytes(2)
            + begun.amount_fen.to_bytes(4)
            + bytes((begun.kind,))
            + time
            + begun.versions
            + state.issuer.serial
            + issuer_factor(state.issuer.issuer)
        )
        try:
            authorised = exchange(self._sam, Command(0x80, 0x70, 0x00, 0x00, asked, 8))
            for record in _cached(ride, trip):
                exchange(card, record)
        except Refusal as refusal:
            raise PaymentRefused(refusal.status, f"没有扣款：{refusal}") from refusal
        number = int.from_bytes(authorised[:4])
        pending = Pending(
            state.number,
            begun.kind,
            begun.amount_fen,
            begun.balance_fen,
            begun.counter,
            number,
            at,
            state.issuer.issuer,
            begun.versions,
        )
        try:
            answer = exchange(card, Command(0x80, 0x54, 0x01, 0x00, authorised[:4] + time + authorised[4:], 8))
        except ReaderFault as fault:
            raise PaymentTorn(pending) from fault
        except Refusal as refusal:
            raise PaymentRefused(refusal.status, f"没有扣款：{refusal}") from refusal
        if not self._has_paid(answer[4:]):
            raise PaymentRefused(Status.MAC_WRONG, "卡片没有真正扣款：应答不是本卡的密钥算出的")
        return Payment(pending, answer[:4])

    def pay(self, card: Channel, amount_fen: int, at: datetime) -> Payment:
        """A plain purchase, as in a canteen. Raises ``NoPurse``, ``PaymentRefused``, ``PaymentTorn``."""
        state = self.read(card)
        return self.finish(card, state, self.begin(card, amount_fen, kind=PURCHASE), at)

    def recover(self, card: Channel, pending: Pending) -> Payment | None:
        """Whether the card paid: the payment, or ``None`` when it did not. Raises ``PaymentRefused`` for another card.

        Before anything else is asked of the module, it still checks the card's MAC2; later only the issuer can, by the TAC.
        """
        state = self.read(card)
        if state.number != pending.purse_number:
            raise PaymentRefused(Status.CONDITIONS_NOT_SATISFIED, "这不是刚才那张卡，请放上刚才的卡")
        number = (pending.counter + 1).to_bytes(2)
        try:
            proof = exchange(card, Command(0x80, 0x5A, 0x00, pending.kind, number, 8))
        except Refusal as refusal:
            if refusal.status == Status.MAC_NOT_AVAILABLE:
                return None
            raise PaymentRefused(refusal.status, f"卡片不能说明是否已扣款：{refusal}") from refusal
        return Payment(pending, proof[4:], is_checked=self._has_paid(proof[:4]))

    def _has_paid(self, mac2: bytes) -> bool:
        try:
            exchange(self._sam, Command(0x80, 0x72, 0x00, 0x00, mac2))
        except Refusal:
            return False
        return True


@dataclass(frozen=True, slots=True)
class BegunPayment:
    """What a card answered to INITIALISE. ``versions``: key version and algorithm; ``random``: 4 bytes."""

    kind: int
    amount_fen: int
    balance_fen: int
    counter: int
    versions: bytes
    random: bytes


def _cached(ride: RideRecord | None, trip: TripRecord | None) -> list[Command]:
    """The records that are written with the payment."""
    commands = []
    if ride is not None:
        commands.append(Command(0x80, 0xDC, ride.number, RIDE_SFI << 3, ride.octets))
    if trip is not None:
        commands.append(Command(0x80, 0xDC, 0x00, TRIP_SFI << 3, trip.encode()))
    return commands
