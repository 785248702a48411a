"""What people do in the browser, step by step, as the journeys tell it."""

import re
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize

from tests.browser import DESKTOP, PHONE
from tests.faces import drawn_file
from tests.journeys.looking import looks_right
from tests.stack import Stack, wait_for


def resident_signs_in(browser: Browser, stack: Stack) -> Page:
    """By phone and code; at the first time with the end of the identity number too."""
    page = browser.new_context(viewport=PHONE, locale="zh-CN", device_scale_factor=2).new_page()
    sends_phone(page, stack)
    enters_code(page, stack)
    page.get_by_role("heading", name=re.compile("请核对身份|我的卡")).wait_for()
    if "/identify/" in page.url:
        tells_who_one_is(page, stack)
    return page


def tells_who_one_is(page: Page, stack: Stack) -> None:
    """Asked once, after the first code."""
    page.get_by_label("身份证号码最后四位").fill(stack.resident()[1])
    page.get_by_role("button", name="继续").click()
    page.get_by_role("heading", name="我的卡").wait_for()


def sends_phone(page: Page, stack: Stack) -> None:
    """From the welcome page to the page that waits for the code."""
    page.goto(f"{stack.web}/welcome/")
    page.get_by_role("link", name="用手机号登录").click()
    page.get_by_label("手机号码").fill(stack.resident()[0])
    page.get_by_role("button", name="获取验证码").click()
    page.get_by_label("六位验证码").wait_for()


def enters_code(page: Page, stack: Stack) -> None:
    """The code that came into the development inbox."""
    inbox = page.context.new_page()
    inbox.goto(f"{stack.web}/dev/inbox/")
    code = re.search(r"登录验证码 (\d{6})", inbox.content())
    assert code
    inbox.close()
    page.get_by_label("六位验证码").fill(code[1])
    page.get_by_role("button", name="登录", exact=True).click()


def staff_signs_in(
    browser: Browser, stack: Stack, role: str, *, user: str = "", viewport: ViewportSize = DESKTOP
) -> Page:
    """By user name and password; the first account of the role, or the one named; on a desk's screen or another."""
    user, password = stack.staff(role, user=user)
    page = browser.new_context(viewport=viewport, locale="zh-CN").new_page()
    page.goto(f"{stack.web}/sign-in/staff/")
    page.get_by_label("用户名").fill(user)
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_url("**/work/**")
    return page


def apply_for_card(page: Page, *, bank_name: str, outlet_id: str, district: str) -> None:
    """Choose the bank in the drawn list, an outlet, check, submit."""
    page.get_by_role("link", name="申请第三代社保卡").first.click()
    fill_in_application(page, bank_name=bank_name, outlet_id=outlet_id, district=district)


def gives_photo_if_asked(page: Page, **wrong: Any) -> None:
    """On the photograph's page: the drawn face is taken, agreed to, and found good. Elsewhere nothing."""
    page.get_by_role("heading", level=1).wait_for()
    if "/apply/photo/" not in page.url:
        return
    picture = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": drawn_file(**wrong)}
    page.get_by_label("或选择已有的照片").set_input_files(picture)  # type: ignore[arg-type]
    page.get_by_label(re.compile("同意使用")).check()
    page.get_by_role("button", name="检查照片").click()
    if not wrong:
        page.get_by_role("heading", name="照片可以用").wait_for()
        with page.expect_navigation():
            page.get_by_role("button", name="继续").click()


def chooses_bank(page: Page, bank_name: str) -> None:
    """None is ticked before."""
    gives_photo_if_asked(page)
    assert page.locator("input[name=bank]:checked").count() == 0
    page.get_by_label(bank_name, exact=True).check()
    with page.expect_navigation():
        page.get_by_role("button", name="继续").click()
    gives_photo_if_asked(page)


def fill_in_application(page: Page, *, bank_name: str, outlet_id: str, district: str) -> None:
    """The same from the photograph or the list of banks on."""
    chooses_bank(page, bank_name)
    page.get_by_label("区", exact=True).select_option(district)
    page.get_by_role("button", name="查看这个区的网点").click()
    page.locator(f"input[value='{outlet_id}']").check()
    page.get_by_role("button", name="在所选网点领取").click()
    page.get_by_role("heading", name=re.compile("什么时候去领卡|请核对后提交")).wait_for()
    if "/apply/slot/" in page.url:
        page.get_by_label("卡到了以后再约").check()
        page.get_by_role("button", name="继续").click()
    page.get_by_role("button", name="提交申请").click()
    page.get_by_role("heading", name="申请已提交").wait_for()


def staff_reads_identity_number(page: Page, stack: Stack, phone: str) -> str:
    """Search by phone, give a reason, read the number in clear."""
    staff_finds(page, stack, phone)
    return staff_reveals(page, "identity_number", "证件号码")


def opens_from_menu(page: Page, menu: str, name: str) -> None:
    """A page of the card centre that stands under one of its menu's words."""
    navigation = page.get_by_role("navigation", name="主菜单")
    navigation.get_by_text(menu, exact=True).click()
    with page.expect_navigation():
        navigation.get_by_role("link", name=name, exact=True).click()


def staff_finds(page: Page, stack: Stack, number: str) -> None:
    """Search by a whole number and open whoever was found."""
    page.goto(f"{stack.web}/work/staff/register/")
    page.get_by_label("证件号码、手机号码、卡号或申请编号").fill(number)
    page.get_by_role("button", name="查找", exact=True).click()
    assert number not in page.url, "what was looked for must not stand in the address"
    page.get_by_role("link", name=re.compile("^查看")).click()


def staff_reveals(page: Page, field: str, label: str) -> str:
    """One piece of a person in clear, for a reason."""
    shown = page.locator(f"[data-field='{field}']")
    assert "*" in shown.inner_text(), "masked until a reason is given"
    page.get_by_label(label, exact=True).check()
    page.get_by_label("本人来电，核对身份").check()
    page.get_by_role("button", name="查看", exact=True).click()
    page.get_by_text("本次查看已留存记录").wait_for()
    return shown.inner_text().split()[0]


def shown_code(page: Page) -> str:
    """The code the phone shows now."""
    page.locator("#ecard[data-code]").wait_for()
    return str(page.locator("#ecard").get_attribute("data-code"))


def next_code(page: Page, previous: str) -> str:
    """The code the phone shows after ``previous``: opening the page again makes a new one at once."""
    page.reload()
    return wait_for(lambda: code if (code := shown_code(page)) != previous else None, why="a fresh code")


def activates_card(page: Page, stack: Stack, tail: str) -> None:
    """From the page of activation on: the code that came by message, the end of the card's number, one yes."""
    page.get_by_role("button", name="获取验证码").click()
    page.get_by_label("短信验证码").fill(confirmation_code(page, stack, "启用新的社会保障卡"))
    page.get_by_label("新卡卡号的后三位").fill(tail)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="确认启用新卡").click()
    page.get_by_role("heading", name="社会保障功能已启用").wait_for()


def confirmation_code(page: Page, stack: Stack, what: str) -> str:
    """The newest code in the development inbox that was sent for an act."""
    inbox = page.context.new_page()
    inbox.goto(f"{stack.web}/dev/inbox/")
    code = re.search(rf"{what}[^<]*?验证码 (\d{{6}})", inbox.content())
    assert code, f"no code for {what}"
    inbox.close()
    return code[1]


def activates_at_kiosk(
    browser: Browser,
    stack: Stack,
    *,
    card_number: str,
    identity_number: str,
    phone: str,
    ends: str = "",
    viewport: ViewportSize = DESKTOP,
) -> Page:
    """At a machine in a hall, by touch alone: number, end of the identity number, code by SMS, one question; the receipt.

    ``ends``: the number of the older card that the machine must say ends now.
    """
    page = staff_signs_in(browser, stack, "kiosk", viewport=viewport)
    page.get_by_role("heading", name="启用新的社会保障卡").wait_for()
    looks_right(page, "care")  # a machine's print is always large
    touches(page, card_number)
    page.get_by_role("button", name="继续").click()
    page.get_by_role("heading", name="持卡人身份证号码的后四位").wait_for()
    looks_right(page, "care")
    touches(page, identity_number[-4:])
    page.get_by_role("button", name="发送验证码").click()
    page.get_by_role("heading", name="短信里的六位验证码").wait_for()
    looks_right(page, "care")
    touches(page, kiosk_code_for(page, stack, phone))
    page.get_by_role("button", name="继续").click()
    page.get_by_role("heading", name="现在启用这张卡吗？").wait_for()
    looks_right(page, "care")
    if ends:
        assert ends[-3:] in page.locator("dl").inner_text()
        assert "旧卡的社会保障功能立即停用" in page.locator("main").inner_text()
    page.get_by_role("button", name="启用新卡").click()
    page.get_by_role("heading", name="社会保障功能已启用").wait_for()
    page.locator("[data-receipt]").wait_for()
    looks_right(page, "care")
    return page


def touches(page: Page, text: str) -> None:
    """On the keypad of the screen."""
    for key in text:
        page.locator(f"[data-key='{key}']").click()


def kiosk_code_for(page: Page, stack: Stack, phone: str) -> str:
    """The newest code a machine sent to this phone, as the development inbox shows it."""
    inbox = page.context.new_page()
    inbox.goto(f"{stack.web}/dev/inbox/")
    masked = re.escape(f"{phone[:3]}****{phone[-4:]}")
    code = re.search(masked + r".*?自助机启用验证码 (\d{6})", inbox.content(), re.DOTALL)
    assert code, inbox.content()
    inbox.close()
    return code[1]
