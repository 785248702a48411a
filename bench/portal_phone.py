"""What one visit to a page costs a phone: bytes over the air with an empty and a filled cache, and time on slow 4G."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = Path("/usr/bin/chromium-headless-shell")
FIRST_BAR_BYTES, LATER_BAR_BYTES, USABLE_BAR_S = 100_000, 20_000, 2.0
SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
"""150 ms round trips, 1.6 Mbit/s down, 750 kbit/s up. Source: Lighthouse, docs/throttling.md ("slow 4G")."""
CPU_SLOWER = 4
"""A mid-range phone against this machine. Source: the same."""
VIEWPORT = {"width": 390, "height": 844}
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
USABLE = """() => {
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    const navigation = performance.getEntriesByType('navigation')[0];
    return Math.max(paint ? paint.startTime : Infinity, navigation.domInteractive) / 1000;
}"""
"""Something is painted and every link and form is there; nothing on these pages waits for a script."""


@dataclass(frozen=True, slots=True)
class PhoneVisit:
    """One page's figures: bytes transferred with headers, seconds from the tap to a painted page that answers."""

    name: str
    first_bytes: int
    later_bytes: int
    usable_s: float

    @property
    def meets_bars(self) -> bool:
        """Whether all three are within their bars."""
        return (
            self.first_bytes <= FIRST_BAR_BYTES
            and self.later_bytes <= LATER_BAR_BYTES
            and self.usable_s <= USABLE_BAR_S
        )


def visit_as_phone(web: str, addresses: dict[str, str], visitor: tuple[int, str]) -> list[PhoneVisit]:
    """Visit every page as one resident, each with an empty cache first."""
    assert CHROMIUM.exists(), "Chromium is missing; run make setup-system"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        try:
            return [
                _visit(
                    browser, web, name, quote(address.format(person=visitor[0], place="国贸"), safe="/?=&"), visitor[1]
                )
                for name, address in addresses.items()
            ]
        finally:
            browser.close()


def _visit(browser: Browser, web: str, name: str, address: str, session: str) -> PhoneVisit:
    context = browser.new_context(viewport=VIEWPORT, device_scale_factor=2, locale="zh-CN")  # type: ignore[arg-type]
    context.add_cookies([{"name": "sessionid", "value": session, "url": web}])
    page = context.new_page()
    protocol = context.new_cdp_session(page)
    protocol.send("Network.enable")
    protocol.send("Network.emulateNetworkConditions", SLOW_4G)
    protocol.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWER})
    transferred = [0]

    def finished(event: dict[str, Any]) -> None:
        transferred[0] += int(event["encodedDataLength"])

    protocol.on("Network.loadingFinished", finished)
    answer = page.goto(f"{web}{address}", wait_until="networkidle")
    assert answer is not None
    assert answer.status == 200, f"{address}: {answer.status}"
    first, usable_s = transferred[0], float(page.evaluate(USABLE))
    transferred[0] = 0
    page.goto("about:blank")
    page.goto(f"{web}{address}", wait_until="networkidle")
    later = transferred[0]
    context.close()
    return PhoneVisit(name, first, later, usable_s)
