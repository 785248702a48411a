"""Collection: packets that a bank made ready, fetched by the unit, handed out against a signature, or given back.

Also the bank's own page, on which an outlet makes a unit's cards ready together.
"""

from dataclasses import dataclass
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.foundation.masks import masked_card_number
from yikatong.issuance.models import Card
from yikatong.registry.models import Organisation, Person
from yikatong.registry.selectors import PersonView
from yikatong.units.collecting import (
    PacketFigures,
    cards_in,
    fetch,
    give_back,
    hand_out,
    packet_of,
    packets_of,
    packets_prepared_at,
    prepare_packet,
    units_waiting_at,
)
from yikatong.units.models import PacketCard, PacketState
from yikatong.units.selectors import view_of
from yikatong.workbench.bank import outlet_of
from yikatong.workbench.unit import actor_of, bank_names, unit_of
from yikatong.workbench.unit_words import PACKET_STATES, told

PAGE_LENGTH = 50


@dataclass(frozen=True, slots=True)
class Held:
    """A card of a packet with its holder."""

    held: PacketCard
    holder: PersonView
    card_number: str


@require_safe
def collect(request: HttpRequest) -> HttpResponse:
    """All packets of the unit."""
    organisation = unit_of(request)
    names = bank_names()
    packets = packets_of(organisation.credit_code)
    context = {
        "organisation": organisation,
        "packets": [(f, names.get(f.packet.bank_code, ""), PACKET_STATES[f.packet.state]) for f in packets],
        "is_preparing": any(f.packet.state == PacketState.PREPARING for f in packets),
    }
    return render(request, "workbench/unit_collect.html", context)


@require_http_methods(["GET", "POST"])
def packet(request: HttpRequest, packet_id: UUID) -> HttpResponse:
    """One packet: record that it was fetched, then tick who signed, or whose card goes back."""
    organisation, figures = _packet_here(request, packet_id)
    error, refused_cards = "", dict[int, str]()
    if request.method == "POST":
        by, at, code = actor_of(request), utc_now(), organisation.credit_code
        ticked = [int(text) for text in request.POST.getlist("card") if text.isdecimal()]
        try:
            action = request.POST.get("action")
            if action == "fetch":
                fetch(code, packet_id, by=by, at=at)
            elif action == "hand_out":
                refused_cards = hand_out(code, packet_id, ticked, by=by, at=at)
            elif action == "give_back":
                refused_cards = give_back(code, packet_id, ticked, by=by, at=at)
            if not refused_cards:
                return redirect(request.get_full_path())
        except Refused as refused:
            error = told(refused)
    after = request.GET.get("after", "0")
    cards = cards_in(packet_id, after_number=int(after) if after.isdecimal() else 0, limit=PAGE_LENGTH)
    _, figures = _packet_here(request, packet_id)
    context = {
        "organisation": organisation,
        "figures": figures,
        "packet": figures.packet,
        "bank": bank_names().get(figures.packet.bank_code, ""),
        "state": PACKET_STATES[figures.packet.state],
        "rows": _held(cards),
        "next_after": cards[-1].number if len(cards) == PAGE_LENGTH else None,
        "refused_cards": [
            (number, refused_cards[card_id]) for card_id, number in _numbers(cards) if card_id in refused_cards
        ],
        "error": error,
    }
    return render(request, "workbench/unit_packet.html", context, status=422 if error or refused_cards else 200)


@require_safe
def signature_list(request: HttpRequest, packet_id: UUID) -> HttpResponse:
    """The list to print and sign, with full names. Opening it is recorded."""
    organisation, figures = _packet_here(request, packet_id)
    subject, by = f"packet:{packet_id}", actor_of(request)
    record("packet.signature_list_opened", subject=subject, by=by, at=utc_now(), unit=organisation.credit_code)
    context = {
        "organisation": organisation,
        "figures": figures,
        "packet": figures.packet,
        "bank": bank_names().get(figures.packet.bank_code, ""),
        "rows": _held([card for card in cards_in(packet_id) if card.returned_at is None], names_in_clear=True),
    }
    answer = render(request, "workbench/unit_signatures.html", context)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@require_http_methods(["GET", "POST"])
def packets_at_bank(request: HttpRequest) -> HttpResponse:
    """At the bank's outlet: whose cards wait for their unit, and what was made ready."""
    outlet = outlet_of(request)
    error = ""
    if request.method == "POST":
        by = Actor("clerk", request.user.get_username())
        try:
            organisation_code = request.POST.get("unit", "")
            prepare_packet(organisation_code, outlet_id=outlet.outlet_id, by=by, at=utc_now())
            return redirect("work:bank:units")
        except Refused as refused:
            error = told(refused)
    packets = packets_prepared_at(outlet.outlet_id)
    names = dict(
        Organisation.objects.filter(credit_code__in=[f.packet.organisation_code for f in packets]).values_list(
            "credit_code", "name"
        )
    )
    context = {
        "outlet": outlet,
        "waiting": units_waiting_at(outlet.bank_id),
        "packets": [(f, names[f.packet.organisation_code], PACKET_STATES[f.packet.state]) for f in packets],
        "is_preparing": any(f.packet.state == PacketState.PREPARING for f in packets),
        "error": error,
    }
    return render(request, "workbench/unit_packets_at_bank.html", context, status=422 if error else 200)


def _packet_here(request: HttpRequest, packet_id: UUID) -> tuple[Organisation, PacketFigures]:
    organisation = unit_of(request)
    figures = packet_of(organisation.credit_code, packet_id)
    if figures is None:
        raise Http404
    return organisation, figures


def _held(cards: list[PacketCard], *, names_in_clear: bool = False) -> list[Held]:
    persons = Person.objects.in_bulk([card.person_id for card in cards])
    numbers = dict(
        Card.objects.filter(card_id__in=[card.card_id for card in cards]).values_list("card_id", "card_number")
    )
    return [
        Held(
            card,
            view_of(persons[card.person_id], names_in_clear=names_in_clear),
            masked_card_number(numbers[card.card_id]),
        )
        for card in cards
    ]


def _numbers(cards: list[PacketCard]) -> list[tuple[int, int]]:
    return [(card.card_id, card.number) for card in cards]
