"""Signing in, failing to, and signing out, in the audit trail: by account, never by what was typed."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from yikatong.accounts.models import User
from yikatong.accounts.own_sessions import strike_off
from yikatong.accounts.sessions import begin
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.foundation.clock import utc_now

_BY = Actor.system("sign-in")
UNKNOWN = "account:unknown"


@receiver(user_logged_in)
def signed_in(sender: Any, user: User, request: HttpRequest, **rest: Any) -> None:
    """Somebody proved who they are: their session begins."""
    begin(request, user)
    record("account.signed_in", subject=f"account:{user.pk}", by=_BY, at=utc_now(), role=user.role)


@receiver(user_logged_out)
def signed_out(sender: Any, user: User | None, request: HttpRequest, **rest: Any) -> None:
    """Somebody left. A session that had ended already says nothing."""
    if user is not None:
        strike_off(request.session)
        record("account.signed_out", subject=f"account:{user.pk}", by=_BY, at=utc_now(), role=user.role)


@receiver(user_login_failed)
def failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **rest: Any) -> None:
    """A wrong password. Of a name that nobody has only that it happened: people type passwords into the wrong field."""
    name = str(credentials.get("username") or credentials.get("login") or "")
    user = User.objects.filter(username=name).first() if name else None
    record("account.sign_in_failed", subject=f"account:{user.pk}" if user else UNKNOWN, by=_BY, at=utc_now())
