"""Making a dispatch, counting its audience, asking, starting and stopping it. The sending itself is in ``sending``."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count

from yikatong.accounts.models import User
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.messaging.audience import Audience
from yikatong.messaging.models import Delivery, Dispatch, DispatchState, Template
from yikatong.messaging.template_store import SENDERS

BIG_FROM = 100
"""A message to more people than that takes two members of staff. Source: assumption."""
PER_MINUTE_MAX = 600
"""Source: assumption, as for invitations (what a provider takes from one customer)."""


class Reason(StrEnum):
    """Why a step of a dispatch is refused."""

    NOT_ALLOWED = "dispatch_not_allowed"
    TEMPLATE_UNKNOWN = "dispatch_template_unknown"
    AUDIENCE_WRONG = "dispatch_audience_wrong"
    PER_MINUTE_WRONG = "dispatch_per_minute_wrong"
    DISPATCH_UNKNOWN = "dispatch_unknown"
    STATE_FORBIDS = "dispatch_state_forbids"
    TAKES_TWO = "dispatch_takes_two"
    NOBODY = "dispatch_nobody"


def make(
    dispatch_id: UUID, *, template_id: UUID, audience: Audience, per_minute: int, by: User, at: datetime
) -> Dispatch:
    """Prepare a dispatch and have its audience counted. Repeating it returns the first. Raises ``Refused``."""
    from yikatong.messaging.tasks import count_task

    if by.role not in SENDERS:
        raise Refused(Reason.NOT_ALLOWED, "您的岗位不能群发短信")
    known = Dispatch.objects.filter(dispatch_id=dispatch_id).first()
    if known is not None:
        return known
    template = Template.objects.filter(template_id=template_id, is_retired=False).first()
    if template is None:
        raise Refused(Reason.TEMPLATE_UNKNOWN, "请选择一个短信模板")
    if not audience.is_sound():
        raise Refused(Reason.AUDIENCE_WRONG, "请核对发送范围：年龄为 0 至 150 的整数，起不大于止")
    if not 1 <= per_minute <= PER_MINUTE_MAX:
        raise Refused(Reason.PER_MINUTE_WRONG, f"每分钟发送 1 至 {PER_MINUTE_MAX} 条")
    with transaction.atomic():
        dispatch = Dispatch.objects.create(
            dispatch_id=dispatch_id,
            template=template,
            version=template.version,
            audience=audience.as_json(),
            per_minute=per_minute,
            state_since=at,
            made_by_id=by.pk,
            made_by=by.username,
            made_at=at,
        )
        _record("dispatch.made", dispatch, by=Actor("staff", by.username), at=at)
        count_task.defer(dispatch_id=str(dispatch_id))
    return dispatch


def count(dispatch_id: UUID, *, at: datetime) -> None:
    """Count the audience, unless it is counted."""
    dispatch = Dispatch.objects.filter(dispatch_id=dispatch_id, state=DispatchState.COUNTING).first()
    if dispatch is not None:
        counted = Audience.of(dispatch.audience).people(beijing_day(at)).count()
        Dispatch.objects.filter(pk=dispatch.pk, state=DispatchState.COUNTING).update(
            counted=counted, counted_at=at, state=DispatchState.READY, state_since=at
        )


def start(dispatch_id: UUID, *, by: User, at: datetime) -> Dispatch:
    """Send to few, by one person. Repeating it changes nothing. Raises ``Refused`` (``TAKES_TWO`` for many)."""
    with transaction.atomic():
        dispatch = locked(dispatch_id)
        if by.role not in SENDERS:
            raise Refused(Reason.NOT_ALLOWED, "您的岗位不能群发短信")
        if dispatch.state == DispatchState.SENDING:
            return dispatch
        if takes_two(dispatch):
            raise Refused(Reason.TAKES_TWO, f"超过 {BIG_FROM} 人的群发要由另一人审批")
        return _begin(dispatch, by=Actor("staff", by.username), at=at)


def note_asked(dispatch_id: UUID, *, at: datetime) -> None:
    """Somebody asked for it to be approved."""
    with transaction.atomic():
        dispatch = locked(dispatch_id)
        if dispatch.state == DispatchState.READY:
            _move(dispatch, DispatchState.ASKED, at=at)


def check_may_begin(dispatch_id: UUID) -> Dispatch:
    """A dispatch that is counted and not begun. Raises ``Refused``."""
    dispatch = Dispatch.objects.filter(dispatch_id=dispatch_id).first()
    if dispatch is None:
        raise Refused(Reason.DISPATCH_UNKNOWN, "没有这次群发")
    if dispatch.state not in {DispatchState.READY, DispatchState.ASKED}:
        raise Refused(Reason.STATE_FORBIDS, "这次群发已经开始、停止，或还在统计人数")
    if not dispatch.counted:
        raise Refused(Reason.NOBODY, "没有符合条件的人")
    return dispatch


def start_approved(dispatch_id: UUID, *, by: Actor, at: datetime) -> None:
    """Two people want it. Raises ``Refused``."""
    with transaction.atomic():
        _begin(locked(dispatch_id), by=by, at=at)


def stop(dispatch_id: UUID, *, by: User, at: datetime) -> Dispatch:
    """Stop for good; what went out stays sent. Anybody who may send may stop. Repeating it changes nothing."""
    with transaction.atomic():
        dispatch = locked(dispatch_id)
        if dispatch.state in {DispatchState.STOPPED, DispatchState.DONE}:
            return dispatch
        dispatch.stopped_by = by.username
        _move(dispatch, DispatchState.STOPPED, at=at)
        _record("dispatch.stopped", dispatch, by=Actor("staff", by.username), at=at)
        return dispatch


def takes_two(dispatch: Dispatch) -> bool:
    """Whether a second person must approve it."""
    return (dispatch.counted or 0) > BIG_FROM


def figures_of(dispatch: Dispatch) -> dict[str, int]:
    """How many persons of a dispatch stand where."""
    rows = Delivery.objects.filter(dispatch_id=dispatch.dispatch_id).values("state").annotate(n=Count("person_id"))
    return {row["state"]: row["n"] for row in rows.order_by()}


def locked(dispatch_id: UUID) -> Dispatch:
    """A dispatch, locked. Raises ``Refused(DISPATCH_UNKNOWN)``."""
    dispatch = Dispatch.objects.select_for_update().filter(dispatch_id=dispatch_id).first()
    if dispatch is None:
        raise Refused(Reason.DISPATCH_UNKNOWN, "没有这次群发")
    return dispatch


def _begin(dispatch: Dispatch, *, by: Actor, at: datetime) -> Dispatch:
    from yikatong.messaging.tasks import send_now_task

    check_may_begin(dispatch.dispatch_id)
    _move(dispatch, DispatchState.SENDING, at=at)
    _record("dispatch.started", dispatch, by=by, at=at, people=dispatch.counted)
    send_now_task.defer(dispatch_id=str(dispatch.dispatch_id))
    return dispatch


def _move(dispatch: Dispatch, state: DispatchState, *, at: datetime) -> None:
    dispatch.state, dispatch.state_since = state, at
    dispatch.save(update_fields=["state", "state_since", "stopped_by"])


def _record(action: str, dispatch: Dispatch, *, by: Actor, at: datetime, **details: Any) -> None:
    record(action, subject=f"dispatch:{dispatch.dispatch_id}", by=by, at=at, **details)
