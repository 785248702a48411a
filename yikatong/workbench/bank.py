"""The bank clerk's desk: one input that opens the right case, and the case with the one thing that is due.

Whatever was done, the clerk lands at the input again. Everything works by keyboard and without a script; the script keeps the
focus in the input and reads cards in the desk's reader.
"""

from collections import Counter
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.csp import CSP
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yikatong.accounts.models import User
from yikatong.applications.rules import OPEN_STATES
from yikatong.audit.actors import Actor
from yikatong.banks.models import Outlet
from yikatong.desks.cases import case_of, elsewhere_words
from yikatong.desks.finding import Desk, Finding, look_up
from yikatong.desks.models import DeskAct
from yikatong.desks.purses import has_purse
from yikatong.desks.reports import totals
from yikatong.desks.rules import Asked
from yikatong.desks.services import Act, do
from yikatong.desks.stock import blanks_at
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.issuance.models import Card
from yikatong.issuance.selectors import timeline
from yikatong.registry.models import Person
from yikatong.registry.selectors import masked_view
from yikatong.workbench.desk_words import ACTS, ASKED, DUES, NOTHING_FOUND, told
from yikatong.workbench.words import ACTIONS

CHOICES_MAX = 9
CHOICES = "desk_choices"
"""The session's key of the cards among which the clerk is to choose: typed as 1 to 9, so that it takes no mouse."""
TO_THE_DESK: dict[str, list[str]] = {**settings.SECURE_CSP, "connect-src": [CSP.SELF, settings.DESK_AGENT_URL]}
"""Pages that may reach the program on the desk."""


def outlet_of(request: HttpRequest) -> Outlet:
    """The outlet at which the clerk works. Raises ``Http404``."""
    user = request.user
    outlet = Outlet.objects.filter(outlet_id=user.outlet_id).first() if isinstance(user, User) else None
    if outlet is None:
        raise Http404
    return outlet


def desk_of(request: HttpRequest) -> Desk:
    """The clerk at their outlet. Raises ``Http404``."""
    return Desk(outlet_of(request), Actor("clerk", request.user.get_username()))


def number_in(text: str) -> UUID:
    """A number that a page made. Raises ``Http404``."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error


@require_safe
@csp_override(TO_THE_DESK)
def desk(request: HttpRequest) -> HttpResponse:
    """The one input; what was done last (``?done=``, an act's number)."""
    here = desk_of(request)
    request.session.pop(CHOICES, None)
    return render(request, "workbench/bank_desk.html", _shown(here) | _done(request, here))


@require_POST
@csp_override(TO_THE_DESK)
def find(request: HttpRequest) -> HttpResponse:
    """From what was scanned, read or typed to its case. What leads to no single case is told."""
    here, text = desk_of(request), request.POST.get("q", "")
    choices = request.session.pop(CHOICES, [])
    if len(text.strip()) == 1 and text.strip() in "123456789"[: len(choices)]:
        return redirect("work:bank:card", card_id=choices[int(text) - 1])
    try:
        finding = look_up(text, here, at=utc_now())
    except Refused as refused:
        return render(request, "workbench/bank_desk.html", _shown(here) | {"error": told(refused)}, status=422)
    if finding.only_card is not None:
        return redirect("work:bank:card", card_id=finding.only_card.card_id)
    if finding.packet is not None:
        return redirect(f"{reverse('work:bank:units')}#packet-{finding.packet.packet_id}")
    request.session[CHOICES] = [card.card_id for card in finding.cards[:CHOICES_MAX]]
    context = _shown(here) | _told_of(finding)
    context["typed"] = text.strip() if finding.asked == Asked.IDENTITY_NUMBER else ""
    return render(request, "workbench/bank_desk.html", context, status=422 if finding.is_empty else 200)


def _shown(here: Desk) -> dict[str, object]:
    return {
        "outlet": here.outlet,
        "stock": blanks_at(here.outlet.outlet_id) if here.outlet.issues_instantly else None,
        "agent_url": settings.DESK_AGENT_URL,
        "today": [(ACTS.get(act, act), times) for act, times in _today(here)],
    }


def _today(here: Desk) -> list[tuple[str, int]]:
    """What was done at this outlet today, by act."""
    counted = Counter[str]()
    for _by, act, times in totals(here.place, beijing_day(utc_now())):
        counted[act] += times
    return sorted(counted.items())


def _done(request: HttpRequest, here: Desk) -> dict[str, object]:
    """What the last act was, for the clerk to read and to open again."""
    try:
        act_id = UUID(request.GET.get("done", ""))
    except ValueError:
        return {}
    act = DeskAct.objects.filter(place=here.place, act_id=act_id).first()
    card = Card.objects.filter(card_id=act.card_id).first() if act is not None and act.card_id else None
    if act is None or card is None:
        return {}
    return {"done": act, "done_words": ACTS.get(act.act, act.act), "done_card": card, "done_holder": _holder(card)}


def _holder(card: Card) -> object:
    return masked_view(Person.objects.get(person_id=card.person_id))


def _told_of(finding: Finding) -> dict[str, object]:
    return {
        "finding": finding,
        "asked": ASKED[finding.asked],
        "error": NOTHING_FOUND[finding.asked] if finding.is_empty else "",
        "choices": [(card, _holder(card)) for card in finding.cards[:CHOICES_MAX]],
        "elsewhere": [elsewhere_words(found) for found in finding.elsewhere],
        "without_card": [
            (masked_view(person), application if application and application.state in OPEN_STATES else None)
            for person, application in finding.without_card
        ],
    }


@require_http_methods(["GET", "POST"])
def card(request: HttpRequest, card_id: int) -> HttpResponse:
    """One case: whose, masked; what is due now; and what else may be asked for."""
    here, at, error = desk_of(request), utc_now(), ""
    found = Card.objects.filter(card_id=card_id, bank_code=here.outlet.bank_id).first()
    if found is None:
        raise Http404
    if request.method == "POST":
        action = request.POST.get("action", "")
        if action not in Act:
            raise Http404
        act_id, document = number_in(request.POST.get("act_id", "")), request.POST.get("identity_number", "")
        try:
            do(Act(action), card_id, here, act_id=act_id, document=document, at=at)
            return redirect(f"{reverse('work:bank:desk')}?done={act_id}")
        except Refused as refused:
            error = told(refused)
            found.refresh_from_db()
    case = case_of(found, here, at=at)
    context = {
        "case": case,
        "card": found,
        "act_id": new_uuid7(),
        "due_words": DUES[case.due],
        "has_purse": has_purse(card_id),
        "steps": [(entry, ACTIONS[entry.action]) for entry in timeline(found.person_id)],
        "error": error,
    }
    return render(request, "workbench/bank_card.html", context, status=422 if error else 200)
