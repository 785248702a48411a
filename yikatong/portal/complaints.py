"""Reporting a bank's or a stall's conduct, without signing in and without personal data, and following it by its receipt.

A form page makes the complaint's id, so that a double click or a reload reports once. Floods are limited twice: per session
here, per network address in ``supervision.complaints``.
"""

from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from allauth.account.adapter import get_adapter
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.accounts.models import Role
from yikatong.banks.selectors import banks
from yikatong.city.models import Division
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.supervision.complaints import (
    PLACE_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    TEXT_LENGTH_MIN,
    Reason,
    ReportConduct,
    find_by_receipt,
    report_conduct,
)
from yikatong.supervision.words import KINDS, STATES, refusal_words

SESSION_KEY = "complaints_sent"
PER_SESSION_MAX = 3
PER_SESSION_WITHIN = timedelta(hours=1)
FIELD_OF: dict[str, str] = {
    Reason.KIND_UNKNOWN: "kind-steering",
    Reason.BANK_UNKNOWN: "bank",
    Reason.DISTRICT_UNKNOWN: "district",
    Reason.DAY_WRONG: "happened_on",
    Reason.PLACE_TOO_LONG: "place",
    Reason.TEXT_MISSING: "text",
    Reason.TEXT_TOO_LONG: "text",
}
"""Where on the page a refusal is put right."""


@require_http_methods(["GET", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """The form; what was typed stays when something is wrong."""
    at = utc_now()
    answers = request.POST
    error, field = "", ""
    if request.method == "POST":
        try:
            _check_session(request, at)
            complaint = report_conduct(_command(request), at=at)
        except Refused as refused:
            error, field = refusal_words(refused.reason, str(refused)), FIELD_OF.get(str(refused.reason), "")
        else:
            _remember(request, complaint.complaint_id, at)
            return redirect(f"{reverse('portal:complaint_state')}?receipt={complaint.receipt_number}&new=1")
    context = {
        "complaint_id": answers.get("complaint_id") or uuid4(),
        "answers": answers,
        "banks": banks(),
        "kinds": KINDS.items(),
        "districts": Division.objects.filter(level="district").order_by("code"),
        "today": beijing_day(at).isoformat(),
        "place_length_max": PLACE_LENGTH_MAX,
        "text_length_min": TEXT_LENGTH_MIN,
        "text_length_max": TEXT_LENGTH_MAX,
        "may_be_contacted": _resident_of(request) is not None,
        "error": error,
        "error_field": field,
    }
    return render(request, "portal/complaint.html", context, status=422 if error else 200)


def _command(request: HttpRequest) -> ReportConduct:
    answers = request.POST
    try:
        complaint_id = UUID(answers.get("complaint_id", ""))
    except ValueError as error:
        raise Http404 from error
    try:
        happened_on = date.fromisoformat(answers.get("happened_on", ""))
    except ValueError as error:
        raise Refused(Reason.DAY_WRONG) from error
    return ReportConduct(
        complaint_id=complaint_id,
        kind=answers.get("kind", ""),
        bank_code=answers.get("bank", ""),
        district_code=answers.get("district", ""),
        place=answers.get("place", ""),
        happened_on=happened_on,
        text=answers.get("text", ""),
        address=get_adapter(request).get_client_ip(request),
        reporter_person_id=_resident_of(request) if answers.get("contact") else None,
    )


def _resident_of(request: HttpRequest) -> int | None:
    """The signed-in resident, who may ask to be contacted."""
    user = request.user
    return user.person_id if user.is_authenticated and user.role == Role.RESIDENT else None


def _sent(request: HttpRequest, at: datetime) -> dict[str, str]:
    """What this session sent lately: complaint id and moment."""
    since = at - PER_SESSION_WITHIN
    found = request.session.get(SESSION_KEY, {})
    return {key: moment for key, moment in found.items() if datetime.fromisoformat(moment) > since}


def _check_session(request: HttpRequest, at: datetime) -> None:
    """Sending one again is always allowed. Raises ``Refused`` when this session sent as many as it may."""
    sent = _sent(request, at)
    if len(sent) >= PER_SESSION_MAX and request.POST.get("complaint_id") not in sent:
        raise Refused(Reason.TOO_MANY)


def _remember(request: HttpRequest, complaint_id: UUID, at: datetime) -> None:
    request.session[SESSION_KEY] = _sent(request, at) | {str(complaint_id): at.isoformat()}


@require_safe
def state(request: HttpRequest) -> HttpResponse:
    """Where a complaint stands, by its receipt number. Neither text nor notes are shown: a receipt may be found by others."""
    asked = request.GET.get("receipt", "").strip()[:40]
    complaint = find_by_receipt(asked) if asked else None
    steps = complaint.steps.order_by("step_id") if complaint else []
    context = {
        "asked": asked,
        "is_new": request.GET.get("new") == "1",
        "complaint": complaint,
        "state": STATES[complaint.state] if complaint else "",
        "kind": KINDS[complaint.kind] if complaint else "",
        "steps": [(STATES[step.state], step.at) for step in steps],
    }
    return render(request, "portal/complaint_state.html", context, status=404 if asked and complaint is None else 200)
