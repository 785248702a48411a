"""Complaints of a bank's or a stall's conduct: reported by anybody, followed by receipt number, handled step by step.

No personal data is needed to report. Text, place and notes are sealed at rest and stay out of the audit. Floods from one network
address are limited by a pseudonym of the address that is good for one day. What follows from a founded complaint for a
bank (measures, evidence, objections) is not decided here.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Bank
from yikatong.city.models import Division
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.registry.sealing import field_cipher
from yikatong.supervision.models import Complaint, ComplaintKind, ComplaintState, ComplaintStep

PLACE_LENGTH_MAX = 120
TEXT_LENGTH_MAX = 1000
TEXT_LENGTH_MIN = 5
NOTE_LENGTH_MIN = 4
NOTE_LENGTH_MAX = 500
OLDEST = timedelta(days=366)
FROM_ONE_ADDRESS_MAX = 20
"""Complaints an address may send within a day; many phones share one. Source: assumption."""
_RECEIPT_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that is misread: no 0 1 I L O
_RECEIPT_LENGTH = 10

NEXT_STATES: Mapping[str, tuple[str, ...]] = {
    ComplaintState.RECEIVED: (ComplaintState.CHECKING,),
    ComplaintState.CHECKING: (ComplaintState.FOUNDED, ComplaintState.UNFOUNDED),
    ComplaintState.FOUNDED: (ComplaintState.CLOSED, ComplaintState.CHECKING),
    ComplaintState.UNFOUNDED: (ComplaintState.CLOSED, ComplaintState.CHECKING),
    ComplaintState.CLOSED: (),
}
"""What may follow what. A finding can be reopened until the complaint is closed."""


class Reason(StrEnum):
    """Why a complaint or a step of it is refused."""

    TEXT_MISSING = "text_missing"
    TEXT_TOO_LONG = "text_too_long"
    PLACE_TOO_LONG = "place_too_long"
    KIND_UNKNOWN = "kind_unknown"
    BANK_UNKNOWN = "bank_unknown"
    DISTRICT_UNKNOWN = "district_unknown"
    DAY_WRONG = "day_wrong"
    TOO_MANY = "too_many"
    COMPLAINT_UNKNOWN = "complaint_unknown"
    STATE_FORBIDS = "state_forbids"
    NOTE_MISSING = "note_missing"
    NOTE_TOO_LONG = "note_too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportConduct:
    """What somebody reports. ``bank_code`` and ``district_code`` may be empty: not known.

    ``reporter_person_id`` only when a signed-in resident asked to be contacted.
    """

    complaint_id: UUID
    kind: str
    bank_code: str
    district_code: str
    place: str
    happened_on: date
    text: str
    address: str
    reporter_person_id: int | None = None


def report_conduct(command: ReportConduct, *, at: datetime) -> Complaint:
    """Take a complaint in. Repeating it returns the first. Raises ``Refused`` with a ``Reason``."""
    known = Complaint.objects.filter(complaint_id=command.complaint_id).first()
    if known is not None:
        return known
    _check(command, at)
    origin = field_cipher().blind_index("complaint_origin", f"{beijing_day(at).isoformat()}:{command.address}")
    if Complaint.objects.filter(origin_index=origin).count() >= FROM_ONE_ADDRESS_MAX:
        raise Refused(Reason.TOO_MANY, "今天从这个网络地址收到的反映太多，请明天再试，或拨打 12333")
    cipher = field_cipher()
    with transaction.atomic():
        complaint, is_new = Complaint.objects.get_or_create(
            complaint_id=command.complaint_id,
            defaults={
                "receipt_number": _new_receipt_number(),
                "bank_code": command.bank_code,
                "kind": command.kind,
                "district_code": command.district_code,
                "happened_on": command.happened_on,
                "place_sealed": cipher.seal("complaint_place", command.place.strip()),
                "text_sealed": cipher.seal("complaint_text", command.text.strip()),
                "reporter_person_id": command.reporter_person_id,
                "origin_index": origin,
                "reported_at": at,
                "state": ComplaintState.RECEIVED,
                "state_since": at,
            },
        )
        if is_new:
            by = Actor.system("complaints")
            _add_step(complaint, ComplaintState.RECEIVED, "", by=by, at=at)
            _record("complaint.received", complaint, by=by, at=at, kind=command.kind, bank=command.bank_code)
    return complaint


def _check(command: ReportConduct, at: datetime) -> None:
    if command.kind not in ComplaintKind.values:
        raise Refused(Reason.KIND_UNKNOWN, "请选择反映的事项")
    if command.bank_code and not Bank.objects.filter(code=command.bank_code).exists():
        raise Refused(Reason.BANK_UNKNOWN, "没有这家银行，请重新选择")
    if command.district_code:
        districts = Division.objects.filter(level="district", code=command.district_code)
        if not districts.exists():
            raise Refused(Reason.DISTRICT_UNKNOWN, "没有这个区，请重新选择")
    today = beijing_day(at)
    if not today - OLDEST <= command.happened_on <= today:
        raise Refused(Reason.DAY_WRONG, "日期应在一年之内，且不晚于今天")
    if len(command.place.strip()) > PLACE_LENGTH_MAX:
        raise Refused(Reason.PLACE_TOO_LONG, f"地点最多 {PLACE_LENGTH_MAX} 字")
    if len(command.text.strip()) < TEXT_LENGTH_MIN:
        raise Refused(Reason.TEXT_MISSING, f"请写明发生了什么（至少 {TEXT_LENGTH_MIN} 个字）")
    if len(command.text.strip()) > TEXT_LENGTH_MAX:
        raise Refused(Reason.TEXT_TOO_LONG, f"经过最多 {TEXT_LENGTH_MAX} 字")


def _new_receipt_number() -> str:
    return "".join(secrets.choice(_RECEIPT_ALPHABET) for _ in range(_RECEIPT_LENGTH))


def advance(complaint_id: UUID, state: str, note: str, *, by: Actor, at: datetime) -> Complaint:
    """Take a complaint one step further, with a note. Repeating the step it stands at changes nothing. Raises ``Refused``."""
    note = note.strip()
    if len(note) < NOTE_LENGTH_MIN:
        raise Refused(Reason.NOTE_MISSING, f"请写明处理情况（至少 {NOTE_LENGTH_MIN} 个字），说明会留存备查")
    if len(note) > NOTE_LENGTH_MAX:
        raise Refused(Reason.NOTE_TOO_LONG, f"处理情况最多 {NOTE_LENGTH_MAX} 字")
    with transaction.atomic():
        complaint = Complaint.objects.select_for_update().filter(complaint_id=complaint_id).first()
        if complaint is None:
            raise Refused(Reason.COMPLAINT_UNKNOWN, "没有这件反映")
        if complaint.state == state:
            return complaint
        if state not in NEXT_STATES[complaint.state]:
            raise Refused(Reason.STATE_FORBIDS, "这件反映已有新的进展，不能再做这一步；请刷新页面")
        complaint.state, complaint.state_since = state, at
        if state in {ComplaintState.FOUNDED, ComplaintState.UNFOUNDED}:
            complaint.is_founded = state == ComplaintState.FOUNDED
        complaint.save(update_fields=["state", "state_since", "is_founded"])
        _add_step(complaint, state, note, by=by, at=at)
        _record(f"complaint.{state}", complaint, by=by, at=at)
    return complaint


def _add_step(complaint: Complaint, state: str, note: str, *, by: Actor, at: datetime) -> None:
    sealed = field_cipher().seal("complaint_note", note)
    ComplaintStep.objects.create(complaint=complaint, state=state, note_sealed=sealed, by=str(by), at=at)


def _record(action: str, complaint: Complaint, *, by: Actor, at: datetime, **details: Any) -> None:
    record(action, subject=f"complaint:{complaint.complaint_id}", by=by, at=at, **details)


@dataclass(frozen=True, slots=True)
class ReadStep:
    """A step with its note in clear, for staff."""

    state: str
    note: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReadComplaint:
    """A complaint in clear, for staff who handle it."""

    complaint: Complaint
    place: str
    text: str
    steps: list[ReadStep]


def read_complaint(complaint_id: UUID, *, by: Actor, at: datetime) -> ReadComplaint | None:
    """Open a complaint; that it was read is recorded, since its text may name people. ``None`` when there is none."""
    complaint = Complaint.objects.filter(complaint_id=complaint_id).first()
    if complaint is None:
        return None
    _record("complaint.read", complaint, by=by, at=at)
    cipher = field_cipher()
    steps = [
        ReadStep(step.state, cipher.open("complaint_note", bytes(step.note_sealed)), step.by, step.at)
        for step in complaint.steps.order_by("step_id")
    ]
    return ReadComplaint(
        complaint,
        cipher.open("complaint_place", bytes(complaint.place_sealed)),
        cipher.open("complaint_text", bytes(complaint.text_sealed)),
        steps,
    )


def find_by_receipt(receipt_number: str) -> Complaint | None:
    """The complaint of a receipt, however it was typed: spaces and hyphens do not matter, nor small letters."""
    typed = "".join(character for character in receipt_number.upper() if character.isalnum())
    return Complaint.objects.filter(receipt_number=typed).first() if typed else None
