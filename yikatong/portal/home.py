"""The resident's first pages: welcome, who are you, my card, help, large print."""

from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yikatong.accounts.models import LARGE_TEXT_PX, Role
from yikatong.accounts.print_size import choose, size_from
from yikatong.accounts.services import link_person
from yikatong.applications.selectors import applications_of
from yikatong.foundation.errors import Refused
from yikatong.issuance.lifecycle import snapshot
from yikatong.issuance.models import Card, CardState, SocialState
from yikatong.issuance.rules import CardSnapshot, check_activation, is_in_holders_hands, is_reported_lost
from yikatong.issuance.selectors import cards_of
from yikatong.portal.appointments import appointment_line
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.words import next_step, state_of


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
    people = []
    for person in holder.may_act_for():
        cards = cards_of(person.person_id)
        applications = applications_of(person.person_id)
        main = main_card(cards)
        facts = snapshot(main) if main else None
        people.append(
            {
                "person": person,
                "name": holder.name_of(person).name,
                "is_self": person.person_id == holder.person.person_id,
                "card": main,
                "state": state_of(facts, holder.at) if facts else "",
                "is_lost": facts is not None and is_reported_lost(facts, holder.at),
                "may_lose": facts is not None and is_in_holders_hands(facts),
                "application": applications[0] if applications else None,
                "next": next_step(facts, applications[0] if applications else None),
                "appointment": appointment_line(person, holder),
                "to_activate": [card for card in map(snapshot, cards) if _may_activate(card, holder.at)],
            }
        )
    return render(request, "portal/home.html", {"people": people, "myself": people[0]})


def _may_activate(card: CardSnapshot, at: datetime) -> bool:
    try:
        return check_activation(card, at)
    except Refused:
        return False


def main_card(cards: list[Card]) -> Card | None:
    """The card to show first: the one with the social function, else the newest that lives."""
    alive = [card for card in cards if card.state != CardState.CANCELLED]
    active = [card for card in alive if card.social_state == SocialState.ACTIVE]
    return next(iter(active or alive), None)


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
