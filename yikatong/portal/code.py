"""The electronic card's code: made in the phone by its own key; from the server where the phone cannot.

``show`` is the full-screen code, ``manage`` what stands around it: the phones, where it was shown, stopping. The page without
network is ``code_offline``.
"""

import base64
import binascii
import io
import json

import segno
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yikatong.acceptance.selectors import shown_codes
from yikatong.accounts.models import User
from yikatong.accounts.services import end_sessions
from yikatong.accounts.sessions import go_on_alone
from yikatong.credentials.selectors import credentials_of
from yikatong.credentials.statuses import stop_all
from yikatong.delegation.rules import Act
from yikatong.ecard import services
from yikatong.ecard.models import ElectronicCard
from yikatong.ecard.selectors import devices_of, electronic_card_of
from yikatong.foundation.device_labels import device_label
from yikatong.foundation.errors import Refused
from yikatong.foundation.masks import masked_card_number
from yikatong.issuance.models import Card
from yikatong.portal.code_offline import CLEAR_SITE_DATA, words
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.words import refusal_text
from yikatong.registry.models import Person

SERVER_HELD = "server-held"


def asked_for(request: HttpRequest, holder: Holder, act: Act | None = Act.SHOW_CODE) -> Person:
    """Whose card the address names; the holder's own by default. Raises ``Http404`` where they may not do ``act`` for them.

    Without an act it is the holder's own or a ward's.
    """
    person_id = request.GET.get("for", "")
    is_number = person_id.isascii() and person_id.isdecimal()
    return holder.person_for(int(person_id), act) if is_number else holder.person


def _twin(request: HttpRequest, holder: Holder) -> ElectronicCard | None:
    return electronic_card_of(asked_for(request, holder).person_id)


def _family(holder: Holder) -> list[dict[str, object]]:
    """Everybody whose code this account may show, when there is more than one."""
    people = [
        person for person in holder.may_act_for(Act.SHOW_CODE) if electronic_card_of(person.person_id) is not None
    ]
    return [{"person_id": p.person_id, "name": holder.name_of(p).name} for p in people] if len(people) > 1 else []


@require_safe
@never_cache
@holder_required
def show(request: HttpRequest, holder: Holder) -> HttpResponse:
    """The full-screen code."""
    person = asked_for(request, holder)
    twin = electronic_card_of(person.person_id)
    context: dict[str, object] = {
        "twin": twin,
        "person": person,
        "owner": holder.person.person_id,
        "name": holder.name_of(person).name,
        "family": _family(holder),
        "words": words(),
    }
    if twin is not None:
        card = Card.objects.get(card_id=twin.card_id)
        try:
            services.showable(card, holder.at)
        except Refused as refused:
            context["refused"] = refusal_text(refused.reason, str(refused))
        is_clear = request.GET.get("number") == "1"
        context |= {
            "number": card.card_number if is_clear else masked_card_number(card.card_number),
            "is_clear": is_clear,
        }
    return render(request, "portal/code.html", context)


@require_safe
@never_cache
@holder_required
def manage(request: HttpRequest, holder: Holder) -> HttpResponse:
    """The phones that may show a card, where it was shown, and how to stop it."""
    person = asked_for(request, holder)
    twin = electronic_card_of(person.person_id)
    context: dict[str, object] = {"twin": twin, "person": person, "name": holder.name_of(person).name}
    context["family"] = _family(holder)
    context["may_stop"] = person in holder.may_act_for(Act.REPORT_LOSS)
    context["may_add"] = person in holder.may_act_for()
    if twin is not None:
        context["devices"] = [
            {
                "serial": bytes(device.serial).hex(),
                "label": _("服务器代为生成（不支持脚本的手机）") if device.label == SERVER_HELD else device.label,
                "may_stop": context["may_stop"] or device.agent_person_id == holder.person.person_id,
                "is_agents": device.agent_person_id not in {None, holder.person.person_id},
                "issued_at": device.issued_at,
                "expires_at": device.expires_at,
            }
            for device in devices_of(twin.card_id, at=holder.at)
        ]
        context["shown"] = shown_codes(twin.card_id)
        context["credentials"] = credentials_of(twin.card_id, at=holder.at)
    return render(request, "portal/code_manage.html", context)


@require_POST
@holder_required
def enrol(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Certify the phone's key: JSON ``{"public_key": hex}`` to the certificate and what the page shows without network."""
    person = asked_for(request, holder)
    twin = electronic_card_of(person.person_id)
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
    label = device_label(request.headers.get("User-Agent", ""))
    try:
        agent = holder.person.person_id if person.person_id != holder.person.person_id else None
        certificate = services.enrol_device(
            twin.card_id, key, label=label, by=holder.actor, at=holder.at, agent_person_id=agent
        )
    except Refused as refused:
        message = refusal_text(refused.reason, str(refused))
        return JsonResponse({"reason": str(refused.reason), "message": message}, status=409)
    number = Card.objects.values_list("card_number", flat=True).get(card_id=twin.card_id)
    return JsonResponse(
        {
            "certificate": base64.b64encode(certificate).decode(),
            "name": holder.name_of(person).name,
            "number": number,
            "masked_number": masked_card_number(number),
            "now_s": int(holder.at.timestamp()),
        }
    )


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
    segno.make(text, error="m").save(picture, kind="png", scale=8, border=4)
    return HttpResponse(picture.getvalue(), content_type="image/png")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@holder_required
def stop(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Stop every code on every phone, asked once more first; whoever is signed in elsewhere is signed out.

    The answer empties this phone's own store too. The phone is enrolled again when the code is opened again.
    """
    person = asked_for(request, holder, Act.REPORT_LOSS)
    twin = electronic_card_of(person.person_id)
    if request.method != "POST":
        devices = devices_of(twin.card_id, at=holder.at) if twin else []
        context = {"person": person, "name": holder.name_of(person).name, "devices": devices, "twin": twin}
        return render(request, "portal/code_stop.html", context)
    if twin is not None:
        stop_all(twin.card_id, by=holder.actor, at=holder.at)
        assert isinstance(request.user, User)
        end_sessions(person_id=person.person_id, account=request.user)
        go_on_alone(request)
    messages.success(
        request, _("已停用全部手机上的二维码，其他已登录的手机已退出。要在这部手机上恢复，请重新打开二维码。")
    )
    return _forgetting(redirect(f"{reverse('portal:code_manage')}?for={person.person_id}"))


@require_POST
@holder_required
def stop_device(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Stop the codes of one phone; who only shows the card for its holder may stop their own phones."""
    person = asked_for(request, holder)
    twin = electronic_card_of(person.person_id)
    try:
        serial = bytes.fromhex(request.POST.get("serial", ""))
    except ValueError:
        raise Http404 from None
    if twin is not None:
        own = {
            bytes(d.serial)
            for d in devices_of(twin.card_id, at=holder.at)
            if d.agent_person_id == holder.person.person_id
        }
        if serial not in own and person not in holder.may_act_for(Act.REPORT_LOSS):
            raise Http404
        services.revoke_device(twin.card_id, serial, by=holder.actor, at=holder.at)
        messages.success(request, _("已停用这部手机上的二维码。"))
    return redirect(f"{reverse('portal:code_manage')}?for={person.person_id}")


def _forgetting(response: HttpResponse) -> HttpResponse:
    response["Clear-Site-Data"] = CLEAR_SITE_DATA
    return response
