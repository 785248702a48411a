"""Asking for a dangerous act, and deciding it: by another person, once, in time.

The act itself, the note that it was done and its audit rows are one transaction: it happens exactly once or not at all.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from yikatong.accounts.models import User
from yikatong.approvals.acts import Parameters, act_named
from yikatong.approvals.models import ApprovalRequest, RequestState
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.foundation.errors import Refused
from yikatong.registry.sealing import field_cipher

REASON_LENGTH_MIN, REASON_LENGTH_MAX = 4, 300


class Reason(StrEnum):
    """Why a request, or a decision, is refused."""

    REASON_MISSING = "approval_reason_missing"
    NOT_ALLOWED = "approval_not_allowed"
    ASKED_ALREADY = "approval_asked_already"
    ID_REUSED = "approval_id_reused"
    REQUEST_UNKNOWN = "approval_unknown"
    SELF_APPROVAL = "approval_by_requester"
    DECIDED_ALREADY = "approval_decided_already"
    EXPIRED = "approval_expired"


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of a decision. ``told_once``: for the approver's eyes, now."""

    request: ApprovalRequest
    told_once: str | None = None


def ask(
    act_name: str,
    parameters: Parameters,
    *,
    request_id: UUID,
    subject: str,
    reason: str,
    by: User,
    at: datetime,
    person_id: int | None = None,
) -> ApprovalRequest:
    """Ask for an act. The page makes ``request_id``: sending twice is asking once. Raises ``Refused``."""
    act = act_named(act_name)
    reason = reason.strip()
    if by.role not in act.requesters:
        raise Refused(Reason.NOT_ALLOWED, "您的岗位不能申请这项操作")
    if not REASON_LENGTH_MIN <= len(reason) <= REASON_LENGTH_MAX:
        raise Refused(Reason.REASON_MISSING, f"请写明原因（{REASON_LENGTH_MIN} 至 {REASON_LENGTH_MAX} 字）")
    content = json.dumps(parameters, sort_keys=True, ensure_ascii=False)
    cipher = field_cipher()
    digest = cipher.blind_index("approval", f"{act_name}|{subject}|{content}")
    known = ApprovalRequest.objects.filter(request_id=request_id).first()
    if known is not None:
        if bytes(known.parameters_digest) != digest or known.requested_by_id != by.pk:
            raise Refused(Reason.ID_REUSED, "这份申请已经提交过，内容不同；请重新打开页面")
        return known
    act.check(parameters, at)
    try:
        with transaction.atomic():
            found = ApprovalRequest.objects.create(
                request_id=request_id,
                act=act_name,
                subject=subject,
                person_id=person_id,
                parameters_sealed=cipher.seal("approval", content),
                parameters_digest=digest,
                reason_sealed=cipher.seal("approval_note", reason),
                requested_by_id=by.pk,
                requested_by=by.username,
                requested_at=at,
                expires_at=at + act.valid_for,
            )
            _record("approval.requested", found, by=by, at=at)
    except IntegrityError as error:
        raise Refused(Reason.ASKED_ALREADY, "同一事项已有待审批的申请") from error
    return found


def decide(request_id: UUID, *, approve: bool, note: str, by: User, at: datetime) -> Decision:
    """Approve, which does it, or reject. Raises ``Refused``; the rules' refusal of the act itself is its outcome."""
    with transaction.atomic():
        found = _locked(request_id)
        if found.state == RequestState.WAITING and found.expires_at <= at:
            _finish(found, RequestState.EXPIRED, at=at)
        if found.state != RequestState.WAITING:
            refusal: Refused[Reason] | None = _not_waiting(found)
            decision = Decision(found)
        else:
            refusal, decision = None, _decide(found, approve=approve, note=note.strip(), by=by, at=at)
    if refusal is not None:
        raise refusal
    return decision


def withdraw(request_id: UUID, *, by: User, at: datetime) -> ApprovalRequest:
    """The requester does not want it any more. Repeating it changes nothing. Raises ``Refused``."""
    with transaction.atomic():
        found = _locked(request_id)
        if found.requested_by_id != by.pk:
            raise Refused(Reason.NOT_ALLOWED, "只有申请人可以撤回")
        if found.state == RequestState.WITHDRAWN:
            return found
        if found.state != RequestState.WAITING:
            raise _not_waiting(found)
        _finish(found, RequestState.WITHDRAWN, at=at)
        _record("approval.withdrawn", found, by=by, at=at)
        return found


def expire_due(*, at: datetime) -> int:
    """Close what nobody decided in time; how many. Whether a request is too old never depends on when this runs."""
    due = ApprovalRequest.objects.filter(state=RequestState.WAITING, expires_at__lte=at)
    count = 0
    for request_id in list(due.values_list("request_id", flat=True)):
        with transaction.atomic():
            found = _locked(request_id)
            if found.state == RequestState.WAITING:
                _finish(found, RequestState.EXPIRED, at=at)
                record(
                    "approval.expired",
                    subject=f"approval:{request_id}",
                    by=Actor.system("approvals"),
                    at=at,
                    person_id=found.person_id,
                    act=found.act,
                )
                count += 1
    return count


def parameters_of(found: ApprovalRequest) -> dict[str, Any]:
    """What is to be done, in clear."""
    content: dict[str, Any] = json.loads(field_cipher().open("approval", bytes(found.parameters_sealed)))
    return content


def _locked(request_id: UUID) -> ApprovalRequest:
    found = ApprovalRequest.objects.select_for_update().filter(request_id=request_id).first()
    if found is None:
        raise Refused(Reason.REQUEST_UNKNOWN, "没有这份申请")
    return found


def _not_waiting(found: ApprovalRequest) -> Refused[Reason]:
    if found.state == RequestState.EXPIRED:
        return Refused(Reason.EXPIRED, "这份申请已过期，请申请人重新提交")
    return Refused(Reason.DECIDED_ALREADY, "这份申请已有结果，不能再次审批")


def _decide(found: ApprovalRequest, *, approve: bool, note: str, by: User, at: datetime) -> Decision:
    act = act_named(found.act)
    if found.requested_by_id == by.pk:
        raise Refused(Reason.SELF_APPROVAL, "不能审批自己提出的申请，请由另一人审批")
    if by.role not in act.approvers:
        raise Refused(Reason.NOT_ALLOWED, "您的岗位不能审批这项操作")
    if not approve and len(note) < REASON_LENGTH_MIN:
        raise Refused(Reason.REASON_MISSING, "驳回要写明原因（至少四个字）")
    found.decided_by_id, found.decided_by, found.decided_at = by.pk, by.username, at
    found.note_sealed = field_cipher().seal("approval_note", note[:REASON_LENGTH_MAX]) if note else None
    if not approve:
        _finish(found, RequestState.REJECTED, at=at)
        _record("approval.rejected", found, by=by, at=at)
        return Decision(found)
    try:
        with transaction.atomic():
            told = act.execute(parameters_of(found), Actor("staff", found.requested_by), at)
    except Refused as refused:
        found.outcome = str(refused.reason)[:60]
        _finish(found, RequestState.FAILED, at=at)
        _record("approval.failed", found, by=by, at=at, outcome=found.outcome)
        return Decision(found)
    _finish(found, RequestState.EXECUTED, at=at)
    _record("approval.executed", found, by=by, at=at)
    return Decision(found, told)


def _finish(found: ApprovalRequest, state: RequestState, *, at: datetime) -> None:
    found.state = state
    found.decided_at = found.decided_at or at
    found.save(update_fields=["state", "decided_by_id", "decided_by", "decided_at", "note_sealed", "outcome"])


def _record(action: str, found: ApprovalRequest, *, by: User, at: datetime, **details: object) -> None:
    record(
        action,
        subject=f"approval:{found.request_id}",
        by=Actor("staff", by.username),
        at=at,
        person_id=found.person_id,
        act=found.act,
        of=found.subject,
        requested_by=found.requested_by,
        **details,
    )
