"""A card's story as several journeys tell it: who takes part, and the steps they have in common."""

import re
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.journeys.people import activates_card, fill_in_application
from tests.stack import Stack, wait_for


@dataclass(frozen=True)
class ChosenOutlet:
    """Where the card is collected: the bank clerk's own outlet."""

    outlet_id: str
    district: str
    bank: str
    bank_name: str


def outlet_of_the_clerk(stack: Stack) -> ChosenOutlet:
    """Where the demo's clerk works."""
    ((outlet_id, district, bank, bank_name),) = stack.query(
        "select o.outlet_id, coalesce(nullif(o.district_code, ''), 'none'), b.code, b.name_zh from accounts_user u "
        "join banks_outlet o using (outlet_id) join banks_bank b on b.code = o.bank_code where u.username = 'clerk'"
    )
    return ChosenOutlet(outlet_id, district, bank, bank_name)


def registered_terminals(stack: Stack, folder: Path, kinds: list[tuple[str, str, str]]) -> dict[str, tuple[str, ...]]:
    """Terminals by name, station and purpose; their options on the command line."""
    options = {}
    for number, (name, station, purpose) in enumerate(kinds, start=1):
        profile, state = folder / f"{name}.json", folder / f"{name}.state"
        stack.command(
            *("acceptance", "register-terminal", "--station", station, "--terminal-id", f"9001{number:08d}"),
            *("--purpose", purpose, "--gateway-url", stack.gateway, "--out", str(profile)),
        )
        options[name] = ("--profile", str(profile), "--state", str(state))
    return options


def paid_by_the_demo(stack: Stack) -> tuple[int, int]:
    """Charges and fen: what the demonstration's own chip card paid at the gate before the journey began."""
    ((charges, fen),) = stack.query(
        "select count(*), coalesce(sum(amount_fen), 0)::bigint from acceptance_purse_payment where amount_fen > 0"
    )
    return charges, fen


@dataclass
class Story:
    """Who and what the journey is about, as it becomes known."""

    stack: Stack
    resident: Page
    clerk: Page
    desk: tuple[str, ...]
    old_number: str
    outlet: ChosenOutlet
    card_id: int = 0
    new_number: str = ""
    identity_number: str = ""

    def is_accepted(self, card_number: str, *, refusal: str = "") -> bool:
        """What the identity desk says of a card, asking online; a refusal must be ``refusal``."""
        answer = self.stack.terminal("identify", *self.desk, "--card-number", card_number)
        assert answer.returncode == 0 or refusal in answer.stdout, answer
        return answer.returncode == 0


def apply_and_wait(story: Story) -> None:
    """Applied for in the browser, made by the worker."""
    story.resident.get_by_role("link", name=re.compile("申请第三代社保卡|申请补卡")).first.click()
    outlet = story.outlet
    fill_in_application(
        story.resident, bank_name=outlet.bank_name, outlet_id=outlet.outlet_id, district=outlet.district
    )
    made = "select card_id, card_number from issuance_card where state = 'made' and card_number <> ''"
    ((story.card_id, story.new_number),) = wait_for(lambda: story.stack.query(made), why="the worker to make the card")


def hand_over(story: Story) -> None:
    """Taken in by the bank, refused to a stranger's document, handed over for the right one."""
    clerk, number = story.clerk, story.new_number
    opens_case(clerk, story.stack, number)
    clerk.get_by_role("button", name="登记接收").click()
    expect(clerk.locator("[data-done]")).to_have_attribute("data-done", "receive")
    opens_case(clerk, story.stack, number)
    clerk.get_by_label("持卡人证件号码").fill("119901199001010000")
    clerk.get_by_role("button", name="核对无误，发卡").click()
    expect(clerk.get_by_role("alert")).to_contain_text("证件号码与持卡人或监护人不符")
    clerk.get_by_label("持卡人证件号码").fill(story.identity_number)
    clerk.get_by_role("button", name="核对无误，发卡").click()
    expect(clerk.locator("[data-done]")).to_have_attribute("data-done", "hand_over")
    clerk.get_by_role("link", name="打开刚才的卡").click()
    expect(clerk.locator("[data-state]")).to_have_attribute("data-state", "collected")


def opens_case(clerk: Page, stack: Stack, asked: str) -> None:
    """At the desk's one input; what leads to one case opens it."""
    clerk.goto(f"{stack.web}/work/bank/")
    clerk.get_by_label("卡号、证件号码或手机号码").fill(asked)
    clerk.get_by_role("button", name="查找").click()
    clerk.locator("[data-due]").wait_for()


def activate(story: Story) -> None:
    """The old card is accepted before and refused after; the new one the other way round."""
    assert story.is_accepted(story.old_number)
    assert not story.is_accepted(story.new_number, refusal="card_not_active")
    switch_on(story, tells_of=story.old_number)
    assert not story.is_accepted(story.old_number, refusal="card_superseded")
    assert story.is_accepted(story.new_number)


def switch_on(story: Story, *, tells_of: str = "") -> None:
    """The holder activates the new card on the page, which names the older card that ends."""
    page = story.resident
    page.goto(f"{story.stack.web}/")
    page.get_by_role("link", name="启用新卡").click()
    expect(page.locator("main")).to_contain_text(tells_of)
    activates_card(page, story.stack, story.new_number[-3:])
