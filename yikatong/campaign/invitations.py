"""Sending what a published plan tells people, each when their week is near, and keeping a half-day where the bank is fixed.

Promised: nobody's invitation is lost, and nobody is told twice but for one case. Sending and the note that it was sent are one
transaction; a worker that dies in between leaves the invitation waiting, and another sends it. A provider that had taken the
message just then sends it a second time (``ConsoleSms`` writes to the same database and cannot). At most once would promise the
opposite: somebody never hears that their turn has come, and nobody notices.

Who may still choose a bank is told only that their turn has come. Minors are invited through a guardian, with whom they share one
message where both have the same week. It does not decide who is invited when: see ``publishing``.
"""

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q

from yikatong.accounts import messages
from yikatong.applications.rules import ADULT_AGE_YEARS, OPEN_STATES
from yikatong.applications.selectors import applications_of, eligible_banks
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Outlet
from yikatong.campaign.appointments import Place, kept_by
from yikatong.campaign.keeping import NotNow, give_back, give_back_alone, keep_half_day, name_no_bank, places_proposed
from yikatong.campaign.models import Campaign, CampaignState, Invitation, InvitationState
from yikatong.campaign.wording import Told, invitation_text, salutation
from yikatong.foundation.clock import BEIJING, age_years, beijing_day
from yikatong.issuance.selectors import cards_held
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view, guardians_of, wards_of

log = logging.getLogger(__name__)

INVITED_AHEAD_DAYS = 14
"""So many days before their week people are told. Source: assumption."""
ATTEMPTS_MAX = 4
RETRY_AFTER = timedelta(minutes=10)
_BY = Actor.system("invitations")
_TRY_FAMILY = "select pg_try_advisory_xact_lock(hashtextextended('campaign invitation to ' || %s, 0))"


@dataclass(frozen=True, slots=True)
class SendReport:
    """What one run did. ``messages`` went to ``people``; ``not_needed``: they applied or got a card since the plan."""

    messages: int = 0
    people: int = 0
    unreachable: int = 0
    failed: int = 0
    to_retry: int = 0
    not_needed: int = 0


@dataclass(slots=True)
class _Run:
    """One run: when, what it counted, and which outlets it has met."""

    at: datetime
    counts: Counter[str] = field(default_factory=Counter)
    done: set[int] = field(default_factory=set)


def is_time_to_send(at: datetime) -> bool:
    """Whether messages go out at this hour: one at which nobody minds."""
    first, until = sending_hours()
    return first <= at.astimezone(BEIJING).hour < until


def sending_hours() -> tuple[int, int]:
    """From which hour of Beijing to before which messages go out. Source: assumption (``settings.SENDING_HOURS``)."""
    first, until = settings.SENDING_HOURS.split("-")
    return int(first), int(until)


def next_hour_to_send(at: datetime) -> datetime:
    """The first moment from ``at`` on at which messages go out."""
    if is_time_to_send(at):
        return at
    local = at.astimezone(BEIJING)
    first, _ = sending_hours()
    day = local.date() if local.hour < first else local.date() + timedelta(days=1)
    return datetime.combine(day, time(first), tzinfo=BEIJING)


def send_due(*, at: datetime, most: int) -> SendReport:
    """Send what is due, at most ``most`` messages, nothing outside the hours. May run beside itself and be killed."""
    if not is_time_to_send(at):
        return SendReport()
    run = _Run(at)
    due = _due(at, most)
    proposed = _proposed(due, at)
    people = Person.objects.in_bulk([invitation.person_id for invitation in due])
    for invitation in due:
        if invitation.person_id not in run.done:
            try:
                _send(invitation, people[invitation.person_id], proposed.get(invitation.person_id), run)
            except Exception as error:  # one row that nobody foresaw must not keep all others waiting
                _note_error(invitation, error, run)
    return SendReport(**run.counts)


def find_unreachable(*, after_person_id: int = 0, limit: int = 50) -> list[Invitation]:
    """Those who cannot be told by message: helpers call on them. By number, a page at a time.

    Of the published plan, and of one before it for weeks that its replacement left alone (``publishing``).
    """
    return list(
        Invitation.objects.filter(
            state__in=[InvitationState.UNREACHABLE, InvitationState.FAILED],
            person_id__gt=after_person_id,
        ).order_by("person_id")[:limit]
    )


def invitation_of(person_id: int) -> Invitation | None:
    """What a person was told last and still holds."""
    return Invitation.objects.filter(person_id=person_id, state=InvitationState.SENT).order_by("-state_since").first()


def addressee_of(person: Person, at: datetime) -> Person | None:
    """Whose phone hears of it: the person's, for a minor the first guardian's (by number) who has one; ``None`` for nobody's."""
    if not _is_minor(person, at):
        return person if person.phone_sealed else None
    guardians = guardians_of(person.person_id, beijing_day(at))
    return next((guardian for guardian in guardians if guardian.phone_sealed), None)


def _published() -> list[str]:
    return list(Campaign.objects.filter(state=CampaignState.PUBLISHED).values_list("campaign_id", flat=True))


def _due(at: datetime, most: int) -> list[Invitation]:
    """Those whose week is near, the nearest first; one that failed has to wait a while."""
    return list(
        Invitation.objects.filter(
            Q(attempts=0) | Q(state_since__lte=at - RETRY_AFTER),
            campaign_id__in=_published(),
            state=InvitationState.WAITING,
            week_starts_on__lte=beijing_day(at) + timedelta(days=INVITED_AHEAD_DAYS),
        ).order_by("week_starts_on", "person_id")[:most]
    )


def _proposed(due: list[Invitation], at: datetime) -> dict[int, Place]:
    """Without a proposal the next free half-day is taken."""
    try:
        with transaction.atomic():
            return places_proposed(due, at=at)
    except Exception as error:
        raise_if_database_is_gone(error)
        log.warning("no half-days were proposed: %s", type(error).__name__)
        return {}


def raise_if_database_is_gone(error: Exception) -> None:
    """A connection that is lost is no fault of one row: the task is tried again on another. To be called in ``except``."""
    if isinstance(error, OperationalError | InterfaceError) and not connection.is_usable():
        raise error


def _send(invitation: Invitation, person: Person, proposed: Place | None, run: _Run) -> None:
    """One message, to one person or a family."""
    addressee = addressee_of(person, run.at)
    try:
        if not _is_needed(invitation):
            _close(invitation, InvitationState.WITHDRAWN, run)
            return
        if addressee is None:
            _close(invitation, InvitationState.UNREACHABLE, run)
            return
        if invitation.bank_code and invitation.way != "unit" and not _is_bank_fixed_still(invitation, person, run):
            name_no_bank(invitation, by=_BY, at=run.at)
        keep_half_day(invitation, proposed, by=_BY, at=run.at)
    except NotNow:
        return
    replaced: list[Invitation] = []
    with transaction.atomic():
        if _has_to_itself(addressee):
            family = _family(invitation, addressee, run)
            if family:
                replaced = _tell(family, addressee, run)
    for row in replaced:
        _give_back_replaced(row, run)


def _is_needed(invitation: Invitation) -> bool:
    """Whoever has a card or applied by themselves since need not be told; a unit's people are told that it collects."""
    if cards_held(invitation.person_id).third_generation:
        return False
    applications = applications_of(invitation.person_id)
    return invitation.way == "unit" or not any(each.state in OPEN_STATES for each in applications)


def _is_bank_fixed_still(invitation: Invitation, person: Person, run: _Run) -> bool:
    """Rules change with the date, a unit picks otherwise, a membership ends: by now the person may be free to choose.

    Of a unit's people this is not asked: they may have written their bank on its roster, and their message names none.
    """
    return eligible_banks(person, acting_person_id=None, on=beijing_day(run.at)) == (invitation.bank_code,)


def _close(invitation: Invitation, state: InvitationState, run: _Run) -> None:
    """Not to be sent, if it is waiting still; a half-day kept for it is free again."""
    with transaction.atomic():
        waiting = Invitation.objects.filter(pk=invitation.pk, state=InvitationState.WAITING)
        if waiting.update(state=state, state_since=run.at):
            give_back(invitation, by=_BY, at=run.at)
            run.counts["unreachable" if state == InvitationState.UNREACHABLE else "not_needed"] += 1
            _record(state, invitation, run)


def _has_to_itself(addressee: Person) -> bool:
    """One worker at a time writes to one phone, so that a family gets one message."""
    with connection.cursor() as cursor:
        cursor.execute(_TRY_FAMILY, [addressee.person_id])
        return bool(cursor.fetchone()[0])


def _family(invitation: Invitation, addressee: Person, run: _Run) -> list[Invitation]:
    """The invitation, if it is waiting still, and those that the same message can tell; all locked."""
    together = [invitation.person_id]
    if not invitation.outlet_id:
        wards = wards_of(addressee.person_id, beijing_day(run.at))
        together += [ward.person_id for ward in wards if _hears_through(ward, addressee, run.at)]
        together.append(addressee.person_id)
    rows = list(
        Invitation.objects.select_for_update(skip_locked=True)
        .filter(
            person_id__in=together,
            campaign_id=invitation.campaign_id,
            state=InvitationState.WAITING,
            week_starts_on=invitation.week_starts_on,
            way=invitation.way,
            outlet_id=invitation.outlet_id,
        )
        .order_by("person_id")
    )
    if invitation.person_id not in {row.person_id for row in rows}:
        return []
    return [row for row in rows if row.person_id == invitation.person_id or _is_needed(row)]


def _hears_through(ward: Person, addressee: Person, at: datetime) -> bool:
    found = addressee_of(ward, at) if _is_minor(ward, at) else None
    return found is not None and found.person_id == addressee.person_id


def _tell(family: list[Invitation], addressee: Person, run: _Run) -> list[Invitation]:
    """Send, and note it in the same transaction; what fails is tried again a few times. The invitations that this replaces."""
    ids = [row.person_id for row in family]
    earlier = Invitation.objects.filter(person_id__in=ids, state=InvitationState.SENT).exclude(
        campaign_id=family[0].campaign_id
    )
    clear = clear_view(addressee)
    text = invitation_text(
        _told(family, addressee, replaces=earlier.exists()),
        to=salutation(clear.name, addressee.sex),
        today=beijing_day(run.at),
        address=settings.PORTAL_ADDRESS,
    )
    try:
        with transaction.atomic():
            messages.send(clear.phone, text, person_id=addressee.person_id, kind="invitation")
    except Exception as error:  # a provider raises what it likes
        log.warning("an invitation of %s was not sent: %s", family[0].campaign_id, type(error).__name__)
        _note_failure(family, run)
        return []
    replaced = list(earlier)
    earlier.update(state=InvitationState.WITHDRAWN, state_since=run.at)
    Invitation.objects.filter(person_id__in=ids, campaign_id=family[0].campaign_id).update(
        state=InvitationState.SENT, state_since=run.at
    )
    for row in family:
        _record(InvitationState.SENT, row, run)
    run.done.update(ids)
    run.counts["messages"] += 1
    run.counts["people"] += len(ids)
    return replaced


def _give_back_replaced(earlier: Invitation, run: _Run) -> None:
    """Of a family one was invited with a half-day before, and now without. After the message: it waits for nobody's lock."""
    if earlier.appointment_id is not None:
        try:
            give_back_alone(earlier.person_id, earlier.appointment_id, by=_BY, at=run.at)
        except NotNow:
            log.warning("a half-day of %s is given back when a plan is published next", earlier.campaign_id)


def _note_failure(family: list[Invitation], run: _Run) -> None:
    for row in family:
        row.attempts += 1
        row.state_since = run.at
        if row.attempts >= ATTEMPTS_MAX:
            row.state = InvitationState.FAILED
            _record(InvitationState.FAILED, row, run)
        row.save(update_fields=["attempts", "state", "state_since"])
        run.done.add(row.person_id)
        run.counts["failed" if row.state == InvitationState.FAILED else "to_retry"] += 1


def _note_error(invitation: Invitation, error: Exception, run: _Run) -> None:
    """Counted as an attempt, so that it waits and is given up at last."""
    raise_if_database_is_gone(error)
    log.warning("an invitation of %s was not sent: %s", invitation.campaign_id, type(error).__name__)
    with transaction.atomic():
        waiting = Invitation.objects.select_for_update(skip_locked=True)
        _note_failure(list(waiting.filter(pk=invitation.pk, state=InvitationState.WAITING)), run)


def _told(family: list[Invitation], addressee: Person, *, replaces: bool) -> Told:
    first = family[0]
    kept = kept_by(first.person_id) if first.appointment_id else None
    place = kept if kept is not None and kept.appointment_id == first.appointment_id else None
    outlet_id = place.outlet_id if place is not None else first.outlet_id
    outlet = Outlet.objects.filter(outlet_id=outlet_id).select_related("bank").first() if outlet_id else None
    bank = outlet.bank.name_zh if outlet else ""
    is_for_addressee = any(row.person_id == addressee.person_id for row in family)
    return Told(
        way=first.way,
        week_starts_on=first.week_starts_on,
        bank="" if outlet is None or bank in outlet.name else bank,
        outlet=outlet.name if outlet else "",
        day=place.day if place is not None else None,
        half=place.half if place is not None else "",
        wards=len(family) - is_for_addressee,
        is_for_addressee=is_for_addressee,
        replaces=replaces,
    )


def _is_minor(person: Person, at: datetime) -> bool:
    return age_years(person.birth_date, beijing_day(at)) < ADULT_AGE_YEARS


def _record(state: InvitationState, invitation: Invitation, run: _Run) -> None:
    record(
        f"invitation.{state}",
        subject=f"campaign:{invitation.campaign_id}",
        by=_BY,
        at=run.at,
        person_id=invitation.person_id,
    )
