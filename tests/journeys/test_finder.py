"""J17: where can I use my card near me, and what do I need?

Asked on a phone and at a desk, in Chinese and English, in large print, with a position shared, with a place typed, and without
JavaScript; answered by the city's own data and the card centre's answers.
"""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import DESKTOP, PHONE
from tests.journeys.people import opens_from_menu, staff_signs_in
from tests.stack import Stack

pytestmark = pytest.mark.journey

GUOMAO = {"longitude": 116.4598, "latitude": 39.9075}
"""The corner above the station, in WGS-84 as a phone gives it."""


def visitor(browser: Browser, **settings: object) -> BrowserContext:
    """Somebody without an account."""
    return browser.new_context(**{"viewport": PHONE, "locale": "zh-CN"} | settings)  # type: ignore[arg-type]


def first_places(page: Page) -> list[str]:
    return [name.strip() for name in page.locator(".finder-name").all_inner_texts()]


def test_what_can_i_do_with_my_card(stack: Stack, browser: Browser) -> None:
    page = visitor(browser).new_page()
    page.goto(f"{stack.web}/services/")
    page.get_by_label("我是").select_option(label="退休人员")
    page.get_by_label("我想").select_option(label="逛公园")
    page.get_by_role("button", name="查看").click()
    expect(page).to_have_url(re.compile(r"group=retiree&need=parks"))
    page.get_by_role("link", name="公园年票").click()
    expect(page.locator("main")).to_contain_text("100 元一张")
    expect(page.locator("main")).to_contain_text("实体卡")
    expect(page.locator("main")).to_contain_text("依据：新浪财经 2026-01-15")
    page.get_by_role("link", name="公园", exact=True).click()
    expect(page.get_by_role("heading", name="公园", exact=True)).to_be_visible()
    assert len(first_places(page)) == 20, "a page of the 22 parks"


def test_near_me_by_shared_position(stack: Stack, browser: Browser) -> None:
    context = visitor(browser, geolocation=GUOMAO, permissions=["geolocation"])
    page = context.new_page()
    page.goto(f"{stack.web}/places/")
    page.get_by_role("button", name="用我现在的位置").click()
    page.wait_for_url(re.compile(r"lng=116\.46&lat=39\.90[78]"))
    assert first_places(page)[0] == "国贸"
    expect(page.locator("main")).to_contain_text("按离您的位置的直线距离排列")
    page.locator("[data-mark='1']").click()
    expect(page.locator("#place-1 a")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="国贸", exact=True)).to_be_visible()
    expect(page.locator("main")).to_contain_text("乘地铁")


def test_a_position_refused_is_said_and_a_typed_place_works(stack: Stack, browser: Browser) -> None:
    page = visitor(browser, permissions=[]).new_page()
    page.goto(f"{stack.web}/places/")
    page.get_by_role("button", name="用我现在的位置").click()
    expect(page.locator("#locate-status")).to_contain_text("没有取得位置")
    page.get_by_label("在哪里附近").fill("xhyy")
    page.get_by_label("找什么").select_option(label="地铁站")
    page.get_by_role("button", name="查找").click()
    expect(page.locator("main")).to_contain_text("按离 中国医学科学院北京协和医院（医院和门诊部）的直线距离排列")
    assert {"东单", "王府井", "灯市口"} & set(first_places(page)[:3])


def test_by_keyboard_alone_at_a_desk(stack: Stack, browser: Browser) -> None:
    page = visitor(browser, viewport=DESKTOP).new_page()
    page.goto(f"{stack.web}/places/")
    page.get_by_label("在哪里附近").focus()
    page.keyboard.type("guomao")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("按离 国贸（地铁站）的直线距离排列")
    page.get_by_role("link", name="全部 942 处医院和门诊部").focus()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("共 942 处，这里是第 1 到 20 处")
    page.get_by_role("link", name="下一页").focus()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("这里是第 21 到 40 处")


def test_without_javascript(stack: Stack, browser: Browser) -> None:
    page = visitor(browser, java_script_enabled=False).new_page()
    page.goto(f"{stack.web}/places/")
    expect(page.get_by_role("button", name="用我现在的位置")).to_be_hidden()
    page.get_by_label("在哪里附近").fill("国茂")  # a wrong character that sounds right
    page.get_by_role("button", name="查找").click()
    assert first_places(page)[0] == "国贸"
    assert page.locator(".finder-map [data-mark]").count() > 5, "the map needs no script"
    page.get_by_role("link", name="国贸", exact=True).click()
    expect(page.get_by_role("heading", name="国贸", exact=True)).to_be_visible()
    page.goto(f"{stack.web}/questions/")
    page.get_by_label("您想问什么").fill("gsbb")
    page.get_by_role("button", name="查找").click()
    page.get_by_role("link", name="卡丢了怎么办？").click()
    page.get_by_role("button", name="有用", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("谢谢")


def test_in_english(stack: Stack, browser: Browser) -> None:
    page = visitor(browser, locale="en-GB").new_page()
    page.goto(f"{stack.web}/places/?near=Tiananmen")
    expect(page.locator("main")).to_contain_text("Metro stations")
    page.get_by_role("link", name="Questions", exact=True).click()
    page.get_by_label("What would you like to ask").fill("lost card")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="What do I do if I lose the card?").click()
    expect(page.locator("main")).to_contain_text("The card stops at once")


def test_in_large_print_for_somebody_who_reads_slowly(stack: Stack, browser: Browser) -> None:
    page = visitor(browser).new_page()
    page.goto(f"{stack.web}/questions/?mode=care")
    page.get_by_role("link", name="有了新卡，旧卡还能用吗？").click()
    expect(page.locator("main")).to_contain_text("旧卡照常使用")
    page.get_by_role("link", name="哪里能用").click()
    for link in page.locator(".finder-nav a, .finder-places a, main .button").all():
        box = link.bounding_box()
        assert box is None or box["height"] >= 60, link.inner_text()


def test_an_answer_is_put_right_by_the_card_centre(stack: Stack, browser: Browser) -> None:
    """Two members of staff at once, a preview, publishing, and what the resident then reads."""
    first, second = (staff_signs_in(browser, stack, "card_centre") for _ in range(2))
    for page in (first, second):
        opens_from_menu(page, "更多业务", "问题和答复")
        page.get_by_role("link", name="换卡会影响领养老金吗？").click()
    first.get_by_label("答复（中文）").fill("不会，请放心。\n\n- 照旧发到原账户\n- 详见[帮助](/help/)")
    first.get_by_role("button", name="预览").click()
    expect(first.locator("#preview")).to_contain_text("照旧发到原账户")
    first.get_by_role("button", name="保存并发布").click()
    expect(first.locator("main")).to_contain_text("第 2 版")
    second.get_by_label("答复（中文）").fill("我也在改。")
    second.get_by_role("button", name="保存并发布").click()
    expect(second.get_by_role("alert")).to_contain_text("别人改过这个问题")
    expect(second.locator("[data-theirs]")).to_contain_text("不会，请放心")
    expect(second.locator("[data-mine]")).to_contain_text("我也在改")
    resident = visitor(browser).new_page()
    resident.goto(f"{stack.web}/questions/pension_interrupted/")
    expect(resident.locator("main li", has_text="照旧发到原账户")).to_be_visible()
    expect(resident.locator(".finder-answer a")).to_have_attribute("href", "/help/")
    first.get_by_role("link", name="修改记录").click()
    first.locator("[data-version='1']").get_by_role("button", name="恢复第 1 版").click()
    first.get_by_role("button", name="发布第 3 版").click()
    resident.reload()
    expect(resident.locator("main")).to_contain_text("原来的存折、银行卡先不要销户")


def test_pages_are_light(stack: Stack, browser: Browser) -> None:
    """Bytes over the wire as a browser counts them: the finder's own part of a first visit, and a whole page after it."""
    page = visitor(browser).new_page()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: dict[str, float] = {}
    addresses: dict[str, str] = {}
    session.on(
        "Network.requestWillBeSent", lambda event: addresses.update({event["requestId"]: event["request"]["url"]})
    )
    session.on(
        "Network.loadingFinished",
        lambda event: sizes.update({addresses.get(event["requestId"], ""): event["encodedDataLength"]}),
    )
    page.goto(f"{stack.web}/places/?near=gm", wait_until="networkidle")
    own = {address: size for address, size in sizes.items() if "finder." in address or "/places/" in address}
    assert len(own) == 3
    assert sum(own.values()) <= 40_000, own
    sizes.clear()
    page.goto(f"{stack.web}/places/?near=guomao", wait_until="networkidle")
    assert 0 < sum(sizes.values()) <= 20_000, sizes
