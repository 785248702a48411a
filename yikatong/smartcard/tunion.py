"""The transit purse: balance, load, purchase, and the compound purchase with which gates write a ride and its fare at once.

INITIALISE answers what the terminal needs and changes nothing: some readers send it only to learn a counter. Cached file updates
of a compound purchase, the new balance, the counter, the proof and the log are one transaction of the card's memory. A purse may
be overdrawn as far as its limit; the next load pays that back first. It asks for no PIN: the terminal's MAC is the authority.
Source: JR/T 0025 (electronic purse, compound application), and gates' own dialogues (docs/card.md). That one
update is cached for each record: assumption.
"""

from collections.abc import Mapping

from yikatong.smartcard import tunion_layout as layout
from yikatong.smartcard import tunion_security as security
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card import Application, EmulatedCard, Handler
from yikatong.smartcard.files import Directory
from yikatong.smartcard.status import Refusal, Status
from yikatong.smartcard.stored_value import AMOUNT_MAX_FEN, KEY_VERSION, Begun, StoredValue
from yikatong.smartcard.tunion_layout import PurseKey

LOAD, PURCHASE, COMPOUND = 0x02, 0x06, 0x09
"""Transaction types, as in the log and in TRANSACTION PROOF's P2."""
ALGORITHM_CELL, OVERDRAFT_CELL = "TU/algorithm", "TU/overdraft"
_PURSE = 0x02
_COUNTERS = {LOAD: "online", PURCHASE: "offline", COMPOUND: "offline"}
_PURCHASES = frozenset({PURCHASE, COMPOUND})


class TransitPurse(Application):
    """Cells: ``TU/key/NN`` (16 bytes), ``TU/algorithm`` (1), ``TU/overdraft`` (3), and the store's own."""

    def __init__(self, card: EmulatedCard) -> None:
        super().__init__(card)
        self.directory = layout.purse_directory()
        self._purse = _Purse(card, self.directory)

    def commands(self) -> Mapping[tuple[int, int], Handler]:
        """By CLA and INS."""
        return self._purse.commands()

    def fci(self, directory: Directory) -> bytes:
        """``6F`` with the name and, in 9F0C, file 15. Source: readers of transit cards."""
        file = directory.file_by_sfi(layout.ISSUER_SFI)
        assert file is not None, "the purse has a file 15"
        issuer = self.memory.get(f"{layout.PATH}/{file.fid:04X}") or bytes(layout.ISSUER_LENGTH)
        proprietary = bytes((0x9F, 0x0C, len(issuer))) + issuer
        template = bytes((0x84, len(layout.AID))) + layout.AID + bytes((0xA5, len(proprietary))) + proprietary
        return bytes((0x6F, len(template))) + template

    def leave(self) -> None:
        """Forget a transaction in hand."""
        self._purse.forget()


class _Purse(StoredValue):
    """The money. ``balance``: four bytes; ``owed``: what is overdrawn, three."""

    def __init__(self, card: EmulatedCard, directory: Directory) -> None:
        super().__init__(card, directory, _COUNTERS, layout.LOG_SFI)
        self._cached: dict[tuple[int, int], bytes] = {}

    def commands(self) -> Mapping[tuple[int, int], Handler]:
        return {
            (0x80, 0x5C): self._get_balance,
            (0x80, 0x50): self._initialise,
            (0x80, 0x52): self._credit,
            (0x80, 0xDC): self._cache_update,
            (0x80, 0x54): self._debit,
            (0x80, 0x5A): self.prove,
        }

    def forget(self) -> None:
        super().forget()
        self._cached = {}

    def _get_balance(self, command: Command) -> bytes:
        """P1 00: what can be spent, overdraft included. 01: the overdraft limit. 02: what is overdrawn. 03: the money there."""
        if command.p1 > 0x03 or command.p2 != _PURSE:
            raise Refusal(Status.WRONG_PARAMETERS)
        if command.data:
            raise Refusal(Status.WRONG_LENGTH)
        return (self._spendable_fen(), self._limit_fen(), self._owed_fen(), self._balance_fen())[command.p1].to_bytes(4)

    def _initialise(self, command: Command) -> bytes:
        self.forget()
        kind = {0x00: LOAD, 0x01: PURCHASE, 0x03: COMPOUND}.get(command.p1)
        if kind is None or command.p2 != _PURSE:
            raise Refusal(Status.WRONG_PARAMETERS)
        if len(command.data) != 0x0B:
            raise Refusal(Status.WRONG_LENGTH)
        index, amount, terminal = command.data[0], command.data[1:5], command.data[5:]
        key = self.key(PurseKey.LOAD if kind == LOAD else PurseKey.PURCHASE)
        begun = self.begin(kind, index, amount, terminal)
        answer = self._begun_load(begun, key) if kind == LOAD else self._begun_purchase(begun)
        self.hold(begun)
        return answer

    def _begun_load(self, begun: Begun, key: bytes) -> bytes:
        if self._balance_fen() + int.from_bytes(begun.amounts) > AMOUNT_MAX_FEN:
            raise Refusal(Status.CONDITIONS_NOT_SATISFIED)
        balance = self._balance_fen().to_bytes(4)
        session = self._cipher().session(key, security.load_context(begun.random, begun.counter))
        mac1 = self._cipher().mac(session, balance + begun.amounts + bytes((LOAD,)) + begun.terminal)
        return balance + begun.counter.to_bytes(2) + self._versions() + begun.random + mac1

    def _begun_purchase(self, begun: Begun) -> bytes:
        if int.from_bytes(begun.amounts) > self._spendable_fen():
            raise Refusal(Status.FUNDS_INSUFFICIENT)
        amounts = self._balance_fen().to_bytes(4) + begun.counter.to_bytes(2) + self._limit_fen().to_bytes(3)
        return amounts + self._versions() + begun.random

    def _credit(self, command: Command) -> bytes:
        """Load what was initialised. Answers the TAC."""
        begun = self.take(frozenset({LOAD}), command, p1=0x00, length=0x0B)
        time, mac2 = command.data[:7], command.data[7:]
        cipher = self._cipher()
        session = cipher.session(self.key(PurseKey.LOAD), security.load_context(begun.random, begun.counter))
        self.check_mac(cipher.mac(session, security.authorised(begun.amounts, LOAD, begun.terminal, time)), mac2)
        amount_fen = int.from_bytes(begun.amounts)
        paid_back_fen = min(amount_fen, self._owed_fen())
        self._put(self._balance_fen() + amount_fen - paid_back_fen, self._owed_fen() - paid_back_fen)
        balance = self._balance_fen().to_bytes(4)
        receipt = security.load_receipt(balance, begun.counter, begun.amounts, LOAD, begun.terminal, time)
        tac = cipher.tac(self.key(PurseKey.TAC), receipt)
        self._finish(begun, time, mac2 + tac)
        return tac

    def _cache_update(self, command: Command) -> bytes:
        """UPDATE CAPP DATA CACHE: a record that is written together with the payment, or not at all."""
        begun = self._begun
        if begun is None or begun.kind != COMPOUND:
            raise Refusal(Status.WRONG_STATE)
        sfi = command.p2 >> 3
        file = self._directory.file_by_sfi(sfi)
        if command.p2 & 0x07 or file is None or sfi not in {layout.RIDE_SFI, layout.TRIP_SFI}:
            raise Refusal(Status.WRONG_PARAMETERS)
        if len(command.data) != file.size:
            raise Refusal(Status.WRONG_LENGTH)
        if sfi == layout.RIDE_SFI:
            if not 1 <= command.p1 <= file.records:
                raise Refusal(Status.RECORD_NOT_FOUND)
            if command.data[:2] != bytes((0x27, command.p1)):
                raise Refusal(Status.WRONG_DATA)
        elif command.p1:
            raise Refusal(Status.WRONG_PARAMETERS)
        self._cached[sfi, command.p1] = command.data
        return b""

    def _debit(self, command: Command) -> bytes:
        """Pay what was initialised and write what was cached. Answers the TAC, and MAC2 for the PSAM."""
        cached, self._cached = self._cached, {}
        begun = self.take(_PURCHASES, command, p1=0x01, length=0x0F)
        number, time, mac1 = command.data[:4], command.data[4:11], command.data[11:]
        cipher = self._cipher()
        context = security.purchase_context(begun.random, begun.counter, int.from_bytes(number))
        session = cipher.session(self.key(PurseKey.PURCHASE), context)
        self.check_mac(cipher.mac(session, security.authorised(begun.amounts, begun.kind, begun.terminal, time)), mac1)
        amount_fen, balance_fen = int.from_bytes(begun.amounts), self._balance_fen()
        overdrawn_fen = max(amount_fen - balance_fen, 0)
        self._put(balance_fen - amount_fen + overdrawn_fen, self._owed_fen() + overdrawn_fen)
        for (sfi, record), data in cached.items():
            self._write_record(sfi, record, data)
        receipt = security.purchase_receipt(begun.amounts, begun.kind, begun.terminal, number, time)
        tac, mac2 = cipher.tac(self.key(PurseKey.TAC), receipt), cipher.mac(session, begun.amounts)
        self._finish(begun, time, mac2 + tac)
        return tac + mac2

    def _write_record(self, sfi: int, number: int, data: bytes) -> None:
        file = self._directory.file_by_sfi(sfi)
        assert file is not None, "checked when it was cached"
        contents = self._card.contents(file)
        if number:
            contents.write_record(number, data)
        else:
            contents.append(data)

    def _finish(self, begun: Begun, time: bytes, proof: bytes) -> None:
        amount_fen = int.from_bytes(begun.amounts)
        record = layout.LogRecord(begun.counter, self._limit_fen(), amount_fen, begun.kind, begun.terminal, time)
        self.finish(begun, record.encode(), number=begun.counter + 1, proof=proof)

    def _put(self, balance_fen: int, owed_fen: int) -> None:
        self._memory[self.cell("balance")] = balance_fen.to_bytes(4)
        self._memory[self.cell("owed")] = owed_fen.to_bytes(3)

    def _balance_fen(self) -> int:
        return self.amount("balance")

    def _owed_fen(self) -> int:
        return self.amount("owed")

    def _limit_fen(self) -> int:
        return self.amount("overdraft")

    def _spendable_fen(self) -> int:
        return self._balance_fen() + self._limit_fen() - self._owed_fen()

    def _versions(self) -> bytes:
        return bytes((KEY_VERSION,)) + self._memory[ALGORITHM_CELL]

    def _cipher(self) -> security.PurseCipher:
        return security.CIPHERS[self._memory[ALGORITHM_CELL][0]]
