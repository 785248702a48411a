"""A retiree who cannot come: called on at home, applied for without a network, the card made, posted and switched on.

Nothing is mocked: the demo's processes, a real browser as tablet, a line that is really cut. The city is one in which the first
card comes from the bank that pays the pension, as in the collective exchange: its rule file says so.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cuttable import CuttableLine, cuttable_line
from tests.journeys import helping
from tests.journeys.helping import (
    Retiree,
    begin_visit,
    go_offline,
    retiree_on_the_list,
    shows_document,
)
from tests.journeys.looking import faults_of
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


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The demo in a city where retirees' first card stays with the pension's bank."""
    folder = open_temporary_folder()
    city = folder / "city"
    shutil.copytree(BEIJING, city)
    programme = city / "rules" / "programme.toml"
    text, found = FREE_CHOICE.subn("", programme.read_text(encoding="utf-8"))
    assert found == 1
    programme.write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "YIKATONG_CITY_DATA", str(city))
        with prepared_stack(folder / "home") as running:
            yield running


@pytest.fixture
def line(stack: Stack) -> Iterator[CuttableLine]:
    """The tablet's line to the web."""
    with cuttable_line(urlsplit(stack.web).port or 0) as whole:
        yield whole


def fill_in_at_home(page: Page, stack: Stack, retiree: Retiree) -> None:
    """Reads, agrees, has no choice of bank, gives the address, is photographed, signs."""
    ((bank,),) = stack.query(
        "select b.name_zh from registry_person p join banks_bank b on b.code = p.pension_bank_code where person_id = %s",
        retiree.person_id,
    )
    expect(page.get_by_role("heading", name="第三代社会保障卡")).to_be_visible()
    expect(page.locator("main")).to_contain_text(f"您的第一张新卡由发养老金的银行办：{bank}")
    expect(page.locator("main")).to_contain_text("旧卡继续有效，直到您启用新卡")
    page.get_by_role("button", name="看完了，继续").click()
    page.get_by_role("button", name="继续", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("本人同意后才能申请")
    page.get_by_label(re.compile("同意用我的登记信息")).check()
    page.get_by_label(re.compile("单独同意")).check()
    page.get_by_role("button", name="继续", exact=True).click()
    expect(page.get_by_role("heading", name="制卡银行")).to_be_visible()
    expect(page.get_by_role("radio")).to_have_count(0)
    expect(page.locator("#fixed-bank")).to_have_text(bank)
    page.get_by_role("button", name="继续", exact=True).click()
    page.get_by_label("寄到家里").check()
    page.get_by_label("邮寄地址").fill(ADDRESS)
    page.get_by_role("button", name="继续", exact=True).click()
    page.get_by_label("拍照或选择照片").set_input_files(helping.photograph())  # type: ignore[arg-type]
    expect(page.get_by_role("img", name="已拍的照片")).to_be_visible()
    page.get_by_role("button", name="继续", exact=True).click()
    page.get_by_role("button", name="继续", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("请签名")
    helping.signs(page)
    page.get_by_label("其他要说明的（可不填）").fill("大女儿陪同办理")
    page.get_by_role("button", name="继续", exact=True).click()
    expect(page.get_by_role("heading", name="请核对")).to_be_visible()


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
    expect(page.locator("[data-results]")).to_contain_text("已受理，最迟")
    expect(page.locator("[data-queue] > li")).to_have_count(0)
    assert [(channel, way) for channel, way, _ in applications_of(stack, retiree)] == [("outreach", "post")]
    ((visit, application),) = stack.query(
        "select visit_id::text, application_id::text from outreach_home_application where person_id = %s",
        retiree.person_id,
    )
    kept = helping.kept_on(page)
    assert f"visit:{visit}" not in kept
    assert f"draft:{visit}" not in kept
    assert f"queue:{application}" not in kept
    assert retiree.name not in page.content()


def card_is_posted(stack: Stack, browser: Browser, retiree: Retiree) -> tuple[int, str]:
    """Made by the worker with the photograph, posted by the bank."""
    made = (
        "select card_id, card_number from issuance_card where person_id = %s and state = 'made' and card_number <> ''"
    )
    ((card_id, number),) = wait_for(lambda: stack.query(made, retiree.person_id), why="the worker to make the card")
    assert stack.query("select count(*) from issuance_portrait where person_id = %s", retiree.person_id) == [(1,)]
    clerk = staff_signs_in(browser, stack, "bank_clerk", user="clerk")
    opens_case(clerk, stack, number)
    clerk.get_by_role("button", name="登记寄出").click()
    expect(clerk.locator("[data-done]")).to_have_attribute("data-done", "receive")
    return card_id, number


def is_accepted(stack: Stack, desk: tuple[str, ...], number: str, *, refusal: str = "") -> bool:
    """What an identity desk says of a card; a refusal must be ``refusal``."""
    answer = stack.terminal("identify", *desk, "--card-number", number)
    assert answer.returncode == 0 or refusal in answer.stdout, answer
    return answer.returncode == 0


def test_a_retiree_is_helped_at_home_without_a_network(
    stack: Stack, browser: Browser, line: CuttableLine, tmp_path: Path
) -> None:
    tablet = helping.tablet_of(browser)
    page = helping.helper_signs_in(tablet, stack, line)
    helping.registers_device(page, "二号平板")
    assert helping.downloads(page) >= 1
    centre = staff_signs_in(browser, stack, "card_centre")
    retiree = retiree_on_the_list(centre, stack)

    go_offline(page, line)
    page.reload()
    helping.unlocks(page)
    expect(page.locator("#online")).to_have_text("没有网络，可继续办理")
    begin_visit(page, retiree)
    shows_document(page, retiree)
    fill_in_at_home(page, stack, retiree)
    nothing_in_clear(page, retiree)

    page.close()  # the tab dies with the application half done
    page = tablet.new_page()
    page.goto(f"{line.address}/work/outreach/")
    helping.unlocks(page)
    begin_visit(page, retiree)
    shows_document(page, retiree)
    expect(page.get_by_role("heading", name="请核对")).to_be_visible()
    expect(page.locator("main")).to_contain_text(ADDRESS)
    page.get_by_role("button", name="保存，联网后上传").click()
    expect(page.locator("#notice")).to_contain_text("已加密保存")
    assert applications_of(stack, retiree) == []

    comes_back(page, stack, line, retiree)
    card_id, number = card_is_posted(stack, browser, retiree)
    ((old_number,),) = stack.query(
        "select older_card_number from registry_person where person_id = %s", retiree.person_id
    )
    desk = registered_terminals(stack, tmp_path, [("desk", "国贸", "identity")])["desk"]
    assert is_accepted(stack, desk, old_number)
    assert not is_accepted(stack, desk, number, refusal="card_not_active")
    activates_at_kiosk(
        browser,
        stack,
        card_number=number,
        identity_number=retiree.identity_number,
        phone=retiree.phone,
        ends=old_number,
    )
    assert not is_accepted(stack, desk, old_number, refusal="card_superseded")
    assert is_accepted(stack, desk, number)
    assert stack.query("select card_id from issuance_social_function where person_id = %s", retiree.person_id) == [
        (card_id,)
    ]
    assert faults_of(centre, f"{stack.web}/work/staff/outreach/") == []
    offers = stack.query(
        "select channel, bank_codes from supervision_bank_offer where person_id = %s", retiree.person_id
    )
    assert [(channel, len(banks)) for channel, banks in offers] == [("outreach", 1)]
