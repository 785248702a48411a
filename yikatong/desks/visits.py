"""Who comes to an outlet on a day, as the desk works it off: counted by state, listed a page at a time, and who is next.

Nobody checks in: whoever walked in is known to be there, whoever has an appointment may come at any time of the half-day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Case, Count, IntegerField, Q, Value, When

from yikatong.campaign.models import Appointment, AppointmentState, HalfDay

SHOWN_STATES = (AppointmentState.KEPT, AppointmentState.DONE, AppointmentState.NO_SHOW)


@dataclass(frozen=True, slots=True)
class HalfPage:
    """A half-day: how full it is, how many are in which state, and a page of them."""

    half: str
    capacity: int
    taken: int
    by_state: dict[str, int]
    appointments: tuple[Appointment, ...]
    has_more: bool


def halves_of(
    outlet_id: str, day: date, *, state: str = "", after: tuple[str, datetime, int] | None = None, limit: int
) -> list[HalfPage]:
    """The half-days of an outlet's day; of the half named in ``after`` (half, booked at, person) the page behind it."""
    counted = Appointment.objects.filter(outlet_id=outlet_id, day=day, state__in=SHOWN_STATES)
    figures: dict[str, dict[str, int]] = {}
    for row in counted.values("half", "state").annotate(people=Count("person_id")):
        figures.setdefault(row["half"], {})[row["state"]] = row["people"]
    states = (state,) if state in SHOWN_STATES else SHOWN_STATES
    pages = []
    for half_day in HalfDay.objects.filter(outlet_id=outlet_id, day=day).order_by("half"):
        found = _page(outlet_id, day, half_day.half, states, after, limit + 1)
        by_state = figures.get(half_day.half, {})
        shown = tuple(found[:limit])
        pages.append(HalfPage(half_day.half, half_day.capacity, half_day.taken, by_state, shown, len(found) > limit))
    return pages


def next_in_line(outlet_id: str, day: date, half: str) -> Appointment | None:
    """Whoever walked in and still waits, the first first; nobody waiting, the first who is expected."""
    is_here = Case(When(kind="walk_in", then=Value(0)), default=Value(1), output_field=IntegerField())
    waiting = Appointment.objects.filter(outlet_id=outlet_id, day=day, half=half, state=AppointmentState.KEPT)
    return waiting.order_by(is_here, "booked_at", "person_id").first()


def _page(
    outlet_id: str,
    day: date,
    half: str,
    states: Sequence[str],
    after: tuple[str, datetime, int] | None,
    limit: int,
) -> list[Appointment]:
    found = Appointment.objects.filter(outlet_id=outlet_id, day=day, half=half, state__in=states)
    if after is not None and after[0] == half:
        _half, at, person_id = after
        found = found.filter(Q(booked_at__gt=at) | Q(booked_at=at, person_id__gt=person_id))
    return list(found.order_by("booked_at", "person_id")[:limit])
