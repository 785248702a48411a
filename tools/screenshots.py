"""Photograph the key pages of a running demo for the README: ``make screenshots`` writes docs/images/pages/*.png.

It tells the story of one card through the browser first, so that there is something to see. A page whose route does not exist is
named at the end, and then the command fails. To add a page, add a line to ``SHOTS``.
"""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser import chromium
from tests.journeys.looking import show_as
from tests.journeys.people import resident_signs_in, staff_reads_identity_number, staff_signs_in
from tests.journeys.story import Story, apply_and_wait, hand_over, outlet_of_the_clerk, switch_on
from tests.stack import Stack, running_stack

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "images" / "pages"
BYTES_MAX = 150_000
COLOURS = (256, 128, 64, 32)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: who sees which page how. ``before`` the card is applied for; ``wait`` for an element to be there;
    ``scrolled_to`` one that is then at the top."""

    name: str
    role: str
    path: str
    before: bool = False
    text_px: int = 0
    language: str = "zh-hans"
    is_dark: bool = False
    wait: str = "main"
    scrolled_to: str = ""


SHOTS = [
    Shot("home", "resident", "/", before=True),
    Shot("bank-choice", "resident", "/apply/bank/?for={person}", before=True),
    Shot("home-large-print", "resident", "/", text_px=22),
    Shot("code", "resident", "/code/", wait="#ecard[data-code]"),
    Shot("finder", "resident", "/places/?near=国贸", scrolled_to="#map"),
    Shot("questions", "resident", "/questions/"),
    Shot("progress", "resident", "/progress/"),
    Shot("loss-dark-traditional", "resident", "/cards/{card}/loss/", language="zh-hant", is_dark=True),
    Shot("bank-desk", "bank_clerk", "/work/bank/"),
    Shot("outreach", "outreach", "/work/outreach/", wait="#new-pin"),
    Shot("staff-person", "card_centre", "/work/staff/persons/{person}/"),
    Shot("campaign-english-dark", "card_centre", "/work/campaigns/", language="en", is_dark=True),
]


def is_there(path: str) -> bool:
    """Whether any route answers the path."""
    from django.urls import Resolver404, resolve

    try:
        resolve(path.partition("?")[0].replace("{person}", "1").replace("{card}", "1"))
    except Resolver404:
        return False
    return True


def taken(page: Page, stack: Stack, shot: Shot, names: dict[str, int]) -> bytes:
    """The picture as PNG, as the visitor's screen shows it."""
    show_as(page, shot.language, text_px=shot.text_px)
    page.emulate_media(color_scheme="dark" if shot.is_dark else "light", reduced_motion="reduce")
    page.goto(stack.web + shot.path.format(**names))
    page.locator(shot.wait).wait_for()
    if shot.scrolled_to:
        page.locator(shot.scrolled_to).evaluate("(node) => node.scrollIntoView({block: 'start'})")
    page.evaluate("document.querySelector('.notice--dev, .dev')?.remove()")  # the same line on all of them
    return page.screenshot()


def small(png: bytes) -> bytes:
    """The picture in as many colours as fit into ``BYTES_MAX``. Raises ``ValueError`` if none do."""
    picture = Image.open(BytesIO(png)).convert("RGB")
    for colours in COLOURS:
        out = BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if out.tell() <= BYTES_MAX:
            return out.getvalue()
    raise ValueError(f"{out.tell()} bytes in {COLOURS[-1]} colours")


def photograph(pages: dict[str, Page], stack: Stack, shots: Iterable[Shot], names: dict[str, int]) -> None:
    """Take the pictures and write them."""
    for shot in shots:
        target = OUT / f"{shot.name}.png"
        target.write_bytes(small(taken(pages[shot.role], stack, shot, names)))
        print(f"{target.relative_to(ROOT)}  {target.stat().st_size // 1000} kB")


def story_and_pictures(browser: Browser, stack: Stack) -> list[str]:
    """Apply, collect, switch on; photograph before and after. The names of pictures whose page does not exist."""
    pages = {role: staff_signs_in(browser, stack, role) for role in ("bank_clerk", "card_centre", "outreach")}
    identity_number = staff_reads_identity_number(pages["card_centre"], stack, stack.resident()[0])
    resident = pages["resident"] = resident_signs_in(browser, stack)
    ((person,),) = stack.query("select person_id from accounts_user where role = 'resident' and person_id is not null")
    old_number = re.sub(r"\s", "", resident.locator(".card__number").first.inner_text())
    names = {"person": person, "card": 0}
    there = [shot for shot in SHOTS if is_there(shot.path)]
    photograph(pages, stack, [shot for shot in there if shot.before], names)
    show_as(resident, "zh-hans", text_px=0)
    resident.goto(f"{stack.web}/")
    resident.get_by_role("button", name="知道了，不再显示").click()
    outlet = outlet_of_the_clerk(stack)
    story = Story(stack, resident, pages["bank_clerk"], (), old_number, outlet, identity_number=identity_number)
    apply_and_wait(story)
    hand_over(story)
    switch_on(story)
    photograph(pages, stack, [shot for shot in there if not shot.before], names | {"card": story.card_id})
    return [shot.name for shot in SHOTS if shot not in there]


def main() -> int:
    """Start a demo, take the pictures, stop it."""
    from yikatong.config.django import set_up_django

    OUT.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="yikatong-screenshots-"))
    home.chmod(0o755)  # PostgreSQL runs as another user when this runs as root
    os.environ["YIKATONG_HOME"] = str(home / "home")
    set_up_django()
    try:
        with running_stack(home / "home") as stack, chromium() as browser:
            missing = story_and_pictures(browser, stack)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if missing:
        print(f"no such page yet: {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
