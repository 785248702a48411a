"""The card centre's first page and its list of cards. The register is in ``register``, one person in ``person``."""

from datetime import date, datetime
from functools import lru_cache

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from yikatong.acceptance.models import Tap, Terminal
from yikatong.audit.models import AuditEvent
from yikatong.banks.models import Bank
from yikatong.clearing.models import ClearingBatch
from yikatong.exports import services as exports
from yikatong.foundation.clock import beijing_day, beijing_day_bounds, utc_now
from yikatong.foundation.errors import Refused
from yikatong.issuance.models import CardState
from yikatong.registry.models import Person
from yikatong.workbench.filters import cards_filtered
from yikatong.workbench.paging import counted, estimated, page_of
from yikatong.workbench.words import refusal_text

FIGURES_AS_OF_S = 60
"""The first page counts a day's events at most once a minute."""

_COUNTED: dict[str, Promise] = {
    "application.submitted": _("今日申请"),
    "card.made": _("今日制卡"),
    "card.collected": _("今日领卡"),
    "card.activated": _("今日启用"),
}


@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """What happened today, and the last clearings."""
    at = utc_now()
    today = beijing_day(at)
    context = {
        "today": today,
        "as_of": at,
        "figures": _figures_of(today, int(at.timestamp()) // FIGURES_AS_OF_S),
        "batches": ClearingBatch.objects.order_by("-until")[:10],
    }
    return render(request, "workbench/figures.html", context)


@lru_cache(maxsize=2)
def _figures_of(day: date, minute: int) -> list[tuple[Promise, int]]:
    """The day's figures, the same for everybody within a minute: as the trail tells, which is read by time."""
    start, end = beijing_day_bounds(day)
    happened = _happened(start, end)
    taps = Tap.objects.filter(received_at__gte=start, received_at__lt=end)
    return [
        *((words, happened.get(action, 0)) for action, words in _COUNTED.items()),
        (_("今日受理交易"), taps.filter(outcome="accepted").count()),
        (_("今日拒绝交易"), taps.filter(outcome="refused").count()),
        (_("登记人数"), estimated(Person)),
        (_("在用终端"), Terminal.objects.filter(revoked_at=None).count()),
    ]


def _happened(start: datetime, end: datetime) -> dict[str, int]:
    events = AuditEvent.objects.filter(at__gte=start, at__lt=end, action__in=list(_COUNTED))
    return dict(events.values("action").annotate(n=Count("event_id")).order_by().values_list("action", "n"))


@require_safe
def cards(request: HttpRequest) -> HttpResponse:
    """Third-generation cards, newest first, by state and bank, a page at a time."""
    found = cards_filtered(request.GET)
    page = page_of(request, found, "-card_id")
    context = {
        "page": page,
        "cards": page.rows,
        "number": counted(found),
        "states": CardState.choices,
        "state": request.GET.get("state", ""),
        "bank": request.GET.get("bank", ""),
        "banks": list(Bank.objects.order_by("code").values_list("code", "name_zh")),
    }
    return render(request, "workbench/cards.html", context)


@require_POST
def export_cards(request: HttpRequest) -> HttpResponse:
    """The list with its filters as a file."""
    return ask_for_export(request, "cards", posted(request, "state", "bank"), otherwise="work:staff:cards")


def posted(request: HttpRequest, *filters: str) -> dict[str, str]:
    """The filters that were posted."""
    return {name: request.POST.get(name, "")[:80] for name in filters}


def ask_for_export(request: HttpRequest, kind: str, parameters: dict[str, str], *, otherwise: str) -> HttpResponse:
    """Queue an export and go to its progress; a refusal is told at the address or route ``otherwise``."""
    assert request.user.is_authenticated
    try:
        made = exports.ask(kind, parameters, by=request.user, at=utc_now())
    except Refused as refused:
        messages.error(request, refusal_text(refused.reason, str(refused)))
        return redirect(otherwise)
    return redirect("work:exports:export", export_id=made.export_id)
