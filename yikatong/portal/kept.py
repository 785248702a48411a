"""Going on after an interruption: what was typed before the session ended, forms whose page grew too old, a longer session."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from yikatong.accounts.kept_forms import discard, fields_of, kept_for, sent_as_form
from yikatong.accounts.sessions import extend, seconds_left

SHOWN = {
    "address": _("地址"),
    "contact": _("联系方式"),
    "document": _("证件号码"),
    "guardian_number": _("监护人证件号码"),
    "identity_number": _("证件号码"),
    "name": _("姓名"),
    "note": _("备注"),
    "phone": _("手机号码"),
    "place": _("地点"),
    "reason": _("原因"),
    "reference_number": _("文号"),
    "text": _("内容"),
    "title": _("标题"),
}
"""Fields whose content is shown back, with their names; the others are choices and numbers that say little by themselves."""


def shown_back(fields: list[tuple[str, str]]) -> list[tuple[Any, str]]:
    """What of the fields a person recognises as typed."""
    return [(SHOWN[name], value) for name, value in fields if name in SHOWN and value.strip()]


@require_http_methods(["GET", "POST"])
def kept_form(request: HttpRequest) -> HttpResponse:
    """Go on with the kept form, or (POST) throw it away. Sending it again is an ordinary send to its own page.

    The kept fields go when they are discarded, when half an hour is over, or with the next sign-in of another account.
    """
    kept = kept_for(request)
    if kept is None or request.method == "POST":
        discard(request)
        return redirect("portal:home")
    return render(request, "portal/kept_form.html", {"kept": kept, "shown": shown_back(kept.fields)})


@require_POST
def extend_session(request: HttpRequest) -> HttpResponse:
    """Stay signed in. For the page's script, how many seconds are left; for browsers without it, back to the first page."""
    extend(request, at_once=True)
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"seconds_left": seconds_left(request)})
    return redirect("portal:home")


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose token is missing or old: signing in anew in another tab makes it so. Nothing typed is lost.

    If the browser says that the form came from our own page (its Origin, which other sites cannot forge), the fields are shown
    again with a fresh token, to be sent by one press; otherwise nothing of it is repeated.
    """
    is_ours = request.headers.get("Origin") == f"{request.scheme}://{request.get_host()}"
    fields, left_out = fields_of(request.POST) if is_ours and sent_as_form(request) else ([], [])
    context = {
        "fields": fields,
        "left_out": left_out,
        "had_files": bool(fields and request.FILES),
        "shown": shown_back(fields),
        "path": request.get_full_path(),
    }
    return render(request, "portal/stale_form.html", context, status=403)
