"""Identifiers: time-ordered UUIDs, so that indexes grow at one end and rows made together lie together.

Python's own ``uuid.uuid7`` comes with 3.14; until then this is RFC 9562 section 5.7 in a few lines.
"""

import os
import time
from uuid import UUID


def new_uuid7() -> UUID:
    """A fresh UUID of version 7: 48 bits of Unix milliseconds, 74 random bits."""
    random = int.from_bytes(os.urandom(10))
    value = (time.time_ns() // 1_000_000) << 80
    value |= 0x7 << 76 | (random >> 68) << 64
    value |= 0b10 << 62 | random & ((1 << 62) - 1)
    return UUID(int=value)
