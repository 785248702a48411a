"""The pages of a kiosk in a hall: one thing on each, large, by touch. What a visitor did is forgotten at the end of the visit.

A visit lives in the session of the machine's account: the pages lead from one step to the next and back to the first when it has
been still for too long. The idle countdown on the screen is the script's; the server ends a visit by itself a little later.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.csp import CSP
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yikatong.accounts.sessions import KIOSK_VISIT
from yikatong.desks import kiosk
from yikatong.desks.kiosk import KioskReason, Machine, SentCode
from yikatong.desks.models import DeskAct
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.foundation.masks import masked_card_number, masked_phone
from yikatong.issuance.models import Card
from yikatong.registry.models import Person
from yikatong.registry.selectors import masked_view
from yikatong.workbench.kiosk_words import told

IDLE_S, WARNING_S = 90, 30
"""When a still page goes back to the first one, and for how long before that it says so. Source: WCAG 2.2.1 asks for 20 s."""
FORGOTTEN_AFTER = timedelta(seconds=IDLE_S + 60)
_TO_THE_READER: dict[str, list[str]] = {**settings.SECURE_CSP, "connect-src": [CSP.SELF, settings.DESK_AGENT_URL]}


@dataclass(frozen=True, slots=True)
class Visit:
    """How far somebody has come. ``seen``: moment of the last step, ISO."""

    seen: str
    card_number: str = ""
    is_chip_proved: bool = False
    card_id: int = 0
    code_digest: str = ""
    code_until: str = ""
    phone: str = ""
    is_code_right: bool = False
    act_id: str = ""
    is_done: bool = False


def _machine(request: HttpRequest) -> Machine:
    return Machine(request.user.get_username())


def _visit(request: HttpRequest, at: datetime) -> Visit | None:
    kept: dict[str, Any] | None = request.session.get(KIOSK_VISIT)
    if kept is None:
        return None
    visit = Visit(**kept)
    if at - datetime.fromisoformat(visit.seen) > FORGOTTEN_AFTER:
        request.session.pop(KIOSK_VISIT, None)
        return None
    return visit


def _keep(request: HttpRequest, visit: Visit, at: datetime) -> None:
    request.session[KIOSK_VISIT] = asdict(replace(visit, seen=at.isoformat()))


def at_step(
    is_reached: Callable[[Visit], bool],
) -> Callable[[Callable[[HttpRequest, Visit], HttpResponse]], Callable[Concatenate[HttpRequest, ...], HttpResponse]]:
    """Only a visit that has come so far sees the page; everybody else begins again. No page is kept by the browser."""

    def decorated(
        view: Callable[[HttpRequest, Visit], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, ...], HttpResponse]:
        @wraps(view)
        def wrapped(request: HttpRequest) -> HttpResponse:
            visit = _visit(request, utc_now())
            if visit is None or not is_reached(visit):
                return redirect("work:kiosk:start")
            return view(request, visit)

        return never_cache(wrapped)

    return decorated


def _page(request: HttpRequest, name: str, context: dict[str, object], *, error: str = "") -> HttpResponse:
    waiting = {"idle_s": IDLE_S, "warning_s": WARNING_S, "agent_url": settings.DESK_AGENT_URL, "error": error}
    return render(request, f"workbench/kiosk_{name}.html", context | waiting, status=422 if error else 200)


@require_http_methods(["GET", "POST"])
@never_cache
@csp_override(_TO_THE_READER)
def start(request: HttpRequest) -> HttpResponse:
    """Put the card on the reader, or type its number. Coming here ends whatever visit there was."""
    request.session.pop(KIOSK_VISIT, None)
    if request.method == "GET":
        return _page(request, "start", {})
    number = request.POST.get("card_number", "").strip().upper().replace(" ", "")
    if len(number) != 9 or not (number.isascii() and number.isalnum()):
        return _page(
            request, "start", {"card_number": number[:20]}, error=_("卡号是卡面上的 9 位字母和数字，请对照卡面输入。")
        )
    at = utc_now()
    _keep(request, Visit(at.isoformat(), card_number=number, act_id=str(new_uuid7())), at)
    return redirect("work:kiosk:identity")


@require_POST
@never_cache
def chip(request: HttpRequest) -> HttpResponse:
    """The reader's part: ``{"code"}`` brings commands, ``{"code", "signature"}`` the next page. JSON."""
    at = utc_now()
    code, signature = _read_chip(request)
    challenge = bytes.fromhex(request.session.pop("kiosk_challenge", ""))
    if not signature:
        challenge = kiosk.new_challenge()
        request.session["kiosk_challenge"] = challenge.hex()
        commands = [command.encode().hex().upper() for command in kiosk.proof_commands(challenge)]
        return JsonResponse({"commands": commands})
    try:
        card = kiosk.card_proved(code, challenge, signature)
    except Refused as refused:
        return JsonResponse({"error": told(refused)}, status=422)
    visit = Visit(at.isoformat(), card_number=card.card_number, is_chip_proved=True, act_id=str(new_uuid7()))
    _keep(request, visit, at)
    return JsonResponse({"next": reverse("work:kiosk:identity")})


def _read_chip(request: HttpRequest) -> tuple[str, bytes]:
    try:
        body = json.loads(request.body or b"{}")
        return str(body.get("code", ""))[:32], bytes.fromhex(str(body.get("signature", ""))[:256])
    except (ValueError, AttributeError):
        return "", b""


@require_http_methods(["GET", "POST"])
@at_step(lambda visit: bool(visit.card_number) and not visit.is_done)
def identity(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The last four characters of the identity number; then a code goes to the phone."""
    at = utc_now()
    context: dict[str, object] = {"card_number": masked_card_number(visit.card_number), "by_chip": visit.is_chip_proved}
    if request.method == "GET":
        _keep(request, visit, at)
        return _page(request, "identity", context)
    machine = _machine(request)
    try:
        card = kiosk.check_holder(visit.card_number, request.POST.get("last_four", ""), machine, at=at)
        sent = kiosk.send_code(card, machine, at=at)
    except Refused as refused:
        if refused.reason == KioskReason.NOT_THE_HOLDER:
            _keep(request, visit, at)
            return _page(request, "identity", context, error=told(refused))
        return _stopped(request, refused)
    _keep(request, _with_code(visit, card, sent), at)
    return redirect("work:kiosk:code")


def _with_code(visit: Visit, card: Card, sent: SentCode) -> Visit:
    until, phone = sent.good_until.isoformat(), masked_phone(sent.phone)
    return replace(visit, card_id=card.card_id, code_digest=sent.digest, code_until=until, phone=phone)


@require_http_methods(["GET", "POST"])
@at_step(lambda visit: bool(visit.code_digest) and not visit.is_done)
def code(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The six digits that were sent; or ask for others."""
    at, machine = utc_now(), _machine(request)
    card = Card.objects.get(card_id=visit.card_id)
    context: dict[str, object] = {"phone": visit.phone}
    if request.method == "GET":
        _keep(request, visit, at)
        return _page(request, "code", context)
    try:
        if request.POST.get("action") == "again":
            _keep(request, _with_code(visit, card, kiosk.send_code(card, machine, at=at)), at)
            return redirect("work:kiosk:code")
        sent = SentCode(visit.code_digest, datetime.fromisoformat(visit.code_until), "")
        kiosk.check_code(card, request.POST.get("code", ""), sent, machine, at=at)
    except Refused as refused:
        if refused.reason in {KioskReason.CODE_WRONG, KioskReason.CODE_EXPIRED}:
            _keep(request, visit, at)
            return _page(request, "code", context, error=told(refused))
        return _stopped(request, refused)
    _keep(request, replace(visit, is_code_right=True), at)
    return redirect("work:kiosk:confirm")


@require_http_methods(["GET", "POST"])
@at_step(lambda visit: visit.is_code_right)
def confirm(request: HttpRequest, visit: Visit) -> HttpResponse:
    """What happens when the card is activated: the older one ends now. Asked once."""
    at = utc_now()
    if visit.is_done:
        return redirect("work:kiosk:done")
    card = Card.objects.get(card_id=visit.card_id)
    if request.method == "GET":
        _keep(request, visit, at)
        older, person = kiosk.ends_with(card), Person.objects.get(person_id=card.person_id)
        context: dict[str, object] = {
            "holder": masked_view(person),
            "card_number": masked_card_number(card.card_number),
            "older_number": masked_card_number(older.card_number) if older else "",
        }
        return _page(request, "confirm", context)
    try:
        act_id = UUID(visit.act_id)
        kiosk.activate(card.card_id, _machine(request), act_id=act_id, is_chip_proved=visit.is_chip_proved, at=at)
    except Refused as refused:
        return _stopped(request, refused)
    _keep(request, replace(visit, is_done=True), at)
    return redirect("work:kiosk:done")


@require_safe
@at_step(lambda visit: visit.is_done)
def done(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The receipt, to read and to print."""
    _keep(request, visit, utc_now())
    act = DeskAct.objects.get(place=_machine(request).place, act_id=visit.act_id)
    ended = Card.objects.filter(card_id=act.details.get("ended_card_id") or 0).first()
    card = Card.objects.get(card_id=visit.card_id)
    context: dict[str, object] = {
        "act": act,
        "holder": masked_view(Person.objects.get(person_id=card.person_id)),
        "card_number": masked_card_number(card.card_number),
        "ended_number": masked_card_number(ended.card_number) if ended else "",
    }
    return _page(request, "done", context)


@require_POST
@never_cache
def still_here(request: HttpRequest) -> HttpResponse:
    """Somebody asked for more time."""
    at = utc_now()
    visit = _visit(request, at)
    if visit is None:
        return HttpResponse(status=410)
    _keep(request, visit, at)
    return HttpResponse(status=204)


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Forget the visit."""
    request.session.pop(KIOSK_VISIT, None)
    return redirect("work:kiosk:start")


def _stopped(request: HttpRequest, refused: Refused[Any]) -> HttpResponse:
    """The visit ends here, with the reason and where to go instead."""
    request.session.pop(KIOSK_VISIT, None)
    return _page(request, "stopped", {"reason": str(refused.reason)}, error=told(refused))
