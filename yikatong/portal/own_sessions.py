"""Where I am signed in, and ending it elsewhere: a phone that was lent, lost or sold.

Seeing is free; ending takes a code to the registered phone, so that whoever holds a lent phone cannot throw its owner out.
Source: OWASP ASVS 5.0.0, V7.5.2.
"""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from yikatong.accounts.models import User
from yikatong.accounts.own_sessions import sessions_of
from yikatong.accounts.sessions import end_asked
from yikatong.consent import codes
from yikatong.foundation.errors import Refused
from yikatong.foundation.masks import masked_phone
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.privacy_words import field_of, refusal_words
from yikatong.registry.selectors import clear_view

ACT_TEXT = "您正在结束其他设备上的登录"
"""What the message says of the code. Messages are Chinese."""


@require_http_methods(["GET", "POST"])
@never_cache
@holder_required
def sessions(request: HttpRequest, holder: Holder) -> HttpResponse:
    """The list, last used first; with a code, end one of them, or all but this one."""
    assert isinstance(request.user, User)
    act = f"sessions:{request.user.pk}"
    error = field = ""
    if request.method == "POST":
        try:
            if request.POST.get("action") == "send":
                codes.send(holder.person, act, what=ACT_TEXT, by=holder.actor, at=holder.at)
            else:
                messages.success(request, _ended(request, holder, act))
            return redirect("portal:privacy_sessions")
        except Refused as refused:
            error, field = refusal_words(refused.reason, str(refused)), field_of(refused.reason)
    phone = clear_view(holder.person).phone
    context = {
        "sessions": sessions_of(request.user, at=holder.at, current=request.session),
        "phone": masked_phone(phone) if phone else "",
        "is_code_sent": codes.is_waiting(holder.person.person_id, act, at=holder.at),
        "error": error,
        "error_field": field,
    }
    return render(request, "portal/privacy_sessions.html", context, status=422 if error else 200)


def _ended(request: HttpRequest, holder: Holder, act: str) -> str:
    code_id = codes.check(holder.person.person_id, act, request.POST.get("code", ""), at=holder.at)
    with transaction.atomic():
        codes.spend(holder.person.person_id, code_id, at=holder.at)
        return end_asked(request, by=holder.actor, at=holder.at)
