"""How many people move from one stored plan to another: counted at once for small plans, by the worker for large ones, and kept.

Comparing two plans of everybody joins them person by person, which takes minutes; no page waits for that. What is kept counts
until either plan is planned again. It compares no figures (``comparing``) and plans nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from procrastinate.exceptions import AlreadyEnqueued

from yikatong.campaign.models import Campaign, CampaignState, Comparison

SMALL_PEOPLE = 200_000
"""Plans of fewer people are counted while a page waits: less than a second."""
_STORED = (CampaignState.PLANNED, CampaignState.PUBLISHING, CampaignState.PUBLISHED, CampaignState.REPLACED)
_MOVED = """
select count(*) filter (where a.week_starts_on is not null and b.week_starts_on is not null
                          and (a.bank_code, a.way, a.outlet_id) is distinct from (b.bank_code, b.way, b.outlet_id)),
       count(*) filter (where a.week_starts_on <> b.week_starts_on),
       count(*) filter (where a.week_starts_on is not null and b.week_starts_on is null),
       count(*) filter (where a.week_starts_on is null and b.week_starts_on is not null)
from campaign_slot a join campaign_slot b using (person_id)
where a.campaign_id = %s and b.campaign_id = %s
"""


@dataclass(frozen=True, slots=True)
class Movement:
    """People of both plans: to another place, in another week, without a week now, with one now."""

    other_place: int
    other_week: int
    lost: int
    gained: int

    @property
    def back(self) -> "Movement":
        """From the second plan to the first."""
        return Movement(self.other_place, self.other_week, self.gained, self.lost)


def movement_between(first: Campaign, second: Campaign) -> Movement:
    """Counted now, however long that takes."""
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, [first.campaign_id, second.campaign_id])
        return Movement(*cursor.fetchone())


def movement_known(first: Campaign, second: Campaign) -> Movement | None:
    """Counted now for small plans, else as the worker counted it; none while that is to come."""
    if first.campaign_id == second.campaign_id:
        return Movement(0, 0, 0, 0)
    if first.people < SMALL_PEOPLE and second.people < SMALL_PEOPLE:
        return movement_between(first, second)
    return _turned(first, second, _kept)


def request_movement(first: Campaign, second: Campaign) -> None:
    """Have the worker count. Asking again while it is asked for changes nothing."""
    from yikatong.campaign.tasks_comparing import compare_task  # the task calls count_movement

    one, other = sorted((first.campaign_id, second.campaign_id))
    task = compare_task.configure(lock="campaign.compare", queueing_lock=f"campaign.compare:{one}:{other}")
    try:
        with transaction.atomic():
            task.defer(first=one, second=other)
    except AlreadyEnqueued:
        return


def count_movement(first: str, second: str, *, at: datetime) -> None:
    """What the worker runs: count and keep it as of ``at``. What is kept already, or cannot be compared, is left alone."""
    plans = Campaign.objects.filter(state__in=_STORED).in_bulk([first, second])
    if {first, second} != plans.keys():
        return
    _turned(plans[first], plans[second], lambda one, other: _kept(one, other) or _count(one, other, at))


def _turned(
    first: Campaign, second: Campaign, movement: Callable[[Campaign, Campaign], Movement | None]
) -> Movement | None:
    """A pair is kept once, the lesser name first, whichever way it is asked for."""
    if first.campaign_id <= second.campaign_id:
        return movement(first, second)
    found = movement(second, first)
    return found.back if found else None


def _kept(one: Campaign, other: Campaign) -> Movement | None:
    row = Comparison.objects.filter(first=one.campaign_id, second=other.campaign_id).first()
    if row is None or any(plan.planned_at is None or plan.planned_at > row.counted_at for plan in (one, other)):
        return None
    return Movement(row.other_place, row.other_week, row.lost, row.gained)


def _count(one: Campaign, other: Campaign, at: datetime) -> Movement:
    found = movement_between(one, other)
    Comparison.objects.update_or_create(
        first=one.campaign_id,
        second=other.campaign_id,
        defaults={
            "other_place": found.other_place,
            "other_week": found.other_week,
            "lost": found.lost,
            "gained": found.gained,
            "counted_at": at,
        },
    )
    return found
