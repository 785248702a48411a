"""A helper with a tablet, step by step: what the journeys of outreach have in common."""

import json
import re
from dataclasses import dataclass
from io import BytesIO

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import PHONE
from tests.cuttable import CuttableLine
from tests.faces import drawn_photo
from tests.journeys.people import enters_code, staff_reveals
from tests.stack import Stack

TABLET = {"width": 820, "height": 1180}
PIN = "739154"
EVERYTHING_KEPT = """async () => {
    const texts = [], add = (value) => texts.push(value), decoder = new TextDecoder('utf-8');
    const answered = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
    const walk = (value) => {
        if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) add(decoder.decode(value));
        else if (value instanceof CryptoKey) add('key extractable=' + value.extractable);
        else if (value && typeof value === 'object')
            for (const [name, inner] of Object.entries(value)) { add(name); walk(inner); }
        else add(String(value));
    };
    for (const { name } of await indexedDB.databases()) {
        const database = await answered(indexedDB.open(name));
        for (const store of database.objectStoreNames) {
            const all = () => database.transaction(store).objectStore(store);
            for (const key of await answered(all().getAllKeys())) {
                add('record ' + store + ' ' + key);
                walk(await answered(all().get(key)));
            }
        }
        database.close();
    }
    for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
            add('cached ' + request.url);
            add(await (await cache.match(request, {ignoreVary: true})).text());
        }
    }
    for (const storage of [localStorage, sessionStorage])
        for (const name of Object.keys(storage)) { add(name); add(storage.getItem(name)); }
    return JSON.stringify(texts);
}"""


def tablet_of(browser: Browser, viewport: dict[str, int] = TABLET) -> BrowserContext:
    """A tablet nobody has used."""
    return browser.new_context(viewport=viewport, locale="zh-CN", has_touch=True)  # type: ignore[arg-type]


def helper_signs_in(context: BrowserContext, stack: Stack, line: CuttableLine) -> Page:
    """By user name and password, straight to the app."""
    user, password = stack.staff("outreach")
    page = context.new_page()
    page.goto(f"{line.address}/sign-in/staff/?next=/work/outreach/")
    page.get_by_label("用户名").fill(user)
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_url("**/work/outreach/")
    return page


def registers_device(page: Page, name: str) -> None:
    """A weak PIN is refused; then the tablet is registered and ready to be used without a network."""
    expect(page.get_by_role("heading", name="登记这台设备")).to_be_visible()
    page.get_by_label("设备名称").fill(name)
    page.get_by_label("设一个 PIN").fill("123456")
    page.get_by_label("再输一次 PIN").fill("123456")
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("连号")
    page.get_by_label("设一个 PIN").fill(PIN)
    page.get_by_label("再输一次 PIN").fill(PIN)
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.get_by_role("heading", name="还没有下载走访")).to_be_visible()
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function(
        "navigator.serviceWorker.controller && navigator.serviceWorker.controller.state === 'activated'"
    )


def downloads(page: Page) -> int:
    """Today's visits; how many."""
    page.get_by_role("button", name="下载今天的走访").click()
    expect(page.locator("#notice")).to_contain_text("已下载")
    found = re.search(r"已下载 (\d+) 户", page.locator("#notice").inner_text())
    assert found
    return int(found[1])


def unlocks(page: Page, pin: str = PIN) -> None:
    """With the PIN."""
    expect(page.get_by_role("heading", name="已锁定")).to_be_visible()
    page.get_by_label("PIN", exact=True).fill(pin)
    page.get_by_role("button", name="打开").click()


@dataclass(frozen=True)
class Retiree:
    """Who is called on; what stands in the documents the helper is shown."""

    number: int
    person_id: int
    identity_number: str
    phone: str
    name: str


def retiree_on_the_list(centre: Page, stack: Stack) -> Retiree:
    """The one whose pension comes through the bank at which the demo's clerk works."""
    return retirees_on_the_list(centre, stack, 1)[0]


def retirees_on_the_list(centre: Page, stack: Stack, count: int) -> list[Retiree]:
    """So many of them, in the order of the list."""
    rows = stack.query(
        "select v.person_id, p.pension_bank_code = o.bank_code and p.phone_index is not null from outreach_visit v "
        "join registry_person p using (person_id), accounts_user u join banks_outlet o using (outlet_id) "
        "where u.username = 'clerk' and v.state = 'planned' order by v.community_code, v.person_id"
    )
    fitting = [(number, person_id) for number, (person_id, fits) in enumerate(rows, start=1) if fits][:count]
    assert len(fitting) == count, rows
    return [_told_to_the_centre(centre, stack, number, person_id) for number, person_id in fitting]


def _told_to_the_centre(centre: Page, stack: Stack, number: int, person_id: int) -> Retiree:
    centre.goto(f"{stack.web}/work/staff/persons/{person_id}/")
    pieces = (("name", "姓名"), ("identity_number", "证件号码"), ("phone", "手机号码"))
    name, identity, phone = (staff_reveals(centre, field, label) for field, label in pieces)
    return Retiree(number, person_id, identity, phone, name)


def shows_print(page: Page, mode: str) -> None:
    """Large print (``care``) or standard print, by the app's own button; the tablet keeps the choice."""
    if page.evaluate("document.body.classList.contains('large')") != (mode == "care"):
        page.locator("#print-size").click()


def go_offline(page: Page, line: CuttableLine) -> None:
    """No network in the tablet, and none to the server either."""
    page.context.set_offline(True)
    line.cut()
    assert page.evaluate("fetch('/welcome/').then(() => 'reached', () => 'cut')") == "cut"


def begin_visit(page: Page, retiree: Retiree) -> None:
    """The list, the person, the document."""
    row = page.locator("[data-visits] > li").filter(has=page.get_by_text(f"第 {retiree.number} 户", exact=True))
    row.get_by_role("button", name=re.compile("开始办理")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(retiree.name)
    assert retiree.phone not in page.content()
    assert retiree.name not in page.title(), "the browser's history keeps titles"


def shows_document(page: Page, retiree: Retiree) -> None:
    """A wrong document is refused."""
    tail = page.get_by_label("核对身份证件：证件号码最后四位")
    tail.fill("0000" if retiree.identity_number[-4:] != "0000" else "1111")
    page.get_by_role("button", name="证件与本人一致，开始").click()
    expect(page.get_by_role("alert")).to_contain_text("与登记的不符")
    tail.fill(retiree.identity_number[-4:].lower())
    page.get_by_role("button", name="证件与本人一致，开始").click()


def signs_in_by_phone(browser: Browser, stack: Stack, retiree: Retiree, *, mode: str = "standard") -> Page:
    """The resident's own portal, for the first time."""
    page = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()  # type: ignore[arg-type]
    page.goto(f"{stack.web}/welcome/?mode={mode}")
    page.get_by_role("link", name="用手机号登录").click()
    page.get_by_label("手机号码").fill(retiree.phone)
    page.get_by_role("button", name="获取验证码").click()
    page.get_by_label("六位验证码").wait_for()
    enters_code(page, stack)
    page.get_by_label("身份证号码最后四位").fill(retiree.identity_number[-4:])
    page.get_by_role("button", name="继续").click()
    return page


def photograph() -> dict[str, object]:
    """A drawn face as a camera's file."""
    out = BytesIO()
    drawn_photo((1200, 1480)).save(out, "JPEG", quality=90)
    return {"name": "camera.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def signs(page: Page) -> None:
    """Two strokes in the field."""
    page.locator("#signature").scroll_into_view_if_needed()
    box = page.locator("#signature").bounding_box()
    assert box
    for start in (0.2, 0.5):
        page.mouse.move(box["x"] + box["width"] * start, box["y"] + box["height"] * 0.3)
        page.mouse.down()
        for step in range(1, 8):
            page.mouse.move(
                box["x"] + box["width"] * (start + step * 0.03), box["y"] + box["height"] * (0.3 + step * 0.06)
            )
        page.mouse.up()


def kept_on(page: Page) -> str:
    """Everything the browser keeps of this address, as text: databases, caches, storages."""
    return "\n".join(json.loads(page.evaluate(EVERYTHING_KEPT)))
