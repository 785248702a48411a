"""The inbox: what needs a person, oldest first; take it, hand it over, close it with what was done."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.accounts.models import User
from yikatong.cases import services
from yikatong.cases.kinds import all_kinds, kind_named
from yikatong.cases.models import UNDONE, Case, CaseState
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.registry.selectors import find_person, masked_view
from yikatong.workbench.paging import counted, page_of
from yikatong.workbench.staff_words import CASE_STATES, CASE_STEPS
from yikatong.workbench.words import refusal_text


@require_safe
def cases(request: HttpRequest) -> HttpResponse:
    """The list, by kind, state and who has it."""
    kind, state = request.GET.get("kind", ""), request.GET.get("state", CaseState.OPEN)
    whose = request.GET.get("whose", "")
    found = Case.objects.all()
    if whose == "mine":
        found = found.filter(assignee_id=request.user.pk)
        state = request.GET.get("state", CaseState.TAKEN)
    if state in CaseState.values:
        found = found.filter(state=state)
    if kind:
        found = found.filter(kind=kind)
    page = page_of(request, found, "since", "case_id")
    context = {
        "page": page,
        "number": counted(found),
        "rows": [(case, _title(case), CASE_STATES[case.state]) for case in page.rows],
        "kinds": [(each.name, each.title) for each in all_kinds()],
        "states": CASE_STATES.items(),
        "kind": kind,
        "state": state,
        "whose": whose,
    }
    return render(request, "workbench/cases.html", context)


@require_http_methods(["GET", "POST"])
def case(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """One case with its steps."""
    found = Case.objects.filter(case_id=case_id).first()
    if found is None:
        raise Http404
    error = ""
    if request.method == "POST":
        try:
            _step(request, case_id)
            return redirect("work:cases:case", case_id=case_id)
        except Refused as refused:
            error = refusal_text(refused.reason, str(refused))
            found.refresh_from_db()
    kind, person = kind_named(found.kind), find_person(found.person_id) if found.person_id else None
    context = {
        "case": found,
        "title": _title(found),
        "hint": kind.hint if kind else "",
        "state": CASE_STATES[found.state],
        "holder": masked_view(person) if person else None,
        "address": _address(found),
        "notes": [(note, CASE_STEPS[note.step], text) for note, text in services.notes_of(found)],
        "is_undone": found.state in UNDONE,
        "is_mine": found.assignee_id == request.user.pk,
        "colleagues": User.objects.filter(role__in=services.HANDLERS, is_active=True)
        .order_by("username")
        .values_list("username", flat=True)[:200],
        "typed": request.POST,
        "error": error,
    }
    return render(request, "workbench/case.html", context, status=422 if error else 200)


def _step(request: HttpRequest, case_id: UUID) -> None:
    assert isinstance(request.user, User)
    at, note, action = utc_now(), request.POST.get("note", ""), request.POST.get("action", "")
    if action == "take":
        services.take(case_id, by=request.user, at=at)
    elif action == "hand_over":
        services.hand_over(case_id, request.POST.get("to", ""), note=note, by=request.user, at=at)
    elif action == "close":
        services.close(case_id, note=note, by=request.user, at=at)
    else:
        raise Http404


def _title(found: Case) -> str:
    kind = kind_named(found.kind)
    return str(kind.title) if kind else _("其他事项")


def _address(found: Case) -> str:
    """Where the thing itself is."""
    what, _, ref = found.subject.partition(":")
    if what == "complaint":
        return reverse("work:fairness:complaint", args=[ref])
    return reverse("work:staff:person", args=[found.person_id]) if found.person_id else ""
