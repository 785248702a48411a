"""The card centre at work: found, seen for a reason, a phone corrected by two, a message to many that the resident reads."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PHONE, chromium
from tests.journeys.people import staff_finds, staff_reveals, staff_signs_in
from tests.stack import Stack, wait_for
from yikatong.registry.rules import is_phone

pytestmark = pytest.mark.journey
PER_MINUTE = 40
COUNTED_WITHIN_MS = 60_000


def test_the_card_centre_finds_corrects_and_tells(stack: Stack) -> None:
    with chromium() as browser:
        centre = staff_signs_in(browser, stack, "card_centre")
        identity_number, person_id = finds_and_sees(centre, stack)
        finds_by_tail_and_name(centre, stack, identity_number)
        phone = corrects_the_phone(browser, centre, stack, person_id)
        template = writes_a_template(centre, stack)
        tells_somebody(centre, stack, person_id)
        tells_many(browser, centre, stack, template)
        resident_reads(browser, stack, phone, identity_number[-4:])
    looked_at = "select count(*) from audit_event where action = %s"
    assert stack.query(looked_at, "person.revealed") == [(2,)]
    assert stack.query(looked_at, "register.searched")[0][0] >= 2
    ((details,),) = stack.query("select string_agg(details::text, '') from audit_event where action like 'register.%%'")
    assert identity_number[-4:] not in details, "a search is recorded by its kind alone"


def finds_and_sees(page: Page, stack: Stack) -> tuple[str, int]:
    """By phone; the identity number and the name in clear, each for a reason."""
    staff_finds(page, stack, stack.resident()[0])
    person_id = int(page.url.rstrip("/").rsplit("/", 1)[1])
    number = staff_reveals(page, "identity_number", "证件号码")
    assert len(number) == 18
    return number, person_id


def finds_by_tail_and_name(page: Page, stack: Stack, identity_number: str) -> None:
    """The last four alone belong to too many; with the name there is one."""
    name = staff_reveals(page, "name", "姓名")
    page.goto(f"{stack.web}/work/staff/register/")
    page.get_by_label("证件号码后四位").fill(identity_number[-4:])
    page.get_by_role("button", name="查找", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("请同时填写姓名或出生日期")
    page.get_by_label("姓名", exact=True).fill(name)
    page.get_by_role("button", name="查找", exact=True).click()
    expect(page.get_by_role("heading", name="找到 1 人")).to_be_visible()
    page.get_by_label("姓名", exact=True).fill("没有这个姓名")
    page.get_by_role("button", name="查找", exact=True).click()
    expect(page.locator("main")).to_contain_text("没有这个姓名的人")
    page.go_back()
    page.get_by_role("link", name=re.compile("^查看")).click()


def corrects_the_phone(browser: Browser, page: Page, stack: Stack, person_id: int) -> str:
    """Asked for by one; not by the same approved; by another done."""
    phone = "10999990001"
    assert is_phone(phone)
    page.get_by_role("link", name=re.compile("^更正手机号码")).click()
    page.get_by_label("新手机号码").fill(phone)
    page.get_by_label("申请原因").fill("本人到窗口出示身份证")
    page.get_by_role("button", name="提交审批").click()
    expect(page.locator("[data-state]")).to_have_attribute("data-state", "waiting")
    expect(page.get_by_role("button", name="批准并执行")).to_have_count(0)
    approves(browser, stack, page.url)
    assert stack.query("select count(*) from audit_event where action = 'person.phone_changed'") == [(1,)]
    return phone


def approves(browser: Browser, stack: Stack, address: str) -> None:
    """The second person at the card centre."""
    page = staff_signs_in(browser, stack, "card_centre", user="centre2")
    page.goto(address)
    page.get_by_role("button", name="批准并执行").click()
    expect(page.locator("[data-state]")).to_have_attribute("data-state", "executed")
    page.context.close()


def writes_a_template(page: Page, stack: Stack) -> str:
    """What is wrong is said; the preview tells how many messages it takes."""
    page.goto(f"{stack.web}/work/messages/templates/new/")
    page.get_by_label("标题").fill("换发提示")
    page.get_by_label("中文内容").fill("{salutation}，{nobody}的第三代社保卡可以申请了。")
    page.get_by_label("英文内容").fill("{salutation}, {who} can now apply for the new social card: {portal}")
    page.get_by_role("button", name="预览").click()
    expect(page.get_by_role("alert")).to_contain_text("没有 {nobody} 这个占位符")
    page.get_by_label("中文内容").fill("{salutation}，{who}的第三代社保卡可以申请了：{portal}，咨询 {hotline}。")
    page.get_by_role("button", name="预览").click()
    expect(page.locator("main")).to_contain_text("按 1 条短信计费")
    page.get_by_role("button", name="保存为新版本").click()
    expect(page.get_by_role("link", name="第 1 版")).to_be_visible()
    return page.url.rstrip("/").rsplit("/", 1)[1]


def tells_somebody(page: Page, stack: Stack, person_id: int) -> None:
    """From the person's page: one person, counted, previewed, sent at once."""
    page.goto(f"{stack.web}/work/staff/persons/{person_id}/")
    page.get_by_role("link", name="发短信", exact=True).click()
    page.get_by_label("模板").select_option(label="换发提示")
    page.get_by_role("button", name="统计人数并预览").click()
    page.locator("[data-state='ready']").wait_for(timeout=COUNTED_WITHIN_MS)  # the page looks again by itself
    expect(page.locator("#counted")).to_have_text("1")
    page.get_by_role("button", name="确认发送").click()
    page.locator("[data-state='done']").wait_for(timeout=COUNTED_WITHIN_MS)


def tells_many(browser: Browser, page: Page, stack: Stack, template: str) -> None:
    """More than one person may send alone: approved by another, throttled, stopped."""
    page.goto(f"{stack.web}/work/messages/new/")
    page.get_by_label("模板").select_option(value=template)
    page.get_by_label("年龄从").fill("60")
    page.get_by_label(re.compile("^每分钟")).fill(str(PER_MINUTE))
    page.get_by_role("button", name="统计人数并预览").click()
    page.locator("[data-state='ready']").wait_for(timeout=COUNTED_WITHIN_MS)  # the page looks again by itself
    address = page.url
    page.get_by_label("申请原因").fill("提醒老年人换发")
    page.get_by_role("button", name="提交审批").click()
    approves(browser, stack, page.url)
    dispatch_id = address.rstrip("/").rsplit("/", 1)[1]
    dealt_with = "select count(*) from messaging_delivery where dispatch_id = %s"
    wait_for(lambda: stack.query(dealt_with, dispatch_id)[0][0] >= PER_MINUTE, why="the first batch")
    assert stack.query(dealt_with, dispatch_id)[0][0] <= 2 * PER_MINUTE, "throttled"
    page.goto(address)
    page.get_by_role("button", name="停止，不再发送").click()
    expect(page.locator("[data-state]")).to_have_attribute("data-state", "stopped")


def resident_reads(browser: Browser, stack: Stack, phone: str, last_four: str) -> None:
    """With the corrected phone the resident signs in and finds the message."""
    page = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    page.goto(f"{stack.web}/sign-in/")
    page.get_by_label("手机号码").fill(phone)
    page.get_by_role("button", name="获取验证码").click()
    page.get_by_label("六位验证码").wait_for()
    inbox = page.context.new_page()
    inbox.goto(f"{stack.web}/dev/inbox/")
    code = re.search(r"登录验证码 (\d{6})", inbox.content())
    assert code
    page.get_by_label("六位验证码").fill(code[1])
    page.get_by_role("button", name="登录", exact=True).click()
    page.get_by_label("身份证号码最后四位").fill(last_four)
    page.get_by_role("button", name="继续").click()
    page.get_by_role("heading", name="我的卡").wait_for()
    page.goto(f"{stack.web}/messages/")
    expect(page.locator("article")).to_contain_text(["第三代社保卡可以申请了"])
    expect(page.locator("main")).not_to_contain_text(re.compile(r"登录验证码 \d"))
