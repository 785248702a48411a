"""What somebody typed when their session had ended: kept for half an hour, for the same account only.

A form sent after the end of a session arrives from nobody. A signed cookie names the account that was last signed in on this
browser, by an opaque id; the fields are sealed and kept in the browser's anonymous session, bound to that id. After signing in,
the same account may go on with them; any other account's sign-in throws them away. Files, passwords and codes are never kept.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.core import signing
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.crypto import constant_time_compare, salted_hmac

from yikatong.accounts.models import User
from yikatong.foundation.clock import utc_now
from yikatong.registry.sealing import field_cipher

KEPT_FOR = timedelta(minutes=30)
KEPT_BYTES_MAX = 64_000
"""Fields of a form, as JSON. Source: assumption: our longest form holds a few thousand characters."""
ACCOUNT_COOKIE = f"{settings.COOKIE_PREFIX}last_account"
ACCOUNT_COOKIE_DAYS = 30
_SESSION_KEY = "kept_form"
_SALT = "yikatong.accounts.kept_forms"
_NEVER = re.compile(
    r"csrf|passw|secret|token|^(code|otp|pin|tail|last_four|ending)$|(confirm|login|pairing|sms|verification)_?code",
    re.IGNORECASE,
)
"""Names of fields that are not kept: what proves who one is."""


@dataclass(frozen=True, slots=True)
class KeptForm:
    """The fields of a form, in order, and where they were sent. ``had_files``: files were sent too and must be chosen again."""

    path: str
    fields: list[tuple[str, str]]
    left_out: list[str]
    had_files: bool
    kept_at: datetime


def account_id(user_pk: object) -> str:
    """An opaque id of an account, which says nothing to anybody else."""
    return salted_hmac(_SALT, str(user_pk), algorithm="sha256").hexdigest()[:32]


def remember_account(request: HttpRequest, response: HttpResponse) -> None:
    """Name the signed-in account in the cookie, where it does not yet."""
    mine = account_id(request.user.pk)
    if _last_account(request) != mine:
        response.set_cookie(
            ACCOUNT_COOKIE,
            signing.dumps(mine, salt=_SALT),
            max_age=ACCOUNT_COOKIE_DAYS * 86400,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )


def forget_account(response: HttpResponse) -> None:
    """After signing out on purpose, nothing is kept for anybody."""
    response.delete_cookie(ACCOUNT_COOKIE, samesite="Lax")


def _last_account(request: HttpRequest) -> str:
    try:
        found = signing.loads(
            request.COOKIES.get(ACCOUNT_COOKIE, ""), salt=_SALT, max_age=timedelta(days=ACCOUNT_COOKIE_DAYS)
        )
    except signing.BadSignature:
        return ""
    return str(found)


def sent_as_form(request: HttpRequest) -> bool:
    """Whether a browser sent this as a page's form (and not a script, whose answer nobody would see)."""
    kind = request.content_type or ""
    is_page = request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    return request.method == "POST" and is_page and kind in {"application/x-www-form-urlencoded", "multipart/form-data"}


def fields_of(posted: QueryDict) -> tuple[list[tuple[str, str]], list[str]]:
    """The fields that may be kept, and the names of those that may not."""
    fields = [(name, value) for name, values in posted.lists() for value in values if _may_keep(name)]
    return fields, [name for name in posted if not _may_keep(name) and name != "csrfmiddlewaretoken"]


def _may_keep(name: str) -> bool:
    return not _NEVER.search(name)


def keep(request: HttpRequest) -> bool:
    """Keep the form that nobody sent, if this browser's last account is known and the form is not too long."""
    account = _last_account(request)
    if not account or not sent_as_form(request) or _is_at_kiosk(request):
        return False
    fields, left_out = fields_of(request.POST)
    text = json.dumps(
        {
            "path": request.get_full_path(),
            "fields": fields,
            "left_out": left_out,
            "had_files": bool(request.FILES),
            "kept_at": utc_now().isoformat(),
        },
        ensure_ascii=False,
    )
    if len(text.encode()) > KEPT_BYTES_MAX:
        return False
    sealed = field_cipher().seal("kept_form", text)
    request.session[_SESSION_KEY] = {"account": account, "sealed": sealed.hex()}
    request.session.set_expiry(KEPT_FOR)
    return True


def _is_at_kiosk(request: HttpRequest) -> bool:
    """What a visitor typed at a machine in a hall is not for whoever signs the machine in again."""
    match = request.resolver_match
    return match is not None and match.namespaces[-1:] == ["kiosk"]


def kept_for(request: HttpRequest) -> KeptForm | None:
    """What is kept for the signed-in account. What is too old, or another account's, is thrown away here."""
    return _kept_for(request, request.user.pk) if request.user.is_authenticated else None


def _kept_for(request: HttpRequest, user_pk: object) -> KeptForm | None:
    kept = request.session.get(_SESSION_KEY)
    if kept is None:
        return None
    if constant_time_compare(kept["account"], account_id(user_pk)):
        found = json.loads(field_cipher().open("kept_form", bytes.fromhex(kept["sealed"])))
        kept_at = datetime.fromisoformat(found["kept_at"])
        if utc_now() - kept_at <= KEPT_FOR:
            fields = [(name, value) for name, value in found["fields"]]
            return KeptForm(found["path"], fields, found["left_out"], found["had_files"], kept_at)
    discard(request)
    return None


def discard(request: HttpRequest) -> None:
    """Throw away what is kept."""
    request.session.pop(_SESSION_KEY, None)


@receiver(user_logged_in)
def after_sign_in(sender: type, request: HttpRequest, user: User, **rest: object) -> None:
    """Give the session its usual life back, and drop what another account left."""
    if _SESSION_KEY in request.session:
        request.session.set_expiry(None)
        _kept_for(request, user.pk)


class LastAccountMiddleware:
    """Keep the cookie that names the last account in step with who is signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        was_signed_in = request.user.is_authenticated
        response = self.get_response(request)
        if request.user.is_authenticated:
            remember_account(request, response)
            if request.method == "POST" and _SESSION_KEY in request.session:
                self._drop_if_sent(request, response)
        elif was_signed_in:
            forget_account(response)
        return response

    def _drop_if_sent(self, request: HttpRequest, response: HttpResponse) -> None:
        """What was sent again and answered by its page is no longer needed; a refused token or a fault of ours leaves it."""
        kept = kept_for(request)
        if kept and kept.path == request.get_full_path() and response.status_code < 500 and response.status_code != 403:
            discard(request)
