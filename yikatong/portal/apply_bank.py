"""The bank: cards of equal size in drawn order, the same facts on each, none chosen beforehand, and why the order is as it is."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from yikatong.applications.selectors import eligible_banks
from yikatong.banks.known import known_banks
from yikatong.banks.services import draw_bank_order
from yikatong.city.models import Division
from yikatong.city.rules import rules_at
from yikatong.portal.applying import Applying, asked_for
from yikatong.portal.bank_facts import facts_of
from yikatong.portal.holder import Holder, holder_required
from yikatong.queries.prepared import prepared
from yikatong.supervision.offers import record_offer


@require_http_methods(["GET", "POST"])
@holder_required
def bank(request: HttpRequest, holder: Holder) -> HttpResponse:
    """The banks this person may choose, in the order drawn for them today."""
    applying = asked_for(request, holder)
    person = applying.person
    allowed = eligible_banks(person, acting_person_id=holder.person.person_id, on=holder.today)
    if request.method == "POST":
        code = request.POST.get("bank", "")
        if code in allowed:
            return redirect(_kept(applying, code))
    drawn = draw_bank_order(person.person_id, day=holder.today, at=holder.at)
    by_code = known_banks()
    banks = [by_code[code] for code in drawn if code in allowed]
    record_offer(person.person_id, [bank.code for bank in banks], at=holder.at)
    district = next(iter(_division_names(person.community_code[:6])), "")
    limits = rules_at(holder.today).limits
    context = applying.context("apply_bank") | {
        "banks": facts_of(banks, person.community_code[:6], on=holder.today),
        "is_limited": len(allowed) < len(by_code),
        "day": holder.today,
        "district": district,
        "kind": applying.kind,
        "first_days": limits.first_issue_max_natural_days,
        "replacement_days": limits.replacement_max_working_days,
    }
    if request.method == "POST":
        context["problem"] = _("请选一家银行。")
    return render(request, "portal/apply_bank.html", context, status=422 if request.method == "POST" else 200)


@prepared
def _division_names(code: str) -> QuerySet[Division, str]:
    return Division.objects.filter(code=code).values_list("name", flat=True)


def _kept(applying: Applying, code: str) -> str:
    """Another bank's outlets are others, and so may be whether the unit collects: what depended on the bank is asked again."""
    if code == applying.answers.bank_code:
        return applying.address(applying.next_step())
    after = applying.answers.collection in {"post", "visit"}
    again = {} if after else {"collection": "", "outlet_id": "", "slot": "", "organisation_code": ""}
    applying = applying.keep(bank_code=code, **again)
    return applying.address(applying.next_step())
