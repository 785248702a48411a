"""Nonsense in the fields and addresses of the campaign's pages: told in words, or taken for nothing, and never a broken page."""

import pytest
from django.test import Client
from django.utils import translation

from tests.campaign.world import MONDAY, make_city
from tests.cast import CLERK, NOON, make_person
from yikatong.accounts.models import Role, User
from yikatong.campaign.models import Campaign, CapacityChange
from yikatong.campaign.services import plan_requested, request_plan
from yikatong.workbench.campaign_asking import day_of, monday_fault

pytestmark = pytest.mark.django_db
ROOT = "/work/campaigns/"
OUTSIDE = "日期须在 2024 年至 2100 年之间"
FAR_DAYS = ["9999-12-31", "9999-12-27", "0001-01-01", "2023-12-31", "2101-01-03", "99991231"]
NO_DAYS = [
    "0000-00-00",
    "2026-02-30",
    "2026-13-01",
    "10000-01-01",
    "-2026-12-07",
    "２０２６-12-07",
    "\0",
    "x" * 5000,
    "%s",
    "'",
]
NONSENSE = ["", "\0", "a\0b", "'; drop table x", "%", "-1", "9" * 5000, "²", "../..", "<script>", "冬天", "x" * 5000]


@pytest.fixture
def centre() -> Client:
    """The card centre, in Chinese, in a city with one plan."""
    make_city("ABC", "ICBC")
    make_person(1)
    request_plan("winter", starts_on=MONDAY, weeks=4, seed=1, by=CLERK, at=NOON)
    plan_requested("winter", at=NOON)
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(User.objects.create(username="centre", role=Role.CARD_CENTRE))
    return client


@pytest.mark.parametrize(
    ("text", "is_day"),
    [("2023-12-31", False), ("2024-01-01", True), ("2100-12-31", True), ("2101-01-01", False), ("soon", False)],
)
def test_days_are_of_years_in_which_something_can_be_planned(text: str, is_day: bool) -> None:
    assert (day_of(text) is not None) == is_day


@pytest.mark.parametrize(
    ("text", "said"),
    [(text, OUTSIDE) for text in FAR_DAYS] + [(text, "请填写日期") for text in NO_DAYS] + [("2100-12-31", "不是周一")],
)
def test_a_first_day_with_a_fault_is_told_which(text: str, said: str) -> None:
    with translation.override("zh-hans"):
        assert said in monday_fault(text)


def test_a_plans_first_day_is_checked(centre: Client) -> None:
    for text in (*FAR_DAYS, *NO_DAYS):
        form = {"name": "odd", "starts_on": text, "weeks": "104", "seed": "7", "do": "plan"}
        answer = centre.post(f"{ROOT}new/", form)
        assert (answer.status_code, list(answer.context["asked"].faults)) == (422, ["starts_on"]), text
    assert Campaign.objects.count() == 1


@pytest.mark.parametrize("end", ["first", "last"])
@pytest.mark.parametrize(
    ("kind", "prefix", "of"),
    [("close_outlet", "close", {"close_outlet": "ABC-1"}), ("lose_production", "lose", {"lose_bank": "ABC"})],
)
def test_a_supposed_changes_days_are_checked(
    centre: Client, kind: str, prefix: str, of: dict[str, str], end: str
) -> None:
    for said, texts in ((OUTSIDE, FAR_DAYS), ("请填写起止日期", NO_DAYS)):
        for text in texts:
            days = {f"{prefix}_first": "2026-12-07", f"{prefix}_last": "2026-12-07"} | {f"{prefix}_{end}": text}
            answer = centre.post(f"{ROOT}new/", {"do": f"add_{kind}"} | of | days)
            assert answer.status_code == 422, text
            assert said in answer.content.decode(), text
            tampered = "|".join([kind, next(iter(of.values())), *days.values()])
            assert centre.post(f"{ROOT}new/", {"do": "find", "change": tampered}).context["asked"].changes == []


@pytest.mark.parametrize(
    ("field", "said", "texts"),
    [
        ("effective_from", OUTSIDE, FAR_DAYS),
        ("effective_until", OUTSIDE, FAR_DAYS),
        ("effective_from", "请填写开始日期", NO_DAYS),
        ("effective_until", "日期写法不对", [text for text in NO_DAYS if text != "\0"]),
        ("reason", "原因最多 200 个字", ["急" * 201]),
    ],
)
def test_a_capacity_changes_days_are_checked(centre: Client, field: str, said: str, texts: list[str]) -> None:
    form = {"do": "record", "kind": "production_cards", "of": "ABC", "value": "5", "reason": "设备检修中"}
    days = {"effective_from": "2026-12-07", "effective_until": "2026-12-11"}
    for text in texts:
        answer = centre.post(f"{ROOT}capacity/", form | days | {field: text})
        assert answer.status_code == 422, text
        assert said in answer.content.decode(), text
    assert not CapacityChange.objects.exists()


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("", ["page", "sort"]),
        ("new/", ["based_on", "starts_on"]),
        ("capacity/", ["kind", "q", "of", "effective_from", "page"]),
        ("capacity/?kind=outlet_closed", ["q"]),
        ("capacity/?kind=visits", ["q"]),
        ("winter/", ["district", "sort", "dir", "bank", "page"]),
        ("winter/?district=110101", ["sort"]),
        ("winter/figures.json", ["bank", "district"]),
        ("winter/status.json", ["bank"]),
        ("winter/publish/", ["name"]),
        ("winter/person/", ["q"]),
        ("winter/versus/winter/", ["other", "page"]),
    ],
)
def test_an_odd_address_shows_the_page_as_without(centre: Client, page: str, names: list[str]) -> None:
    address, _mark, query = page.partition("?")
    given = dict(part.split("=") for part in query.split("&") if part)
    for text in NONSENSE:
        for name in names:
            assert centre.get(ROOT + address, given | {name: text}).status_code == 200, (name, text)


def test_a_plan_that_cannot_be_is_not_found(centre: Client) -> None:
    for text in NONSENSE:
        assert centre.get(f"{ROOT}winter/versus/", {"other": text}).status_code == 404, text
        if text and "/" not in text:
            odd = text.replace("%", "%25").replace("\0", "%00")
            assert centre.post(f"{ROOT}{odd}/export/", {"what": "load"}).status_code == 404, odd
            pages = (f"{odd}/", f"{odd}/status.json", f"{odd}/publish/", f"winter/versus/{odd}/")
            for address in (*pages, f"capacity/{odd}/withdraw/"):
                assert centre.get(ROOT + address).status_code == 404, address


@pytest.mark.parametrize(
    ("page", "do", "names"),
    [
        ("new/", "plan", ["name", "weeks", "seed", "based_on", "do"]),
        ("new/", "find", ["outlet_q"]),
        ("new/", "add_close_outlet", ["close_outlet", "outlet_q"]),
        ("new/", "add_lose_production", ["lose_bank"]),
        ("new/", "add_more_demand", ["demand_district", "demand_percent"]),
        ("capacity/", "record", ["kind", "of", "value", "q", "do"]),
        ("winter/person/", "", ["q"]),
        ("winter/publish/", "", ["name"]),
    ],
)
def test_an_odd_field_breaks_no_form(centre: Client, page: str, do: str, names: list[str]) -> None:
    for text in NONSENSE:
        for name in names:
            assert centre.post(ROOT + page, {"do": do} | {name: text}).status_code in {200, 422}, (name, text)


def test_an_odd_change_breaks_no_form(centre: Client) -> None:
    form = {"name": "odd", "starts_on": str(MONDAY), "weeks": "4", "seed": "7", "do": "plan", "again": "1"}
    for text in NONSENSE:
        days = "2026-12-07|2026-12-07"
        for packed in (f"close_outlet|{text}|{days}", f"more_demand|110101|{text}", f"more_demand|{text}|100", text):
            page = centre.post(f"{ROOT}new/", {"do": f"remove_{text}", "change": packed})
            assert page.status_code == 200, packed
            assert centre.post(f"{ROOT}new/", form | {"change": packed}).status_code in {302, 422}, packed
