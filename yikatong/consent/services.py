"""Agreeing and taking it back, one transaction with its audit row each. Repeating either changes nothing."""

from datetime import datetime

from django.db import transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.city.consents import consents_at
from yikatong.consent.models import ConsentEntry
from yikatong.consent.rules import LastWord, Reason, check_who_agrees
from yikatong.consent.selectors import has_consent
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.registry.models import Person
from yikatong.registry.selectors import guardians_of


def give(
    person_id: int, purpose: str, *, by: Actor, at: datetime, by_person_id: int | None = None, channel: str = "web"
) -> ConsentEntry | None:
    """Agree to the words in force today. The entry, ``None`` when that stood already.

    ``by_person_id``: who agrees, the person or a guardian; without it a resident is who they are signed in as, and staff have
    the person before them. Raises ``Refused`` (``PURPOSE_UNKNOWN``, ``PERSON_UNKNOWN``, ``GUARDIAN_AGREES``,
    ``NOT_YOURS_TO_GIVE``, ``NOT_FOR_THIS_AGE``).
    """
    return _say(person_id, purpose, True, by=by, at=at, by_person_id=by_person_id, channel=channel)


def withdraw(
    person_id: int, purpose: str, *, by: Actor, at: datetime, by_person_id: int | None = None, channel: str = "web"
) -> ConsentEntry | None:
    """Take a consent back, as ``give``. What the law requires to keep is kept: the words say what."""
    return _say(person_id, purpose, False, by=by, at=at, by_person_id=by_person_id, channel=channel)


def _say(
    person_id: int, purpose: str, is_given: bool, *, by: Actor, at: datetime, by_person_id: int | None, channel: str
) -> ConsentEntry | None:
    today = beijing_day(at)
    text = consents_at(today).get(purpose)
    if text is None:
        raise Refused(Reason.PURPOSE_UNKNOWN, f"没有“{purpose}”这一同意事项")
    acting = _acting(by, by_person_id, person_id)
    with transaction.atomic():
        person = Person.objects.select_for_update().filter(person_id=person_id).first()
        if person is None:
            raise Refused(Reason.PERSON_UNKNOWN, "登记库中没有此人")
        check_who_agrees(
            text,
            person_id=person_id,
            by_person_id=acting,
            birth_date=person.birth_date,
            guardian_ids=frozenset(guardian.person_id for guardian in guardians_of(person_id, today)),
            on=today,
        )
        if (
            _stands(person_id, purpose, is_given, text.version)
            and has_consent(person_id, purpose, on=today) == is_given
        ):
            return None
        entry = ConsentEntry.objects.create(
            person_id=person_id,
            entry_id=new_uuid7(),
            purpose=purpose,
            text_version=text.version,
            is_given=is_given,
            by_person_id=acting,
            actor=str(by),
            channel=channel,
            at=at,
        )
        record(
            "consent.given" if is_given else "consent.withdrawn",
            subject=f"consent:{purpose}",
            by=by,
            at=at,
            person_id=person_id,
            version=text.version,
            channel=channel,
        )
    return entry


def _acting(by: Actor, by_person_id: int | None, person_id: int) -> int:
    """A resident is never anybody else than themselves, whatever a page passed on. Raises ``Refused``."""
    if by.kind != "resident":
        return by_person_id if by_person_id is not None else person_id
    if by_person_id is not None and by.name != str(by_person_id):
        raise Refused(Reason.NOT_YOURS_TO_GIVE, "只能以本人的身份办理，请重新登录")
    return int(by.name)


def _stands(person_id: int, purpose: str, is_given: bool, version: str) -> bool:
    """Whether the last word was this one, to these words."""
    entry = ConsentEntry.objects.filter(person_id=person_id, purpose=purpose).order_by("-entry_id").first()
    last = LastWord(entry.is_given, entry.text_version) if entry else None
    return last == LastWord(is_given, version)
