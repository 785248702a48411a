"""Publishing a plan: what will happen is said first, and the plan's name must be typed.

Who is invited, and what of an earlier plan stands: ``campaign.publishing``.
"""

from datetime import date

from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from yikatong.audit.actors import Actor
from yikatong.campaign.models import BankWeek, Campaign, CampaignState, InvitationState
from yikatong.campaign.publishing import request_publishing
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import YikatongError
from yikatong.workbench.campaign_figures import sending_of
from yikatong.workbench.campaign_plan import with_figures_or_404

WEEKS_SHOWN = 8
NOT_REACHED = (InvitationState.UNREACHABLE, InvitationState.FAILED)
"""Whom no message reached; of these, publishing another plan withdraws the later weeks'."""


@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """What publishing does; and doing it, once the name is typed."""
    plan = with_figures_or_404(campaign_id)
    if plan.state in {CampaignState.PUBLISHING, CampaignState.PUBLISHED}:
        return redirect("work:campaigns:detail", campaign_id)
    error = ""
    if request.method == "POST":
        if request.POST.get("name", "").strip() != plan.campaign_id:
            error = _("输入的名字与计划“%(name)s”不一致，没有发布。") % {"name": plan.campaign_id}
        else:
            try:
                request_publishing(campaign_id, by=Actor("staff", request.user.get_username()), at=utc_now())
            except YikatongError as refused:
                error = str(refused)
            else:
                return redirect("work:campaigns:detail", campaign_id)
    return render(request, "workbench/campaign_publish.html", _context(plan, error), status=422 if error else 200)


def _context(plan: Campaign, error: str) -> dict[str, object]:
    weeks = _weeks(plan)
    replaced = Campaign.objects.filter(state=CampaignState.PUBLISHED).exclude(campaign_id=plan.campaign_id).first()
    standing = sending_of(replaced) if replaced else {}
    today = beijing_day(utc_now())
    return {
        "plan": plan,
        "placed": plan.people - plan.left_out,
        "weeks": weeks[:WEEKS_SHOWN],
        "later_weeks": len(weeks[WEEKS_SHOWN:]),
        "later_people": sum(people for _week, people in weeks[WEEKS_SHOWN:]),
        "past_people": sum(people for week, people in weeks if week <= today),
        "replaced": replaced,
        "replaced_sent": standing.get(InvitationState.SENT, 0),
        "replaced_waiting": standing.get(InvitationState.WAITING, 0),
        "not_reached": sum(standing.get(state, 0) for state in NOT_REACHED),
        "error": error,
    }


def _weeks(plan: Campaign) -> list[tuple[date, int]]:
    """How many the plan sends in each week that has any."""
    sums = (
        BankWeek.objects.filter(campaign_id=plan.campaign_id).values("week_starts_on").annotate(people=Sum("planned"))
    )
    return [(row["week_starts_on"], row["people"]) for row in sums.order_by("week_starts_on") if row["people"]]
