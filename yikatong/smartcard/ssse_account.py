"""The medical account on a social security card: balances, load, purchase, and the proof of what was done last.

A purchase takes money from the holder's account and counts what was paid by the holder and by the pooled fund in the year.
Each change, its log record in EF08 and its proof are one transaction of the card's memory; initialising changes nothing. Money
is in fen, four bytes. It does not decide who pays what, and asks for no PIN: the terminal's MAC is the authority.
Source: LD/T 32 part 5 (commands, lengths, status words, a purchase's session key). What enters a MAC, the load's session key,
the type numbers, the key index, the order of the balances and starting again in a new year: assumption, after JR/T 0025.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from yikatong.smartcard import ssse_security as security
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card import EmulatedCard, Handler
from yikatong.smartcard.files import Directory
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.status import Refusal, Status
from yikatong.smartcard.stored_value import AMOUNT_MAX_FEN, KEY_VERSION, Begun, StoredValue

PATH = "SSSE/DF04"
ALGORITHM_SM4 = 0x03
LOAD, PURCHASE = 0x02, 0x06
"""Transaction types, as in TRANSACTION PROOF's P2 and in the log. Source: assumption, after JR/T 0025."""
_COUNTERS = {LOAD: "02", PURCHASE: "06"}
_LOG_FID = 0xEF08


@dataclass(frozen=True, slots=True)
class Amounts:
    """One payment's parts, or what a card has: the account, paid by the holder, paid by the pooled fund."""

    account_fen: int
    self_paid_fen: int
    pooled_fen: int

    @classmethod
    def decode(cls, octets: bytes) -> "Amounts":
        """From 12 bytes."""
        return cls(*(int.from_bytes(octets[place : place + 4]) for place in (0, 4, 8)))

    def encode(self) -> bytes:
        """As 12 bytes."""
        return b"".join(fen.to_bytes(4) for fen in (self.account_fen, self.self_paid_fen, self.pooled_fen))


def purchase_session(key: bytes, random: bytes, counter: int, terminal_counter: int) -> bytes:
    """The session key of a purchase: random (4), the card's counter, the low two bytes of the terminal's."""
    return security.session_key(key, random + counter.to_bytes(2) + (terminal_counter & 0xFFFF).to_bytes(2))


def load_session(key: bytes, random: bytes, counter: int) -> bytes:
    """The session key of a load."""
    return security.session_key(key, random + counter.to_bytes(2) + b"\x80\x00")


def authorised(amounts: bytes, kind: int, terminal: bytes, time: bytes) -> bytes:
    """What a purchase's MAC1 and a load's MAC2 cover: amounts, type, terminal (6), time (7); no header."""
    return amounts + bytes((kind,)) + terminal + time


class MedicalAccount(StoredValue):
    """The account of one card. Cells in DF04: ``balance``, ``paid`` (year, self-paid, pooled), counters, proofs."""

    def __init__(self, card: EmulatedCard, directory: Directory) -> None:
        super().__init__(card, directory, _COUNTERS, _LOG_FID)

    def commands(self) -> Mapping[tuple[int, int], Handler]:
        """By CLA and INS."""
        return {
            (0xB0, 0x26): self._get_balance,
            (0xB0, 0x28): self._initialise,
            (0xB0, 0x2A): self._credit,
            (0xB0, 0x2C): self._debit,
            (0xB0, 0x2E): self.prove,
        }

    def _get_balance(self, command: Command) -> bytes:
        """01: the account. 02 and 03: the year, and what the holder or the pooled fund has paid in it."""
        if command.p1 or command.p2 not in {0x01, 0x02, 0x03}:
            raise Refusal(Status.WRONG_PARAMETERS)
        if command.data:
            raise Refusal(Status.WRONG_LENGTH)
        amounts = self._amounts().encode()
        part = amounts[4 * command.p2 - 4 : 4 * command.p2]
        return part if command.p2 == 0x01 else self._year() + part

    def _initialise(self, command: Command) -> bytes:
        self.forget()
        if (command.p1, command.p2) == (0x00, 0x01):
            return self._initialise_load(command.data)
        if (command.p1, command.p2) == (0x01, 0x01):
            return self._initialise_purchase(command.data)
        raise Refusal(Status.WRONG_PARAMETERS)

    def _initialise_load(self, data: bytes) -> bytes:
        if len(data) != 0x0B:
            raise Refusal(Status.WRONG_LENGTH)
        key = self.key(Key.LOAD)
        begun, before = self.begin(LOAD, data[0], data[1:5], data[5:]), self._amounts()
        if before.account_fen + int.from_bytes(begun.amounts) > AMOUNT_MAX_FEN:
            raise Refusal(Status.CONDITIONS_NOT_SATISFIED)
        balance = before.account_fen.to_bytes(4)
        session = load_session(key, begun.random, begun.counter)
        mac1 = security.mac(session, balance + begun.amounts + bytes((LOAD,)) + begun.terminal)
        self.hold(begun)
        return balance + begun.counter.to_bytes(2) + bytes((KEY_VERSION, ALGORITHM_SM4)) + begun.random + mac1

    def _initialise_purchase(self, data: bytes) -> bytes:
        if len(data) != 0x13:
            raise Refusal(Status.WRONG_LENGTH)
        self.key(Key.PURCHASE)
        begun, before = self.begin(PURCHASE, data[0], data[1:13], data[13:]), self._amounts()
        asked = Amounts.decode(begun.amounts)
        if asked.account_fen > before.account_fen:
            raise Refusal(Status.FUNDS_INSUFFICIENT)
        paid = before.self_paid_fen + asked.self_paid_fen, before.pooled_fen + asked.pooled_fen
        if max(paid) > AMOUNT_MAX_FEN:
            raise Refusal(Status.CONDITIONS_NOT_SATISFIED)
        self.hold(begun)
        versions = bytes((KEY_VERSION, ALGORITHM_SM4))
        return before.encode() + self._year() + begun.counter.to_bytes(2) + versions + begun.random

    def _credit(self, command: Command) -> bytes:
        """Load what was initialised. Answers the TAC."""
        begun = self.take(frozenset({LOAD}), command, p1=0x00, length=0x0B)
        time, mac2 = command.data[:7], command.data[7:]
        session = load_session(self.key(Key.LOAD), begun.random, begun.counter)
        self.check_mac(security.mac(session, authorised(begun.amounts, LOAD, begun.terminal, time)), mac2)
        balance_fen = self._amounts().account_fen + int.from_bytes(begun.amounts)
        self._memory[f"{PATH}/balance"] = balance_fen.to_bytes(4)
        tail = begun.amounts + bytes((LOAD,)) + begun.terminal + time
        tac = security.mac(self.key(Key.TAC), balance_fen.to_bytes(4) + begun.counter.to_bytes(2) + tail)
        self._finish(begun, time, Amounts(int.from_bytes(begun.amounts), 0, 0), mac2 + tac)
        return tac

    def _debit(self, command: Command) -> bytes:
        """Pay what was initialised. Answers the TAC and MAC2, with which the PSAM knows that the card has paid."""
        begun = self.take(frozenset({PURCHASE}), command, p1=0x01, length=0x0F)
        terminal_counter, time, mac1 = command.data[:4], command.data[4:11], command.data[11:]
        key = self.key(Key.PURCHASE)
        session = purchase_session(key, begun.random, begun.counter, int.from_bytes(terminal_counter))
        self.check_mac(security.mac(session, authorised(begun.amounts, PURCHASE, begun.terminal, time)), mac1)
        asked, before, year = Amounts.decode(begun.amounts), self._amounts(), self._year()
        paid = before.self_paid_fen, before.pooled_fen
        if time[:2] > year:
            year, paid = time[:2], (0, 0)
        sums = (paid[0] + asked.self_paid_fen).to_bytes(4) + (paid[1] + asked.pooled_fen).to_bytes(4)
        self._memory[f"{PATH}/balance"] = (before.account_fen - asked.account_fen).to_bytes(4)
        self._memory[f"{PATH}/paid"] = year + sums
        mac2 = security.mac(session, begun.amounts)
        receipt = begun.amounts + bytes((PURCHASE,)) + begun.terminal + terminal_counter + time
        tac = security.mac(self.key(Key.TAC), receipt)
        self._finish(begun, time, asked, mac2 + tac)
        return tac + mac2

    def _finish(self, begun: Begun, time: bytes, amounts: Amounts, proof: bytes) -> None:
        record = begun.counter.to_bytes(2) + bytes((begun.kind,)) + begun.terminal + time + amounts.encode()
        self.finish(begun, record, number=begun.counter, proof=proof)

    def _amounts(self) -> Amounts:
        paid = self._memory.get(f"{PATH}/paid") or bytes(10)
        return Amounts.decode((self._memory.get(f"{PATH}/balance") or bytes(4)) + paid[2:])

    def _year(self) -> bytes:
        return (self._memory.get(f"{PATH}/paid") or bytes(10))[:2]
