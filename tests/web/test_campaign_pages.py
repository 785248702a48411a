"""The card centre's pages of the campaign over HTTP: what they show, what they refuse in words, and what they never say."""

import json
import re
from datetime import date, timedelta

import pytest
from django.core.cache import caches
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.campaign.world import MONDAY, UNIT, make_city, make_unit
from tests.cast import CLERK, NOON, active_card, make_guardian, make_person
from tests.web.campaign_pages import ROOT, planned, text_of
from yikatong.accounts.models import Role, User
from yikatong.banks.models import Outlet
from yikatong.campaign.models import (
    BankWeek,
    Campaign,
    CampaignState,
    CapacityChange,
    Invitation,
    PlaceWeek,
    Slot,
    UnitSlot,
)
from yikatong.campaign.moving import count_movement
from yikatong.campaign.services import plan_requested, request_plan
from yikatong.registry.selectors import clear_view

pytestmark = pytest.mark.django_db
FORM = {"name": "winter", "starts_on": str(MONDAY), "weeks": "4", "seed": "7", "based_on": "", "do": "plan"}


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


def test_a_city_without_plans_is_told_what_a_plan_is(centre: Client) -> None:
    page = text_of(centre.get(ROOT))
    assert "还没有计划" in page
    assert "新建第一个计划" in page


def test_each_person_counts_for_the_batch_that_takes_them_first(centre: Client, city: list[Outlet]) -> None:
    make_unit(people=range(1, 4))  # employees of 东城: the third batch
    make_person(10, category="retiree")
    active_card(make_person(11, category="student"), city[0])
    invited = make_person(12, category="resident")
    Invitation.objects.create(
        person_id=invited.person_id,
        campaign_id="x",
        way="outlet",
        week_starts_on=MONDAY,
        state="sent",
        state_since=NOON,
    )
    make_person(13, category="employee")  # of no unit: normal issuance
    rows = centre.get(ROOT).context["timeline"].rows
    assert [(row.batch.code, row.people, row.with_card, row.invited, row.to_come) for row in rows] == [
        ("1", 0, 0, 0, 0),
        ("2", 0, 0, 0, 0),
        ("3", 3, 0, 0, 3),
        ("4", 2, 1, 1, 0),
        ("5", 1, 0, 0, 1),
        ("normal", 1, 0, 0, 1),
    ]
    assert sorted(row.starts_percent for row in rows) == [row.starts_percent for row in rows]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": ""}, "请给计划取一个名字"),
        ({"name": "冬天"}, "名字用 1 至 20 个英文字母"),
        ({"name": "a" * 21}, "名字用 1 至 20 个英文字母"),
        ({"name": "-x"}, "名字用 1 至 20 个英文字母"),
        ({"name": "capacity"}, "是本系统保留的名字"),
        ({"starts_on": "2026-12-01"}, "下一个周一是 2026-12-07"),
        ({"starts_on": "soon"}, "请填写日期"),
        ({"weeks": "0"}, "周数须是 1 至 104 之间的整数"),
        ({"weeks": "105"}, "周数须是 1 至 104 之间的整数"),
        ({"weeks": "²"}, "周数须是 1 至 104 之间的整数"),
        ({"seed": "-1"}, "抽签种子须是 0 至"),
        ({"seed": "9" * 5000}, "抽签种子须是 0 至"),
        ({"based_on": "nothing"}, "没有名为“nothing”的计划"),
        ({"keeps_invited": "1"}, "须选择依据哪个计划"),
        ({"change": "close_outlet|NONE|2026-12-07|2026-12-07"}, "没有编号为 NONE 的网点"),
    ],
)
def test_a_form_with_a_fault_is_told_what_and_where(centre: Client, changed: dict[str, str], said: str) -> None:
    answer = centre.post(f"{ROOT}new/", FORM | changed)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert not Campaign.objects.exists()


def test_a_plan_is_asked_for_with_what_is_supposed(centre: Client) -> None:
    make_person(1)
    planned("base")
    form = FORM | {"based_on": "base", "by_forecast": "1", "outlet_q": "ABC"}
    found = centre.post(f"{ROOT}new/", form | {"do": "find"})
    assert [outlet.outlet_id for outlet in found.context["offered"]] == ["ABC-1"]
    packed: list[str] = []
    for kind, fields in (
        ("close_outlet", {"close_outlet": "ABC-1", "close_first": "2026-12-07", "close_last": "2026-12-11"}),
        ("lose_production", {"lose_bank": "ICBC", "lose_first": "2026-12-07", "lose_last": "2026-12-07"}),
        ("more_demand", {"demand_district": "110101", "demand_percent": "200"}),
    ):
        page = centre.post(f"{ROOT}new/", form | fields | {"do": f"add_{kind}", "change": packed})
        assert page.status_code == 200, text_of(page)
        packed = [change.packed for change in page.context["asked"].changes]
    assert "ABC one 在 2026-12-07 至 2026-12-11 停办" in text_of(page)
    page = centre.post(f"{ROOT}new/", form | {"do": "remove_1", "change": packed})
    packed = [change.packed for change in page.context["asked"].changes]
    answer = centre.post(f"{ROOT}new/", form | {"do": "plan", "change": packed})
    assert answer["location"] == f"{ROOT}winter/"
    made = Campaign.objects.get(campaign_id="winter")
    assert (made.state, made.based_on, made.by_forecast, made.seed) == (CampaignState.QUEUED, "base", True, 7)
    assert made.changes == [
        {"kind": "close_outlet", "outlet_id": "ABC-1", "first_day": "2026-12-07", "last_day": "2026-12-11"},
        {"kind": "more_demand", "district_code": "110101", "percent": 200},
    ]
    assert made.requested_by == "staff:centre"


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("close_outlet", {}, "请选择一个网点"),
        ("close_outlet", {"close_outlet": "ABC-1"}, "请填写起止日期"),
        (
            "close_outlet",
            {"close_outlet": "ABC-1", "close_first": "2026-12-11", "close_last": "2026-12-07"},
            "止日不早于起日",
        ),
        ("lose_production", {"lose_bank": "XXX"}, "请选择一家银行"),
        ("more_demand", {"demand_district": "110101", "demand_percent": "lots"}, "比例须是 0 至 1000 之间的整数"),
        ("more_demand", {"demand_percent": "200"}, "请选择一个区"),
    ],
)
def test_a_change_with_a_fault_is_not_added(centre: Client, kind: str, fields: dict[str, str], said: str) -> None:
    answer = centre.post(f"{ROOT}new/", FORM | fields | {"do": f"add_{kind}"})
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert answer.context["asked"].changes == []


@pytest.mark.parametrize(
    "packed", ["", "x", "close_outlet|ABC-1", "close_outlet|ABC-1|today|2026-12-07", "more_demand|110101|x"]
)
def test_a_tampered_change_is_dropped(centre: Client, packed: str) -> None:
    assert centre.post(f"{ROOT}new/", FORM | {"do": "find", "change": packed}).context["asked"].changes == []


def test_progress_is_told_until_the_plan_is_there(centre: Client) -> None:
    make_person(1)
    request_plan("winter", starts_on=MONDAY, weeks=4, seed=1, by=CLERK, at=NOON)
    Campaign.objects.update(state="planning", step="计划：12 个居民组，2 个领卡点", steps_done=4)
    assert "可以离开本页" in text_of(centre.get(f"{ROOT}winter/"))
    told = centre.get(f"{ROOT}winter/status.json").json()
    assert (told["is_unfinished"], told["done"], told["total"], told["step"]) == (
        True,
        4,
        8,
        "计划：12 个居民组，2 个领卡点",
    )
    for address in ("figures.json", "publish/", "person/", "versus/winter/", "export/load.csv"):
        assert centre.get(f"{ROOT}winter/{address}").status_code == 404, address
    plan_requested("winter", at=NOON)
    told = centre.get(f"{ROOT}winter/status.json").json()
    assert (told["is_unfinished"], told["state"]) == (False, "planned")


def test_a_plan_that_failed_says_why_and_can_be_removed(centre: Client) -> None:
    planned()  # nobody in the register
    page = text_of(centre.get(f"{ROOT}winter/"))
    assert "这个计划没有完成" in page
    assert "登记簿中没有需要换发的人" in page
    assert centre.post(f"{ROOT}winter/discard/")["location"] == ROOT
    assert not Campaign.objects.exists()


def test_a_plans_page_shows_its_figures(centre: Client) -> None:
    for serial in range(1, 21):
        make_person(serial)
    planned()
    answer = centre.get(f"{ROOT}winter/")
    page = text_of(answer)
    assert "列入计划 20 人" in page
    assert "已证明为该模型下的最优" in page
    (area,) = answer.context["areas"]
    assert (area.name, area.people, area.left_out, area.wait) == ("东城区", 20, 0, 0)
    streets = centre.get(f"{ROOT}winter/?district=110101&sort=people&dir=desc")
    assert [street.name for street in streets.context["areas"]] == ["东华门街道"]
    assert 'aria-sort="descending"' in streets.content.decode()
    figures = centre.get(f"{ROOT}winter/figures.json?bank=ABC").json()
    assert figures["map"]["districts"]["110101"]["name"] == "东城区"
    assert set(figures["map"]["measures"]) == {"load", "wait", "distance", "uptake"}
    assert len(figures["curve"]["weeks"]) == 4
    both = [centre.get(f"{ROOT}winter/figures.json?bank={bank}").json()["curve"]["people"] for bank in ("ABC", "ICBC")]
    everything = centre.get(f"{ROOT}winter/figures.json").json()["curve"]["people"]
    assert [sum(each) for each in zip(*both, strict=True)] == everything
    assert sum(everything) == 20


def test_a_plan_for_those_expected_says_why_it_exceeds_what_there_is(centre: Client) -> None:
    for serial in range(1, 21):
        make_person(serial)
    planned("everybody")
    page = text_of(centre.get(f"{ROOT}everybody/"))
    assert "不是人人都来" not in page
    assert "> 100" not in page.replace("&gt;", ">")
    plan = planned("likely", by_forecast=True)
    PlaceWeek.objects.filter(campaign_id="likely", planned__gt=0).update(planned=5, capacity=4)
    BankWeek.objects.filter(campaign_id="likely", planned__gt=0).update(planned=30, production=20, expected=18)
    answer = centre.get(f"{ROOT}{plan.campaign_id}/")
    page = text_of(answer).replace("&gt;", ">")
    assert "预计不是人人都来，所以排上的人数可以多于能力，负荷可以超过 100%" in page
    assert "用去 150%" in page
    assert "> 100" in page
    assert {outlet.load for outlet in answer.context["outlets"]} == {1.25}
    (area,) = answer.context["areas"]
    assert area.load is not None
    assert area.load > 1
    load = centre.get(f"{ROOT}likely/figures.json").json()["map"]
    assert load["measures"]["load"]["legend"][-1] == "> 100%"
    assert load["districts"]["110101"]["values"]["load"][1] == 5
    assert "负荷可以超过 100%" in text_of(centre.get(f"{ROOT}likely/versus/everybody/"))


def test_a_binding_limit_is_told_in_one_sentence(centre: Client) -> None:
    for serial in range(1, 6):
        make_person(serial)
    centre.post(
        f"{ROOT}capacity/",
        {
            "do": "record",
            "kind": "production_cards",
            "of": "ABC",
            "value": "0",
            "effective_from": str(MONDAY),
            "effective_until": "",
            "reason": "设备检修中",
        },
    )
    Campaign.objects.all().delete()
    plan = planned()
    PlaceWeek.objects.filter(place="ABC-1", week_starts_on__lt=MONDAY + timedelta(weeks=3)).update(price_m=4_000)
    page = text_of(centre.get(f"{ROOT}{plan.campaign_id}/"))
    assert "ABC one第 1–3 周已排满：每多接待 1 人，最多可少走 4.0 公里，或少等 2.0 周。" in page
    if plan.left_out:
        assert "就少 1 人领不到卡" in page


def test_units_are_listed_with_their_week_or_why_not(centre: Client) -> None:
    make_unit(people=range(1, 4))
    planned()
    slot = UnitSlot.objects.get()
    assert slot.week_starts_on is not None
    assert str(slot.week_starts_on) in text_of(centre.get(f"{ROOT}winter/"))
    UnitSlot.objects.update(week_starts_on=None, refusal="no_week_left")
    page = text_of(centre.get(f"{ROOT}winter/"))
    assert f"单位{UNIT[-4:]} 3 未排上：计划期内各周均已排满" in page


def test_boundaries_are_the_citys_own_and_kept_by_the_browser(centre: Client) -> None:
    answer = centre.get(f"{ROOT}capacity/boundaries.json")
    features = json.loads(answer.content)["features"]
    assert len(features) == 16
    again = centre.get(f"{ROOT}capacity/boundaries.json", headers={"if-none-match": answer["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_two_plans_are_compared_in_words(centre: Client) -> None:
    for serial in range(1, 6):
        make_person(serial)
    planned("one")
    planned("two")
    Campaign.objects.filter(campaign_id="two").update(left_out=2, mean_wait_weeks=1.5)
    assert centre.get(f"{ROOT}one/versus/?other=two")["location"] == f"{ROOT}one/versus/two/"
    page = text_of(centre.get(f"{ROOT}one/versus/two/"))
    assert "B 比 A 多 2 人排不上。人均多等 1.5 周。" in page
    assert "0 人换到另一处领卡，0 人换到另一周。" in page
    page = text_of(centre.get(f"{ROOT}two/versus/one/"))
    assert "B 比 A 少 2 人排不上。人均少等 1.5 周。" in page
    assert "两个计划排不上的人一样多" in text_of(centre.get(f"{ROOT}one/versus/one/"))
    assert centre.get(f"{ROOT}one/versus/three/").status_code == 404


def test_the_worker_counts_who_moves_between_large_plans(centre: Client) -> None:
    for serial in range(1, 6):
        make_person(serial)
    planned("one")
    planned("two")
    Slot.objects.filter(campaign_id="two").update(week_starts_on=MONDAY + timedelta(weeks=3))
    Campaign.objects.filter(campaign_id="two").update(people=200_000)
    for _ in range(2):
        page = text_of(centre.get(f"{ROOT}two/versus/one/"))
        assert "人员变动正在后台统计" in page
        assert "两个计划排不上的人一样多" in page
    assert "人员变动正在后台统计" in text_of(centre.get(f"{ROOT}one/versus/two/"))
    assert centre.get(f"{ROOT}two/versus/one/status.json").json() == {"is_unfinished": True}
    job = ProcrastinateJob.objects.get(task_name="campaign.compare")
    count_movement(**job.args, at=NOON)
    assert centre.get(f"{ROOT}two/versus/one/status.json").json() == {"is_unfinished": False}
    assert "0 人换到另一处领卡，5 人换到另一周。" in text_of(centre.get(f"{ROOT}two/versus/one/"))


def test_a_persons_slot_is_explained_and_masked(centre: Client) -> None:
    person = make_person(1)
    make_guardian(
        make_person(3, born=date(2016, 5, 1), category="minor"), person
    )  # so that the person comes to an outlet
    planned()
    later = make_person(2)
    clear = clear_view(person)
    for query in (clear.identity_number, clear.phone):
        answer = centre.post(f"{ROOT}winter/person/", {"q": query})
        page = text_of(answer)
        assert f"第 1 周，{MONDAY} 起" in page
        assert "您所选银行离您最近的网点" in page
        assert query not in answer.content.decode()
        assert clear.name not in page
    assert "此人不在这个计划中" in text_of(centre.post(f"{ROOT}winter/person/", {"q": clear_view(later).phone}))
    assert "没有找到" in text_of(centre.post(f"{ROOT}winter/person/", {"q": "119901199001010000"}))


def test_a_capacity_change_is_recorded_and_withdrawn(centre: Client) -> None:
    form = {
        "do": "record",
        "kind": "outlet_closed",
        "of": "ABC-1",
        "effective_from": "2026-12-07",
        "reason": "装修停业",
    }
    assert centre.post(f"{ROOT}capacity/", form).status_code == 302
    change = CapacityChange.objects.get()
    assert (change.kind, change.of, change.effective_from, change.effective_until) == (
        "outlet_closed",
        "ABC-1",
        date(2026, 12, 7),
        None,
    )
    assert "ABC one 网点停办" in text_of(centre.get(f"{ROOT}capacity/"))
    asked = centre.get(f"{ROOT}capacity/{change.change_id}/withdraw/")
    assert "装修停业" in text_of(asked)
    assert CapacityChange.objects.get().withdrawn_at is None
    assert centre.post(f"{ROOT}capacity/{change.change_id}/withdraw/").status_code == 302
    assert CapacityChange.objects.get().withdrawn_at is not None
    assert "已撤回" in text_of(centre.get(f"{ROOT}capacity/"))
    assert centre.get(f"{ROOT}capacity/99/withdraw/").status_code == 404


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"of": ""}, "请选择是哪一个"),
        ({"of": "NONE"}, "找不到编号为 NONE"),
        ({"value": "many"}, "数值须是 0 至"),
        ({"effective_from": ""}, "请填写开始日期"),
        ({"effective_until": "soon"}, "日期写法不对"),
        ({"effective_until": "2026-12-01"}, "早于开始日期"),
        ({"reason": "急"}, "请写明原因"),
        ({"kind": "weather"}, "没有这种能力变更"),
    ],
)
def test_a_capacity_change_with_a_fault_is_refused(centre: Client, changed: dict[str, str], said: str) -> None:
    form = {
        "do": "record",
        "kind": "production_cards",
        "of": "ABC",
        "value": "5",
        "effective_from": "2026-12-07",
        "effective_until": "",
        "reason": "设备检修",
    }
    answer = centre.post(f"{ROOT}capacity/", form | changed)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert not CapacityChange.objects.exists()


def test_a_plan_named_by_command_with_odd_signs_breaks_no_list(centre: Client) -> None:
    Campaign.objects.create(campaign_id="a/b c", starts_on=MONDAY, weeks=1, seed=1)
    assert "a/b c" in text_of(centre.get(ROOT))


def test_no_page_carries_inline_style_or_script(centre: Client) -> None:
    make_person(1)
    planned()
    pages = (
        "",
        "new/",
        "capacity/?kind=blanks",
        "winter/",
        "winter/publish/",
        "winter/person/",
        "winter/versus/winter/",
    )
    for page in pages:
        text = centre.get(ROOT + page).content.decode()
        assert not re.search(r"\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|<style", text), page
        assert "{%" not in text
        assert "{{" not in text
