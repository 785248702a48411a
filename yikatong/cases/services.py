"""Opening cases, taking, handing over and closing them; and keeping the inbox equal to what is a case now."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import IntegrityError, transaction

from yikatong.accounts.models import Role, User
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.cases.kinds import CaseKind, Found, all_kinds
from yikatong.cases.models import UNDONE, Case, CaseNote, CaseState
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.registry.sealing import field_cipher

NOTE_LENGTH_MIN, NOTE_LENGTH_MAX = 4, 500
HANDLERS = frozenset({Role.CARD_CENTRE.value})
_BY = Actor.system("cases")
_AT_ONCE = 1000


class Reason(StrEnum):
    """Why a step of a case is refused."""

    CASE_UNKNOWN = "case_unknown"
    CASE_DONE = "case_done"
    TAKEN_BY_ANOTHER = "case_taken"
    ASSIGNEE_WRONG = "case_assignee_wrong"
    NOTE_MISSING = "case_note_missing"


def open_case(kind: str, found: Found, *, at: datetime) -> Case:
    """Put something into the inbox, inside the caller's transaction. While it is undone, repeating it changes nothing."""
    known = Case.objects.filter(kind=kind, ref=found.ref, state__in=UNDONE).first()
    if known is not None:
        return known
    try:
        with transaction.atomic():
            case = Case.objects.create(
                case_id=new_uuid7(),
                kind=kind,
                ref=found.ref,
                subject=found.subject,
                person_id=found.person_id,
                since=found.since,
                state_since=at,
            )
            _step(case, "opened", "", by=_BY, at=at)
            return case
    except IntegrityError:  # found by two at once
        return Case.objects.get(kind=kind, ref=found.ref, state__in=UNDONE)


def settle_case(kind: str, ref: str, *, at: datetime) -> bool:
    """What made it a case has passed; whether it was undone."""
    with transaction.atomic():
        case = Case.objects.select_for_update().filter(kind=kind, ref=ref, state__in=UNDONE).first()
        if case is None:
            return False
        _move(case, CaseState.SETTLED, at=at)
        _step(case, "settled", "", by=_BY, at=at)
        return True


def look_for_cases(*, at: datetime) -> tuple[int, int]:
    """Open what is a case now and settle what is none any more: how many of each. What somebody closed stays closed.

    A closed case whose condition still holds is not opened again: a person has decided.
    """
    opened = settled = 0
    for kind in all_kinds():
        if kind.find is not None:
            new, passed = _look_for(kind, at)
            opened, settled = opened + new, settled + passed
    return opened, settled


def _look_for(kind: CaseKind, at: datetime) -> tuple[int, int]:
    assert kind.find is not None
    undone = set(Case.objects.filter(kind=kind.name, state__in=UNDONE).values_list("ref", flat=True))
    there: set[str] = set()
    opened, batch = 0, list[Found]()
    for found in kind.find():
        there.add(found.ref)
        if found.ref not in undone:
            batch.append(found)
        if len(batch) == _AT_ONCE:
            opened += _open_new(kind.name, batch, at)
            batch.clear()
    opened += _open_new(kind.name, batch, at)
    settled = sum(settle_case(kind.name, ref, at=at) for ref in undone - there)
    return opened, settled


def _open_new(kind: str, batch: list[Found], at: datetime) -> int:
    closed = dict(
        Case.objects.filter(kind=kind, ref__in=[found.ref for found in batch], state=CaseState.CLOSED)
        .order_by("state_since")
        .values_list("ref", "state_since")
    )
    new = [found for found in batch if found.ref not in closed or closed[found.ref] < found.since]
    for found in new:
        open_case(kind, found, at=at)
    return len(new)


def take(case_id: UUID, *, by: User, at: datetime) -> Case:
    """Take a case upon oneself. Repeating it changes nothing. Raises ``Refused``."""
    with transaction.atomic():
        case = _locked(case_id)
        if case.state == CaseState.TAKEN and case.assignee_id == by.pk:
            return case
        if case.state == CaseState.TAKEN:
            raise Refused(Reason.TAKEN_BY_ANOTHER, f"已由 {case.assignee} 处理；需要时请转交")
        return _assign(case, by, "taken", "", by=by, at=at)


def hand_over(case_id: UUID, username: str, *, note: str, by: User, at: datetime) -> Case:
    """Give a case to a colleague. Raises ``Refused``."""
    with transaction.atomic():
        case = _locked(case_id)
        to = User.objects.filter(username=username, role__in=HANDLERS, is_active=True).first()
        if to is None:
            raise Refused(Reason.ASSIGNEE_WRONG, "没有这位可以处理事项的同事")
        return _assign(case, to, "handed", _checked(note, needed=False), by=by, at=at)


def close(case_id: UUID, *, note: str, by: User, at: datetime) -> Case:
    """Close a case with what was done about it. Raises ``Refused``."""
    with transaction.atomic():
        case = _locked(case_id)
        text = _checked(note, needed=True)
        _move(case, CaseState.CLOSED, at=at)
        _step(case, "closed", text, by=Actor("staff", by.username), at=at)
        return case


def notes_of(case: Case) -> list[tuple[CaseNote, str]]:
    """A case's steps, oldest first, each with its text in clear."""
    cipher = field_cipher()
    return [
        (note, cipher.open("case_note", bytes(note.text_sealed)) if note.text_sealed else "")
        for note in CaseNote.objects.filter(case=case).order_by("note_id")
    ]


def _locked(case_id: UUID) -> Case:
    case = Case.objects.select_for_update().filter(case_id=case_id).first()
    if case is None:
        raise Refused(Reason.CASE_UNKNOWN, "没有这个事项")
    if case.state not in UNDONE:
        raise Refused(Reason.CASE_DONE, "这个事项已经办结")
    return case


def _checked(note: str, *, needed: bool) -> str:
    text = note.strip()[:NOTE_LENGTH_MAX]
    if needed and len(text) < NOTE_LENGTH_MIN:
        raise Refused(Reason.NOTE_MISSING, f"请写明办理情况（至少 {NOTE_LENGTH_MIN} 个字）")
    return text


def _assign(case: Case, to: User, step: str, text: str, *, by: User, at: datetime) -> Case:
    case.assignee_id, case.assignee = to.pk, to.username
    _move(case, CaseState.TAKEN, at=at)
    _step(case, step, text, by=Actor("staff", by.username), at=at)
    return case


def _move(case: Case, state: CaseState, *, at: datetime) -> None:
    case.state, case.state_since = state, at
    case.save(update_fields=["state", "state_since", "assignee_id", "assignee"])


def _step(case: Case, step: str, text: str, *, by: Actor, at: datetime) -> None:
    sealed = field_cipher().seal("case_note", text) if text else None
    CaseNote.objects.create(case=case, step=step, by=str(by), at=at, text_sealed=sealed)
    subject = f"case:{case.case_id}"
    record(f"case.{step}", subject=subject, by=by, at=at, person_id=case.person_id, kind=case.kind, of=case.subject)
