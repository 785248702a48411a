"""What every store of money on a card has: a transaction in hand, counters, MAC tries, proofs, and a log.

A transaction is initialised, which changes nothing, and carried out when the terminal's MAC is right. The new balance, the
counter, the proof and the log record are one transaction of the card's memory. What a MAC covers is each store's own.
Source: JR/T 0025 (electronic purse) and LD/T 32 part 5, which agree in this.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.files import Directory
from yikatong.smartcard.status import Refusal, Status
from yikatong.smartcard.tries import Tries

AMOUNT_MAX_FEN = 0x7FFF_FFFF
MAC_TRIES_MAX = 15
"""Wrong MACs in a row before a store is locked. Source: assumption."""
KEY_INDEX, KEY_VERSION = 0x01, 0x01
_COUNTER_MAX = 0xFFFF


@dataclass(frozen=True, slots=True)
class Begun:
    """A transaction that was initialised and waits for the terminal's MAC. ``amounts``: four bytes for each amount, in fen."""

    kind: int
    amounts: bytes
    terminal: bytes
    counter: int
    random: bytes


class StoredValue:
    """One store. ``counters``: the cell that counts each kind of transaction. ``log_fid``: the cyclic file of what was done."""

    def __init__(self, card: EmulatedCard, directory: Directory, counters: Mapping[int, str], log_fid: int) -> None:
        self._card, self._memory, self._directory = card, card.memory, directory
        self._counters, self._log_fid = counters, log_fid
        self._tries = Tries(self._memory, self.cell("mac/tries"), MAC_TRIES_MAX)
        self._begun: Begun | None = None

    def cell(self, name: str) -> str:
        """The name of one of its cells in the card's memory."""
        return f"{self._directory.path}/{name}"

    def forget(self) -> None:
        """Drop a transaction that was begun."""
        self._begun = None

    def key(self, number: int) -> bytes:
        """One of its keys. Raises ``Refusal`` (9403)."""
        key = self._memory.get(self.cell(f"key/{number:02X}"))
        if key is None:
            raise Refusal(Status.KEY_INDEX_UNKNOWN)
        return key

    def amount(self, name: str) -> int:
        """A number in one of its cells, 0 when it was never written."""
        return int.from_bytes(self._memory.get(self.cell(name)) or b"\0", signed=False)

    def begin(self, kind: int, index: int, amounts: bytes, terminal: bytes) -> Begun:
        """Begin a transaction with the next number of its kind and a new random number. Raises ``Refusal``."""
        if index != KEY_INDEX:
            raise Refusal(Status.KEY_INDEX_UNKNOWN)
        if not self._tries.left:
            raise Refusal(Status.METHOD_BLOCKED)
        counter = self.amount(f"counter/{self._counters[kind]}")
        if counter >= _COUNTER_MAX:
            raise Refusal(Status.COUNTER_EXHAUSTED)
        return Begun(kind, amounts, terminal, counter, self._card.random(4))

    def hold(self, begun: Begun) -> None:
        """Wait for the terminal's MAC."""
        self._begun = begun

    def take(self, kinds: frozenset[int], command: Command, *, p1: int, length: int) -> Begun:
        """The transaction that was begun, which is used up by this whatever follows. Raises ``Refusal``."""
        begun, self._begun = self._begun, None
        if (command.p1, command.p2) != (p1, 0x00):
            raise Refusal(Status.WRONG_PARAMETERS)
        if len(command.data) != length:
            raise Refusal(Status.WRONG_LENGTH)
        if begun is None or begun.kind not in kinds:
            raise Refusal(Status.WRONG_STATE)
        return begun

    def check_mac(self, expected: bytes, given: bytes) -> None:
        """A wrong MAC spends a try and raises ``Refusal`` (9302, or 6983 when none was left)."""
        self._tries.spend()
        if not hmac.compare_digest(expected, given):
            raise Refusal(Status.MAC_WRONG)
        self._tries.give_back()

    def finish(self, begun: Begun, log_record: bytes, *, number: int, proof: bytes) -> None:
        """The counter, the log record, and the proof under ``number``, in the running command's transaction."""
        self._memory[self.cell(f"counter/{self._counters[begun.kind]}")] = (begun.counter + 1).to_bytes(2)
        self._memory[self.cell(f"proof/{begun.kind:02X}")] = number.to_bytes(2) + proof
        log = self._directory.file_by_fid(self._log_fid)
        assert log is not None, "a store has its log"
        self._card.contents(log).append(log_record)

    def prove(self, command: Command) -> bytes:
        """TRANSACTION PROOF: MAC and TAC of the last transaction of a kind, when its number is the one asked for.

        A terminal asks after a torn answer: 9406 says that the transaction was not carried out.
        """
        if command.p1 or command.p2 not in self._counters:
            raise Refusal(Status.WRONG_PARAMETERS)
        if len(command.data) != 2:
            raise Refusal(Status.WRONG_LENGTH)
        proof = self._memory.get(self.cell(f"proof/{command.p2:02X}")) or b""
        if proof[:2] != command.data:
            raise Refusal(Status.MAC_NOT_AVAILABLE)
        return proof[2:]
