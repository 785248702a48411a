"""Cases, exports and messages to many over HTTP: filters, steps, progress, and what other roles do not get."""

import re
from uuid import UUID, uuid4

import pytest
from django.test import Client

from tests.cast import NOON, made_card, make_bank, make_person
from yikatong.accounts.models import Role, User
from yikatong.audit.models import AuditEvent
from yikatong.cases import services as cases
from yikatong.cases.kinds import Found
from yikatong.cases.models import Case
from yikatong.exports import services as exports
from yikatong.exports.models import Export
from yikatong.messaging import dispatching
from yikatong.messaging.models import Dispatch, DispatchState, Template

pytestmark = pytest.mark.django_db


def signed_in(role: str = Role.CARD_CENTRE, name: str = "centre") -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(User.objects.get_or_create(username=name, defaults={"role": role})[0])
    return client


def test_a_case_is_taken_and_closed_on_its_page() -> None:
    person = make_person(1)
    case = cases.open_case(
        "invitation.failed", Found("c/1", f"person:{person.person_id}", NOON, person.person_id), at=NOON
    )
    client, address = signed_in(), f"/work/cases/{case.case_id}/"
    assert "没有送达的换发通知" in client.get("/work/cases/?kind=invitation.failed").content.decode()
    assert f"/work/staff/persons/{person.person_id}/" in client.get(address).content.decode()
    assert client.post(address, {"action": "take"}).status_code == 302
    assert str(case.case_id) in client.get("/work/cases/?whose=mine").content.decode()
    short = client.post(address, {"action": "close", "note": "好"})
    assert short.status_code == 422
    assert client.post(address, {"action": "close", "note": "已经电话告知"}).status_code == 302
    assert "已经电话告知" in client.get(address).content.decode()
    assert str(case.case_id) not in client.get("/work/cases/").content.decode()
    assert client.post(address, {"action": "take"}).status_code == 422
    assert signed_in(Role.AUDITOR, "auditor").get("/work/cases/").status_code == 403


def test_cards_are_filtered_and_exported() -> None:
    outlet, other = make_bank("ICBC"), make_bank("ABC")
    mine, others = made_card(make_person(1), outlet), made_card(make_person(2), other)
    client = signed_in()
    page = client.get("/work/staff/cards/?bank=ICBC&state=made").content.decode()
    assert mine.card_number in page
    assert others.card_number not in page
    assert "共 1 张" in page
    address = client.post("/work/staff/cards/export/", {"bank": "ICBC", "state": "made"})["location"]
    assert client.get(address, headers={"accept": "application/json"}).json()["is_unfinished"]
    assert client.get(address + "download/").status_code == 404
    exports.write(Export.objects.get().export_id)
    assert "下载 CSV" in client.get(address).content.decode()
    answer = client.get(address + "download/")
    content = b"".join(answer).decode("utf-8-sig")  # type: ignore[arg-type]
    assert mine.card_number in content
    assert others.card_number not in content
    assert int(answer["Content-Length"]) == len(content.encode()) + 3
    for stranger in (signed_in(name="other"), signed_in(Role.AUDITOR, "auditor")):
        assert stranger.get(address).status_code == 404
        assert stranger.get(address + "download/").status_code == 404


def test_the_trail_is_filtered_by_who_what_and_when() -> None:
    client = signed_in(Role.AUDITOR, "auditor")
    made_card(make_person(1), make_bank())
    page = client.get("/work/audit/?action=card.made&actor=system:issuance&since=2026-11-02&until=2026-11-02")
    assert page.status_code == 200
    shown = AuditEvent.objects.filter(action="card.made").count()
    assert page.content.decode().count("<code>") == 0
    assert len(re.findall(r"<tr><td>", page.content.decode())) in {0, shown}
    assert "没有记录" in client.get("/work/audit/?until=2020-01-01").content.decode()
    assert client.get("/work/audit/?since=x&until=%00&q=%00").status_code == 200
    assert client.post("/work/audit/export/", {"action": "card.made"}).status_code == 302


def template_of(client: Client) -> UUID:
    address = client.get("/work/messages/templates/new/")["location"]
    texts = {"title": "提示", "chinese": "{salutation}，您好", "english": "Hello", "based_on": "0"}
    wrong = client.post(address, texts | {"chinese": "{x}", "action": "save"})
    assert wrong.status_code == 422
    assert "没有 {x} 这个占位符" in wrong.content.decode()
    assert not Template.objects.exists()
    assert "欧阳女士，您好" in client.post(address, texts | {"action": "preview"}).content.decode()
    assert client.post(address, texts | {"action": "save"}).status_code == 302
    later = client.post(address, texts | {"chinese": "您好！", "action": "save"})
    assert "刚刚保存了新版本" in later.content.decode()
    return Template.objects.get().template_id


def test_a_message_that_was_rejected_can_be_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yikatong.messaging.dispatching.BIG_FROM", 0)
    make_person(1)
    client, second = signed_in(), signed_in(name="other")
    form = {"dispatch_id": str(uuid4()), "template": str(template_of(client)), "per_minute": "5"}
    for wrong in ({"per_minute": "0"}, {"age_from": "x"}, {"card_state": "x"}, {"template": ""}):
        assert client.post("/work/messages/new/", form | wrong).status_code == 422
    address = client.post("/work/messages/new/", form)["location"]
    assert client.post("/work/messages/new/", form)["location"] == address, "a double click makes one"
    dispatching.count(Dispatch.objects.get().dispatch_id, at=NOON)
    assert client.post(address, {"action": "start"}).status_code == 422
    ask = {"action": "ask", "reason": "提醒一下大家"}
    first = client.post(address, ask | {"request_id": str(uuid4())})["location"]
    assert "提交审批" not in client.get(address).content.decode()
    second.post(first, {"action": "reject", "note": "内容要改"})
    assert "提交审批" in client.get(address).content.decode()
    again = client.post(address, ask | {"request_id": str(uuid4())})["location"]
    second.post(again, {"action": "approve"})
    assert Dispatch.objects.get().state == DispatchState.SENDING
    client.post(address, {"action": "stop"})
    assert Dispatch.objects.get().state == DispatchState.STOPPED
    assert Case.objects.count() == 0
