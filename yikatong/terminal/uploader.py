"""Uploading until it is done: batches, lost replies, what the gateway cannot read, and waiting longer after each failure.

Repeating an upload is harmless (the gateway knows taps by terminal and sequence, payments by purse and counter), so whatever
is in doubt is sent again. Nothing is ever dropped here: what the gateway refuses for good stays in the outbox with the reason.
"""

import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import SystemRandom
from time import monotonic
from typing import Protocol

from yikatong.foundation.errors import YikatongError
from yikatong.terminal.client import UNEXPECTED_ANSWER, Client, GatewayRefused, GatewayUnreachable
from yikatong.terminal.outbox import Outbox
from yikatong.terminal.purse_outbox import PurseOutbox
from yikatong.wire.purses import PurseResult
from yikatong.wire.taps import TapResult

UPLOADED_AT_ONCE = 100
LISTS_EVERY_S = 10
"""How soon an online terminal learns of a lost card. Source: assumption; within the minute that product goal J7 names."""
WAIT_FIRST_S, WAIT_MAX_S = 1.0, 60.0
_TOO_MUCH_AT_ONCE = {400, 413, 422}
_STOP_WITHIN_S = 5


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What one round of uploading did. ``clock_ahead_s``: the terminal's clock against the gateway's, if it answered."""

    stored: int = 0
    repeated: int = 0
    refused: int = 0
    clock_ahead_s: int = 0

    def __add__(self, other: "Uploaded") -> "Uploaded":
        """Both; the clock's difference is the one last seen."""
        return Uploaded(
            self.stored + other.stored,
            self.repeated + other.repeated,
            self.refused + other.refused,
            other.clock_ahead_s or self.clock_ahead_s,
        )


class _Known(Protocol):
    """Something with a key of its own."""

    @property
    def key(self) -> Hashable: ...


class _Result(_Known, Protocol):
    @property
    def status(self) -> str: ...


class _Reply[Result](Protocol):
    @property
    def results(self) -> Sequence[Result]: ...

    @property
    def server_time_ms(self) -> int: ...


class _Waiting[Item, Result](Protocol):
    """What waits for upload."""

    def waiting(self, limit: int) -> list[Item]: ...

    def settle(self, results: Iterable[Result], *, at: datetime) -> None: ...


def upload(outbox: Outbox, client: Client, *, now: Callable[[], datetime]) -> Uploaded:
    """Upload every tap that waits. Raises ``GatewayUnreachable`` or ``GatewayRefused``; what was not taken still waits."""
    return _upload(
        outbox, client.post_taps, lambda tap, reason: TapResult(tap.sequence, "refused", reason), UPLOADED_AT_ONCE, now
    )


def upload_payments(outbox: PurseOutbox, client: Client, *, now: Callable[[], datetime]) -> Uploaded:
    """Upload every purse payment that waits, as ``upload`` does taps."""
    return _upload(
        outbox,
        client.post_purse_payments,
        lambda payment, reason: PurseResult(*payment.key, "refused", reason),
        UPLOADED_AT_ONCE,
        now,
    )


def _upload[Item: _Known, Result: _Result](
    outbox: _Waiting[Item, Result],
    post: Callable[[Sequence[Item]], _Reply[Result]],
    refusal: Callable[[Item, str], Result],
    at_once: int,
    now: Callable[[], datetime],
) -> Uploaded:
    """A batch that the gateway cannot read is halved until the one at fault stands alone; only that one is set aside."""
    counted = {"stored": 0, "repeated": 0, "refused": 0, "conflict": 0}
    limit, ahead_ms = at_once, 0
    while items := outbox.waiting(limit):
        try:
            reply = post(items)
        except GatewayRefused as refused:
            is_about_items = refused.status in _TOO_MUCH_AT_ONCE
            if not is_about_items or (len(items) == 1 and refused.reason == UNEXPECTED_ANSWER):
                raise
            if len(items) == 1:
                outbox.settle([refusal(items[0], refused.reason)], at=now())
                counted["refused"] += 1
            limit = max(1, len(items) // 2)
            continue
        ahead_ms = int(now().timestamp() * 1000) - reply.server_time_ms
        sent = {item.key for item in items}
        results = [result for result in reply.results if result.key in sent]
        outbox.settle(results, at=now())
        for result in results:
            counted[result.status] += 1
        if {result.key for result in results} != sent:
            raise GatewayUnreachable("the gateway answered for others than were sent; the others are kept")
        limit = min(at_once, limit * 2)
    refused_count = counted["refused"] + counted["conflict"]
    return Uploaded(counted["stored"], counted["repeated"], refused_count, clock_ahead_s=round(ahead_ms / 1000))


def wait_s(failures: int, *, share: float) -> float:
    """Seconds before the next try after so many failures in a row; ``share`` from 0 to 1 spreads terminals apart.

    1, 2, 4 … 60 seconds, of which the second half is random: a station's gates must not all come back at once.
    """
    whole = min(WAIT_MAX_S, WAIT_FIRST_S * 2.0 ** min(failures - 1, 10))
    return whole * (0.5 + share / 2)


class BackgroundSync:
    """A thread that uploads taps as they come and refreshes the lists, so that a slow network never holds up the gate.

    ``report`` is told of a fault once, and again when it changes.
    """

    def __init__(self, sync: Callable[[bool], object], *, report: Callable[[str], None]) -> None:
        """``sync(lists)`` uploads, and fetches the lists when told to."""
        self._sync = sync
        self._report = report
        self._stopped = threading.Event()
        self._due = threading.Event()
        self._thread = threading.Thread(target=self._run, name="terminal-sync", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There is a tap to upload."""
        self._due.set()

    def stop(self) -> None:
        """Finish what is under way, for a few seconds at most; the outbox keeps the rest."""
        self._stopped.set()
        self._due.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_WITHIN_S)

    def _run(self) -> None:
        failures, reported, refresh_at = 0, "", 0.0
        random = SystemRandom()
        while not self._stopped.is_set():
            self._due.clear()
            try:
                is_time_for_lists = monotonic() >= refresh_at
                self._sync(is_time_for_lists)
            except (
                Exception
            ) as error:  # whatever it is, the gate goes on and the taps are safe: say it, try again later
                failures += 1
                message = str(error) if isinstance(error, YikatongError) else repr(error)
                if message != reported and not self._stopped.is_set():
                    reported = message
                    self._report(message)
                is_refusal = isinstance(error, GatewayRefused)  # somebody must mend it; meanwhile do not press
                self._stopped.wait(WAIT_MAX_S if is_refusal else wait_s(failures, share=random.random()))
            else:
                failures, reported = 0, ""
                if is_time_for_lists:
                    refresh_at = monotonic() + LISTS_EVERY_S
                self._due.wait(max(0.0, refresh_at - monotonic()))
