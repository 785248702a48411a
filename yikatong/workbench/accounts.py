"""Accounts of staff: found by role, name and standing; two administrators give rights, one takes them away."""

from dataclasses import asdict
from uuid import UUID, uuid4

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.accounts import staff_accounts
from yikatong.accounts.models import Role, User
from yikatong.accounts.own_sessions import sessions_of
from yikatong.accounts.staff_accounts import Duties
from yikatong.approvals import services as approvals
from yikatong.approvals.account_acts import ROLE_WORDS
from yikatong.approvals.models import ApprovalRequest, RequestState
from yikatong.audit.models import AuditEvent
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.workbench.paging import page_of
from yikatong.workbench.words import AUDIT_ACTIONS, refusal_text

STAFF_ROLES = [(role, words) for role, words in ROLE_WORDS.items() if role != Role.RESIDENT]
_EVENTS_SHOWN = 20


@require_safe
def accounts(request: HttpRequest) -> HttpResponse:
    """The list, by user name."""
    role, standing = request.GET.get("role", ""), request.GET.get("standing", "")
    name, place = request.GET.get("name", "").strip(), request.GET.get("place", "").strip()
    found = User.objects.exclude(role=Role.RESIDENT)
    if role in Role.values:
        found = found.filter(role=role)
    if standing in {"on", "off"}:
        found = found.filter(is_active=standing == "on")
    if name:
        found = found.filter(username__startswith=name.replace("\0", ""))
    if place:
        found = found.filter(Q(outlet_id=place) | Q(organisation_code=place) | Q(operator_code=place))
    page = page_of(request, found, "username")
    with_second = set(Authenticator.objects.filter(user__in=page.rows).values_list("user_id", flat=True))
    context = {
        "page": page,
        "rows": [(user, ROLE_WORDS[user.role], _place_of(user), user.pk in with_second) for user in page.rows],
        "roles": STAFF_ROLES,
        "role": role,
        "standing": standing,
        "name": name,
        "place": place,
    }
    return render(request, "workbench/accounts.html", context)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Ask for a new account."""
    error = ""
    if request.method == "POST":
        username = request.POST.get("username", "").strip()
        parameters = {"username": username, **asdict(_duties_in(request))}
        try:
            return _ask(request, "account.create", parameters, f"account:{username}"[:80])
        except Refused as refused:
            error = refusal_text(refused.reason, str(refused))
    context = {"error": error, "roles": STAFF_ROLES, "typed": request.POST, "request_id": _request_id(request)}
    return render(request, "workbench/account_new.html", context, status=422 if error else 200)


@require_http_methods(["GET", "POST"])
def account(request: HttpRequest, user_id: int) -> HttpResponse:
    """One account: what it is for, what it did last; change it, let it in again, sign it out, switch it off."""
    user = staff_accounts.staff_account(user_id)
    if user is None:
        raise Http404
    error = ""
    if request.method == "POST":
        try:
            return _done(request, user)
        except Refused as refused:
            error = refusal_text(refused.reason, str(refused))
    events = AuditEvent.objects.filter(subject=f"account:{user.pk}").order_by("-event_id")[:_EVENTS_SHOWN]
    context = {
        "account": user,
        "role_words": ROLE_WORDS[user.role],
        "place": _place_of(user),
        "sessions_count": len(sessions_of(user, at=utc_now())),
        "has_second_factor": Authenticator.objects.filter(user=user).exists(),
        "waiting": ApprovalRequest.objects.filter(subject=f"account:{user.pk}", state=RequestState.WAITING),
        "events": [(event, AUDIT_ACTIONS.get(event.action, event.action)) for event in events],
        "roles": STAFF_ROLES,
        "typed": request.POST or asdict(staff_accounts.duties_of(user)),
        "request_id": _request_id(request),
        "is_own": user.pk == request.user.pk,
        "error": error,
    }
    return render(request, "workbench/account.html", context, status=422 if error else 200)


def _done(request: HttpRequest, user: User) -> HttpResponse:
    action = request.POST.get("action", "")
    assert isinstance(request.user, User)
    if action == "deactivate":
        staff_accounts.deactivate(user.pk, by=request.user, at=utc_now())
        messages.success(request, _("账号 %(name)s 已停用，立即生效。") % {"name": user.username})
        return redirect("work:accounts:account", user_id=user.pk)
    if action == "end_sessions":
        staff_accounts.end_sessions(user.pk, by=request.user, at=utc_now())
        messages.success(request, _("账号 %(name)s 的全部登录已结束。") % {"name": user.username})
        return redirect("work:accounts:account", user_id=user.pk)
    parameters: dict[str, object] = {"user_id": user.pk}
    if action == "change":
        parameters |= asdict(_duties_in(request))
    elif action != "reset":
        raise Http404
    return _ask(request, f"account.{action}", parameters, f"account:{user.pk}")


def _ask(request: HttpRequest, act: str, parameters: dict[str, object], subject: str) -> HttpResponse:
    assert isinstance(request.user, User)
    asked = approvals.ask(
        act,
        parameters,
        request_id=_request_id(request),
        subject=subject,
        reason=request.POST.get("reason", ""),
        by=request.user,
        at=utc_now(),
    )
    return redirect("work:approvals:request", request_id=asked.request_id)


def _request_id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("request_id", ""))
    except ValueError:
        return uuid4()


def _duties_in(request: HttpRequest) -> Duties:
    role, place = request.POST.get("role", ""), request.POST.get("place", "").strip()[:24]
    return Duties(
        role=role if role in Role.values else "",
        outlet_id=place if role == Role.BANK_CLERK else "",
        organisation_code=place[:18] if role == Role.UNIT else "",
        operator_code=place[:20] if role == Role.OPERATOR else "",
    )


def _place_of(user: User) -> str:
    return user.outlet_id or user.organisation_code or user.operator_code
