"""The chip page: a blank in the clerk's reader becomes a card, its face is printed, and a spoiled blank is written off.

The page's script asks the server for commands, lets the program on the desk (``yikatong-terminal agent``) hand them to the card,
and brings the answers back. No key and no personal data in clear pass through the page.
"""

import base64
import json
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Bank, Outlet
from yikatong.city.folder import open_folder
from yikatong.desks.services import note
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.issuance import counter
from yikatong.issuance.models import Card
from yikatong.issuance.portraits import UPLOAD_MAX, PortraitWrong, keep_portrait, portrait_of
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view, masked_view
from yikatong.smartcard.apdu import Command
from yikatong.workbench.bank import TO_THE_DESK, desk_of, outlet_of
from yikatong.workbench.words import refusal_text

ANSWER_LENGTH_MAX = 512
_MADE = UUID("6d2c6f0e-5b0a-5c1f-9d0e-0d5b7c1a2f33")
"""Under which the number of a card's being made is derived: it is made once."""


def _card_here(request: HttpRequest, card_id: int) -> tuple[Card, Outlet]:
    outlet = outlet_of(request)
    card = Card.objects.filter(card_id=card_id, bank_code=outlet.bank_id).first()
    if card is None:
        raise Http404
    return card, outlet


@require_http_methods(["GET", "POST"])
@csp_override(TO_THE_DESK)
def chip(request: HttpRequest, card_id: int) -> HttpResponse:
    """Write the card's chip; POST writes the blank in hand off."""
    card, outlet = _card_here(request, card_id)
    if not counter.can_be_made_at(card, outlet):
        return redirect("work:bank:card", card_id=card_id)
    error = ""
    if request.method == "POST":
        by = Actor("clerk", request.user.get_username())
        try:
            if request.POST.get("action") == "portrait":
                keep_portrait(card.person_id, _upload_in(request), by=by, at=utc_now())
            else:
                _spoil(request, card)
            return redirect("work:bank:chip", card_id=card_id)
        except Refused as refused:
            error = refusal_text(refused.reason, str(refused))
        except PortraitWrong as wrong:
            error = str(wrong)
    context = {
        "card": card,
        "holder": masked_view(Person.objects.get(person_id=card.person_id)),
        "portrait": base64.b64encode(portrait).decode() if (portrait := portrait_of(card.person_id)) else "",
        "agent_url": settings.DESK_AGENT_URL,
        "error": error,
    }
    return render(request, "workbench/chip.html", context, status=422 if error else 200)


@require_POST
def chip_step(request: HttpRequest, card_id: int, step: str) -> HttpResponse:
    """One step of writing: the card's last answer comes in (``{"answer": hex}``), commands go out (``{"commands": [hex]}``)."""
    card, outlet = _card_here(request, card_id)
    by, at = Actor("clerk", request.user.get_username()), utc_now()
    try:
        answer = _answer_in(request)
        if step == "begin":
            commands = counter.begin(card_id, outlet_id=outlet.outlet_id, by=by, at=at)
        elif step == "load":
            commands = counter.load(card_id, answer, outlet_id=outlet.outlet_id, by=by, at=at)
        elif step == "prove":
            commands = counter.prove(card_id, outlet_id=outlet.outlet_id)
        elif step == "finish":
            _finish(request, card, answer)
            commands = []
        else:
            raise Http404
    except Refused as refused:
        return JsonResponse({"error": refusal_text(refused.reason, str(refused))}, status=422)
    return JsonResponse({"commands": [_hex(command) for command in commands]})


def _finish(request: HttpRequest, card: Card, answer: bytes) -> None:
    """The card is made, and the day's report has it, once however often the last answer comes. Raises ``Refused``."""
    desk, at = desk_of(request), utc_now()
    with transaction.atomic():
        counter.finish(card.card_id, answer, outlet_id=desk.outlet.outlet_id, by=desk.by, at=at)
        note("make", card, desk, act_id=uuid5(_MADE, str(card.card_id)), at=at)


def _spoil(request: HttpRequest, card: Card) -> None:
    """Write the blank in hand off. Raises ``Refused``."""
    desk, at, reason = desk_of(request), utc_now(), request.POST.get("reason", "")
    with transaction.atomic():
        counter.spoil(card.card_id, reason, outlet_id=desk.outlet.outlet_id, by=desk.by, at=at)
        note("spoil", card, desk, act_id=new_uuid7(), at=at)


@require_safe
def face(request: HttpRequest, card_id: int) -> HttpResponse:
    """The printed face as PDF, of a card whose chip was written at this counter."""
    card, outlet = _card_here(request, card_id)
    if not counter.is_made_at(card, outlet.outlet_id) or card.made_at is None or card.expires_on is None:
        raise Http404
    holder = clear_view(Person.objects.get(person_id=card.person_id))
    from yikatong.issuance.card_face import FaceContents, FaceUnprintable, face_pdf  # it loads two seconds of PDF

    contents = FaceContents(
        name=holder.name,
        identity_number=holder.identity_number,
        card_number=card.card_number,
        bank_name=Bank.objects.get(code=card.bank_code).name_zh,
        city_name=open_folder().head.name_zh,
        issued_on=beijing_day(card.made_at),
        expires_on=card.expires_on,
        portrait_jpeg=portrait_of(card.person_id),
    )
    try:
        octets = face_pdf(contents)
    except FaceUnprintable as error:
        return HttpResponse(str(error), status=422, content_type="text/plain; charset=utf-8")
    by = Actor("clerk", request.user.get_username())
    record("card.face_printed", subject=f"card:{card_id}", by=by, at=utc_now(), person_id=card.person_id)
    headers = {"Content-Disposition": f'inline; filename="{card.card_number}.pdf"', "Cache-Control": "no-store"}
    return HttpResponse(octets, content_type="application/pdf", headers=headers)


def _upload_in(request: HttpRequest) -> bytes:
    """The picture that was sent, unless it is far too large to be one. Raises ``PortraitWrong``."""
    upload = request.FILES.get("portrait")
    if upload is None:
        raise PortraitWrong("请先选择一张照片")
    if upload.size is None or upload.size > UPLOAD_MAX:
        raise PortraitWrong(f"照片超过 {UPLOAD_MAX // 2**20} MB，请换一张小一些的")
    return bytes(upload.read())


def _answer_in(request: HttpRequest) -> bytes:
    """What the card answered, as the page tells it: anything that is not that is an empty answer, which no step believes."""
    try:
        text = json.loads(request.body or b"{}").get("answer", "")
        return bytes.fromhex(text) if isinstance(text, str) and len(text) <= 2 * ANSWER_LENGTH_MAX else b""
    except (ValueError, AttributeError):
        return b""


def _hex(command: Command) -> str:
    return command.encode().hex().upper()
