"""Taps waiting for upload, sequence numbers, and which codes were seen a moment ago.

A tap is on disk before the gate opens, a sequence number is never given twice, and what the gateway refused stays here with
its reason until someone has looked at it. It does not upload: see ``uploader``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from yikatong.terminal.storage import Storage
from yikatong.wire.taps import Tap, TapResult

REMEMBER_CODES_FOR = timedelta(days=1)
"""Much longer than a code lives, so that a clock set back a little does not let a used code pass. Source: assumption."""
KEEP_ACKNOWLEDGED_FOR = timedelta(days=30)
"""How long a venue can look up what it uploaded. Source: assumption."""
_TAP = msgspec.json.Decoder(Tap)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many taps wait, were taken, and were refused or conflicted."""

    waiting: int
    acknowledged: int
    refused: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A tap in the outbox. ``status``: waiting, acknowledged, refused, conflict."""

    tap: Tap
    status: str
    reason: str


class Outbox:
    """The outbox of one terminal."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def add(self, tap: Tap, *, seen_key: bytes, at: datetime) -> Tap | None:
        """Store a tap (its ``sequence`` is ignored) and return it with the sequence it was given.

        ``seen_key`` names the code. ``None``, and nothing stored, when it had the same outcome here already: a second
        acceptance would be a replay, a second refusal is a camera looking twice. Raises ``StorageFailed``.
        """
        outcome = "" if tap.decision == "accepted" else tap.reason
        until_s = int((at + REMEMBER_CODES_FOR).timestamp())
        with self._storage.write() as database:
            is_new = database.execute(
                "insert or ignore into seen values (?, ?, ?)", [seen_key, outcome, until_s]
            ).rowcount
            if not is_new:
                return None
            row = database.execute("select seq from sqlite_sequence where name = 'tap'").fetchone()
            stored = msgspec.structs.replace(tap, sequence=(row[0] if row else 0) + 1)
            body = msgspec.json.encode(stored, order="deterministic")
            database.execute("insert into tap (sequence, body) values (?, ?)", [stored.sequence, body])
        return stored

    def waiting(self, limit: int) -> list[Tap]:
        """The oldest taps not yet acknowledged."""
        return [kept.tap for kept in self._select("status = 'waiting' order by sequence limit ?", limit)]

    def settle(self, results: Iterable[TapResult], *, at: datetime) -> None:
        """Note what the gateway made of waiting taps: stored and repeated ones are done, the others keep the reason."""
        with self._storage.write() as database:
            for result in results:
                status = "acknowledged" if result.status in {"stored", "repeated"} else result.status
                database.execute(
                    "update tap set status = ?, reason = ?, settled_at_s = ? where sequence = ? and status = 'waiting'",
                    [status, result.reason, int(at.timestamp()), result.sequence],
                )

    def retry_refused(self) -> int:
        """Let refused taps wait again, after their cause was mended; how many."""
        with self._storage.write() as database:
            return database.execute("update tap set status = 'waiting', reason = '' where status = 'refused'").rowcount

    def forget_old(self, *, at: datetime) -> None:
        """Drop acknowledged taps and seen codes that are past use. Waiting and refused taps are never dropped."""
        with self._storage.write() as database:
            database.execute("delete from seen where until_s < ?", [int(at.timestamp())])
            before_s = int((at - KEEP_ACKNOWLEDGED_FOR).timestamp())
            database.execute("delete from tap where status = 'acknowledged' and settled_at_s < ?", [before_s])

    def counts(self) -> Counts:
        """How the outbox stands."""
        with self._storage.read() as database:
            rows = dict(database.execute("select status, count(*) from tap group by status").fetchall())
        refused = rows.get("refused", 0) + rows.get("conflict", 0)
        return Counts(rows.get("waiting", 0), rows.get("acknowledged", 0), refused)

    def kept(self) -> list[Kept]:
        """Every tap here, oldest first."""
        return self._select("true order by sequence")

    def refused(self) -> list[Kept]:
        """The taps the gateway did not take."""
        return self._select("status in ('refused', 'conflict') order by sequence")

    def _select(self, where: str, *parameters: int) -> list[Kept]:
        with self._storage.read() as database:
            rows = database.execute(
                f"select body, status, reason from tap where {where}",  # noqa: S608 - only literals of this class
                parameters,
            ).fetchall()
        return [Kept(_TAP.decode(body), status, reason) for body, status, reason in rows]
