"""A message before a pre-report of loss lapses: after that the card works again, whoever holds it. Once for each pre-report.

Sent and noted in one transaction, as those of ``reminders`` are. It lifts nothing: see ``issuance.lifecycle``.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from yikatong.accounts import messages
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.audit.services import record
from yikatong.campaign.invitations import addressee_of, is_time_to_send, raise_if_database_is_gone
from yikatong.campaign.wording import lapse_text, salutation
from yikatong.city.rules import rules_at
from yikatong.foundation.clock import beijing_day
from yikatong.issuance.lifecycle import lock_card
from yikatong.issuance.models import Card
from yikatong.registry.selectors import clear_view

log = logging.getLogger(__name__)
REMINDED = "card.lapse_reminded"
_BY = Actor.system("reminders")


def remind_of_lapse(*, at: datetime, most: int) -> int:
    """Remind those whose pre-report ends soon, in the hours in which messages go out; how many went out.

    How soon: ``pre_report_reminder_before_lapse_h``.
    """
    if not is_time_to_send(at):
        return 0
    due = _ending(at).order_by("pre_report_lapses_at", "card_id").values_list("card_id", flat=True)[:most]
    return sum(_tried(card_id, at) for card_id in list(due))


def _ending(at: datetime) -> QuerySet[Card]:
    soon = at + timedelta(hours=rules_at(beijing_day(at)).limits.pre_report_reminder_before_lapse_h)
    subject = Concat(Value("card:"), Cast(OuterRef("card_id"), CharField()))
    told = AuditEvent.objects.filter(subject=subject, action=REMINDED, at__gte=OuterRef("pre_reported_lost_at"))
    return Card.objects.filter(
        ~Exists(told), pre_report_lapses_at__gt=at, pre_report_lapses_at__lte=soon, reported_lost_at=None
    )


def _tried(card_id: int, at: datetime) -> bool:
    """Whether this one was reminded. One that nobody foresaw must not keep all others waiting."""
    try:
        return _remind(card_id, at)
    except Exception as error:  # a provider raises what it likes
        raise_if_database_is_gone(error)
        log.warning("a reminder of a lapsing pre-report was not sent: %s", type(error).__name__)
        return False


def _remind(card_id: int, at: datetime) -> bool:
    with transaction.atomic():
        person, card = lock_card(card_id)
        if card.pre_report_lapses_at is None or not _ending(at).filter(card_id=card_id).exists():
            return False
        addressee = addressee_of(person, at)
        if addressee is not None:
            view = clear_view(addressee)
            text = lapse_text(
                to=salutation(view.name, addressee.sex),
                lapses_at=card.pre_report_lapses_at,
                address=settings.PORTAL_ADDRESS,
                is_for_ward=addressee.person_id != person.person_id,
            )
            messages.send(view.phone, text)
        is_sent = addressee is not None  # without a phone too: nothing would change by looking again
        record(REMINDED, subject=f"card:{card_id}", by=_BY, at=at, person_id=person.person_id, is_sent=is_sent)
    return is_sent
