"""The helper's web app: its shell, its service worker, and the page of a helper's devices.

The shell and everything the service worker keeps hold no personal data: what is of persons comes through ``outreach_device`` and
lies on the device sealed. The app is cached by name and version, so that it opens without a network.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from uuid import UUID

from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.accounts.models import User
from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.outreach import devices
from yikatong.workbench.outreach_texts import TEXTS
from yikatong.workbench.outreach_words import words_for

FOLDER = "workbench/outreach"
MODULES = ("app", "api", "camera", "lock", "screens", "signature", "sync", "vault", "visit")
FILES = (
    f"{FOLDER}/outreach.css",
    *(f"{FOLDER}/{name}.js" for name in MODULES),
    f"{FOLDER}/icon-192.png",
    f"{FOLDER}/icon-512.png",
    f"{FOLDER}/outreach.webmanifest",
    "portal/icon.svg",
)
_TEMPLATES = ("outreach_app.html", "outreach_screens.html", "outreach_visit.html", "outreach_sw.js")


@require_safe
def app(request: HttpRequest) -> HttpResponse:
    """The shell: the same for every helper."""
    words = {name: str(text) for name, text in TEXTS.items()}
    return render(request, "workbench/outreach_app.html", {"words": words})


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script that makes the app open without a network; its scope is this folder of addresses."""
    files = sorted({static(file) for file in FILES} | {f"/static/{file}" for file in FILES})
    context = {"version": _version(), "shell": reverse("work:outreach:app"), "files": json.dumps(files)}
    response = render(request, "workbench/outreach_sw.js", context, content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


@cache
def _version() -> str:
    """Changes with every byte of the app."""
    digest = hashlib.sha256()
    for file in FILES:
        found = finders.find(file)
        if not isinstance(found, str):
            raise FileNotFoundError(file)
        digest.update(Path(found).read_bytes())
    for name in _TEMPLATES:
        digest.update((Path(__file__).parent / "templates" / "workbench" / name).read_bytes())
    return digest.hexdigest()[:16]


@require_http_methods(["GET", "POST"])
def my_devices(request: HttpRequest) -> HttpResponse:
    """A helper's own devices; one that is lost is shut out here."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    error = ""
    if request.method == "POST":
        try:
            device_id = UUID(request.POST.get("device_id", ""))
            by = Actor("outreach", user.get_username())
            devices.report_lost(device_id, by=by, at=utc_now(), helper=user.get_username())
            return redirect("work:outreach:devices")
        except ValueError as bad:
            raise Http404 from bad
        except Refused as refused:
            error = words_for(refused.reason, str(refused))
    context = {"devices": devices.devices_of(user.get_username()), "error": error}
    return render(request, "workbench/outreach_devices.html", context, status=422 if error else 200)


@require_safe
def standing(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Whether a device is to wipe itself. Open to everybody who knows its number: a locked device of nobody must be told."""
    return JsonResponse({"wipe": devices.must_wipe(device_id, at=utc_now())}, headers={"Cache-Control": "no-store"})
