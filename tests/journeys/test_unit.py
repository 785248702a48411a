"""An employer: three banks chosen, a roster of 500 taken in, cards made, collected and handed out, one activated.

Nothing is mocked: the demo's processes, real browsers, the worker, the identity desk's own command. Only the SMS is read from the
development inbox.
"""

import re
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from playwright.sync_api import Browser, Page, expect

from tests.journeys.looking import faults_of
from tests.journeys.people import chooses_bank, fill_in_application, gives_photo_if_asked, staff_signs_in
from tests.journeys.story import ChosenOutlet, Story, activate, outlet_of_the_clerk, registered_terminals
from tests.journeys.units import (
    WITHIN_MS,
    Somebody,
    applies_for_all,
    figure,
    fills_in_the_decision,
    people_in_the_register,
    signs_in_as,
    unit_signs_in,
    uploads_roster,
    waits_for_cards,
)
from tests.stack import Stack, wait_for

pytestmark = pytest.mark.journey
ROWS = 500
HEADER = ("姓名", "证件号码", "所选银行", "备注")


def enrols(page: Page, banks: list[str]) -> None:
    """Nothing is ticked beforehand; a fourth bank is refused; with three it is done."""
    page.get_by_role("link", name="登记选行").first.click()
    assert page.locator("input[name=bank]").count() == 16
    assert page.locator("input:checked").count() == 0, "nothing is chosen for anybody"
    one_more = next(code for code in ("CCB", "PSBC") if code not in banks)
    fills_in_the_decision(page, [*banks, one_more], collects=True)
    expect(page.get_by_role("alert")).to_contain_text("最多可选 3 家银行")
    page.locator(f"input[name=bank][value={one_more}]").uncheck()
    fills_in_the_decision(page, banks, collects=True)
    page.wait_for_url(re.compile("/work/unit/$"))
    expect(page.locator(".unit-next")).to_contain_text("填写名册")


def roster_of(people: list[Somebody], retirees: list[Somebody], banks: list[str]) -> tuple[bytes, int]:
    """A workbook of 500 rows, ten of them bad in ten ways; how many are good. The first twelve of people leave the bank empty."""
    bad: list[tuple[object, ...]] = [
        ("王虚构", "119901198005170016", "", "生人"),
        (retirees[0].name, retirees[0].number, "", "退休"),
        ("错名", people[0].number, "", ""),
        (people[1].name, people[1].number, "", "重复"),
        (people[2].name, people[2].number[:17], "", ""),
        (people[3].name, float(people[3].number[:17] + "0"), "", "数字"),
        (people[4].name, people[4].number, "中国光大银行", "没有选定"),
        (people[5].name, people[5].number, "不存在的银行", ""),
        (people[6].name, people[6].number, "", '=HYPERLINK("http://example.invalid")'),
        ("", people[7].number, "", ""),
    ]
    good = ROWS - len(bad)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("名册")
    sheet.append(HEADER)
    for place, person in enumerate(people[:good]):
        bank = "" if place >= good - 12 else banks[0] if place % 5 else banks[1 + place // 5 % 2]
        sheet.append((person.name, person.number, bank, ""))
    for row in bad:
        sheet.append(row)
    out = BytesIO()
    book.save(out)
    return out.getvalue(), good


def looks_and_confirms(page: Page, stack: Stack, good: int) -> None:
    """Everything is told before anything is done; the bad rows can be taken away."""
    assert (figure(page, "good"), figure(page, "bad")) == (good, ROWS - good)
    assert stack.query("select count(*) from units_roster_entry") == [(0,)]
    expect(page.get_by_role("region", name="有问题的行")).to_contain_text("与第 3 行是同一人")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载有问题的行（Excel）").click()
    sheet = load_workbook(BytesIO(download.value.path().read_bytes())).active
    assert sheet is not None
    assert sheet.max_row == ROWS - good + 1
    page.get_by_role("button", name="确认采用").click()
    expect(page.locator("dd[data-state]")).to_have_attribute("data-state", "taken")
    assert stack.query("select count(*) from units_roster_entry") == [(good,)]


def chooses_in_the_portal(
    browser: Browser, stack: Stack, person: Somebody, outlet: ChosenOutlet, *, through_the_unit: bool
) -> None:
    """Among the unit's banks alone, none ticked; collected at an outlet or by the unit."""
    page = signs_in_as(browser, stack, person)
    page.get_by_role("link", name="申请第三代社保卡").first.click()
    gives_photo_if_asked(page)
    expect(page.locator("input[name=bank]")).to_have_count(3)
    if through_the_unit:
        chooses_bank(page, outlet.bank_name)
        page.get_by_role("button", name="由单位代领").click()
        page.get_by_role("button", name="提交申请").click()
        page.get_by_role("heading", name="申请已提交").wait_for()
    else:
        fill_in_application(page, bank_name=outlet.bank_name, outlet_id=outlet.outlet_id, district=outlet.district)
    page.context.close()


def bank_makes_ready(browser: Browser, stack: Stack) -> Page:
    """The bank's clerk has the unit's cards as a packet."""
    clerk = staff_signs_in(browser, stack, "bank_clerk")
    clerk.get_by_role("link", name="单位代领").click()
    clerk.get_by_role("button", name=re.compile("的卡已到本网点")).click()
    expect(clerk.locator("tr[data-packet]")).to_have_attribute("data-packet", "ready", timeout=WITHIN_MS)
    return clerk


def fetches_and_hands_out(page: Page, stack: Stack) -> str:
    """Fetched, the first page signed for, but one card goes back; the packet's address."""
    page.goto(f"{stack.web}/work/unit/")
    page.get_by_role("link", name="登记领回").click()
    page.get_by_role("button", name="已清点，登记领回").click()
    expect(page.locator("dd[data-packet]")).to_have_attribute("data-packet", "fetched")
    address = page.url
    page.get_by_role("link", name="打印签收表").click()
    expect(page.get_by_role("columnheader", name="本人签名")).to_be_visible()
    page.goto(address)
    page.get_by_label("序号 50 待签收").check()
    page.get_by_role("button", name="勾选的未领，退回网点").click()
    expect(page.get_by_text("已退回网点")).to_be_visible()
    page.get_by_role("button", name="全选本页").click()
    page.get_by_role("button", name="勾选的已签收，登记发放").click()
    expect(page.get_by_role("cell", name=re.compile("^已发放"))).to_have_count(49)
    return address


def test_an_employer_from_choosing_banks_to_cards_in_hand(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    outlet = outlet_of_the_clerk(stack)
    banks = [outlet.bank, *[code for code in ("ABC", "BOC", "ICBC") if code != outlet.bank][:2]]
    people = people_in_the_register(stack, "employee", 800)
    page = unit_signs_in(browser, stack, "unit")
    ((organisation,),) = stack.query("select organisation_code from accounts_user where username = 'unit'")
    enrols(page, banks)
    content, good = roster_of(people, people_in_the_register(stack, "retiree", 1), banks)
    uploads_roster(page, stack, "本单位名册.xlsx", content)
    upload = page.url
    faults = faults_of(page, upload)
    page.goto(upload)
    looks_and_confirms(page, stack, good)
    undecided = [person for person in people[good - 12 : good] if person.phone][:2]
    for place, person in enumerate(undecided):
        chooses_in_the_portal(browser, stack, person, outlet, through_the_unit=place == 1)
    applies_for_all(page, stack)
    waits_for_cards(stack, organisation, good - 12)
    page.goto(f"{stack.web}/work/unit/people/")
    expect(page.locator("[data-standing=unchosen] strong")).to_have_text(str(12 - len(undecided)))
    page.goto(f"{stack.web}/work/unit/apply/")
    page.get_by_role("button", name="提醒本人选择").click()
    expect(page.locator("tr[data-run=remind]")).to_have_attribute("data-state", "done", timeout=WITHIN_MS)
    clerk = bank_makes_ready(browser, stack)
    packet = fetches_and_hands_out(page, stack)
    for path in ("", "enrol/", "roster/", "people/", "people/?standing=unchosen", "apply/", "collect/"):
        faults += faults_of(page, f"{stack.web}/work/unit/{path}")
    faults += faults_of(page, packet) + faults_of(page, f"{packet}signatures/")
    faults += faults_of(clerk, f"{stack.web}/work/bank/units/")
    assert not faults, "\n".join(faults)

    handed = "select c.card_id, c.card_number, c.person_id from issuance_card c where c.generation = 3 and c.state = 'collected'"
    by_id = {person.person_id: person for person in people if person.phone and person.old_card}
    card_id, number, person_id = next(row for row in wait_for(lambda: stack.query(handed)) if row[2] in by_id)
    somebody = by_id[person_id]
    desk = registered_terminals(stack, tmp_path, [("desk", "国贸", "identity")])["desk"]
    resident = signs_in_as(browser, stack, somebody)
    activate(Story(stack, resident, clerk, desk, somebody.old_card, outlet, card_id, number, somebody.number))
