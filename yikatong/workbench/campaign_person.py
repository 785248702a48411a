"""One person's slot in a plan and why: looked up by identity number, phone or card, shown masked.

The number is posted, so that it stands in no address and no log.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from yikatong.banks.models import Outlet
from yikatong.campaign.models import Campaign, Invitation, Slot
from yikatong.campaign.reasons import why
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import YikatongError
from yikatong.registry.models import Person
from yikatong.registry.selectors import masked_view
from yikatong.workbench.campaign_asking import as_typed
from yikatong.workbench.campaign_figures import bank_names
from yikatong.workbench.campaign_plan import with_figures_or_404
from yikatong.workbench.campaign_words import INVITATIONS, WAYS, refusal_words
from yikatong.workbench.searching import Question, may_search, search_persons

PERSONS_SHOWN = 10


@require_http_methods(["GET", "POST"])
def slot(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Look up, and say where and when the plan sends whoever was found."""
    plan = with_figures_or_404(campaign_id)
    query = as_typed(request.POST, "q")
    banks = bank_names(request.LANGUAGE_CODE)
    answered = bool(query) and may_search(request.user.get_username(), Question("number", number=query), at=utc_now())
    found = [_told(plan, person, banks) for person in search_persons(query)[:PERSONS_SHOWN]] if answered else []
    context = {
        "plan": plan,
        "query": query,
        "found": found,
        "error": _refusal(answered=answered) if query and not found else "",
    }
    return render(request, "workbench/campaign_person.html", context)


def _refusal(*, answered: bool) -> str:
    return _("没有找到。请核对号码。") if answered else _("一小时内查找的次数太多，请稍后再试。")


def _told(plan: Campaign, person: Person, banks: dict[str, str]) -> dict[str, object]:
    theirs = {"campaign_id": plan.campaign_id, "person_id": person.person_id}
    slot = Slot.objects.filter(**theirs).first()
    told: dict[str, object] = {"view": masked_view(person), "slot": slot}
    if slot is None:
        return told
    invitation = Invitation.objects.filter(**theirs).first()
    try:
        told["reason"] = why(plan, person.person_id)
    except YikatongError as refused:
        told["reason"] = str(refused)
    return told | {
        "bank": banks.get(slot.bank_code, slot.bank_code),
        "way": WAYS.get(slot.way, slot.way),
        "outlet": Outlet.objects.filter(outlet_id=slot.outlet_id).first() if slot.outlet_id else None,
        "refusal": refusal_words(slot.refusal) if slot.week_starts_on is None else "",
        "week": (slot.week_starts_on - plan.starts_on).days // 7 + 1 if slot.week_starts_on else None,
        "invitation": INVITATIONS[invitation.state] if invitation else "",
    }
