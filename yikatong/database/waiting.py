"""Waiting for something another process does: always for a condition, never for a length of time."""

import time
from collections.abc import Callable

POLL_EVERY_S = 0.05


def wait_until(condition: Callable[[], bool], *, within_s: float) -> bool:
    """Ask ``condition`` again and again until it holds; ``False`` when it still did not after ``within_s`` seconds."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_EVERY_S)
    return True
