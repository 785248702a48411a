"""Applying for a card, for oneself or for another, through any channel.

A person's commands are serial: each takes the lock on the person's row before it looks at anything. An application whose
facts the register already proves is approved at once; there is no queue of people checking what a computer knows.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction

from yikatong.applications import hooks, rules
from yikatong.applications.models import Application, ApplicationState, Draft
from yikatong.applications.receipts import send_receipt
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
    """What a client sends. It makes ``application_id`` itself, so that sending twice is applying once.

    An id belongs to one person's application; another person's may bear the same without harm. ``acting_person_id``: who
    applies, ``None`` when staff have the applicant before them; a resident always acts as themselves.
    """

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
        """What tells a repeat from another application under the same id: 16 bytes, keyed, as an address is in it."""
        content = asdict(self) | {"application_id": str(self.application_id)}
        return field_cipher().blind_index("application", json.dumps(content, sort_keys=True))


def lock_person(person_id: int) -> Person:
    """Take the one lock of a person, for the rest of the transaction. Raises ``Refused`` (``PERSON_UNKNOWN``)."""
    person = Person.objects.select_for_update().filter(person_id=person_id).first()
    if person is None:
        raise Refused(Reason.PERSON_UNKNOWN, "登记簿中没有此人")
    return person


def acting_person(by: Actor, acting_person_id: int | None) -> int | None:
    """Who acts: a resident is never anybody else than themselves, whatever a page passed on. Raises ``Refused``."""
    if by.kind != "resident":
        return acting_person_id
    if acting_person_id is not None and by.name != str(acting_person_id):
        raise Refused(Reason.NOT_ALLOWED_TO_ACT, "只能以本人的身份办理，请重新登录")
    return int(by.name)


def submit(command: SubmitApplication, *, by: Actor, at: datetime) -> Application:
    """Take an application in and decide it. Repeating it returns the first; raises ``Refused`` with a ``rules.Reason``."""
    acting = acting_person(by, command.acting_person_id)
    with transaction.atomic():
        person = lock_person(command.person_id)
        known = Application.objects.filter(person_id=command.person_id, application_id=command.application_id).first()
        if known is not None:
            if bytes(known.content_digest) != command.digest():
                raise Refused(Reason.ID_REUSED, "这份申请已经提交过，内容不同；请重新打开申请页面")
            return known
        today = beijing_day(at)
        programme = rules_at(today)
        situation = situation_of(person, acting_person_id=acting, on=today)
        rules.check_application(_wish(command), situation, programme)
        application = Application.objects.create(
            person_id=command.person_id,
            application_id=command.application_id,
            applicant_person_id=acting if acting != person.person_id else None,
            kind=command.kind,
            channel=command.channel,
            bank_code=command.bank_code,
            collection=command.collection,
            outlet_id=command.outlet_id if command.collection == "outlet" else "",
            address_sealed=_sealed_address(command),
            organisation_code=command.organisation_code,
            content_digest=command.digest(),
            submitted_at=at,
            state_since=at,
            promised_by=rules.promised_by(command.kind, today, programme),
        )
        _record("application.submitted", application, by=by, at=at, channel=command.channel, bank=command.bank_code)
        move(application, ApplicationState.APPROVED, by=Actor.system("applications"), at=at)
        hooks.approved(application, at)
        Draft.objects.filter(person_id=person.person_id).delete()
        if command.channel == "web":
            told = acting if acting is not None else person.person_id
            transaction.on_commit(partial(send_receipt, told, application), robust=True)
        return application


def _wish(command: SubmitApplication) -> rules.Wish:
    outlet = Outlet.objects.filter(outlet_id=command.outlet_id).first() if command.outlet_id else None
    return rules.Wish(
        kind=command.kind,
        channel=command.channel,
        bank_code=command.bank_code,
        collection=command.collection,
        outlet_bank_code=outlet.bank_id if outlet else None,
        has_address=bool(command.address.strip()),
        organisation_code=command.organisation_code,
    )


def _sealed_address(command: SubmitApplication) -> bytes | None:
    """Only what is needed is kept: an address typed before choosing an outlet is not."""
    return field_cipher().seal("address", command.address) if command.collection in {"post", "visit"} else None


def cancel(
    person_id: int, application_id: UUID, *, by: Actor, at: datetime, acting_person_id: int | None = None
) -> Application:
    """Withdraw an application whose card is not being made yet. Repeating it changes nothing; raises ``Refused``."""
    acting = acting_person(by, acting_person_id)
    with transaction.atomic():
        person = lock_person(person_id)
        application = Application.objects.filter(person_id=person_id, application_id=application_id).first()
        if application is None:
            raise Refused(Reason.APPLICATION_UNKNOWN, "没有这份申请")
        if acting is not None:
            situation = situation_of(person, acting_person_id=acting, on=beijing_day(at))
            rules.check_right_to_act(situation, application.channel)
        if rules.check_withdrawal(application.state):
            move(application, ApplicationState.CANCELLED, by=by, at=at)
            hooks.cancelled(application, at)
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
