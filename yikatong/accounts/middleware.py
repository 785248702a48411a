"""What every request passes: who may be here. Print size, length of sessions and kept forms have modules of their own."""

from collections.abc import Callable
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url

from yikatong.accounts import kept_forms
from yikatong.accounts.models import Role
from yikatong.accounts.roles import PUBLIC, SIGNED_IN, may_visit


class RoleMiddleware:
    """Nobody reaches a view that is not on the public list without being signed in with a role that may."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        name = match.view_name if match else ""
        if name in PUBLIC:
            return None
        user = request.user
        if not user.is_authenticated:
            return self._to_sign_in(request, is_staff_page=bool(match and match.namespaces[:1] == ["work"]))
        if name in SIGNED_IN or may_visit(user.role, match.namespaces[-1] if match and match.namespaces else ""):
            return None
        raise PermissionDenied

    def _to_sign_in(self, request: HttpRequest, *, is_staff_page: bool) -> HttpResponse:
        """To the sign-in page of such people, and from there back here, or to what they had typed when their session ended."""
        back = resolve_url("kept_form") if kept_forms.keep(request) else request.get_full_path()
        return redirect_to_login(back, resolve_url("account_login" if is_staff_page else settings.LOGIN_URL))


class FirstThingsFirstMiddleware:
    """Staff change a first password, and set up their second factor where their role needs one, before anything else.

    Which roles: ``settings.SECOND_FACTOR_ROLES``. Once it is set up, signing in asks for it (allauth).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        user = request.user
        if not user.is_authenticated or name in PUBLIC:
            return None
        if name.startswith("mfa_"):
            if user.role == Role.RESIDENT:  # a resident's phone is the factor
                raise PermissionDenied
            return None
        if name in {"account_reauthenticate", "work:password"}:
            return None
        if user.must_change_password:
            return redirect("work:password")
        if user.role in settings.SECOND_FACTOR_ROLES and not is_mfa_enabled(user):
            return redirect("mfa_activate_totp")
        return None
