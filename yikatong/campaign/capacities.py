"""What departs from the rules for a time: a closed outlet, other windows, other production, post, visits; deliveries of blanks.

Recorded with a reason, from a day until a day, never changed afterwards: whoever erred withdraws a change and records another.
What holds without any: rules/campaign.toml.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import Q, QuerySet

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Bank, Outlet
from yikatong.campaign.models import CapacityChange
from yikatong.city.models import Division
from yikatong.foundation.errors import Refused

REASON_LENGTH_MIN = 4
VALUE_MAX = {
    "outlet_closed": 0,
    "outlet_windows": 200,
    "production_cards": 1_000_000,
    "post_cards": 1_000_000,
    "visits": 10_000,
    "blanks": 50_000_000,
}
"""More is a slip of the keyboard. Source: assumption."""


class Kind(StrEnum):
    """What is otherwise; the unit of ``value`` ends the name where it has one. All but blanks are a day's."""

    OUTLET_CLOSED = "outlet_closed"
    OUTLET_WINDOWS = "outlet_windows"
    PRODUCTION_CARDS = "production_cards"
    POST_CARDS = "post_cards"
    VISITS = "visits"
    BLANKS = "blanks"


KIND_WORDS: dict[str, str] = {
    Kind.OUTLET_CLOSED: "网点停办",
    Kind.OUTLET_WINDOWS: "网点每日办卡窗口数",
    Kind.PRODUCTION_CARDS: "银行每日制卡张数",
    Kind.POST_CARDS: "银行每日邮寄张数",
    Kind.VISITS: "街道每日上门人数",
    Kind.BLANKS: "空白卡到货张数",
}


class Reason(StrEnum):
    """Why a change is not recorded."""

    KIND_UNKNOWN = "kind_unknown"
    NOTHING_OF_THIS_NAME = "nothing_of_this_name"
    VALUE_WRONG = "value_wrong"
    DAYS_WRONG = "days_wrong"
    REASON_MISSING = "reason_missing"
    CHANGE_UNKNOWN = "change_unknown"


@dataclass(frozen=True, slots=True)
class Departure:
    """A change as the planner takes it."""

    kind: str
    of: str
    value: int
    first: date
    last: date | None


def record_change(
    kind: str,
    of: str,
    value: int,
    effective_from: date,
    effective_until: date | None,
    reason: str,
    *,
    by: Actor,
    at: datetime,
) -> CapacityChange:
    """Record a change. ``of``: an outlet, a bank or a street, by its kind. Raises ``Refused``."""
    reason = reason.strip()
    _check(kind, of, value, effective_from, effective_until, reason)
    with transaction.atomic():
        change = CapacityChange.objects.create(
            kind=kind,
            of=of,
            value=0 if kind == Kind.OUTLET_CLOSED else value,
            effective_from=effective_from,
            effective_until=None if kind == Kind.BLANKS else effective_until,
            reason=reason,
            recorded_by=str(by),
            recorded_at=at,
        )
        record(
            "capacity.changed",
            subject=f"capacity_change:{change.change_id}",
            by=by,
            at=at,
            kind=kind,
            of=of,
            value=value,
        )
    return change


def withdraw_change(change_id: int, *, by: Actor, at: datetime) -> CapacityChange:
    """Take a change back, as if it had never been. Repeating it changes nothing. Raises ``Refused``."""
    with transaction.atomic():
        change = CapacityChange.objects.select_for_update().filter(change_id=change_id).first()
        if change is None:
            raise Refused(Reason.CHANGE_UNKNOWN, "没有这条能力变更")
        if change.withdrawn_at is None:
            change.withdrawn_at = at
            change.save(update_fields=["withdrawn_at"])
            record("capacity.withdrawn", subject=f"capacity_change:{change_id}", by=by, at=at)
    return change


def changes_in_force(first: date, last: date) -> QuerySet[CapacityChange]:
    """Changes that meet any day from ``first`` to ``last``, in the order of recording; blanks delivered earlier too."""
    until = Q(effective_until=None) | Q(effective_until__gte=first)
    return CapacityChange.objects.filter(until, withdrawn_at=None, effective_from__lte=last).order_by("change_id")


def departures(first: date, last: date) -> list[Departure]:
    """The same for the planner."""
    return [
        Departure(each.kind, each.of, each.value, each.effective_from, each.effective_until)
        for each in changes_in_force(first, last)
    ]


def _check(kind: str, of: str, value: int, first: date, last: date | None, reason: str) -> None:
    if kind not in Kind:
        raise Refused(Reason.KIND_UNKNOWN, f"没有这种能力变更：{kind}")
    if not _exists(kind, of):
        raise Refused(Reason.NOTHING_OF_THIS_NAME, f"找不到编号为 {of} 的网点、银行或街道，请从列表中选择")
    most = VALUE_MAX[kind]
    if kind != Kind.OUTLET_CLOSED and (not 0 <= value <= most or (kind == Kind.BLANKS and value == 0)):
        raise Refused(Reason.VALUE_WRONG, f"{KIND_WORDS[kind]}应在 0 到 {most:,} 之间，到货张数应大于 0")
    if last is not None and last < first:
        raise Refused(Reason.DAYS_WRONG, f"结束日期 {last} 早于开始日期 {first}，请对调")
    if len(reason) < REASON_LENGTH_MIN:
        raise Refused(Reason.REASON_MISSING, f"请写明原因（至少 {REASON_LENGTH_MIN} 个字），该原因会留存备查")


def _exists(kind: str, of: str) -> bool:
    if kind in {Kind.OUTLET_CLOSED, Kind.OUTLET_WINDOWS}:
        return Outlet.objects.filter(outlet_id=of).exists()
    if kind == Kind.VISITS:
        return Division.objects.filter(level="street", code=of).exists()
    return Bank.objects.filter(code=of).exists()
