"""What a terminal reports of purses' payments, and what it is answered. JSON, as ``taps``; layouts: docs/formats/gateway.md.

A payment is named by its purse and the purse's own number of it. Its TAC proves to the settlement that the card paid; until
then it is a claim.
"""

from typing import Annotated, Literal

import msgspec

from yikatong.gm import sm3
from yikatong.wire.taps import Milliseconds, Name, TerminalId

PAYMENTS_PER_UPLOAD_MAX = 500

PurseNumber = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{20}\Z")]
CardCounter = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
_Issuer = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-F]{16}\Z")]
_Tac = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-F]{8}\Z")]
_Number4 = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)]
_Octet = Annotated[int, msgspec.Meta(ge=0, le=0xFF)]


class PursePayment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One payment as its settlement needs it; amounts in fen.

    ``terminal``: the security module's number, which is its terminal's, 12 digits; ``terminal_number``: the module's number of
    the payment; ``card_counter``: the card's; ``kind``: 6 plain, 9 compound; ``is_checked``: the module saw the card's MAC2;
    ``issuer``: file 15's first 8 bytes; ``algorithm``: 1 triple DES, 3 SM4. ``use``: entry, exit, or what was bought.
    """

    purse_number: PurseNumber
    terminal: TerminalId
    terminal_number: _Number4
    card_counter: CardCounter
    kind: Literal[6, 9]
    amount_fen: _Number4
    balance_before_fen: _Number4
    at_ms: Milliseconds
    tac: _Tac
    is_checked: bool
    place: Name = ""
    use: Name = ""
    issuer: _Issuer = "01011000FFFFFFFF"
    algorithm: Literal[1, 3] = 3
    key_version: _Octet = 1

    @property
    def key(self) -> tuple[str, int]:
        """What tells one payment from another."""
        return self.purse_number, self.card_counter

    def digest(self) -> bytes:
        """SM3 of the payment in one fixed spelling: tells a repeat from another report of the same number."""
        return sm3.digest(msgspec.json.encode(self, order="deterministic"))


class PurseUpload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to 500 payments of one terminal, in any order."""

    payments: list[PursePayment]


class PurseResult(msgspec.Struct, frozen=True):
    """What became of one payment. ``stored`` and ``repeated``: it is kept for settlement, which checks its TAC."""

    purse_number: str
    card_counter: int
    status: Literal["stored", "repeated", "refused"]
    reason: str = ""

    @property
    def key(self) -> tuple[str, int]:
        """The payment's."""
        return self.purse_number, self.card_counter


class PurseReply(msgspec.Struct, frozen=True):
    """One result per payment, in the order sent."""

    results: list[PurseResult]
    server_time_ms: int
