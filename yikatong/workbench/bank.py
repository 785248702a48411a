"""The bank clerk's desk: find a card, take it in, hand it over, switch the bank function on."""

from dataclasses import dataclass
from enum import StrEnum

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.accounts.models import User
from yikatong.audit.actors import Actor
from yikatong.banks.models import Outlet
from yikatong.delegation.rules import Act
from yikatong.delegation.selectors import delegate_ids_of
from yikatong.foundation.clock import age_years, beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.issuance import services
from yikatong.issuance.counter import can_be_made_at, is_made_at
from yikatong.issuance.lifecycle import snapshot
from yikatong.issuance.models import Card
from yikatong.issuance.rules import is_reported_lost
from yikatong.issuance.selectors import card_by_number, cards_of, find_made_cards, find_ready_cards, timeline
from yikatong.issuance.stock import stock_at
from yikatong.registry.models import Person
from yikatong.registry.selectors import (
    PersonView,
    clear_view,
    find_person_by_identity_number,
    find_person_by_phone,
    guardians_of,
    masked_view,
)
from yikatong.workbench.words import ACTIONS, refusal_text

PAGE_LENGTH = 20


class DeskRefusal(StrEnum):
    """What the desk itself refuses, before any service is asked."""

    DOCUMENT_DIFFERS = "document_differs"
    DOCUMENT_UNKNOWN = "document_unknown"
    GUARDIAN_MISSING = "guardian_missing"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Case:
    """A card with its holder, masked."""

    card: Card
    holder: PersonView


def outlet_of(request: HttpRequest) -> Outlet:
    """The outlet at which the clerk works. Raises ``Http404``."""
    user = request.user
    outlet = Outlet.objects.filter(outlet_id=user.outlet_id).first() if isinstance(user, User) else None
    if outlet is None:
        raise Http404
    return outlet


def _cases(cards: list[Card]) -> list[Case]:
    persons = Person.objects.in_bulk([card.person_id for card in cards])
    return [Case(card, masked_view(persons[card.person_id])) for card in cards]


@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    """Search, and the two lists of this outlet: to take in, to hand over."""
    outlet = outlet_of(request)
    query = request.GET.get("q", "").strip()
    after = request.GET.get("after", "0")
    after_card_id = int(after) if after.isdecimal() else 0
    made = find_made_cards(outlet.outlet_id, limit=PAGE_LENGTH)
    stock = stock_at(outlet.outlet_id) if outlet.issues_instantly else None
    ready = find_ready_cards(outlet.outlet_id, after_card_id=after_card_id, limit=PAGE_LENGTH)
    context = {
        "outlet": outlet,
        "query": query,
        "found": _cases(_search(query, outlet)) if query else None,
        "made": _cases(made),
        "ready": _cases(ready),
        "stock": stock,
        "next_after": ready[-1].card_id if len(ready) == PAGE_LENGTH else None,
    }
    return render(request, "workbench/bank_desk.html", context)


def _search(query: str, outlet: Outlet) -> list[Card]:
    """By card number, identity number or phone; only this bank's cards are shown."""
    by_number = card_by_number(query)
    persons = find_person_by_phone(query)
    by_identity = find_person_by_identity_number(query)
    if by_identity is not None:
        persons = [by_identity]
    cards = [by_number] if by_number else [card for person in persons for card in cards_of(person.person_id)]
    return [card for card in cards if card.bank_code == outlet.bank_id]


@require_http_methods(["GET", "POST"])
def card(request: HttpRequest, card_id: int) -> HttpResponse:
    """One card: what stands, and the step that comes next."""
    outlet = outlet_of(request)
    found = Card.objects.filter(card_id=card_id, bank_code=outlet.bank_id).first()
    if found is None:
        raise Http404
    person = Person.objects.get(person_id=found.person_id)
    at = utc_now()
    error = ""
    if request.method == "POST":
        try:
            _act(request, found, person)
            return redirect("work:bank:card", card_id=card_id)
        except Refused as refused:
            error = refusal_text(refused.reason, str(refused))
    guardians = guardians_of(person.person_id, beijing_day(at))
    context = {
        "card": found,
        "holder": clear_view(person),
        "is_minor": age_years(person.birth_date, beijing_day(at)) < 18,
        "guardians": [masked_view(guardian) for guardian in guardians],
        "is_lost": is_reported_lost(snapshot(found), at),
        "can_be_made_here": can_be_made_at(found, outlet),
        "was_made_here": is_made_at(found, outlet.outlet_id),
        "steps": [(entry, ACTIONS[entry.action]) for entry in timeline(person.person_id)],
        "error": error,
    }
    return render(request, "workbench/bank_card.html", context, status=422 if error else 200)


def _act(request: HttpRequest, found: Card, person: Person) -> None:
    """Do what the clerk pressed. Raises ``Refused``."""
    at = utc_now()
    by = Actor("clerk", request.user.get_username())
    action = request.POST.get("action")
    if action == "receive":
        services.mark_ready(found.card_id, by=by, at=at)
        return
    shown = request.POST.get("identity_number", "").strip().upper()
    presented = find_person_by_identity_number(shown)
    guardian_ids = {guardian.person_id for guardian in guardians_of(person.person_id, beijing_day(at))}
    is_guardian = presented is not None and presented.person_id in guardian_ids
    may_collect = (
        delegate_ids_of(person.person_id, Act.COLLECT, beijing_day(at)) if action == "hand_over" else frozenset()
    )
    is_agent = presented is not None and presented.person_id in may_collect
    if presented is None or (presented.person_id != person.person_id and not is_guardian and not is_agent):
        raise Refused(DeskRefusal.DOCUMENT_DIFFERS, _("证件号码与持卡人或监护人不符，请核对证件。"))
    if action in {"hand_over", "hand_over_and_activate"}:
        guardian_id = presented.person_id if is_guardian else None
        agent_id = presented.person_id if is_agent and not is_guardian else None
        services.hand_over(found.card_id, by=by, at=at, guardian_person_id=guardian_id, agent_person_id=agent_id)
    if action in {"activate_financial", "hand_over_and_activate"}:
        services.activate_financial_function(
            found.card_id, bank_code=found.bank_code, by=by, at=at, acting_person_id=presented.person_id
        )
