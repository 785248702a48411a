"""J4: a guardian applies for a child, with a photograph, chooses the bank, collects at the counter, and activates for the child.

Four guardians, each in their own way of looking: on a phone and at a desk, in standard and in large print. One clerk.
"""

import re
import subprocess
import sys
from dataclasses import dataclass, replace

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.looking import VIEWPORTS, WAYS, looks_right
from tests.journeys.people import activates_card, enters_code, gives_photo_if_asked, sends_phone, staff_signs_in
from tests.journeys.story import ChosenOutlet, opens_case, outlet_of_the_clerk, registered_terminals
from tests.stack import Stack, wait_for
from yikatong.foundation.clock import beijing_day, utc_now

pytestmark = pytest.mark.journey


@dataclass(frozen=True)
class Family:
    """A guardian with a phone of their own, and one child without a new card; numbers in clear, they are made up."""

    guardian_id: int
    guardian_phone: str
    guardian_number: str
    child_id: int
    child_number: str


FAMILIES = """
with only_child as (
    select g.guardian_person_id, min(g.ward_person_id) as ward_person_id from registry_guardianship g
    group by 1 having count(*) = 1
)
select distinct on (w.person_id) p.person_id, w.person_id from only_child f
join registry_person p on p.person_id = f.guardian_person_id
join registry_person w on w.person_id = f.ward_person_id
where p.phone_index is not null and w.birth_date > %s
    and (select count(*) from registry_person o where o.phone_index = p.phone_index) = 1
    and not exists (select from issuance_card c where c.person_id = w.person_id and c.generation = 3)
order by w.person_id, p.person_id limit 4
"""
READ = """
import sys
from yikatong.config.django import set_up_django
set_up_django()
from yikatong.registry.selectors import clear_view, find_person
for person_id in map(int, sys.argv[1:]):
    view = clear_view(find_person(person_id))
    print(view.phone or "-", view.identity_number)
"""


@pytest.fixture(scope="module")
def families(stack: Stack) -> list[Family]:
    """Four of the demo's register."""
    today = beijing_day(utc_now())
    pairs = stack.query(FAMILIES, today.replace(year=today.year - 17, day=min(today.day, 28)))
    assert len(pairs) == len(WAYS)
    command = [sys.executable, "-c", READ, *(str(number) for pair in pairs for number in pair)]
    read = subprocess.run(command, env=stack.environment, capture_output=True, text=True, timeout=120, check=True)
    views = [line.split() for line in read.stdout.splitlines() if line[-1:].isalnum() and len(line.split()) == 2]
    return [
        Family(guardian, phone, number, child, child_number)
        for (guardian, child), (phone, number), (_, child_number) in zip(pairs, views[::2], views[1::2], strict=True)
    ]


@pytest.fixture(scope="module")
def clerk(stack: Stack, browser: Browser) -> Page:
    """At the outlet where all four collect."""
    return staff_signs_in(browser, stack, "bank_clerk")


def guardian_signs_in(browser: Browser, stack: Stack, family: Family, device: str, mode: str) -> Page:
    """By phone and code, in the way they look."""
    told = f"phone {family.guardian_phone}, identity number ends {family.guardian_number[-4:]};"
    theirs = replace(stack, printed=told)
    page = browser.new_context(viewport=VIEWPORTS[device], locale="zh-CN").new_page()
    page.goto(f"{stack.web}/welcome/?mode={mode}")
    sends_phone(page, theirs)
    enters_code(page, theirs)
    page.get_by_label("身份证号码最后四位").fill(family.guardian_number[-4:])
    page.get_by_role("button", name="继续").click()
    page.get_by_role("heading", name="我的卡").wait_for()
    return page


def applies(page: Page, stack: Stack, family: Family, outlet: ChosenOutlet, mode: str) -> None:
    """A bad photograph is told, a good one goes on; the bank, the outlet; left and come back to; checked and sent once."""
    page.goto(f"{stack.web}/apply/?for={family.child_id}")
    looks_right(page, mode)
    gives_photo_if_asked(page, busy=True)
    expect(page.get_by_role("alert")).to_contain_text("背景不是干净的白色")
    gives_photo_if_asked(page, faces=2)
    expect(page.get_by_role("alert")).to_contain_text("不止一张脸")
    looks_right(page, mode)
    gives_photo_if_asked(page)
    looks_right(page, mode)
    heights = {round(box["height"]) for card in page.locator(".bank-choice").all() if (box := card.bounding_box())}
    assert len(heights) == 1, f"cards of equal size: {heights}"
    assert page.locator("input[name=bank]:checked").count() == 0
    page.get_by_label(outlet.bank_name, exact=True).check()
    page.get_by_role("button", name="继续").click()
    page.get_by_role("heading", name="到哪个网点领卡").wait_for()

    page.goto(f"{stack.web}/apply/?for={family.child_id}")  # left, and come back
    expect(page.locator("main")).to_contain_text(outlet.bank_name)
    looks_right(page, mode)
    page.get_by_role("button", name="继续上次的申请").click()
    assert page.get_by_text("邮寄到此地址").count() == 0
    page.get_by_label("区", exact=True).select_option(outlet.district)
    with page.expect_navigation():
        page.get_by_role("button", name="查看这个区的网点").click()
    looks_right(page, mode)
    page.locator(f"input[value='{outlet.outlet_id}']").check()
    page.get_by_role("button", name="在所选网点领取").click()
    page.get_by_role("heading", name=re.compile("什么时候去领卡|请核对后提交")).wait_for()
    if "/apply/slot/" in page.url:
        looks_right(page, mode)
        page.get_by_label("卡到了以后再约").check()
        page.get_by_role("button", name="继续").click()
        page.get_by_role("heading", name="请核对后提交").wait_for()
    looks_right(page, mode)
    page.get_by_role("link", name=re.compile(r"^修改\s*银行")).click()
    page.get_by_label(outlet.bank_name, exact=True).check()
    page.get_by_role("button", name="继续").click()
    page.get_by_role("heading", name="请核对后提交").wait_for()
    page.get_by_role("button", name="提交申请").dblclick()
    page.get_by_role("heading", name="申请已提交").wait_for()
    looks_right(page, mode)
    page.go_back()
    page.goto(f"{stack.web}/apply/?for={family.child_id}")
    page.get_by_role("heading", name="申请已提交").wait_for()
    applied = stack.query("select count(*) from applications_application where person_id = %s", family.child_id)
    assert applied == [(1,)]


def collects(clerk: Page, stack: Stack, family: Family, number: str) -> None:
    """Taken in; the child's own document is not enough, a stranger's less; the guardian's is."""
    opens_case(clerk, stack, number)
    clerk.get_by_role("button", name="登记接收").click()
    expect(clerk.locator("[data-done]")).to_have_attribute("data-done", "receive")
    opens_case(clerk, stack, number)
    for shown in ("119901199001010000", family.child_number):
        clerk.get_by_label("监护人证件号码").fill(shown)
        clerk.get_by_role("button", name="核对无误，发卡").click()
        expect(clerk.get_by_role("alert")).to_contain_text("监护人")
    clerk.get_by_label("监护人证件号码").fill(family.guardian_number)
    clerk.get_by_role("button", name="核对无误，发卡").click()
    expect(clerk.locator("[data-done]")).to_have_attribute("data-done", "hand_over")


@pytest.mark.parametrize(("device", "mode"), WAYS)
def test_a_guardian_gets_a_childs_card(
    stack: Stack,
    browser: Browser,
    clerk: Page,
    families: list[Family],
    tmp_path_factory: pytest.TempPathFactory,
    device: str,
    mode: str,
) -> None:
    family, outlet = families[WAYS.index((device, mode))], outlet_of_the_clerk(stack)
    page = guardian_signs_in(browser, stack, family, device, mode)
    applies(page, stack, family, outlet, mode)
    made = (
        "select card_id, card_number from issuance_card where person_id = %s and generation = 3 and card_number <> ''"
    )
    ((card_id, number),) = wait_for(lambda: stack.query(made, family.child_id), why="the worker to make the card")
    ((has_photo,),) = stack.query(
        "select consented_at is not null from issuance_portrait where person_id = %s", family.child_id
    )
    assert has_photo, "the card's picture is the one the guardian gave"
    collects(clerk, stack, family, number)
    page.goto(f"{stack.web}/cards/{card_id}/activate/")
    looks_right(page, mode)
    activates_card(page, stack, number[-3:])
    if (device, mode) == WAYS[0]:
        folder = tmp_path_factory.mktemp("desk")
        desk = registered_terminals(stack, folder, [("desk", "国贸", "identity")])["desk"]
        answer = stack.terminal("identify", *desk, "--card-number", number)
        assert answer.returncode == 0, answer
    page.context.close()
