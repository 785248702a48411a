"""A unit applies for its people: for each whose bank stands on the roster, one application in one transaction.

Nobody gets a bank here: who has none stays ``unchosen``, and can be reminded once a day. A run remembers how far it came; an
interrupted one goes on there, and repeating a step is harmless, since an application's number follows from run and person. What
is refused is kept with the person, in words, and tried again in the next run.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from yikatong.accounts.messages import send
from yikatong.applications.models import Application
from yikatong.applications.rules import OPEN_STATES
from yikatong.applications.services import SubmitApplication, submit
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Bank, Outlet
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.registry.models import Organisation, Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.unit_services import lock_organisation
from yikatong.units.enrolment import enrolment_of
from yikatong.units.models import ApplyRun, RosterEntry, RunState
from yikatong.units.rules import Reason

CHUNK = 200
REMINDER = (
    "【社保卡】{unit}请您选择第三代社保卡的发卡银行：可在单位选定的 {banks} 中任选一家，由您本人决定。"
    "请登录一卡通网页申请，或将选择告知单位经办人。"
)


def begin_applying(organisation_code: str, outlet_ids: Mapping[str, str], *, by: Actor, at: datetime) -> ApplyRun:
    """Start applying for everybody who has a bank and no application; the worker does it.

    ``outlet_ids``: bank to the outlet where its cards are collected; needed where the unit does not collect. While a run is
    under way it is returned again. Raises ``Refused`` (``NOT_ENROLLED``, ``NOBODY_TO_APPLY_FOR``, ``OUTLET_MISSING``).
    """
    with transaction.atomic():
        organisation = lock_organisation(organisation_code)
        enrolment = enrolment_of(organisation_code)
        if enrolment is None:
            raise Refused(Reason.NOT_ENROLLED, "请先完成登记选行")
        running = _running(organisation_code, "apply")
        if running is not None:
            return running
        banks = set(_to_apply(organisation_code).values_list("bank_code", flat=True).distinct())
        if not banks:
            raise Refused(Reason.NOBODY_TO_APPLY_FOR, "名册上没有已选银行且尚未申请的人员")
        outlets = {} if organisation.collects_for_members else _checked_outlets(outlet_ids, banks)
        return _begin(organisation_code, "apply", outlets, by=by, at=at)


def begin_reminding(organisation_code: str, *, by: Actor, at: datetime) -> ApplyRun:
    """Start reminding everybody on the roster who has no bank and was not reminded today.

    Raises ``Refused`` (``NOT_ENROLLED``, ``NOBODY_TO_REMIND``).
    """
    with transaction.atomic():
        lock_organisation(organisation_code)
        if enrolment_of(organisation_code) is None:
            raise Refused(Reason.NOT_ENROLLED, "请先完成登记选行")
        running = _running(organisation_code, "remind")
        if running is not None:
            return running
        if not _to_remind(organisation_code, at).exists():
            raise Refused(Reason.NOBODY_TO_REMIND, "没有需要提醒的人员：每人每天最多提醒一次，已选银行的不再提醒")
        return _begin(organisation_code, "remind", {}, by=by, at=at)


def work_off(run_id: UUID, *, clock: Callable[[], datetime] = utc_now) -> ApplyRun:
    """Go through a run's people from where it stopped. Repeating it changes nothing."""
    run = ApplyRun.objects.get(pk=run_id)
    step = _apply_for if run.kind == "apply" else _remind
    while run.state == RunState.RUNNING:
        chunk = _next_people(run, clock())
        for person_id in chunk:
            step(run, person_id, clock())
        if not chunk:
            _finish(run, clock())
        run.refresh_from_db()
    return run


def _begin(organisation_code: str, kind: str, outlets: Mapping[str, str], *, by: Actor, at: datetime) -> ApplyRun:
    from yikatong.units.tasks import work_off_run_task

    people = _to_apply(organisation_code) if kind == "apply" else _to_remind(organisation_code, at)
    run = ApplyRun.objects.create(
        run_id=new_uuid7(),
        organisation_code=organisation_code,
        kind=kind,
        outlet_ids=dict(outlets),
        total=people.count(),
        begun_by=by.name,
        begun_at=at,
    )
    record(
        f"unit.{kind}_begun", subject=f"unit:{organisation_code}", by=by, at=at, run=str(run.run_id), people=run.total
    )
    work_off_run_task.configure(lock=f"unit:{organisation_code}:{kind}").defer(run_id=str(run.run_id))
    return run


def _running(organisation_code: str, kind: str) -> ApplyRun | None:
    return ApplyRun.objects.filter(organisation_code=organisation_code, kind=kind, state=RunState.RUNNING).first()


def _to_apply(organisation_code: str) -> QuerySet[RosterEntry]:
    return _without_application(organisation_code).exclude(bank_code="")


def _to_remind(organisation_code: str, at: datetime) -> QuerySet[RosterEntry]:
    return _without_application(organisation_code).filter(bank_code="").exclude(reminded_on=beijing_day(at))


def _without_application(organisation_code: str) -> QuerySet[RosterEntry]:
    """People on the roster for whom nothing is under way and no card was handed over."""
    standing = Application.objects.filter(person_id=OuterRef("person_id"), state__in=[*OPEN_STATES, "collected"])
    entries = RosterEntry.objects.filter(organisation_code=organisation_code, ended_at=None)
    return entries.filter(~Exists(standing))


def _next_people(run: ApplyRun, at: datetime) -> list[int]:
    people = (
        _to_apply(run.organisation_code) if run.kind == "apply" else _to_remind(run.organisation_code, at)
    ).filter(person_id__gt=run.after_person_id)
    return list(people.order_by("person_id").values_list("person_id", flat=True)[:CHUNK])


def _apply_for(run: ApplyRun, person_id: int, at: datetime) -> None:
    """One person's application, with the run's progress in the same transaction; a refusal is kept in words."""
    by = Actor("unit", run.begun_by)
    try:
        with transaction.atomic():
            entry = _entry(run, person_id)
            command = SubmitApplication(
                application_id=uuid5(run.run_id, str(person_id)),
                person_id=person_id,
                acting_person_id=None,
                kind="first",
                channel="unit",
                bank_code=entry.bank_code,
                collection="outlet" if run.outlet_ids else "unit",
                outlet_id=run.outlet_ids.get(entry.bank_code, ""),
                organisation_code=run.organisation_code,
            )
            application = submit(command, by=by, at=at)
            entry.application_id, entry.tried_at = application.application_id, at
            entry.refusal_reason = entry.refusal_text = ""
            entry.save(update_fields=["application_id", "tried_at", "refusal_reason", "refusal_text"])
            _advance(run, person_id)
    except Refused as refused:
        with transaction.atomic():
            RosterEntry.objects.filter(person_id=person_id, organisation_code=run.organisation_code).update(
                refusal_reason=str(refused.reason)[:40], refusal_text=str(refused)[:200], tried_at=at
            )
            _advance(run, person_id, refused=True)


def _remind(run: ApplyRun, person_id: int, at: datetime) -> None:
    """One person's reminder: noted first, sent then, so that a crash between the two costs a message and never sends two."""
    with transaction.atomic():
        entry = _entry(run, person_id)
        person = Person.objects.filter(person_id=person_id).first()
        phone = field_cipher().open("phone", bytes(person.phone_sealed)) if person and person.phone_sealed else ""
        is_due = bool(phone) and not entry.bank_code and entry.reminded_on != beijing_day(at)
        if is_due:
            entry.reminded_on = beijing_day(at)
            entry.save(update_fields=["reminded_on"])
            subject, by = f"person:{person_id}", Actor("unit", run.begun_by)
            record(
                "unit.person_reminded", subject=subject, by=by, at=at, person_id=person_id, unit=run.organisation_code
            )
        _advance(run, person_id, refused=not phone)
    if is_due:
        send(phone, _reminder(run.organisation_code))


def _reminder(organisation_code: str) -> str:
    organisation = Organisation.objects.get(pk=organisation_code)
    names = dict(Bank.objects.values_list("code", "name_zh"))
    banks = "、".join(names[code] for code in organisation.bank_codes if code in names)
    return REMINDER.format(unit=organisation.name, banks=banks)


def _entry(run: ApplyRun, person_id: int) -> RosterEntry:
    return RosterEntry.objects.select_for_update().get(person_id=person_id, organisation_code=run.organisation_code)


def _advance(run: ApplyRun, person_id: int, *, refused: bool = False) -> None:
    ApplyRun.objects.filter(pk=run.pk, after_person_id__lt=person_id).update(
        after_person_id=person_id, done=F("done") + 1, refused=F("refused") + int(refused)
    )


def _finish(run: ApplyRun, at: datetime) -> None:
    with transaction.atomic():
        found = ApplyRun.objects.select_for_update().get(pk=run.pk)
        if found.state != RunState.RUNNING:
            return
        found.state, found.finished_at = RunState.DONE, at
        found.save(update_fields=["state", "finished_at"])
        subject, by = f"unit:{found.organisation_code}", Actor("unit", found.begun_by)
        record(
            f"unit.{found.kind}_done",
            subject=subject,
            by=by,
            at=at,
            run=str(run.run_id),
            done=found.done,
            refused=found.refused,
        )


def _checked_outlets(outlet_ids: Mapping[str, str], banks: set[str]) -> dict[str, str]:
    """One outlet of each bank that somebody chose. Raises ``Refused`` (``OUTLET_MISSING``)."""
    wanted = {code: outlet_ids.get(code, "") for code in sorted(banks)}
    known = set(Outlet.objects.filter(outlet_id__in=wanted.values()).values_list("bank_id", "outlet_id"))
    if not set(wanted.items()) <= known:
        raise Refused(Reason.OUTLET_MISSING, "本单位不代领：请为名册上出现的每家银行选定一个领卡网点")
    return wanted
