"""The emulated card's own part: power, selecting, handing commands to applications, and giving answers the way T=0 cards do.

An ``EmulatedCard`` is software that answers like a chip; it protects nothing, because whoever runs it can read its memory.
Each command is one transaction of the memory: what it changes is there before the answer goes out, or never.
Source: ISO/IEC 7816-3:2006, 12.2 (61xx and 6Cxx); ISO/IEC 7816-4:2013, 11.2 (SELECT), 11.5.3 (GET CHALLENGE).
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from yikatong.smartcard import file_commands
from yikatong.smartcard.apdu import Command, MalformedApdu
from yikatong.smartcard.files import Contents, Directory, ElementaryFile
from yikatong.smartcard.memory import Memory
from yikatong.smartcard.status import Refusal, Status, exact_length, more_bytes

log = logging.getLogger(__name__)

MASTER_FILE = 0x3F00
CHALLENGE_LENGTHS = frozenset({4, 8, 16})
NAME_LENGTH_MIN = 5
"""A shorter beginning of a name selects nothing. Source: ISO/IEC 7816-4:2013, 8.2.1.2 (RID of five bytes)."""
_CARD_BLOCKED = "card/blocked"
_GET_RESPONSE, _SELECT, _GET_CHALLENGE = 0xC0, 0xA4, 0x84
_FILE_COMMANDS = {
    0xB0: file_commands.read_binary,
    0xD6: file_commands.update_binary,
    0xB2: file_commands.read_record,
    0xDC: file_commands.update_record,
}

type Handler = Callable[[Command], bytes]
type Random = Callable[[int], bytes]


class CardUnpowered(RuntimeError):
    """The card has no power; ``power_on`` it first."""


class Application:
    """One of the card's worlds: its directory, its commands, and what it forgets when another is selected.

    Applications see nothing of each other: rights, challenges and work in hand end with the selection.
    """

    directory: Directory

    def __init__(self, card: "EmulatedCard") -> None:
        self.card = card
        self.memory = card.memory

    def commands(self) -> Mapping[tuple[int, int], Handler]:
        """What it answers in the directory just selected, by CLA and INS, besides what every card does."""
        return {}

    def fci(self, directory: Directory) -> bytes:
        """The file control information of itself or one of its directories, whole with its tag: at least the name."""
        name = directory.names[0]
        return bytes((0x6F, len(name) + 2, 0x84, len(name))) + name

    def leave(self) -> None:
        """Forget what was in hand."""

    @property
    def is_blocked(self) -> bool:
        """Whether it was blocked for good."""
        return f"{self.directory.path}/blocked" in self.memory

    def block(self) -> None:
        """Block it for good, inside the running command's transaction."""
        self.memory[f"{self.directory.path}/blocked"] = b"\1"


class EmulatedCard:
    """A card in software. ``transmit`` takes a command APDU's bytes and returns the response's.

    ``applications`` are made by ``install`` functions of the applications' modules; the first directory of each becomes one of
    the master file's. ``random`` is replaced only to check published examples.
    """

    def __init__(self, memory: Memory, atr: bytes, *, random: Random = os.urandom) -> None:
        log.warning("EmulatedCard: a card in software, for development and tests; its keys are not protected")
        self.memory, self.atr, self.random = memory, atr, random
        self.directory: Directory | None = None
        self.file: ElementaryFile | None = None
        self.rights: set[str] = set()
        self.challenges: deque[bytes] = deque(maxlen=2)
        self._applications: list[Application] = []
        self._application: Application | None = None
        self._waiting = b""
        self._is_powered = False
        self._common: dict[tuple[int, int], Handler] = {
            (0x00, _SELECT): self._select,
            (0x00, _GET_CHALLENGE): self._get_challenge,
            **{(0x00, ins): partial(command, self) for ins, command in _FILE_COMMANDS.items()},
        }
        self._handlers = self._common

    def install(self, applications: Iterable[Application], *, anew: bool = False) -> None:
        """Put applications onto the card, before power comes on; ``anew``: in the place of those that are there."""
        if anew:
            self._applications.clear()
        self._applications.extend(applications)

    def power_on(self) -> bytes:
        """Cold or warm reset: everything volatile is forgotten. Returns the answer to reset."""
        self._forget()
        self._is_powered = True
        return self.atr

    def power_off(self) -> None:
        """Take the power away."""
        self._forget()
        self._is_powered = False

    def transmit(self, octets: bytes) -> bytes:
        """Answer one command. Never raises for what a reader sends; raises ``CardUnpowered`` without power."""
        if not self._is_powered:
            raise CardUnpowered("the card has no power")
        try:
            command = Command.decode(octets)
        except MalformedApdu:
            self._waiting = b""
            return Status.WRONG_LENGTH.to_bytes(2)
        try:
            if command.ins == _GET_RESPONSE:
                return self._get_response(command)
            self._waiting = b""
            with self.memory.transaction():
                data = self._execute(command)
                return self._answer(command, data)
        except Refusal as refusal:
            return refusal.status.to_bytes(2)

    def block(self) -> None:
        """Block the whole card for good, inside the running command's transaction."""
        self.memory[_CARD_BLOCKED] = b"\1"

    def contents(self, file: ElementaryFile) -> Contents:
        """The contents of a file of the current directory."""
        assert self.directory is not None, "a file was found, so its directory is selected"
        return Contents(self.memory, self.directory, file)

    def take_challenges(self) -> tuple[bytes, ...]:
        """The live random numbers, oldest first; they are used up by this."""
        taken = tuple(self.challenges)
        self.challenges.clear()
        return taken

    def _execute(self, command: Command) -> bytes:
        if _CARD_BLOCKED in self.memory:
            raise Refusal(Status.FUNCTION_NOT_SUPPORTED)
        if not command.cla & 0x80 and command.cla & 0x03:  # a proprietary class has no channel in it
            raise Refusal(Status.CHANNEL_NOT_SUPPORTED)
        if self._application and self._application.is_blocked and command.ins != _SELECT:
            raise Refusal(Status.APPLICATION_BLOCKED)
        handler = self._handlers.get((command.cla, command.ins))
        if handler is None:
            known = any(ins == command.ins for _, ins in self._handlers)
            raise Refusal(Status.CLASS_NOT_SUPPORTED if known else Status.INSTRUCTION_NOT_SUPPORTED)
        return handler(command)

    def _answer(self, command: Command, data: bytes) -> bytes:
        """Data and status word; raises ``Refusal`` 6Cxx, and so undoes the command, for a wrong Le without data."""
        expected = command.expected
        if not data or expected is None:
            self._waiting = data
            return (more_bytes(len(data)) if data else Status.SUCCESS).to_bytes(2)
        if command.data or command.is_extended or len(data) > 256:
            self._waiting = data[expected:]
            status = more_bytes(len(self._waiting)) if self._waiting else Status.SUCCESS
            return data[:expected] + status.to_bytes(2)
        if expected != len(data):
            raise Refusal(exact_length(len(data)))
        return data + Status.SUCCESS.to_bytes(2)

    def _get_response(self, command: Command) -> bytes:
        if command.data or command.p1 or command.p2 or command.expected is None:
            raise Refusal(Status.WRONG_LENGTH)
        if not self._waiting:
            raise Refusal(Status.CONDITIONS_NOT_SATISFIED)
        if len(self._waiting) < command.expected < 256:
            raise Refusal(exact_length(len(self._waiting)))
        data, self._waiting = self._waiting[: command.expected], self._waiting[command.expected :]
        return data + (more_bytes(len(self._waiting)) if self._waiting else Status.SUCCESS).to_bytes(2)

    def _get_challenge(self, command: Command) -> bytes:
        if command.p1 or command.p2:
            raise Refusal(Status.WRONG_PARAMETERS)
        if command.data or command.expected not in CHALLENGE_LENGTHS:
            raise Refusal(Status.WRONG_LENGTH)
        challenge = self.random(command.expected)
        self.challenges.append(challenge)
        return challenge

    def _select(self, command: Command) -> bytes:
        if command.p1 == 0x04:
            return self._select_by_name(command)
        if command.p2 not in {0x00, 0x0C} or command.p1 not in {0x00, 0x01, 0x02}:
            raise Refusal(Status.WRONG_PARAMETERS)
        if not command.data and not command.p1:
            return self._enter_master_file()
        if len(command.data) != 2:
            raise Refusal(Status.WRONG_LENGTH)
        fid = int.from_bytes(command.data)
        if fid == MASTER_FILE:
            return self._enter_master_file()
        return self._select_by_fid(fid, command)

    def _select_by_name(self, command: Command) -> bytes:
        if command.p2 not in {0x00, 0x02, 0x0C}:
            raise Refusal(Status.WRONG_PARAMETERS)
        if len(command.data) < NAME_LENGTH_MIN:
            raise Refusal(Status.WRONG_LENGTH)
        named = [
            (application, directory)
            for application in self._applications
            for directory in application.directory.walk()
            if any(name.startswith(command.data) for name in directory.names)
        ]
        named.sort(key=lambda found: command.data not in found[1].names)  # a whole name comes before a beginning
        if command.p2 == 0x02:
            places = [place for place, (_, directory) in enumerate(named) if directory is self.directory]
            named = named[places[0] + 1 :] if places else named
        if not named:
            raise Refusal(Status.FILE_NOT_FOUND)
        return self._enter(*named[0], command)

    def _select_by_fid(self, fid: int, command: Command) -> bytes:
        if command.p1 != 0x01 and self.directory is not None:
            file = self.directory.file_by_fid(fid)
            if file is not None:
                self.file = file
                return b""
        if command.p1 == 0x02:
            raise Refusal(Status.FILE_NOT_FOUND)
        tops = [(application, application.directory) for application in self._applications]
        near = [(self._application, child) for child in self.directory.directories] if self.directory else []
        for application, directory in [*near, *tops]:
            if application is not None and directory.fid == fid:
                return self._enter(application, directory, command)
        raise Refusal(Status.FILE_NOT_FOUND)

    def _enter_master_file(self) -> bytes:
        self._forget()
        return b""

    def _enter(self, application: Application, directory: Directory, command: Command) -> bytes:
        if application.is_blocked:
            raise Refusal(Status.APPLICATION_BLOCKED)
        # Going down into a directory keeps what was won above it; selecting an application anew begins anew.
        if application is not self._application or directory is application.directory:
            self._forget()
        self._application, self.directory, self.file = application, directory, None
        self._handlers = self._common | dict(application.commands())
        return b"" if command.p2 == 0x0C else application.fci(directory)

    def _forget(self) -> None:
        if self._application is not None:
            self._application.leave()
        self._application = self.directory = self.file = None
        self._handlers = self._common
        self.rights.clear()
        self.challenges.clear()
        self._waiting = b""
