"""Plans as people ask for them: what is taken on, what the worker makes of it, what is thrown away."""

from datetime import date, timedelta

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.campaign.asking import ask, planned
from tests.campaign.world import MONDAY, make_city
from tests.cast import CLERK, NOON, make_person
from yikatong.audit.models import AuditEvent
from yikatong.banks.models import Outlet
from yikatong.campaign import drafting
from yikatong.campaign.changes import CloseOutlet, LoseProduction, MoreDemand
from yikatong.campaign.foresight import foresee
from yikatong.campaign.models import (
    BankWeek,
    Campaign,
    CampaignState,
    PlaceWeek,
    Slot,
    StreetFigures,
)
from yikatong.campaign.services import (
    Reason,
    Request,
    clear_discarded,
    discard_plan,
    plan_now,
    plan_requested,
)
from yikatong.foundation.errors import Refused

pytestmark = pytest.mark.django_db
LAST = MONDAY + timedelta(weeks=4, days=-1)


@pytest.fixture
def city(db: None) -> list[Outlet]:
    """Two banks with an outlet each."""
    return make_city("ABC", "ICBC")


def test_a_request_is_queued_and_carried_out_by_the_worker(city: list[Outlet]) -> None:
    people = [make_person(serial) for serial in range(1, 21)]
    asked = ask()
    assert asked.state == CampaignState.QUEUED
    (job,) = ProcrastinateJob.objects.filter(task_name="campaign.plan")
    assert (job.args, job.lock) == ({"campaign_id": "winter"}, "campaign.plan")
    plan_requested("winter", at=NOON)
    made = Campaign.objects.get()
    assert (made.state, made.people, made.left_out, made.gap) == (CampaignState.PLANNED, 20, 0, 0)
    assert (made.steps_done, made.steps_total) == (8, 8)
    assert Slot.objects.filter(week_starts_on=MONDAY).count() == len(people)
    by_bank = BankWeek.objects.filter(week_starts_on=MONDAY)
    assert sum(row.planned for row in by_bank) == 20
    assert sum(PlaceWeek.objects.filter(week_starts_on=MONDAY).values_list("planned", flat=True)) == 20
    street = StreetFigures.objects.get()
    assert (street.people, street.left_out, street.waited_weeks) == (20, 0, 0)
    assert 116.3 < street.lng < 116.5
    assert 39.8 < street.lat < 40.0
    assert list(AuditEvent.objects.order_by("event_id").values_list("action", flat=True)) == [
        "campaign.requested",
        "campaign.planned",
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "a" * 21}, Reason.NAME_WRONG),
        ({"name": "冬天"}, Reason.NAME_WRONG),
        ({"name": ""}, Reason.NAME_WRONG),
        ({"name": "../x"}, Reason.NAME_WRONG),
        ({"name": "new"}, Reason.NAME_WRONG),
        ({"starts_on": MONDAY + timedelta(days=1)}, Reason.SPAN_WRONG),
        ({"starts_on": date(2020, 1, 6)}, Reason.SPAN_WRONG),
        ({"starts_on": date(9999, 12, 27)}, Reason.SPAN_WRONG),
        ({"weeks": 0}, Reason.SPAN_WRONG),
        ({"weeks": 105}, Reason.SPAN_WRONG),
        ({"seed": -1}, Reason.SEED_WRONG),
        ({"seed": 2**63}, Reason.SEED_WRONG),
        ({"based_on": "nothing"}, Reason.BASE_UNKNOWN),
        ({"keeps_invited": True}, Reason.BASE_UNKNOWN),
        ({"changes": [CloseOutlet("NONE-1", MONDAY, MONDAY)]}, Reason.CHANGE_WRONG),
        ({"changes": [LoseProduction("ABC", MONDAY, MONDAY - timedelta(days=1))]}, Reason.CHANGE_WRONG),
        ({"changes": [MoreDemand("110101", -5)]}, Reason.CHANGE_WRONG),
        ({"changes": [MoreDemand("999999", 200)]}, Reason.CHANGE_WRONG),
    ],
)
def test_what_cannot_be_planned_is_refused_in_words(
    city: list[Outlet], changes: dict[str, object], reason: Reason
) -> None:
    with pytest.raises(Refused) as refused:
        ask(**changes)  # type: ignore[arg-type]
    assert refused.value.reason == reason
    assert not Campaign.objects.exists()
    assert not ProcrastinateJob.objects.filter(task_name="campaign.plan").exists()


def test_a_name_is_taken_until_it_is_thrown_away_or_asked_for_again(city: list[Outlet]) -> None:
    make_person(1)
    ask()
    with pytest.raises(Refused) as under_way:
        ask(again=True)
    assert under_way.value.reason == Reason.UNDER_WAY
    plan_requested("winter", at=NOON)
    with pytest.raises(Refused) as taken:
        ask()
    assert taken.value.reason == Reason.NAME_TAKEN
    ask(again=True)
    plan_requested("winter", at=NOON)
    for _ in range(2):
        discard_plan("winter", by=CLERK, at=NOON)
    clear_discarded("winter")
    for model in (Campaign, Slot, PlaceWeek, BankWeek, StreetFigures):
        assert not model.objects.exists()
    plan_requested("winter", at=NOON)
    assert not Campaign.objects.exists(), "a job that comes late plans nothing"


@pytest.mark.parametrize("state", [CampaignState.PUBLISHED, CampaignState.REPLACED])
def test_what_was_published_stays(city: list[Outlet], state: CampaignState) -> None:
    make_person(1)
    planned()
    Campaign.objects.update(state=state)
    for act in (lambda: ask(again=True), lambda: discard_plan("winter", by=CLERK, at=NOON)):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.reason == Reason.WAS_PUBLISHED
    assert Slot.objects.count() == 1


def test_a_plan_thrown_away_while_it_is_made_stores_nothing(
    city: list[Outlet], monkeypatch: pytest.MonkeyPatch
) -> None:
    def thrown_away(*arguments: object, **options: object) -> object:
        discard_plan("winter", by=CLERK, at=NOON)
        return foresee(*arguments, **options)  # type: ignore[arg-type]

    make_person(1)
    ask()
    monkeypatch.setattr(drafting, "foresee", thrown_away)
    plan_requested("winter", at=NOON)
    assert not Campaign.objects.exists()
    assert not Slot.objects.exists()


def test_a_second_worker_does_not_undo_a_finished_plan(city: list[Outlet], monkeypatch: pytest.MonkeyPatch) -> None:
    def made_meanwhile(*arguments: object, **options: object) -> object:
        monkeypatch.setattr(drafting, "foresee", foresee)
        plan_requested("winter", at=NOON)
        return foresee(*arguments, **options)  # type: ignore[arg-type]

    make_person(1)
    ask()
    monkeypatch.setattr(drafting, "foresee", made_meanwhile)
    plan_requested("winter", at=NOON)
    assert Campaign.objects.get().state == CampaignState.PLANNED
    assert AuditEvent.objects.filter(action="campaign.planned").count() == 1


def test_a_command_that_is_broken_off_says_so(city: list[Outlet], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    make_person(1)
    monkeypatch.setattr(drafting, "foresee", broken_off)
    with pytest.raises(KeyboardInterrupt):
        plan_now("winter", Request(starts_on=MONDAY, weeks=4, seed=1), by=CLERK, at=NOON)
    assert Campaign.objects.get().state == CampaignState.FAILED
    monkeypatch.undo()
    assert planned(again=True).state == CampaignState.PLANNED


def test_an_empty_register_is_told_in_the_plan(city: list[Outlet]) -> None:
    made = planned()
    assert made.state == CampaignState.FAILED
    assert "没有需要换发的人" in made.failure


def test_a_fault_is_told_in_the_plan_and_raised(city: list[Outlet], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    make_person(1)
    ask()
    monkeypatch.setattr(drafting, "carry_out", broken)
    with pytest.raises(OSError, match="disk"):
        plan_requested("winter", at=NOON)
    made = Campaign.objects.get()
    assert made.state == CampaignState.FAILED
    assert "程序出错" in made.failure
    assert "disk" not in made.failure
