"""Which people a street's helpers call on, on which day.

Candidates are adults of the area without a third-generation card or an open application who need a visit by the register, asked
for one, or whom no message reached. A street makes as many visits a day as rules/campaign.toml and its changes say, shared evenly
among its helpers. Whoever was not seen stays on the list and comes first the next day.
"""

from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet, Subquery

from yikatong.applications.models import Application
from yikatong.applications.rules import ADULT_AGE_YEARS, OPEN_STATES
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.campaign.capacities import Kind
from yikatong.campaign.models import CapacityChange, Invitation, InvitationState
from yikatong.city.capacity import campaign_limits_at
from yikatong.city.models import Division
from yikatong.city.rules import rules_at
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.issuance.models import Card, CardState
from yikatong.issuance.rules import THIRD_GENERATION
from yikatong.outreach.models import Helper, Visit, VisitReason, VisitState
from yikatong.outreach.rules import Reason, shares
from yikatong.registry.models import InsuredCategory, Person

_LOCK_STREET = "select pg_advisory_xact_lock(hashtextextended('outreach street ' || %s, 0))"
_NOT_REACHED = (InvitationState.UNREACHABLE, InvitationState.FAILED)


def assign_helper(username: str, area_code: str, *, by: Actor, at: datetime) -> Helper:
    """Bind a helper's account to a street (9 digits) or community (12). Raises ``Refused`` (``AREA_UNKNOWN``)."""
    if not Division.objects.filter(code=area_code, level__in=["street", "community"]).exists():
        raise Refused(Reason.AREA_UNKNOWN, f"没有这个街道或社区：{area_code}")
    with transaction.atomic():
        bound = {"area_code": area_code, "street_code": area_code[:9], "assigned_by": str(by), "assigned_at": at}
        helper, _ = Helper.objects.update_or_create(username=username, defaults=bound)
        record("helper.assigned", subject=f"helper:{username}"[:80], by=by, at=at, area=area_code)
    return helper


def helper_of(username: str) -> Helper:
    """The helper of an account. Raises ``Refused`` (``NOT_A_HELPER``)."""
    helper = Helper.objects.filter(username=username).first()
    if helper is None:
        raise Refused(Reason.NOT_A_HELPER, "您的账号还没有分配街道或社区，请联系社保卡中心")
    return helper


def ask_for_visit(person_id: int, *, by: Actor, at: datetime) -> Visit:
    """Put a person on the list of their street. While a visit is open it is returned again. Raises ``Refused``."""
    with transaction.atomic():
        person = Person.objects.select_for_update().filter(person_id=person_id).first()
        if person is None:
            raise Refused(Reason.PERSON_GONE, "登记簿中没有此人")
        open_visit = Visit.objects.filter(person_id=person_id, state=VisitState.PLANNED).first()
        if open_visit is not None:
            return open_visit
        visit = _new_visit(person, VisitReason.ASKED, helper="", day=None, at=at)
        _record("visit.asked", visit, by=by, at=at)
    return visit


def plan_day(helper: Helper, *, by: Actor, at: datetime) -> list[Visit]:
    """This helper's visits of today, those made included; planned as far as the street's capacity goes. Safe to repeat."""
    day = beijing_day(at)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_STREET, [helper.street_code])
        mine = Visit.objects.filter(street_code=helper.street_code, community_code__startswith=helper.area_code)
        left_over = Q(helper=helper.username, day__lt=day) | Q(helper="") | Q(day=None)
        room = _share_of(helper, day) - visits_on(helper.username, day).count()
        for visit in mine.filter(left_over, state=VisitState.PLANNED).order_by("asked_at")[: max(room, 0)]:
            Visit.objects.filter(pk=visit.pk).update(helper=helper.username, day=day)
            room -= 1
        for person, reason in _candidates(helper.area_code, day, most=max(room, 0)):
            visit = _new_visit(person, reason, helper=helper.username, day=day, at=at)
            _record("visit.planned", visit, by=by, at=at)
        return list(visits_on(helper.username, day))


def visits_on(username: str, day: date) -> QuerySet[Visit]:
    """A helper's visits of a day, as one walks them: by community."""
    return Visit.objects.filter(helper=username, day=day).order_by("community_code", "person_id")


def visits_a_day(street_code: str, day: date) -> int:
    """How many visits a street's helpers make together on a day."""
    lasting = Q(effective_until=None) | Q(effective_until__gte=day)
    changed = CapacityChange.objects.filter(
        lasting, kind=Kind.VISITS, of=street_code, effective_from__lte=day, withdrawn_at=None
    ).order_by("-change_id")
    value = changed.values_list("value", flat=True).first()
    return campaign_limits_at(day).visits_per_street_and_day if value is None else value


def _share_of(helper: Helper, day: date) -> int:
    names = list(
        Helper.objects.filter(street_code=helper.street_code).order_by("username").values_list("username", flat=True)
    )
    return shares(visits_a_day(helper.street_code, day), len(names))[names.index(helper.username)]


def _candidates(area_code: str, day: date, *, most: int) -> list[tuple[Person, VisitReason]]:
    """Those to be called on next: whose week comes first, then by community.

    In two queries that each stand on an index (``sql/candidates_v1.sql``): no phone or a visit needed, in the area; and the
    few to whom sending failed.
    """
    if most < 1:
        return []
    here = Person.objects.filter(community_code__startswith=area_code)
    needs = Q(needs_home_visit=True)
    listed = here.filter(needs | Q(phone_index=None)).filter(needs | Exists(_invitations(InvitationState.UNREACHABLE)))
    failed = here.filter(
        person_id__in=Invitation.objects.filter(state=InvitationState.FAILED).values("person_id"),
        needs_home_visit=False,
    ).exclude(phone_index=None)
    found = [*_open_to_visits(listed, area_code, day)[:most], *_open_to_visits(failed, area_code, day)[:most]]
    found.sort(key=lambda person: (person.week or date.max, person.community_code, person.person_id))
    return [
        (person, VisitReason.REGISTERED if person.needs_home_visit else VisitReason.UNREACHABLE)
        for person in found[:most]
    ]


def _open_to_visits(people: QuerySet[Person], area_code: str, day: date) -> "QuerySet[Any]":
    """Of these the grown-ups who may apply and have neither card nor application nor visit, with ``week``, in order."""
    programme = rules_at(day)
    open_to = [each for each in InsuredCategory.values if programme.batches_open_to(each, area_code[:6])]
    cards = Card.objects.filter(person_id=OuterRef("person_id"), generation=THIRD_GENERATION)
    applications = Application.objects.filter(person_id=OuterRef("person_id"), state__in=OPEN_STATES)
    week = _invitations(*_NOT_REACHED).values("person_id").annotate(week=Min("week_starts_on")).values("week")
    return (
        people.filter(category__in=open_to, birth_date__lte=_years_before(day, ADULT_AGE_YEARS))
        .exclude(Exists(cards.exclude(state=CardState.CANCELLED)))
        .exclude(Exists(applications))
        .exclude(Exists(_seen(day)))
        .annotate(week=Subquery(week))
        .order_by(F("week").asc(nulls_last=True), "community_code", "person_id")
    )


def _invitations(*states: InvitationState) -> QuerySet[Invitation]:
    return Invitation.objects.filter(person_id=OuterRef("person_id"), state__in=states).order_by()


def _seen(day: date) -> QuerySet[Visit]:
    """On somebody's list, seen and undecided, not wanting it; or not at home today."""
    settled = [VisitState.PLANNED, VisitState.CONFLICT, VisitState.DECLINED]
    return Visit.objects.filter(Q(state__in=settled) | Q(day=day), person_id=OuterRef("person_id"))


def _years_before(day: date, years: int) -> date:
    """The same day so many years before; of 29 February the 28th."""
    is_leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - years, day=28 if is_leap_day else day.day)


def _new_visit(person: Person, reason: VisitReason, *, helper: str, day: date | None, at: datetime) -> Visit:
    return Visit.objects.create(
        person_id=person.person_id,
        visit_id=new_uuid7(),
        street_code=person.community_code[:9],
        community_code=person.community_code,
        reason=reason,
        helper=helper,
        day=day,
        asked_at=at,
        state_since=at,
    )


def _record(action: str, visit: Visit, *, by: Actor, at: datetime) -> None:
    record(
        action, subject=f"visit:{visit.visit_id}", by=by, at=at, person_id=visit.person_id, visit_reason=visit.reason
    )
