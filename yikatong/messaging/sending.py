"""Sending a dispatch, so many a minute, in the hours in which messages go out.

As for invitations nobody is left out, and nobody is told twice but for one case: sending and the note of it are one
transaction, so a worker that dies between the two sends that one message again, with the same key, by which a provider that knows
keys recognises it. Minors hear through a guardian; one text goes to one phone once, however many children it is about.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from yikatong.accounts import messages
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.campaign.invitations import (
    ATTEMPTS_MAX,
    RETRY_AFTER,
    addressee_of,
    is_time_to_send,
    raise_if_database_is_gone,
)
from yikatong.campaign.wording import SIGNATURE, salutation
from yikatong.foundation.clock import beijing_day
from yikatong.messaging.audience import Audience
from yikatong.messaging.models import Delivery, DeliveryState, Dispatch, DispatchState, TemplateVersion
from yikatong.messaging.rules import filled_in
from yikatong.messaging.template_store import sample_values
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.selectors import clear_view

log = logging.getLogger(__name__)
_BY = Actor.system("messaging")
_LOOK_WHETHER_STOPPED_EVERY = 10
_MINUTE = timedelta(minutes=1)

_BEGIN = """
insert into messaging_delivery (person_id, dispatch_id, state, attempts, state_since)
values (%(person_id)s, %(dispatch_id)s, 'retry', 0, %(at)s)
on conflict (person_id, dispatch_id) do update set attempts = messaging_delivery.attempts
where messaging_delivery.state = 'retry'
returning attempts
"""


@dataclass(frozen=True, slots=True)
class Wording:
    """One version's texts as one person gets them; ``english`` is kept beside for the resident's page."""

    chinese: str
    english: str


def worded(version: TemplateVersion, person: Person, addressee: Person) -> Wording:
    """What an addressee is told about a person."""
    is_self = addressee.person_id == person.person_id
    chinese, english = sample_values(), sample_values(english=True)
    chinese |= {
        "salutation": salutation(clear_view(addressee).name, addressee.sex),
        "who": "您" if is_self else "您的孩子",
    }
    english |= {"who": "you" if is_self else "your child"}
    return Wording(SIGNATURE + filled_in(version.chinese, chinese), filled_in(version.english, english))


def send_some(dispatch: Dispatch, *, at: datetime) -> int:
    """Send what a dispatch may send by now; how many persons were dealt with. May be killed, and run again."""
    most = _allowed(dispatch, at)
    if most < 1 or not is_time_to_send(at):
        return 0
    version = TemplateVersion.objects.get(template_id=dispatch.template_id, version=dispatch.version)
    people = _next_people(dispatch, most, at)
    done = 0
    for number, person in enumerate(people):
        if number % _LOOK_WHETHER_STOPPED_EVERY == 0 and not _is_sending(dispatch):
            return done
        _deal_with(dispatch, version, person, at)
        done += 1
    _note_progress(dispatch, people, at)
    return done


def _allowed(dispatch: Dispatch, at: datetime) -> int:
    """So many a minute, however often this is called."""
    if dispatch.last_batch_at is None:
        return dispatch.per_minute
    return int(dispatch.per_minute * min((at - dispatch.last_batch_at) / _MINUTE, 1.0))


def _next_people(dispatch: Dispatch, most: int, at: datetime) -> list[Person]:
    """The next by number; at the end those whose message failed and who have waited."""
    if not dispatch.is_read_through:
        everybody = Audience.of(dispatch.audience).people(beijing_day(dispatch.counted_at or at))
        people = list(everybody.filter(person_id__gt=dispatch.after_person_id).order_by("person_id")[:most])
        if people:
            return people
    waiting = Delivery.objects.filter(
        dispatch_id=dispatch.dispatch_id, state=DeliveryState.RETRY, state_since__lte=at - RETRY_AFTER
    ).order_by("person_id")[:most]
    return list(Person.objects.filter(person_id__in=[each.person_id for each in waiting]).order_by("person_id"))


def _is_sending(dispatch: Dispatch) -> bool:
    return Dispatch.objects.filter(pk=dispatch.pk, state=DispatchState.SENDING).exists()


def _deal_with(dispatch: Dispatch, version: TemplateVersion, person: Person, at: datetime) -> None:
    try:
        with transaction.atomic():
            _tell(dispatch, version, person, at)
    except Exception as error:  # a provider raises what it likes
        raise_if_database_is_gone(error)
        log.warning("a message of dispatch %s was not sent: %s", dispatch.dispatch_id, type(error).__name__)
        _note_failure(dispatch, person, at)


def _tell(dispatch: Dispatch, version: TemplateVersion, person: Person, at: datetime) -> None:
    """Whoever comes second waits at the row's key and finds it dealt with."""
    key: dict[str, Any] = {"person_id": person.person_id, "dispatch_id": dispatch.dispatch_id}
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, {**key, "at": at})
        if cursor.fetchone() is None:
            return
    addressee = addressee_of(person, at)
    if addressee is None:
        Delivery.objects.filter(**key).update(state=DeliveryState.UNREACHABLE, state_since=at)
        return
    wording, phone = worded(version, person, addressee), clear_view(addressee).phone
    told = field_cipher().blind_index("told", f"{phone}|{wording.chinese}")
    same = Delivery.objects.filter(dispatch_id=dispatch.dispatch_id, told_index=told, state=DeliveryState.SENT)
    is_same = same.exists()
    if not is_same:
        messages.send(
            phone,
            wording.chinese,
            person_id=addressee.person_id,
            english=wording.english,
            key=f"{dispatch.dispatch_id}-{person.person_id}",
        )
    Delivery.objects.filter(**key).update(
        state=DeliveryState.SAME if is_same else DeliveryState.SENT,
        addressee_person_id=addressee.person_id,
        told_index=told,
        state_since=at,
    )


def _note_failure(dispatch: Dispatch, person: Person, at: datetime) -> None:
    key: dict[str, Any] = {"person_id": person.person_id, "dispatch_id": dispatch.dispatch_id}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_BEGIN, {**key, "at": at})
        Delivery.objects.filter(**key, state=DeliveryState.RETRY).update(attempts=F("attempts") + 1, state_since=at)
        Delivery.objects.filter(**key, state=DeliveryState.RETRY, attempts__gte=ATTEMPTS_MAX).update(
            state=DeliveryState.FAILED
        )


def _note_progress(dispatch: Dispatch, people: list[Person], at: datetime) -> None:
    with transaction.atomic():
        row = Dispatch.objects.select_for_update().get(pk=dispatch.pk)
        row.last_batch_at = at
        if not row.is_read_through and people and people[-1].person_id > row.after_person_id:
            row.after_person_id = people[-1].person_id
        everybody = Audience.of(row.audience).people(beijing_day(row.counted_at or at))
        if not row.is_read_through:
            row.is_read_through = not everybody.filter(person_id__gt=row.after_person_id).exists()
        retried = Delivery.objects.filter(dispatch_id=row.dispatch_id, state=DeliveryState.RETRY).exists()
        if row.state == DispatchState.SENDING and row.is_read_through and not retried:
            row.state, row.state_since = DispatchState.DONE, at
            record("dispatch.done", subject=f"dispatch:{row.dispatch_id}", by=_BY, at=at)
        row.save()
