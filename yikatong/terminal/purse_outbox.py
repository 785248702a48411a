"""What purses paid at this terminal: on disk before the gate opens, never kept twice, and kept until it was uploaded.

It does not upload: see ``uploader``.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from yikatong.smartcard.tunion import PURCHASE
from yikatong.smartcard.tunion_security import Algorithm
from yikatong.terminal.outbox import KEEP_ACKNOWLEDGED_FOR, Counts
from yikatong.terminal.purse import Payment
from yikatong.terminal.storage import Storage
from yikatong.wire.purses import PursePayment, PurseResult
from yikatong.wire.taps import NAME_LENGTH_MAX

_PAYMENT = msgspec.json.Decoder(PursePayment)


class KeptPayment(msgspec.Struct, frozen=True):
    """A payment in the outbox. ``status``: waiting, acknowledged, refused."""

    payment: PursePayment
    status: str
    reason: str


def payment_to_keep(payment: Payment, terminal: bytes, *, place: str, use: str) -> PursePayment:
    """What is kept of a payment. ``terminal``: the module's number; ``use``: entry, exit, or what was bought.

    It never fails, because the money has moved: of ``place`` and ``use`` it keeps 40 printable characters.
    """
    asked = payment.asked
    key_version, algorithm = asked.versions
    return PursePayment(
        asked.purse_number,
        terminal.hex(),
        asked.terminal_number,
        asked.counter,
        6 if asked.kind == PURCHASE else 9,
        asked.amount_fen,
        asked.balance_before_fen,
        int(asked.at.timestamp() * 1000),
        payment.tac.hex().upper(),
        payment.is_checked,
        _plain(place),
        _plain(use),
        asked.issuer.hex().upper(),
        1 if algorithm == Algorithm.TRIPLE_DES else 3,
        key_version,
    )


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:NAME_LENGTH_MAX]


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

    def waiting(self, limit: int) -> list[PursePayment]:
        """The oldest payments not yet acknowledged."""
        return [kept.payment for kept in self._select("status = 'waiting' order by sequence limit ?", limit)]

    def settle(self, results: Iterable[PurseResult], *, at: datetime) -> None:
        """Note what the gateway made of waiting payments: stored and repeated ones are done, the others keep the reason."""
        with self._storage.write() as database:
            for result in results:
                status = "refused" if result.status == "refused" else "acknowledged"
                database.execute(
                    "update purse_payment set status = ?, reason = ?, settled_at_s = ? "
                    "where purse_number = ? and card_counter = ? and status = 'waiting'",
                    [status, result.reason, int(at.timestamp()), *result.key],
                )

    def retry_refused(self) -> int:
        """Let refused payments wait again, after their cause was mended; how many."""
        with self._storage.write() as database:
            return database.execute(
                "update purse_payment set status = 'waiting', reason = '' where status = 'refused'"
            ).rowcount

    def forget_old(self, *, at: datetime) -> None:
        """Drop acknowledged payments that are past use. Waiting and refused ones are never dropped."""
        before_s = int((at - KEEP_ACKNOWLEDGED_FOR).timestamp())
        with self._storage.write() as database:
            database.execute("delete from purse_payment where status = 'acknowledged' and settled_at_s < ?", [before_s])

    def counts(self) -> Counts:
        """How the outbox stands."""
        with self._storage.read() as database:
            rows = dict(database.execute("select status, count(*) from purse_payment group by status").fetchall())
        return Counts(rows.get("waiting", 0), rows.get("acknowledged", 0), rows.get("refused", 0))

    def kept(self) -> list[KeptPayment]:
        """All payments here, oldest first."""
        return self._select("true order by sequence")

    def sum_fen(self) -> int:
        """What they come to."""
        return sum(kept.payment.amount_fen for kept in self.kept())

    def _select(self, where: str, *parameters: int) -> list[KeptPayment]:
        with self._storage.read() as database:
            rows = database.execute(
                f"select body, status, reason from purse_payment where {where}",  # noqa: S608 - only literals of this class
                parameters,
            ).fetchall()
        return [KeptPayment(_PAYMENT.decode(body), status, reason) for body, status, reason in rows]
