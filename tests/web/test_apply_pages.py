"""Applying over HTTP: once however often it is sent, nobody else's, nothing lost, nothing asked twice."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.cast import CLERK, active_card, make_bank, make_guardian, make_person
from tests.faces import drawn_file
from tests.web.applying import applicant, chooses, hidden_of, signed_in, submits
from yikatong.accounts.models import ConsoleMessage
from yikatong.applications import drafts
from yikatong.applications.models import Application, Draft
from yikatong.applications.rules import promised_by
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.campaign.models import Appointment, HalfDay
from yikatong.city.banking import Offer
from yikatong.city.rules import rules_at
from yikatong.delegation.rules import Act
from yikatong.delegation.services import Terms, give, revoke
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.issuance.models import Portrait
from yikatong.issuance.portraits import KEPT_DAYS, drop_used_portraits
from yikatong.portal import bank_facts
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher

pytestmark = pytest.mark.django_db
PHOTO = "/apply/photo/"


def upload(**wrong: object) -> SimpleUploadedFile:
    return SimpleUploadedFile("photo.jpg", drawn_file(**wrong), "image/jpeg")  # type: ignore[arg-type]


def gives(client: Client, person: Person, **answers: object) -> tuple[int, str]:
    form = {"for": person.person_id, "consent": "1", "photo": upload()} | answers
    answer = client.post(PHOTO, {name: value for name, value in form.items() if value is not None})
    return answer.status_code, answer.content.decode()


def ready_to_check(person: Person) -> Client:
    make_bank()
    client = applicant(person)
    chooses(client, person, "bank", bank="ICBC")
    chooses(client, person, "collection", collection="post", address="某街 1 号 🏠")
    return client


@pytest.mark.parametrize(
    ("language", "said"),
    [("zh-hans", "优惠：首年免年费（至 2030-01-31）"), ("en", "Offer: No fee &amp; no wait (until 2030-01-31)")],
)
def test_what_a_bank_offers_stands_on_its_card(monkeypatch: pytest.MonkeyPatch, language: str, said: str) -> None:
    person, _ = make_person(1), [make_bank(), make_bank("ABC")]
    words = {"text_zh": "首年免年费", "text_en": "No fee & no wait", "source": "a test"}
    offer = Offer(code="ICBC", effective_from=date(2026, 1, 1), ends_on=date(2030, 1, 31), **words)
    monkeypatch.setattr(bank_facts, "offers_at", lambda day: {"ICBC": offer})
    client = signed_in(person)
    gives(client, person)
    client.cookies["django_language"] = language
    page = client.get("/apply/bank/", {"for": person.person_id}).content.decode()
    assert page.count(said) == 1
    assert page.count({"zh-hans": "优惠：无登记", "en": "Offers: none registered"}[language]) == 1


def test_each_page_leads_to_the_next_and_the_receipt_can_be_printed() -> None:
    person, outlet = make_person(1), make_bank()
    client = signed_in(person)
    assert client.get("/apply/")["location"].startswith(PHOTO)
    assert gives(client, person)[0] == 302
    assert "照片可以用" in client.get(PHOTO, {"for": person.person_id}).content.decode()
    picture = client.get("/apply/photo/image/", {"for": person.person_id})
    assert (picture["content-type"], picture.content[:2]) == ("image/jpeg", b"\xff\xd8")
    assert "no-store" in picture["cache-control"]
    assert chooses(client, person, "bank", bank="ICBC").startswith("/apply/collection/")
    assert chooses(client, person, "collection", collection="outlet", outlet=outlet.outlet_id).startswith(
        "/apply/slot/"
    )
    client.get("/apply/slot/", {"for": person.person_id})  # nothing to choose from, so it is not asked
    page = client.get("/apply/check/", {"for": person.person_id}).content.decode()
    assert page.count("修改<span") == 4
    receipt = client.get(submits(client, person)).content.decode()
    assert re.search(r'class="receipt receipt--number">\d{8}-[0-9A-F]{4}-[0-9A-F]{4}<', receipt)
    assert 'id="print"' in receipt
    assert not Draft.objects.exists()


def test_no_address_of_a_page_holds_what_was_answered() -> None:
    person = make_person(1)
    client = ready_to_check(person)
    page = client.get("/apply/collection/", {"for": person.person_id}).content.decode()
    forms = re.findall(r'<form method="get"[^>]*>.*?</form>', page, re.DOTALL)
    assert all("address" not in form for form in forms)
    assert "某街" not in str(Draft.objects.values())


def test_sent_twice_reloaded_and_gone_back_applies_once() -> None:
    person = make_person(1)
    client = ready_to_check(person)
    form = hidden_of(client, person)
    receipts = {client.post("/apply/check/", form)["location"] for _ in range(3)}
    assert len(receipts) == 1
    assert Application.objects.count() == 1
    back = client.get("/apply/check/", {"for": person.person_id})
    assert back.status_code == 302
    assert client.get("/apply/")["location"] in receipts
    assert client.post("/apply/check/", form)["location"] in receipts


def test_two_tabs_submit_what_was_checked_last() -> None:
    person = make_person(1)
    client = ready_to_check(person)
    first_tab = hidden_of(client, person)
    chooses(client, person, "collection", collection="post", address="另一条街 2 号")
    answer = client.post("/apply/check/", first_tab)
    assert answer.status_code == 422
    assert "在另一个窗口里改过了" in answer.content.decode()
    assert "另一条街 2 号" in answer.content.decode()
    assert not Application.objects.exists()
    submits(client, person)
    kept = Application.objects.get()
    assert field_cipher().open("address", bytes(kept.address_sealed or b"")) == "另一条街 2 号"
    assert client.post("/apply/check/", first_tab).status_code == 302
    assert Application.objects.count() == 1


def test_whoever_comes_back_goes_on_or_begins_anew_and_after_thirty_days_nothing_is_kept() -> None:
    person = make_person(1)
    client = ready_to_check(person)
    page = client.get("/apply/").content.decode()
    assert "继续上次的申请" in page
    assert client.post("/apply/", {"for": person.person_id})["location"].startswith("/apply/check/")
    client.post("/apply/", {"for": person.person_id, "action": "anew"})
    assert not Draft.objects.exists()
    chooses(client, person, "bank", bank="ICBC")
    late = utc_now() + timedelta(days=drafts.KEPT_DAYS + 1)
    assert drafts.draft_of(person.person_id, person.person_id, at=late) is None
    assert drafts.forget_old(at=utc_now()) == 0
    assert drafts.forget_old(at=late) == 1


@pytest.mark.parametrize(
    "step", ["", "photo/", "photo/image/", "photo/help/", "bank/", "collection/", "slot/", "check/"]
)
@pytest.mark.parametrize("whose", ["stranger", "nobody", "text"])
def test_another_persons_number_opens_nothing(step: str, whose: str) -> None:
    person, stranger = make_person(1), make_person(2)
    ready_to_check(stranger)
    client = signed_in(person)
    number = {"stranger": str(stranger.person_id), "nobody": "999999", "text": "1 or 1=1"}[whose]
    assert client.get(f"/apply/{step}", {"for": number}).status_code == 404
    if step not in {"photo/image/", "photo/help/"}:
        assert client.post(f"/apply/{step}", {"for": number, "bank": "ICBC"}).status_code == 404


@pytest.mark.parametrize("number", ["", "x", str(uuid4.__name__)])
def test_a_made_up_number_submits_nothing(number: str) -> None:
    person = make_person(1)
    client = ready_to_check(person)
    form = hidden_of(client, person) | {"application_id": number}
    assert client.post("/apply/check/", form).status_code == 404
    assert not Application.objects.exists()


def test_another_number_than_the_drafts_is_not_taken() -> None:
    person = make_person(1)
    client = ready_to_check(person)
    form = hidden_of(client, person) | {"application_id": "00000000-0000-4000-8000-000000000001"}
    assert client.post("/apply/check/", form).status_code == 422
    assert not Application.objects.exists()


@pytest.mark.parametrize(
    ("step", "answers", "says"),
    [
        ("bank", {}, "请选一家银行"),
        ("bank", {"bank": "NONE"}, "请选一家银行"),
        ("collection", {}, "请选择领卡方式"),
        ("collection", {"collection": "rocket"}, "请选择领卡方式"),
        ("collection", {"collection": "post", "address": "  "}, "请填写地址"),
        ("collection", {"collection": "visit"}, "请填写地址"),
        ("collection", {"collection": "outlet", "outlet": "ABC-1"}, "请选择领卡网点"),
    ],
)
def test_what_is_missing_is_told_beside_its_field(step: str, answers: dict[str, str], says: str) -> None:
    person = make_person(1)
    client = ready_to_check(person)
    make_bank("ABC")
    answer = client.post(f"/apply/{step}/", {"for": person.person_id} | answers)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert says in page
    for target in re.findall(r'href="#([\w-]+)">' + says, page):
        assert f'id="{target}"' in page


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"photo": None}, "请拍一张照片"),
        ({"consent": None}, "敏感个人信息"),
        ({"photo": SimpleUploadedFile("a.jpg", b"<html>", "image/jpeg")}, "不是可用的照片"),
        ({"photo": SimpleUploadedFile("a.jpg", b"x" * (10 * 2**20 + 1), "image/jpeg")}, "超过 10 MB"),
        ({"photo": SimpleUploadedFile("a.heic", b"\0\0\0\x18ftypheic" + bytes(9), "image/heic")}, "HEIC"),
    ],
)
def test_what_is_no_photograph_is_told_and_not_kept(answers: dict[str, object], says: str) -> None:
    person = make_person(1)
    status, page = gives(signed_in(person), person, **answers)
    assert status == 422
    assert says in page
    assert "仍要使用" not in page
    assert not Portrait.objects.exists()


def test_a_machines_doubt_can_be_insisted_on_and_is_recorded() -> None:
    person = make_person(1)
    client = signed_in(person)
    status, page = gives(client, person, photo=upload(busy=True))
    assert status == 422
    assert "背景不是干净" in page
    assert "仍要使用" in page
    assert gives(client, person, photo=upload(busy=True), insist="1")[0] == 302
    assert AuditEvent.objects.get(action="person.portrait_kept").details["insisted_on"] == ["background"]
    assert gives(client, person, photo=upload(faces=2), insist="1")[0] == 422, "two faces cannot be insisted on"


def test_a_photograph_the_register_has_is_not_asked_for_nor_shown() -> None:
    person = make_person(1)
    client = applicant(person)
    assert client.get(PHOTO, {"for": person.person_id})["location"].startswith("/apply/bank/")
    assert client.get("/apply/photo/image/", {"for": person.person_id}).status_code == 404
    assert gives(client, person)[0] == 302
    assert Portrait.objects.get().consented_at is None


def test_consent_withdrawn_deletes_the_photograph_and_so_does_cancelling() -> None:
    person = make_person(1)
    client = signed_in(person)
    gives(client, person)
    assert Portrait.objects.get().consented_by_person_id == person.person_id
    client.post(PHOTO, {"for": person.person_id, "action": "delete"})
    assert not Portrait.objects.exists()
    make_bank()
    gives(client, person)
    chooses(client, person, "bank", bank="ICBC")
    chooses(client, person, "collection", collection="post", address="某街 1 号")
    receipt = submits(client, person)
    assert Portrait.objects.exists()
    client.post(receipt)
    assert Application.objects.get().state == "cancelled"
    assert not Portrait.objects.exists()
    reasons = AuditEvent.objects.filter(action="person.portrait_deleted").order_by("event_id")
    assert [event.details["reason"] for event in reasons] == ["consent_withdrawn", "application_cancelled"]


def test_a_photograph_goes_when_its_card_has_been_there_a_month() -> None:
    applied, idle = make_person(1), make_person(2)
    client = signed_in(applied)
    make_bank()
    gives(client, applied)
    gives(signed_in(idle), idle)
    chooses(client, applied, "bank", bank="ICBC")
    chooses(client, applied, "collection", collection="post", address="某街 1 号")
    submits(client, applied)
    assert drop_used_portraits(at=utc_now()) == 0
    late = utc_now() + timedelta(days=KEPT_DAYS + 1)
    assert drop_used_portraits(at=late) == 1, "who never applied"
    Application.objects.update(state="collected")
    assert drop_used_portraits(at=late) == 1
    assert drop_used_portraits(at=late) == 0


def test_a_half_day_is_chosen_with_the_application_and_kept() -> None:
    person, outlet = make_person(1), make_bank()
    client = applicant(person)
    today = beijing_day(utc_now())
    first = promised_by("first", today, rules_at(today))
    for number in range(2):
        HalfDay.objects.create(outlet_id=outlet.outlet_id, day=first + timedelta(days=number), half="am", capacity=1)
    chooses(client, person, "bank", bank="ICBC")
    chooses(client, person, "collection", collection="outlet", outlet=outlet.outlet_id)
    page = client.get("/apply/slot/", {"for": person.person_id}).content.decode()
    assert f'value="{first}/am"' in page
    assert client.post("/apply/slot/", {"for": person.person_id, "slot": "2020-01-01/am"}).status_code == 422
    chooses(client, person, "slot", slot=f"{first}/am")
    form = hidden_of(client, person)
    for _ in range(2):
        client.post("/apply/check/", form)
    kept = Appointment.objects.get()
    assert (kept.day, kept.state) == (first, "kept")

    other = make_person(2)
    late = applicant(other)
    chooses(late, other, "bank", bank="ICBC")
    chooses(late, other, "collection", collection="outlet", outlet=outlet.outlet_id)
    chooses(late, other, "slot", slot=f"{first + timedelta(days=1)}/am")
    HalfDay.objects.filter(day=first + timedelta(days=1)).update(capacity=0)
    page = late.get(submits(late, other)).content.decode()
    assert "刚刚约满" in page, "the application stands"


@pytest.mark.parametrize("way", ["post", "visit"])
def test_post_and_visit_keep_the_address_sealed(way: str) -> None:
    person = make_person(1)
    client = ready_to_check(person)
    chooses(client, person, "collection", collection=way, address="𠮷祥胡同 3 号")
    assert "𠮷祥胡同 3 号" in client.get("/apply/check/", {"for": person.person_id}).content.decode()
    submits(client, person)
    kept = Application.objects.get()
    assert (kept.collection, field_cipher().open("address", bytes(kept.address_sealed or b""))) == (
        way,
        "𠮷祥胡同 3 号",
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("𠮷田", "“𠮷”是生僻字"),
        ("阿卜杜热合曼·买买提·艾合买提江·依力", "“阿卜杜热合曼·买买提·艾合买提”和“江·依力”"),
        ("长" * 26, "“长”写不下"),
        ("张三", ""),
    ],
)
def test_how_a_name_stands_on_the_card_is_told_before_it_is_made(name: str, says: str) -> None:
    person = make_person(1)
    Person.objects.filter(pk=person.pk).update(name_sealed=field_cipher().seal("name", name))
    page = ready_to_check(person).get("/apply/check/", {"for": person.person_id}).content.decode()
    assert ("姓名在卡上的写法" in page) is bool(says)
    assert says in page


def test_the_receipt_goes_by_sms_to_whoever_applied_without_any_name(
    django_capture_on_commit_callbacks: object,
) -> None:
    mother, child = make_person(1), make_person(2, born=date(2016, 5, 1), category="minor")
    make_guardian(child, mother)
    outlet = make_bank()
    client = applicant(mother, photo_of=child)
    assert f"?for={child.person_id}" in client.get("/apply/").content.decode()
    chooses(client, child, "bank", bank="ICBC")
    chooses(client, child, "collection", collection="outlet", outlet=outlet.outlet_id)
    client.get("/apply/slot/", {"for": child.person_id})
    form = hidden_of(client, child)
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            client.post("/apply/check/", form)
    sent = ConsoleMessage.objects.get()
    text = field_cipher().open("sms", bytes(sent.body_sealed))
    assert sent.to_masked == "102****0001"
    assert re.search(r"回执号 \d{8}-[0-9A-F]{4}-[0-9A-F]{4}", text)
    assert "测试" not in text
    assert "ICBC" not in text


def test_a_son_applies_for_his_mother_while_she_lets_him() -> None:
    mother, son = make_person(1, born=date(1950, 1, 1), category="retiree"), make_person(2)
    make_bank()
    client = applicant(son, photo_of=mother)
    assert client.get("/apply/bank/", {"for": mother.person_id}).status_code == 404
    terms = Terms(acts=(Act.APPLY,), until=beijing_day(utc_now()) + timedelta(days=90))
    by = Actor("resident", str(mother.person_id))
    given = give(mother.person_id, son.person_id, terms, delegation_id=uuid4(), by=by, at=utc_now())
    chooses(client, mother, "bank", bank="ICBC")
    chooses(client, mother, "collection", collection="post", address="某街 1 号")
    revoke(given.delegation_id, principal_person_id=mother.person_id, by=CLERK, at=utc_now())
    assert client.get("/apply/check/", {"for": mother.person_id}).status_code == 404
    give(mother.person_id, son.person_id, terms, delegation_id=uuid4(), by=by, at=utc_now())
    submits(client, mother)
    assert Application.objects.get().applicant_person_id == son.person_id
    assert client.get("/progress/").content.decode().count(field_cipher().open("name", bytes(mother.name_sealed))) == 0


@pytest.mark.parametrize(
    ("step", "most"), [("photo", 14), ("bank", 24), ("collection", 22), ("slot", 20), ("check", 24), ("", 20)]
)
def test_a_page_asks_the_database_a_fixed_number_of_times(
    step: str, most: int, django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    """Look-ups by key alone, however large the register is. A day's first look at the banks draws their order besides."""
    person, outlet = make_person(1), make_bank()
    client = applicant(person)
    chooses(client, person, "bank", bank="ICBC")
    chooses(client, person, "collection", collection="outlet", outlet=outlet.outlet_id)
    today = beijing_day(utc_now())
    HalfDay.objects.create(
        outlet_id=outlet.outlet_id, day=promised_by("first", today, rules_at(today)), half="am", capacity=1
    )
    address = f"/apply/{step}/".replace("//", "/")
    client.get(address, {"for": person.person_id})
    with django_assert_max_num_queries(most):
        assert client.get(address, {"for": person.person_id}).status_code in {200, 302}


def test_whoever_holds_the_new_card_is_told_at_once_and_not_at_the_end() -> None:
    person = make_person(1)
    active_card(person, make_bank(), at=utc_now())
    page = signed_in(person).get("/apply/").content.decode()
    assert "已持有第三代社保卡" in page
    assert "照片" not in page
