"""The card centre: today's figures, the register, cards. Personal data is masked until somebody gives a reason."""

from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.acceptance.models import Tap, Terminal
from yikatong.applications.models import Application
from yikatong.applications.selectors import applications_of
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.city.models import Division
from yikatong.clearing.models import ClearingBatch
from yikatong.foundation.clock import beijing_day, beijing_day_bounds, utc_now
from yikatong.issuance.models import Card, CardState
from yikatong.issuance.selectors import card_by_number, cards_of, timeline
from yikatong.registry.models import Person
from yikatong.registry.selectors import (
    clear_view,
    find_person,
    find_person_by_identity_number,
    find_person_by_phone,
    masked_view,
)
from yikatong.workbench.words import ACTIONS

PAGE_LENGTH = 50
REASON_LENGTH_MIN = 4


@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """What happened today, and the last clearings."""
    today = beijing_day(utc_now())
    context = {
        "today": today,
        "figures": _figures_of(today),
        "batches": ClearingBatch.objects.order_by("-until")[:10],
    }
    return render(request, "workbench/figures.html", context)


def _figures_of(day: date) -> list[tuple[str, int]]:
    start, end = beijing_day_bounds(day)
    cards = Card.objects.filter(generation=3)
    taps = Tap.objects.filter(received_at__gte=start, received_at__lt=end)
    return [
        (_("今日申请"), Application.objects.filter(submitted_at__gte=start, submitted_at__lt=end).count()),
        (_("今日制卡"), cards.filter(made_at__gte=start, made_at__lt=end).count()),
        (_("今日领卡"), cards.filter(collected_at__gte=start, collected_at__lt=end).count()),
        (_("今日启用"), cards.filter(activated_at__gte=start, activated_at__lt=end).count()),
        (_("今日受理交易"), taps.filter(outcome="accepted").count()),
        (_("今日拒绝交易"), taps.filter(outcome="refused").count()),
        (_("登记人数"), Person.objects.count()),
        (_("在用终端"), Terminal.objects.filter(revoked_at=None).count()),
    ]


@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """Search the register by identity number, phone or card number; browse it by page, masked."""
    query = request.GET.get("q", "").strip()
    after = request.GET.get("after", "0")
    after_id = int(after) if after.isdecimal() else 0
    if query:
        persons = search_persons(query)
    else:
        persons = list(Person.objects.filter(person_id__gt=after_id).order_by("person_id")[:PAGE_LENGTH])
    names = dict(Division.objects.filter(code__in=[p.community_code for p in persons]).values_list("code", "name"))
    context = {
        "query": query,
        "rows": [(person, masked_view(person), names.get(person.community_code, "")) for person in persons],
        "next_after": persons[-1].person_id if not query and len(persons) == PAGE_LENGTH else None,
    }
    return render(request, "workbench/register.html", context)


def search_persons(query: str) -> list[Person]:
    """Whoever has this identity number, card number or phone number."""
    by_identity = find_person_by_identity_number(query)
    if by_identity is not None:
        return [by_identity]
    card = card_by_number(query)
    if card is not None:
        return list(Person.objects.filter(person_id=card.person_id))
    return find_person_by_phone(query)


@require_http_methods(["GET", "POST"])
def person(request: HttpRequest, person_id: int) -> HttpResponse:
    """One person: masked, with applications, cards and history; in clear once a reason was given, which is recorded."""
    found = find_person(person_id)
    if found is None:
        raise Http404
    view, error = masked_view(found), ""
    is_clear = False
    if request.method == "POST":
        reason = request.POST.get("reason", "").strip()
        if len(reason) < REASON_LENGTH_MIN:
            error = _("请写明查看原因（至少四个字），该原因会留存备查。")
        else:
            by = Actor("staff", request.user.get_username())
            record(
                "person.revealed",
                subject=f"person:{person_id}",
                by=by,
                at=utc_now(),
                person_id=person_id,
                reason=reason,
            )
            view, is_clear = clear_view(found), True
    context = {
        "person": found,
        "view": view,
        "is_clear": is_clear,
        "error": error,
        "applications": applications_of(person_id),
        "cards": cards_of(person_id),
        "steps": [(entry, ACTIONS[entry.action]) for entry in timeline(person_id)],
    }
    return render(request, "workbench/person.html", context, status=422 if error else 200)


@require_safe
def cards(request: HttpRequest) -> HttpResponse:
    """Third-generation cards, newest first, by state, a page at a time."""
    state = request.GET.get("state", "")
    before = request.GET.get("before", "")
    found = Card.objects.filter(generation=3)
    if state in CardState.values:
        found = found.filter(state=state)
    if before.isdecimal():
        found = found.filter(card_id__lt=int(before))
    page = list(found.order_by("-card_id")[:PAGE_LENGTH])
    context = {
        "cards": page,
        "states": CardState.choices,
        "state": state,
        "next_before": page[-1].card_id if len(page) == PAGE_LENGTH else None,
    }
    return render(request, "workbench/cards.html", context)
