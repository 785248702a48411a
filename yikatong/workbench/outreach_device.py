"""What a helper's device asks and brings: session, forgery token and the device's own token are all needed.

Answers are never cached. ``410`` with ``wipe`` means that the device was reported lost; ``401`` that it has to be registered
again; ``422`` says in words what is wrong, and the device keeps what it has.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.middleware.csrf import get_token
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.outreach import devices, uploads
from yikatong.outreach.completed import read_completed
from yikatong.outreach.models import Device, HomeApplication, HomeState
from yikatong.outreach.packages import make_package
from yikatong.outreach.rules import Reason
from yikatong.outreach.selectors import case_of
from yikatong.workbench.outreach_words import our_side, their_side, words_for

_NO_STORE = {"Cache-Control": "no-store"}
_STATUS = {Reason.DEVICE_LOST: 410, Reason.DEVICE_UNKNOWN: 401}


@dataclass(frozen=True, slots=True)
class Caller:
    """The helper and the device that ask, as of now."""

    device: Device
    by: Actor
    at: datetime


def _refusal(refused: "Refused[Any]") -> JsonResponse:
    content = {"reason": str(refused.reason), "error": words_for(str(refused.reason), str(refused))}
    if refused.reason == Reason.DEVICE_LOST:
        content["wipe"] = "1"
    return JsonResponse(content, status=_STATUS.get(refused.reason, 422), headers=_NO_STORE)


def device_required[**P](
    view: Callable[Concatenate[HttpRequest, Caller, P], JsonResponse],
) -> Callable[Concatenate[HttpRequest, P], JsonResponse]:
    """Let in who brings a device's number and token (``X-Device``: ``number token``) and is its helper."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> JsonResponse:
        at, username = utc_now(), request.user.get_username()
        number, _space, token = request.headers.get("X-Device", "").partition(" ")
        try:
            try:
                device_id = UUID(number)
            except ValueError as error:
                raise Refused(Reason.DEVICE_UNKNOWN) from error
            device = devices.recognised(device_id, token, username=username, at=at)
            return view(request, Caller(device, Actor("outreach", username), at), *args, **kwargs)
        except Refused as refused:
            return _refusal(refused)

    return wrapped


@require_safe
def session(request: HttpRequest) -> JsonResponse:
    """Who is signed in, and the forgery token for what follows."""
    return JsonResponse({"helper": request.user.get_username(), "csrf": get_token(request)}, headers=_NO_STORE)


@require_POST
def register(request: HttpRequest) -> JsonResponse:
    """A new device (``{"name"}``): its number and token, told only now."""
    username = request.user.get_username()
    try:
        name = str(_content_of(request).get("name", ""))
        device, token = devices.register(username, name, by=Actor("outreach", username), at=utc_now())
    except Refused as refused:
        return _refusal(refused)
    return JsonResponse({"device_id": str(device.device_id), "token": token}, headers=_NO_STORE)


@require_POST
@device_required
def package(request: HttpRequest, caller: Caller) -> JsonResponse:
    """Today's visits."""
    return JsonResponse(make_package(caller.device, by=caller.by, at=caller.at), headers=_NO_STORE)


@require_POST
@device_required
def application(request: HttpRequest, caller: Caller) -> JsonResponse:
    """One application taken at home: ``accepted``, or ``conflict`` with both sides in words."""
    kept = uploads.take_in(read_completed(request.body), device=caller.device, by=caller.by, at=caller.at)
    return JsonResponse(_outcome(kept), headers=_NO_STORE)


@require_POST
@device_required
def visit(request: HttpRequest, caller: Caller, visit_id: UUID) -> JsonResponse:
    """A visit without an application (``{"state"}``: ``not_home`` or ``declined``)."""
    state = str(_content_of(request).get("state", ""))
    closed = uploads.close_visit(visit_id, state, device=caller.device, by=caller.by, at=caller.at)
    return JsonResponse({"outcome": closed.state}, headers=_NO_STORE)


@require_POST
@device_required
def case(request: HttpRequest, caller: Caller, application_id: UUID) -> JsonResponse:
    """What the helper does about a case (``{"action"}``: ``discard`` or ``leave``)."""
    found = case_of(application_id, helper=caller.device.helper)
    if found is None:
        raise Refused(Reason.CASE_UNKNOWN)
    action = _content_of(request).get("action")
    if action not in {"discard", "leave"}:
        raise Refused(Reason.MALFORMED)
    act = uploads.discard if action == "discard" else uploads.leave_to_centre
    done = act(found.person_id, application_id, by=caller.by, at=caller.at, helper=caller.device.helper)
    return JsonResponse({"outcome": done.state}, headers=_NO_STORE)


def _outcome(kept: HomeApplication) -> dict[str, Any]:
    behind = uploads.application_behind(kept) if kept.state == HomeState.ACCEPTED else None
    if behind is not None:
        day = behind.promised_by or beijing_day(behind.submitted_at)
        said = _("已受理，最迟 %(day)s 制好卡。") % {"day": day.isoformat()}
        problem = _("照片没有采用（%(problem)s），请改日补拍。") % {"problem": kept.photo_problem}
        return {"outcome": "accepted", "said": said + (problem if kept.photo_problem else "")}
    return {
        "outcome": "conflict" if kept.state == HomeState.CONFLICT else str(kept.state),
        "application_id": str(kept.application_id),
        "said": words_for(kept.reason),
        "ours": our_side(kept),
        "theirs": their_side(kept),
    }


def _content_of(request: HttpRequest) -> dict[str, Any]:
    """A small JSON object. Raises ``Refused`` (``MALFORMED``)."""
    try:
        content = json.loads(request.body or b"{}")
    except ValueError as error:
        raise Refused(Reason.MALFORMED) from error
    if not isinstance(content, dict):
        raise Refused(Reason.MALFORMED)
    return content
