"""A plan is published once; the one before it is replaced, and whoever was told already is not told otherwise without need."""

import itertools
from datetime import date, datetime, timedelta

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.at_once import at_once
from tests.cast import CLERK, NOON
from yikatong.audit.models import AuditEvent
from yikatong.campaign import publishing
from yikatong.campaign.invitations import find_unreachable
from yikatong.campaign.models import BankWeek, Campaign, Invitation, Slot
from yikatong.campaign.publishing import (
    NotPublished,
    PublishReason,
    publish,
    publish_requested,
    request_publishing,
)

TODAY = date(2026, 11, 2)
MONDAY = TODAY + timedelta(days=14)
pytestmark = pytest.mark.django_db


def plan(name: str, state: str = "planned") -> None:
    Campaign.objects.create(campaign_id=name, starts_on=TODAY, weeks=26, seed=7, state=state)


def slot(name: str, person_id: int, week: date | None = MONDAY, **changes: object) -> None:
    fields: dict[str, object] = {"bank_code": "ICBC", "way": "outlet", "outlet_id": "ICBC-1"}
    Slot.objects.create(campaign_id=name, person_id=person_id, week_starts_on=week, **(fields | changes))


def told(name: str, person_id: int, week: date, *, at: datetime = NOON) -> None:
    """A plan that is published, and a person who was told."""
    plan(name)
    slot(name, person_id, week)
    publish(name, by=CLERK, at=at)
    Invitation.objects.filter(person_id=person_id, campaign_id=name).update(state="sent")


def invited(name: str) -> dict[int, str]:
    return dict(Invitation.objects.filter(campaign_id=name).values_list("person_id", "state"))


def test_everybody_with_a_week_is_invited_and_only_a_fixed_bank_is_named() -> None:
    plan("winter")
    slot("winter", 1)
    slot("winter", 2, is_bank_fixed=True)
    slot("winter", 3, None, refusal="no_room")
    slot("winter", 4, way="unit", outlet_id="", is_bank_fixed=True)
    slot("winter", 5, way="visit", outlet_id="")
    slot("spring", 6)
    assert publish("winter", by=CLERK, at=NOON) == 4
    rows = Invitation.objects.order_by("person_id")
    assert list(rows.values_list("person_id", "bank_code", "outlet_id", "way", "state")) == [
        (1, "", "", "outlet", "waiting"),
        (2, "ICBC", "ICBC-1", "outlet", "waiting"),
        (4, "ICBC", "", "unit", "waiting"),
        (5, "", "", "visit", "waiting"),
    ]
    campaign = Campaign.objects.get()
    assert (campaign.state, campaign.published_at, campaign.published_by) == ("published", NOON, "clerk:test")
    event = AuditEvent.objects.get(action="campaign.published")
    assert (event.subject, event.details) == ("campaign:winter", {"invitations": 4, "withdrawn": 0})


def test_publishing_again_changes_nothing() -> None:
    plan("winter")
    slot("winter", 1)
    assert [publish("winter", by=CLERK, at=NOON + timedelta(hours=hour)) for hour in range(3)] == [1, 1, 1]
    assert AuditEvent.objects.filter(action="campaign.published").count() == 1
    assert Campaign.objects.get().published_at == NOON


def test_a_plan_of_changed_demand_is_not_published() -> None:
    plan("doubled")
    slot("doubled", 1)
    Campaign.objects.update(changes=[{"kind": "more_demand", "district_code": "110101", "percent": 200}])
    with pytest.raises(NotPublished, match="只供推演") as refused:
        publish("doubled", by=CLERK, at=NOON)
    assert refused.value.reason == PublishReason.DEMAND_CHANGED
    assert invited("doubled") == {}


def test_the_worker_publishes_what_was_asked_for_once() -> None:
    plan("winter")
    slot("winter", 1)
    for _ in range(2):
        assert request_publishing("winter", by=CLERK, at=NOON).state == "publishing"
    (job,) = ProcrastinateJob.objects.filter(task_name="campaign.publish")
    assert (job.args, job.lock) == ({"campaign_id": "winter", "kind": "clerk", "name": "test"}, "campaign.publish")
    assert invited("winter") == {}
    for _ in range(2):
        publish_requested("winter", by=CLERK, at=NOON)
    assert invited("winter") == {1: "waiting"}
    assert Campaign.objects.get().published_by == "clerk:test"
    actions = AuditEvent.objects.order_by("event_id").values_list("action", flat=True)
    assert list(actions) == ["campaign.publishing_requested", "campaign.published"]


def test_asking_again_takes_up_a_job_that_the_worker_gave_up() -> None:
    plan("winter")
    slot("winter", 1)
    request_publishing("winter", by=CLERK, at=NOON)
    ProcrastinateJob.objects.filter(task_name="campaign.publish").update(status="failed")
    assert request_publishing("winter", by=CLERK, at=NOON).state == "publishing"
    assert ProcrastinateJob.objects.filter(task_name="campaign.publish", status="todo").count() == 1
    assert AuditEvent.objects.filter(action="campaign.publishing_requested").count() == 1


@pytest.mark.parametrize(("week", "planned", "is_refused"), [(7, 5, True), (7, 0, False), (14, 5, False)])
def test_no_plan_fills_a_near_week_that_others_were_told_of(week: int, planned: int, is_refused: bool) -> None:
    """NOON is Monday 2 November: the week of the 9th is near, that of the 16th is not."""
    monday = TODAY + timedelta(days=week)
    told("old", 1, monday)
    plan("new")
    slot("new", 2, monday)
    BankWeek.objects.create(campaign_id="new", bank_code="ICBC", week_starts_on=monday, production=9, planned=planned)
    if not is_refused:
        assert publish("new", by=CLERK, at=NOON) == 1
        return
    with pytest.raises(NotPublished, match="已邀请的人不动") as refused:
        publish("new", by=CLERK, at=NOON)
    assert refused.value.reason == PublishReason.WEEKS_TOLD_ALREADY
    assert Campaign.objects.get(campaign_id="old").state == "published"


def test_what_could_not_be_published_is_a_draft_again_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("the disk is full")

    plan("winter")
    request_publishing("winter", by=CLERK, at=NOON)
    monkeypatch.setattr(publishing, "_invite", broken)
    with pytest.raises(OSError, match="disk"):
        publish_requested("winter", by=CLERK, at=NOON)
    made = Campaign.objects.get()
    assert (made.state, made.published_at) == ("planned", None)
    assert "没有发布：程序出错" in made.failure
    request_publishing("winter", by=CLERK, at=NOON)
    Campaign.objects.update(changes=[{"kind": "more_demand", "district_code": "110101", "percent": 200}])
    publish_requested("winter", by=CLERK, at=NOON)
    assert "只供推演" in Campaign.objects.get().failure


@pytest.mark.parametrize("state", ["queued", "planning", "failed", "replaced"])
def test_only_a_draft_is_published(state: str) -> None:
    plan("winter", state)
    with pytest.raises(NotPublished, match="只能发布草案") as refused:
        publish("winter", by=CLERK, at=NOON)
    assert refused.value.reason == PublishReason.NOT_PLANNED
    with pytest.raises(NotPublished) as unknown:
        publish("nothing", by=CLERK, at=NOON)
    assert unknown.value.reason == PublishReason.UNKNOWN


def test_another_plan_replaces_the_one_before_and_withdraws_what_it_has_not_told() -> None:
    plan("winter")
    for person in (1, 2, 3, 4):
        slot("winter", person)
    publish("winter", by=CLERK, at=NOON)
    for person, state in enumerate(("waiting", "unreachable", "failed", "sent"), start=1):
        Invitation.objects.filter(person_id=person).update(state=state)
    plan("spring")
    for person in (1, 2, 3):
        slot("spring", person)
    assert publish("spring", by=CLERK, at=NOON) == 3
    assert invited("winter") == {1: "withdrawn", 2: "withdrawn", 3: "withdrawn", 4: "sent"}
    assert invited("spring") == {1: "waiting", 2: "waiting", 3: "waiting"}
    assert dict(Campaign.objects.values_list("campaign_id", "state")) == {"winter": "replaced", "spring": "published"}


@pytest.mark.parametrize("state", ["unreachable", "failed"])
@pytest.mark.parametrize(("days", "stays"), [(-35, False), (-28, True), (0, True), (7, True), (14, False)], ids=str)
def test_a_helper_may_have_called_whom_no_message_reached(state: str, days: int, stays: bool) -> None:
    told("winter", 1, TODAY + timedelta(days=days))
    Invitation.objects.update(state=state)
    plan("spring")
    slot("spring", 1, MONDAY + timedelta(days=7))
    publish("spring", by=CLERK, at=NOON)
    assert invited("winter") == {1: state if stays else "withdrawn"}
    assert invited("spring") == ({} if stays else {1: "waiting"})
    assert [row.campaign_id for row in find_unreachable()] == (["winter"] if stays else [])
    plan("summer")
    slot("summer", 1, MONDAY + timedelta(days=70))
    publish("summer", by=CLERK, at=NOON + timedelta(days=42))
    assert invited("winter") == {1: "withdrawn"}, "not for ever"
    assert invited("summer") == {1: "waiting"}


@pytest.mark.parametrize(
    ("told_for", "now_in", "changes", "is_invited"),
    [
        (TODAY - timedelta(days=35), MONDAY, {}, True),  # told long ago, and did not react
        (TODAY - timedelta(days=28), MONDAY, {}, False),  # the week is past, but not long
        (TODAY + timedelta(days=7), MONDAY, {}, False),  # within seven days
        (TODAY + timedelta(days=14), TODAY + timedelta(days=14), {}, False),  # nothing changes
        (TODAY + timedelta(days=14), TODAY + timedelta(days=14), {"bank_code": "ABC", "outlet_id": "ABC-1"}, False),
        (TODAY + timedelta(days=14), TODAY + timedelta(days=21), {}, True),  # another week
        (TODAY + timedelta(days=14), TODAY + timedelta(days=14), {"is_bank_fixed": True}, True),  # a place at last
        (TODAY + timedelta(days=14), TODAY + timedelta(days=14), {"way": "visit", "outlet_id": ""}, True),
    ],
)
def test_who_was_told_already(told_for: date, now_in: date, changes: dict[str, object], is_invited: bool) -> None:
    told("winter", 1, told_for)
    plan("spring")
    slot("spring", 1, now_in, **changes)
    publish("spring", by=CLERK, at=NOON)
    assert invited("winter") == {1: "sent"}, "what was told stands until something else is told"
    assert invited("spring") == ({1: "waiting"} if is_invited else {})


def test_what_was_told_two_plans_ago_counts_too() -> None:
    told("autumn", 1, TODAY + timedelta(days=7))
    for name in ("winter", "spring"):
        plan(name)
        slot(name, 1, MONDAY)
        assert publish(name, by=CLERK, at=NOON) == 0


@pytest.mark.django_db(transaction=True)
def test_two_at_once_publish_once() -> None:
    plan("winter")
    for person in range(1, 40):
        slot("winter", person)
    assert at_once(4, lambda: publish("winter", by=CLERK, at=NOON)) == [39] * 4
    assert AuditEvent.objects.filter(action="campaign.published").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_plans_at_once_one_is_published_and_one_replaced() -> None:
    names = [f"plan-{number}" for number in range(4)]
    for name, person in itertools.product(names, range(1, 10)):
        if person == 1:
            plan(name)
        slot(name, person)
    left = iter(names)
    at_once(4, lambda: publish(next(left), by=CLERK, at=NOON))
    assert sorted(Campaign.objects.values_list("state", flat=True)) == ["published"] + ["replaced"] * 3
    waiting = Invitation.objects.filter(state="waiting").values_list("person_id", flat=True)
    assert sorted(waiting) == list(range(1, 10)), "nobody is invited twice"
