"""The half-day kept for somebody whose bank is fixed, at the moment they are invited.

Proposed for many at once, in proportion to what is free in their week (``halves``); booked one by one, so that nothing is ever
overbooked. What a person chose or confirmed themselves is never moved. It sends nothing.
"""

from collections import defaultdict
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import numpy as np
from django.db import connection, transaction

from yikatong.audit.actors import Actor
from yikatong.campaign.appointments import NotBooked, Place, Reason, book, end, kept_by, next_free
from yikatong.campaign.halves import HALVES, NO_HALF_DAY, Half, spread
from yikatong.campaign.models import Appointment, Campaign, HalfDay, Invitation, InvitationState
from yikatong.foundation.clock import beijing_day

TRIES = 3
_LOCK_APPOINTMENT_OF = "select pg_advisory_xact_lock(hashtextextended('campaign appointment of ' || %s, 0))"
"""The lock that ``sql/appointments_v1.sql`` takes first."""
_KEPT_FOR_NOTHING = """
select a.person_id, a.appointment_id
from campaign_invitation i join campaign_appointment a using (person_id, appointment_id)
where i.state = 'withdrawn' and a.state = 'kept' and a.kind = 'invited' and a.confirmed_at is null
    and not exists (
        select from campaign_invitation other
        where other.person_id = a.person_id and other.appointment_id = a.appointment_id and other.state <> 'withdrawn'
    )
order by a.outlet_id, a.day, a.half
"""


class NotNow(Exception):
    """Too many ask at once: this invitation is left for the next run."""


def places_proposed(due: list[Invitation], *, at: datetime) -> dict[int, Place]:
    """A half-day for everybody who needs one, by person; who is not in it found no room in their week."""
    by_week: dict[date, list[Invitation]] = defaultdict(list)
    for invitation in due:
        if invitation.outlet_id and invitation.appointment_id is None:
            by_week[invitation.week_starts_on].append(invitation)
    found: dict[int, Place] = {}
    for monday, invitations in by_week.items():
        found |= _proposed_in_week(monday, invitations, at)
    return found


def _proposed_in_week(monday: date, invitations: list[Invitation], at: datetime) -> dict[int, Place]:
    outlets = sorted({invitation.outlet_id for invitation in invitations})
    first = _first_day(monday, at)
    days = [monday + timedelta(days=number) for number in range(7) if monday + timedelta(days=number) >= first]
    columns: list[tuple[date, Half]] = [(day, half) for day in days for half in HALVES]
    column_of: dict[tuple[date, str], int] = {column: number for number, column in enumerate(columns)}
    free = np.zeros((len(outlets), max(len(columns), 1)), np.int64)
    halves = HalfDay.objects.filter(outlet_id__in=outlets, day__in=days)
    for outlet_id, day, half, capacity, taken in halves.values_list("outlet_id", "day", "half", "capacity", "taken"):
        free[outlets.index(outlet_id), column_of[day, half]] = capacity - taken
    seed = Campaign.objects.values_list("seed", flat=True).get(campaign_id=invitations[0].campaign_id)
    person = np.array([invitation.person_id for invitation in invitations], np.int64)
    row = np.array([outlets.index(invitation.outlet_id) for invitation in invitations], np.int64)
    found = spread(free, row, person, seed=seed)
    return {
        invitation.person_id: Place(invitation.outlet_id, *columns[column])
        for invitation, column in zip(invitations, found.tolist(), strict=True)
        if column != NO_HALF_DAY
    }


def keep_half_day(invitation: Invitation, proposed: Place | None, *, by: Actor, at: datetime) -> None:
    """Book the proposed half-day, else the next free one, and note it in the invitation; with neither, note nothing.

    Repeating it changes nothing. An earlier invitation's half-day ends, even when there is no room for another; one that the
    person chose stays and is noted. Raises ``NotNow``.
    """
    with transaction.atomic():
        row = (
            Invitation.objects.select_for_update(skip_locked=True)
            .filter(person_id=invitation.person_id, campaign_id=invitation.campaign_id, state=InvitationState.WAITING)
            .first()
        )
        if row is None or row.appointment_id is not None:
            return
        kept = kept_by(row.person_id)
        if kept is not None and not _is_ours(kept):
            if row.outlet_id:
                Invitation.objects.filter(pk=row.pk).update(appointment_id=kept.appointment_id)
            return
        is_booked = bool(row.outlet_id) and _book(row, proposed, by=by, at=at)
        if kept is not None and not is_booked:
            _end(kept, by=by, at=at)


def name_no_bank(invitation: Invitation, *, by: Actor, at: datetime) -> None:
    """The person may choose after all: the invitation names no bank and no outlet, and a half-day that it kept ends.

    Raises ``NotNow``.
    """
    with transaction.atomic():
        waiting = Invitation.objects.filter(pk=invitation.pk, state=InvitationState.WAITING)
        if waiting.update(bank_code="", outlet_id="", appointment_id=None):
            give_back(invitation, by=by, at=at)
    invitation.bank_code = invitation.outlet_id = ""
    invitation.appointment_id = None


def give_back(invitation: Invitation, *, by: Actor, at: datetime) -> bool:
    """End the half-day that an invitation kept, unless the person has confirmed it; whether there was one.

    Repeating it changes nothing. Raises ``NotNow``.
    """
    kept = kept_by(invitation.person_id)
    if kept is None or kept.appointment_id != invitation.appointment_id or not _is_ours(kept):
        return False
    _end(kept, by=by, at=at)
    return True


def give_back_withdrawn(*, by: Actor, at: datetime) -> int:
    """End the half-days kept for invitations that were withdrawn before they were told; how many. Safe to repeat.

    What the person chose or confirmed stays, and so does what another invitation has noted. Raises ``NotNow``; then it is to be
    done again.
    """
    with connection.cursor() as cursor:
        cursor.execute(_KEPT_FOR_NOTHING)
        found = cursor.fetchall()
    return sum(give_back_alone(person_id, appointment_id, by=by, at=at) for person_id, appointment_id in found)


def give_back_alone(person_id: int, appointment_id: UUID, *, by: Actor, at: datetime) -> bool:
    """End the half-day of an invitation that was withdrawn, unless another has noted it; whether it was ended now.

    Whoever notes one holds this person's lock too. Raises ``NotNow``.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_APPOINTMENT_OF, [person_id])
        told = Invitation.objects.filter(person_id=person_id, appointment_id=appointment_id)
        kept = kept_by(person_id)
        if kept is None or kept.appointment_id != appointment_id or not _is_ours(kept):
            return False
        if told.exclude(state=InvitationState.WITHDRAWN).exists():
            return False
        _end(kept, by=by, at=at)
        return True


def _is_ours(kept: Appointment) -> bool:
    """Whether nobody but us has spoken for it: what a person chose or confirmed is not."""
    return kept.kind == "invited" and kept.confirmed_at is None


def _end(kept: Appointment, *, by: Actor, at: datetime) -> None:
    try:
        end(kept.person_id, kept.appointment_id, state="cancelled", by=by, at=at)
    except NotBooked as refused:
        if refused.reason == Reason.BUSY:
            raise NotNow from refused
        if refused.reason != Reason.ENDED:
            raise


def _book(row: Invitation, proposed: Place | None, *, by: Actor, at: datetime) -> bool:
    """Whether a half-day was found and noted."""
    place = proposed
    for _ in range(TRIES):
        if place is None:
            start = Place(row.outlet_id, _first_day(row.week_starts_on, at), "am")
            place = next(iter(next_free(start, at=at, most=1)), None)
        if place is None:
            return False
        number = uuid4()
        try:
            booked = book(row.person_id, place, appointment_id=number, by=by, at=at, kind="invited")
        except NotBooked as refused:
            if refused.reason == Reason.BUSY:
                raise NotNow from refused
            place = next(iter(refused.next_free), None)
            continue
        kept = kept_by(row.person_id) if booked == "repeated" else None
        Invitation.objects.filter(pk=row.pk).update(appointment_id=kept.appointment_id if kept else number)
        return True
    return False


def _first_day(monday: date, at: datetime) -> date:
    """Nobody is invited for the day on which they hear of it."""
    return max(monday, beijing_day(at) + timedelta(days=1))
