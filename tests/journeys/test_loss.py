"""A card lost, found, lost for good, and replaced; the gate follows at each turn.

Nothing is mocked: the demo's processes, a real browser, the terminal's own command.
"""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.looking import faults_of
from tests.journeys.people import (
    confirmation_code,
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
    registered_terminals,
    switch_on,
)
from tests.stack import Stack

pytestmark = pytest.mark.journey
STATION = "国贸"


def passes_gate(story: Story, gate: tuple[str, ...], code: str, folder: Path) -> tuple[bool, str]:
    """Whether the gate lets a code in with the lists of this moment, and what it says."""
    assert story.stack.terminal("sync", *gate).returncode == 0
    file = folder / "code.txt"
    file.write_text(code, encoding="ascii")
    answer = story.stack.terminal(
        "gate", *gate, "--station", STATION, "--direction", "entry", "--offline", "--code", str(file)
    )
    return answer.returncode == 0, answer.stdout


def lose_and_find(story: Story, gate: tuple[str, ...], folder: Path) -> None:
    """Pre-reported: refused at the gate and at the desk. Withdrawn: accepted again."""
    stack, page = story.stack, story.resident
    page.goto(f"{stack.web}/code/")
    code = shown_code(page)
    page.goto(f"{stack.web}/")
    taps = [page.get_by_role("link", name="挂失").first, page.get_by_role("button", name="立即预挂失")]
    for tap in taps:
        tap.click()
    assert len(taps) == 2, "from my card two taps stop it"
    expect(page.get_by_role("status")).to_contain_text("已预挂失")
    expect(page.get_by_role("status")).to_contain_text("9 天 23 小时")
    expect(page.get_by_role("status")).to_contain_text("自动恢复使用")
    faults = faults_of(page, page.url)
    assert not faults, "\n".join(faults)
    passed, said = passes_gate(story, gate, code, folder)
    assert (passed, "card_reported_lost" in said) == (False, True), said
    assert not story.is_accepted(story.new_number, refusal="card_reported_lost")
    page.goto(f"{stack.web}/")
    expect(page.locator(".card__state").first).to_have_text("已预挂失")
    expect(page.locator("[data-next]").first).to_have_text("处理挂失")
    page.get_by_role("link", name="挂失").first.click()
    page.get_by_role("button", name="找到了，撤销预挂失").click()
    expect(page.get_by_role("button", name="立即预挂失")).to_be_visible()
    assert story.is_accepted(story.new_number)
    page.goto(f"{stack.web}/code/")
    passed, said = passes_gate(story, gate, next_code(page, code), folder)
    assert passed, said


def lose_for_good(story: Story) -> None:
    """Formally reported: cancelled, no code any more, a replacement is offered."""
    stack, page = story.stack, story.resident
    page.goto(f"{stack.web}/")
    page.get_by_role("link", name="挂失").first.click()
    page.get_by_text("正式挂失", exact=True).click()
    page.get_by_role("button", name="确认正式挂失").click()
    expect(page.get_by_role("status")).to_contain_text("此卡已正式挂失并注销")
    faults = faults_of(page, page.url)
    assert not faults, "\n".join(faults)
    assert not story.is_accepted(story.new_number, refusal="card_reported_lost")


def takes_everything_home(story: Story) -> None:
    """Who looked is told, and all that is kept comes as a file after a code: the three cards, with who looked in it."""
    stack, page = story.stack, story.resident
    page.goto(f"{stack.web}/privacy/seen/")
    expect(page.locator("main")).to_contain_text("查看了完整的登记信息")
    expect(page.locator("main")).to_contain_text("本人来电，核对身份")
    page.goto(f"{stack.web}/privacy/export/")
    page.get_by_role("button", name="获取验证码").click()
    page.get_by_label("短信验证码").fill(confirmation_code(page, stack, "下载本人的全部个人信息"))
    page.get_by_label("JSON（给其他系统用）").check()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="下载", exact=True).click()
    data = json.loads(downloading.value.path().read_text(encoding="utf-8"))
    assert [card["generation"] for card in data["cards"]] == [2, 3, 3]
    assert data["identity"][0]["identity_number"] == story.identity_number
    assert "holder_calls" in [row["reason"] for row in data["seen_by"]]


def test_lost_found_lost_for_good_and_replaced(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    terminals = registered_terminals(stack, tmp_path, [("desk", STATION, "identity"), ("gate", STATION, "gate")])
    resident = resident_signs_in(browser, stack)
    old_number = resident.locator(".card__number").first.inner_text().strip()
    clerk = staff_signs_in(browser, stack, "bank_clerk")
    story = Story(stack, resident, clerk, terminals["desk"], old_number, outlet_of_the_clerk(stack))
    apply_and_wait(story)
    centre = staff_signs_in(browser, stack, "card_centre")
    story.identity_number = staff_reads_identity_number(centre, stack, stack.resident()[0])
    hand_over(story)
    activate(story)

    lose_and_find(story, terminals["gate"], tmp_path)
    lose_for_good(story)
    lost_number, lost_id = story.new_number, story.card_id

    apply_and_wait(story)
    assert stack.query("select kind from applications_application where channel = 'web' order by submitted_at") == [
        ("first",),
        ("replacement",),
    ]
    assert story.card_id != lost_id
    clerk.goto(f"{stack.web}/work/bank/")
    hand_over(story)
    switch_on(story)
    assert story.is_accepted(story.new_number)
    assert not story.is_accepted(lost_number, refusal="card_reported_lost")
    resident.goto(f"{stack.web}/code/")
    passed, said = passes_gate(story, terminals["gate"], shown_code(resident), tmp_path)
    assert passed, said
    states = stack.query(
        "select card_id, social_state from issuance_card where card_id in (%s, %s) order by card_id",
        lost_id,
        story.card_id,
    )
    assert states == [(lost_id, "ended"), (story.card_id, "active")]
    takes_everything_home(story)
