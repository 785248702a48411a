"""A cache that all web processes share, in PostgreSQL: what limits of tries count in.

Django's own cache in the database counts its whole table at every write and throws away a third of it when it is full, which
would let a flood erase the very counts that hold it back; the one in memory is every process's own, so that eight
processes would allow eight times the tries. Values are JSON, never pickles. The table is unlogged: a crash forgets the counts.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection

from yikatong.foundation.clock import utc_now

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)

_GET = "select value from accounts_cache_entry where key = %s and expires_at > %s"
_SET = """
insert into accounts_cache_entry (key, value, expires_at) values (%s, %s, %s)
on conflict (key) do update set value = excluded.value, expires_at = excluded.expires_at
"""
_ADD = _SET + "where accounts_cache_entry.expires_at <= %s"


class SharedCache(BaseCache):
    """See the module. Inside a transaction that is rolled back, what was counted is forgotten: count before it."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """The value, or ``default`` when there is none or it has expired."""
        with connection.cursor() as cursor:
            cursor.execute(_GET, [self._key(key, version), utc_now()])
            row = cursor.fetchone()
        return default if row is None else json.loads(row[0])

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Keep a value for ``timeout`` seconds, or for ever when it is ``None``. Raises ``TypeError`` for what is not JSON."""
        with connection.cursor() as cursor:
            cursor.execute(_SET, [self._key(key, version), json.dumps(value), self._expires_at(timeout)])

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """The same where there is none yet; whether this call kept it. Of several at once exactly one does."""
        with connection.cursor() as cursor:
            cursor.execute(_ADD, [self._key(key, version), json.dumps(value), self._expires_at(timeout), utc_now()])
            return bool(cursor.rowcount == 1)

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Keep a value longer; whether there was one."""
        with connection.cursor() as cursor:
            statement = "update accounts_cache_entry set expires_at = %s where key = %s and expires_at > %s"
            cursor.execute(statement, [self._expires_at(timeout), self._key(key, version), utc_now()])
            return bool(cursor.rowcount == 1)

    def delete(self, key: Any, version: int | None = None) -> bool:
        """Forget a value; whether there was one."""
        with connection.cursor() as cursor:
            cursor.execute("delete from accounts_cache_entry where key = %s", [self._key(key, version)])
            return bool(cursor.rowcount == 1)

    def clear(self) -> None:
        """Forget everything."""
        with connection.cursor() as cursor:
            cursor.execute("delete from accounts_cache_entry")

    def _key(self, key: Any, version: int | None) -> str:
        return str(self.make_and_validate_key(key, version=version))

    def _expires_at(self, timeout: Any) -> datetime:
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return FOREVER if seconds is None else utc_now() + timedelta(seconds=float(seconds))


def forget_expired() -> int:
    """Remove what has expired; how many entries."""
    with connection.cursor() as cursor:
        cursor.execute("delete from accounts_cache_entry where expires_at <= %s", [utc_now()])
        return int(cursor.rowcount)
