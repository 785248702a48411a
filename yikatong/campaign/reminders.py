"""After the invitation: a message the day before an appointment, one when a card has come to its outlet, and who did not come.

Messages go out as those of ``invitations`` do: sent and noted in one transaction, so that none is lost and a second one can only
come from a worker that died between the two. It invites nobody.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from yikatong.accounts import messages
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.audit.services import record
from yikatong.banks.models import Outlet
from yikatong.campaign.appointments import NotBooked, Reason, end
from yikatong.campaign.halves import HALVES, is_over
from yikatong.campaign.invitations import RETRY_AFTER, addressee_of, is_time_to_send, raise_if_database_is_gone
from yikatong.campaign.models import Appointment, AppointmentState
from yikatong.campaign.wording import ready_text, reminder_text, salutation
from yikatong.foundation.clock import beijing_day
from yikatong.issuance.models import Card, CardState
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view, find_person

log = logging.getLogger(__name__)

_BY = Actor.system("reminders")
_NO_SHOWS_AT_ONCE = 1_000


def remind_due(*, at: datetime, most: int) -> int:
    """Remind those who have an appointment tomorrow, each once, nobody outside the hours; how many messages went out.

    What failed waits a while and stands behind whoever was not tried yet.
    """
    if not is_time_to_send(at):
        return 0
    due = Appointment.objects.filter(
        Q(reminder_tried_at=None) | Q(reminder_tried_at__lte=at - RETRY_AFTER),
        day=beijing_day(at) + timedelta(days=1),
        state=AppointmentState.KEPT,
        reminded_at=None,
    ).order_by(F("reminder_tried_at").asc(nulls_first=True), "person_id")[:most]
    return sum(_tried(appointment, at) for appointment in list(due))


def _tried(appointment: Appointment, at: datetime) -> bool:
    """Whether this one was reminded. One that nobody foresaw must not keep all others waiting."""
    try:
        return _remind(appointment, at)
    except Exception as error:  # a provider raises what it likes
        raise_if_database_is_gone(error)
        log.warning("a reminder was not sent: %s", type(error).__name__)
        Appointment.objects.filter(pk=appointment.pk).update(reminder_tried_at=at)
        return False


def _remind(found: Appointment, at: datetime) -> bool:
    with transaction.atomic():
        rows = Appointment.objects.select_for_update(skip_locked=True).filter(
            person_id=found.person_id,
            appointment_id=found.appointment_id,
            state=AppointmentState.KEPT,
            reminded_at=None,
        )
        appointment = rows.first()
        person = find_person(found.person_id)
        if appointment is None:
            return False
        if person is None:
            raise LookupError(f"appointment {found.appointment_id} is of a person whom the register does not know")
        outlet = Outlet.objects.get(outlet_id=appointment.outlet_id)
        addressee = addressee_of(person, at)
        if addressee is not None:
            text = reminder_text(
                to=_salutation(addressee),
                day=appointment.day,
                half=appointment.half,
                outlet=outlet.name,
                address=settings.PORTAL_ADDRESS,
                is_for_ward=addressee.person_id != person.person_id,
                is_kept_for=appointment.kind == "invited" and appointment.confirmed_at is None,
            )
            messages.send(clear_view(addressee).phone, text, person_id=addressee.person_id, kind="reminder")
            subject = f"appointment:{appointment.appointment_id}"
            record("appointment.reminded", subject=subject, by=_BY, at=at, person_id=person.person_id)
        appointment.reminded_at = at  # without a phone too: nothing would change by looking again
        appointment.save(update_fields=["reminded_at"])
    return addressee is not None


def tell_ready(card_id: int, *, at: datetime) -> bool:
    """Tell whose card has come to its outlet, once, if it is waiting there still; whether a message went out now."""
    with transaction.atomic():
        card = (
            Card.objects.select_for_update()
            .filter(card_id=card_id, state=CardState.READY)
            .exclude(outlet_id="")
            .first()
        )
        person = find_person(card.person_id) if card is not None else None
        subject = f"card:{card_id}"
        if (
            card is None
            or person is None
            or AuditEvent.objects.filter(subject=subject, action="card.announced").exists()
        ):
            return False
        addressee = addressee_of(person, at)
        if addressee is None:
            return False
        outlet = Outlet.objects.get(outlet_id=card.outlet_id)
        text = ready_text(to=_salutation(addressee), outlet=outlet.name, address=settings.PORTAL_ADDRESS)
        messages.send(clear_view(addressee).phone, text, person_id=addressee.person_id, kind="ready")
        record("card.announced", subject=subject, by=_BY, at=at, person_id=card.person_id)
    return True


def mark_no_shows(*, at: datetime) -> int:
    """Whoever has not been served by the end of their half-day did not come; how many that are. Safe to repeat."""
    today = beijing_day(at)
    over = [half for half in HALVES if is_over(today, half, at)]
    marked = 0
    for days in ({"day__lt": today}, {"day": today, "half__in": over}):
        while rows := list(Appointment.objects.filter(state=AppointmentState.KEPT, **days)[:_NO_SHOWS_AT_ONCE]):
            done = sum(_did_not_come(row, at) for row in rows)
            marked += done
            if not done:
                break
    return marked


def _did_not_come(appointment: Appointment, at: datetime) -> bool:
    try:
        end(appointment.person_id, appointment.appointment_id, state="no_show", by=_BY, at=at)
    except NotBooked as refused:
        if refused.reason not in {Reason.ENDED, Reason.BUSY}:
            raise
        return False
    return True


def _salutation(person: Person) -> str:
    return salutation(clear_view(person).name, person.sex)
