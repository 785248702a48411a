"""A helper with a tablet, step by step: what the journeys of outreach have in common."""

import json
import re
from io import BytesIO

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.cuttable import CuttableLine
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


def row_of(page: Page, number: int) -> "object":
    """The n-th household of the list."""
    return page.locator("[data-visits] > li").filter(has=page.get_by_text(f"第 {number} 户", exact=True))


def photograph() -> dict[str, object]:
    """A picture with something like a head in it, as a camera's file."""
    picture = Image.new("RGB", (1200, 1600), (235, 238, 240))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((400, 350, 800, 900), fill=(222, 184, 150))
    draw.rectangle((250, 950, 950, 1600), fill=(60, 80, 120))
    out = BytesIO()
    picture.save(out, "JPEG", quality=90)
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
