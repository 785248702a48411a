"""Which people a street's helpers call on, on which day.

Candidates are adults of the area without a third-generation card or an open application who need a visit by the register, asked
for one, or whom no message reached. A street makes as many visits a day as rules/campaign.toml and its changes say, shared evenly
among its helpers. Whoever was not seen stays on the list and comes first the next day.
"""

from collections.abc import Iterator
from datetime import date, datetime

from django.db import connection, transaction
from django.db.models import F, Min, OuterRef, Q, QuerySet, Subquery

from yikatong.applications.models import Application
from yikatong.applications.rules import ADULT_AGE_YEARS, OPEN_STATES
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.campaign.capacities import Kind
from yikatong.campaign.models import CapacityChange, Invitation, InvitationState
from yikatong.city.capacity import campaign_limits_at
from yikatong.city.models import Division
from yikatong.city.rules import rules_at
from yikatong.foundation.clock import age_years, beijing_day
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.issuance.models import Card, CardState
from yikatong.issuance.rules import THIRD_GENERATION
from yikatong.outreach.models import Helper, Visit, VisitReason, VisitState
from yikatong.outreach.rules import Reason, shares
from yikatong.registry.models import Person

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


def _candidates(area_code: str, day: date, *, most: int) -> Iterator[tuple[Person, VisitReason]]:
    """Those to be called on next: whose week comes first, then by community."""
    if most < 1:
        return
    not_reached = Invitation.objects.filter(state__in=_NOT_REACHED)
    week = not_reached.filter(person_id=OuterRef("person_id")).values("person_id").annotate(week=Min("week_starts_on"))
    found = (
        Person.objects.filter(community_code__startswith=area_code)
        .filter(Q(needs_home_visit=True) | Q(person_id__in=not_reached.values("person_id")))
        .exclude(person_id__in=_have_card())
        .exclude(person_id__in=Application.objects.filter(state__in=OPEN_STATES).values("person_id"))
        .exclude(person_id__in=_have_been_seen(day))
        .annotate(week=Subquery(week.values("week")))
        .order_by(F("week").asc(nulls_last=True), "community_code", "person_id")
    )
    programme, given = rules_at(day), 0
    for person in found.iterator(chunk_size=100):
        is_adult = age_years(person.birth_date, day) >= ADULT_AGE_YEARS
        if is_adult and programme.batches_open_to(person.category, person.community_code[:6]):
            yield person, VisitReason.REGISTERED if person.needs_home_visit else VisitReason.UNREACHABLE
            given += 1
            if given == most:
                return


def _have_card() -> QuerySet[Card, int]:
    cards = Card.objects.filter(generation=THIRD_GENERATION).exclude(state=CardState.CANCELLED)
    return cards.values_list("person_id", flat=True)


def _have_been_seen(day: date) -> QuerySet[Visit, int]:
    """On somebody's list, seen and undecided, not wanting it; or not at home today."""
    settled = [VisitState.PLANNED, VisitState.CONFLICT, VisitState.DECLINED]
    return Visit.objects.filter(Q(state__in=settled) | Q(day=day)).values_list("person_id", flat=True)


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
