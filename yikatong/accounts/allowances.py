"""So many times in a window of time: the limit on look-ups. Counted in the database, because several processes serve.

A window begins with its first use. A limit protects the register against an account that was taken over or is misused; it
does not replace the audit trail.
"""

from datetime import datetime, timedelta

from django.db import connection

_TAKE = """
insert into accounts_allowance as a (key, window_from, used) values (%(key)s, %(at)s, 1)
on conflict (key) do update set
    window_from = case when a.window_from <= %(over)s then excluded.window_from else a.window_from end,
    used = case when a.window_from <= %(over)s then 1 else a.used + 1 end
returning used
"""


def take(key: str, *, most: int, window: timedelta, at: datetime) -> bool:
    """Count one use; whether it is within ``most`` of this window. What goes beyond is counted too."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"key": key, "at": at, "over": at - window})
        (used,) = cursor.fetchone()
    return bool(used <= most)
