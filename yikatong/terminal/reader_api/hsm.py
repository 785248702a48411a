"""Where cryptograms come from when the terminal has no security module: an HSM behind the network.

``SoftwareHsm`` holds the masters in this process: for development and tests. ``http_hsm.HttpHsm`` asks the
city's gateway.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from yikatong.smartcard.ssse_hsm import CardHsm, CardPath, HsmRefused
from yikatong.terminal.reader_api.codes import Code, ReaderError


class Hsm(Protocol):
    """Answers a step's text with the next step's pKey. Raises ``ReaderError``.

    Source: the reader specification's HSM pairs.
    """

    def authenticate(self, request: str) -> str:
        """For ``iReadCardBas_HSM_Step1``: both cryptograms."""

    def external(self, card: CardPath, request: str) -> str:
        """For the first step of ``iReadCard``, ``iWriteCard``, ``iReloadPIN``, ``iUnblockPIN``: 32 hex digits."""

    def secure(self, card: CardPath, request: str) -> str:
        """For the second step of ``iReloadPIN`` (50 hex digits) and ``iUnblockPIN`` (18)."""

    def authorise_purchase(self, card: CardPath, request: str) -> str:
        """For ``iDoDebit_HSM_Step1``: ``终端交易序号|时间|MAC1|``."""

    def check_purchase(self, card: CardPath, request: str, mac2: str) -> None:
        """Whether the card really paid what ``iDoDebit_HSM_Step1`` asked for."""


class SoftwareHsm:
    """An HSM in software. ``masters``: the city's keys by number (``ssse_layout.Key``)."""

    def __init__(self, masters: Mapping[int, bytes]) -> None:
        self._hsm = CardHsm(masters)

    def __repr__(self) -> str:
        """Without its keys."""
        return f"Software{self._hsm!r}".replace("CardHsm", "Hsm")

    def authenticate(self, request: str) -> str:
        """See ``Hsm``."""
        return _told(lambda: self._hsm.authenticate(request))

    def external(self, card: CardPath, request: str) -> str:
        """See ``Hsm``."""
        return _told(lambda: self._hsm.external(card, request))

    def secure(self, card: CardPath, request: str) -> str:
        """See ``Hsm``."""
        return _told(lambda: self._hsm.secure(card, request))

    def authorise_purchase(self, card: CardPath, request: str) -> str:
        """See ``Hsm``."""
        return _told(lambda: self._hsm.authorise_purchase(card, request))

    def check_purchase(self, card: CardPath, request: str, mac2: str) -> None:
        """See ``Hsm``."""
        _told(lambda: self._hsm.check_purchase(card, request, mac2))


def _told[Answer](ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except HsmRefused as error:
        raise ReaderError(Code.BAD_INPUT) from error
