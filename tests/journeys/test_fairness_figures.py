"""Fair participation as people meet it: figures after two months, a stall reported at the door and handled by the card centre."""

import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import PHONE
from tests.journeys.looking import faults_of
from tests.journeys.past_months import fill_past_months
from tests.journeys.people import opens_from_menu, staff_signs_in
from tests.stack import Stack
from yikatong.foundation.clock import beijing_day, utc_now

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def month(stack: Stack) -> date:
    """The last month that is over, filled and computed by the command."""
    return date.fromisoformat(f"{fill_past_months(stack, beijing_day(utc_now()))}-01")


def report_a_stall(page: Page, stack: Stack) -> str:
    """Somebody without an account reports a stall; the receipt number."""
    page.goto(f"{stack.web}/help/")
    page.get_by_text("有人向我推荐银行").click()
    page.get_by_role("link", name="在这里反映，不用登录").click()
    page.get_by_label("在学校、社区或写字楼驻点营销").check()
    page.get_by_label("哪家银行").select_option("ABC")
    page.get_by_label("在哪个区").select_option(label="朝阳区")
    page.get_by_label("地点（可不填）").fill("某小区北门")
    page.get_by_label("哪一天").fill(str(beijing_day(utc_now())))
    page.get_by_label("经过").fill("有人摆摊，说只有他们行能办新卡。")
    page.get_by_role("button", name="提交").click()
    page.get_by_role("heading", name="已收到您的反映").wait_for()
    return page.locator(".receipt").inner_text()


def test_the_public_reads_the_month(stack: Stack, browser: Browser, month: date) -> None:
    page = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    page.goto(f"{stack.web}/fairness/")
    page.get_by_role("link", name="各银行的数据").click()
    assert page.get_by_role("heading", name=f"{month:%Y-%m} · 全市").is_visible()
    assert page.locator("[data-bank]").count() == 16
    assert "显著性水平" in page.locator("main").inner_text()
    page.locator("[data-bank]").first.locator("summary").click()
    assert page.get_by_text("被展示").first.is_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="下载这张表（CSV）").click()
    assert f"{month:%Y-%m}" in download.value.suggested_filename
    parts = ["", "?part=category:student", "?part=channel:web"]
    faults = [fault for part in parts for fault in faults_of(page, f"{stack.web}/fairness/figures/{part}")]
    assert not faults, "\n".join(faults)


def test_a_stall_is_reported_and_handled(stack: Stack, browser: Browser, month: date) -> None:
    visitor = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    receipt = report_a_stall(visitor, stack)
    faults = faults_of(visitor, visitor.url)
    staff = staff_signs_in(browser, stack, "card_centre")
    opens_from_menu(staff, "监督与记录", "公平参与")
    staff.get_by_role("link", name="件关于中国农业银行的反映").click()
    staff.get_by_role("link", name=f"打开 {receipt}").click()
    assert "只有他们行能办新卡" in staff.locator("main").inner_text()
    for state in ("核实中", "属实", "已办结"):
        staff.get_by_label(re.compile("处理情况")).fill("已到现场，当场撤除")
        staff.get_by_role("button", name=f"改为“{state}”").click()
        staff.locator("li strong", has_text=state).wait_for()
    faults += faults_of(staff, staff.url)
    visitor.goto(f"{stack.web}/fairness/complaint/state/")
    visitor.get_by_label("回执号").fill(receipt.lower())
    visitor.get_by_role("button", name="查看进度").click()
    assert "已办结" in visitor.locator("main").inner_text()
    assert not faults, "\n".join(faults)


def test_staff_read_any_period_and_take_it_along(stack: Stack, browser: Browser, month: date) -> None:
    staff = staff_signs_in(browser, stack, "card_centre")
    opens_from_menu(staff, "监督与记录", "公平参与")
    staff.get_by_label("从", exact=True).fill(str(month))
    staff.get_by_label("到", exact=True).fill(str(month + timedelta(days=27)))
    staff.get_by_label("参保类别").select_option(label="职工")
    staff.get_by_role("button", name="查看").click()
    assert f"from={month}" in staff.url
    assert "group=employee" in staff.url
    assert staff.locator("tr[data-bank]").count() == 16
    for form in ("CSV", "XLSX"):
        with staff.expect_download() as download:
            staff.get_by_role("link", name=f"导出 {form}").click()
        assert download.value.suggested_filename.endswith(form.lower())
    faults = faults_of(staff, staff.url)
    faults += faults_of(staff, f"{stack.web}/work/fairness/?from={month}")
    assert not faults, "\n".join(faults)
