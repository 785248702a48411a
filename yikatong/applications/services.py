"""Applying for a card, for oneself or for another, through any channel.

A person's commands are serial: each takes the lock on the person's row before it looks at anything. An application whose
facts the register already proves is approved at once; there is no queue of people checking what a computer knows.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from yikatong.applications import hooks, rules
from yikatong.applications.models import Application, ApplicationState
from yikatong.applications.rules import Reason
from yikatong.applications.selectors import situation_of
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Outlet
from yikatong.city.rules import rules_at
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitApplication:
    """What a client sends. It makes ``application_id`` itself, so that sending twice is applying once."""

    application_id: UUID
    person_id: int
    acting_person_id: int | None
    kind: str
    channel: str
    bank_code: str
    collection: str
    outlet_id: str = ""
    address: str = ""
    organisation_code: str = ""

    def digest(self) -> bytes:
        """What tells a repeat from another application under the same id."""
        content = asdict(self) | {"application_id": str(self.application_id)}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()


def lock_person(person_id: int) -> Person:
    """Take the one lock of a person, for the rest of the transaction. Raises ``Refused`` (``PERSON_UNKNOWN``)."""
    person = Person.objects.select_for_update().filter(person_id=person_id).first()
    if person is None:
        raise Refused(Reason.PERSON_UNKNOWN, "登记簿中没有此人")
    return person


def submit(command: SubmitApplication, *, by: Actor, at: datetime) -> Application:
    """Take an application in and decide it. Repeating it returns the first; raises ``Refused`` with a ``rules.Reason``."""
    with transaction.atomic():
        person = lock_person(command.person_id)
        known = Application.objects.filter(person_id=command.person_id, application_id=command.application_id).first()
        if known is not None:
            if bytes(known.content_digest) != command.digest():
                raise Refused(Reason.ID_REUSED, "这份申请已经提交过，内容不同；请重新打开申请页面")
            return known
        today = beijing_day(at)
        programme = rules_at(today)
        situation = situation_of(person, acting_person_id=command.acting_person_id, on=today)
        outlet = Outlet.objects.filter(outlet_id=command.outlet_id).first() if command.outlet_id else None
        wish = rules.Wish(
            kind=command.kind,
            bank_code=command.bank_code,
            collection=command.collection,
            outlet_bank_code=outlet.bank_id if outlet else None,
            has_address=bool(command.address.strip()),
            organisation_code=command.organisation_code,
        )
        rules.check_application(wish, situation, programme)
        application = Application.objects.create(
            person_id=command.person_id,
            application_id=command.application_id,
            applicant_person_id=command.acting_person_id if command.acting_person_id != person.person_id else None,
            kind=command.kind,
            channel=command.channel,
            bank_code=command.bank_code,
            collection=command.collection,
            outlet_id=command.outlet_id if command.collection == "outlet" else "",
            address_sealed=field_cipher().seal("address", command.address) if command.address else None,
            organisation_code=command.organisation_code,
            content_digest=command.digest(),
            submitted_at=at,
            state_since=at,
            promised_by=rules.promised_by(command.kind, today, programme),
        )
        _record("application.submitted", application, by=by, at=at, channel=command.channel, bank=command.bank_code)
        move(application, ApplicationState.APPROVED, by=Actor.system("applications"), at=at)
        hooks.approved(application, at)
        return application


def cancel(person_id: int, application_id: UUID, *, by: Actor, at: datetime) -> Application:
    """Withdraw an application that is not in production yet. Repeating it changes nothing; raises ``Refused``."""
    with transaction.atomic():
        lock_person(person_id)
        application = Application.objects.get(person_id=person_id, application_id=application_id)
        if application.state != ApplicationState.CANCELLED:
            move(application, ApplicationState.CANCELLED, by=by, at=at)
        return application


def move(application: Application, state: ApplicationState, *, by: Actor, at: datetime) -> None:
    """Take an application one step further, inside the caller's transaction. Raises ``Refused`` (``STATE_FORBIDS``)."""
    rules.check_step(application.state, state)
    application.state = state
    application.state_since = at
    application.save(update_fields=["state", "state_since"])
    _record(f"application.{state}", application, by=by, at=at)


def _record(action: str, application: Application, *, by: Actor, at: datetime, **details: object) -> None:
    record(
        action,
        subject=f"application:{application.application_id}",
        by=by,
        at=at,
        person_id=application.person_id,
        **details,
    )
