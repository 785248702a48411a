"""Somebody walks in without a card and leaves with one: applied for, written in the reader, printed, handed over, switched on.

Nothing is mocked: the demo's processes, a real browser, the desk's program, pcscd with a virtual reader and an emulated card.
"""

import os
import re
import signal
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from tests.journeys.desk_cards import people_without_card
from tests.journeys.looking import VIEWPORTS, WAYS, faults_of, looks_right
from tests.journeys.people import staff_signs_in
from tests.journeys.story import outlet_of_the_clerk, registered_terminals
from tests.stack import Stack, wait_for

pytestmark = pytest.mark.journey
HAS_DESK = True
MADE_WITHIN_MS = 20_000
OTHER_WAYS = [way for way in WAYS if way != ("desktop", "standard")]
"""The whole story is walked at a desk in standard print: the reader holds one blank."""


def who_walks_in(stack: Stack) -> str:
    """The identity number of somebody without a card, as the demo names one."""
    named = re.search(r"walks in: identity number (\w+)", stack.printed)
    assert named, stack.printed
    return named[1]


def walks_in(page: Page, stack: Stack, identity_number: str, mode: str = "standard") -> str:
    """Found by document after a slip of the pen, applied for; the chip page's address."""
    page.goto(f"{stack.web}/work/bank/?mode={mode}")
    looks_right(page, mode)
    page.get_by_role("link", name="现场申领").click()
    page.get_by_label("申请人证件号码").fill("119901190001010000")
    looks_right(page, mode)
    page.get_by_role("button", name="查找").click()
    expect(page.get_by_role("alert")).to_contain_text("登记簿中没有这个证件号码")
    looks_right(page, mode)
    page.get_by_label("申请人证件号码").fill(identity_number)
    page.get_by_role("button", name="查找").click()
    expect(page.get_by_text(identity_number)).to_be_visible()
    looks_right(page, mode)
    page.get_by_role("button", name="核对无误，申请并制卡").click()
    page.wait_for_url(re.compile(r"/chip/$"))
    looks_right(page, mode)
    return page.url


def brings_a_photograph(page: Page, mode: str = "standard") -> None:
    """Too small at first; then it is shown."""
    for size, is_taken in (((100, 123), False), ((716, 882), True)):
        out = BytesIO()
        Image.new("RGB", size, (205, 215, 225)).save(out, "PNG")
        picture = {"name": "photo.png", "mimeType": "image/png", "buffer": out.getvalue()}
        page.get_by_label("正面免冠照片").set_input_files(picture)  # type: ignore[arg-type]
        page.get_by_role("button", name="保存照片").click()
        if is_taken:
            expect(page.get_by_role("img", name="持卡人照片")).to_be_visible()
        else:
            expect(page.get_by_role("alert").first).to_contain_text("照片太小")
        looks_right(page, mode)


def pairs(page: Page, stack: Stack, mode: str = "standard") -> None:
    """A wrong code is told; the right one opens the reader."""
    code = (stack.home / "demo" / "desk" / "pairing-code").read_text()
    expect(page.get_by_role("status")).to_contain_text("配对码")
    page.get_by_label("配对码").fill("000000" if code != "000000" else "111111")
    page.get_by_role("button", name="配对").click()
    expect(page.locator("#counter-problem")).to_contain_text("配对码不对")
    looks_right(page, mode)
    page.get_by_label("配对码").fill(code)
    page.get_by_role("button", name="配对").click()
    expect(page.get_by_role("status")).to_contain_text("请把空白卡放入读卡器")
    looks_right(page, mode)


def loses_the_desk_program(page: Page, stack: Stack) -> None:
    """It is killed and started again: the page says so, and goes on with the new code."""
    code_file, pid = stack.home / "demo" / "desk" / "pairing-code", stack.pids()["agent"]
    before = code_file.read_text()
    os.kill(pid, signal.SIGKILL)
    page.get_by_role("button", name="开始制卡").click()
    expect(page.locator("#counter-problem")).to_contain_text("桌面读卡程序")
    wait_for(lambda: code_file.read_text() not in {"", before}, why="the desk's program to come back with a new code")
    wait_for(lambda: tries_again(page), why="the page to find it")
    page.get_by_label("配对码").fill(code_file.read_text())
    page.get_by_role("button", name="配对").click()
    expect(page.get_by_role("status")).to_contain_text("请把空白卡放入读卡器")


def tries_again(page: Page) -> bool:
    """Press until the program listens."""
    if page.get_by_role("button", name="重试").is_visible():
        page.get_by_role("button", name="重试").click()
    return page.get_by_label("配对码").is_visible()


def gives_out(page: Page, identity_number: str) -> None:
    """Handed over by keyboard, for the right document only; the clerk is back at the one input."""
    expect(page.locator("[data-due]")).to_have_attribute("data-due", "hand_over")
    for number, is_right in (("119901190001010000", False), (identity_number, True)):
        expect(page.get_by_label("持卡人证件号码")).to_be_focused()
        page.keyboard.type(number)
        page.keyboard.press("Enter")
        if is_right:
            expect(page.locator("[data-done]")).to_have_attribute("data-done", "hand_over")
        else:
            expect(page.get_by_role("alert")).to_contain_text("证件号码与持卡人或监护人不符")


def is_believed_by_the_kiosk(browser: Browser, stack: Stack) -> None:
    """The chip proves itself to a machine in a hall, paired by its staff; then the holder walks away."""
    kiosk = staff_signs_in(browser, stack, "kiosk")
    kiosk.get_by_text("工作人员：连接读卡器").click()
    kiosk.get_by_label("配对码").fill((stack.home / "demo" / "desk" / "pairing-code").read_text())
    kiosk.get_by_role("button", name="配对").click()
    kiosk.get_by_role("button", name="卡已放好，读卡").click()
    expect(kiosk.get_by_text("芯片已核验")).to_be_visible()
    kiosk.get_by_role("button", name="退出").click()
    kiosk.get_by_role("heading", name="启用新的社会保障卡").wait_for()
    kiosk.context.close()


def has_finance_switched_on(page: Page, identity_number: str) -> None:
    """The card is read in the desk's reader, which opens its case; both functions come on."""
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("F2")
    expect(page.locator("[data-due]")).to_have_attribute("data-due", "activate")
    page.keyboard.type(identity_number)
    page.keyboard.press("Enter")
    expect(page.locator("[data-done]")).to_have_attribute("data-done", "activate_financial")
    page.get_by_role("link", name="打开刚才的卡").click()
    expect(page.locator("[data-social]")).to_have_attribute("data-social", "active")
    expect(page.locator("[data-financial]")).to_have_attribute("data-financial", "active")


def has_the_purse_loaded(page: Page, stack: Stack, mode: str = "standard") -> None:
    """Fifty yuan, paid from an account: on the card, in the books, in the day's report."""
    booked = (
        "select coalesce(sum(amount_fen), 0)::bigint from ledger_posting p join ledger_account a using (account_id) "
        "where a.code like %s"
    )
    ((before,),) = stack.query(booked, "bank:%:purse-loads")
    page.get_by_text("其他业务").click()
    looks_right(page, mode)
    page.get_by_role("link", name="交通钱包充值").click()
    expect(page.get_by_label("金额")).to_be_focused()
    looks_right(page, mode)
    page.keyboard.type("50")
    page.keyboard.press("Tab")
    page.keyboard.type(f"TEST-{before:06d}")
    page.keyboard.press("Enter")
    expect(page.locator("[data-done]")).to_have_attribute("data-done", "load_purse")
    looks_right(page, mode)
    assert stack.query(booked, "bank:%:purse-loads") == [(before + 5_000,)]
    page.get_by_role("link", name="当日报表").click()
    expect(page.locator("main")).to_contain_text("交通钱包充值")
    looks_right(page, mode)


def test_a_walk_in_leaves_with_a_card(
    stack: Stack, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "放行 PASS  票价 4.00 元" in stack.printed, "the demo shows a card tapped at a gate"
    desk = registered_terminals(stack, tmp_path, [("desk", "国贸", "identity")])["desk"]
    page = staff_signs_in(browser, stack, "bank_clerk")
    identity_number = who_walks_in(stack)
    chip_page = walks_in(page, stack, identity_number)
    assert faults_of(page, f"{stack.web}/work/bank/walk-in/") == []
    assert faults_of(page, chip_page) == []
    page.goto(chip_page)
    brings_a_photograph(page)
    pairs(page, stack)
    loses_the_desk_program(page, stack)
    page.get_by_role("button", name="开始制卡").click()
    page.wait_for_url(re.compile(r"/cards/\d+/$"), timeout=MADE_WITHIN_MS)
    number = page.get_by_role("heading", level=1).inner_text().strip()
    face = page.request.get(f"{page.url}face.pdf")
    assert face.headers["content-type"] == "application/pdf"
    front, _ = PdfReader(BytesIO(face.body())).pages
    assert number in front.extract_text().replace("\0", "")
    assert len(front.images) == 1
    gives_out(page, identity_number)
    is_believed_by_the_kiosk(browser, stack)
    has_finance_switched_on(page, identity_number)
    case = page.url
    assert faults_of(page, case) == []
    assert faults_of(page, f"{case}purse/") == []
    page.goto(case)
    has_the_purse_loaded(page, stack)
    assert faults_of(page, f"{stack.web}/work/bank/day/") == []
    answer = stack.terminal("identify", *desk, "--card-number", number)
    assert answer.returncode == 0, answer

    reader = re.search(r"export PCSCLITE_CSOCK_NAME=(\S+)", stack.printed)
    assert reader
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", reader[1])
    authority = tmp_path / "authority.der"
    ((der, code),) = stack.query(
        "select a.certificate_der, c.identification_code from issuance_authority_certificate a, issuance_card c "
        "where a.name = 'card-ca' and c.card_number = %s",
        number,
    )
    authority.write_bytes(der)
    genuine = stack.terminal("card", "verify", "--reader", "00 00", "--authority", str(authority))
    assert f"有效 GENUINE  {code}" in genuine.stdout, genuine

    stack.command("clearing", "run")
    proved = stack.command("clearing", "purse-payments", "--state", "proved").stdout
    paid = proved.count("4.00 yuan")
    assert paid, "what the demo's card paid at the gate, once at each start"
    assert ("purse:01011000FFFFFFFF", 400 * paid) in stack.query(
        "select party, total_fen from clearing_statement where party like %s", "purse:%"
    )


@pytest.fixture(scope="module")
def others(stack: Stack) -> list[str]:
    """One person for each other way of looking, by identity number."""
    return people_without_card(stack, outlet_of_the_clerk(stack).bank, len(OTHER_WAYS))


@pytest.mark.parametrize(("device", "mode"), OTHER_WAYS)
def test_others_walk_in_while_a_written_card_lies_in_the_reader(
    stack: Stack, browser: Browser, others: list[str], device: str, mode: str
) -> None:
    """Up to the reader, which holds the card that was made before: it is no blank; but its purse can be loaded once more."""
    page = staff_signs_in(browser, stack, "bank_clerk", viewport=VIEWPORTS[device])
    chip_page = walks_in(page, stack, others[OTHER_WAYS.index((device, mode))], mode)
    brings_a_photograph(page, mode)
    pairs(page, stack, mode)
    page.get_by_role("button", name="开始制卡").click()
    expect(page.locator("#counter-problem")).to_contain_text("不是本市的空白卡", timeout=MADE_WITHIN_MS)
    looks_right(page, mode)
    page.goto(chip_page.removesuffix("chip/"))
    expect(page.locator("[data-due]")).to_have_attribute("data-due", "make")
    looks_right(page, mode)
    page.keyboard.press("Escape")
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#desk-reader-status")).not_to_be_empty()  # the page has found the desk's program again
    page.keyboard.press("F2")
    expect(page.locator("[data-financial]")).to_have_attribute("data-financial", "active")
    looks_right(page, mode)
    has_the_purse_loaded(page, stack, mode)
    page.context.close()
