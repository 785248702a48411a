"""Where an account is signed in: one row a session, by a digest of its key, for the list of one's sessions and for ending them.

A row is written at sign-in and when the session's end is moved (``accounts.sessions``), never at an ordinary page view. It holds
no address and of the browser only its kind. A session that is ended is deleted from Django's table, which is found by the same
digest (an index of the migration); a session that has no row, because it began before there were rows, ends by the
account's ``session_generation``, which every session's hash holds.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest

from yikatong.accounts.models import SignedInSession, User
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.foundation.device_labels import device_label

LISTED_AS = "listed_as"
ORPHANS_KEPT_FOR = timedelta(hours=1)
"""A row is written before its session's own row is; one younger than this is left alone."""

_LIVING = """
select s.session_id, s.device, s.begun_at, s.last_used_at
from accounts_session s join django_session d on sha256(d.session_key::bytea) = s.key_digest
where s.user_id = %(user)s and d.expire_date > %(at)s
order by s.last_used_at desc, s.session_id desc
"""
_END = "delete from django_session where sha256(session_key::bytea) = any(%s)"
_FORGET = """
delete from accounts_session s
where s.last_used_at < %(before)s
  and not exists (select from django_session d where sha256(d.session_key::bytea) = s.key_digest and d.expire_date > %(at)s)
"""


@dataclass(frozen=True, slots=True)
class OwnSession:
    """One session as its owner sees it. ``device`` is empty where neither system nor browser is known."""

    session_id: int
    device: str
    begun_at: datetime
    last_used_at: datetime
    is_current: bool


def note_use(request: HttpRequest, user: User, *, begun_at: datetime, at: datetime) -> None:
    """Keep the session's row in step: its key may have changed, and it may have none yet."""
    session = request.session
    digest = _digest(session)
    listed = SignedInSession.objects.filter(session_id=session.get(LISTED_AS, 0), user=user)
    if LISTED_AS in session and listed.update(key_digest=digest, last_used_at=at):
        return
    row = SignedInSession(
        key_digest=digest,
        user=user,
        device=device_label(request.headers.get("User-Agent", "")),
        begun_at=begun_at,
        last_used_at=at,
    )
    SignedInSession.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["key_digest"], update_fields=["last_used_at"]
    )
    session[LISTED_AS] = row.session_id


def strike_off(session: SessionBase) -> None:
    """Take the row of a session that ends by itself, by its owner's sign-out or at its time."""
    if LISTED_AS in session:
        SignedInSession.objects.filter(session_id=session.pop(LISTED_AS)).delete()


def sessions_of(user: User, *, at: datetime, current: SessionBase | None = None) -> list[OwnSession]:
    """The account's sessions that still live, last used first; ``current`` is the one that asks."""
    mine = current.get(LISTED_AS) if current is not None else None
    with connection.cursor() as cursor:
        cursor.execute(_LIVING, {"user": user.pk, "at": at})
        rows = cursor.fetchall()
    return [OwnSession(number, device, begun, used, number == mine) for number, device, begun, used in rows]


def end_one(user: User, session_id: int, *, by: Actor, at: datetime) -> bool:
    """End one session of an account; whether there was such a one. Repeating it changes nothing."""
    with transaction.atomic():
        if not _end(SignedInSession.objects.filter(user=user, session_id=session_id)):
            return False
        record("account.session_ended", subject=f"account:{user.pk}", by=by, at=at)
    return True


def end_all(user: User) -> int:
    """End every session of an account: those with a row at once, any other with its next request. How many had a row.

    Call it in a transaction. Whoever is to stay signed in goes on by ``sessions.go_on_alone``.
    """
    User.objects.filter(pk=user.pk).update(session_generation=F("session_generation") + 1)
    user.refresh_from_db(fields=["session_generation"])
    return _end(SignedInSession.objects.filter(user=user))


def end_everybodys(*, by: Actor, at: datetime) -> int:
    """End all sessions there are, of residents and staff; how many. For the day on which something has leaked."""
    with transaction.atomic(), connection.cursor() as cursor:
        SignedInSession.objects.all().delete()
        cursor.execute("delete from django_session")
        ended = int(cursor.rowcount)
        record("account.everybody_signed_out", subject="account:all", by=by, at=at, sessions=ended)
    return ended


def forget_ended(*, at: datetime) -> int:
    """Remove sessions that are over, and rows whose session is gone or over; how many rows."""
    SessionStore.clear_expired()
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, {"at": at, "before": at - ORPHANS_KEPT_FOR})
        return int(cursor.rowcount)


def _end(rows: QuerySet[SignedInSession]) -> int:
    digests = [bytes(digest) for digest in rows.values_list("key_digest", flat=True)]
    if digests:
        with connection.cursor() as cursor:
            cursor.execute(_END, [digests])
        rows.delete()
    return len(digests)


def _digest(session: SessionBase) -> bytes:
    # The key has more than 160 random bits: a plain digest cannot be turned back. PostgreSQL computes the same (``_LIVING``).
    return hashlib.sha256(str(session.session_key).encode()).digest()
