"""A resident's first third-generation card, from application to settled metro ride.

Nothing is mocked: the demo command with its database, web, gateway and worker processes, a real browser, the terminal's own
command. Only the SMS is read from the development inbox.
"""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.looking import faults_of
from tests.journeys.people import (
    next_code,
    resident_signs_in,
    shown_code,
    staff_reads_identity_number,
    staff_signs_in,
)
from tests.journeys.story import (
    Story,
    activate,
    apply_and_wait,
    hand_over,
    outlet_of_the_clerk,
    paid_by_the_demo,
    registered_terminals,
)
from tests.stack import Stack

pytestmark = pytest.mark.journey
FROM_STATION, TO_STATION, FARE_FEN = "国贸", "西单", 400  # 7,165 m on line 1: more than 6 km, at most 12 km


@pytest.fixture
def terminals(stack: Stack, tmp_path: Path) -> dict[str, tuple[str, ...]]:
    """An identity desk and two gates."""
    kinds = [("desk", FROM_STATION, "identity"), ("entry", FROM_STATION, "gate"), ("exit", TO_STATION, "gate")]
    return registered_terminals(stack, tmp_path, kinds)


def ride(story: Story, terminals: dict[str, tuple[str, ...]], folder: Path) -> None:
    """In with a picture of the phone's screen, offline; out with a fresh code; uploaded late and once."""
    stack, page = story.stack, story.resident
    for gate in ("entry", "exit"):
        assert stack.terminal("sync", *terminals[gate]).returncode == 0
    page.goto(f"{stack.web}/code/")
    first = shown_code(page)
    picture, code_file = folder / "screen.png", folder / "code.txt"
    page.screenshot(path=picture, full_page=True)
    enter = ("gate", *terminals["entry"], "--station", FROM_STATION, "--direction", "entry", "--offline")
    passed = stack.terminal(*enter, "--image", str(picture))
    assert (passed.returncode, "放行" in passed.stdout) == (0, True), passed
    replayed = stack.terminal(*enter, "--image", str(picture))
    assert (replayed.returncode, "code_replayed" in replayed.stdout) == (1, True), replayed
    code_file.write_text(next_code(page, first))
    leave = ("gate", *terminals["exit"], "--station", TO_STATION, "--direction", "exit")
    assert stack.terminal(*leave, "--code", str(code_file)).returncode == 0, "the exit uploads by itself"
    assert "uploaded 2 new, 0 known, 0 refused" in stack.terminal("sync", *terminals["entry"]).stdout
    assert "uploaded 0 new" in stack.terminal("sync", *terminals["entry"]).stdout
    page.goto(f"{stack.web}/rides/")
    expect(page.locator(".rides li")).to_have_count(1)
    expect(page.locator(".rides li")).to_contain_text(f"{FROM_STATION} → {TO_STATION}")
    expect(page.locator(".rides strong")).to_have_text("¥4.00")


def clear_and_settle(story: Story, folder: Path) -> None:
    """Cleared once, settled once, stated and posted to the fen."""
    stack, bank = story.stack, story.outlet.bank
    charges, demo_fen = paid_by_the_demo(stack)
    total_yuan = f"{(FARE_FEN + demo_fen) / 100:.2f}"
    assert f"{1 + charges} charges, {total_yuan} yuan" in stack.command("clearing", "run").stdout
    assert "nothing to clear" in stack.command("clearing", "run").stdout
    ((batch_id,),) = stack.query("select batch_id from clearing_batch")
    stack.command("clearing", "settle", batch_id)
    stack.command("clearing", "settle", batch_id)
    stack.command("clearing", "statements", batch_id, "--out", str(folder))
    statement = json.loads((folder / f"{batch_id}-bank-{bank}.json").read_text(encoding="utf-8"))
    assert (statement["total_fen"], statement["lines"][0]["counterparty"]) == (FARE_FEN, "operator:BJMETRO")
    posted = stack.query(
        "select t.kind, a.code, p.amount_fen from ledger_posting p join ledger_account a using (account_id) "
        "join ledger_transfer t using (transfer_id) where t.kind = 'clearing' order by p.amount_fen"
    )
    lines = {code: amount_fen for _, code, amount_fen in posted}
    assert lines.pop("operator:BJMETRO:payable") == -FARE_FEN - demo_fen
    assert lines.pop(f"bank:{bank}:receivable") == FARE_FEN
    assert sum(lines.values()) == demo_fen
    balances = stack.query(
        "select a.code, sum(p.amount_fen)::bigint from ledger_posting p join ledger_account a using (account_id) group by 1"
    )
    accounts = {f"bank:{bank}:receivable", "operator:BJMETRO:payable", "city:settlement", *lines}
    assert dict(balances) == dict.fromkeys(accounts, 0)


def test_from_application_to_settled_ride(
    stack: Stack, browser: Browser, terminals: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    resident = resident_signs_in(browser, stack)
    old_number = resident.locator(".card__number").first.inner_text().strip()
    outlet = outlet_of_the_clerk(stack)
    clerk = staff_signs_in(browser, stack, "bank_clerk")
    story = Story(stack, resident, clerk, terminals["desk"], old_number, outlet)
    apply_and_wait(story)
    centre = staff_signs_in(browser, stack, "card_centre")
    story.identity_number = staff_reads_identity_number(centre, stack, stack.resident()[0])
    hand_over(story)
    activate(story)
    ride(story, terminals, tmp_path)
    clear_and_settle(story, tmp_path / "statements")
    operator = staff_signs_in(browser, stack, "operator")
    _, demo_fen = paid_by_the_demo(stack)
    expect(operator.locator("tbody tr")).to_contain_text(f"{(FARE_FEN + demo_fen) / 100:.2f}")
    pages = [(resident, path) for path in ("/", "/code/", "/rides/", "/progress/", f"/cards/{story.card_id}/loss/")]
    faults = [
        fault
        for page, path in [*pages, (operator, "/work/statements/"), (centre, "/work/staff/")]
        for fault in faults_of(page, stack.web + path)
    ]
    assert not faults, "\n".join(faults)

    # the bank's own function comes last, at the counter
    clerk.goto(f"{stack.web}/work/bank/cards/{story.card_id}/")
    clerk.get_by_label("持卡人证件号码").fill(story.identity_number)
    clerk.get_by_role("button", name="启用金融功能").click()
    expect(clerk.locator("[data-done]")).to_have_attribute("data-done", "activate_financial")


@pytest.mark.parametrize("role", ["bank_clerk", "card_centre", "operator", "auditor", "unit", "outreach", "kiosk"])
def test_every_role_signs_in_and_lands_somewhere(stack: Stack, browser: Browser, role: str) -> None:
    page = staff_signs_in(browser, stack, role)
    assert "/work/" in page.url
    assert page.get_by_role("heading", level=1).inner_text()
