"""The signed lists as this gateway process hands them out, built again only when they changed or grow old."""

import asyncio
from datetime import datetime, timedelta

from psycopg_pool import AsyncConnectionPool

from yikatong.acceptance.lists import (
    DENY_ENTRIES_SQL,
    DENY_LIST_LIFE,
    DENY_VERSION_SQL,
    signed_deny_list,
    signed_trust_list,
)

REBUILD_AFTER = timedelta(minutes=10)
assert REBUILD_AFTER < DENY_LIST_LIFE / 2, "terminals must not be handed a list that is about to run out"


class TrustListCache:
    """One gateway process's copy of the trust list."""

    def __init__(self) -> None:
        self._built_at: datetime | None = None
        self._octets = b""
        self._lock = asyncio.Lock()

    async def current(self, at: datetime) -> bytes:
        """The list, signed at most ``REBUILD_AFTER`` ago."""
        async with self._lock:
            if self._built_at is None or at - self._built_at > REBUILD_AFTER:
                self._octets = await asyncio.to_thread(signed_trust_list, at)
                self._built_at = at
            return self._octets


class DenyListCache:
    """One gateway process's copy of the deny list."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool
        self._version = -1
        self._built_at: datetime | None = None
        self._octets = b""
        self._lock = asyncio.Lock()

    async def current(self, at: datetime) -> bytes:
        """The list as it stands now, signed.

        The version is read before the entries: a change between the two is in the list already, and makes the next call
        build it again.
        """
        async with self._lock, self._pool.connection() as connection:
            version_row = await (await connection.execute(DENY_VERSION_SQL)).fetchone()
            version = version_row[0] if version_row else 0
            is_old = self._built_at is None or at - self._built_at > REBUILD_AFTER
            if version != self._version or is_old:
                rows = await (await connection.execute(DENY_ENTRIES_SQL, {"at": at})).fetchall()
                entries = [(str(key), str(reason)) for key, reason in rows]
                self._octets = await asyncio.to_thread(signed_deny_list, entries, version=version, at=at)
                self._version, self._built_at = version, at
            return self._octets
