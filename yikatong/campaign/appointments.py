"""Appointments at outlets: opened by half-days, booked, moved, cancelled; walk-ins count; who does not come frees the place.

No half-day ever holds more people than it takes, however many ask at once: PostgreSQL enforces it (``sql/appointments_v1.sql``
and a check on the table). Source: the half-day's capacity: rules/campaign.toml; the rest: assumption.
"""

from collections.abc import Sequence
from contextlib import nullcontext
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
from yikatong.campaign.halves import HALVES, Half, is_over
from yikatong.campaign.models import Appointment, AppointmentState, HalfDay
from yikatong.city.capacity import campaign_limits_at
from yikatong.foundation.errors import Refused
from yikatong.foundation.workdays import is_working_day

LOCK_WAIT_MS = 5_000
NEXT_FREE_OFFERED = 2
OPEN_AHEAD_DAYS = 60
"""Half-days are open so far ahead: further than the invitations, and than the 30 days in which a first card is made."""
HALF_DAY_MAX = 10_000
"""No outlet serves more in a half-day, however many windows somebody typed. Source: assumption."""
_LOCK_NOT_AVAILABLE, _DEADLOCK = "55P03", "40P01"


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


@dataclass(frozen=True, slots=True)
class HalfList:
    """Who has an appointment in one half-day; ``taken`` of ``capacity`` places are used."""

    half: str
    capacity: int
    taken: int
    appointments: tuple[Appointment, ...]


class NotBooked(Refused[Reason]):
    """``next_free``: the next half-days of that outlet that have room, if any; offered when the wished one is full."""

    def __init__(self, reason: Reason, message: str, next_free: Sequence[Place] = ()) -> None:
        self.next_free = tuple(next_free)
        super().__init__(reason, message)


def open_half_days(outlet: Outlet, first: date, last: date, *, by: Actor, at: datetime) -> int:
    """Open one outlet's working days from ``first`` to ``last``; how many half-days are new.

    What is open follows what departs from the rules (``capacities``), and public holidays that become known; no appointment is
    taken from anybody.
    """
    with transaction.atomic():
        opened = _open(first, last, outlet.outlet_id)
        if opened:
            record("appointments.opened", subject=f"outlet:{outlet.outlet_id}", by=by, at=at, half_days=opened)
    return opened


def open_all_half_days(first: date, last: date, *, by: Actor, at: datetime) -> int:
    """The same for every outlet, in two statements."""
    with transaction.atomic():
        opened = _open(first, last)
        if opened:
            record("appointments.opened", subject="outlets:all", by=by, at=at, half_days=opened, last=str(last))
    return opened


def are_half_days_open(last: date) -> bool:
    """Whether somewhere the last working day up to ``last`` can be booked: whoever opens half-days was here."""
    while not is_working_day(last):
        last -= timedelta(days=1)
    return HalfDay.objects.filter(day=last).exists()


_WANTED = """
with days as (
    select * from unnest(%(days)s::date[], %(worked)s::bool[], %(open)s::bigint[], %(percent)s::bigint[], %(handling)s::bigint[])
        as d (day, is_worked, open_minutes, windows_percent, handling_minutes)
), changed as (
    select distinct on (c.of, d.day) c.of as outlet_id, d.day, c.value as windows
    from campaign_capacity_change c
    join days d on c.effective_from <= d.day and (c.effective_until is null or c.effective_until >= d.day)
    where c.kind in ('outlet_closed', 'outlet_windows') and c.withdrawn_at is null and %(outlet_id)s in ('', c.of)
    order by c.of, d.day, c.change_id desc
), wanted as (
    select o.outlet_id, d.day, h.half, d.is_worked, case when d.is_worked then least(coalesce(
        c.windows * d.open_minutes / 2 / d.handling_minutes,
        o.windows * d.open_minutes * d.windows_percent / 100 / 2 / d.handling_minutes), %(most)s)::int else 0 end as capacity
    from banks_outlet o
    cross join days d
    cross join unnest(%(halves)s::text[]) as h (half)
    left join changed c on c.outlet_id = o.outlet_id and c.day = d.day
    where %(outlet_id)s in ('', o.outlet_id)
)
"""
_FOLLOW = """
, to_follow as (
    select h.outlet_id, h.day, h.half, w.capacity
    from campaign_half_day h join wanted w on (h.outlet_id, h.day, h.half) = (w.outlet_id, w.day, w.half)
    where h.capacity <> greatest(h.taken, w.capacity)
    order by h.outlet_id, h.day, h.half -- as everybody locks them
    for update of h
)
update campaign_half_day h set capacity = greatest(h.taken, f.capacity) from to_follow f
where (h.outlet_id, h.day, h.half) = (f.outlet_id, f.day, f.half)
"""
_OPEN = """
insert into campaign_half_day (outlet_id, day, half, capacity, taken)
select outlet_id, day, half, capacity, 0 from wanted where is_worked
on conflict do nothing
"""


def _open(first: date, last: date, outlet_id: str = "") -> int:
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    limits = [campaign_limits_at(day) for day in days]
    wanted: dict[str, Any] = {
        "days": days,
        "worked": [is_working_day(day) for day in days],
        "open": [each.open_minutes for each in limits],
        "percent": [each.windows_percent for each in limits],
        "handling": [each.handling_minutes for each in limits],
        "halves": list(HALVES),
        "most": HALF_DAY_MAX,
        "outlet_id": outlet_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WANTED + _FOLLOW, wanted)
        cursor.execute(_WANTED + _OPEN, wanted)
        return int(cursor.rowcount)


def book(
    person_id: int,
    place: Place,
    *,
    appointment_id: UUID,
    by: Actor,
    at: datetime,
    kind: Literal["booked", "walk_in", "invited"] = "booked",
) -> str:
    """Take a place; a person's earlier appointment ends and its place comes back. ``booked``, ``moved`` or ``repeated``.

    Raises ``NotBooked``; then everything is as it was, and an earlier appointment still stands.
    """
    if is_over(place.day, place.half, at):
        raise NotBooked(Reason.PAST, f"{place.day} {_spoken(place.half)}已经过去，请选择以后的时间")
    status = _call(
        "select campaign_book_v2(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [person_id, appointment_id, place.outlet_id, place.day, place.half, kind, str(by), at, LOCK_WAIT_MS],
    )
    if status == Reason.FULL:
        free = next_free(place, at=at)
        words = "、".join(f"{each.day} {_spoken(each.half)}" for each in free)
        offered = f"；最近有空的是 {words}" if free else "，该网点近期没有空位，请选择其他网点"
        raise NotBooked(Reason.FULL, f"{place.day} {_spoken(place.half)}已约满{offered}", free)
    if status == Reason.UNKNOWN:
        raise NotBooked(Reason.UNKNOWN, f"该网点 {place.day} {_spoken(place.half)}不办理预约，请选择其他日期")
    if status == Reason.CONFLICT:
        raise NotBooked(Reason.CONFLICT, "这个预约编号已经用于另一次预约，请重新提交")
    if status == Reason.ENDED:
        raise NotBooked(Reason.ENDED, "这个预约已经结束（改期、取消、办理或未到），请重新打开预约页面")
    return status


def end(
    person_id: int,
    appointment_id: UUID,
    *,
    state: Literal["cancelled", "no_show", "done"],
    by: Actor,
    at: datetime,
) -> None:
    """Cancel an appointment, or note that nobody came (its place is free again), or that the person was served.

    Repeating it changes nothing. Raises ``NotBooked`` when there is none or it ended in another way.
    """
    status = _call(
        "select campaign_end_v2(%s, %s, %s, %s, %s, %s)", [person_id, appointment_id, state, str(by), at, LOCK_WAIT_MS]
    )
    if status == Reason.UNKNOWN:
        raise NotBooked(Reason.UNKNOWN, "没有这个预约")
    if status == Reason.ENDED:
        raise NotBooked(Reason.ENDED, "这个预约已经结束（改期、取消、办理或未到），不能再更改")


def confirm(person_id: int, appointment_id: UUID, *, by: Actor, at: datetime) -> None:
    """Note that the person will come. Repeating it changes nothing; raises ``NotBooked`` when it is not kept any more."""
    with transaction.atomic():
        found = (
            Appointment.objects.select_for_update().filter(person_id=person_id, appointment_id=appointment_id).first()
        )
        if found is None:
            raise NotBooked(Reason.UNKNOWN, "没有这个预约")
        if found.state != AppointmentState.KEPT:
            raise NotBooked(Reason.ENDED, "这个预约已经结束（改期、取消、办理或未到），不能再更改")
        if found.confirmed_at is None:
            found.confirmed_at = at
            found.save(update_fields=["confirmed_at"])
            record("appointment.confirmed", subject=f"appointment:{appointment_id}", by=by, at=at, person_id=person_id)


def kept_by(person_id: int) -> Appointment | None:
    """The one appointment a person has."""
    return Appointment.objects.filter(person_id=person_id, state=AppointmentState.KEPT).first()


def list_of_day(outlet_id: str, day: date) -> list[HalfList]:
    """A day's half-days at an outlet, with those who are expected, came or did not come; empty when it is closed."""
    expected: dict[str, list[Appointment]] = {half: [] for half in HALVES}
    states = [AppointmentState.KEPT, AppointmentState.DONE, AppointmentState.NO_SHOW]
    rows = Appointment.objects.filter(outlet_id=outlet_id, day=day, state__in=states)
    for row in rows.order_by("booked_at", "person_id"):
        expected[row.half].append(row)
    halves = HalfDay.objects.filter(outlet_id=outlet_id, day=day).order_by("half")
    return [HalfList(each.half, each.capacity, each.taken, tuple(expected[each.half])) for each in halves]


def next_free(place: Place, *, at: datetime, most: int = NEXT_FREE_OFFERED) -> list[Place]:
    """The first half-days of this outlet with room, from ``place`` on and not over at ``at``."""
    free = HalfDay.objects.filter(outlet_id=place.outlet_id, day__gte=place.day, taken__lt=F("capacity"))
    found = [
        Place(place.outlet_id, day, "am" if half == "am" else "pm")
        for day, half in free.order_by("day", "half").values_list("day", "half")[: most + len(HALVES)]
        if not is_over(day, half, at) and (day, half) >= (place.day, place.half)
    ]
    return found[:most]


def _call(statement: str, parameters: list[Any]) -> str:
    """One function in one transaction; a lock that does not come in time, or never would, is told as ``BUSY``."""
    try:
        # A savepoint only where there is a transaction to save: outside, the one statement is the transaction.
        with transaction.atomic() if connection.in_atomic_block else nullcontext(), connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return str(cursor.fetchone()[0])
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) not in {_LOCK_NOT_AVAILABLE, _DEADLOCK}:
            raise
        raise NotBooked(Reason.BUSY, "同时预约的人太多，请稍后再试") from error


def _spoken(half: str) -> str:
    return "上午" if half == "am" else "下午"
