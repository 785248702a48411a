"""Changes to the register by people, one transaction and one audit row each. Whole files come in through ``importer``."""

from datetime import date, datetime, timedelta

from django.db import transaction

from yikatong.audit import services as audit
from yikatong.audit.actors import Actor
from yikatong.foundation.clock import age_years, beijing_day
from yikatong.foundation.errors import Refused
from yikatong.registry.models import Guardianship, Person
from yikatong.registry.reasons import Reason
from yikatong.registry.rules import ADULT_AGE_YEARS, guardianship_holds, is_phone
from yikatong.registry.sealing import field_cipher


def record_guardianship(
    ward_person_id: int, guardian_person_id: int, relation: str, *, by: Actor, at: datetime
) -> Guardianship:
    """Let a guardian act for a ward from today on. ``relation``: ``father``, ``mother`` or ``other``.

    Repeating it changes nothing. A later import does not take it back. Raises ``Refused`` (``PERSON_UNKNOWN``,
    ``GUARDIAN_IS_WARD``, ``GUARDIAN_UNDER_AGE``).
    """
    today = beijing_day(at)
    with transaction.atomic():
        ward = _locked_person(ward_person_id)
        guardian = Person.objects.filter(pk=guardian_person_id).first()
        if guardian is None:
            raise Refused(Reason.PERSON_UNKNOWN, "登记库中没有这名监护人")
        if ward_person_id == guardian_person_id:
            raise Refused(Reason.GUARDIAN_IS_WARD, "不能登记本人为自己的监护人")
        if age_years(guardian.birth_date, today) < ADULT_AGE_YEARS:
            raise Refused(Reason.GUARDIAN_UNDER_AGE, f"监护人须年满 {ADULT_AGE_YEARS} 周岁")
        known = Guardianship.objects.filter(pk=(ward_person_id, guardian_person_id)).first()
        if known and _holds(known, ward, today) and known.relation == relation and not known.from_import:
            return known
        guardianship, _ = Guardianship.objects.update_or_create(
            pk=(ward_person_id, guardian_person_id),
            defaults={
                "relation": relation,
                "since": known.since if known and _holds(known, ward, today) else today,
                "until": None,
                "from_import": False,
            },
        )
        audit.record(
            "guardianship.recorded",
            subject=f"person:{ward_person_id}",
            by=by,
            at=at,
            person_id=ward_person_id,
            guardian_person_id=guardian_person_id,
            relation=relation,
        )
    return guardianship


def end_guardianship(ward_person_id: int, guardian_person_id: int, *, by: Actor, at: datetime) -> Guardianship:
    """Stop a guardian from acting for a ward, from this moment on: yesterday is the last day it held.

    Repeating it changes nothing. Raises ``Refused(GUARDIANSHIP_UNKNOWN)`` when there never was one.
    """
    today = beijing_day(at)
    with transaction.atomic():
        ward = _locked_person(ward_person_id)
        known = Guardianship.objects.filter(pk=(ward_person_id, guardian_person_id)).first()
        if known is None:
            raise Refused(Reason.GUARDIANSHIP_UNKNOWN, "没有登记过这一监护关系")
        if not _holds(known, ward, today):
            return known
        known.until = today - timedelta(days=1)
        known.save(update_fields=["until"])
        audit.record(
            "guardianship.ended",
            subject=f"person:{ward_person_id}",
            by=by,
            at=at,
            person_id=ward_person_id,
            guardian_person_id=guardian_person_id,
        )
    return known


def change_phone(person_id: int, phone: str, *, by: Actor, at: datetime) -> None:
    """Replace a person's phone number; an empty text removes it.

    The same file imported again does not undo it, a file in which the person's row has changed does.
    Raises ``Refused`` (``PERSON_UNKNOWN``, ``PHONE_WRONG``).
    """
    if phone and not is_phone(phone):
        raise Refused(Reason.PHONE_WRONG, "手机号码应为以 1 开头的 11 位数字")
    cipher = field_cipher()
    with transaction.atomic():
        person = _locked_person(person_id)
        index = cipher.blind_index("phone", phone) if phone else None
        if index == (bytes(person.phone_index) if person.phone_index else None):
            return
        person.phone_sealed = cipher.seal("phone", phone) if phone else None
        person.phone_index = index
        person.updated_at = at
        person.save(update_fields=["phone_sealed", "phone_index", "updated_at"])
        audit.record("person.phone_changed", subject=f"person:{person_id}", by=by, at=at, person_id=person_id)


def _locked_person(person_id: int) -> Person:
    person = Person.objects.select_for_update().filter(pk=person_id).first()
    if person is None:
        raise Refused(Reason.PERSON_UNKNOWN, "登记库中没有此人")
    return person


def _holds(guardianship: Guardianship, ward: Person, on: date) -> bool:
    return guardianship_holds(guardianship.since, guardianship.until, ward.birth_date, on)
