"""The security module in a terminal (PSAM): it holds the masters' keys, and computes for the terminal what a card expects.

An emulated card like any other, put into a terminal's second slot: whoever holds the terminal can ask it for a cryptogram or a
payment's MAC over one whole card's path, and never for a key. Its own transaction number rises before it is told, so none is used
twice. Only reading keys give cryptograms, only the purchase key MACs: a lost terminal can neither load nor write cards.
Source: LD/T 32 part 5 (commands and the layout of 8070's data). The order of BFDE's factors (level 3 first, as in 8070), its
usage 01, CIPHER DATA's P1 00 for a cryptogram, and the check of level 1's factor: assumption.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from yikatong.smartcard import ssse_security as security
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card import Application, EmulatedCard, Handler
from yikatong.smartcard.files import Directory, ElementaryFile, Structure
from yikatong.smartcard.memory import Medium, Memory, MemoryDamaged
from yikatong.smartcard.sam_parts import TransactionNumbers, check_command, check_length
from yikatong.smartcard.ssse_account import ALGORITHM_SM4, PURCHASE, authorised, purchase_session
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.status import Refusal, Status
from yikatong.smartcard.stored_value import KEY_VERSION
from yikatong.smartcard.tunion_sam import TransitModule, key_cell
from yikatong.smartcard.tunion_security import CIPHERS

AID = bytes.fromhex("D15600000590")
CRYPTOGRAM_KEYS = frozenset({Key.INTERNAL, Key.READ})
_PSAM_FID, _ISSUER_FID, _TERMINAL_FID = 0xDF90, 0x0015, 0x0016
_USAGE_AUTHENTICATION, _CRYPTOGRAM = 0x01, 0x00
_FACTORS_LENGTH = 3 * security.FACTOR_LENGTH
_ISSUER, _TERMINAL = "PSAM/0015", "PSAM/0016"
_PURCHASE_LENGTH = 28
"""Random 4, counter 2, amounts 12, type 1, time 7, key version 1, algorithm 1; the factors follow."""
_ATR = bytes.fromhex("3B6D0000 00815053414D8660 1100 00000000")
"""Its historical bytes say PSAM. Source: assumption."""


@dataclass(frozen=True, slots=True)
class SamContents:
    """What a PSAM holds. ``issuer``, ``kind``: one byte; ``serial``: 10; ``terminal``: 6. ``masters``: by number, 16 bytes each.

    Raises ``ValueError`` for other lengths or for a key that no terminal may hold.
    """

    issuer: int
    serial: bytes
    kind: int
    terminal: bytes
    masters: Mapping[int, bytes] = field(repr=False)
    purse_masters: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    """The city's keys for purchases from transit purses, by algorithm."""

    def __post_init__(self) -> None:
        if len(self.serial) != 10 or len(self.terminal) != 6:
            raise ValueError("a PSAM's serial number has 10 bytes, its terminal number 6")
        if not self.masters.keys() <= CRYPTOGRAM_KEYS | {Key.PURCHASE}:
            raise ValueError("a PSAM holds keys for reading and for purchases only")
        if not self.purse_masters.keys() <= CIPHERS.keys():
            raise ValueError("a PSAM's purse keys are for SM4 or triple DES")
        if any(len(master) != 16 for master in (*self.masters.values(), *self.purse_masters.values())):
            raise ValueError("a master key has 16 bytes")


def write_sam(memory: Memory, contents: SamContents) -> None:
    """Personalise a blank PSAM in one transaction. Raises ``ValueError`` when it is not blank."""
    with memory.transaction():
        if _TERMINAL in memory:
            raise ValueError("this PSAM is personalised already")
        memory[_ISSUER] = bytes((contents.issuer,)) + contents.serial + bytes((KEY_VERSION, contents.kind, 0, 0))
        memory[_TERMINAL] = contents.terminal
        for number, master in contents.masters.items():
            memory[f"PSAM/key/{number:02X}"] = master
        for algorithm, master in contents.purse_masters.items():
            memory[key_cell(algorithm)] = master


def open_sam(medium: Medium) -> EmulatedCard:
    """The PSAM whose memory is ``medium``. Raises ``MemoryDamaged`` when it is none, or blank."""
    memory = Memory(medium)
    if _TERMINAL not in memory:
        raise MemoryDamaged("this PSAM is blank: personalise it first")
    card = EmulatedCard(memory, _ATR)
    card.install([PurchaseModule(card), TransitModule(card, memory[_TERMINAL])])
    return card


@dataclass(frozen=True, slots=True)
class _Session:
    """A key for one exchange, and what a purchase's MAC2 must cover."""

    key: bytes = field(repr=False)
    amounts: bytes | None = None


class PurchaseModule(Application):
    """The PSAM's application. Cells: ``PSAM/key/NN`` (16 bytes), ``PSAM/counter`` (4)."""

    directory = Directory(
        "PSAM",
        _PSAM_FID,
        (AID,),
        (
            ElementaryFile(_ISSUER_FID, 0x15, Structure.TRANSPARENT, 15),
            ElementaryFile(_TERMINAL_FID, 0x16, Structure.TRANSPARENT, 6),
        ),
    )

    def __init__(self, card: EmulatedCard) -> None:
        super().__init__(card)
        self._numbers = TransactionNumbers(self.memory, "PSAM/counter")
        self._province = b""
        self._session: _Session | None = None

    def commands(self) -> Mapping[tuple[int, int], Handler]:
        """By CLA and INS."""
        return {
            (0xBF, 0xEC): self._enter_environment,
            (0xBF, 0xDE): self._derive_session,
            (0x80, 0xFA): self._cipher,
            (0x80, 0x70): self._begin_purchase,
            (0x80, 0x72): self._check_purchase,
        }

    def leave(self) -> None:
        """Forget the environment and the session."""
        self._province, self._session = b"", None

    def _enter_environment(self, command: Command) -> bytes:
        """INIT ENV: which province's cards follow, by the first byte of their 识别码."""
        check_command(command, 0, 0, length=1)
        self._province, self._session = command.data.hex().encode(), None
        return b""

    def _derive_session(self, command: Command) -> bytes:
        """DELIVERY SESSION KEY: the path of one card and the process factor. The key stays inside."""
        self._session = None
        if command.p1 != _USAGE_AUTHENTICATION:
            raise Refusal(Status.WRONG_PARAMETERS)
        check_length(command, _FACTORS_LENGTH + security.FACTOR_LENGTH)
        if command.p2 not in CRYPTOGRAM_KEYS:
            raise Refusal(Status.KEY_INDEX_UNKNOWN)
        key = self._card_key(command.p2, command.data[:_FACTORS_LENGTH])
        self._session = _Session(security.session_key(key, command.data[_FACTORS_LENGTH:]))
        return b""

    def _cipher(self, command: Command) -> bytes:
        """CIPHER DATA: the cryptogram over an original information, once."""
        session, self._session = self._session, None
        check_command(command, _CRYPTOGRAM, 0, length=security.FACTOR_LENGTH)
        if session is None or session.amounts is not None:
            raise Refusal(Status.WRONG_STATE)
        return security.session_cryptogram(session.key, command.data)

    def _begin_purchase(self, command: Command) -> bytes:
        """INIT SAM FOR PURCHASE: this terminal's transaction number and MAC1, from what the card answered."""
        self._session = None
        check_command(command, 0x01, 0, length=_PURCHASE_LENGTH + _FACTORS_LENGTH)
        random, counter = command.data[:4], int.from_bytes(command.data[4:6])
        amounts, kind, time = command.data[6:18], command.data[18], command.data[19:26]
        if kind != PURCHASE or command.data[26:28] != bytes((KEY_VERSION, ALGORITHM_SM4)):
            raise Refusal(Status.WRONG_DATA)
        key = self._card_key(Key.PURCHASE, command.data[_PURCHASE_LENGTH:])
        number = self._numbers.next()
        session = purchase_session(key, random, counter, number)
        self._session = _Session(session, amounts)
        return number.to_bytes(4) + security.mac(session, authorised(amounts, kind, self.memory[_TERMINAL], time))

    def _check_purchase(self, command: Command) -> bytes:
        """CREDIT SAM: whether the card has paid, by its MAC2."""
        session, self._session = self._session, None
        check_command(command, 0, 0, length=4)
        if session is None or session.amounts is None:
            raise Refusal(Status.WRONG_STATE)
        if not hmac.compare_digest(security.mac(session.key, session.amounts), command.data):
            raise Refusal(Status.MAC_WRONG)
        return b""

    def _card_key(self, number: int, factors: bytes) -> bytes:
        """One card's key: levels 3, 2 and 1 of its path, applied from the top."""
        if not self._province:
            raise Refusal(Status.WRONG_STATE)
        master = self.memory.get(f"PSAM/key/{number:02X}")
        if master is None:
            raise Refusal(Status.KEY_INDEX_UNKNOWN)
        card, region, province = factors[:8], factors[8:16], factors[16:]
        if province != security.factor_of_province(self._province.decode()):
            raise Refusal(Status.WRONG_DATA)
        return security.diversify(master, province, region, card)
