"""My data on the web: what is kept, who looked, consents, the export, requests; nobody sees another's."""

import json
import re
from collections.abc import Iterable
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client

from tests.cast import active_card, make_bank, make_guardian, make_person
from tests.web.residents import last_code, last_message, resident, text_of
from yikatong.acceptance.models import Operator, Tap, Terminal, Venue
from yikatong.accounts.models import Role, User
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.audit.services import record
from yikatong.consent.models import ConsentEntry, DataRequest
from yikatong.foundation.clock import utc_now
from yikatong.portal.personal_data import SECTIONS
from yikatong.portal.privacy_words import CATEGORIES
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view

pytestmark = pytest.mark.django_db
PAGES = ("stored", "seen", "consents", "consents/photo", "export", "request")


def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create(username="centre", role=Role.CARD_CENTRE))
    return client


def used_at(card_id: int, venue: str, scenario: str, number: int) -> None:
    """The card was shown at a place and accepted."""
    operator, _ = Operator.objects.get_or_create(
        code=scenario.upper(),
        defaults={"name_zh": scenario, "name_en": scenario, "scenario": scenario, "source": "test"},
    )
    place = Venue.objects.create(venue_id=f"V{number}", operator=operator, name=venue)
    terminal = Terminal.objects.create(
        terminal_id=f"{number:012d}",
        venue=place,
        purpose="identity",
        public_key=b"",
        certificate_der=b"",
        registered_at=utc_now(),
    )
    Tap.objects.create(
        terminal_id=terminal.terminal_id,
        sequence=1,
        digest=b"",
        card_id=card_id,
        kind="identify",
        at=utc_now(),
        received_at=utc_now(),
        outcome="accepted",
    )


def test_what_is_kept_is_masked_until_asked_for_and_asking_is_recorded() -> None:
    person = make_person(1)
    card, number = active_card(person, make_bank(), at=utc_now()), clear_view(person).identity_number
    client = resident(person)
    page = text_of(client, "/privacy/stored/")
    assert number not in page
    assert card.card_number not in page
    assert "102****0001" in page
    assert all(str(category.title) in page for category in CATEGORIES)
    assert not AuditEvent.objects.filter(action="person.shown_to_themselves").exists()
    page = client.post("/privacy/stored/").content.decode()
    assert number in page
    assert card.card_number in page
    assert AuditEvent.objects.filter(action="person.shown_to_themselves", person_id=person.person_id).count() == 1


def test_every_kind_that_is_told_is_in_the_export() -> None:
    assert {category.section for category in CATEGORIES} <= set(SECTIONS)


def test_who_looked_is_told_by_role_and_organisation_without_names_a_page_at_a_time() -> None:
    person, other = make_person(1), make_person(2)
    outlet = make_bank()
    User.objects.create(username="zhang.wei", role=Role.BANK_CLERK, outlet_id=outlet.outlet_id)
    client = resident(person)
    assert "还没有工作人员查看或处理过" in text_of(client, "/privacy/seen/")
    for number in range(25):
        by = Actor("clerk", "zhang.wei")
        record("person.shown", subject="x", by=by, at=utc_now(), person_id=person.person_id, number=number)
    centre = staff()
    answer = centre.post(
        f"/work/staff/persons/{person.person_id}/", {"field": "name", "reason": "other", "note": "核对领卡人身份"}
    )
    assert answer.status_code == 302
    record(
        "person.revealed",
        subject="x",
        by=Actor("staff", "centre"),
        at=utc_now(),
        person_id=other.person_id,
        reason="别人",
    )
    page = text_of(client, "/privacy/seen/")
    assert "社保卡中心工作人员" in page
    assert "核对领卡人身份" in page
    assert "ICBC one" in page
    assert "zhang.wei" not in page
    assert "别人" not in page
    assert page.count("<li>") == 20
    (before,) = re.findall(r"before=(\d+)", page)
    assert text_of(client, f"/privacy/seen/?before={before}").count("<li>") == 6
    for odd in ("x", "-1", "9" * 30):
        assert text_of(client, f"/privacy/seen/?before={odd}")


def test_a_consent_is_given_and_taken_back_and_says_what_stops_and_what_stays() -> None:
    person = make_person(1)
    client = resident(person)
    page = text_of(client, "/privacy/consents/photo/")
    assert "制卡记录依法留存" in page
    assert client.post("/privacy/consents/photo/", {"action": "give"}).status_code == 302
    page = text_of(client, "/privacy/consents/")
    assert "已同意" in page
    assert client.post("/privacy/consents/photo/", {"action": "withdraw"}).status_code == 302
    assert [entry.is_given for entry in ConsentEntry.objects.order_by("entry_id")] == [True, False]
    assert client.get("/privacy/consents/selling/").status_code == 404
    assert client.post("/privacy/consents/photo/", {"action": "x"}).status_code == 404


def test_uses_are_listed_until_switched_off_and_places_of_care_only_by_consent() -> None:
    person = make_person(1)
    card = active_card(person, make_bank(), at=utc_now())
    used_at(card.card_id, "首都图书馆", "library", 1)
    used_at(card.card_id, "某某医院", "medical", 2)
    client = resident(person)
    page = text_of(client, "/rides/")
    assert "首都图书馆" in page
    assert "某某医院" not in page
    assert "医疗机构" in page
    client.post("/privacy/consents/health/", {"action": "give"})
    assert "某某医院" in text_of(client, "/rides/")
    client.post("/privacy/consents/usage_list/", {"action": "withdraw"})
    page = text_of(client, "/rides/")
    assert "首都图书馆" not in page
    assert "/privacy/consents/usage_list/" in page
    before = (utc_now().date().replace(day=1) - timedelta(days=40)).strftime("%Y-%m")
    client.post("/privacy/consents/usage_list/", {"action": "give"})
    assert "还没有用卡记录" in text_of(client, f"/rides/?month={before}")


def test_a_young_childs_uses_need_the_guardians_consent() -> None:
    mother, child = make_person(1), make_person(2, born=date(2018, 1, 1), category="minor", generation=0)
    make_guardian(child, mother)
    client = resident(mother)
    url = f"/rides/?for={child.person_id}"
    assert "需要您先同意" in text_of(client, url)
    answer = client.post(f"/privacy/consents/child/?for={child.person_id}", {"action": "give"})
    assert answer.status_code == 302
    assert "还没有用卡记录" in text_of(client, url)
    assert ConsentEntry.objects.get().by_person_id == mother.person_id
    assert client.get("/privacy/consents/child/").status_code == 404, "not asked of a grown-up"


def test_all_data_come_as_a_file_after_a_code_once() -> None:
    person = make_person(1)
    card = active_card(person, make_bank(), at=utc_now())
    used_at(card.card_id, "首都图书馆", "library", 1)
    record(
        "person.revealed",
        subject="x",
        by=Actor("staff", "centre"),
        at=utc_now(),
        person_id=person.person_id,
        reason="核对",
    )
    client, url = resident(person), "/privacy/export/"
    assert client.post(url, {"action": "export", "code": "123456", "format": "json"}).status_code == 422
    client.post(url, {"action": "send"})
    phone, text = last_message()
    assert (phone, "下载本人的全部个人信息" in text) == ("102****0001", True)
    form = {"action": "export", "code": last_code(), "format": "json"}
    answer = client.post(url, form)
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith('attachment; filename="yikatong-')
    assert "no-store" in answer["Cache-Control"]
    data = json.loads(answer.content)
    assert data["format"] == "yikatong.person-data/1"
    assert data["identity"][0]["identity_number"] == clear_view(person).identity_number
    assert data["cards"][0]["card_number"] == card.card_number
    assert data["uses"][0]["place"] == "首都图书馆"
    assert data["seen_by"][0]["reason"] == "核对"
    assert "centre" not in answer.content.decode()
    again = client.post(url, form)
    assert again.status_code == 422
    assert "已经用过" in again.content.decode()
    assert AuditEvent.objects.filter(action="person.exported_by_themselves", person_id=person.person_id).count() == 1


def test_the_readable_file_holds_the_same() -> None:
    person = make_person(1)
    client = resident(person)
    client.post("/privacy/export/", {"action": "send"})
    answer = client.post("/privacy/export/", {"action": "export", "code": last_code(), "format": "html"})
    assert answer["Content-Type"].startswith("text/html")
    page = answer.content.decode()
    assert clear_view(person).identity_number in page
    assert all(f"<h2>{section}</h2>" in page for section in SECTIONS)


def test_a_request_is_made_once_answered_by_the_centre_and_read() -> None:
    person = make_person(1)
    client, url = resident(person), "/privacy/request/"
    page = text_of(client, url)
    assert "不能删除的" in page
    (number,) = re.findall(r'name="request_id" value="([^"]+)"', page)
    form = {"request_id": number, "kind": "deletion", "text": "请删除我的旧照片"}
    assert client.post(url, form | {"kind": "x"}).status_code == 422
    assert client.post(url, form | {"text": " "}).status_code == 422
    assert client.post(url, form | {"request_id": "x"}).status_code == 404
    for _ in range(2):
        assert client.post(url, form).status_code == 302
    assert DataRequest.objects.count() == 1
    centre = staff()
    address = f"/work/staff/data-requests/{person.person_id}/{number}/"
    assert address in text_of(centre, "/work/staff/data-requests/")
    assert "请删除我的旧照片" in text_of(centre, address)
    assert centre.post(address, {"answer": ""}).status_code == 422
    assert centre.post(address, {"answer": "已删除；制卡记录依法保留"}).status_code == 302
    assert centre.post(address, {"answer": "再来"}).status_code == 422
    assert centre.get(f"/work/staff/data-requests/{person.person_id}/{UUID(int=1)}/").status_code == 404
    assert "没有待答复的要求" in text_of(centre, "/work/staff/data-requests/")
    page = text_of(client, url)
    assert "已删除；制卡记录依法保留" in page
    assert "打开了您关于信息的要求" in text_of(client, "/privacy/seen/")


def addresses(person: Person) -> Iterable[str]:
    return [f"/privacy/{page}/?for={person.person_id}" for page in PAGES]


def test_nobody_sees_anothers_data_and_a_guardian_only_while_it_lasts() -> None:
    mother, child, stranger = make_person(1), make_person(2, born=date(2018, 1, 1), category="minor"), make_person(3)
    make_guardian(child, mother)
    theirs, hers = resident(stranger), resident(mother)
    for url in [*addresses(mother), *addresses(child), f"/rides/?for={child.person_id}"]:
        assert theirs.get(url).status_code == 404, url
        assert theirs.post(url, {"action": "give"}).status_code in {404, 405}, url
    for url in addresses(child):
        assert hers.get(url).status_code == 200, url
    assert hers.post(f"/privacy/request/?for={stranger.person_id}", {"request_id": str(uuid4())}).status_code == 404
    assert hers.get("/privacy/stored/?for=x").status_code == 404
    assert not ConsentEntry.objects.exists()
