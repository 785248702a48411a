"""Putting cards into the virtual reader, and taking them out when a test ends."""

from types import TracebackType
from typing import Self

from yikatong.smartcard.card import EmulatedCard
from yikatong.terminal.pcsc import wait_for_card
from yikatong.terminal.virtual_reader import VirtualReader

NOTICED_S = 10


class Slot:
    """One slot of the reader."""

    def __init__(self, reader: VirtualReader, number: int) -> None:
        self._reader, self._number, self._is_full = reader, number, False
        self.name = reader.reader(number)
        self.environment = dict(reader.environment())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_full:
            self.remove()

    def insert(self, card: EmulatedCard) -> None:
        """Put a card in and wait until PC/SC says so."""
        self._reader.insert(card, self._number)
        self._is_full = True
        assert wait_for_card(self.name, timeout_s=NOTICED_S)

    def remove(self) -> None:
        """Take it out and wait until PC/SC says so."""
        self._reader.remove(self._number)
        self._is_full = False
        assert wait_for_card(self.name, is_present=False, timeout_s=NOTICED_S)
