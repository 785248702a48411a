"""What purses paid at this terminal, kept until it is settled: on disk before the gate opens, and never given twice.

A payment is known by its purse and the purse's own number of it; its TAC lets the issuer check that the card paid. It uploads
nothing.
"""

from typing import Annotated

import msgspec

from yikatong.terminal.purse import Payment
from yikatong.terminal.storage import Storage

_Bytes4 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-F]{8}\Z")]


class PursePayment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One payment as its settlement needs it. ``terminal``: the module's number, 12 digits; ``kind``: 06 plain, 09 compound."""

    purse_number: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{20}\Z")]
    terminal: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{12}\Z")]
    terminal_number: Annotated[int, msgspec.Meta(ge=1)]
    card_counter: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
    kind: int
    amount_fen: Annotated[int, msgspec.Meta(ge=0)]
    balance_before_fen: Annotated[int, msgspec.Meta(ge=0)]
    at_ms: int
    tac: _Bytes4
    is_checked: bool
    place: str = ""
    use: str = ""

    @classmethod
    def of(cls, payment: Payment, terminal: bytes, *, place: str, use: str) -> "PursePayment":
        """What is kept of a payment. ``use``: entry, exit, or what was bought."""
        asked = payment.asked
        return cls(
            asked.purse_number,
            terminal.hex(),
            asked.terminal_number,
            asked.counter,
            asked.kind,
            asked.amount_fen,
            asked.balance_before_fen,
            int(asked.at.timestamp() * 1000),
            payment.tac.hex().upper(),
            payment.is_checked,
            place,
            use,
        )


class PurseOutbox:
    """The purse payments of one terminal."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def add(self, payment: PursePayment) -> bool:
        """Keep a payment; whether it was new. Raises ``StorageFailed``."""
        body = msgspec.json.encode(payment, order="deterministic")
        with self._storage.write() as database:
            added = database.execute(
                "insert or ignore into purse_payment (purse_number, card_counter, body) values (?, ?, ?)",
                [payment.purse_number, payment.card_counter, body],
            )
            return bool(added.rowcount)

    def kept(self) -> list[PursePayment]:
        """All payments here, oldest first."""
        with self._storage.read() as database:
            rows = database.execute("select body from purse_payment order by sequence").fetchall()
        return [msgspec.json.decode(body, type=PursePayment) for (body,) in rows]

    def sum_fen(self) -> int:
        """What they come to."""
        return sum(payment.amount_fen for payment in self.kept())
