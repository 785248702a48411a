"""The issuer's side of loading a transit purse: whether a genuine card asks, the MAC that lets it load, and what proves it did.

It holds the load and TAC keys, so it runs where money is booked, never at a terminal. It moves no money itself.
Source: JR/T 0025 (what MAC1, MAC2 and TAC cover).
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from yikatong.foundation.errors import YikatongError
from yikatong.smartcard import tunion_security as security
from yikatong.smartcard.tunion import LOAD
from yikatong.smartcard.tunion_layout import IssuerFile, PurseKey, bcd_time


class LoadRefused(YikatongError):
    """No load is authorised. The text says why."""


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What a card answered to INITIALISE FOR LOAD, and what for. ``terminal``: 6 bytes; ``random``, ``mac1``: 4."""

    issuer: IssuerFile
    amount_fen: int
    terminal: bytes
    balance_fen: int
    counter: int
    algorithm: int
    random: bytes
    mac1: bytes

    @property
    def amount(self) -> bytes:
        """As the card has it."""
        return self.amount_fen.to_bytes(4)


class LoadAuthority:
    """``roots``: the purses' roots by number (``tunion_layout.PurseKey``), LOAD and TAC."""

    def __init__(self, roots: Mapping[int, bytes]) -> None:
        self._roots = {number: roots[number] for number in (PurseKey.LOAD, PurseKey.TAC)}

    def authorise(self, request: LoadRequest, at: datetime) -> bytes:
        """MAC2 for a load at a moment. Raises ``LoadRefused`` when MAC1 is not the card's."""
        cipher, session = self._session(request)
        asked = request.balance_fen.to_bytes(4) + request.amount + bytes((LOAD,)) + request.terminal
        if not hmac.compare_digest(cipher.mac(session, asked), request.mac1):
            raise LoadRefused("充值请求不是这张卡的密钥算出的，没有充值")
        return cipher.mac(session, security.authorised(request.amount, LOAD, request.terminal, bcd_time(at)))

    def is_done(self, request: LoadRequest, at: datetime, tac: bytes, *, owed_fen: int = 0) -> bool:
        """Whether a TAC proves that the card has loaded. ``owed_fen``: what was overdrawn and is paid back by it."""
        cipher = self._cipher(request)
        key = self._card_key(cipher, PurseKey.TAC, request.issuer)
        balance_fen = request.balance_fen + request.amount_fen - min(owed_fen, request.amount_fen)
        covered = security.load_receipt(
            balance_fen.to_bytes(4), request.counter, request.amount, LOAD, request.terminal, bcd_time(at)
        )
        return hmac.compare_digest(cipher.tac(key, covered), tac)

    def _session(self, request: LoadRequest) -> tuple[security.PurseCipher, bytes]:
        cipher = self._cipher(request)
        key = self._card_key(cipher, PurseKey.LOAD, request.issuer)
        return cipher, cipher.session(key, security.load_context(request.random, request.counter))

    def _card_key(self, cipher: security.PurseCipher, number: int, issuer: IssuerFile) -> bytes:
        return cipher.card_key(self._roots[number], security.issuer_factor(issuer.issuer), issuer.serial)

    def _cipher(self, request: LoadRequest) -> security.PurseCipher:
        cipher = security.CIPHERS.get(request.algorithm)
        if cipher is None:
            raise LoadRefused(f"不支持算法 {request.algorithm:02X}")
        return cipher
