"""What every page knows of its surroundings."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language

from yikatong.accounts.kept_forms import kept_for
from yikatong.accounts.models import Role
from yikatong.accounts.print_size import SIZES_PX, is_offered
from yikatong.accounts.sessions import seconds_at_most, seconds_left

HTML_LANG = {"zh-hans": "zh-CN", "zh-hant": "zh-Hant", "en": "en"}
"""The language of a page as HTML names it (BCP 47), by Django's name."""


def surroundings(request: HttpRequest) -> dict[str, object]:
    """``large_print``, ``text_px`` (0 in standard print), ``text_sizes``; ``page_language``; ``is_development``, which shows the
    banner that messages are not really sent; how long a session lives (``session_…``); and whether the page offers large print
    (``offers_large_print``) or what was typed before the session ended (``has_kept_form``)."""
    return {
        "large_print": getattr(request, "large_print", False),
        "text_px": getattr(request, "text_px", 0),
        "text_sizes": SIZES_PX,
        "page_language": HTML_LANG.get(get_language() or "", "zh-CN"),
        "is_development": not settings.IS_PRODUCTION,
        "session_hours": settings.SESSION_COOKIE_AGE // 3600,
        "session_minutes": settings.SESSION_COOKIE_AGE // 60,
        "session_days_most": settings.RESIDENT_SESSION_S // 86400,
        "session_hours_most": settings.STAFF_SESSION_S // 3600,
        "session_is_staffs": request.user.is_authenticated and request.user.role != Role.RESIDENT,
        "session_seconds_left": lambda: seconds_left(request),
        "session_seconds_at_most": lambda: seconds_at_most(request),
        "offers_large_print": lambda: is_offered(request),
        "has_kept_form": lambda: kept_for(request) is not None,
    }
