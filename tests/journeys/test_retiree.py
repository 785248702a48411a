"""J3: retirees who cannot come: called on at home, applied for without a network, the card made, posted and switched on.

Four of them, the helper's device, the bank and the machine in the hall each time in another way of looking: on a phone and on a
wide screen, in standard and in large print. That nothing lies there in clear, that a tab dies and that an answer is lost, once.
Nothing is mocked: the demo's processes, a real browser as tablet, a line that is really cut. The city is one in which the first
card comes from the bank that pays the pension, as in the collective exchange: its rule file says so.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.cuttable import CuttableLine, cuttable_line
from tests.journeys import helping
from tests.journeys.helping import (
    Retiree,
    begin_visit,
    go_offline,
    retirees_on_the_list,
    shows_document,
    shows_print,
)
from tests.journeys.looking import VIEWPORTS, WAYS, faults_of, looks_right
from tests.journeys.people import activates_at_kiosk, staff_signs_in
from tests.journeys.story import opens_case, registered_terminals
from tests.postgres import open_temporary_folder
from tests.stack import Stack, prepared_stack, wait_for
from yikatong.city.folder import BEIJING

pytestmark = pytest.mark.journey
ADDRESS = "某街某巷十二号院三单元四零一室"
FREE_CHOICE = re.compile(
    r'\[\[bank_choice\]\]\ncode = "retiree"\nrule = "any"\neffective_from = 2026-01-01\nsource = .*\n'
)


A_DAY = 'code = "visits_per_street_and_day"\nvalue = 6 '
CALLED_ON = """
import sys
from yikatong.config.django import set_up_django
from yikatong.database.connection import ensure_database
ensure_database()
set_up_django()
from yikatong.accounts.models import User
from yikatong.audit.actors import Actor
from yikatong.banks.models import Outlet
from yikatong.foundation.clock import utc_now
from yikatong.outreach.models import Helper
from yikatong.outreach.planning import ask_for_visit
from yikatong.registry.models import Person
bank = Outlet.objects.get(outlet_id=User.objects.get(username="clerk").outlet_id).bank_id
here = Person.objects.filter(category="retiree", community_code__startswith=Helper.objects.get().street_code)
for person in here.filter(phone_index__isnull=False).order_by("person_id")[:int(sys.argv[1])]:
    Person.objects.filter(pk=person.pk).update(pension_bank_code=bank)
    ask_for_visit(person.person_id, by=Actor.system("journey"), at=utc_now())
"""


def edited(file: Path, pattern: re.Pattern[str] | str, new: str) -> None:
    """Change a rule of the city."""
    text, found = re.subn(pattern, new, file.read_text(encoding="utf-8"))
    assert found == 1, (file, pattern)
    file.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The demo in a city where retirees' first card stays with the pension's bank; a street has visits for all of them."""
    folder = open_temporary_folder()
    city = folder / "city"
    shutil.copytree(BEIJING, city)
    edited(city / "rules" / "programme.toml", FREE_CHOICE, "")
    edited(city / "rules" / "campaign.toml", A_DAY, A_DAY.replace("6", "20"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "YIKATONG_CITY_DATA", str(city))
        with prepared_stack(folder / "home") as running:
            called = [sys.executable, "-c", CALLED_ON, str(len(WAYS))]
            subprocess.run(called, env=running.environment, timeout=120, check=True)
            yield running


@pytest.fixture(scope="module")
def line(stack: Stack) -> Iterator[CuttableLine]:
    """The tablet's line to the web."""
    with cuttable_line(urlsplit(stack.web).port or 0) as whole:
        yield whole


@pytest.fixture(scope="module")
def centre(stack: Stack, browser: Browser) -> Page:
    """The card centre, which knows who is called on."""
    return staff_signs_in(browser, stack, "card_centre")


@pytest.fixture(scope="module")
def tablet(stack: Stack, browser: Browser, line: CuttableLine) -> BrowserContext:
    """The helper's, registered, with today's visits in it."""
    device = helping.tablet_of(browser)
    page = helping.helper_signs_in(device, stack, line)
    helping.registers_device(page, "二号平板")
    assert helping.downloads(page) >= len(WAYS)
    page.close()
    return device


@pytest.fixture(scope="module")
def retirees(stack: Stack, centre: Page, tablet: BrowserContext) -> list[Retiree]:
    """One for each way of looking."""
    return retirees_on_the_list(centre, stack, len(WAYS))


def opens_app(tablet: BrowserContext, line: CuttableLine, device: str, mode: str) -> Page:
    """The app in a new tab, unlocked, in this way of looking."""
    page = tablet.new_page()
    page.set_viewport_size(VIEWPORTS[device])
    page.goto(f"{line.address}/work/outreach/")
    shows_print(page, mode)
    expect(page.get_by_role("heading", name="已锁定")).to_be_visible()
    looks_right(page, mode)
    helping.unlocks(page)
    expect(page.locator("[data-visits] > li").first).to_be_visible()
    looks_right(page, mode)
    return page


def fill_in_at_home(page: Page, stack: Stack, retiree: Retiree, mode: str) -> None:
    """Reads, agrees, has no choice of bank, gives the address, is photographed, signs."""

    def goes_on(name: str = "继续") -> None:
        looks_right(page, mode)
        page.get_by_role("button", name=name, exact=True).click()

    ((bank,),) = stack.query(
        "select b.name_zh from registry_person p join banks_bank b on b.code = p.pension_bank_code where person_id = %s",
        retiree.person_id,
    )
    expect(page.get_by_role("heading", name="第三代社会保障卡")).to_be_visible()
    expect(page.locator("main")).to_contain_text(f"您的第一张新卡由发养老金的银行办：{bank}")
    expect(page.locator("main")).to_contain_text("旧卡继续有效，直到您启用新卡")
    goes_on("看完了，继续")
    goes_on()
    expect(page.get_by_role("alert")).to_contain_text("本人同意后才能申请")
    page.get_by_label(re.compile("同意用我的登记信息")).check()
    page.get_by_label(re.compile("单独同意")).check()
    goes_on()
    expect(page.get_by_role("heading", name="制卡银行")).to_be_visible()
    expect(page.get_by_role("radio")).to_have_count(0)
    expect(page.locator("#fixed-bank")).to_have_text(bank)
    goes_on()
    page.get_by_label("寄到家里").check()
    page.get_by_label("邮寄地址").fill(ADDRESS)
    goes_on()
    page.get_by_label("拍照或选择照片").set_input_files(helping.photograph())  # type: ignore[arg-type]
    expect(page.get_by_role("img", name="已拍的照片")).to_be_visible()
    goes_on()
    goes_on()
    expect(page.get_by_role("alert")).to_contain_text("请签名")
    helping.signs(page)
    page.get_by_label("其他要说明的（可不填）").fill("大女儿陪同办理")
    goes_on()
    expect(page.get_by_role("heading", name="请核对")).to_be_visible()
    looks_right(page, mode)


def nothing_in_clear(page: Page, retiree: Retiree) -> str:
    """What lies on the tablet tells nobody anything. Returns it."""
    kept = helping.kept_on(page)
    assert "record records visit:" in kept
    for told in (
        retiree.name,
        retiree.phone,
        retiree.identity_number,
        retiree.identity_number[-4:] + '"',
        ADDRESS,
        "大女儿陪同办理",
    ):
        assert told not in kept, told
    assert "extractable=true" not in kept
    return kept


def applications_of(stack: Stack, retiree: Retiree) -> list[tuple[str, str, str]]:
    return stack.query(  # type: ignore[return-value]
        "select channel, collection, state from applications_application where person_id = %s", retiree.person_id
    )


def comes_back(page: Page, stack: Stack, line: CuttableLine, retiree: Retiree) -> None:
    """The first answer is lost on the way; sent again it counts once, and the person's data leave the tablet."""
    line.mend()
    line.swallow_answers()
    page.context.set_offline(False)
    wait_for(lambda: applications_of(stack, retiree), why="the application to arrive")
    wait_for(lambda: line.swallowed, why="the answer to be lost")
    expect(page.locator("[data-queue] > li")).to_have_count(1)
    line.mend()
    page.get_by_role("button", name="同步").click()
    is_taken_in(page, stack, retiree)
    ((visit, application),) = stack.query(
        "select visit_id::text, application_id::text from outreach_home_application where person_id = %s",
        retiree.person_id,
    )
    kept = helping.kept_on(page)
    assert f"visit:{visit}" not in kept
    assert f"draft:{visit}" not in kept
    assert f"queue:{application}" not in kept


def is_taken_in(page: Page, stack: Stack, retiree: Retiree) -> None:
    """The tablet says so, the register has it once, and the person's name is gone from the screen."""
    result = page.locator("[data-results] > li").filter(has_text=f"第 {retiree.number} 户")
    expect(result).to_contain_text("已受理，最迟")
    expect(page.locator("[data-queue] > li")).to_have_count(0)
    assert [(channel, way) for channel, way, _ in applications_of(stack, retiree)] == [("outreach", "post")]
    assert retiree.name not in page.content()


def card_is_posted(stack: Stack, browser: Browser, retiree: Retiree, device: str, mode: str) -> tuple[int, str]:
    """Made by the worker with the photograph, posted by the bank."""
    made = (
        "select card_id, card_number from issuance_card where person_id = %s and state = 'made' and card_number <> ''"
    )
    ((card_id, number),) = wait_for(lambda: stack.query(made, retiree.person_id), why="the worker to make the card")
    assert stack.query("select count(*) from issuance_portrait where person_id = %s", retiree.person_id) == [(1,)]
    clerk = staff_signs_in(browser, stack, "bank_clerk", user="clerk", viewport=VIEWPORTS[device])
    clerk.goto(f"{stack.web}/work/bank/?mode={mode}")
    opens_case(clerk, stack, number)
    looks_right(clerk, mode)
    clerk.get_by_role("button", name="登记寄出").click()
    expect(clerk.locator("[data-done]")).to_have_attribute("data-done", "receive")
    looks_right(clerk, mode)
    clerk.context.close()
    return card_id, number


def is_accepted(stack: Stack, desk: tuple[str, ...], number: str, *, refusal: str = "") -> bool:
    """What an identity desk says of a card; a refusal must be ``refusal``."""
    answer = stack.terminal("identify", *desk, "--card-number", number)
    assert answer.returncode == 0 or refusal in answer.stdout, answer
    return answer.returncode == 0


def dies_half_done(page: Page, line: CuttableLine, retiree: Retiree, device: str, mode: str) -> Page:
    """The tab dies with the application filled in; in a new one it is still there."""
    tablet = page.context
    page.close()
    page = opens_app(tablet, line, device, mode)
    begin_visit(page, retiree)
    shows_document(page, retiree)
    expect(page.get_by_role("heading", name="请核对")).to_be_visible()
    return page


@pytest.mark.parametrize(("device", "mode"), WAYS)
def test_a_retiree_is_helped_at_home_without_a_network(
    stack: Stack,
    browser: Browser,
    line: CuttableLine,
    tablet: BrowserContext,
    retirees: list[Retiree],
    tmp_path: Path,
    device: str,
    mode: str,
) -> None:
    is_first, retiree = (device, mode) == WAYS[0], retirees[WAYS.index((device, mode))]
    page = opens_app(tablet, line, device, mode)
    go_offline(page, line)
    page.reload()
    helping.unlocks(page)
    expect(page.locator("#online")).to_have_text("没有网络，可继续办理")
    begin_visit(page, retiree)
    looks_right(page, mode)
    shows_document(page, retiree)
    fill_in_at_home(page, stack, retiree, mode)
    if is_first:
        nothing_in_clear(page, retiree)
        page = dies_half_done(page, line, retiree, device, mode)
    expect(page.locator("main")).to_contain_text(ADDRESS)
    page.get_by_role("button", name="保存，联网后上传").click()
    expect(page.locator("#notice")).to_contain_text("已加密保存")
    looks_right(page, mode)
    assert applications_of(stack, retiree) == []

    if is_first:
        comes_back(page, stack, line, retiree)
    else:
        line.mend()
        page.context.set_offline(False)
        is_taken_in(page, stack, retiree)
    looks_right(page, mode)
    page.close()
    card_id, number = card_is_posted(stack, browser, retiree, device, mode)
    ((old_number,),) = stack.query(
        "select older_card_number from registry_person where person_id = %s", retiree.person_id
    )
    desk = registered_terminals(stack, tmp_path, [("desk", "国贸", "identity")])["desk"] if is_first else ()
    if is_first:
        assert is_accepted(stack, desk, old_number)
        assert not is_accepted(stack, desk, number, refusal="card_not_active")
    kiosk = activates_at_kiosk(
        browser,
        stack,
        card_number=number,
        identity_number=retiree.identity_number,
        phone=retiree.phone,
        ends=old_number,
        viewport=VIEWPORTS[device],
    )
    kiosk.context.close()
    if is_first:
        assert not is_accepted(stack, desk, old_number, refusal="card_superseded")
        assert is_accepted(stack, desk, number)
    assert stack.query("select card_id from issuance_social_function where person_id = %s", retiree.person_id) == [
        (card_id,)
    ]
    offers = stack.query(
        "select channel, bank_codes from supervision_bank_offer where person_id = %s", retiree.person_id
    )
    assert [(channel, len(banks)) for channel, banks in offers] == [("outreach", 1)]


def test_the_centre_sees_the_devices_in_every_way(stack: Stack, centre: Page) -> None:
    assert faults_of(centre, f"{stack.web}/work/staff/outreach/") == []
