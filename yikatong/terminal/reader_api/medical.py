"""Paying from the medical account on the card, and reading what was paid: ``iDoDebit`` and ``iReadDebitRecord``.

Amounts come and go in yuan with two decimals and are fen inside. A payment is known by its card and its
``pPayInfo``: asked for again, it is told again and not taken again. A card that leaves before it answers may
have paid or not; when it is back, ``iDoDebit`` asks it first (``_settle_open``). It keeps no PIN. Source: the
reader specification (fields and their order), LD/T 32 part 5 (the dialogue, TRANSACTION PROOF). That what
account and pooled fund pay together is all taken from the account, since one number is given for both, the
amounts' spelling in the answer, and the codes after a torn payment: assumption.
"""

import re
from dataclasses import dataclass

import msgspec

from yikatong.smartcard.apdu import Command
from yikatong.smartcard.channel import Channel, exchange
from yikatong.smartcard.ssse_account import ALGORITHM_SM4, PURCHASE, Amounts
from yikatong.smartcard.ssse_hsm import ADDRESSES
from yikatong.smartcard.ssse_layout import AID_PREFIX, Key
from yikatong.smartcard.status import Refusal, Status
from yikatong.smartcard.stored_value import AMOUNT_MAX_FEN, KEY_INDEX
from yikatong.terminal.reader_api import pins
from yikatong.terminal.reader_api.codes import Code, ReaderError
from yikatong.terminal.reader_api.kept_payments import KeptPayment, KeptPayments
from yikatong.terminal.reader_api.money import fen, yuan
from yikatong.terminal.reader_api.social_card import SocialCard
from yikatong.terminal.reader_api.station import Station, Steps, joined

TAC_KEY_ADDRESS = "00B5"
_MEDICAL_AID = AID_PREFIX + b"\x03"
_LOG_SFI, _LOG_LENGTH, _LOG_RECORDS = 0x08, 0x1C, 30
_IN_DOUBT = frozenset({Status.NO_DIAGNOSIS, Status.MEMORY_FAILURE})
"""What says neither that the card paid nor that it did not; a garbled answer is among it."""
_TIME = re.compile(r"[0-9]{14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Payment:
    """What is to be paid. ``time``: YYYYMMDDHHMMSS."""

    amounts: Amounts
    time: str

    @property
    def total_fen(self) -> int:
        """All three parts."""
        return self.amounts.account_fen + self.amounts.self_paid_fen + self.amounts.pooled_fen

    @property
    def told(self) -> str:
        """金额: all, and what account and pooled fund pay, in hex."""
        return f"{self.total_fen:08X}{self.amounts.account_fen + self.amounts.pooled_fen:08X}"

    @classmethod
    def parse(cls, text: str) -> "Payment":
        """From ``总额|账户+统筹|时间|``. Raises ``ReaderError`` (−23)."""
        fields = text.split("|")
        if len(fields) != 4 or fields[3] or not _TIME.fullmatch(fields[2]):
            raise ReaderError(Code.BAD_INPUT)
        total_fen, account_fen = (fen(field) for field in fields[:2])
        if not account_fen <= total_fen <= AMOUNT_MAX_FEN:
            raise ReaderError(Code.BAD_INPUT)
        return cls(Amounts(account_fen, total_fen - account_fen, 0), fields[2])


@dataclass(frozen=True, slots=True)
class _Begun:
    """What the card answered to INITIALISE: ``sums`` (account, self-paid, pooled, year), its counter,
    versions, random number."""

    sums: bytes
    counter: int
    versions: bytes
    random: bytes


class Till:
    """One station's payments. Raises ``ReaderError``."""

    def __init__(self, station: Station, kept: KeptPayments) -> None:
        self._station, self._kept = station, kept

    def debit(self, kind: int, card_info: str, pay_info: str) -> str:
        """Pay with the security module."""
        payment = Payment.parse(pay_info)
        with self._station.card(kind, card_info) as social:
            if self._kept.open_of(social.free.identification) is not None:
                self._settle_open(social, pay_info)
            told = self._kept.find(social.free.identification, pay_info)
            if told is not None:
                return told.answer
            with self._station.module(social) as module:
                begun = _begin(social, payment.amounts, module.terminal)
                time = bytes.fromhex(payment.time)
                wanted = begun.random + begun.counter.to_bytes(2) + payment.amounts.encode() + bytes((PURCHASE,)) + time
                wanted += begun.versions + module.factors
                authorised = _module_answer(module.channel, Command(0x80, 0x70, 0x01, 0x00, wanted, 8))
                kept = _kept(social, pay_info, begun, module.terminal, authorised[:4])
                paid = self._pay(social, payment, kept, authorised[4:])
                _module_answer(module.channel, Command(0x80, 0x72, 0x00, 0x00, paid[4:]))
                return self._answered(payment, kept, paid[:4])

    def debit_steps(self, kind: int, card_info: str, pay_info: str) -> Steps:
        """Pay with an HSM: two steps. A payment that was made already needs none (−2204): ``iDoDebit`` tells it."""
        payment = Payment.parse(pay_info)
        with self._station.card(kind, card_info) as social:
            if self._kept.open_of(social.free.identification) is not None:
                self._settle_open(social, pay_info)
            if self._kept.find(social.free.identification, pay_info) is not None:
                raise ReaderError(Code.NO_HSM_NEEDED)
            begun = _begin(social, payment.amounts, self._station.terminal)
            fields = [f"{ALGORITHM_SM4:02X}", ADDRESSES[Key.PURCHASE], begun.random.hex().upper()]
            fields += [f"{begun.counter:04X}", payment.told, f"{PURCHASE:02X}", self._station.terminal, payment.time]
            (answer,) = yield joined(fields)
            number, mac1 = _authorised_in(answer, payment)
            kept = _kept(social, pay_info, begun, self._station.terminal, number)
            paid = self._pay(social, payment, kept, mac1)
            return joined([paid[4:].hex().upper()]) + self._answered(payment, kept, paid[:4])

    def records(self, kind: int) -> str:
        """The last payments, newest first, after the holder's PIN."""
        with self._station.card(kind) as social:
            pins.check(social, self._station.typed("请输入密码"))
            return joined(_records(social))

    def _pay(self, social: SocialCard, payment: Payment, kept: KeptPayment, mac1: bytes) -> bytes:
        """Let the card pay what was begun: TAC and MAC2. A card that leaves here leaves the payment open."""
        self._kept.keep(kept)
        data = bytes.fromhex(kept.terminal_number + payment.time) + mac1
        try:
            paid = social.send(Command(0xB0, 0x2C, 0x01, 0x00, data, 8))
        except ReaderError as error:
            cause = error.__cause__
            if isinstance(cause, Refusal) and cause.status not in _IN_DOUBT:
                self._kept.forget(kept)
            raise
        if len(paid) != 8:
            raise ReaderError(Code.COMMAND)
        return paid

    def _answered(self, payment: Payment, kept: KeptPayment, tac: bytes) -> str:
        fields = [f"{ALGORITHM_SM4:02X}", TAC_KEY_ADDRESS, payment.told, f"{PURCHASE:02X}", kept.terminal]
        answer = joined([*fields, kept.terminal_number, payment.time, tac.hex().upper()])
        self._kept.keep(msgspec.structs.replace(kept, answer=answer))
        return answer

    def _settle_open(self, social: SocialCard, pay_info: str) -> None:
        """Find out whether the card made its open payment, from its counter, its sums and its proof.

        Paid, and asked for again: it is answered. Paid, and another is asked for: −22, until the first was
        asked for again, so that none is taken twice. Not paid: it is dropped. When the card was used elsewhere
        since, nobody can tell: −37894. With a security module the card proves first that it is genuine.
        """
        kept = self._kept.open_of(social.free.identification)
        assert kept is not None, "there is an open payment"
        payment = Payment.parse(kept.pay_info)
        self._prove_genuine(social)
        now = _begin(social, Amounts(0, 0, 0), kept.terminal)
        if now.counter == kept.counter:
            self._kept.forget(kept)
            return
        if now.counter != kept.counter + 1 or now.sums != _sums_after(kept.before, payment):
            raise ReaderError(-Status.MAC_NOT_AVAILABLE)
        proof = social.send(Command(0xB0, 0x2E, 0x00, PURCHASE, kept.counter.to_bytes(2), 8))
        if kept.pay_info != pay_info:
            raise ReaderError(Code.OTHER_CARD)
        self._answered(payment, kept, proof[4:])

    def _prove_genuine(self, social: SocialCard) -> None:
        try:
            with self._station.module(social):
                pass
        except ReaderError as error:
            if error.code != Code.NO_SAM:
                raise


def _begin(social: SocialCard, amounts: Amounts, terminal: str) -> _Begun:
    """INITIALISE PURCHASE, which changes nothing on the card."""
    _select_account(social)
    asked = bytes((KEY_INDEX,)) + amounts.encode() + bytes.fromhex(terminal)
    answer = social.send(Command(0xB0, 0x28, 0x01, 0x01, asked, 0x16))
    return _Begun(answer[:14], int.from_bytes(answer[14:16]), answer[16:18], answer[18:])


def _kept(social: SocialCard, pay_info: str, begun: _Begun, terminal: str, number: bytes) -> KeptPayment:
    told = number.hex().upper()
    return KeptPayment(social.free.identification, pay_info, begun.counter, terminal, told, begun.sums)


def _sums_after(before: bytes, payment: Payment) -> bytes:
    """What a card's sums are after a payment, from what they were: a new year begins with nothing paid."""
    sums, year, paid_in = Amounts.decode(before), before[12:], bytes.fromhex(payment.time[:4])
    self_paid_fen, pooled_fen = (sums.self_paid_fen, sums.pooled_fen) if paid_in <= year else (0, 0)
    asked = payment.amounts
    after = Amounts(
        sums.account_fen - asked.account_fen, self_paid_fen + asked.self_paid_fen, pooled_fen + asked.pooled_fen
    )
    return after.encode() + max(year, paid_in)


def _authorised_in(answer: str, payment: Payment) -> tuple[bytes, bytes]:
    """The terminal's number and MAC1 in ``终端交易序号|时间|MAC1|``."""
    fields = answer.split("|")
    try:
        number, mac1 = bytes.fromhex(fields[0]), bytes.fromhex(fields[2])
    except (IndexError, ValueError) as error:
        raise ReaderError(Code.BAD_INPUT) from error
    if len(number) != 4 or fields[1] != payment.time or len(mac1) != 4 or fields[3:] not in ([], [""]):
        raise ReaderError(Code.BAD_INPUT)
    return number, mac1


def _records(social: SocialCard) -> list[str]:
    """The last payments, newest first, each as ``序号^终端^时间^总额^账户+统筹^``. Raises ``ReaderError``."""
    _select_account(social)
    found = []
    for number in range(1, _LOG_RECORDS + 1):
        try:
            octets = social.send(Command(0x00, 0xB2, number, _LOG_SFI << 3 | 4, expected=_LOG_LENGTH))
        except ReaderError as error:
            if error.code == -0x6A83:
                break
            raise
        amounts = Amounts.decode(octets[16:])
        both_fen = amounts.account_fen + amounts.pooled_fen
        fields = (
            str(int.from_bytes(octets[:2])),
            octets[3:9].hex(),
            octets[9:16].hex(),
            yuan(both_fen + amounts.self_paid_fen),
            yuan(both_fen),
        )
        found.append("".join(f"{field}^" for field in fields))
    return found


def _select_account(social: SocialCard) -> None:
    social.send(Command(0x00, 0xA4, 0x04, 0x0C, _MEDICAL_AID))


def _module_answer(channel: Channel, command: Command) -> bytes:
    try:
        return exchange(channel, command)
    except Refusal as refusal:
        raise ReaderError(Code.SAM) from refusal
