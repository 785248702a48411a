"""What an application at the counter and a card's own life mean for an appointment: wired to their hooks in ``config``.

Called in the transaction of the deed, so it never stops it: whoever stands at the counter gets the card even when an appointment
cannot be touched just then.
"""

import logging
from datetime import datetime
from typing import Literal

from yikatong.applications.models import Application
from yikatong.audit.actors import Actor
from yikatong.campaign.appointments import NotBooked, end, kept_by
from yikatong.campaign.invitations import is_time_to_send, next_hour_to_send
from yikatong.campaign.reminders import tell_ready
from yikatong.foundation.clock import beijing_day
from yikatong.issuance.counter import is_made_at
from yikatong.issuance.models import Card, CardState
from yikatong.issuance.rules import THIRD_GENERATION

log = logging.getLogger(__name__)
_BY = Actor.system("appointments")


def follow_card(card: Card, at: datetime) -> None:
    """A card that has come to its outlet is announced; one that was handed over needs no appointment any more.

    Nor does one that was made at the counter: its holder is standing there.
    """
    if card.generation != THIRD_GENERATION:
        return
    if card.state == CardState.READY and card.outlet_id:
        _announce(card, at)
        if is_made_at(card, card.outlet_id):
            _finish(card.person_id, at)
    elif card.state == CardState.COLLECTED:
        _finish(card.person_id, at)


def follow_application(application: Application, at: datetime) -> None:
    """Whoever applied at the counter came, even when the card is made later and elsewhere."""
    if application.channel == "outlet":
        _finish(application.person_id, at)


def announce_due(card_id: int, *, at: datetime) -> bool:
    """What the worker runs: ``tell_ready``, but a retry or a late worker outside the hours waits for the next of them."""
    if is_time_to_send(at):
        return tell_ready(card_id, at=at)
    card = Card.objects.filter(card_id=card_id).first()
    if card is not None:
        _announce(card, at)
    return False


def _announce(card: Card, at: datetime) -> None:
    from yikatong.campaign.tasks_invitations import tell_ready_task  # it imports what hooks of the same start need

    tell_ready_task.configure(lock=f"person:{card.person_id}", schedule_at=next_hour_to_send(at)).defer(
        card_id=card.card_id
    )


def _finish(person_id: int, at: datetime) -> None:
    """Served today, or earlier than agreed; then the place is free for somebody else."""
    kept = kept_by(person_id)
    if kept is None:
        return
    state: Literal["done", "cancelled"] = "done" if kept.day <= beijing_day(at) else "cancelled"
    try:
        end(person_id, kept.appointment_id, state=state, by=_BY, at=at)
    except NotBooked as refused:
        log.warning("appointment %s was left as it is: %s", kept.appointment_id, refused.reason)
