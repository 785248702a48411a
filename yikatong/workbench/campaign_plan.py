"""One plan's page: figures, map, load curve, outlets, limits, units; and how far planning or sending has come."""

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.http import quote_etag
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import condition, require_POST, require_safe

from yikatong.audit.actors import Actor
from yikatong.campaign.models import Campaign, CampaignState, InvitationState
from yikatong.campaign.services import discard_plan
from yikatong.city.folder import open_folder
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import YikatongError
from yikatong.workbench.campaign_asking import NUL, supposed_words
from yikatong.workbench.campaign_figures import (
    OVER,
    Area,
    CurveWeek,
    bank_names,
    busiest_outlets,
    curve_of,
    districts_of,
    heat_of,
    sending_of,
    street_points,
    streets_of,
    units_of,
)
from yikatong.workbench.campaign_limits import limits_of
from yikatong.workbench.campaign_map import MEASURES, map_figures
from yikatong.workbench.campaign_words import (
    FOLLOWED,
    INVITATIONS,
    STATE_COLOURS,
    STATES,
    UNFINISHED,
    WITH_FIGURES,
    refusal_words,
    step_words,
)

COLUMNS: dict[str, Callable[[Area], Any]] = {
    "name": lambda area: area.name,
    "people": lambda area: area.people,
    "left_out": lambda area: area.left_out,
    "load": lambda area: area.load,
    "wait": lambda area: area.wait,
    "distance": lambda area: area.distance,
    "uptake": lambda area: area.uptake,
}
"""The columns of the areas' table and what they are sorted by."""


def plan_or_404(campaign_id: str) -> Campaign:
    """The plan of this name."""
    found = None if NUL in campaign_id else Campaign.objects.filter(campaign_id=campaign_id).first()
    if found is None:
        raise Http404
    return found


def with_figures_or_404(campaign_id: str) -> Campaign:
    """The plan of this name when it has figures."""
    found = plan_or_404(campaign_id)
    if found.state not in WITH_FIGURES:
        raise Http404
    return found


@require_safe
def detail(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """The plan; while it is not finished, only how far it has come."""
    return _page(request, plan_or_404(campaign_id))


def _page(request: HttpRequest, plan: Campaign, error: str = "") -> HttpResponse:
    banks = bank_names(get_language() or "")
    context: dict[str, Any] = {
        "plan": plan,
        "error": error,
        "state": STATES[plan.state],
        "colour": STATE_COLOURS[plan.state],
        "is_unfinished": plan.state in UNFINISHED,
        "has_figures": plan.state in WITH_FIGURES,
        "is_publishing": plan.state == CampaignState.PUBLISHING,
        "changes": supposed_words(plan.changes, banks),
        "step": step_words(plan.step),
    }
    if context["has_figures"]:
        context |= _figures(request, plan, banks)
    return render(request, "workbench/campaign_plan.html", context, status=422 if error else 200)


def _figures(request: HttpRequest, plan: Campaign, banks: dict[str, str]) -> dict[str, Any]:
    district, sort = request.GET.get("district", ""), request.GET.get("sort", "")
    is_down = request.GET.get("dir") == "desc"
    districts = districts_of(plan)
    here = next((area for area in districts if area.code == district), None)
    areas = streets_of(plan, here.code) if here else districts
    bank = request.GET.get("bank", "")
    curve = curve_of(plan, bank if bank in banks else "")
    outlets = busiest_outlets(plan, get_language() or "")
    heat = heat_of(plan, banks)
    others = Campaign.objects.filter(state__in=WITH_FIGURES).exclude(campaign_id=plan.campaign_id)
    return {
        "placed": plan.people - plan.left_out,
        "areas": sorted_areas(areas, sort, is_down=is_down),
        "district": here,
        "sort": sort,
        "is_down": is_down,
        "headings": _headings(_("街道") if here else _("区")),
        "measures": MEASURES.values(),
        "banks": banks,
        "bank": bank if bank in banks else "",
        "bank_name": banks.get(bank, ""),
        "curve": curve,
        "fullest": fullest_week(curve),
        "outlets": outlets,
        "is_simulated": any(outlet.wait_p95_min is not None for outlet in outlets),
        "units": [(slot, name, refusal_words(slot.refusal)) for slot, name in units_of(plan)],
        "others": others.order_by("-planned_at")[:50],
        "sending": _sending(plan),
        "is_far": is_far(curve),
        "heat": heat,
        "is_over": any(week.share is not None and week.share >= OVER for _code, _name, weeks in heat for week in weeks),
        "is_foreseen": any(week.expected for week in curve),
        "limits": limits_of(plan, banks),
        "gap_percent": f"{plan.gap:.2%}",
        "not_planned": [(words, count) for words, count in _not_planned(plan) if count],
        "is_supposed": any(change.get("kind") == "more_demand" for change in plan.changes),
    }


def _not_planned(plan: Campaign) -> list[tuple[str, int]]:
    return [
        (refusal_words("community_unknown"), plan.unknown_community),
        (refusal_words("batch_not_open"), plan.not_open),
        (refusal_words("no_guardian"), plan.without_guardian),
    ]


def is_far(curve: list[CurveWeek]) -> bool:
    """Whether production is so much higher than the plan that a chart of both would show the plan as nothing."""
    tallest = max((max(week.planned, week.expected) for week in curve), default=0)
    return max((week.production for week in curve), default=0) > 4 * max(tallest, 1)


def _headings(first: str) -> list[tuple[str, str]]:
    texts = {
        "name": first,
        "people": _("人数"),
        "left_out": _("未排上"),
        **{code: str(measure.label) for code, measure in MEASURES.items()},
    }
    return [(code, texts[code]) for code in COLUMNS]


def sorted_areas(areas: list[Area], by: str, *, is_down: bool) -> list[Area]:
    """In the order asked for; areas without a value last; by code when nothing is asked."""
    column = COLUMNS.get(by)
    if column is None:
        return areas
    known = [area for area in areas if column(area) is not None]
    unknown = [area for area in areas if column(area) is None]
    return sorted(known, key=column, reverse=is_down) + unknown


def fullest_week(curve: list[CurveWeek]) -> CurveWeek | None:
    """The week nearest to its production."""
    return max((week for week in curve if week.share is not None), key=lambda week: week.share or 0.0, default=None)


@require_safe
def figures(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """What the page's charts draw, as JSON."""
    plan = with_figures_or_404(campaign_id)
    bank = request.GET.get("bank", "")
    curve = curve_of(plan, bank if bank in bank_names("") else "")
    told = {
        "map": map_figures(districts_of(plan), street_points(plan)),
        "curve": {
            "weeks": [f"{week.starts_on:%m-%d}" for week in curve],
            "titles": [_("第 %(n)s 周") % {"n": week.number} for week in curve],
            "production": [week.production for week in curve],
            "people": [week.planned - week.units for week in curve],
            "units": [week.units for week in curve],
            "expected": [week.expected for week in curve],
        },
    }
    return JsonResponse(told)


def _sending(plan: Campaign) -> list[tuple[str, Promise, int]]:
    """How many invitations stand how; waiting and sent ones always, for the page counts on without being loaded anew."""
    counts = sending_of(plan)
    if not counts:
        return []
    counts = {InvitationState.WAITING: 0, InvitationState.SENT: 0} | dict(counts)
    return [(str(state), INVITATIONS[state], count) for state, count in sorted(counts.items())]


@require_safe
def status(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """How far planning and sending have come, as JSON, for the page that waits for it."""
    plan = plan_or_404(campaign_id)
    told = {
        "state": plan.state,
        "state_words": str(STATES[plan.state]),
        "is_unfinished": plan.state in FOLLOWED,
        "step": step_words(plan.step),
        "done": plan.steps_done,
        "total": plan.steps_total,
        "sending": dict(sending_of(plan)),
    }
    return JsonResponse(told, headers={"Cache-Control": "no-store"})


@cache
def _boundaries() -> tuple[str, str]:
    """The districts' boundaries as GeoJSON, and their entity tag."""
    text = open_folder().path("boundaries").read_text(encoding="utf-8")
    return text, quote_etag(hashlib.sha256(text.encode()).hexdigest()[:32])


@require_safe
@condition(etag_func=lambda request: _boundaries()[1])
def boundaries(request: HttpRequest) -> HttpResponse:
    """The real boundaries of the city's districts."""
    return HttpResponse(
        _boundaries()[0], content_type="application/geo+json", headers={"Cache-Control": "private, max-age=86400"}
    )


@require_POST
def discard(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Give up a draft that is not published."""
    plan = plan_or_404(campaign_id)
    try:
        discard_plan(campaign_id, by=Actor("staff", request.user.get_username()), at=utc_now())
    except YikatongError as refused:
        return _page(request, plan, str(refused))
    return redirect("work:campaigns:plans")
