"""Who moves between two plans: counted once by the worker for large plans, for both directions, until one is planned again."""

from datetime import timedelta

import pytest

from tests.campaign.world import MONDAY, make_city
from tests.cast import CLERK, NOON, make_person
from yikatong.campaign.models import Campaign, CampaignState, Comparison, Slot
from yikatong.campaign.moving import (
    SMALL_PEOPLE,
    Movement,
    count_movement,
    movement_between,
    movement_known,
    request_movement,
)
from yikatong.campaign.services import plan_requested, request_plan
from yikatong.config.settings import PROCRASTINATE_IMPORT_PATHS

pytestmark = pytest.mark.django_db
MOVED = Movement(other_place=1, other_week=2, lost=1, gained=0)


@pytest.fixture
def plans() -> tuple[Campaign, Campaign]:
    """Five people; in the second plan one goes elsewhere, two come later, one is left out."""
    make_city("ABC")
    people = [make_person(serial).person_id for serial in range(1, 6)]
    for name in ("one", "two"):
        request_plan(name, starts_on=MONDAY, weeks=4, seed=1, by=CLERK, at=NOON)
        plan_requested(name, at=NOON)
    slots = Slot.objects.filter(campaign_id="two")
    slots.filter(person_id=people[0]).update(outlet_id="elsewhere")
    slots.filter(person_id__in=people[1:3]).update(week_starts_on=MONDAY + timedelta(weeks=3))
    slots.filter(person_id=people[3]).update(week_starts_on=None, refusal="no_room")
    return Campaign.objects.get(campaign_id="one"), Campaign.objects.get(campaign_id="two")


def grown(plan: Campaign) -> Campaign:
    plan.people = SMALL_PEOPLE
    plan.save()
    return plan


def test_small_plans_are_counted_at_once(plans: tuple[Campaign, Campaign]) -> None:
    first, second = plans
    assert movement_known(first, second) == movement_between(first, second) == MOVED
    assert movement_known(second, first) == MOVED.back == movement_between(second, first)
    assert not Comparison.objects.exists()


@pytest.mark.parametrize("large", [0, 1])
def test_large_plans_are_counted_by_the_worker_for_both_directions(
    plans: tuple[Campaign, Campaign], large: int
) -> None:
    first, second = plans
    grown(plans[large])
    assert movement_known(first, first) == Movement(0, 0, 0, 0)
    assert movement_known(first, second) is None
    count_movement("two", "one", at=NOON)
    assert (movement_known(first, second), movement_known(second, first)) == (MOVED, MOVED.back)
    assert Comparison.objects.get().first == "one"


def test_what_is_kept_is_counted_anew_only_when_a_plan_was_planned_again(plans: tuple[Campaign, Campaign]) -> None:
    first, second = plans[0], grown(plans[1])
    count_movement("one", "two", at=NOON)
    Slot.objects.filter(campaign_id="two").update(week_starts_on=MONDAY)
    count_movement("one", "two", at=NOON + timedelta(hours=1))
    assert movement_known(first, second) == MOVED, "nothing was planned again"
    first.planned_at = NOON + timedelta(hours=2)
    first.save()
    assert movement_known(first, second) is None
    count_movement("one", "two", at=NOON + timedelta(hours=3))
    assert movement_known(first, second) == Movement(1, 0, 0, 0)
    assert Comparison.objects.count() == 1


def test_plans_that_are_gone_or_under_way_are_not_counted(plans: tuple[Campaign, Campaign]) -> None:
    count_movement("one", "gone", at=NOON)
    Campaign.objects.filter(campaign_id="two").update(state=CampaignState.PLANNING)
    count_movement("one", "two", at=NOON)
    assert not Comparison.objects.exists()


def test_the_worker_is_asked_once_and_knows_the_task(plans: tuple[Campaign, Campaign]) -> None:
    from procrastinate.contrib.django.models import ProcrastinateJob

    first, second = plans
    for pair in ((first, second), (second, first), (first, second)):
        request_movement(*pair)
    job = ProcrastinateJob.objects.get(task_name="campaign.compare")
    assert (job.args, job.lock) == ({"first": "one", "second": "two"}, "campaign.compare")
    assert "yikatong.campaign.tasks_comparing" in PROCRASTINATE_IMPORT_PATHS
