"""The transit purse's part of a terminal's security module: MAC1 of a purchase, and whether the card has paid.

It holds the city's purchase keys and nothing that loads a purse or makes a TAC: a stolen gate can take money from a card that is
held to it, and give none. Source: gates' own dialogues (docs/card.md); its name and that it knows both algorithms: assumption.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from yikatong.smartcard import tunion_security as security
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card import Application, EmulatedCard, Handler
from yikatong.smartcard.files import Directory
from yikatong.smartcard.sam_parts import TransactionNumbers, check_command
from yikatong.smartcard.status import Refusal, Status
from yikatong.smartcard.stored_value import KEY_VERSION
from yikatong.smartcard.tunion import COMPOUND, PURCHASE
from yikatong.smartcard.tunion_security import CIPHERS, PurseCipher

AID = b"\xf0yikatong\x02"
_LENGTH = 0x24
"""Random 4, counter 2, amount 4, type 1, time 7, key version 1, algorithm 1, serial 8, issuer 8."""


def key_cell(algorithm: int) -> str:
    """Where the purchase key for an algorithm lies."""
    return f"TUSAM/key/{algorithm:02X}"


@dataclass(frozen=True, slots=True)
class _Session:
    """A purchase that waits for the card's MAC2."""

    cipher: PurseCipher
    key: bytes = field(repr=False)
    amount: bytes


class TransitModule(Application):
    """Cells: ``TUSAM/key/NN`` (16 bytes) by algorithm, ``TUSAM/counter`` (4). ``terminal``: its number, 6 bytes."""

    directory = Directory("TUSAM", 0xDF91, (AID,))

    def __init__(self, card: EmulatedCard, terminal: bytes) -> None:
        super().__init__(card)
        self._terminal = terminal
        self._numbers = TransactionNumbers(self.memory, "TUSAM/counter")
        self._session: _Session | None = None

    def commands(self) -> Mapping[tuple[int, int], Handler]:
        """By CLA and INS."""
        return {(0x80, 0x70): self._begin_purchase, (0x80, 0x72): self._check_purchase}

    def leave(self) -> None:
        """Forget the purchase in hand."""
        self._session = None

    def _begin_purchase(self, command: Command) -> bytes:
        """INIT SAM FOR PURCHASE: this terminal's transaction number and MAC1, from what the card answered."""
        self._session = None
        check_command(command, 0, 0, length=_LENGTH)
        data = command.data
        random, counter, amount, kind, time = data[:4], data[4:6], data[6:10], data[10], data[11:18]
        if kind not in {PURCHASE, COMPOUND} or data[18] != KEY_VERSION:
            raise Refusal(Status.WRONG_DATA)
        algorithm, serial, issuer = data[19], data[20:28], data[28:]
        master = self.memory.get(key_cell(algorithm))
        if master is None:
            raise Refusal(Status.KEY_INDEX_UNKNOWN)
        cipher, number = CIPHERS[algorithm], self._numbers.next()
        key = cipher.card_key(master, issuer, serial)
        session = cipher.session(key, security.purchase_context(random, int.from_bytes(counter), number))
        self._session = _Session(cipher, session, amount)
        return number.to_bytes(4) + cipher.mac(session, security.authorised(amount, kind, self._terminal, time))

    def _check_purchase(self, command: Command) -> bytes:
        """CREDIT SAM: whether the card has paid, by its MAC2."""
        session, self._session = self._session, None
        check_command(command, 0, 0, length=4)
        if session is None:
            raise Refusal(Status.WRONG_STATE)
        if not hmac.compare_digest(session.cipher.mac(session.key, session.amount), command.data):
            raise Refusal(Status.MAC_WRONG)
        return b""
