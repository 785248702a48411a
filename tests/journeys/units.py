"""What the clerk of an employer or a school does in the browser, and the people of the register a roster can be made of."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, replace

from playwright.sync_api import Browser, Page, expect

from tests.browser import DESKTOP
from tests.journeys.people import resident_signs_in
from tests.stack import Stack, wait_for

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WITHIN_MS = 240_000  # a loaded machine needs patience; a quiet one a tenth of it
_READ_REGISTER = """
import json, sys
from yikatong.config.django import set_up_django
from yikatong.database.connection import ensure_database
ensure_database()
set_up_django()
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view
found = Person.objects.filter(category=sys.argv[1]).order_by("person_id")
for person in found[:int(sys.argv[2])]:
    view = clear_view(person)
    alone = bool(view.phone) and Person.objects.filter(phone_index=person.phone_index).count() == 1
    phone = view.phone if alone else ""
    print(json.dumps([person.person_id, view.name, view.identity_number, phone, person.older_card_number]))
"""


@dataclass(frozen=True)
class Somebody:
    """A made-up person of the demo's register, in clear. ``phone`` only where nobody else has it."""

    person_id: int
    name: str
    number: str
    phone: str
    old_card: str


def people_in_the_register(stack: Stack, category: str, count: int) -> list[Somebody]:
    """The first of a category, read with the installation's own key."""
    command = [sys.executable, "-c", _READ_REGISTER, category, str(count)]
    read = subprocess.run(command, env=stack.environment, capture_output=True, text=True, timeout=120, check=True)
    return [Somebody(*json.loads(line)) for line in read.stdout.splitlines() if line.startswith("[")]


def unit_signs_in(browser: Browser, stack: Stack, user: str) -> Page:
    """By user name and password, onto the unit's own first page."""
    match = re.search(rf"^ +unit +{user} / (\S+) ", stack.printed, re.MULTILINE)
    assert match, stack.printed
    page = browser.new_context(viewport=DESKTOP, locale="zh-CN").new_page()
    page.goto(f"{stack.web}/sign-in/staff/")
    page.get_by_label("用户名").fill(user)
    page.get_by_label("密码").fill(match[1])
    page.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_url("**/work/unit/")
    return page


def signs_in_as(browser: Browser, stack: Stack, person: Somebody) -> Page:
    """A resident with a phone of their own."""
    told = f"phone {person.phone}, identity number ends {person.number[-4:]};"
    return resident_signs_in(browser, replace(stack, printed=told))


def fills_in_the_decision(page: Page, bank_codes: list[str], *, collects: bool, whole: bool | None = None) -> None:
    """Everything but the document, and sends it."""
    for code in bank_codes:
        page.locator(f"input[name=bank][value={code}]").check()
    if whole is not None:
        page.get_by_label(re.compile("^整体登记" if whole else "^不整体登记")).check()
    page.get_by_label("单位代领：" if collects else "不代领：").check()
    page.get_by_label("作出决定的会议或机构").fill("职工代表大会")
    page.get_by_label("文号或会议纪要编号").fill("职代会〔2026〕3 号")
    page.get_by_label("决定日期").fill("2026-10-20")
    page.get_by_label(re.compile("^决定材料")).set_input_files(
        {"name": "决议.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    page.get_by_role("button", name="提交登记").click()


def uploads_roster(page: Page, stack: Stack, name: str, content: bytes) -> None:
    """Sent, and checked."""
    page.goto(f"{stack.web}/work/unit/roster/")
    page.get_by_label(re.compile("^名册文件")).set_input_files({"name": name, "mimeType": XLSX, "buffer": content})
    page.get_by_role("button", name="上传并检查").click()
    expect(page.locator("dd[data-state]")).not_to_have_attribute("data-state", "checking", timeout=WITHIN_MS)


def applies_for_all(page: Page, stack: Stack) -> None:
    """The worker has gone through everybody."""
    page.goto(f"{stack.web}/work/unit/apply/")
    page.get_by_role("button", name="为已选银行的人员统一申请").click()
    expect(page.locator("tr[data-run=apply]").first).to_have_attribute("data-state", "done", timeout=WITHIN_MS)


def waits_for_cards(stack: Stack, organisation: str, count: int) -> None:
    """The worker has made the cards of all applications of the unit."""
    made = (
        "select count(*) from applications_application where organisation_code = %s and channel = 'unit' "
        "and state = 'in_production'"
    )
    wait_for(
        lambda: stack.query(made, organisation) == [(count,)],
        within_s=WITHIN_MS / 1000,
        why=f"{count} cards to be made",
    )


def figure(page: Page, name: str) -> int:
    """A figure of the roster's preview."""
    return int(page.locator(f"[data-{name}]").inner_text())
