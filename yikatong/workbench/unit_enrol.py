"""Enrolment: the banks in the order drawn for the unit, none ticked beforehand, with evidence of the decision."""

from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.banks.models import Bank
from yikatong.banks.unit_draws import draw_unit_order
from yikatong.city.rules import rules_at
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.units.enrolment import enrol as record_enrolment
from yikatong.units.enrolment import enrolments_of
from yikatong.units.rules import EVIDENCE_BYTES_MAX, Choice, Decision
from yikatong.units.storage import content_of
from yikatong.workbench.unit import actor_of, bank_names, unit_of
from yikatong.workbench.unit_roster import download
from yikatong.workbench.unit_words import told


@require_http_methods(["GET", "POST"])
def enrol(request: HttpRequest) -> HttpResponse:
    """What holds, the form to enrol or to change, and every earlier version. What was typed is kept after a refusal."""
    organisation, at = unit_of(request), utc_now()
    error = ""
    if request.method == "POST":
        try:
            choice, decision = _choice_in(request), _decision_in(request)
            record_enrolment(organisation.credit_code, choice, decision, by=actor_of(request), at=at)
            return redirect("work:unit:home")
        except Refused as refused:
            error = told(refused)
    today = beijing_day(at)
    versions = enrolments_of(organisation.credit_code)
    names = bank_names()
    by_code = {bank.code: bank for bank in Bank.objects.all()}
    context = {
        "organisation": organisation,
        "banks": [(by_code[code], names[code]) for code in draw_unit_order(organisation.credit_code, day=today, at=at)],
        "picks_max": rules_at(today).limits.unit_bank_picks_max,
        "today": today,
        "versions": [
            (version, [names.get(code, code) for code in version.bank_codes], version.evidence) for version in versions
        ],
        "current": versions[0] if versions else None,
        "typed": request.POST,
        "ticked": request.POST.getlist("bank") if error else [],
        "error": error,
    }
    return render(request, "workbench/unit_enrol.html", context, status=422 if error else 200)


def _choice_in(request: HttpRequest) -> Choice:
    banks = tuple(dict.fromkeys(request.POST.getlist("bank")))
    return Choice(banks, request.POST.get("as_whole") == "1", request.POST.get("collects") == "1")


def _decision_in(request: HttpRequest) -> Decision:
    upload = request.FILES.get("document")
    document = upload.read(EVIDENCE_BYTES_MAX + 1) if upload else b""
    try:
        decided_on = date.fromisoformat(request.POST.get("decided_on", ""))
    except ValueError:
        decided_on = None
    return Decision(
        request.POST.get("deciding_body", ""),
        decided_on,
        request.POST.get("reference_number", ""),
        document,
        (upload.name or "") if upload else "",
    )


@require_safe
def evidence(request: HttpRequest, version: int) -> HttpResponse:
    """The document behind one version of the unit's decision."""
    organisation = unit_of(request)
    found = next((kept for kept in enrolments_of(organisation.credit_code) if kept.version == version), None)
    if found is None or found.evidence.removed_at is not None:
        raise Http404
    ending = found.evidence.media_type.rsplit("/", 1)[-1]
    name = _("决定材料") + f"-{version}.{ending}"
    return download(content_of(found.evidence_id).read(), found.evidence.media_type, name)
