"""The resident's first pages: welcome, who are you, my card, help, large print."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yikatong.accounts.models import LARGE_TEXT_PX, Role
from yikatong.accounts.print_size import choose, size_from
from yikatong.accounts.services import link_person
from yikatong.issuance.models import SocialState
from yikatong.issuance.rules import THIRD_GENERATION
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.overview import Overview, overviews


@require_safe
def welcome(request: HttpRequest) -> HttpResponse:
    """What the card gives, for those who are not signed in."""
    return render(request, "portal/welcome.html")


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """Whom to call and the most asked questions."""
    return render(request, "portal/help.html")


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """My card. Staff who come here are sent to their workbench."""
    if request.user.is_authenticated and request.user.role != Role.RESIDENT:
        return redirect("work:home")
    return _my_home(request)


@holder_required
def _my_home(request: HttpRequest, holder: Holder) -> HttpResponse:
    people = overviews(holder)
    is_large = getattr(request, "large_print", False)
    context = {
        "people": people,
        "myself": people[0],
        "shows_intro": INTRO_COOKIE not in request.COOKIES,
        "old_card_line": _old_card_line(people[0]),
        "is_simple": is_large and request.GET.get("all") != "1",
    }
    return render(request, "portal/home.html", context)


@require_http_methods(["GET", "POST"])
@holder_required
def intro(request: HttpRequest, holder: Holder) -> HttpResponse:
    """What the new card gives and whether the older one still works; a POST says that it was read."""
    if request.method == "POST":
        response = redirect("portal:home")
        response.set_cookie(
            INTRO_COOKIE,
            "1",
            max_age=INTRO_DAYS * 86400,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
        return response
    return render(request, "portal/intro.html", {"old_card_line": _old_card_line(overviews(holder)[0])})


INTRO_COOKIE, INTRO_DAYS = f"{settings.COOKIE_PREFIX}intro_read", 365


def _old_card_line(myself: Overview) -> str:
    """Whether the resident's own older card works now."""
    card = myself.card
    if card is None or card.social_state == SocialState.INACTIVE:
        return _("您没有在用的旧卡；新卡领到并启用后就能用。")
    if card.generation == THIRD_GENERATION:
        return _("您的第三代卡已启用；旧卡的社会保障功能已经终止，旧卡不用交回。")
    if myself.is_lost:
        return _("您的旧卡已挂失，不能使用；撤销挂失后恢复。")
    return _("您的第 %(n)d 代卡（%(number)s）现在照常能用，直到您启用新卡的那一刻。") % {
        "n": card.generation,
        "number": card.card_number,
    }


@require_http_methods(["GET", "POST"])
def identify(request: HttpRequest) -> HttpResponse:
    """At the first sign-in: a phone may be shared or handed on, so the end of the identity number is asked once."""
    user = request.user
    if user.is_authenticated and user.person_id:
        return redirect("portal:home")
    error = ""
    if request.method == "POST" and user.is_authenticated:
        attempts = request.session.get("identify_attempts", 0)
        if attempts >= IDENTIFY_ATTEMPTS_MAX:
            error = _("尝试次数过多。请稍后重新登录，或拨打 12333。")
        elif link_person(user, request.POST.get("last_four", "")) is not None:
            request.session.pop("identify_attempts", None)
            return redirect("portal:home")
        else:
            request.session["identify_attempts"] = attempts + 1
            error = _("没有找到相符的登记信息。请核对身份证号码的最后四位。")
    return render(request, "portal/identify.html", {"error": error}, status=422 if error else 200)


IDENTIFY_ATTEMPTS_MAX = 5


@require_POST
def large_print(request: HttpRequest) -> HttpResponse:
    """Switch large print on or off or choose its size (``size``), and go back to the page."""
    text_px = size_from(request.POST.get("size", "")) or (LARGE_TEXT_PX if request.POST.get("large") == "1" else 0)
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = reverse("portal:home")
    response = HttpResponseRedirect(_without_mode(target))
    choose(request, response, text_px)
    return response


def _without_mode(target: str) -> str:
    """The page without what a link asked of its print, or the choice just made would be undone there."""
    parts = urlsplit(target)
    kept = [
        (name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in {"mode", "size"}
    ]
    return urlunsplit(parts._replace(query=urlencode(kept)))
