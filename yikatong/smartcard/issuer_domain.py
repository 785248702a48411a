"""The issuer's domain on a blank card: its one application, through which all others are written, and both sides' part in it.

A blank gives its serial number and proves that it has the keys derived from the city's for that number; the issuer proves the
same and sends the card's data groupings in sealed blocks. Blocks are kept in volatile memory: the last one writes everything
in one transaction, together with the end of the domain and its keys. Before that the card is as blank as it came, after it it is
a citizen's card, and never between. The card counts wrong proofs and locks for good.
Source: GlobalPlatform Card Specification 2.3, 11.11 (STORE DATA), Amendment D, 7.1; that the blocks carry all groupings as one
text, and that the domain ends with personalisation: assumption.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hmac import compare_digest

from yikatong.foundation.errors import YikatongError
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card import Application, EmulatedCard, Handler
from yikatong.smartcard.dgi import Grouping, GroupingsMalformed, decode_groupings
from yikatong.smartcard.files import Directory
from yikatong.smartcard.memory import Memory
from yikatong.smartcard.secure_channel import (
    CHALLENGE_LENGTH,
    FULL,
    SECURED_DATA_MAX,
    ChannelBroken,
    ChannelKeys,
    SecureChannel,
)
from yikatong.smartcard.ssse_security import diversify
from yikatong.smartcard.status import Refusal, Status

AID = bytes.fromhex("A000000151000000")
"""Source: GlobalPlatform Card Specification 2.3, H.2 (issuer security domain)."""
ENCRYPTION, MAC = 0x01, 0x02
"""The numbers of the domain's two keys. Source: Amendment D, 5.1 (Key-ENC, Key-MAC)."""
SERIAL_LENGTH = 8
SERIAL_CELL, TRIES_CELL = "ISD/serial", "ISD/tries"
TRIES_MAX = 10
BLOCKS_MAX = 64
_KEY_CELLS = {ENCRYPTION: "ISD/key/01", MAC: "ISD/key/02"}
_KEY_VERSION, _PROTOCOL, _OPTIONS = 0x01, 0x03, 0x60
"""``i``: answers with MAC and encryption, a random challenge. Source: Amendment D, 5.1."""
_LAST_BLOCK = 0x80
_INITIALISE, _EXTERNAL, _STORE = (0x80, 0x50), (0x84, 0x82), (0x84, 0xE2)


class BlankWrong(YikatongError):
    """What a blank answered cannot be a blank of ours; the text says why, in Chinese."""


@dataclass(frozen=True, slots=True)
class BlankOpened:
    """A blank's answer to INITIALIZE UPDATE. ``serial``: 8 bytes; challenge and cryptogram as many."""

    serial: bytes
    challenge: bytes
    cryptogram: bytes

    @classmethod
    def decode(cls, octets: bytes) -> "BlankOpened":
        """Raises ``BlankWrong``."""
        head = bytes((_KEY_VERSION, _PROTOCOL, _OPTIONS))
        if len(octets) != 29 or octets[:2] != bytes(2) or octets[10:13] != head:
            raise BlankWrong("这不是本系统的空白卡：安全通道的版本不对")
        return cls(octets[2:10], octets[13:21], octets[21:])


def domain_keys(masters: Mapping[int, bytes], serial: bytes) -> ChannelKeys:
    """A blank's keys, derived from the city's (by number) for its serial. Source: LD/T 32 part 4 (the way): assumption."""
    return ChannelKeys(diversify(masters[ENCRYPTION], serial), diversify(masters[MAC], serial))


def write_domain(memory: Memory, serial: bytes, keys: ChannelKeys) -> None:
    """What a maker puts onto a blank, inside a transaction."""
    if len(serial) != SERIAL_LENGTH:
        raise ValueError(f"a blank's serial has {SERIAL_LENGTH} bytes, not {len(serial)}")
    memory[SERIAL_CELL] = serial
    memory[_KEY_CELLS[ENCRYPTION]], memory[_KEY_CELLS[MAC]] = keys.encryption, keys.mac


def opening_commands(host_challenge: bytes) -> list[Command]:
    """Select the domain and begin a session."""
    return [
        Command(0x00, 0xA4, 0x04, 0x00, AID),
        Command(0x80, 0x50, 0x00, 0x00, host_challenge),
    ]


def writing_commands(keys: ChannelKeys, host_challenge: bytes, blank: BlankOpened, groupings: bytes) -> list[Command]:
    """Everything that is sent to a blank after it has opened the session. Raises ``BlankWrong`` for one without our keys."""
    session = SecureChannel(keys, host_challenge, blank.challenge)
    if not compare_digest(session.card_cryptogram, blank.cryptogram):
        raise BlankWrong("这张空白卡的密钥不是本市的，不能在这里制卡")
    pieces = [groupings[start : start + SECURED_DATA_MAX] for start in range(0, len(groupings), SECURED_DATA_MAX)]
    commands = [session.external_authenticate()]
    for number, piece in enumerate(pieces):
        p1 = _LAST_BLOCK if number == len(pieces) - 1 else 0x00
        commands.append(session.wrap(Command(0x80, 0xE2, p1, number, piece)))
    return commands


class IssuerDomain(Application):
    """The domain of a blank. ``personalise`` puts groupings into the memory, inside the running transaction."""

    directory = Directory("ISD", 0xDF0F, (AID,))

    def __init__(self, card: EmulatedCard, personalise: Callable[[Memory, list[Grouping]], None]) -> None:
        super().__init__(card)
        self._personalise = personalise
        self._session: SecureChannel | None = None
        self._is_open = False
        self._text, self._blocks = b"", 0

    def commands(self) -> Mapping[tuple[int, int], Handler]:
        """By CLA and INS."""
        return {_INITIALISE: self._initialise, _EXTERNAL: self._authenticate, _STORE: self._store}

    def leave(self) -> None:
        """Forget the session and what it had sent."""
        self._session, self._is_open = None, False
        self._text, self._blocks = b"", 0

    def _initialise(self, command: Command) -> bytes:
        """INITIALIZE UPDATE: the card's number, its challenge, and its proof over both challenges."""
        self.leave()
        if command.p1 not in {0x00, _KEY_VERSION} or command.p2:
            raise Refusal(Status.WRONG_PARAMETERS)
        if len(command.data) != CHALLENGE_LENGTH:
            raise Refusal(Status.WRONG_LENGTH)
        if SERIAL_CELL not in self.memory:
            raise Refusal(Status.CONDITIONS_NOT_SATISFIED)
        if self._tries_left() == 0:
            raise Refusal(Status.METHOD_BLOCKED)
        challenge = self.card.random(CHALLENGE_LENGTH)
        keys = ChannelKeys(self.memory[_KEY_CELLS[ENCRYPTION]], self.memory[_KEY_CELLS[MAC]])
        self._session = SecureChannel(keys, command.data, challenge)
        head = bytes(2) + self.memory[SERIAL_CELL] + bytes((_KEY_VERSION, _PROTOCOL, _OPTIONS))
        return head + challenge + self._session.card_cryptogram

    def _authenticate(self, command: Command) -> bytes:
        """EXTERNAL AUTHENTICATE: the issuer's proof. A wrong one costs a try, even when power goes at once."""
        session, self._session = self._session, None
        if session is None or self._is_open:
            raise Refusal(Status.CONDITIONS_NOT_SATISFIED)
        if command.p1 != FULL or command.p2:
            raise Refusal(Status.WRONG_PARAMETERS)
        left = self._tries_left() - 1
        self.memory.commit_now(lambda: self._set_tries(left))
        try:
            session.check_external_authenticate(command)
        except ChannelBroken as error:
            raise Refusal(Status.VERIFICATION_FAILED if left else Status.METHOD_BLOCKED) from error
        self._set_tries(TRIES_MAX)
        self._session, self._is_open = session, True
        return b""

    def _store(self, command: Command) -> bytes:
        """STORE DATA: one block; with the last the card is personalised. Anything unexpected ends the session."""
        session, is_open = self._session, self._is_open
        if session is None or not is_open:
            raise Refusal(Status.SECURITY_NOT_SATISFIED)
        text, number = self._text, self._blocks
        self.leave()
        try:
            plain = session.unwrap(command)
        except ChannelBroken as error:
            raise Refusal(Status.SECURE_MESSAGING_WRONG) from error
        if plain.p1 not in {0x00, _LAST_BLOCK} or plain.p2 != number or number >= BLOCKS_MAX:
            raise Refusal(Status.WRONG_PARAMETERS)
        text += plain.data
        if plain.p1 == _LAST_BLOCK:
            self._become(text)
        else:
            self._session, self._is_open, self._text, self._blocks = session, True, text, number + 1
        return session.wrap_answer(b"")

    def _become(self, text: bytes) -> None:
        try:
            self._personalise(self.memory, decode_groupings(text))
        except GroupingsMalformed as error:
            raise Refusal(Status.WRONG_DATA) from error
        for cell in (SERIAL_CELL, TRIES_CELL, *_KEY_CELLS.values()):
            del self.memory[cell]

    def _tries_left(self) -> int:
        kept = self.memory.get(TRIES_CELL)
        return TRIES_MAX if kept is None else kept[0]

    def _set_tries(self, left: int) -> None:
        self.memory[TRIES_CELL] = bytes((left,))
