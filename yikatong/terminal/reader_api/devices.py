"""What the reader API stands on: the readers of a terminal, its security module, its keypad."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from yikatong.smartcard.channel import Channel
from yikatong.terminal.pcsc import CardRemoved, NoCard, PcscCard, ReaderFault, find_reader
from yikatong.terminal.reader_api.codes import Code, ReaderError

CONTACT, CONTACTLESS, CONTACT_FIRST, CONTACTLESS_FIRST = 1, 2, 3, 4
"""iType."""


class Card(Channel, Protocol):
    """A card with power on. ``atr``: its answer to reset."""

    @property
    def atr(self) -> bytes:
        """The answer to reset."""


class Keypad(Protocol):
    """Where a holder types a PIN."""

    def pin(self, prompt: str) -> str:
        """The digits. Raises ``ReaderError`` (``CANCELLED``, ``TIMED_OUT``)."""


class Readers(Protocol):
    """A terminal's readers. ``card`` and ``sam`` raise ``ReaderError``."""

    def card(self, kind: int) -> AbstractContextManager[Card]:
        """The card in the reader that ``kind`` (iType) names, as long as the block lasts."""

    def sam(self) -> AbstractContextManager[Channel | None]:
        """The security module, ``None`` where there is none."""


class PcscReaders:
    """Readers by part of their PC/SC name; ``sam`` and ``contactless`` may be missing."""

    def __init__(self, contact: str, *, contactless: str | None = None, sam: str | None = None) -> None:
        self._contact, self._contactless, self._sam = contact, contactless, sam

    @contextmanager
    def card(self, kind: int) -> Iterator[Card]:
        """See ``Readers``."""
        with self._opened(self._names(kind)) as inserted:
            yield inserted

    @contextmanager
    def sam(self) -> Iterator[Channel | None]:
        """See ``Readers``."""
        if self._sam is None:
            yield None
            return
        with self._opened([self._sam]) as inserted:
            yield inserted

    def _names(self, kind: int) -> list[str]:
        orders: dict[int, list[str | None]] = {
            CONTACT: [self._contact],
            CONTACTLESS: [self._contactless],
            CONTACT_FIRST: [self._contact, self._contactless],
            CONTACTLESS_FIRST: [self._contactless, self._contact],
        }
        order = orders.get(kind)
        names = [name for name in order or [] if name is not None]
        if not names:
            raise ReaderError(Code.BAD_INPUT if order is None else Code.READER)
        return names

    @contextmanager
    def _opened(self, names: list[str]) -> Iterator[PcscCard]:
        """The first reader with a card."""
        for place, name in enumerate(names):
            try:
                card = PcscCard(find_reader(name))
            except NoCard:
                if place + 1 < len(names):
                    continue
                raise ReaderError(Code.NO_CARD) from None
            except ReaderFault as fault:
                raise ReaderError(Code.READER) from fault
            try:
                with card:
                    yield card
            except CardRemoved:
                raise ReaderError(Code.MUTE) from None
            except ReaderFault as fault:
                raise ReaderError(Code.READER) from fault
            return
