"""How often may somebody look up, ask for a code or type a wrong one: counted in PostgreSQL, whatever becomes of the request.

Source of the numbers: assumption (a quick clerk handles a few persons a minute; a machine that guesses, thousands).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from yikatong.desks.models import Tally


@dataclass(frozen=True, slots=True)
class Limit:
    """So many tries in a window."""

    name: str
    tries_max: int
    window: timedelta

    def key(self, whom: str) -> str:
        """The tally's key."""
        return f"{self.name}:{whom}"


LOOKUPS = Limit("lookup", 60, timedelta(minutes=1))
MISSES = Limit("miss", 30, timedelta(minutes=10))
WRONG_PROOFS_OF_CARD = Limit("kiosk-card", 5, timedelta(hours=24))
WRONG_PROOFS_AT_KIOSK = Limit("kiosk-wrong", 30, timedelta(hours=1))
CODES_FOR_CARD = Limit("kiosk-code", 5, timedelta(hours=24))
WINDOW_MAX = max(
    limit.window for limit in (LOOKUPS, MISSES, WRONG_PROOFS_OF_CARD, WRONG_PROOFS_AT_KIOSK, CODES_FOR_CARD)
)

_COUNT = """
insert into desks_tally as t (key, since, tries) values (%(key)s, %(at)s, 1)
on conflict (key) do update set
    tries = case when t.since <= %(stale)s then 1 else t.tries + 1 end,
    since = case when t.since <= %(stale)s then excluded.since else t.since end
returning tries
"""


def count(limit: Limit, whom: str, *, at: datetime) -> bool:
    """Count one try; whether it is still within the limit. Call it outside the transaction of what is tried."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"key": limit.key(whom), "at": at, "stale": at - limit.window})
        return int(cursor.fetchone()[0]) <= limit.tries_max


def is_used_up(limit: Limit, whom: str, *, at: datetime) -> bool:
    """Whether another try would be one too many, without counting it."""
    return Tally.objects.filter(key=limit.key(whom), since__gt=at - limit.window, tries__gte=limit.tries_max).exists()


def forget(limit: Limit, whom: str) -> None:
    """Start anew: the right answer was given."""
    Tally.objects.filter(key=limit.key(whom)).delete()


def forget_over(*, at: datetime) -> int:
    """Remove counts that no limit looks at any more; how many."""
    removed, _ = Tally.objects.filter(since__lte=at - WINDOW_MAX).delete()
    return removed
