"""What a helper's tablet does when things go wrong: two truths about one person, a session that ended, wrong PINs, time, loss.

Nothing is mocked but the tablet's clock where time has to pass. The city is the one of normal issuance: the bank may be chosen.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cuttable import CuttableLine, cuttable_line
from tests.journeys import helping
from tests.journeys.helping import (
    Retiree,
    begin_visit,
    go_offline,
    retiree_on_the_list,
    shows_document,
    signs_in_by_phone,
)
from tests.journeys.looking import bring_scripts, faults_of
from tests.journeys.people import fill_in_application, staff_signs_in
from tests.journeys.story import outlet_of_the_clerk
from tests.stack import Stack

pytestmark = pytest.mark.journey
LEAST_PX, LEAST_TARGET_PX = 18, 60
SMALL_TARGETS = """(least) => [...document.querySelectorAll('main button, main select, main input:not([type=file])')]
    .filter(node => node.checkVisibility())
    .map(node => ['checkbox', 'radio'].includes(node.type) ? node.closest('.choice') : node)
    .filter(node => node.getBoundingClientRect().height < least - 0.5).map(node => node.outerHTML.slice(0, 80))"""


@pytest.fixture
def line(stack: Stack) -> Iterator[CuttableLine]:
    """The tablet's line to the web."""
    with cuttable_line(urlsplit(stack.web).port or 0) as whole:
        yield whole


def is_sound(page: Page) -> None:
    """The screen as somebody with weak eyes or a screen reader meets it, in both print sizes, on a desk, a tablet, a phone."""
    bring_scripts(page)
    for width in (1440, 820, 320):
        page.set_viewport_size({"width": width, "height": 1180})
        for _ in range(2):
            page.locator("#print-size").click()
            where = f"{page.locator('main').get_attribute('data-screen')} {width}"
            assert page.evaluate("look.violations()") == [], where
            assert page.evaluate("look.smallPrint", LEAST_PX) == [], where
            assert page.evaluate(SMALL_TARGETS, LEAST_TARGET_PX) == [], where
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wide) <= 0, where
    page.set_viewport_size({"width": 820, "height": 1180})


def chooses_in_drawn_order(page: Page, stack: Stack, retiree: Retiree) -> None:
    """Nothing is chosen beforehand; the order is the one that was drawn today."""
    ((drawn,),) = stack.query("select bank_codes from banks_order_draw where person_id = %s", retiree.person_id)
    expect(page.get_by_role("radio")).to_have_count(len(drawn))
    shown = page.get_by_role("radio").evaluate_all("all => all.map(one => one.value)")
    assert shown == drawn
    assert page.get_by_role("radio", checked=True).count() == 0
    is_sound(page)
    page.get_by_role("button", name="继续", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("请选一家银行")
    page.get_by_role("radio").nth(1).check()
    page.get_by_role("button", name="继续", exact=True).click()


def agrees_by_word_of_mouth(page: Page, stack: Stack, retiree: Retiree) -> None:
    """No picture, the helper brings the card, somebody who cannot sign."""
    is_sound(page)
    page.get_by_role("button", name="看完了，继续").click()
    is_sound(page)
    page.get_by_label(re.compile("同意用我的登记信息")).check()
    page.get_by_role("button", name="继续", exact=True).click()
    chooses_in_drawn_order(page, stack, retiree)
    page.get_by_label("协办员送卡上门").check()
    is_sound(page)
    page.get_by_role("button", name="继续", exact=True).click()
    expect(page.get_by_text("本人没有同意拍照")).to_be_visible()
    page.get_by_role("button", name="继续", exact=True).click()
    page.get_by_label("口头同意，由协办员注明").check()
    is_sound(page)
    page.get_by_role("textbox", name="协办员注明").fill("手部不便，口头同意，邻居在场")
    page.get_by_role("button", name="继续", exact=True).click()
    is_sound(page)
    page.get_by_role("button", name="保存，联网后上传").click()
    expect(page.locator("[data-queue] > li")).to_have_count(1)


def applies_alone(browser: Browser, stack: Stack, retiree: Retiree) -> str:
    """Meanwhile the resident applies on the portal. The bank's name."""
    outlet = outlet_of_the_clerk(stack)
    page = signs_in_by_phone(browser, stack, retiree)
    page.get_by_role("link", name="申请第三代社保卡").first.click()
    fill_in_application(page, bank_name=outlet.bank_name, outlet_id=outlet.outlet_id, district=outlet.district)
    return outlet.bank_name


def signs_in_again(page: Page, stack: Stack) -> None:
    """The session ended while the tablet was away; the queue is still there."""
    expect(page.locator("#notice")).to_contain_text("登录已过期")
    expect(page.locator("[data-queue] > li")).to_have_count(1)
    page.get_by_role("link", name="重新登录").click()
    user, password = stack.staff("outreach")
    page.get_by_label("用户名").fill(user)
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_url("**/work/outreach/")
    helping.unlocks(page)


def test_two_truths_a_lost_session_and_a_lost_tablet(stack: Stack, browser: Browser, line: CuttableLine) -> None:
    tablet = helping.tablet_of(browser)
    page = helping.helper_signs_in(tablet, stack, line)
    helping.registers_device(page, "一号平板")
    helping.downloads(page)
    centre = staff_signs_in(browser, stack, "card_centre")
    retiree = retiree_on_the_list(centre, stack)
    go_offline(page, line)
    is_sound(page)
    begin_visit(page, retiree)
    shows_document(page, retiree)
    agrees_by_word_of_mouth(page, stack, retiree)
    bank = applies_alone(browser, stack, retiree)

    page.context.clear_cookies()
    line.mend()
    page.context.set_offline(False)
    signs_in_again(page, stack)
    case = page.locator("[data-cases] > li")
    expect(case).to_contain_text("已经有一份办理中的申请")
    expect(case.locator("[data-side=theirs]")).to_contain_text(bank)
    expect(case.locator("[data-side=ours]")).to_contain_text("协办员送卡上门")
    is_sound(page)
    case.get_by_role("button", name="放弃上门填写的").click()
    expect(page.locator("[data-results]")).to_contain_text("已放弃")
    assert retiree.name not in page.content()
    assert stack.query("select channel from applications_application where person_id = %s", retiree.person_id) == [
        ("web",)
    ]
    emptied = "select state, content_sealed is null, signature_way from outreach_home_application where person_id = %s"
    assert stack.query(emptied, retiree.person_id) == [("discarded", True, "oral")]

    centre.goto(f"{stack.web}/work/staff/outreach/")
    assert faults_of(centre, centre.url) == []
    centre.goto(f"{stack.web}/work/staff/outreach/")
    centre.locator("summary", has_text="一号平板").click()
    centre.get_by_role("button", name="确认遗失，停用并清除").click()
    expect(centre.locator("main")).to_contain_text("尚未联网")
    page.context.clear_cookies()  # whoever found it is not signed in and knows no PIN
    page.reload()
    expect(page.locator("#notice")).to_contain_text("已报告遗失，本机资料已全部清除")
    assert "record records" not in helping.kept_on(page)
    centre.reload()
    expect(centre.locator("main")).to_contain_text("已收到清除指令")


def test_wrong_pins_wipe_the_tablet(stack: Stack, browser: Browser, line: CuttableLine) -> None:
    page = helping.helper_signs_in(helping.tablet_of(browser), stack, line)
    helping.registers_device(page, "二号平板")
    helping.downloads(page)
    go_offline(page, line)
    page.get_by_role("button", name="锁定").click()
    for left in (4, 3):
        helping.unlocks(page, "000000")
        expect(page.get_by_role("alert")).to_contain_text(f"还可以再试 {left} 次")
    is_sound(page)
    page.reload()  # closing it gives no try back
    for left in (2, 1):
        helping.unlocks(page, "000000")
        expect(page.get_by_role("alert")).to_contain_text(f"还可以再试 {left} 次")
    assert "record records visit:" in helping.kept_on(page)
    helping.unlocks(page, "000000")
    expect(page.locator("#notice")).to_contain_text("PIN 连续输错，本机资料已全部清除")
    kept = helping.kept_on(page)
    assert "record records" not in kept
    assert "record meta" not in kept


def test_an_idle_tablet_locks_and_an_old_package_goes(stack: Stack, browser: Browser, line: CuttableLine) -> None:
    tablet = helping.tablet_of(browser)
    tablet.clock.install()
    page = helping.helper_signs_in(tablet, stack, line)
    helping.registers_device(page, "三号平板")
    helping.downloads(page)
    go_offline(page, line)
    row = page.locator("[data-visits] > li").first
    row.get_by_role("button", name=re.compile("开始办理")).click()
    page.get_by_label("核对身份证件：证件号码最后四位").wait_for()

    page.clock.fast_forward("04:10")
    warning = page.get_by_role("alertdialog")
    expect(warning).to_contain_text("秒后锁定")
    warning.get_by_role("button", name="继续使用").click()
    expect(warning).to_be_hidden()
    page.clock.fast_forward("04:10")
    expect(warning).to_be_visible()
    page.clock.fast_forward("01:00")
    helping.unlocks(page)
    expect(page.locator("[data-visits] > li").first).to_be_visible()
    assert "record records visit:" in helping.kept_on(page)

    page.clock.fast_forward(73 * 3600 * 1000)
    expect(page.get_by_role("heading", name="已锁定")).to_be_visible()
    page.reload()
    expect(page.locator("#notice")).to_contain_text("已超过三天，居民资料已从本机清除")
    assert "record records visit:" not in helping.kept_on(page)
