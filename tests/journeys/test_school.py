"""A school: enrolled as a whole, banks picked, all its students applied for who chose; the others are reminded and choose.

Nothing is mocked: the demo's processes, real browsers, the worker. Only the SMS is read from the development inbox.
"""

import re
from io import BytesIO

import pytest
from openpyxl import Workbook
from playwright.sync_api import Browser, Page, expect

from tests.journeys.looking import faults_of
from tests.journeys.people import fill_in_application
from tests.journeys.story import ChosenOutlet, outlet_of_the_clerk
from tests.journeys.units import (
    WITHIN_MS,
    Somebody,
    figure,
    fills_in_the_decision,
    people_in_the_register,
    signs_in_as,
    unit_signs_in,
    uploads_roster,
    waits_for_cards,
)
from tests.stack import Stack

pytestmark = pytest.mark.journey
WITHOUT_BANK = 4


def roster_of(students: list[Somebody], teacher: Somebody, bank: str, other: str) -> bytes:
    """All students, the last few without a bank, and by mistake a teacher."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("名册")
    sheet.append(("姓名", "证件号码", "所选银行", "备注"))
    for place, student in enumerate(students):
        has_none = place >= len(students) - WITHOUT_BANK
        sheet.append((student.name, student.number, "" if has_none else bank if place % 3 else other, ""))
    sheet.append((teacher.name, teacher.number, bank, "教师"))
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def chooses_after_the_reminder(
    browser: Browser, page: Page, stack: Stack, student: Somebody, outlet: ChosenOutlet
) -> None:
    """The message says that it is theirs to choose; they do, in the portal."""
    page.get_by_role("button", name="提醒本人选择").click()
    expect(page.locator("tr[data-run=remind]")).to_have_attribute("data-state", "done", timeout=WITHIN_MS)
    inbox = page.context.new_page()
    inbox.goto(f"{stack.web}/dev/inbox/")
    expect(inbox.locator("body")).to_contain_text("由您本人决定")
    inbox.close()
    resident = signs_in_as(browser, stack, student)
    resident.get_by_role("link", name="申请第三代社保卡").first.click()
    fill_in_application(resident, bank_name=outlet.bank_name, outlet_id=outlet.outlet_id, district=outlet.district)


def test_a_school_applies_for_all_its_students(stack: Stack, browser: Browser) -> None:
    outlet = outlet_of_the_clerk(stack)
    other = next(code for code in ("ABC", "BOC") if code != outlet.bank)
    students = people_in_the_register(stack, "student", 60)
    students.sort(key=lambda student: bool(student.phone))  # the last ones can be reached
    (teacher,) = people_in_the_register(stack, "employee", 1)
    ((organisation,),) = stack.query("select organisation_code from accounts_user where username = 'school'")
    page = unit_signs_in(browser, stack, "school")
    page.get_by_role("link", name="登记选行").first.click()
    assert page.locator("input:checked").count() == 0, "nothing is chosen for anybody"
    fills_in_the_decision(page, [outlet.bank, other], collects=False, whole=True)
    page.wait_for_url(re.compile("/work/unit/$"))
    assert stack.query(
        "select is_enrolled_as_whole, jsonb_array_length(bank_codes) from registry_organisation where credit_code = %s",
        organisation,
    ) == [(True, 2)]

    uploads_roster(page, stack, "学生名册.xlsx", roster_of(students, teacher, outlet.bank, other))
    assert (figure(page, "good"), figure(page, "bad")) == (len(students), 1)
    expect(page.get_by_role("region", name="有问题的行")).to_contain_text("参保类别不符")
    page.get_by_role("button", name="确认采用").click()
    expect(page.locator("dd[data-state]")).to_have_attribute("data-state", "taken")

    page.goto(f"{stack.web}/work/unit/apply/")
    for code in (outlet.bank, other):
        choice = page.locator(f"select[name=outlet_{code}]")
        assert choice.input_value() == "", "no outlet is chosen beforehand either"
        if code == outlet.bank:
            choice.select_option(outlet.outlet_id)
        else:
            choice.select_option(index=1)
    page.get_by_role("button", name="为已选银行的人员统一申请").click()
    expect(page.locator("tr[data-run=apply]").first).to_have_attribute("data-state", "done", timeout=WITHIN_MS)
    waits_for_cards(stack, organisation, len(students) - WITHOUT_BANK)
    page.goto(f"{stack.web}/work/unit/people/?standing=unchosen")
    expect(page.locator("tbody tr")).to_have_count(WITHOUT_BANK)
    page.goto(f"{stack.web}/work/unit/apply/")
    chooses_after_the_reminder(browser, page, stack, students[-1], outlet)
    page.goto(f"{stack.web}/work/unit/people/")
    expect(page.locator("[data-standing=unchosen] strong")).to_have_text(str(WITHOUT_BANK - 1))
    with page.expect_download() as download:
        page.get_by_role("link", name="导出 CSV").click()
    listed = download.value.path().read_text(encoding="utf-8-sig")
    assert students[0].name in listed
    assert students[0].number not in listed, "numbers stay masked"
    assert listed.count("单位申请") == len(students) - WITHOUT_BANK
    assert listed.count("本人申请") == 1
    faults = [fault for path in ("", "apply/") for fault in faults_of(page, f"{stack.web}/work/unit/{path}")]
    assert not faults, "\n".join(faults)
