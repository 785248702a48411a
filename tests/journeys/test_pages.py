"""Every page there is, in both languages and both print sizes, as a person with a screen reader or weak eyes meets it."""

import pytest
from playwright.sync_api import Browser

from tests.browser import PHONE
from tests.journeys.looking import faults_of
from tests.journeys.people import apply_for_card, enters_code, resident_signs_in, sends_phone, staff_signs_in
from tests.stack import Stack, wait_for

pytestmark = pytest.mark.journey


def test_pages_without_sign_in(stack: Stack, browser: Browser) -> None:
    page = browser.new_context(viewport=PHONE).new_page()
    paths = ["/welcome/", "/help/", "/fairness/", "/sign-in/", "/sign-in/staff/", "/sign-up/", "/dev/inbox/"]
    paths += ["/sign-in/inactive/", "/fairness/figures/", "/fairness/complaint/", "/fairness/complaint/state/"]
    faults = [fault for path in paths for fault in faults_of(page, stack.web + path)]
    assert not faults, "\n".join(faults)


def test_pages_on_the_way_in(stack: Stack, browser: Browser) -> None:
    """The code's page and the page that asks who one is are met only while signing in for the first time."""
    page = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    sends_phone(page, stack)
    faults = faults_of(page, page.url)
    enters_code(page, stack)
    page.get_by_role("heading", name="请核对身份").wait_for()
    faults += faults_of(page, page.url)
    assert not faults, "\n".join(faults)


def test_resident_pages(stack: Stack, browser: Browser) -> None:
    page = resident_signs_in(browser, stack)
    ((person_id, card_id),) = stack.query(
        "select u.person_id, s.card_id from accounts_user u join issuance_social_function s using (person_id) "
        "where u.role = 'resident' and u.person_id is not null"
    )
    ((outlet_id, district, bank, bank_name),) = stack.query(
        "select o.outlet_id, coalesce(nullif(o.district_code, ''), 'none'), b.code, b.name_zh from accounts_user u "
        "join banks_outlet o using (outlet_id) join banks_bank b on b.code = o.bank_code where u.username = 'clerk'"
    )
    page.goto(f"{stack.web}/")
    apply_for_card(page, bank_name=bank_name, outlet_id=outlet_id, district=district)
    receipt = page.url
    ((new_card_id,),) = wait_for(
        lambda: stack.query("select card_id from issuance_card where generation = 3 and person_id = %s", person_id)
    )
    paths = [
        *("/", "/apply/", f"/apply/bank/?for={person_id}", f"/apply/collection/?for={person_id}&bank={bank}"),
        f"/apply/check/?for={person_id}&bank={bank}&collection=outlet&outlet={outlet_id}",
        *(
            "/progress/",
            "/appointments/",
            f"/appointments/?for={person_id}",
            f"/cards/{new_card_id}/activate/",
            f"/cards/{card_id}/loss/",
            "/rides/",
            "/messages/",
            "/code/",
            "/sign-out/",
        ),
    ]
    addresses = [receipt, *(stack.web + path for path in paths)]
    faults = [fault for address in addresses for fault in faults_of(page, address)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("role", "paths"),
    [
        ("bank_clerk", ["/work/bank/", "/work/bank/?q=119", "/work/bank/cards/{card}/", "/work/bank/appointments/"]),
        (
            "card_centre",
            [
                "/work/staff/",
                "/work/staff/register/",
                "/work/staff/persons/{person}/",
                "/work/staff/cards/",
                "/work/staff/persons/{person}/history/",
                "/work/staff/persons/{person}/do/phone/-/",
                "/work/cases/",
                "/work/approvals/",
                "/work/exports/",
                "/work/messages/",
                "/work/messages/new/",
                "/work/messages/templates/",
                "/work/messages/templates/new/",
                "/work/password/",
                "/second-factor/",
                "/work/audit/",
                "/work/fairness/",
                "/work/fairness/complaints/",
            ],
        ),
        ("admin", ["/work/accounts/", "/work/accounts/new/", "/work/approvals/"]),
        ("operator", ["/work/statements/"]),
        ("auditor", ["/work/audit/", "/work/statements/", "/work/fairness/"]),
        ("unit", ["/work/"]),
        ("outreach", ["/work/"]),
    ],
)
def test_staff_pages(stack: Stack, browser: Browser, role: str, paths: list[str]) -> None:
    page = staff_signs_in(browser, stack, role)
    cards = stack.query("select card_id, person_id from issuance_card where generation = 3")
    card, person = cards[0] if cards else (0, stack.query("select min(person_id) from registry_person")[0][0])
    filled = [path.format(card=card, person=person) for path in paths if card or "{card}" not in path]
    faults = [fault for path in filled for fault in faults_of(page, stack.web + path)]
    assert not faults, "\n".join(faults)
