"""A posted card is switched on at a machine in a hall, by touch alone; a visitor who walks away leaves nothing behind.

Nothing is mocked: the demo's processes and a real browser. Only the browser's clock is turned forward for whoever walked away.
"""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PHONE
from tests.journeys.desk_cards import WaitingCard, cards_made
from tests.journeys.looking import ALL_WAYS, faults_of
from tests.journeys.people import activates_at_kiosk, kiosk_code_for, staff_signs_in, touches
from tests.journeys.story import opens_case, outlet_of_the_clerk, registered_terminals
from tests.stack import Stack

pytestmark = pytest.mark.journey


def posted_card(stack: Stack, browser: Browser) -> WaitingCard:
    """Applied for by post, made, and registered as sent by the bank."""
    outlet = outlet_of_the_clerk(stack)
    (card,) = cards_made(stack, outlet.bank, outlet.outlet_id, 1, collection="post")
    clerk = staff_signs_in(browser, stack, "bank_clerk", user="clerk")
    opens_case(clerk, stack, card.card_number)
    clerk.get_by_role("button", name="登记寄出").click()
    expect(clerk.locator("[data-done]")).to_have_attribute("data-done", "receive")
    clerk.context.close()
    return card


def test_a_posted_card_is_switched_on_in_a_hall(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    desk = registered_terminals(stack, tmp_path, [("desk", "国贸", "identity")])["desk"]
    card = posted_card(stack, browser)
    ((old_number,),) = stack.query("select older_card_number from registry_person where person_id = %s", card.person_id)
    assert stack.terminal("identify", *desk, "--card-number", old_number).returncode == 0
    page = activates_at_kiosk(
        browser,
        stack,
        card_number=card.card_number,
        identity_number=card.identity_number,
        phone=card.phone,
        ends=old_number,
    )
    receipt = page.locator("[data-receipt]")
    expect(receipt).to_contain_text(card.card_number[-3:])
    expect(receipt).to_contain_text(old_number[-3:])
    assert stack.terminal("identify", *desk, "--card-number", card.card_number).returncode == 0
    refused = stack.terminal("identify", *desk, "--card-number", old_number)
    assert "card_superseded" in refused.stdout
    assert not faults_of(page, f"{stack.web}/work/kiosk/done/", ways=ALL_WAYS)
    page.get_by_role("button", name="完成").click()
    page.get_by_role("heading", name="启用新的社会保障卡").wait_for()
    page.go_back()
    page.get_by_role("heading", name="启用新的社会保障卡").wait_for()
    expect(page.locator("[data-receipt]")).to_have_count(0)


def test_whoever_walks_away_is_asked_and_then_forgotten(stack: Stack, browser: Browser) -> None:
    card = posted_card(stack, browser)
    page = staff_signs_in(browser, stack, "kiosk", viewport=PHONE)
    page.clock.install()
    comes_to(page, stack, card)
    faults = [
        fault
        for step in ("identity/", "code/", "")
        for fault in faults_of(page, f"{stack.web}/work/kiosk/{step}", ways=ALL_WAYS)
    ]
    assert not faults, "\n".join(faults)
    comes_to(page, stack, card)
    touches(page, kiosk_code_for(page, stack, card.phone))
    page.get_by_role("button", name="继续").click()
    page.get_by_role("heading", name="现在启用这张卡吗？").wait_for()
    assert not faults_of(page, f"{stack.web}/work/kiosk/confirm/", ways=ALL_WAYS)
    still = page.get_by_role("dialog", name="您还在吗？")
    for _ in range(2):
        page.clock.fast_forward(61_000)
        expect(still).to_be_visible()
        expect(page.get_by_role("button", name="还需要时间")).to_be_focused()
        page.get_by_role("button", name="还需要时间").click()
        expect(still).to_be_hidden()
    page.clock.fast_forward(61_000)
    expect(still).to_contain_text("秒后退出")
    page.clock.fast_forward(31_000)
    page.get_by_role("heading", name="启用新的社会保障卡").wait_for()
    page.goto(f"{stack.web}/work/kiosk/confirm/")
    page.get_by_role("heading", name="启用新的社会保障卡").wait_for()
    assert stack.query("select social_state from issuance_card where card_id = %s", card.card_id) == [("inactive",)]


def comes_to(page: Page, stack: Stack, card: WaitingCard) -> None:
    """Up to the code."""
    page.goto(f"{stack.web}/work/kiosk/")
    touches(page, card.card_number)
    page.get_by_role("button", name="继续").click()
    page.get_by_role("heading", name="持卡人身份证号码的后四位").wait_for()
    touches(page, card.identity_number[-4:])
    page.get_by_role("button", name="发送验证码").click()
    page.get_by_role("heading", name="短信里的六位验证码").wait_for()
