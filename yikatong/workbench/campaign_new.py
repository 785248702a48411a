"""Asking for a plan: the worker makes it, and its page shows how far it has come."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from yikatong.audit.actors import Actor
from yikatong.banks.models import Outlet
from yikatong.campaign.changes import Change, CloseOutlet, LoseProduction, MoreDemand
from yikatong.campaign.models import Campaign
from yikatong.campaign.services import request_plan
from yikatong.city.models import Division
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import YikatongError
from yikatong.workbench.campaign_asking import Asked, Supposed, add_change, as_typed, asked_from, fresh, supposed_words
from yikatong.workbench.campaign_figures import bank_names
from yikatong.workbench.campaign_words import WITH_FIGURES

OUTLETS_OFFERED = 20


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The form; its buttons look for an outlet, add or remove a change, or ask for the plan."""
    if request.method == "GET":
        base = Campaign.objects.filter(campaign_id=as_typed(request.GET, "based_on"), state__in=WITH_FIGURES).first()
        return _page(request, fresh(beijing_day(utc_now()), base))
    asked = asked_from(request.POST)
    what = request.POST.get("do", "")
    if what.startswith("add_"):
        add_change(asked, what.removeprefix("add_"))
    elif what.startswith("remove_"):
        asked.changes = [change for row, change in enumerate(asked.changes) if what != f"remove_{row}"]
    elif what == "plan" and asked.check():
        try:
            plan = _request(asked, request)
        except YikatongError as refused:
            asked.faults["name"] = str(refused)
        else:
            return redirect("work:campaigns:detail", plan.campaign_id)
    return _page(request, asked)


def _request(asked: Asked, request: HttpRequest) -> Campaign:
    return request_plan(
        asked.values["name"],
        starts_on=asked.starts_on,
        weeks=asked.weeks,
        seed=int(asked.values["seed"]),
        based_on=asked.values["based_on"],
        changes=[_change(each) for each in asked.changes],
        keeps_invited="keeps_invited" in asked.ticks,
        by_forecast="by_forecast" in asked.ticks,
        again="again" in asked.ticks,
        by=Actor("staff", request.user.get_username()),
        at=utc_now(),
    )


def _change(supposed: Supposed) -> Change:
    if supposed.first is None or supposed.last is None:
        return MoreDemand(supposed.of, supposed.percent)
    made = CloseOutlet if supposed.kind == "close_outlet" else LoseProduction
    return made(supposed.of, supposed.first, supposed.last)


def _page(request: HttpRequest, asked: Asked) -> HttpResponse:
    query = asked.values["outlet_q"]
    banks = bank_names(get_language() or "")
    sentences = supposed_words([change.stored for change in asked.changes], banks)
    name = asked.values["name"]
    context = {
        "asked": asked,
        "changes": list(zip(asked.changes, sentences, strict=True)),
        "offered": _outlets(query) if query else None,
        "bases": Campaign.objects.filter(state__in=WITH_FIGURES).order_by("-planned_at")[:100],
        "banks": banks,
        "districts": Division.objects.filter(level="district").order_by("code"),
        "is_taken": bool(name) and Campaign.objects.filter(campaign_id=name).exists(),
        "error": _("计划还没有提交：请改正下面标出的各项。") if asked.faults else "",
    }
    return render(request, "workbench/campaign_new.html", context, status=422 if asked.faults else 200)


def _outlets(query: str) -> list[Outlet]:
    found = Outlet.objects.filter(name__icontains=query) | Outlet.objects.filter(outlet_id=query)
    return list(found.order_by("name", "outlet_id")[:OUTLETS_OFFERED])
