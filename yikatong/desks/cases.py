"""A card as a desk sees it: whose it is, what is due, where else to go. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from yikatong.banks.models import Bank, Outlet
from yikatong.desks.finding import Desk, Elsewhere
from yikatong.desks.rules import CardAtDesk, Due, due_for
from yikatong.foundation.clock import age_years, beijing_day
from yikatong.issuance.counter import can_be_made_at, is_made_at
from yikatong.issuance.lifecycle import application_behind, snapshot
from yikatong.issuance.models import Card
from yikatong.issuance.rules import is_reported_lost
from yikatong.issuance.selectors import cards_of
from yikatong.registry.models import Person
from yikatong.registry.selectors import PersonView, guardians_of, masked_view

ADULT_AGE_YEARS = 18


@dataclass(frozen=True, slots=True)
class Case:
    """One card with its holder, masked, and what is to be done."""

    card: Card
    person: Person
    holder: PersonView
    due: Due
    is_minor: bool
    guardians: tuple[PersonView, ...]
    is_pre_reported: bool
    can_be_made_here: bool
    was_made_here: bool
    older: Card | None
    newer: Card | None
    where: str


def case_of(card: Card, desk: Desk, *, at: datetime) -> Case:
    """Everything the page of a case shows."""
    person = Person.objects.get(person_id=card.person_id)
    today = beijing_day(at)
    others = [other for other in cards_of(person.person_id) if other.card_id != card.card_id]
    is_minor = age_years(person.birth_date, today) < ADULT_AGE_YEARS
    is_formal = card.reported_lost_at is not None
    return Case(
        card=card,
        person=person,
        holder=masked_view(person),
        due=due_of(card, desk, at=at),
        is_minor=is_minor,
        guardians=tuple(masked_view(one) for one in guardians_of(person.person_id, today)) if is_minor else (),
        is_pre_reported=not is_formal and is_reported_lost(snapshot(card), at),
        can_be_made_here=can_be_made_at(card, desk.outlet),
        was_made_here=is_made_at(card, desk.outlet.outlet_id),
        older=next((other for other in others if other.social_state == "active"), None),
        newer=next((other for other in others if other.card_id > card.card_id and other.generation == 3), None),
        where=outlet_words(card.outlet_id),
    )


def due_of(card: Card, desk: Desk, *, at: datetime) -> Due:
    """What is due for this card at this desk."""
    application = application_behind(card)
    is_lost = is_reported_lost(snapshot(card), at)
    return due_for(
        CardAtDesk(
            state=card.state,
            social_state=card.social_state,
            is_financially_active=card.is_financially_active,
            is_pre_reported_lost=is_lost and card.reported_lost_at is None,
            is_reported_lost=is_lost and card.reported_lost_at is not None,
            collection=application.collection if application else "",
            is_of_this_outlet=card.outlet_id == desk.outlet.outlet_id,
            can_be_made_here=can_be_made_at(card, desk.outlet),
            is_walk_in=application is not None and application.channel == "outlet",
        )
    )


def elsewhere_words(found: Elsewhere) -> tuple[str, str]:
    """The bank's name and the outlet's, as the person is to be told."""
    bank = Bank.objects.filter(code=found.bank_code).first()
    return (bank.name_zh if bank else found.bank_code), outlet_words(found.outlet_id)


def outlet_words(outlet_id: str) -> str:
    """An outlet's name; empty for none."""
    outlet = Outlet.objects.filter(outlet_id=outlet_id).first() if outlet_id else None
    return outlet.name if outlet else ""
