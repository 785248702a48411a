"""How long one stays signed in: as long as one goes on, up to a longest time, and never ended without a warning.

A session lives for ``SESSION_COOKIE_AGE`` after its last use. So that not every page writes to the database, its end is moved at
most once in a while; ``seconds_left`` says what is really left. However much it is used, it ends for good
``RESIDENT_SESSION_S`` or ``STAFF_SESSION_S`` after signing in; when it began stands in the session itself. The page warns before
either end (``portal/shell.js``), and what is sent after it is kept (``accounts.kept_forms``).
Source: WCAG 2.2, 2.2.1 Timing Adjustable (a limit above 20 hours needs no extension), 适老化通用设计规范 (enough time), and for
the longest time NIST SP 800-63B-4, 2.1.3 and 2.2.3.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from yikatong.accounts import own_sessions
from yikatong.accounts.models import Role, User
from yikatong.audit.actors import Actor
from yikatong.audit.services import record

USED_AT, BEGUN_AT = "used_at", "begun_at"
MOVED_EVERY_S_MAX = 300
KIOSK_VISIT = "kiosk_visit"
"""In the session of a machine in a hall while somebody stands at it: it is not signed out under their hands."""


class SlidingSessionMiddleware:
    """Move the end of a used session, or end it when its longest time is over. No query where neither is due."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            if seconds_at_most(request) > 0 or KIOSK_VISIT in request.session:
                extend(request)
            else:
                _end(request)
        return self.get_response(request)


def begin(request: HttpRequest, user: User) -> None:
    """Count the life of a session from now on: somebody has just signed in."""
    session = request.session
    if session.session_key is None:
        session.save()  # after another account was signed in here, Django gives the key only with the answer
    own_sessions.strike_off(session)
    session[BEGUN_AT] = session[USED_AT] = now = int(time.time())
    own_sessions.note_use(request, user, begun_at=_moment(now), at=_moment(now))


def extend(request: HttpRequest, *, at_once: bool = False) -> None:
    """Count the session's life from now on, if enough of it has passed that this is worth a write, or ``at_once``."""
    session, now = request.session, int(time.time())
    used_at = session.get(USED_AT, 0)
    is_due = now - used_at >= min(MOVED_EVERY_S_MAX, settings.SESSION_COOKIE_AGE // 10)
    if at_once or is_due or own_sessions.LISTED_AS not in session:
        assert isinstance(request.user, User)
        begun_at = session.setdefault(BEGUN_AT, now)  # missing in a session of an older release
        session[USED_AT] = now
        own_sessions.note_use(request, request.user, begun_at=_moment(begun_at), at=_moment(now))


def longest_s(role: str) -> int:
    """The longest time from signing in to signing in anew, in s."""
    return settings.RESIDENT_SESSION_S if role == Role.RESIDENT else settings.STAFF_SESSION_S


def seconds_at_most(request: HttpRequest) -> int:
    """How long the session can go on however much it is used, in s. 0 for nobody."""
    if not request.user.is_authenticated:
        return 0
    now = int(time.time())
    return max(0, int(request.session.get(BEGUN_AT, now)) + longest_s(request.user.role) - now)


def seconds_left(request: HttpRequest) -> int:
    """How long the session goes on if nothing more is asked for, in s."""
    used_at = request.session.get(USED_AT, int(time.time()))
    sliding = max(0, int(used_at) + settings.SESSION_COOKIE_AGE - int(time.time()))
    return min(sliding, seconds_at_most(request))


def end_others(request: HttpRequest, *, by: Actor, at: datetime) -> None:
    """End all sessions of the account but the one that asks."""
    assert isinstance(request.user, User)
    with transaction.atomic():
        own_sessions.end_all(request.user)
        go_on_alone(request)
        record("account.other_sessions_ended", subject=f"account:{request.user.pk}", by=by, at=at)


def end_asked(request: HttpRequest, *, by: Actor, at: datetime) -> str:
    """End what a page's form names in ``session``, one session or ``others``; what to tell. Repeating it tells the same."""
    assert isinstance(request.user, User)
    asked = request.POST.get("session", "")
    if asked == "others":
        end_others(request, by=by, at=at)
        return _("其他登录都已结束。")
    is_number = asked.isascii() and asked.isdecimal() and len(asked) < 19
    own_sessions.end_one(request.user, int(asked) if is_number else 0, by=by, at=at)
    return _("这个登录已结束。")


def go_on_alone(request: HttpRequest) -> None:
    """Stay signed in after all sessions of the account were ended, or its password was changed."""
    assert isinstance(request.user, User)
    update_session_auth_hash(request, request.user)
    extend(request, at_once=True)


def _end(request: HttpRequest) -> None:
    own_sessions.strike_off(request.session)
    request.session.flush()
    request.user = AnonymousUser()


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
