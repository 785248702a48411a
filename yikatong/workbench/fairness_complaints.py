"""Complaints of banks and stalls: the list by state, and each with its steps. The card centre handles, auditors read."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.accounts.models import Role
from yikatong.audit.actors import Actor
from yikatong.banks.models import Bank
from yikatong.city.models import Division
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.supervision.complaints import NEXT_STATES, NOTE_LENGTH_MAX, advance, read_complaint
from yikatong.supervision.models import Complaint, ComplaintState
from yikatong.supervision.words import KINDS, STATES, refusal_words

PAGE_LENGTH = 50


@require_safe
def complaints(request: HttpRequest) -> HttpResponse:
    """The newest first, by state and bank; neither texts nor places."""
    state, bank = request.GET.get("state", ""), request.GET.get("bank", "")
    page_number = int(page) if (page := request.GET.get("page", "1")).isdecimal() and len(page) < 6 else 1
    found = Complaint.objects.order_by("-reported_at", "complaint_id")
    if state in ComplaintState.values:
        found = found.filter(state=state)
    if bank:
        found = found.filter(bank_code=bank)
    start = (max(page_number, 1) - 1) * PAGE_LENGTH
    rows = list(found[start : start + PAGE_LENGTH + 1])
    banks = dict(Bank.objects.order_by("code").values_list("code", "name_zh"))
    districts = dict(Division.objects.filter(level="district").values_list("code", "name"))
    context = {
        "rows": [
            (
                each,
                KINDS[each.kind],
                STATES[each.state],
                banks.get(each.bank_code, ""),
                districts.get(each.district_code),
            )
            for each in rows[:PAGE_LENGTH]
        ],
        "state": state,
        "states": STATES.items(),
        "bank": bank,
        "banks": banks.items(),
        "next_page": page_number + 1 if len(rows) > PAGE_LENGTH else None,
    }
    return render(request, "workbench/fairness_complaints.html", context)


def _name_of(actor: str) -> str:
    """The user name of who took a step; nothing for the platform itself."""
    kind, _, name = actor.partition(":")
    return "" if kind == "system" else name


@require_http_methods(["GET", "POST"])
def complaint(request: HttpRequest, complaint_id: UUID) -> HttpResponse:
    """One complaint in clear, which is recorded; the next steps with a note each."""
    by = Actor("staff", request.user.get_username())
    may_handle = request.user.is_authenticated and request.user.role == Role.CARD_CENTRE
    error = ""
    if request.method == "POST":
        if not may_handle:
            raise PermissionDenied
        try:
            advance(complaint_id, request.POST.get("state", ""), request.POST.get("note", ""), by=by, at=utc_now())
        except Refused as refused:
            error = refusal_words(refused.reason, str(refused))
        else:
            return redirect("work:fairness:complaint", complaint_id=complaint_id)
    read = read_complaint(complaint_id, by=by, at=utc_now())
    if read is None:
        raise Http404
    found = read.complaint
    context = {
        "complaint": found,
        "kind": KINDS[found.kind],
        "state": STATES[found.state],
        "bank": Bank.objects.filter(code=found.bank_code).first(),
        "district": Division.objects.filter(code=found.district_code).first() if found.district_code else None,
        "place": read.place,
        "text": read.text,
        "steps": [(STATES[step.state], step, _name_of(step.by)) for step in read.steps],
        "next_states": [(value, STATES[value]) for value in NEXT_STATES[found.state]] if may_handle else [],
        "note": request.POST.get("note", ""),
        "note_length_max": NOTE_LENGTH_MAX,
        "error": error,
    }
    return render(request, "workbench/fairness_complaint.html", context, status=422 if error else 200)
