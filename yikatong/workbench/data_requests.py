"""What residents ask about their data: the open requests, and one of them with its answer. Opening one is recorded."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.consent import requests
from yikatong.consent.rules import Reason
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused

_REFUSALS: dict[str, Promise] = {
    Reason.TEXT_MISSING: _("请写明答复。"),
    Reason.TEXT_TOO_LONG: _("文字太长，请不要超过 500 字。"),
    Reason.ANSWERED_ALREADY: _("这份要求已经答复。"),
}


@require_safe
def open_list(request: HttpRequest) -> HttpResponse:
    """Those that wait, the oldest first; what they say is sealed until one is opened."""
    context = {"rows": requests.open_requests(), "today": beijing_day(utc_now())}
    return render(request, "workbench/data_requests.html", context)


@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, person_id: int, request_id: UUID) -> HttpResponse:
    """What is asked, and the answer that its person will read."""
    by, at, error = Actor("staff", request.user.get_username()), utc_now(), ""
    if request.method == "POST":
        try:
            requests.answer(person_id, request_id, request.POST.get("answer", ""), by=by, at=at)
            return redirect("work:staff:data_requests")
        except Refused as refused:
            if refused.reason == Reason.REQUEST_UNKNOWN:
                raise Http404 from refused
            error = str(_REFUSALS.get(str(refused.reason), str(refused)))
    view = requests.request_of(person_id, request_id)
    if view is None:
        raise Http404
    if request.method == "GET":
        subject = f"data_request:{request_id}"
        record("data_request.read", subject=subject, by=by, at=at, person_id=person_id)
    context = {
        "view": view,
        "typed": request.POST.get("answer", ""),
        "length_max": requests.TEXT_LENGTH_MAX,
        "error": error,
    }
    return render(request, "workbench/data_request.html", context, status=422 if error else 200)
