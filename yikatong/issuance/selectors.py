"""Reading cards: a person's, one by its number, those waiting at an outlet, and the story of a card."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import QuerySet

from yikatong.applications.selectors import CardsHeld
from yikatong.audit.models import AuditEvent
from yikatong.issuance.models import Card, CardDirectory, CardState, RevokedCertificate
from yikatong.issuance.rules import THIRD_GENERATION
from yikatong.queries.prepared import prepared


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One step of a card's story. ``action`` is the audit trail's name of it."""

    at: datetime
    action: str
    subject: str


_IN_DOUBT = """
select p.person_id, d.card_id
from registry_person p
join issuance_card_directory d on d.key = 'number:' || p.older_card_number
where p.older_card_generation is not null
    and not exists (select from issuance_card c where c.person_id = p.person_id
        and (c.generation < 3 or c.activated_at is not null))
order by p.person_id
limit %(limit)s
"""
_TOLD = (
    "application.submitted",
    "application.approved",
    "application.cancelled",
    "card.made",
    "card.ready",
    "card.collected",
    "card.activated",
    "card.financially_activated",
    "card.pre_reported_lost",
    "card.pre_report_withdrawn",
    "card.pre_report_lapsed",
    "card.reported_lost",
    "card.social_function_ended",
)


def cards_of(person_id: int) -> list[Card]:
    """A person's cards of all generations, newest first."""
    return cards_of_all([person_id])


@prepared
def cards_of_all(person_ids: Sequence[int]) -> QuerySet[Card]:
    """The cards of several people, newest first; certificates are read when asked for."""
    return Card.objects.filter(person_id__in=person_ids).order_by("-card_id").defer("certificate_der")


def card_by_number(number: str) -> Card | None:
    """The card with a number printed on it."""
    entry = CardDirectory.objects.filter(key=f"number:{number.strip().upper()}").first()
    return Card.objects.filter(card_id=entry.card_id).first() if entry else None


def find_ready_cards(outlet_id: str, *, after_card_id: int = 0, limit: int = 50) -> list[Card]:
    """Cards waiting at an outlet, in the order they were made, a page at a time."""
    waiting = Card.objects.filter(outlet_id=outlet_id, state=CardState.READY, card_id__gt=after_card_id)
    return list(waiting.order_by("card_id")[:limit])


def find_made_cards(outlet_id: str, *, after_card_id: int = 0, limit: int = 50) -> list[Card]:
    """Cards made for an outlet that have not arrived yet."""
    made = Card.objects.filter(outlet_id=outlet_id, state=CardState.MADE, card_id__gt=after_card_id)
    return list(made.order_by("card_id")[:limit])


def cards_held(person_id: int) -> CardsHeld:
    """What matters of a person's cards when they apply for one."""
    cards = [card for card in cards_of(person_id) if card.generation == THIRD_GENERATION]
    alive = [card for card in cards if card.state != CardState.CANCELLED]
    return CardsHeld(
        third_generation=bool(alive),
        lost_third_generation=not alive and any(card.reported_lost_at for card in cards),
        ever_third_generation=bool(cards),
    )


def timeline(person_id: int) -> list[TimelineEntry]:
    """What happened to a person's applications and cards, oldest first."""
    return timelines([person_id])[person_id]


def timelines(person_ids: Sequence[int]) -> dict[int, list[TimelineEntry]]:
    """The same for several people, in one query."""
    told: dict[int, list[TimelineEntry]] = {person_id: [] for person_id in person_ids}
    for person_id, at, action, subject in _told_of(list(person_ids)):
        if person_id is not None:
            told[person_id].append(TimelineEntry(at, action, subject))
    return told


@prepared
def _told_of(person_ids: Sequence[int]) -> QuerySet[AuditEvent, tuple[int | None, datetime, str, str]]:
    events = AuditEvent.objects.filter(person_id__in=person_ids, action__in=_TOLD).order_by("event_id")
    return events.values_list("person_id", "at", "action", "subject")


def older_cards_in_doubt(*, limit: int = 50) -> list[tuple[int, int]]:
    """Persons without the older card the register says they hold, and the card that bears its number instead."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_DOUBT, {"limit": limit})
        return [(person_id, card_id) for person_id, card_id in cursor.fetchall()]


def revoked_chip_certificates() -> list[tuple[int, datetime]]:
    """Serial number and moment of every chip's certificate that is believed no more, as ``x509.issue_crl`` takes them."""
    revoked = RevokedCertificate.objects.order_by("revoked_at", "serial_hex").values_list("serial_hex", "revoked_at")
    return [(int(serial_hex, 16), at) for serial_hex, at in revoked]
