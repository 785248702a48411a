"""My own account: a first password must be changed before anything else; where I am signed in."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from yikatong.accounts import own_sessions
from yikatong.accounts.models import User
from yikatong.accounts.password_words import OwnWordsValidator
from yikatong.accounts.sessions import end_asked, go_on_alone
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.foundation.clock import utc_now


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Change it; every other session of the account ends."""
    assert isinstance(request.user, User)
    user, errors = request.user, dict[str, str]()
    if request.method == "POST":
        errors = _errors_in(request, user)
        if not errors:
            _change(request, user)
            return redirect("work:home")
    hint = OwnWordsValidator().get_help_text()
    context = {"errors": errors, "is_first": user.must_change_password, "hint": hint}
    return render(request, "workbench/password.html", context, status=422 if errors else 200)


def _change(request: HttpRequest, user: User) -> None:
    with transaction.atomic():
        user.set_password(request.POST["new"])
        user.must_change_password = False
        user.save(update_fields=["password", "must_change_password"])
        own_sessions.end_all(user)
        go_on_alone(request)
        by = Actor("staff", user.username)
        record("account.password_changed", subject=f"account:{user.pk}", by=by, at=utc_now())


@require_http_methods(["GET", "POST"])
@never_cache
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]  # allauth carries no types
def sessions(request: HttpRequest) -> HttpResponse:
    """Where I am signed in; after one's password or code once more, end one of these sessions, or all but this one."""
    assert isinstance(request.user, User)
    if request.method == "POST":
        messages.success(request, end_asked(request, by=Actor("staff", request.user.username), at=utc_now()))
        return redirect("work:sessions")
    mine = own_sessions.sessions_of(request.user, at=utc_now(), current=request.session)
    return render(request, "workbench/sessions.html", {"sessions": mine})


def _errors_in(request: HttpRequest, user: User) -> dict[str, str]:
    old, new = request.POST.get("old", ""), request.POST.get("new", "")
    if not user.check_password(old):
        return {"old": _("现在的密码不正确。")}
    if new == old:
        return {"new": _("新密码不能与现在的密码相同。")}
    try:
        validate_password(new, user)
    except ValidationError as wrong:
        return {"new": " ".join(wrong.messages)}
    return {} if new == request.POST.get("again", "") else {"again": _("两次填写的新密码不一样。")}
