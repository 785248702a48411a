"""A resident's first third-generation card, from application to settled metro ride.

Nothing is mocked: the demo command with its database, web, gateway and worker processes, a real browser, the terminal's own
command. Only the SMS is read from the development inbox.
"""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.people import (
    apply_for_card,
    next_code,
    resident_signs_in,
    shown_code,
    staff_reads_identity_number,
    staff_signs_in,
)
from tests.stack import Stack, wait_for

pytestmark = pytest.mark.journey
FROM_STATION, TO_STATION, FARE_FEN = "国贸", "西单", 400  # 7,165 m on line 1: more than 6 km, at most 12 km


@pytest.fixture
def terminals(stack: Stack, tmp_path: Path) -> dict[str, tuple[str, ...]]:
    """An identity desk and two gates, registered; their options on the command line."""
    options = {}
    for number, (name, station, purpose) in enumerate(
        [("desk", FROM_STATION, "identity"), ("entry", FROM_STATION, "gate"), ("exit", TO_STATION, "gate")], start=1
    ):
        profile, state = tmp_path / f"{name}.json", tmp_path / f"{name}.state"
        stack.command(
            *("acceptance", "register-terminal", "--station", station, "--terminal-id", f"9001{number:08d}"),
            *("--purpose", purpose, "--gateway-url", stack.gateway, "--out", str(profile)),
        )
        options[name] = ("--profile", str(profile), "--state", str(state))
    return options


def test_from_application_to_settled_ride(
    stack: Stack, browser: Browser, terminals: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    resident = resident_signs_in(browser, stack)
    old_number = resident.locator(".card__number").first.inner_text().strip()
    ((outlet_id, district, bank, bank_name),) = stack.query(
        "select o.outlet_id, coalesce(nullif(o.district_code, ''), 'none'), b.code, b.name_zh from accounts_user u "
        "join banks_outlet o using (outlet_id) join banks_bank b on b.code = o.bank_code "
        "where u.username = 'clerk'"
    )

    # applied for and made
    apply_for_card(resident, bank_name=bank_name, outlet_id=outlet_id, district=district)
    ((card_id, new_number),) = wait_for(
        lambda: stack.query(
            "select card_id, card_number from issuance_card where state = 'made' and card_number <> ''"
        ),
        why="the worker to make the card",
    )

    # handed over by the bank, after the document was checked
    centre = staff_signs_in(browser, stack, "card_centre")
    identity_number = staff_reads_identity_number(centre, stack, stack.resident()[0])
    clerk = staff_signs_in(browser, stack, "bank_clerk")
    clerk.get_by_label("卡号、证件号码或手机号码").fill(new_number)
    clerk.get_by_role("button", name="查找").click()
    clerk.get_by_role("link", name=f"打开 {new_number}").first.click()
    clerk.get_by_role("button", name="登记接收").click()
    clerk.get_by_label("持卡人证件号码").fill("119901199001010000")
    clerk.get_by_role("button", name="核对无误，发卡").click()
    expect(clerk.get_by_role("alert")).to_contain_text("证件号码与持卡人或监护人不符")
    clerk.get_by_label("持卡人证件号码").fill(identity_number)
    clerk.get_by_role("button", name="核对无误，发卡").click()
    expect(clerk.locator("[data-state]")).to_have_attribute("data-state", "collected")

    # the old card is accepted before activation and refused after
    assert stack.terminal("identify", *terminals["desk"], "--card-number", old_number).returncode == 0
    refused = stack.terminal("identify", *terminals["desk"], "--card-number", new_number)
    assert (refused.returncode, "card_not_active" in refused.stdout) == (1, True), refused
    resident.goto(f"{stack.web}/")
    resident.get_by_role("link", name="启用新卡").click()
    expect(resident.locator("main")).to_contain_text(old_number)
    resident.get_by_label("新卡卡号的后三位").fill(new_number[-3:])
    resident.get_by_role("button", name="确认启用新卡").click()
    expect(resident.get_by_role("heading", name="社会保障功能已启用")).to_be_visible()
    refused = stack.terminal("identify", *terminals["desk"], "--card-number", old_number)
    assert (refused.returncode, "card_superseded" in refused.stdout) == (1, True), refused
    assert stack.terminal("identify", *terminals["desk"], "--card-number", new_number).returncode == 0

    # a metro ride with the code on the phone's screen, decided offline
    for gate in ("entry", "exit"):
        assert stack.terminal("sync", *terminals[gate]).returncode == 0
    resident.goto(f"{stack.web}/code/")
    first = shown_code(resident)
    picture = tmp_path / "screen.png"
    resident.screenshot(path=picture, full_page=True)
    entry = ("gate", *terminals["entry"], "--station", FROM_STATION, "--direction", "entry", "--offline")
    passed = stack.terminal(*entry, "--image", str(picture))
    assert (passed.returncode, "放行" in passed.stdout) == (0, True), passed
    replayed = stack.terminal(*entry, "--image", str(picture))
    assert (replayed.returncode, "code_replayed" in replayed.stdout) == (1, True), replayed
    code_file = tmp_path / "code.txt"
    code_file.write_text(next_code(resident, first))
    leave = ("gate", *terminals["exit"], "--station", TO_STATION, "--direction", "exit")
    assert stack.terminal(*leave, "--code", str(code_file)).returncode == 0, "the exit uploads by itself"
    uploaded = stack.terminal("sync", *terminals["entry"])
    assert "uploaded 2 new, 0 known, 0 refused" in uploaded.stdout, uploaded
    again = stack.terminal("sync", *terminals["entry"])
    assert "uploaded 0 new" in again.stdout, again

    # seen at once, then cleared and settled to the fen
    resident.goto(f"{stack.web}/rides/")
    expect(resident.locator(".rides li")).to_have_count(1)
    expect(resident.locator(".rides li")).to_contain_text(f"{FROM_STATION} → {TO_STATION}")
    expect(resident.locator(".rides strong")).to_have_text("¥4.00")
    cleared = stack.command("clearing", "run")
    assert "1 charges, 4.00 yuan" in cleared.stdout, cleared
    assert "nothing to clear" in stack.command("clearing", "run").stdout
    ((batch_id,),) = stack.query("select batch_id from clearing_batch")
    stack.command("clearing", "settle", batch_id)
    stack.command("clearing", "settle", batch_id)
    stack.command("clearing", "statements", batch_id, "--out", str(tmp_path / "statements"))
    statement = json.loads((tmp_path / "statements" / f"{batch_id}-bank-{bank}.json").read_text(encoding="utf-8"))
    assert (statement["total_fen"], statement["lines"][0]["counterparty"]) == (FARE_FEN, "operator:BJMETRO")

    balances = dict(
        stack.query(
            "select a.code, sum(p.amount_fen)::bigint from ledger_posting p join ledger_account a using (account_id) group by 1"
        )
    )
    assert balances == {f"bank:{bank}:receivable": 0, "operator:BJMETRO:payable": 0, "city:settlement": 0}
    posted = stack.query(
        "select t.kind, a.code, p.amount_fen from ledger_posting p join ledger_account a using (account_id) "
        "join ledger_transfer t using (transfer_id) where t.kind = 'clearing' order by p.amount_fen"
    )
    assert posted == [
        ("clearing", "operator:BJMETRO:payable", -FARE_FEN),
        ("clearing", f"bank:{bank}:receivable", FARE_FEN),
    ]
    operator = staff_signs_in(browser, stack, "operator")
    expect(operator.locator("tbody tr")).to_contain_text("4.00")

    # the bank's own function comes last, at the counter
    clerk.goto(f"{stack.web}/work/bank/cards/{card_id}/")
    clerk.get_by_label("持卡人证件号码").fill(identity_number)
    clerk.get_by_role("button", name="启用金融功能").click()
    expect(clerk.locator("main")).to_contain_text("金融功能已启用")


@pytest.mark.parametrize("role", ["bank_clerk", "card_centre", "operator", "auditor", "unit", "outreach"])
def test_every_role_signs_in_and_lands_somewhere(stack: Stack, browser: Browser, role: str) -> None:
    page = staff_signs_in(browser, stack, role)
    assert "/work/" in page.url
    assert page.get_by_role("heading", level=1).inner_text()
