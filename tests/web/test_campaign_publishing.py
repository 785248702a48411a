"""Publishing a plan on the card centre's pages: what it says first, what it asks for, and what becomes of it."""

import pytest
from django.core.cache import caches
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.campaign.world import make_city
from tests.cast import NOON, active_card, make_person
from tests.web.campaign_pages import ROOT, planned, text_of
from yikatong.accounts.models import Role, User
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.banks.models import Outlet
from yikatong.campaign.models import (
    Campaign,
    CampaignState,
    Invitation,
)
from yikatong.campaign.publishing import publish_requested
from yikatong.campaign.uptake import count_uptake
from yikatong.foundation.clock import utc_now
from yikatong.registry.models import Person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _counted_anew() -> None:
    caches["process"].clear()


@pytest.fixture
def city() -> list[Outlet]:
    """Two banks with an outlet each."""
    return make_city("ABC", "ICBC")


@pytest.fixture
def centre(city: list[Outlet]) -> Client:
    """The card centre, in Chinese."""
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(User.objects.create(username="centre", role=Role.CARD_CENTRE))
    return client


def the_worker_publishes() -> None:
    """What its job was told to do."""
    job = ProcrastinateJob.objects.get(task_name="campaign.publish")
    asked = dict(job.args)
    publish_requested(asked.pop("campaign_id"), by=Actor(**asked), at=utc_now())


def test_publishing_asks_for_the_name_and_says_what_it_does(centre: Client) -> None:
    for serial in range(1, 6):
        make_person(serial)
    planned()
    page = text_of(centre.get(f"{ROOT}winter/publish/"))
    assert "为排上的 5 人各生成一份邀请" in page
    assert "不会替换任何计划" in page
    refused = centre.post(f"{ROOT}winter/publish/", {"name": "Winter"})
    assert refused.status_code == 422
    assert "不一致，没有发布" in text_of(refused)
    assert not Invitation.objects.exists()
    assert centre.post(f"{ROOT}winter/publish/", {"name": " winter "})["location"] == f"{ROOT}winter/"
    assert "正在发布" in text_of(centre.get(f"{ROOT}winter/"))
    assert centre.get(f"{ROOT}winter/status.json").json()["is_unfinished"] is True
    assert not Invitation.objects.exists(), "the worker writes them"
    the_worker_publishes()
    assert Invitation.objects.count() == 5
    event = AuditEvent.objects.get(action="campaign.published")
    assert (event.actor, event.subject) == ("staff:centre", "campaign:winter")
    assert "待发送 5" in text_of(centre.get(f"{ROOT}winter/"))
    assert centre.get(f"{ROOT}winter/status.json").json()["sending"] == {"waiting": 5}
    assert centre.post(f"{ROOT}winter/publish/", {"name": "winter"}).status_code == 302, "once is enough"
    assert centre.post(f"{ROOT}winter/discard/").status_code == 422
    planned("spring")
    assert "替换目前已发布的计划 winter" in text_of(centre.get(f"{ROOT}spring/publish/"))


def test_publishing_says_which_invitations_of_the_earlier_plan_are_withdrawn(centre: Client) -> None:
    people = [make_person(serial) for serial in range(1, 6)]
    planned()
    centre.post(f"{ROOT}winter/publish/", {"name": "winter"})
    the_worker_publishes()
    planned("spring")
    assert "没有手机号码或发送失败" not in text_of(centre.get(f"{ROOT}spring/publish/"))
    caches["process"].clear()
    for person, state in zip(people, ("sent", "unreachable", "failed"), strict=False):
        Invitation.objects.filter(person_id=person.person_id).update(state=state)
    page = text_of(centre.get(f"{ROOT}spring/publish/"))
    assert (
        "待发送的 2 份邀请全部撤回。 没有手机号码或发送失败的 2 份中，周次在七天以后的也撤回。 已发出的 1 份中" in page
    )


def test_a_plan_of_made_up_people_is_never_published(centre: Client) -> None:
    for serial in range(1, 6):
        make_person(serial)
    planned("more")
    Campaign.objects.update(changes=[{"kind": "more_demand", "district_code": "110101", "percent": 200}])
    assert "只供比较，不能发布" in text_of(centre.get(f"{ROOT}more/"))
    assert centre.post(f"{ROOT}more/publish/", {"name": "more"}).status_code == 422
    assert Campaign.objects.get().state == CampaignState.PLANNED


def test_uptake_is_shown_as_the_worker_counted_it_last(centre: Client, city: list[Outlet]) -> None:
    for serial in range(1, 5):
        make_person(serial)
    planned()
    centre.post(f"{ROOT}winter/publish/", {"name": "winter"})
    the_worker_publishes()
    people = list(Person.objects.order_by("person_id"))
    Invitation.objects.exclude(person_id=people[3].person_id).update(state="sent", state_since=NOON)
    active_card(people[0], city[0])
    active_card(people[3], city[0])
    (area,) = centre.get(f"{ROOT}winter/").context["areas"]
    assert (area.invited, area.uptake) == (0, None), "no page counts over millions of invitations"
    count_uptake("winter")
    page = centre.get(f"{ROOT}winter/")
    (area,) = page.context["areas"]
    assert (area.invited, area.applied) == (3, 1)
    assert "33%" in text_of(page)
    assert "响应率每小时统计一次" in text_of(page)
    (street,) = centre.get(f"{ROOT}winter/?district=110101").context["areas"]
    assert street.uptake is None


@pytest.mark.parametrize("role", [Role.BANK_CLERK, Role.AUDITOR, Role.UNIT, Role.OPERATOR])
def test_nobody_else_may_publish(city: list[Outlet], role: str) -> None:
    make_person(1)
    planned()
    client = Client()
    client.force_login(User.objects.create(username="other", role=role))
    assert client.post(f"{ROOT}winter/publish/", {"name": "winter"}).status_code == 403
    assert not Invitation.objects.exists()
