"""The page that loads a card's transit purse in the desk's reader: it carries commands and answers, and decides nothing."""

import json
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST, require_safe

from yikatong.desks import purses
from yikatong.desks.finding import Desk
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.foundation.money import yuan_text
from yikatong.issuance.models import Card
from yikatong.registry.models import Person
from yikatong.registry.selectors import masked_view
from yikatong.smartcard.apdu import Command
from yikatong.workbench.bank import TO_THE_DESK, desk_of
from yikatong.workbench.desk_words import LOAD_STATES, told

ANSWER_LENGTH_MAX = 64


@require_safe
@csp_override(TO_THE_DESK)
def purse(request: HttpRequest, card_id: int) -> HttpResponse:
    """Ask for the amount and the bank's number of the debit; the script does the rest. Earlier loads below."""
    card, _here = _card_here(request, card_id)
    context = {
        "card": card,
        "holder": masked_view(Person.objects.get(person_id=card.person_id)),
        "load_id": new_uuid7(),
        "loads": [
            (load, yuan_text(load.amount_fen), LOAD_STATES[load.state], load.by.partition(":")[2])
            for load in purses.loads_of(card_id)
        ],
        "agent_url": settings.DESK_AGENT_URL,
    }
    return render(request, "workbench/purse.html", context)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the page's script sends with a step."""

    load_id: UUID
    answer: bytes
    amount_fen: int
    reference: str


@require_POST
def purse_step(request: HttpRequest, card_id: int, step: str) -> JsonResponse:
    """One step of a load: the card's last answer comes in, commands go out (``{"commands": [hex]}``)."""
    card, here = _card_here(request, card_id)
    sent = _sent(request)
    try:
        commands = _commands(step, card, here, sent)
    except Refused as refused:
        return JsonResponse({"error": told(refused)}, status=422)
    return JsonResponse({"commands": [command.encode().hex().upper() for command in commands]})


def _commands(step: str, card: Card, here: Desk, sent: _Told) -> list[Command]:
    """Raises ``Refused``; ``Http404`` for a step there is not."""
    at, load = utc_now(), (card.card_id, sent.load_id)
    if step == "begin":
        amount = {"amount_fen": sent.amount_fen, "reference": sent.reference}
        return purses.begin(card.card_id, here, load_id=sent.load_id, at=at, **amount)  # type: ignore[arg-type]
    if step == "initialise":
        return purses.initialise(*load, sent.answer)
    if step == "authorise":
        return purses.authorise(*load, sent.answer, at=at)
    if step == "ask-again":
        return purses.ask_again(*load, sent.answer) if sent.answer else purses.opening_commands()
    if step == "finish":
        purses.finish(*load, sent.answer, here, at=at)
        return []
    raise Http404


def _card_here(request: HttpRequest, card_id: int) -> tuple[Card, Desk]:
    here = desk_of(request)
    card = Card.objects.filter(card_id=card_id, bank_code=here.outlet.bank_id).first()
    if card is None or not purses.has_purse(card_id):
        raise Http404
    return card, here


def _sent(request: HttpRequest) -> _Told:
    """What the script sent; what is no such thing is empty, which no step believes. Raises ``Http404`` without a number."""
    try:
        body = json.loads(request.body or b"{}")
        load_id = UUID(str(body["load_id"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Http404 from error
    yuan = str(body.get("amount", ""))
    amount_fen = int(yuan) * 100 if yuan.isascii() and yuan.isdecimal() and len(yuan) <= 4 else 0
    return _Told(load_id, _octets(body.get("answer")), amount_fen, str(body.get("reference", "")).replace("\0", ""))


def _octets(text: object) -> bytes:
    try:
        return bytes.fromhex(text) if isinstance(text, str) and len(text) <= 2 * ANSWER_LENGTH_MAX else b""
    except ValueError:
        return b""
