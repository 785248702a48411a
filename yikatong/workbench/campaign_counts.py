"""Counts that take the database a while, kept for the pages: one request counts, the others are shown the last count meanwhile.

They are kept at least twenty times as long as counting took, so that pages keep the database busy for a twentieth of its time
at most. It counts nothing itself and knows no table.
"""

from collections.abc import Callable
from time import perf_counter

from django.core.cache import caches

LAST_KEPT_S = 24 * 3600
COUNTING_S_MAX = 600
TIMES_AS_LONG = 20


def counted[T](key: str, keep_s: int, count: Callable[[], T]) -> T | None:
    """The count, not older than ``keep_s`` or the last one while another request counts; none before the first is there."""
    found: T | None = caches["process"].get(key)
    if found is not None:
        return found
    if not caches["process"].add(f"{key}:counting", 1, COUNTING_S_MAX):
        last: T | None = caches["process"].get(f"{key}:last")
        return last
    try:
        began = perf_counter()
        found = count()
        kept_s = max(keep_s, TIMES_AS_LONG * (perf_counter() - began))
        caches["process"].set(key, found, kept_s)
        caches["process"].set(f"{key}:last", found, LAST_KEPT_S + kept_s)
    finally:
        caches["process"].delete(f"{key}:counting")
    return found
