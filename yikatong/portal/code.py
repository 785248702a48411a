"""The electronic card's code: made in the phone by its own key; from the server where the phone cannot."""

import base64
import binascii
import io
import json

import segno
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from yikatong.delegation.rules import Act
from yikatong.ecard import services
from yikatong.ecard.models import ElectronicCard
from yikatong.ecard.selectors import devices_of, electronic_card_of
from yikatong.foundation.errors import Refused
from yikatong.issuance.models import Card
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.words import refusal_text
from yikatong.registry.models import Person


def _asked_for(request: HttpRequest, holder: Holder) -> Person:
    person_id = request.GET.get("for", "")
    return holder.person_for(int(person_id), Act.SHOW_CODE) if person_id.isdecimal() else holder.person


def _twin(request: HttpRequest, holder: Holder) -> ElectronicCard | None:
    return electronic_card_of(_asked_for(request, holder).person_id)


@require_safe
@never_cache
@holder_required
def show(request: HttpRequest, holder: Holder) -> HttpResponse:
    """The full-screen code."""
    person = _asked_for(request, holder)
    twin = electronic_card_of(person.person_id)
    context: dict[str, object] = {"twin": twin, "person": person, "name": holder.name_of(person).name}
    if twin is not None:
        context["card"] = Card.objects.get(card_id=twin.card_id)
        context["devices"] = devices_of(twin.card_id, at=holder.at)
    return render(request, "portal/code.html", context)


@require_POST
@holder_required
def enrol(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Certify the phone's key: JSON ``{"public_key": hex}`` to ``{"certificate": base64}``."""
    twin = _twin(request, holder)
    try:
        key = bytes.fromhex(str(json.loads(request.body)["public_key"]))
    except (ValueError, KeyError, TypeError, binascii.Error):
        return JsonResponse(
            {"reason": "device_key_invalid", "message": refusal_text("device_key_invalid", "")}, status=400
        )
    if twin is None:
        return JsonResponse(
            {"reason": "no_electronic_card", "message": refusal_text("no_electronic_card", "")}, status=404
        )
    label = request.headers.get("User-Agent", "")[:60]
    try:
        certificate = services.enrol_device(twin.card_id, key, label=label, by=holder.actor, at=holder.at)
    except Refused as refused:
        message = refusal_text(refused.reason, str(refused))
        return JsonResponse({"reason": str(refused.reason), "message": message}, status=409)
    return JsonResponse({"certificate": base64.b64encode(certificate).decode()})


@require_safe
@never_cache
@holder_required
def image(request: HttpRequest, holder: Holder) -> HttpResponse:
    """A code from the server as a picture, for phones without JavaScript; it is good for a minute."""
    twin = _twin(request, holder)
    if twin is None:
        raise Http404
    try:
        text = services.code_from_server(twin.card_id, by=holder.actor, at=holder.at)
    except Refused as refused:
        raise Http404 from refused
    picture = io.BytesIO()
    segno.make(text, error="m").save(picture, kind="png", scale=6, border=4)
    return HttpResponse(picture.getvalue(), content_type="image/png")


@require_POST
@holder_required
def stop(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Stop every code on every phone; a phone may be enrolled again."""
    twin = _twin(request, holder)
    if twin is not None:
        services.revoke_all_devices(twin.card_id, by=holder.actor, at=holder.at)
    return redirect("portal:home")
