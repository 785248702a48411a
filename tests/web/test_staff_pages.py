"""The card centre's pages over HTTP: searching, seeing for a reason, doing with confirmation, what the pages refuse."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from tests.cast import NOON, active_card, application_for, make_bank, make_person
from yikatong.accounts.models import Role, SentMessage, User
from yikatong.applications.services import submit
from yikatong.approvals.models import ApprovalRequest, RequestState
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.foundation.clock import utc_now
from yikatong.foundation.identifiers import new_uuid7
from yikatong.issuance.models import Card, SocialState
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.selectors import clear_view
from yikatong.workbench import revealing, searching

REGISTER = "/work/staff/register/"
pytestmark = pytest.mark.django_db


def signed_in(role: str = Role.CARD_CENTRE, name: str = "centre") -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(User.objects.get_or_create(username=name, defaults={"role": role})[0])
    return client


def page_of(person: Person) -> str:
    return f"/work/staff/persons/{person.person_id}/"


def found_by(client: Client, **typed: str) -> str:
    answer = client.post(REGISTER, typed, follow=True)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def ways_to(person: Person) -> dict[str, dict[str, str]]:
    view, outlet = clear_view(person), make_bank()
    application = submit(application_for(person, outlet), by=Actor("clerk", "test"), at=NOON)
    tail = view.identity_number[-4:]
    return {
        "identity number": {"q": f" {view.identity_number[:6]} {view.identity_number[6:]}"},
        "phone": {"q": view.phone},
        "application": {"q": str(application.application_id)},
        "tail and name": {"tail": tail, "name": view.name},
        "tail and birth date": {"tail": tail.lower(), "born": person.birth_date.isoformat()},
        "tail, name and birth date": {"tail": tail, "name": view.name, "born": person.birth_date.isoformat()},
        "name": {"name": f" {view.name} "},
        "name and district": {"name": view.name, "district": "110101"},
    }


def test_everybody_is_found_in_every_way_and_only_they() -> None:
    client, person, other = signed_in(), make_person(1), make_person(2)
    view = clear_view(person)
    for way, typed in ways_to(person).items():
        page = found_by(client, **typed)
        assert page_of(person) in page, way
        assert page_of(other) not in page, way
        assert view.identity_number not in page, "masked"
    kinds = set(AuditEvent.objects.filter(action="register.searched").values_list("subject", flat=True))
    assert kinds == {"search:number", "search:tail_name", "search:tail_birth", "search:name"}
    recorded = str(list(AuditEvent.objects.filter(action="register.searched").values()))
    assert view.phone not in recorded
    assert view.name not in recorded


def test_what_was_looked_for_does_not_stand_in_the_address() -> None:
    person = make_person(1)
    view = clear_view(person)
    answer = signed_in().post(REGISTER, {"tail": view.identity_number[-4:], "name": view.name})
    assert answer.status_code == 302
    assert view.identity_number[-4:] not in answer["location"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({}, "请填写号码，或姓名"),
        ({"tail": "1234"}, "请同时填写姓名或出生日期"),
        ({"tail": "12Y4", "name": "某人"}, "三个数字加一个数字或字母 X"),
        ({"tail": "1234", "born": "1980/5/17"}, "1980-05-17 的格式"),
    ],
)
def test_what_is_wrong_with_a_search_is_said_and_nothing_is_searched(typed: dict[str, str], words: str) -> None:
    answer = signed_in().post(REGISTER, typed)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not AuditEvent.objects.exclude(action="account.signed_in").exists()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"q": "10299999999"}, "都没有这个号码"),
        ({"q": "\x00"}, "请填写号码"),
        ({"name": "没有此人"}, "没有这个姓名的人"),
        ({"tail": "0000", "name": "没有此人"}, "都相符的人"),
        ({"tail": "0000", "born": "1900-01-01"}, "都相符的人"),
    ],
)
def test_nobody_found_is_said_in_words(typed: dict[str, str], words: str) -> None:
    assert words in signed_in().post(REGISTER, typed, follow=True).content.decode()


@pytest.mark.parametrize("token", ["x", "", "AAAA", "%00", "A" * 4000])
def test_a_question_that_nobody_sealed_is_none(token: str) -> None:
    answer = signed_in().get(REGISTER, {"s": token}, follow=True)
    assert answer.status_code == 200
    assert "找到" not in answer.content.decode()


def test_an_account_looks_up_so_many_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "SEARCHES_PER_HOUR", 2)
    client, person = signed_in(), make_person(1)
    typed = {"q": clear_view(person).phone}
    assert [client.post(REGISTER, typed, follow=True).status_code for _ in range(3)] == [200, 200, 429]
    assert signed_in(name="other").post(REGISTER, typed, follow=True).status_code == 200
    assert AuditEvent.objects.filter(action="register.search_refused").count() == 1


def test_many_of_a_name_come_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [make_person(serial) for serial in range(1, 120)]
    first = people[0]
    Person.objects.update(name_number=first.name_number, name_sealed=first.name_sealed)
    page = found_by(signed_in(), name=clear_view(first).name)
    assert "找到 119 人" in page
    assert page.count("查看 ") == 50
    following = re.search(r'rel="next" href="(\?[^"]+)"', page)
    assert following
    second = signed_in().get(REGISTER + following[1].replace("&amp;", "&")).content.decode()
    assert page_of(people[50]) in second
    assert page_of(people[49]) not in second


def test_one_field_is_revealed_for_a_reason_and_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    client, person = signed_in(), make_person(1)
    view = clear_view(person)
    answer = client.post(page_of(person), {"field": ["phone"], "reason": "holder_calls"}, follow=True)
    page = answer.content.decode()
    assert view.phone in page
    assert view.identity_number not in page
    assert view.phone not in signed_in(name="other").get(page_of(person)).content.decode()
    event = AuditEvent.objects.get(action="person.revealed")
    assert (event.details["fields"], event.details["reason"]) == (["phone"], "holder_calls")
    later = utc_now() + revealing.SHOWN_FOR + timedelta(seconds=1)
    monkeypatch.setattr("yikatong.workbench.person.utc_now", lambda: later)
    assert view.phone not in client.get(page_of(person)).content.decode()


def test_what_is_revealed_can_be_hidden_again() -> None:
    client, person = signed_in(), make_person(1)
    client.post(page_of(person), {"field": ["phone"], "reason": "holder_calls"})
    client.post(page_of(person), {"action": "hide"})
    assert clear_view(person).phone not in client.get(page_of(person)).content.decode()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"reason": "holder_calls"}, "请选择要查看的信息"),
        ({"field": ["phone"]}, "请选择查看原因"),
        ({"field": ["phone"], "reason": "x"}, "请选择查看原因"),
        ({"field": ["phone"], "reason": "other", "note": "看"}, "至少四个字"),
        ({"field": ["password"], "reason": "holder_calls"}, "请选择要查看的信息"),
    ],
)
def test_nothing_is_revealed_without_a_reason(asked: dict[str, Any], words: str) -> None:
    person = make_person(1)
    answer = signed_in().post(page_of(person), asked)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert clear_view(person).phone not in answer.content.decode()
    assert not AuditEvent.objects.filter(action="person.revealed").exists()


def test_reveals_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revealing, "PER_HOUR", 1)
    client, person = signed_in(), make_person(1)
    asked = {"field": ["phone"], "reason": "holder_calls"}
    assert [client.post(page_of(person), asked).status_code for _ in range(2)] == [302, 422]


def test_who_looked_is_told_once_in_a_while() -> None:
    client, person = signed_in(), make_person(1)
    for _ in range(3):
        client.get(page_of(person))
    assert AuditEvent.objects.filter(action="person.viewed", person_id=person.person_id).count() == 1
    looks = client.get(page_of(person) + "history/?what=looks").content.decode()
    assert "staff:centre" in looks


def test_a_card_is_lost_and_found_with_confirmation() -> None:
    client, outlet = signed_in(), make_bank()
    card = active_card(make_person(1), outlet)
    person = Person.objects.get()

    def do(what: str) -> int:
        return client.post(f"{page_of(person)}do/{what}/{card.card_id}/").status_code

    assert "卡片立即停用 10 天" in client.get(f"{page_of(person)}do/prelose/{card.card_id}/").content.decode()
    assert [do("prelose"), do("unlose"), do("lose"), do("prelose")] == [302, 302, 302, 422]
    card.refresh_from_db()
    assert card.social_state == SocialState.ENDED
    by = set(AuditEvent.objects.filter(action__startswith="card.pre_report").values_list("actor", flat=True))
    assert by == {"staff:centre"}


def test_ending_a_social_function_takes_two() -> None:
    card = active_card(make_person(1), make_bank())
    person = Person.objects.get()
    form = {"request_id": str(uuid4()), "end_reason": "holder_died", "reason": "家属提交死亡证明"}
    address = signed_in().post(f"{page_of(person)}do/end/{card.card_id}/", form)["location"]
    card.refresh_from_db()
    assert card.social_state == SocialState.ACTIVE
    own = signed_in().post(address, {"action": "approve"})
    assert own.status_code == 422
    assert "不能审批自己提出的申请" in own.content.decode()
    assert signed_in(name="other").post(address, {"action": "approve"}).status_code == 302
    card.refresh_from_db()
    assert card.social_state == SocialState.ENDED
    assert ApprovalRequest.objects.get().state == RequestState.EXECUTED


@pytest.mark.parametrize("what", ["prelose", "lose", "unlose", "end"])
def test_nobody_elses_card(what: str) -> None:
    card = active_card(make_person(1), make_bank())
    other = make_person(2)
    assert signed_in().post(f"{page_of(other)}do/{what}/{card.card_id}/").status_code == 404
    assert Card.objects.get(pk=card.pk).social_state == SocialState.ACTIVE


@pytest.mark.parametrize("ref", ["x", "0", "99999999999999999999", "-"])
def test_nonsense_in_an_address_is_not_found(ref: str) -> None:
    person = make_person(1)
    for what in ("prelose", "end", "cancel", "nothing"):
        assert signed_in().post(f"{page_of(person)}do/{what}/{ref}/").status_code == 404


def resident_of(person: Person) -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    user = User.objects.create(username=f"r{person.person_id}", role=Role.RESIDENT, person_id=person.person_id)
    client.force_login(user)
    return client


def test_a_resident_reads_the_own_messages_newest_first() -> None:
    mine, other = make_person(1), make_person(2)
    cipher = field_cipher()
    ids = iter(sorted(new_uuid7() for _ in range(50)))  # those of one millisecond have no order of their own
    for number in range(25):
        for person in (mine, other):
            SentMessage.objects.create(
                person_id=person.person_id,
                message_id=next(ids),
                kind="notice",
                body_sealed=cipher.seal("sms", f"第{number:02}条 {person.person_id}号"),
                english_sealed=cipher.seal("sms", f"Message {number:02}"),
                sent_at=NOON + timedelta(minutes=number),
            )
    client = resident_of(mine)
    page = client.get("/messages/").content.decode()
    assert page.index("第24条") < page.index("第05条")
    assert "第04条" not in page
    assert f"{other.person_id}号" not in page
    older = re.search(r"\?before=[0-9a-f-]+", page)
    assert older
    assert "第00条" in client.get("/messages/" + older[0]).content.decode()
    english = client.get("/messages/", headers={"accept-language": "en"}).content.decode()
    assert "Message 24" in english
    assert client.get("/messages/?before=x").status_code == 200
