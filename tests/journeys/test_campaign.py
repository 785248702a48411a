"""J1: plan a batch. The register is imported, groups formed, a plan computed within every bank's and outlet's capacity, compared
with what if, published, invitations sent, the load curve shown."""

import io
import re

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, Page, expect

from tests.journeys.people import staff_signs_in
from tests.stack import Stack, wait_for

pytestmark = pytest.mark.journey
ROOT = "/work/campaigns/"
PLANNED_WITHIN_MS = PUBLISHED_WITHIN_MS = EXPORTED_WITHIN_MS = 60_000


def plans(page: Page, stack: Stack, name: str) -> None:
    """From the form to the plan: the page follows the worker and shows the figures by itself."""
    page.get_by_label("名称", exact=True).fill(name)
    page.get_by_role("button", name="开始计划").click()
    page.wait_for_url(f"**{ROOT}{name}/")
    page.get_by_role("heading", name="负荷曲线").wait_for(timeout=PLANNED_WITHIN_MS)
    expect(page.get_by_role("heading", level=1)).to_contain_text("草案")


def looks_at_figures(page: Page, stack: Stack, name: str) -> None:
    """Nothing beyond capacity, everybody placed or explained, and what the page shows is what was stored."""
    ((people, left_out, gap),) = stack.query(
        "select people, left_out, gap from campaign_campaign where campaign_id = %s", name
    )
    assert gap == 0
    ((in_banks, in_slots, unexplained),) = stack.query(
        "select (select sum(planned) from campaign_bank_week where campaign_id = %s), count(week_starts_on), "
        "count(*) filter (where week_starts_on is null and refusal = '') from campaign_slot where campaign_id = %s",
        *(name, name),
    )
    assert (in_banks, in_slots, unexplained) == (people - left_out, people - left_out, 0)
    for table, most in (("campaign_place_week", "capacity"), ("campaign_bank_week", "production")):
        assert not stack.query(f"select * from {table} where campaign_id = %s and planned > {most} limit 1", name)
    expect(page.locator(".camp-tiles").first).to_contain_text(f"{people:,}")
    expect(page.locator("main")).to_contain_text("已证明为该模型下的最优")


def looks_at_charts_by_keyboard(page: Page, stack: Stack, name: str) -> None:
    """Map and curve are drawn; another measure and another bank are chosen without a mouse; the table says the same."""
    for chart in ("#campaign-map", "#campaign-curve"):
        page.locator(f"{chart}[data-drawn]").wait_for()
        assert page.locator(f"{chart} canvas").count() == 1
    before = page.locator("#campaign-classes").inner_text()
    page.get_by_label("负荷", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("等待（周）")).to_be_checked()
    assert page.locator("#campaign-classes").inner_text() != before
    page.get_by_label("银行", exact=True).select_option("ICBC")
    page.get_by_role("button", name="显示", exact=True).press("Enter")
    page.wait_for_url("**bank=ICBC**")
    page.locator("summary", has_text="以表格查看负荷曲线").press("Enter")
    shown = page.locator("#load tbody tr").first.locator("td").all_inner_texts()
    ((production, planned),) = stack.query(
        "select production, planned from campaign_bank_week where campaign_id = %s and bank_code = 'ICBC' "
        "order by week_starts_on limit 1",
        name,
    )
    assert shown[1:3] == [f"{production:,}", f"{planned:,}"]
    page.get_by_role("link", name="海淀区").press("Enter")
    expect(page.get_by_role("heading", name="海淀区各街道")).to_be_visible()


def supposes_a_bank_is_lost(page: Page, stack: Stack) -> None:
    """A second plan in which one bank makes no cards in the first two weeks, set beside the first."""
    ((first, last),) = stack.query(
        "select starts_on, starts_on + 13 from campaign_campaign where campaign_id = 'journey-a'"
    )
    page.goto(f"{stack.web}{ROOT}journey-a/")
    page.get_by_role("link", name="假设变化再算").click()
    page.locator("summary", has_text="银行停产").click()
    page.get_by_label("银行", exact=True).select_option("ICBC")
    page.get_by_label("停产首日").fill(str(first))
    page.get_by_label("停产末日").fill(str(last))
    page.get_by_role("button", name="加入：银行停产").click()
    expect(page.get_by_label("已加入的变化")).to_contain_text("中国工商银行")
    plans(page, stack, "journey-b")
    assert not stack.query(
        "select * from campaign_bank_week where campaign_id = 'journey-b' and bank_code = 'ICBC' "
        "and week_starts_on <= %s and planned > 0",
        last,
    )
    page.get_by_label("与", exact=True).select_option("journey-a")
    page.get_by_role("button", name="比较").click()
    page.wait_for_url(f"**{ROOT}journey-b/versus/journey-a/")
    page.get_by_role("link", name="对调 A 和 B").click()
    page.wait_for_url(f"**{ROOT}journey-a/versus/journey-b/")
    ((moved,),) = stack.query(
        "select count(*) from campaign_slot a join campaign_slot b using (person_id) where a.campaign_id = 'journey-a' "
        "and b.campaign_id = 'journey-b' and a.week_starts_on <> b.week_starts_on"
    )
    assert moved > 0
    expect(page.locator("main")).to_contain_text(f"{moved:,} 人换到另一周")


def publishes(page: Page, stack: Stack, name: str) -> None:
    """Told what will happen; a wrong name publishes nothing."""
    page.goto(f"{stack.web}{ROOT}{name}/")
    page.get_by_role("link", name="发布…").click()
    field = page.get_by_label(re.compile("请输入计划的名称"))
    field.fill("demo")
    page.get_by_role("button", name="发布并开始邀请").click()
    expect(page.get_by_role("alert")).to_contain_text("没有发布")
    assert stack.query("select count(*) from campaign_invitation") == [(0,)]
    field.fill(name)
    page.get_by_role("button", name="发布并开始邀请").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("已发布", timeout=PUBLISHED_WITHIN_MS)


def asks_for_one_person(page: Page, stack: Stack, name: str) -> None:
    """By phone; masked, with the reason."""
    page.goto(f"{stack.web}{ROOT}{name}/person/")
    page.get_by_label("证件号码、手机号码或卡号").fill(stack.resident()[0])
    page.get_by_role("button", name="查找").click()
    card = page.locator("section.card").first
    expect(card).to_contain_text("为什么")
    told = re.search(r"第 (\d+) 周，([\d-]+) 起", card.inner_text())
    assert told
    weeks = "select (week_starts_on - starts_on) / 7 + 1 from campaign_slot join campaign_campaign using (campaign_id) "
    assert (int(told[1]),) in stack.query(f"{weeks} where campaign_id = %s and week_starts_on = %s", name, told[2])
    assert stack.resident()[0] not in page.content()


def exports(page: Page, stack: Stack, name: str) -> None:
    """The worker writes the workbook and a table; they arrive under safe names, and hold what is stored."""
    ((weeks,),) = stack.query("select count(*) from campaign_bank_week where campaign_id = %s", name)
    for button, file in (("全部（XLSX）", "plan.xlsx"), ("银行周产量（CSV）", "banks.csv")):
        page.goto(f"{stack.web}{ROOT}{name}/")
        page.get_by_role("button", name=button).click()
        page.locator("[data-state=done]").wait_for(timeout=EXPORTED_WITHIN_MS)
        with page.expect_download() as download:
            page.get_by_role("link", name=re.compile("^下载")).click()
        assert download.value.suggested_filename == f"campaign-{name}-{file}"
        path = download.value.path()
        if file == "plan.xlsx":
            book = load_workbook(io.BytesIO(path.read_bytes()), read_only=True)
            assert book.sheetnames == ["网点负荷", "银行周产量", "街道", "未排上"]
            assert sum(1 for _row in book["银行周产量"].values) == weeks + 1
            book.close()
        else:
            assert len(path.read_text(encoding="utf-8-sig").splitlines()) == weeks + 1


def changes_capacity(page: Page, stack: Stack) -> None:
    """A closed outlet is recorded, and withdrawn after a question."""
    page.goto(f"{stack.web}{ROOT}capacity/")
    page.get_by_label("什么情况").select_option("outlet_closed")
    page.get_by_role("button", name="下一步").click()
    page.get_by_label("按名称查找网点").fill("海淀")
    page.get_by_role("button", name="查找").click()
    page.get_by_label("网点停办：哪一个").select_option(index=1)
    page.get_by_label("首日").fill("2027-01-04")
    page.get_by_label(re.compile("^末日")).fill("2027-01-08")
    page.get_by_label(re.compile("^原因")).fill("装修停业一周")
    page.get_by_role("button", name="登记", exact=True).click()
    row = page.get_by_role("row").filter(has_text="装修停业一周")
    row.get_by_role("link", name=re.compile("^撤回")).click()
    page.get_by_role("button", name="确认撤回").click()
    expect(page.get_by_role("row").filter(has_text="装修停业一周")).to_contain_text("已撤回")


def sees_invitations_leave(page: Page, stack: Stack, name: str) -> None:
    """The worker sends them by itself; the page counts, the messages lie in the development inbox."""
    sent = "select count(*) from campaign_invitation where campaign_id = %s and state = 'sent'"
    wait_for(lambda: stack.query(sent, name)[0][0], within_s=90, why="the worker to send invitations")
    page.goto(f"{stack.web}{ROOT}{name}/")
    expect(page.locator("[data-sending=sent]")).to_have_text(re.compile("[1-9]"))
    inbox = page.context.new_page()
    inbox.goto(f"{stack.web}/dev/inbox/")
    expect(inbox.locator("main")).to_contain_text("第三代社保卡")
    inbox.close()
    page.goto(f"{stack.web}{ROOT}")
    expect(page.get_by_role("row").filter(has_text="已发布")).to_contain_text(name)


def test_a_batch_is_planned_compared_published_and_invited(stack: Stack, browser: Browser) -> None:
    page = staff_signs_in(browser, stack, "card_centre")
    page.get_by_role("link", name="换发计划").click()
    ((people,),) = stack.query("select count(*) from registry_person")
    expect(page.locator("main")).to_contain_text(f"登记簿 {people:,} 人")
    page.get_by_role("link", name="新建计划").click()
    plans(page, stack, "journey-a")
    looks_at_figures(page, stack, "journey-a")
    looks_at_charts_by_keyboard(page, stack, "journey-a")
    supposes_a_bank_is_lost(page, stack)
    publishes(page, stack, "journey-a")
    asks_for_one_person(page, stack, "journey-a")
    exports(page, stack, "journey-a")
    changes_capacity(page, stack)
    sees_invitations_leave(page, stack, "journey-a")
    who = "select actor from audit_event where action = 'campaign.published' and subject = 'campaign:journey-a'"
    assert stack.query(who) == [(f"staff:{stack.staff('card_centre')[0]}",)]
