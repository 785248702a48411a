"""Where cryptograms come from when the terminal has no security module: an HSM behind the network.

``SoftwareHsm`` holds the masters in this process: for development and tests.
"""

import logging
from collections.abc import Mapping
from typing import Protocol

from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.ssse_security import card_key, cryptogram
from yikatong.terminal.reader_api.codes import Code, ReaderError

log = logging.getLogger(__name__)


class Hsm(Protocol):
    """Answers a step's request. Source: the reader specification's HSM pair."""

    def authenticate(self, request: str) -> str:
        """The next step's pKey for what ``iReadCardBas_HSM_Step1`` gave out. Raises ``ReaderError``."""


class SoftwareHsm:
    """An HSM in software. ``masters``: the city's keys by number (``ssse_layout.Key``)."""

    def __init__(self, masters: Mapping[int, bytes]) -> None:
        log.warning("SoftwareHsm: the city's keys are in this process; for development and tests")
        self._masters = dict(masters)

    def __repr__(self) -> str:
        """Without its keys."""
        return f"SoftwareHsm({len(self._masters)} keys)"

    def authenticate(self, request: str) -> str:
        """See ``Hsm``."""
        fields = request.split("|")
        if len(fields) != 9 or fields[8]:
            raise ReaderError(Code.BAD_INPUT)
        region, historical, _, _, *numbers, _ = fields
        try:
            values = [bytes.fromhex(number) for number in numbers]
            internal = self._answer(Key.INTERNAL, region, bytes.fromhex(historical), *values[:2])
            external = self._answer(Key.READ, region, bytes.fromhex(historical), *values[2:]) if values[2] else ""
        except ValueError as error:
            raise ReaderError(Code.BAD_INPUT) from error
        return f"{internal}|{external}|"

    def _answer(self, number: int, region: str, historical: bytes, factor: bytes, original: bytes) -> str:
        key = card_key(self._masters[number], region, historical)
        return (cryptogram(key, factor, original) + original).hex().upper()
