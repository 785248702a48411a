"""No bank is ever chosen for anybody: in every situation the list is as drawn, nothing is ticked, and what was shown is kept."""

from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from tests.cast import CLERK, make_bank, make_guardian, make_person
from tests.faces import drawn_file
from yikatong.accounts.models import Role, User
from yikatong.applications.selectors import eligible_banks
from yikatong.banks.models import BankOrderDraw
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.issuance.portraits import keep_portrait
from yikatong.registry.models import InsuredCategory, Membership, Organisation, Person
from yikatong.supervision.models import BankOffer

BANKS = [f"B{number:02d}" for number in range(16)]
TEMPLATES = Path(__file__).resolve().parent.parent.parent / "yikatong" / "portal" / "templates"
pytestmark = pytest.mark.django_db


class Fields(HTMLParser):
    """Every field of a page with its attributes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"input", "option", "select", "button", "textarea"}:
            self.found.append((tag, dict(attrs)))

    @property
    def banks(self) -> list[dict[str, str | None]]:
        return [attributes for _, attributes in self.found if attributes.get("name") == "bank"]


@dataclass(frozen=True)
class Situation:
    """Who opens the page, and how."""

    category: str
    unit_banks: tuple[str, ...] = ()
    collects: bool = False
    pension_bank: str = ""
    is_child: bool = False


SITUATIONS = [
    *(Situation(category) for category in InsuredCategory.values if category != "minor"),
    Situation("minor", is_child=True),
    Situation("employee", unit_banks=("B03", "B09", "B01"), collects=True),
    Situation("employee", unit_banks=("B03",), collects=True),
    Situation("employee", unit_banks=("B03", "B09", "B01")),
    Situation("student", unit_banks=("B15", "B00"), collects=True),
    Situation("retiree", pension_bank="B07"),
    Situation("retiree", pension_bank="GONE"),
]
ADDRESSES = ["", "&bank=B05", "&error=1", "&mode=care", "&bank=B05&collection=post"]


def resident(situation: Situation) -> tuple[Client, Person]:
    """A signed-in resident and the person whose card it will be."""
    born = {"born": utc_now().date().replace(year=utc_now().year - 9, day=1)} if situation.is_child else {}
    person = make_person(1, category=situation.category, **born)
    Person.objects.filter(person_id=person.person_id).update(pension_bank_code=situation.pension_bank)
    if situation.unit_banks:
        Organisation.objects.create(
            credit_code="91110000000000000X",
            kind="school" if situation.category == "student" else "employer",
            name="测试单位",
            district_code="110101",
            bank_codes=list(situation.unit_banks),
            is_enrolled_as_whole=True,
            collects_for_members=situation.collects,
        )
        Membership.objects.create(
            person_id=person.person_id, organisation_code="91110000000000000X", since="2020-01-01"
        )
    acting = person
    if situation.is_child:
        acting = make_person(2)
        make_guardian(person, acting)
    client = Client()
    client.force_login(User.objects.create(username="r", role=Role.RESIDENT, person_id=acting.person_id))
    person.refresh_from_db()
    return client, person


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_the_list_is_as_drawn_and_nothing_is_ticked(situation: Situation) -> None:
    for code in BANKS:
        make_bank(code)
    client, person = resident(situation)
    acting = User.objects.get(username="r").person_id
    today = beijing_day(utc_now())
    allowed = set(eligible_banks(person, acting_person_id=acting, on=today))
    for rest, language in product(ADDRESSES, ("zh-hans", "en")):
        client.cookies["django_language"] = language
        answer = client.get(f"{reverse('portal:apply_bank')}?for={person.person_id}{rest}")
        assert answer.status_code == 200
        fields = Fields(answer.content.decode())
        drawn = BankOrderDraw.objects.get(person_id=person.person_id).bank_codes
        expected = [code for code in drawn if code in allowed]
        assert [bank["value"] for bank in fields.banks] == expected, (
            "as drawn, less the banks that are not to be chosen"
        )
        assert {bank["type"] for bank in fields.banks} == {"radio"}, "no hidden field, no list with a first line"
        assert all("required" in bank for bank in fields.banks)
        ticked = [field for _, field in fields.found if {"checked", "selected", "autofocus"} & set(field)]
        assert ticked == []
        assert BankOffer.objects.get(person_id=person.person_id).bank_codes == expected
    assert sorted(drawn) == BANKS


def test_going_on_without_a_choice_leads_back_to_the_list() -> None:
    for code in BANKS:
        make_bank(code)
    client, person = resident(Situation("flexible"))
    keep_portrait(person.person_id, drawn_file(), by=CLERK, at=utc_now())
    for name in ("portal:apply_collection", "portal:apply_check", "portal:apply_slot"):
        answer = client.get(f"{reverse(name)}?for={person.person_id}&collection=post&address=x")
        assert answer.status_code == 302
        assert answer["location"].startswith(reverse("portal:apply_bank"))


def test_no_page_of_the_portal_ticks_a_bank() -> None:
    """The only place where a bank's field may come back ticked is the report of a bank's conduct, as it was typed."""
    found = []
    for path in sorted(TEMPLATES.rglob("*.html")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if 'name="bank"' in line and ("checked" in line or "selected" in line):
                found.append(path.name)
    assert found == ["complaint.html"]
