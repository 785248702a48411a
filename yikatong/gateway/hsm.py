"""The HSM service for readers without a security module: opens a card for reading, for registered desks and tills only.

It has the two roots that reading takes and no other, so that whoever breaks into it cannot write a card, take its money or set
its PIN. Each terminal may ask so many times a minute; nothing of a request or an answer is logged.
Source: the reader specification (the pair); who may ask, and how often: assumption.
"""

import asyncio
import logging
from collections import defaultdict, deque
from datetime import datetime, timedelta

from yikatong.acceptance.rules import TerminalStanding
from yikatong.gm.keystore import KeyStoreError, KeyUnknown
from yikatong.registry.sealing import key_store
from yikatong.smartcard.card_roots import READING_KEYS, card_roots
from yikatong.smartcard.ssse_hsm import CardHsm

log = logging.getLogger(__name__)

ASKED_PER_MINUTE_MAX = 120
PURPOSES = frozenset({"identity", "till"})
_MINUTE = timedelta(minutes=1)


class HsmUnavailable(Exception):
    """The city's roots are not there; the text says what to do."""


class NotForThisTerminal(Exception):
    """A gate has no business with the holder's data."""


class AskedTooOften(Exception):
    """More readings in a minute than a desk has people."""


class ReadingHsm:
    """One gateway's service."""

    def __init__(self) -> None:
        self._hsm: CardHsm | None = None
        self._recent: defaultdict[str, deque[datetime]] = defaultdict(deque)

    async def authenticate(self, request: str, terminal: TerminalStanding, at: datetime) -> str:
        """The next step's pKey. Raises ``NotForThisTerminal``, ``AskedTooOften``, ``HsmUnavailable``, ``HsmRefused``."""
        if terminal.purpose not in PURPOSES:
            raise NotForThisTerminal("闸机不读持卡人信息；请把终端登记为窗口（identity）或收银（till）")
        recent = self._recent[terminal.terminal_id]
        while recent and recent[0] <= at - _MINUTE:
            recent.popleft()
        if len(recent) >= ASKED_PER_MINUTE_MAX:
            raise AskedTooOften(f"一分钟内最多读 {ASKED_PER_MINUTE_MAX} 次卡")
        recent.append(at)
        if self._hsm is None:
            self._hsm = await asyncio.to_thread(_open)
        hsm = self._hsm
        return await asyncio.to_thread(hsm.authenticate, request)


def _open() -> CardHsm:
    try:
        return CardHsm(card_roots(key_store(), READING_KEYS))
    except (KeyUnknown, KeyStoreError) as error:
        log.error("the HSM service has no roots: %s", type(error).__name__)
        raise HsmUnavailable("城市根密钥还没有生成：yikatong keys ceremony") from error
