"""Where and from when a person may have an appointment, and booking within that.

A card that is applied for is handed over at the outlet the applicant chose, so the appointment is there: once the card has come,
or from the day by which it was promised. Before an application only a fixed bank's invitation names an outlet. Capacity is the
business of ``appointments``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import QuerySet

from yikatong.applications.models import Application, ApplicationState
from yikatong.applications.rules import OPEN_STATES
from yikatong.applications.selectors import applications_of
from yikatong.audit.actors import Actor
from yikatong.campaign.appointments import Place, book, end, kept_by
from yikatong.campaign.halves import HALVES, is_over
from yikatong.campaign.invitations import invitation_of
from yikatong.campaign.models import Appointment, AppointmentState, HalfDay, Invitation, InvitationState
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.issuance.selectors import cards_held
from yikatong.queries.prepared import prepared

DAYS_OFFERED = 5


class BookingReason(StrEnum):
    """Why a half-day is not this person's to book, whether or not it has room."""

    NOTHING_TO_COLLECT = "nothing_to_collect"
    OTHER_OUTLET = "other_outlet"
    TOO_EARLY = "too_early"


@dataclass(frozen=True, slots=True)
class Bookable:
    """An outlet, and the first day on which coming is of use. ``is_ready``: the card is there."""

    outlet_id: str
    first_day: date
    is_ready: bool


@dataclass(frozen=True, slots=True)
class OfferedHalf:
    """A half-day as shown: how many it still takes; ``is_mine``: it is the person's own."""

    place: Place
    free: int
    is_mine: bool


@dataclass(frozen=True, slots=True)
class OfferedDay:
    """A day's half-days that are not over."""

    day: date
    halves: tuple[OfferedHalf, ...]


def where_to_book(person_id: int, *, at: datetime) -> Bookable | None:
    """Where a person may have an appointment; ``None`` while nothing is to be collected at an outlet."""
    return bookable_of(
        applications_of(person_id),
        holds_third_generation=cards_held(person_id).third_generation,
        invited=invitation_of(person_id),
        kept=kept_by(person_id),
        at=at,
    )


def bookable_of(
    applications: Sequence[Application],
    *,
    holds_third_generation: bool,
    invited: Invitation | None,
    kept: Appointment | None,
    at: datetime,
) -> Bookable | None:
    """The same for who has read all that already. ``applications``: newest first."""
    today = beijing_day(at)
    for application in applications:
        if application.state in OPEN_STATES:
            if application.collection != "outlet":
                return None
            is_ready = application.state == ApplicationState.READY
            first_day = today if is_ready else max(today, application.promised_by or today)
            return Bookable(application.outlet_id, first_day, is_ready)
    if holds_third_generation:
        return None
    if invited is not None and invited.outlet_id:
        return Bookable(invited.outlet_id, today, is_ready=False)
    return Bookable(kept.outlet_id, today, is_ready=False) if kept is not None else None


def appointments_of(person_ids: Sequence[int]) -> tuple[dict[int, Appointment], dict[int, Invitation]]:
    """What several people keep, and what each was told last and still holds; two queries however many they are."""
    kept, sent = _kept_by_all(list(person_ids)), _sent_to_all(list(person_ids))
    return {row.person_id: row for row in kept}, {row.person_id: row for row in sent}


@prepared
def _kept_by_all(person_ids: Sequence[int]) -> QuerySet[Appointment]:
    return Appointment.objects.filter(person_id__in=person_ids, state=AppointmentState.KEPT)


@prepared
def _sent_to_all(person_ids: Sequence[int]) -> QuerySet[Invitation]:
    return Invitation.objects.filter(person_id__in=person_ids, state=InvitationState.SENT).order_by("state_since")


def offered(bookable: Bookable, *, person_id: int, at: datetime, since: date | None = None) -> list[OfferedDay]:
    """The next days of that outlet, full half-days too, from ``since`` on; one page of them."""
    first = max(bookable.first_day, since or bookable.first_day)
    kept = kept_by(person_id)
    mine = (kept.outlet_id, kept.day, kept.half) if kept is not None else None
    rows = HalfDay.objects.filter(outlet_id=bookable.outlet_id, day__gte=first, capacity__gt=0).order_by("day", "half")
    days: dict[date, list[OfferedHalf]] = {}
    for day, half, capacity, taken in rows.values_list("day", "half", "capacity", "taken")[
        : (DAYS_OFFERED + 1) * len(HALVES)
    ]:
        if not is_over(day, half, at):
            place = Place(bookable.outlet_id, day, "am" if half == "am" else "pm")
            is_mine = mine == (place.outlet_id, day, half)
            days.setdefault(day, []).append(OfferedHalf(place, max(capacity - taken, 0), is_mine))
    return [OfferedDay(day, tuple(halves)) for day, halves in list(days.items())[:DAYS_OFFERED]]


def book_for(person_id: int, place: Place, *, appointment_id: UUID, by: Actor, at: datetime) -> str:
    """Book, or move to, a half-day where this person may have one. Raises ``Refused``, as ``appointments.book`` does."""
    bookable = where_to_book(person_id, at=at)
    if bookable is None:
        raise Refused(BookingReason.NOTHING_TO_COLLECT, "目前没有需要到网点领取的卡，不用预约")
    if place.outlet_id != bookable.outlet_id:
        raise Refused(BookingReason.OTHER_OUTLET, "只能预约领卡的网点，请重新打开预约页面")
    if place.day < bookable.first_day:
        raise Refused(BookingReason.TOO_EARLY, f"卡片预计 {bookable.first_day} 前制成，请选择这一天或以后")
    return book(person_id, place, appointment_id=appointment_id, by=by, at=at)


def give_back(person_id: int, *, by: Actor, at: datetime) -> bool:
    """Cancel what a person booked for an application that was withdrawn; whether there was anything. Safe to repeat.

    A half-day kept by an invitation stays: the invitation does.
    """
    kept = kept_by(person_id)
    is_open = any(application.state in OPEN_STATES for application in applications_of(person_id))
    if kept is None or kept.kind == "invited" or is_open:
        return False
    end(person_id, kept.appointment_id, state="cancelled", by=by, at=at)
    return True
