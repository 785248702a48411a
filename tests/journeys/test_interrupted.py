"""Interruptions: a session that ends half way, a page left open, a browser without scripts. Nothing typed is lost; nobody is
thrown out without being asked.

Nothing is mocked but the passing of time in the page, which is wound on for the warning.
"""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PHONE
from tests.journeys.looking import faults_of
from tests.journeys.people import chooses_bank, enters_code, resident_signs_in, staff_signs_in
from tests.journeys.story import outlet_of_the_clerk
from tests.stack import Stack

pytestmark = pytest.mark.journey
ADDRESS = "朝阳区建国路 1 号 3 单元，请打电话 𠮷"


def fills_in_the_address(page: Page, stack: Stack) -> None:
    """An application to be sent by post; nothing of this page is sent yet, what was answered before is in the draft."""
    page.goto(f"{stack.web}/")
    page.get_by_role("link", name="申请第三代社保卡").first.click()
    chooses_bank(page, outlet_of_the_clerk(stack).bank_name)
    page.get_by_label("收卡地址").fill(ADDRESS)


def session_ends(page: Page, stack: Stack) -> None:
    """As after twelve hours: the server knows the session no more."""
    cookie = next(c for c in page.context.cookies() if c["name"] == "sessionid")
    assert stack.query("delete from django_session where session_key = %s returning 1", cookie["value"]) == [(1,)]


def signs_in_as_staff(page: Page, stack: Stack, role: str) -> None:
    """In this browser, where somebody may have been signed in before."""
    user, password = stack.staff(role)
    if "/sign-in/" not in page.url:
        page.goto(f"{stack.web}/sign-in/staff/")
    page.get_by_label("用户名").fill(user)
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_url("**/work/**")


def signs_in_again(page: Page, stack: Stack) -> None:
    """On the page one was sent to."""
    page.get_by_label("手机号码").fill(stack.resident()[0])
    page.get_by_role("button", name="获取验证码").click()
    page.get_by_label("六位验证码").wait_for()
    enters_code(page, stack)


def test_what_was_typed_before_the_session_ended_is_still_there(stack: Stack, browser: Browser) -> None:
    page = resident_signs_in(browser, stack)
    fills_in_the_address(page, stack)
    session_ends(page, stack)
    page.get_by_role("button", name="邮寄到此地址").click()
    signs_in_again(page, stack)
    page.get_by_role("heading", name="您刚才填写的内容还在").wait_for()
    expect(page.locator("main")).to_contain_text(ADDRESS)
    assert not (faults := faults_of(page, page.url)), "\n".join(faults)
    assert stack.query("select count(*) from applications_application where channel = 'web'") == [(0,)]
    page.get_by_role("button", name="继续提交").click()
    page.get_by_role("heading", name="请核对后提交").wait_for()
    expect(page.locator("main")).to_contain_text(ADDRESS)
    page.get_by_role("button", name="提交申请").click()
    page.get_by_role("heading", name="申请已提交").wait_for()
    assert stack.query("select count(*) from applications_application where channel = 'web'") == [(1,)]
    page.goto(f"{stack.web}/help/")
    expect(page.locator("main")).not_to_contain_text("您刚才填写的内容还在")


def test_another_account_at_the_same_browser_finds_nothing(stack: Stack, browser: Browser) -> None:
    page = staff_signs_in(browser, stack, "bank_clerk")
    page.goto(f"{stack.web}/work/bank/walk-in/")
    field = page.get_by_label(re.compile("证件号码")).first
    field.fill("119901199001010000")
    session_ends(page, stack)
    field.press("Enter")
    page.wait_for_url("**/sign-in/staff/**")
    signs_in_as_staff(page, stack, "auditor")
    assert "119901199001010000" not in page.content()
    expect(page.locator("main")).not_to_contain_text("您刚才填写的内容还在")


def test_a_page_grown_old_is_sent_again_by_one_press(stack: Stack, browser: Browser) -> None:
    """Signed in anew in another tab: the first tab's token is no longer good."""
    page = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    page.goto(f"{stack.web}/fairness/complaint/")
    signs_in_as_staff(page.context.new_page(), stack, "auditor")
    page.locator("input[name=kind]").first.check()
    page.get_by_label("哪一天").fill("2026-11-01")
    page.get_by_label("经过").fill("有人在校门口摆摊，要求大家选某家银行办卡。")
    page.get_by_role("button", name="提交", exact=True).click()
    page.get_by_role("heading", name="请再提交一次").wait_for()
    expect(page.locator("main")).to_contain_text("有人在校门口摆摊")
    page.get_by_role("button", name="继续提交").click()
    page.locator(".receipt").wait_for()


def test_the_end_of_a_session_is_announced_and_put_off(stack: Stack, browser: Browser) -> None:
    page = staff_signs_in(browser, stack, "auditor")
    page.clock.install()
    page.goto(f"{stack.web}/work/audit/")
    warning = page.get_by_role("region", name=re.compile("自动退出登录"))
    expect(warning).to_be_hidden()
    page.clock.fast_forward("11:55:01")
    expect(warning).to_contain_text("还有 5 分钟")
    before = stack.query("select max(expire_date) from django_session")
    page.clock.fast_forward("02:30")
    expect(warning).to_contain_text("还有 3 分钟")
    page.get_by_role("button", name="延长，继续办理").press("Enter")
    expect(page.locator("#session-end")).to_contain_text("已延长")
    assert stack.query("select max(expire_date) from django_session") > before
    page.clock.fast_forward("00:10")
    expect(page.locator("#session-end")).to_be_hidden()
    page.clock.fast_forward("12:00:01")
    expect(page.locator("#session-end")).to_contain_text("登录已超时")


SIGNED_IN_EARLIER = """
import sys
from yikatong.config.django import set_up_django
set_up_django()
from django.contrib.sessions.backends.db import SessionStore
session = SessionStore(sys.argv[1])
session["begun_at"] -= int(sys.argv[2])
session.save()
"""


def was_signed_in_earlier(page: Page, stack: Stack, hours: int) -> None:
    """As if the session had been used for so long already."""
    key = next(c["value"] for c in page.context.cookies() if c["name"] == "sessionid")
    command = [sys.executable, "-c", SIGNED_IN_EARLIER, key, str(hours * 3600)]
    subprocess.run(command, env=stack.environment, check=True, timeout=60)


def test_the_end_that_nothing_puts_off_is_announced_as_such(stack: Stack, browser: Browser) -> None:
    page = staff_signs_in(browser, stack, "auditor")
    was_signed_in_earlier(page, stack, 18)
    page.clock.install()
    page.goto(f"{stack.web}/work/audit/")
    warning = page.locator("#session-end")
    page.clock.fast_forward("05:50:00")
    expect(warning).to_be_hidden()
    page.clock.fast_forward("06:01")
    expect(warning).to_contain_text("还有 4 分钟")
    expect(warning).to_contain_text("不能再延长")
    expect(warning.get_by_role("button")).to_be_hidden()
    was_signed_in_earlier(page, stack, 6)
    page.goto(f"{stack.web}/work/audit/")
    page.wait_for_url("**/sign-in/staff/**")


def test_language_and_print_need_no_script(stack: Stack, browser: Browser) -> None:
    page = browser.new_context(viewport=PHONE, locale="zh-CN", java_script_enabled=False).new_page()
    page.goto(f"{stack.web}/help/")
    assert page.get_by_role("button", name="朗读").count() == 0, "a button that would do nothing is not shown"
    for shown, other, lang in (
        ("语言 简体", "繁體中文", "zh-Hant"),
        ("語言 繁體", "English", "en"),
        ("English", "简体中文", "zh-CN"),
    ):
        page.locator("summary").filter(has_text=re.compile(f"{shown.split()[-1]}$")).first.click()
        page.get_by_role("button", name=other).click()
        expect(page.locator("html")).to_have_attribute("lang", lang)
    page.get_by_role("button", name="大字版").click()
    page.locator("summary").filter(has_text="字号").click()
    page.get_by_role("button", name="最大").click()
    expect(page.locator("main")).to_have_css("font-size", "30px")
    page.get_by_role("button", name="标准版").click()
    expect(page.locator("main")).to_have_css("font-size", "17px")


HEARD = """Object.defineProperty(window, 'speechSynthesis', {configurable: true, value: {
    heard: [], getVoices: () => [], cancel() {}, speak(part) { this.heard.push([part.lang, part.text]); this.last = part; }}})"""


def test_reading_aloud_goes_through_the_page_and_stops_by_keyboard(stack: Stack, browser: Browser) -> None:
    """A browser in a test has no voice: what it would say is written down, and the test says when a part is said."""
    page = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    page.add_init_script(HEARD)
    page.goto(f"{stack.web}/help/")
    aloud = page.locator("[data-read]")
    aloud.press("Enter")
    expect(aloud).to_have_text("停止朗读")
    for _ in range(3):
        page.evaluate("speechSynthesis.last.onend()")
    heard = page.evaluate("speechSynthesis.heard")
    assert [lang for lang, _ in heard] == ["zh-CN"] * 4
    assert heard[0][1] == "帮助"
    assert not any("大字版" in text for _, text in heard), "the page, not its frame"
    page.keyboard.press("Escape")
    expect(aloud).to_have_attribute("aria-pressed", "false")
    page.evaluate("speechSynthesis.last.onend()")
    assert len(page.evaluate("speechSynthesis.heard")) == 4, "stopped is stopped"


def test_a_device_without_a_voice_says_so(stack: Stack, browser: Browser) -> None:
    page = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    page.goto(f"{stack.web}/help/")
    page.locator("[data-read]").click()
    expect(page.locator("[data-read]")).to_have_text("此设备没有朗读功能")
