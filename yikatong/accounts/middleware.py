"""Two things every request passes: who may be here, and how large the print is."""

from collections.abc import Callable
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url

from yikatong.accounts.models import Role
from yikatong.accounts.roles import PUBLIC, SIGNED_IN, may_visit

LARGE_PRINT_COOKIE = "large_print"
LARGE_PRINT_DAYS = 365


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
            return redirect_to_login(request.get_full_path(), resolve_url(settings.LOGIN_URL))
        if name in SIGNED_IN or may_visit(user.role, match.namespaces[-1] if match and match.namespaces else ""):
            return None
        raise PermissionDenied


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


class LargePrintMiddleware:
    """``request.large_print``: asked for by link (``?mode=care``), remembered in a cookie and in the account."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asked = request.GET.get("mode")
        cookie = request.COOKIES.get(LARGE_PRINT_COOKIE)
        if asked in {"care", "standard"}:
            is_large = asked == "care"
        elif cookie is not None:
            is_large = cookie == "1"
        else:
            is_large = request.user.is_authenticated and request.user.prefers_large_print
        request.large_print = is_large  # type: ignore[attr-defined]
        response = self.get_response(request)
        if asked in {"care", "standard"}:
            remember_large_print(response, is_large=is_large)
        return response


def remember_large_print(response: HttpResponse, *, is_large: bool) -> None:
    """Keep the choice on this device for a year."""
    response.set_cookie(
        LARGE_PRINT_COOKIE, "1" if is_large else "0", max_age=LARGE_PRINT_DAYS * 86400, httponly=True, samesite="Lax"
    )
