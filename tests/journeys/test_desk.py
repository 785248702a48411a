"""The counter by keyboard alone: ten cards taken in and handed over without a mouse, and what happens when it does not go well.

Nothing is mocked: the demo's processes, a real browser that is only ever typed into.
"""

import time

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import DESKTOP, PHONE
from tests.journeys.desk_cards import WaitingCard, cards_made
from tests.journeys.looking import faults_of
from tests.journeys.people import staff_signs_in
from tests.journeys.story import opens_case, outlet_of_the_clerk
from tests.stack import Stack

pytestmark = pytest.mark.journey
HAND_OVERS, KEYS_MAX, SECONDS_MAX = 10, 40, 600


class Keyboard:
    """What a clerk's hands do, counted."""

    def __init__(self, page: Page) -> None:
        self._page, self.keys = page, 0

    def type(self, text: str) -> None:
        self._page.keyboard.type(text)
        self.keys += len(text)

    def press(self, key: str) -> None:
        self._page.keyboard.press(key)
        self.keys += 1


def is_at_the_input(page: Page) -> None:
    """The one input has the focus, wherever the clerk came from."""
    expect(page.locator("#q")).to_be_focused()


def takes_in(page: Page, hands: Keyboard, card: WaitingCard) -> None:
    """Number, Enter, Enter: the one thing that is due has the focus."""
    is_at_the_input(page)
    hands.type(card.card_number)
    hands.press("Enter")
    expect(page.get_by_role("button", name="登记接收")).to_be_focused()
    hands.press("Enter")
    expect(page.locator("[data-done=receive]")).to_have_attribute("data-card", str(card.card_id))


def hands_over(page: Page, hands: Keyboard, card: WaitingCard, asked: str) -> None:
    """What the person brought, Enter, the document's number, Enter."""
    is_at_the_input(page)
    hands.type(asked)
    hands.press("Enter")
    expect(page.get_by_label("持卡人证件号码")).to_be_focused()
    hands.type(card.identity_number)
    hands.press("Enter")
    expect(page.locator("[data-done=hand_over]")).to_have_attribute("data-card", str(card.card_id))


def test_ten_hand_overs_by_keyboard_alone(stack: Stack, browser: Browser) -> None:
    outlet = outlet_of_the_clerk(stack)
    cards = cards_made(stack, outlet.bank, outlet.outlet_id, HAND_OVERS)
    page = staff_signs_in(browser, stack, "bank_clerk", user="clerk")
    hands = Keyboard(page)
    for card in cards:
        takes_in(page, hands, card)
    print(f"\ntaken in: {hands.keys / HAND_OVERS:.1f} keys each")
    counted, began = [], time.monotonic()
    for card in cards:
        before = hands.keys
        hands_over(page, hands, card, card.card_number)
        counted.append(hands.keys - before)
    taken_s = time.monotonic() - began
    print(f"handed over: {counted} keys, {HAND_OVERS} cards in {taken_s:.1f} s of the platform's time")
    assert max(counted) <= KEYS_MAX
    assert taken_s < SECONDS_MAX
    ids = [card.card_id for card in cards]
    assert stack.query("select count(*) from issuance_card where card_id = any(%s) and state = 'collected'", ids) == [
        (HAND_OVERS,)
    ]
    assert stack.query("select act, count(*) from desks_act group by act order by act") == [
        ("hand_over", HAND_OVERS),
        ("receive", HAND_OVERS),
    ]


def test_two_clerks_at_one_case_and_a_second_enter(stack: Stack, browser: Browser) -> None:
    outlet = outlet_of_the_clerk(stack)
    (card,) = cards_made(stack, outlet.bank, outlet.outlet_id, 1)
    first = staff_signs_in(browser, stack, "bank_clerk", user="clerk")
    second = staff_signs_in(browser, stack, "bank_clerk", user="clerk2")
    takes_in(first, Keyboard(first), card)
    for page, asked in ((first, card.receipt), (second, card.phone)):
        is_at_the_input(page)
        page.keyboard.type(asked)
        page.keyboard.press("Enter")
        expect(page.get_by_label("持卡人证件号码")).to_be_focused()
        page.keyboard.type(card.identity_number)
    first.evaluate("for (const _ of [1, 2]) document.querySelector('[data-due] button').click()")
    expect(first.locator("[data-done=hand_over]")).to_be_visible()
    second.keyboard.press("Enter")
    expect(second.get_by_role("alert")).to_contain_text("这件事已由 clerk 于")
    second.keyboard.press("Escape")
    is_at_the_input(second)
    second.keyboard.type("Z00000000")
    second.keyboard.press("Enter")
    expect(second.get_by_role("alert")).to_contain_text("没有这个卡号")
    is_at_the_input(second)
    done = "select count(*) from audit_event where action = 'card.collected' and subject = %s"
    assert stack.query(done, f"card:{card.card_id}") == [(1,)]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_desks_pages_in_every_way_of_showing_them(stack: Stack, browser: Browser, viewport: object) -> None:
    outlet = outlet_of_the_clerk(stack)
    (card,) = cards_made(stack, outlet.bank, outlet.outlet_id, 1)
    page = staff_signs_in(browser, stack, "bank_clerk", user="clerk", viewport=viewport)  # type: ignore[arg-type]
    opens_case(page, stack, card.card_number)
    faults = [
        fault
        for path in (
            "/work/bank/",
            f"/work/bank/cards/{card.card_id}/",
            "/work/bank/appointments/",
            "/work/bank/cards/?state=made",
            "/work/bank/stock/",
            "/work/bank/day/",
        )
        for fault in faults_of(page, stack.web + path)
    ]
    assert not faults, "\n".join(faults)
