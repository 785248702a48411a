"""What the applications of a security module share: transaction numbers that are never given twice, and checks of commands."""

from yikatong.smartcard.apdu import Command
from yikatong.smartcard.memory import Memory
from yikatong.smartcard.status import Refusal, Status

_NUMBER_MAX = 0xFFFF_FFFF


class TransactionNumbers:
    """A module's own numbers, four bytes, from 1: stored before they are told."""

    def __init__(self, memory: Memory, cell: str) -> None:
        self._memory, self._cell = memory, cell

    def next(self) -> int:
        """The next one, inside the running command's transaction. Raises ``Refusal`` (9402)."""
        number = int.from_bytes(self._memory.get(self._cell) or bytes(4)) + 1
        if number > _NUMBER_MAX:
            raise Refusal(Status.COUNTER_EXHAUSTED)
        self._memory[self._cell] = number.to_bytes(4)
        return number


def check_command(command: Command, p1: int, p2: int, *, length: int) -> None:
    """Raises ``Refusal`` for other parameters, or another length of the data."""
    if (command.p1, command.p2) != (p1, p2):
        raise Refusal(Status.WRONG_PARAMETERS)
    check_length(command, length)


def check_length(command: Command, length: int) -> None:
    """Raises ``Refusal`` for another length of the data."""
    if len(command.data) != length:
        raise Refusal(Status.WRONG_LENGTH)
