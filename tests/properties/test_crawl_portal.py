"""Every page of strangers and residents, in every language and print: no violation, nothing small, nothing off the screen."""

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import PHONE
from tests.journeys.looking import faults_of, see_at_once
from tests.journeys.people import chooses_bank, enters_code, gives_photo_if_asked, sends_phone, tells_who_one_is
from tests.journeys.story import outlet_of_the_clerk
from tests.properties.crawl_table import NOT_PAGES
from tests.properties.crawl_world import make_world
from tests.properties.crawling import all_routes, faults_as
from tests.stack import Stack, wait_for

pytestmark = pytest.mark.journey


def signs_in(browser: Browser, stack: Stack, faults: list[str]) -> Page:
    """For the first time: the code's page and the page that asks who one is are met only then."""
    page = browser.new_context(viewport=PHONE, locale="zh-CN", device_scale_factor=2).new_page()
    sends_phone(page, stack)
    faults += [f"on the way in: {fault}" for fault in faults_of(page, page.url)]
    enters_code(page, stack)
    page.get_by_role("heading", name="请核对身份").wait_for()
    faults += [f"on the way in: {fault}" for fault in faults_of(page, page.url)]
    tells_who_one_is(page, stack)
    return page


def answers_all(page: Page, stack: Stack) -> list[str]:
    """Through every step up to the last; the addresses of the steps, whose pages are there only until it is sent."""
    outlet = outlet_of_the_clerk(stack)
    page.get_by_role("link", name="申请第三代社保卡").first.click()
    gives_photo_if_asked(page)
    chooses_bank(page, outlet.bank_name)
    page.get_by_label("区", exact=True).select_option(outlet.district)
    page.get_by_role("button", name="查看这个区的网点").click()
    page.locator(f"input[value='{outlet.outlet_id}']").check()
    page.get_by_role("button", name="在所选网点领取").click()
    page.get_by_label("卡到了以后再约").check()
    page.get_by_role("button", name="继续").click()
    page.get_by_role("heading", name="请核对后提交").wait_for()
    mine = page.url.partition("?")[2]
    steps = ("photo/", "photo/help/", "bank/", "collection/", "slot/", "", "check/")
    return [f"{stack.web}/apply/{step}?{mine}" for step in steps]


def test_every_page_of_the_portal(stack: Stack, browser: Browser) -> None:
    looked_at: set[str] = set()
    stranger = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    faults = faults_as("stranger", stranger, stack, looked_at=looked_at)
    page = signs_in(browser, stack, faults)
    make_world(stack)
    see_at_once(page)
    steps = answers_all(page, stack)
    faults += [f"resident: {fault}" for address in steps for fault in faults_of(page, address)]
    page.goto(steps[-1])
    page.get_by_role("button", name="提交申请").click()
    page.get_by_role("heading", name="申请已提交").wait_for()
    made = (
        "select c.card_id from issuance_card c join accounts_user u using (person_id) "
        "where c.generation = 3 and u.role = 'resident'"
    )
    wait_for(lambda: stack.query(made), why="the worker to make the card")
    faults += faults_as(
        "resident", page, stack, looked_at=looked_at, met=[one for one in steps if "/apply/?" not in one]
    )
    assert not faults, "\n".join(faults)


def test_the_table_of_what_is_no_page_names_only_routes_that_exist() -> None:
    assert set(NOT_PAGES) - set(all_routes()) == set()
