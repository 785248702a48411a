"""The signed deny list, built again only when it changed or grows old."""

import asyncio
from datetime import datetime, timedelta

from psycopg_pool import AsyncConnectionPool

from yikatong.acceptance.lists import DENY_ENTRIES_SQL, DENY_VERSION_SQL, signed_deny_list

REBUILD_AFTER = timedelta(minutes=10)


class DenyListCache:
    """One gateway process's copy."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool
        self._version = -1
        self._built_at: datetime | None = None
        self._octets = b""
        self._lock = asyncio.Lock()

    async def current(self, at: datetime) -> bytes:
        """The list as it stands now, signed."""
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
