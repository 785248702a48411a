"""Small tables in memory, for what changes when the city's data are loaded and is read by every page.

A value is built again when its stamp changed; the stamp is asked for at most every few seconds, so another process's change is
seen that much later.
"""

import threading
from collections.abc import Callable
from time import monotonic

_all: list["Kept[object]"] = []


class Kept[Value]:
    """A value rebuilt when its stamp changed; the stamp is asked for at most every ``every_s``. One thread builds, once."""

    def __init__(self, stamp: Callable[[], object], build: Callable[[], Value], *, every_s: float) -> None:
        self._stamp, self._build, self._every_s = stamp, build, every_s
        self._lock = threading.Lock()
        self._held: tuple[object, Value] | None = None
        self._checked = float("-inf")
        _all.append(self)

    def get(self) -> Value:
        """The value as of the last look."""
        held = self._held
        if held is not None and monotonic() - self._checked < self._every_s:
            return held[1]
        with self._lock:
            stamp = self._stamp()
            if self._held is None or self._held[0] != stamp:
                self._held = (stamp, self._build())
            self._checked = monotonic()
            return self._held[1]

    def forget(self) -> None:
        """Drop it: the next look reads the database."""
        with self._lock:
            self._held, self._checked = None, float("-inf")


def forget_all() -> None:
    """Drop all that is kept in this process, between tests."""
    for kept in _all:
        kept.forget()
