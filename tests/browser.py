"""A real browser: Debian's Chromium, driven by Playwright, seeing only this machine."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize, sync_playwright

CHROMIUM = Path("/usr/bin/chromium-headless-shell")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--js-flags=--no-opt --no-maglev",  # pages live for seconds: to optimise their scripts takes longer than it saves
]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1440, "height": 900}


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a profile of anybody."""
    assert CHROMIUM.exists(), "Chromium is missing; run make setup-system"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
