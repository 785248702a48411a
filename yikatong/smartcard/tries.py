"""Counting wrong tries of a PIN, a key or a MAC, so that cutting the power wins none.

A try is written down before it is checked, apart from the running command's transaction; only a right one gives all back,
together with what the command changes.
"""

from yikatong.smartcard.memory import Memory
from yikatong.smartcard.status import Refusal, Status


class Tries:
    """The tries left in one cell of a card's memory; ``most`` while the cell was never written."""

    def __init__(self, memory: Memory, cell: str, most: int) -> None:
        self._memory, self._cell, self._most = memory, cell, most

    @property
    def left(self) -> int:
        """How many wrong tries it still takes to lock."""
        return (self._memory.get(self._cell) or bytes((self._most,)))[0]

    def spend(self) -> int:
        """Count one try, for good. Returns how many are left after it; raises ``Refusal`` (6983) when none was."""
        left = self.left
        if not left:
            raise Refusal(Status.METHOD_BLOCKED)

        def count() -> None:
            self._memory[self._cell] = bytes((left - 1,))

        self._memory.commit_now(count)
        return left - 1

    def give_back(self) -> None:
        """All of them, inside the running command's transaction."""
        self._memory[self._cell] = bytes((self._most,))
