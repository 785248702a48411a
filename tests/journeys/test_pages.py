"""Pages that are met only on the way in; every other page is looked at by the crawl (tests/properties/test_crawl_portal.py)."""

import pytest
from playwright.sync_api import Browser

from tests.browser import PHONE
from tests.journeys.looking import faults_of
from tests.journeys.people import enters_code, sends_phone
from tests.stack import Stack

pytestmark = pytest.mark.journey


def test_pages_on_the_way_in(stack: Stack, browser: Browser) -> None:
    """The code's page and the page that asks who one is are met only while signing in for the first time."""
    page = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    sends_phone(page, stack)
    faults = faults_of(page, page.url)
    enters_code(page, stack)
    page.get_by_role("heading", name="请核对身份").wait_for()
    faults += faults_of(page, page.url)
    assert not faults, "\n".join(faults)
