"""J8: the electronic card opened on the phone and shown at a hospital and a library, with the network cut on both sides.

Nothing is mocked: the demo's processes, a real browser with its service worker, the terminal's own command. The network is cut by
pulling a cable (``tests.cable``) between the phone and the web, and between the terminals and the gateway; the code is read
from a picture of the phone's screen.
"""

import dataclasses
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser import DESKTOP, PHONE
from tests.cable import Cable, cable
from tests.credentials.wallet import Wallet
from tests.journeys.looking import faults_of
from tests.journeys.people import resident_signs_in, staff_reads_identity_number, staff_signs_in
from tests.journeys.story import (
    Story,
    activate,
    apply_and_wait,
    hand_over,
    outlet_of_the_clerk,
    registered_terminals,
)
from tests.stack import Stack, wait_for
from yikatong.gm.sm2 import PrivateKey
from yikatong.wire.codes import UnverifiedCode

pytestmark = pytest.mark.journey
HOSPITAL, LIBRARY = "首都医科大学附属北京同仁医院", "北京市东城区图书馆"
SIZES = {"phone": PHONE, "desktop": DESKTOP}
ALL_IN_INDEXED_DB = """async () => {
    const done = request => new Promise(then => { request.onsuccess = () => then(request.result); });
    const database = await done(indexedDB.open('yikatong-ecard'));
    const all = await done(database.transaction('cards').objectStore('cards').getAll());
    database.close();
    return all.map(one => Object.values(one).map(v => new TextDecoder().decode(v)).join(' ')).join(' ');
}"""


@pytest.fixture
def to_web(stack: Stack) -> Iterator[Cable]:
    """The phone's network."""
    with cable(stack.web) as running:
        yield running


@pytest.fixture
def to_gateway(stack: Stack) -> Iterator[Cable]:
    """The venues' network."""
    with cable(stack.gateway) as running:
        yield running


def desks(stack: Stack, folder: Path, gateway: str) -> dict[str, tuple[str, ...]]:
    """Identity terminals at real places; their options on the command line."""
    options = {}
    for number, place in enumerate((HOSPITAL, LIBRARY), start=1):
        profile = folder / f"desk{number}.json"
        where = (
            "--place",
            place,
            "--terminal-id",
            f"9002{number:08d}",
            "--gateway-url",
            gateway,
            "--out",
            str(profile),
        )
        stack.command("acceptance", "register-terminal", *where)
        options[place] = ("--profile", str(profile), "--state", str(folder / f"desk{number}.state"))
    return options


def code_on(page: Page) -> str | None:
    """The code a camera reads from the screen."""
    seen = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.screenshot())), formats=zxingcpp.BarcodeFormat.QRCode)
    return seen[0].text if len(seen) == 1 else None


def photographed(page: Page, folder: Path, *, other_than: str = "") -> Path:
    """A picture of the screen once it shows a code, and not the one named."""
    wait_for(lambda: (seen := code_on(page)) is not None and seen != other_than, why="a code on the screen")
    picture = folder / "screen.png"
    page.screenshot(path=picture)
    return picture


def cut(phone: BrowserContext, *cables: Cable) -> None:
    """The phone has no network and knows it; the venues have none either."""
    for one in cables:
        one.pull()
    phone.set_offline(True)


def mend(phone: BrowserContext, *cables: Cable) -> None:
    """All are connected again."""
    for one in cables:
        one.plug()
    phone.set_offline(False)


def shown_in_all_sizes(page: Page) -> None:
    """Readable by a camera at once on phone and desktop, in both prints and in the dark."""
    for name, size in SIZES.items():
        for mode in ("standard", "care"):
            for scheme in ("light", "dark"):
                page.set_viewport_size(size)  # type: ignore[arg-type]
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                page.goto(f"{page.url.split('?')[0]}?mode={mode}")
                wait_for(lambda: code_on(page), why=f"a code on the {name}, {mode}, {scheme}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(f"{page.url.split('?')[0]}?mode=standard")


def number_is_hidden_again(page: Page, number: str) -> None:
    """Masked, shown when asked for, hidden by itself."""
    shown = page.locator("#ecard-number")
    expect(shown).to_have_text(f"{number[0]}*****{number[-3:]}")
    page.get_by_role("button", name="显示卡号").click()
    expect(shown).to_have_text(number)
    expect(shown).not_to_have_text(number, timeout=25_000)


def opened_without_network(page: Page, web: str) -> None:
    """From the service worker, the phone's own database and nothing else."""
    page.goto("about:blank")
    page.goto(f"{web}/code/")
    expect(page.locator("#ecard")).to_have_attribute("data-shell", "/code/shell/")
    expect(page.locator("#ecard-until")).to_contain_text("现在没有网络，二维码照常更新")
    assert page.evaluate("caches.keys().then(names => names.length)") == 1
    kept = page.evaluate(
        "caches.keys().then(n => caches.open(n[0])).then(c => c.match('/code/shell/')).then(r => r.text())"
    )
    assert page.locator("#ecard-name").inner_text() not in kept, "nobody's name lies in the cache"


@pytest.fixture(scope="module")
def in_use(stack: Stack, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A card applied for, handed over and activated; the resident is signed in on another phone."""
    terminals = registered_terminals(stack, tmp_path_factory.mktemp("desk"), [("desk", "国贸", "identity")])
    page = resident_signs_in(browser, stack)
    old_number = page.locator(".card__number").first.inner_text().strip()
    clerk = staff_signs_in(browser, stack, "bank_clerk")
    story = Story(stack, page, clerk, terminals["desk"], old_number, outlet_of_the_clerk(stack))
    apply_and_wait(story)
    centre = staff_signs_in(browser, stack, "card_centre")
    story.identity_number = staff_reads_identity_number(centre, stack, stack.resident()[0])
    hand_over(story)
    activate(story)
    return story


def believed_at_both_desks(stack: Stack, page: Page, at_places: dict[str, tuple[str, ...]], folder: Path) -> str:
    """A code each, one code once; the code that was shown first."""
    picture = photographed(page, folder)
    first = str(code_on(page))
    said = stack.terminal("present", *at_places[HOSPITAL], "--image", str(picture))
    assert (said.returncode, "有效 GENUINE" in said.stdout) == (0, True), said
    again = stack.terminal("present", *at_places[HOSPITAL], "--image", str(picture), "--offline")
    assert (again.returncode, "code_replayed" in again.stdout) == (1, True), again
    page.reload()
    picture = photographed(page, folder, other_than=first)
    said = stack.terminal("present", *at_places[LIBRARY], "--image", str(picture))
    assert (said.returncode, "有效 GENUINE" in said.stdout) == (0, True), said
    assert UnverifiedCode.parse(str(code_on(page))).certificate == UnverifiedCode.parse(first).certificate
    return first


def listed_where_shown(stack: Stack, page: Page, web: str, at_places: dict[str, tuple[str, ...]]) -> None:
    """Nothing before the desks upload, both places after; the phone knows itself in the list of phones."""
    page.goto(f"{web}/code/manage/")
    expect(page.locator("main")).to_contain_text("还没有出示记录")
    for desk in at_places.values():
        assert "uploaded" in stack.terminal("sync", *desk).stdout
    paths = ("/code/manage/", "/code/stop/", "/code/")
    faults = [fault for path in paths for fault in faults_of(page, f"{web}{path}")]
    assert not faults, "\n".join(faults)
    page.goto(f"{web}/code/manage/")
    places = page.get_by_role("region", name="在哪里出示过").get_by_role("listitem")
    expect(places).to_contain_text([LIBRARY, HOSPITAL])
    expect(page.get_by_text("本机", exact=True)).to_have_count(1)


def stops_everything(page: Page) -> None:
    """Asked once more; afterwards the phone keeps nothing."""
    page.get_by_role("link", name="管理").click()
    page.get_by_role("link", name="停用全部").click()
    page.get_by_role("button", name="确认停用全部").click()
    expect(page.get_by_role("status")).to_contain_text("已停用全部手机上的二维码")
    assert page.evaluate("caches.keys().then(names => names.length)") == 0
    assert page.evaluate("navigator.serviceWorker.getRegistrations().then(all => all.length)") == 0


def signs_out(page: Page, web: str) -> None:
    """Which takes everything off the phone."""
    page.locator("#ecard[data-keeps]").wait_for()
    page.goto(f"{web}/sign-out/")
    page.get_by_role("button", name=re.compile("退出")).click()
    page.wait_for_url(re.compile("/(welcome|sign-in)/"))
    assert page.evaluate("caches.keys().then(names => names.length)") == 0
    assert page.evaluate("indexedDB.databases().then(all => all.length)") == 0


def test_shown_at_hospital_and_library_without_network(
    stack: Stack, browser: Browser, in_use: Story, to_web: Cable, to_gateway: Cable, tmp_path: Path
) -> None:
    near = dataclasses.replace(stack, web=to_web.url)
    at_places = desks(stack, tmp_path, to_gateway.url)
    page = resident_signs_in(browser, near)

    # opened on the phone, in every size, print and light
    page.get_by_role("link", name="出示电子社保卡").click()
    expect(page.locator("#ecard-until")).to_contain_text("断网时可在这部手机上出示至")
    page.locator("#ecard[data-keeps]").wait_for()
    shown_in_all_sizes(page)
    number_is_hidden_again(page, in_use.new_number)
    for desk in at_places.values():
        assert stack.terminal("sync", *desk).returncode == 0

    # both cables pulled: the page goes on, opens anew, and is believed at both desks
    cut(page.context, to_web, to_gateway)
    assert stack.terminal("sync", *at_places[HOSPITAL]).returncode == 2, "the terminal really has no network"
    opened_without_network(page, near.web)
    first = believed_at_both_desks(stack, page, at_places, tmp_path)

    # connected again: the page comes back by itself, and what the desks kept appears on the holder's list
    mend(page.context, to_web, to_gateway)
    expect(page.locator("#ecard[data-owner]")).to_be_visible(timeout=40_000)
    listed_where_shown(stack, page, near.web, at_places)

    # everything stopped: the desk refuses what was on the screen before
    page.goto(f"{near.web}/code/")
    picture = photographed(page, tmp_path)
    stops_everything(page)
    refused = stack.terminal("present", *at_places[HOSPITAL], "--image", str(picture))
    assert (refused.returncode, "device_revoked" in refused.stdout) == (1, True), refused
    page.goto(f"{near.web}/code/")
    fresh = wait_for(lambda: code_on(page), why="a code after the stop")
    assert UnverifiedCode.parse(fresh).certificate.serial != UnverifiedCode.parse(first).certificate.serial
    signs_out(page, near.web)


def test_a_key_of_before_is_taken_over_and_an_expired_certificate_is_told(
    stack: Stack, browser: Browser, in_use: Story, to_web: Cable
) -> None:
    """Phones that kept their key in clear go on with it, sealed; and nobody is shown a code that no gate would take."""
    near = dataclasses.replace(stack, web=to_web.url)
    page = resident_signs_in(browser, near)
    old = PrivateKey.generate()
    kept = {"privateKey": old.scalar.hex(), "publicKey": old.public.point.hex()}
    page.evaluate(
        "([name, value]) => localStorage.setItem(name, value)", [f"yikatong-ecard-{in_use.card_id}", json.dumps(kept)]
    )
    page.goto(f"{near.web}/code/")
    page.locator("#ecard[data-keeps]").wait_for()
    shown = wait_for(lambda: code_on(page), why="a code")
    assert UnverifiedCode.parse(shown).certificate.device_key == old.public.compressed
    assert not page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('yikatong-ecard'))")
    assert old.scalar.hex() not in page.evaluate(ALL_IN_INDEXED_DB)

    cut(page.context, to_web)
    page.clock.set_fixed_time(datetime.now(UTC) + timedelta(days=8))
    page.goto(f"{near.web}/code/")
    expect(page.get_by_role("alert")).to_contain_text("过期。请联网后重新打开本页")
    assert code_on(page) is None


def test_in_a_wallet_and_checked_by_a_venue(stack: Stack, browser: Browser, in_use: Story) -> None:
    """From the resident's page into a wallet, from the wallet to a venue's page; stopped, and refused."""
    resident, venue = resident_signs_in(browser, stack), staff_signs_in(browser, stack, "operator")
    with httpx.Client() as http:
        wallet = Wallet(http)
        resident.goto(f"{stack.web}/code/manage/")
        resident.get_by_role("link", name="添加到钱包").click()
        faults = faults_of(resident, resident.url)
        resident.get_by_role("button", name="生成二维码并发送验证码").click()
        link = link_in_picture(resident, resident.locator("img.offer"))
        assert link == resident.get_by_role("link", name="用本机钱包打开").get_attribute("href")
        wallet.accept(link, wallet_code(resident, stack))

        faults += faults_of(venue, f"{stack.web}/work/verify/")
        said, shown = checked(venue, wallet)
        assert (said, wallet.verified(wallet.credential)["name"] in shown) == ("核验通过", True), shown
        assert "出生日期" not in shown
        faults += faults_of(venue, venue.url)

        resident.goto(f"{stack.web}/code/manage/")
        resident.get_by_role("region", name="钱包应用中的卡").get_by_role("button", name=re.compile("停用")).click()
        expect(resident.get_by_role("status")).to_contain_text("已停用这个钱包中的电子社保卡")
        said, shown = checked(venue, wallet)
        assert (said, "此卡已失效" in shown) == ("核验未通过", True), shown
    assert not faults, "\n".join(faults)


def link_in_picture(page: Page, picture: Locator) -> str:
    """What a wallet's camera reads from a picture on the page."""
    octets = picture.screenshot()
    (seen,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(octets)), formats=zxingcpp.BarcodeFormat.QRCode)
    return str(seen.text)


def wallet_code(page: Page, stack: Stack) -> str:
    """The transaction code that came by SMS."""
    inbox = page.context.new_page()
    inbox.goto(f"{stack.web}/dev/inbox/")
    code = re.search(r"钱包验证码 (\d{6})", inbox.content())
    inbox.close()
    assert code
    return code[1]


def checked(venue: Page, wallet: Wallet) -> tuple[str, str]:
    """What a venue's page says once a wallet has scanned its picture: the heading, and all of it."""
    venue.goto(f"{wallet_origin(venue)}/work/verify/")
    venue.get_by_role("button", name="显示二维码").click()
    venue.get_by_role("heading", name="请持卡人用钱包扫码").wait_for()
    wallet.present(link_in_picture(venue, venue.locator("img.verify-code")))
    heading = venue.get_by_role("heading", name=re.compile("核验通过|核验未通过"))
    heading.wait_for()
    return heading.inner_text(), venue.locator("main").inner_text()


def wallet_origin(page: Page) -> str:
    """Where a page is."""
    return "/".join(page.url.split("/")[:3])
