"""Appointments at outlets: opened by half-days, booked, moved, cancelled; walk-ins count; who does not come frees the place.

No half-day ever holds more people than it takes, however many ask at once: PostgreSQL enforces it (``sql/appointments_v1.sql``
and a check on the table). Source: the half-day's capacity: rules/campaign.toml; the rest: assumption.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models import F

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Outlet
from yikatong.campaign.models import HalfDay
from yikatong.city.capacity import campaign_limits_at
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.foundation.workdays import is_working_day

type Half = Literal["am", "pm"]

HALVES: tuple[Half, ...] = ("am", "pm")
LOCK_WAIT_MS = 5_000
_LOCK_NOT_AVAILABLE = "55P03"


class Reason(StrEnum):
    """Why there is no appointment."""

    FULL = "full"
    UNKNOWN = "unknown"
    PAST = "past"
    CONFLICT = "conflict"
    ENDED = "ended"
    BUSY = "busy"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A half-day of an outlet."""

    outlet_id: str
    day: date
    half: Half


class NotBooked(Refused[Reason]):
    """``next_free``: the next half-day of that outlet that has room, where there is one; offered when the wished one is full."""

    def __init__(self, reason: Reason, message: str, next_free: Place | None = None) -> None:
        self.next_free = next_free
        super().__init__(reason, message)


def open_half_days(outlet: Outlet, first: date, last: date, *, by: Actor, at: datetime) -> int:
    """Open the working days from ``first`` to ``last``; how many half-days are new. What is open stays as it is."""
    rows = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        limits = campaign_limits_at(day)
        minutes = outlet.windows * limits.open_minutes * limits.windows_percent // 100
        if is_working_day(day):
            rows += [
                HalfDay(
                    outlet_id=outlet.outlet_id, day=day, half=half, capacity=minutes // 2 // limits.handling_minutes
                )
                for half in HALVES
            ]
    with transaction.atomic():
        before = HalfDay.objects.filter(outlet_id=outlet.outlet_id).count()
        HalfDay.objects.bulk_create(rows, ignore_conflicts=True)
        opened = HalfDay.objects.filter(outlet_id=outlet.outlet_id).count() - before
        if opened:
            record("appointments.opened", subject=f"outlet:{outlet.outlet_id}", by=by, at=at, half_days=opened)
    return opened


def book(
    person_id: int,
    place: Place,
    *,
    appointment_id: UUID,
    by: Actor,
    at: datetime,
    kind: Literal["booked", "walk_in"] = "booked",
) -> str:
    """Take a place; a person's earlier appointment ends and its place comes back. ``booked``, ``moved`` or ``repeated``.

    Raises ``NotBooked``; then everything is as it was, and an earlier appointment still stands.
    """
    if place.day < beijing_day(at):
        raise NotBooked(Reason.PAST, f"{place.day} 已经过去，请选择今天或以后的日期")
    status = _call(
        "select campaign_book_v1(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [person_id, appointment_id, place.outlet_id, place.day, place.half, kind, str(by), at, LOCK_WAIT_MS],
    )
    if status == Reason.FULL:
        free = next_free(place)
        offered = f"；最近有空的是 {free.day} {_spoken(free.half)}" if free else "，该网点近期没有空位，请选择其他网点"
        raise NotBooked(Reason.FULL, f"{place.day} {_spoken(place.half)}已约满{offered}", free)
    if status == Reason.UNKNOWN:
        raise NotBooked(Reason.UNKNOWN, f"该网点 {place.day} {_spoken(place.half)}不办理预约，请选择其他日期")
    if status == Reason.CONFLICT:
        raise NotBooked(Reason.CONFLICT, "这个预约编号已经用于另一次预约，请重新提交")
    return status


def end(
    person_id: int, appointment_id: UUID, *, state: Literal["cancelled", "no_show"], by: Actor, at: datetime
) -> None:
    """Cancel an appointment, or note that nobody came; its place is free again. Repeating it changes nothing.

    Raises ``NotBooked`` when there is none or it ended in another way.
    """
    status = _call(
        "select campaign_end_v1(%s, %s, %s, %s, %s, %s)", [person_id, appointment_id, state, str(by), at, LOCK_WAIT_MS]
    )
    if status == Reason.UNKNOWN:
        raise NotBooked(Reason.UNKNOWN, "没有这个预约")
    if status == Reason.ENDED:
        raise NotBooked(Reason.ENDED, "这个预约已经结束（改期、取消或未到），不能再更改")


def next_free(place: Place) -> Place | None:
    """The first half-day of this outlet with room, from ``place`` on, else the first at all from that day."""
    free = HalfDay.objects.filter(outlet_id=place.outlet_id, day__gte=place.day, taken__lt=F("capacity"))
    found = free.order_by("day", "half").values_list("outlet_id", "day", "half").first()
    return Place(found[0], found[1], "am" if found[2] == "am" else "pm") if found else None


def _call(statement: str, parameters: list[Any]) -> str:
    """One function in one transaction; a lock that does not come in time is told as ``BUSY``."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return str(cursor.fetchone()[0])
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise NotBooked(Reason.BUSY, "同时预约的人太多，请稍后再试") from error


def _spoken(half: str) -> str:
    return "上午" if half == "am" else "下午"
