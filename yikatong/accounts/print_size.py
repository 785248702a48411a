"""Large print: on or off, how large, remembered on the device and in the account, and offered once to those it may help.

Sizes and the 18 px floor: Source: 互联网网站适老化通用设计规范 (MIIT, 2021), which asks for text of at least 18 and up to 30.
"""

from collections.abc import Callable
from datetime import date

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from yikatong.accounts.models import LARGE_TEXT_PX
from yikatong.foundation.clock import age_years, beijing_day, utc_now
from yikatong.registry.models import Person
from yikatong.registry.selectors import find_person

COOKIE = f"{settings.COOKIE_PREFIX}large_print"
KEPT_DAYS = 365
SIZES_PX = (LARGE_TEXT_PX, 26, 30)
OFFERED_FROM_AGE = 60
"""Source: 老年人权益保障法 article 2, which calls people of 60 and more elderly."""
_OFFER_LOOKED_UP = "large_print_not_offered"


class LargePrintMiddleware:
    """``request.large_print`` and ``request.text_px``: by link (``?mode=care&size=26``), else as device or account have it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        text_px = _remembered(request)
        asked = request.GET.get("mode")
        if asked == "standard":
            text_px = 0
        elif asked == "care":
            text_px = size_from(request.GET.get("size", "")) or text_px or LARGE_TEXT_PX
        request.large_print = text_px > 0  # type: ignore[attr-defined]
        request.text_px = text_px  # type: ignore[attr-defined]
        response = self.get_response(request)
        if asked in {"care", "standard"}:
            remember_on_device(response, text_px)
        return response


def size_from(text: str) -> int:
    """The text size in px that ``text`` names; 0 for anything that is none of ours."""
    return next((size for size in SIZES_PX if text == str(size)), 0)


def _remembered(request: HttpRequest) -> int:
    cookie = request.COOKIES.get(COOKIE)
    if cookie is not None:
        return LARGE_TEXT_PX if cookie == "1" else size_from(cookie)  # "1": written before there were sizes
    user = request.user
    return user.large_text_px if user.is_authenticated and user.prefers_large_print else 0


def choose(request: HttpRequest, response: HttpResponse, text_px: int) -> None:
    """Remember a choice on the device and in the account; 0 is standard print. Whoever has chosen is not asked again."""
    user = request.user
    if user.is_authenticated:
        user.prefers_large_print = text_px > 0
        user.large_text_px = text_px or user.large_text_px
        user.large_print_answered = True
        user.save(update_fields=["prefers_large_print", "large_text_px", "large_print_answered"])
    remember_on_device(response, text_px)


def remember_on_device(response: HttpResponse, text_px: int) -> None:
    """Keep the choice on this device for a year."""
    response.set_cookie(
        COOKIE,
        str(text_px),
        max_age=KEPT_DAYS * 86400,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def is_offered(request: HttpRequest) -> bool:
    """Whether the page offers large print: to residents of 60 and more and to those who need it, until they answer.

    Who is not to be asked is looked up once a session.
    """
    user = request.user
    if not user.is_authenticated or not user.person_id or user.large_print_answered:
        return False
    if getattr(request, "large_print", False) or request.session.get(_OFFER_LOOKED_UP):
        return False
    person = getattr(request, "resident", None) or find_person(user.person_id)
    if person is not None and _may_help(person, beijing_day(utc_now())):
        return True
    request.session[_OFFER_LOOKED_UP] = True
    return False


def _may_help(person: Person, today: date) -> bool:
    return person.needs_large_print or age_years(person.birth_date, today) >= OFFERED_FROM_AGE
