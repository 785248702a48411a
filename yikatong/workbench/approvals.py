"""Acts that need two people: what waits, what I asked for, and each with what will happen and who decided."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.accounts.models import User
from yikatong.approvals import services
from yikatong.approvals.acts import Act, act_named, acts_for
from yikatong.approvals.models import ApprovalRequest, RequestState
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.registry.sealing import field_cipher
from yikatong.workbench.paging import counted, page_of
from yikatong.workbench.staff_words import APPROVAL_STATES
from yikatong.workbench.words import refusal_text

_TOLD_ONCE = "approval_told_once"


@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    """The list: by state, by act, or only my own; newest first."""
    user = _user(request)
    acts = {act.name: act for act in acts_for(user.role)}
    state = request.GET.get("state", RequestState.WAITING)
    act, mine = request.GET.get("act", ""), request.GET.get("mine") == "1"
    found = ApprovalRequest.objects.filter(act__in=[act] if act in acts else list(acts))
    if state in RequestState.values:
        found = found.filter(state=state)
    if mine:
        found = found.filter(requested_by_id=user.pk)
    page = page_of(request, found, "-request_id")
    context = {
        "page": page,
        "number": counted(found),
        "rows": [(each, acts[each.act].title, APPROVAL_STATES[each.state]) for each in page.rows],
        "acts": [(each.name, each.title) for each in acts.values()],
        "states": APPROVAL_STATES.items(),
        "state": state,
        "act": act,
        "mine": mine,
        "now": utc_now(),
    }
    return render(request, "workbench/approvals.html", context)


@require_http_methods(["GET", "POST"])
def request_page(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """One request; approve, reject, or withdraw it."""
    user = _user(request)
    found = ApprovalRequest.objects.filter(request_id=request_id).first()
    act = act_named(found.act) if found else None
    if found is None or act is None or user.role not in act.requesters | act.approvers:
        raise Http404
    error = ""
    if request.method == "POST":
        try:
            _decided(request, found, user)
            return redirect("work:approvals:request", request_id=request_id)
        except Refused as refused:
            error = refusal_text(refused.reason, str(refused))
            found.refresh_from_db()
    context = _shown(found, act, user) | {"error": error, "note": request.POST.get("note", "")}
    told: dict[str, str] = request.session.get(_TOLD_ONCE, {})
    if str(request_id) in told:
        context["told_once"] = told.pop(str(request_id))
        request.session[_TOLD_ONCE] = told
    return render(request, "workbench/approval.html", context, status=422 if error else 200)


def _decided(request: HttpRequest, found: ApprovalRequest, user: User) -> None:
    at, action = utc_now(), request.POST.get("action", "")
    if action == "withdraw":
        services.withdraw(found.request_id, by=user, at=at)
        messages.success(request, _("已撤回。"))
        return
    if action not in {"approve", "reject"}:
        raise Http404
    decision = services.decide(
        found.request_id, approve=action == "approve", note=request.POST.get("note", ""), by=user, at=at
    )
    if decision.told_once:
        told: dict[str, str] = request.session.get(_TOLD_ONCE, {})
        request.session[_TOLD_ONCE] = told | {str(found.request_id): decision.told_once}
    if decision.request.state == RequestState.EXECUTED:
        messages.success(request, _("已批准，操作已执行。"))


def _shown(found: ApprovalRequest, act: Act, user: User) -> dict[str, object]:
    is_waiting = found.state == RequestState.WAITING and found.expires_at > utc_now()
    is_mine = found.requested_by_id == user.pk
    cipher = field_cipher()
    return {
        "found": found,
        "title": act.title,
        "warning": act.warning,
        "lines": act.describe(services.parameters_of(found)),
        "reason": cipher.open("approval_note", bytes(found.reason_sealed)),
        "decision_note": cipher.open("approval_note", bytes(found.note_sealed)) if found.note_sealed else "",
        "state": APPROVAL_STATES[RequestState.EXPIRED if _has_lapsed(found) else found.state],
        "outcome": refusal_text(found.outcome, found.outcome) if found.outcome else "",
        "may_decide": is_waiting and not is_mine and user.role in act.approvers,
        "may_withdraw": is_waiting and is_mine,
    }


def _has_lapsed(found: ApprovalRequest) -> bool:
    return found.state == RequestState.WAITING and found.expires_at <= utc_now()


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
