"""Walking through the second factor of staff: set up, used, its spare codes, switched off; each page looked at on the way."""

import base64
import hmac
import re
import struct

from playwright.sync_api import Browser, Page

from tests.browser import DESKTOP
from tests.journeys.looking import ALL_WAYS, faults_of, see_at_once
from tests.journeys.people import staff_signs_in
from tests.stack import Stack, wait_for
from yikatong.foundation.clock import utc_now

STEP_S = 30


def code_of(secret: str, step: int) -> str:
    """What an authenticator shows in this step of half a minute. Source: RFC 6238."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 10**6:06}"


def faults_of_second_factor(browser: Browser, stack: Stack, role: str, *, user: str) -> list[str]:
    """What is wrong with its pages for an account that has none yet, and has none again at the end."""
    page = staff_signs_in(browser, stack, role, user=user)
    see_at_once(page)
    web, password = stack.web, stack.staff(role, user=user)[1]
    faults = faults_of(page, f"{web}/sign-in/reauthenticate/", ways=ALL_WAYS)
    page.goto(f"{web}/second-factor/totp/")
    if "/reauthenticate/" in page.url:
        page.get_by_label("密码").fill(password)
        page.locator("main form button").first.click()
        page.wait_for_url("**/second-factor/totp/")
    faults += faults_of(page, page.url, ways=ALL_WAYS)
    secret = re.search(r"<code>([A-Z2-7]+)</code>", page.content())
    assert secret, page.content()
    used = _now()
    page.locator("#id_code").fill(code_of(secret[1], used))
    page.locator("main form button").first.click()
    page.wait_for_url(lambda address: "/totp/" not in address)
    for path in ("", "codes/", "codes/new/", "totp/off/"):
        faults += faults_of(page, f"{web}/second-factor/{path}", ways=ALL_WAYS)
    page.context.close()
    faults += _signs_in_with_both(browser, stack, (user, password), secret[1], used)
    return [f"{role}: {fault}" for fault in faults]


def _signs_in_with_both(browser: Browser, stack: Stack, known: tuple[str, str], secret: str, used: int) -> list[str]:
    """A code may be used once: the next step's is waited for."""
    page: Page = browser.new_context(viewport=DESKTOP, locale="zh-CN").new_page()
    see_at_once(page)
    page.goto(f"{stack.web}/sign-in/staff/")
    page.get_by_label("用户名").fill(known[0])
    page.get_by_label("密码").fill(known[1])
    page.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_url("**/sign-in/second/")
    faults = faults_of(page, page.url, ways=ALL_WAYS)
    step = wait_for(lambda: now if (now := _now()) > used else None, why="the authenticator's next code")
    page.locator("#id_code").fill(code_of(secret, step))
    page.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_url("**/work/**")
    faults += faults_of(page, f"{stack.web}/second-factor/reauthenticate/", ways=ALL_WAYS)
    page.context.close()
    return faults


def _now() -> int:
    return int(utc_now().timestamp()) // STEP_S
