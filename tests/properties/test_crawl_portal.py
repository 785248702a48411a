"""Every page of strangers and residents, in every language and print: no violation, nothing small, nothing off the screen."""

import pytest
from playwright.sync_api import Browser

from tests.browser import PHONE
from tests.journeys.people import apply_for_card, resident_signs_in
from tests.journeys.story import outlet_of_the_clerk
from tests.properties.crawl_table import NOT_PAGES
from tests.properties.crawling import all_routes, faults_as
from tests.stack import Stack, wait_for

pytestmark = pytest.mark.journey


def test_every_page_of_the_portal(stack: Stack, browser: Browser) -> None:
    looked_at: set[str] = set()
    stranger = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    faults = faults_as("stranger", stranger, stack, looked_at=looked_at)
    page = resident_signs_in(browser, stack)
    outlet = outlet_of_the_clerk(stack)
    apply_for_card(page, bank_name=outlet.bank_name, outlet_id=outlet.outlet_id, district=outlet.district)
    made = (
        "select c.card_id from issuance_card c join accounts_user u using (person_id) "
        "where c.generation = 3 and u.role = 'resident'"
    )
    wait_for(lambda: stack.query(made), why="the worker to make the card")
    faults += faults_as("resident", page, stack, looked_at=looked_at)
    assert not faults, "\n".join(faults)


def test_the_table_of_what_is_no_page_names_only_routes_that_exist() -> None:
    assert set(NOT_PAGES) - set(all_routes()) == set()
