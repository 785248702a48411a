"""The card centre's first page of the campaign: the batches on a timeline and the list of plans."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from yikatong.campaign.models import Campaign
from yikatong.city.dated import NoRuleYet
from yikatong.foundation.clock import utc_now
from yikatong.workbench.campaign_asking import NAME
from yikatong.workbench.campaign_batches import timeline
from yikatong.workbench.campaign_words import CATEGORIES, STATE_COLOURS, STATES, UNFINISHED, WITH_FIGURES

PLANS_SHOWN = 100


@require_safe
def plans(request: HttpRequest) -> HttpResponse:
    """All plans, the published one first, then the newest."""
    found = Campaign.objects.order_by("-published_at", "-requested_at", "-planned_at", "campaign_id")
    rows = [
        {
            "plan": plan,
            "state": STATES[plan.state],
            "colour": STATE_COLOURS[plan.state],
            "is_unfinished": plan.state in UNFINISHED,
            "has_figures": plan.state in WITH_FIGURES,
            "placed": plan.people - plan.left_out,
            "has_page": bool(NAME.fullmatch(plan.campaign_id)),
        }
        for plan in sorted(found[:PLANS_SHOWN], key=lambda plan: plan.state != "published")
    ]
    try:
        batches, has_rules = timeline(utc_now()), True
    except NoRuleYet:
        batches, has_rules = None, False
    context = {
        "rows": rows,
        "timeline": batches,
        "is_being_counted": has_rules and batches is None,
        "categories": CATEGORIES,
    }
    return render(request, "workbench/campaign_plans.html", context)
