"""Looking at a page as a person with a screen reader or weak eyes meets it: every language and print, dark, 320 px wide."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, ViewportSize

from tests.browser import DESKTOP, PHONE

SCRIPTS = (
    Path(__file__).resolve().parent.parent / "vendor" / "axe-4.14.1.min.js",
    Path(__file__).resolve().parent / "looking.js",
)
LANGUAGES = {"zh-hans": "zh-CN", "zh-hant": "zh-Hant", "en": "en"}
"""Django's name of each language, and how a page in it names itself."""
type Way = tuple[str, int]
"""A language and the size of its large print in px, 0 for standard print."""
ALL_WAYS: tuple[Way, ...] = tuple((language, text_px) for language in reversed(LANGUAGES) for text_px in (22, 0))
"""For the crawl, which sees every page."""
TWO_WAYS: tuple[Way, ...] = (("en", 22), ("zh-hans", 0))
"""For pages that a journey has filled: the longest words in the largest letters, and the usual ones."""
LARGE_TEXT_PX_MIN = 18
LARGE_TARGET_PX_MIN = 60
WAYS = [("phone", "standard"), ("phone", "care"), ("desktop", "standard"), ("desktop", "care")]
"""The ways of looking in which whole journeys are walked: on a phone and at a desk, in standard and in large print."""
VIEWPORTS: dict[str, ViewportSize] = {"phone": PHONE, "desktop": DESKTOP}
NARROWEST_PX = 320
"""A 1280 px window at 400 % zoom. Source: WCAG 2.2, 1.4.10 Reflow."""


def see_at_once(page: Page) -> None:
    """Have the scripts in every page from now on: cheaper than to send them each time."""
    for script in SCRIPTS:
        page.add_init_script(path=str(script))


def show_as(page: Page, language: str, *, text_px: int) -> None:
    """Choose language and print (0: standard) as the page's own menus do: by their cookies."""
    for name, value in (("django_language", language), ("large_print", str(text_px))):
        cookie: dict[str, Any] = {"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}
        page.context.add_cookies([cookie])  # type: ignore[list-item]


def faults_of(page: Page, address: str, *, status: int = 200, ways: Sequence[Way] = TWO_WAYS) -> list[str]:
    """What is wrong with one page in these ways of showing it; end with the usual one, Chinese in standard print."""
    faults = []
    for language, text_px in ways:
        show_as(page, language, text_px=text_px)
        answer = page.goto(address)
        assert answer is not None
        where = f"{address} {language} {'care' if text_px else 'standard'}"
        found = [] if answer.status == status else [f"status {answer.status}"]
        if page.locator("html").get_attribute("lang") != LANGUAGES[language]:
            found.append("not in that language")
        found += _looks(page, is_large=text_px > 0)
        if language == "zh-hans" and not text_px:
            found += _in_the_dark(page)
        faults += [f"{where}: {fault}" for fault in found]
    return faults


def looks_right(page: Page, mode: str) -> None:
    """At a step of a journey: no sideways scroll, and in large print no small print."""
    bring_scripts(page)
    assert page.evaluate("look.sideways()") == [], page.url
    if mode == "care":
        assert page.evaluate("look.smallPrint", LARGE_TEXT_PX_MIN) == [], page.url


def bring_scripts(page: Page) -> None:
    """Have the scripts in the page that is open, if they are not there yet."""
    if not page.evaluate("'look' in window"):
        for script in SCRIPTS:
            page.evaluate(script.read_text(encoding="utf-8"))


def _looks(page: Page, *, is_large: bool) -> list[str]:
    bring_scripts(page)
    least = {"isLarge": is_large, "leastText": LARGE_TEXT_PX_MIN, "leastTarget": LARGE_TARGET_PX_MIN}
    faults: list[str] = page.evaluate("(least) => look.seen(least)", least)
    usual = page.viewport_size
    assert usual is not None
    if is_large:
        page.evaluate("document.body.dataset.text = '30'")
        page.set_viewport_size({"width": 390, "height": usual["height"]})
        faults += [f"largest print: {fault}" for fault in page.evaluate("look.sideways()")]
        page.evaluate("document.body.dataset.text = '22'")
    page.set_viewport_size({"width": NARROWEST_PX, "height": usual["height"]})
    faults += page.evaluate("look.sideways()")
    page.set_viewport_size(usual)
    return faults


def _in_the_dark(page: Page) -> list[str]:
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")  # or colours would be caught on their way
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    faults: list[str] = [f"dark: {fault}" for fault in page.evaluate("look.dark()")]
    page.emulate_media(color_scheme="light")
    return faults
