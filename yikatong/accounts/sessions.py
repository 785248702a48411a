"""How long one stays signed in: as long as one goes on, and never ended without a warning that can be answered.

A session lives for ``SESSION_COOKIE_AGE`` after its last use. So that not every page writes to the database, its end is moved at
most once in a while; ``seconds_left`` says what is really left. The page warns before the end (``portal/shell.js``).
Source: WCAG 2.2, 2.2.1 Timing Adjustable, and 适老化通用设计规范 (enough time).
"""

import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

USED_AT = "used_at"
MOVED_EVERY_S_MAX = 300


class SlidingSessionMiddleware:
    """Move the end of a used session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            extend(request)
        return self.get_response(request)


def extend(request: HttpRequest, *, at_once: bool = False) -> None:
    """Count the session's life from now on, if enough of it has passed that this is worth a write, or ``at_once``."""
    now = int(time.time())
    used_at = request.session.get(USED_AT, 0)
    if at_once or now - used_at >= min(MOVED_EVERY_S_MAX, settings.SESSION_COOKIE_AGE // 10):
        request.session[USED_AT] = now


def seconds_left(request: HttpRequest) -> int:
    """How long the session goes on if nothing more is asked for, in s."""
    used_at = request.session.get(USED_AT, int(time.time()))
    return max(0, int(used_at) + settings.SESSION_COOKIE_AGE - int(time.time()))
