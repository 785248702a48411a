"""The finder's pages as anybody opens them: services, places, what the address asks for, nonsense, and how heavy they are."""

import gzip
import re
from urllib.parse import quote

import pytest
from django.test import Client

from tests.cast import make_person
from tests.guide.conftest import city  # noqa: F401
from yikatong.accounts.models import Role, User
from yikatong.city.folder import BEIJING
from yikatong.city.guidance import read_services

pytestmark = [pytest.mark.usefixtures("city"), pytest.mark.django_db]
FIRST_VISIT_BYTES = 20_000
"""Of the page alone, compressed; style sheets and scripts come on top and are kept by the browser."""


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"accept-language": "zh-hans"})


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, address
    return answer.content.decode()


def codes(text: str) -> set[str]:
    return set(re.findall(r'<li class="panel" id="(\w+)"', text))


def names(text: str) -> list[str]:
    return re.findall(r'class="finder-name" href="[^"]+"><span lang="zh-CN">([^<]+)', text)


def test_services_by_group_need_and_medium(visitor: Client) -> None:
    entries, _ = read_services(BEIJING)
    everything = {entry.code for entry in entries["service"]}
    assert codes(page(visitor, "/services/")) == everything
    assert 25 <= len(everything) <= 40
    for_retirees = codes(page(visitor, "/services/?group=retiree"))
    assert "pension" in for_retirees
    assert "unemployment_benefit" not in for_retirees
    assert codes(page(visitor, "/services/?need=parks")) == {"park_pass", "park_ticket"}
    assert "park_pass" not in codes(page(visitor, "/services/?need=parks&medium=ecard"))
    assert codes(page(visitor, "/services/?need=nonsense&group=%00")) == everything


def test_every_service_has_a_page_in_both_languages(visitor: Client) -> None:
    english = Client(headers={"accept-language": "en"})
    entries, _ = read_services(BEIJING)
    for entry in entries["service"]:
        shown = page(visitor, f"/services/{entry.code}/")
        assert entry.what_zh in shown.replace("&#x27;", "'")
        assert ("还没有核实" in shown) == entry.is_assumption
        assert ("本平台可以办理或受理" in shown) == entry.works_here
        assert f"<h1>{entry.name_en}</h1>".replace("'", "&#x27;") in page(english, f"/services/{entry.code}/")
    page(visitor, "/services/none/", 404)


def test_a_signed_in_resident_finds_the_own_group_chosen(visitor: Client) -> None:
    person = make_person(1, category="retiree")
    visitor.force_login(User.objects.create_user("r", role=Role.RESIDENT, person_id=person.person_id))
    shown = page(visitor, "/services/")
    assert '<option value="retiree" selected>' in shown
    assert "已按您登记的类别“退休人员”选好" in shown
    assert '<option value="retiree" selected>' not in page(visitor, "/services/?group=all")


def test_nearest_first_from_a_typed_place(visitor: Client) -> None:
    shown = page(visitor, "/places/?near=国贸&category=metro_station")
    assert names(shown)[0] == "国贸"
    assert {"大望路", "金台夕照", "永安里"} <= set(names(shown)[:6])
    metres = [
        float(number) * (1000 if unit == "公里" else 1)
        for number, unit in re.findall(r"<strong>([\d.]+) (米|公里)</strong>", shown)
    ]
    assert "就是这里" in shown
    assert len(metres) == 19
    assert metres == sorted(metres)
    assert "按离 国贸（地铁站）的直线距离排列" in shown


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("国贸", "国贸（地铁站）"),
        ("gm", "国贸（地铁站）"),
        ("guomao", "国贸（地铁站）"),
        ("GUO MAO", "国贸（地铁站）"),
        ("国茂", "国贸（地铁站）"),
        ("天坛公园", "天坛公园（公园）"),
        ("ttgy", "天坛公园（公园）"),
        ("朝阳区", "朝阳区（区）"),
        ("多福巷", "多福巷社区居委会（社区、村）"),
    ],
)
def test_places_are_found_as_people_type_them(visitor: Client, typed: str, found: str) -> None:
    assert found in page(visitor, f"/places/?near={quote(typed)}")


def test_a_street_without_coordinates_lists_its_own_district_first_and_says_so(visitor: Client) -> None:
    shown = page(visitor, "/places/?near=东华门街道&category=library")
    assert "没有公开的坐标，不能算距离" in shown
    assert all("东城区" in name for name in names(shown)[:7])
    assert "<strong>" not in shown.split("finder-places")[1].split("</ol>")[0]


def test_what_is_not_found_is_said_and_something_shown(visitor: Client) -> None:
    shown = page(visitor, "/places/?near=xyzzyxyzzy")
    assert "没找到“xyzzyxyzzy”" in shown
    assert "3337 处" in shown


def test_a_shared_position_is_rounded_and_not_repeated_in_full(visitor: Client) -> None:
    answer = visitor.get("/places/?lng=116.461234567&lat=39.909876543&category=metro_station")
    assert answer.status_code == 302
    assert answer["Location"] == "/places/?category=metro_station&lng=116.461&lat=39.91"
    shown = page(visitor, answer["Location"])
    assert "按离您的位置的直线距离排列" in shown
    assert names(shown)[0] == "国贸"
    assert "lng=116.461&amp;lat=39.91&amp;page=2" in shown


@pytest.mark.parametrize(
    "query",
    [
        "lng=x&lat=y",
        "lng=nan&lat=nan",
        "lng=0&lat=0",
        "lng=1e999&lat=1",
        "page=-1",
        "page=99999999999",
        "category=zzz",
        "district=999999",
        "from=none",
        "near=%00",
        "near=%F0%9F%98%80",
        "name=%E2%80%AE",
        "near=" + "长" * 500,
    ],
)
def test_nonsense_in_the_address(visitor: Client, query: str) -> None:
    page(visitor, f"/places/?{query}")


def test_pages_go_on_until_the_end(visitor: Client) -> None:
    seen: list[str] = []
    address: str | None = "/places/?category=hospital&district=110101"
    while address:
        shown = page(visitor, address)
        seen += names(shown)
        after = re.search(r'rel="next" href="([^"]+)"', shown)
        address = "/places/" + after[1].replace("&amp;", "&") if after else None
    total = re.search(r"共 (\d+) 处", page(visitor, "/places/?category=hospital&district=110101"))
    assert total
    assert len(seen) == len(set(seen)) == int(total[1])


def test_lists_by_name(visitor: Client) -> None:
    found = names(page(visitor, "/places/?name=xiehe"))
    assert "中国医学科学院北京协和医院" in found
    assert all("协和" in name or "谐和" in name or "和" in name for name in found)
    assert "没有符合条件的地方" in page(visitor, "/places/?name=qqqqqq")


def test_the_map_numbers_what_the_list_numbers(visitor: Client) -> None:
    shown = page(visitor, "/places/?near=国贸")
    marks = set(re.findall(r'data-mark="(\d+)"', shown))
    located = set(re.findall(r'data-number="(\d+)" data-located', shown))
    assert marks == located != set()
    assert "finder-map__lines" in shown
    assert re.search(r'<polyline points="[-\d, ]+" stroke="#', shown)


def test_place_pages(visitor: Client) -> None:
    station = page(visitor, "/places/metro:国贸/")
    assert "1号线、10号线" in station or "10号线、1号线" in station
    assert "坐标：WGS-84" in station
    assert "乘地铁" in station
    assert "低峰优惠：" in page(visitor, "/places/metro:沙河/")
    hospital = page(visitor, "/places/medical:01100060/")
    assert "单位内部的医务室" in hospital
    assert "详细地址没有查到" in hospital
    park = page(visitor, "/places/park:天坛公园/")
    assert "按 GCJ-02 换算成 WGS-84" in park
    assert "2022 年的年票名单里有" in park
    for nowhere in ("/places/none/", "/places/area:110101/"):
        page(visitor, nowhere, 404)


def test_a_made_up_outlet_says_so_everywhere(visitor: Client) -> None:
    shown = page(visitor, "/places/?category=outlet&near=东华门街道")
    assert "虚构示例" in shown
    identifier = re.search(r'href="/places/(outlet:S-[^"]+)/"', shown)
    assert identifier
    assert "并不存在" in page(visitor, f"/places/{identifier[1]}/")


@pytest.mark.parametrize(
    "address", ["/services/", "/places/", "/places/?near=国贸", "/places/?category=clinic", "/questions/"]
)
def test_pages_are_light(visitor: Client, address: str) -> None:
    assert len(gzip.compress(page(visitor, address).encode())) < FIRST_VISIT_BYTES


def test_a_second_look_asks_the_database_for_next_to_nothing(
    visitor: Client, django_assert_max_num_queries: object
) -> None:
    page(visitor, "/places/?near=国贸")
    with django_assert_max_num_queries(1):  # type: ignore[operator]
        page(visitor, "/places/?near=gm&category=hospital&page=2")
        page(visitor, "/services/?need=travel")
