"""Every page of every workbench, in every language and print: no violation, nothing small, nothing that runs off the screen."""

import re
from io import BytesIO

import pytest
from openpyxl import Workbook
from playwright.sync_api import Browser, Page, expect

from tests.browser import DESKTOP, PHONE
from tests.journeys.people import resident_signs_in, staff_signs_in
from tests.journeys.story import outlet_of_the_clerk
from tests.journeys.test_interrupted import signs_in_as_staff
from tests.journeys.test_walk_in import walks_in, who_walks_in
from tests.journeys.units import (
    WITHIN_MS,
    applies_for_all,
    fills_in_the_decision,
    people_in_the_register,
    unit_signs_in,
    uploads_roster,
    waits_for_cards,
)
from tests.properties.crawl_second_factor import faults_of_second_factor
from tests.properties.crawl_world import make_world
from tests.properties.crawling import faults_as
from tests.stack import Stack
from yikatong.accounts.roles import PUBLIC
from yikatong.foundation.clock import beijing_day, utc_now

pytestmark = pytest.mark.journey
HAS_DESK = True
PEOPLE = 3


def a_unit_has_cards_to_hand_out(browser: Browser, stack: Stack) -> None:
    """Enrolled, a small roster taken in, cards made, packed and fetched: every page of a unit has something to show."""
    outlet = outlet_of_the_clerk(stack)
    page = unit_signs_in(browser, stack, "unit")
    ((organisation,),) = stack.query("select organisation_code from accounts_user where username = 'unit'")
    page.get_by_role("link", name="登记选行").first.click()
    fills_in_the_decision(page, [outlet.bank], collects=True)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("名册")
    sheet.append(("姓名", "证件号码", "所选银行", "备注"))
    for person in people_in_the_register(stack, "employee", PEOPLE):
        sheet.append((person.name, person.number, outlet.bank, ""))
    sheet.append(("王虚构", "119901198005170016", "", "不在登记簿"))
    out = BytesIO()
    book.save(out)
    uploads_roster(page, stack, "名册.xlsx", out.getvalue())
    page.get_by_role("button", name="确认采用").click()
    expect(page.locator("dd[data-state]")).to_have_attribute("data-state", "taken")
    applies_for_all(page, stack)
    waits_for_cards(stack, organisation, PEOPLE)
    clerk = staff_signs_in(browser, stack, "bank_clerk")
    clerk.get_by_role("link", name="单位代领").click()
    clerk.get_by_role("button", name=re.compile("的卡已到本网点")).click()
    expect(clerk.locator("tr[data-packet]")).to_have_attribute("data-packet", "ready", timeout=WITHIN_MS)
    page.goto(f"{stack.web}/work/unit/")
    page.get_by_role("link", name="登记领回").click()
    page.get_by_role("button", name="已清点，登记领回").click()
    expect(page.locator("dd[data-packet]")).to_have_attribute("data-packet", "fetched")


def somebody_complains(browser: Browser, stack: Stack) -> None:
    """About a bank, without signing in."""
    page = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    page.goto(f"{stack.web}/fairness/complaint/")
    page.locator("input[name=kind]").first.check()
    page.get_by_label("哪一天").fill(f"{beijing_day(utc_now()):%Y-%m-%d}")
    page.get_by_label("经过").fill("有人在校门口摆摊，要求大家选某家银行办卡。")
    page.get_by_role("button", name="提交", exact=True).click()
    page.locator(".receipt").first.wait_for()
    page.context.close()


def a_second_plan(page: Page, stack: Stack) -> None:
    """To compare with the demo's."""
    page.goto(f"{stack.web}/work/campaigns/new/")
    page.get_by_label("名称", exact=True).fill("crawl")
    page.get_by_role("button", name="开始计划").click()
    page.wait_for_url("**/work/campaigns/crawl/")
    page.get_by_role("heading", name="负荷曲线").wait_for(timeout=WITHIN_MS)


def helper_signs_in(browser: Browser, stack: Stack) -> Page:
    """In a browser that keeps no pages, or the app would answer in the language in which it was first opened."""
    page = browser.new_context(viewport=DESKTOP, locale="zh-CN", service_workers="block").new_page()
    signs_in_as_staff(page, stack, "outreach")
    return page


def test_every_page_of_the_workbenches(stack: Stack, browser: Browser) -> None:
    a_unit_has_cards_to_hand_out(browser, stack)
    somebody_complains(browser, stack)
    resident_signs_in(browser, stack).context.close()  # whoever asks for something has an account
    make_world(stack, "work")
    pages = {
        role: staff_signs_in(browser, stack, role)
        for role in ("card_centre", "bank_clerk", "auditor", "operator", "kiosk", "admin")
    }
    a_second_plan(pages["card_centre"], stack)
    pages["outreach"] = helper_signs_in(browser, stack)
    pages["unit"] = unit_signs_in(browser, stack, "unit")
    chip = walks_in(pages["bank_clerk"], stack, who_walks_in(stack))
    looked_at = {
        name for name in PUBLIC if name.startswith("portal:") or name == "console_inbox"
    }  # by test_crawl_portal.py
    faults = faults_of_second_factor(browser, stack, "card_centre", user="centre2")
    for role, page in pages.items():
        faults += faults_as(role, page, stack, looked_at=looked_at, also=[chip] if role == "bank_clerk" else [])
    assert not faults, "\n".join(faults)
