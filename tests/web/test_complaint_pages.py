"""Reporting a bank's conduct over HTTP: without signing in, followed by a receipt, handled by the card centre alone."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from tests.cast import make_bank, make_person
from tests.supervision.makers import make_districts
from yikatong.accounts.models import Role, User
from yikatong.audit.models import AuditEvent
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.portal.complaints import PER_SESSION_MAX
from yikatong.supervision.models import Complaint

FORM, STATE = "/fairness/complaint/", "/fairness/complaint/state/"
CHINESE = {"accept-language": "zh-hans"}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _city(db: None) -> None:
    make_bank("ABC")
    make_districts()


def answers(**changes: Any) -> dict[str, Any]:
    return {
        "complaint_id": str(uuid4()),
        "kind": "stall",
        "bank": "ABC",
        "district": "110105",
        "place": "某写字楼大堂",
        "happened_on": str(beijing_day(utc_now())),
        "text": "大堂里摆摊，登记就送油",
    } | changes


def visitor() -> Client:
    return Client(headers=CHINESE)


def test_anybody_reports_and_follows_by_receipt() -> None:
    client = visitor()
    page = client.get(FORM).content.decode()
    assert "checked" not in page
    sent = client.post(FORM, answers(), follow=True)
    complaint = Complaint.objects.get()
    assert sent.redirect_chain == [(f"{STATE}?receipt={complaint.receipt_number}&new=1", 302)]
    assert complaint.receipt_number in sent.content.decode()
    assert complaint.reporter_person_id is None
    later = visitor().get(f"{STATE}?receipt={complaint.receipt_number.lower()}").content.decode()
    assert "已收到" in later
    assert "大堂" not in later, "whoever finds a receipt reads nothing of the report"


def test_a_double_click_reports_once() -> None:
    client, form = visitor(), answers()
    first, second = (client.post(FORM, form) for _ in range(2))
    assert first["location"] == second["location"]
    assert Complaint.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "words", "field"),
    [
        ({"kind": ""}, "请选择反映的事项", "kind-steering"),
        ({"text": ""}, "请写明发生了什么", "text"),
        ({"happened_on": ""}, "请填写发生的日期", "happened_on"),
        ({"happened_on": "2999-01-01"}, "请填写发生的日期", "happened_on"),
        ({"bank": "X"}, "没有这家银行", "bank"),
        ({"district": "999999"}, "没有这个区", "district"),
    ],
)
def test_what_is_wrong_is_told_and_what_was_typed_stays(changes: dict[str, Any], words: str, field: str) -> None:
    answer = visitor().post(FORM, answers(**changes))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'href="#{field}"' in page
    assert f'id="{field}"' in page
    assert words in page
    assert "某写字楼大堂" in page
    assert not Complaint.objects.exists()


def test_a_form_without_its_id_is_not_ours() -> None:
    assert visitor().post(FORM, answers(complaint_id="x")).status_code == 404


def test_a_session_may_send_so_many_an_hour() -> None:
    client = visitor()
    sent = [answers() for _ in range(PER_SESSION_MAX)]
    for form in sent:
        assert client.post(FORM, form).status_code == 302
    refused = client.post(FORM, answers())
    assert refused.status_code == 422
    assert "太多" in refused.content.decode()
    assert client.post(FORM, sent[0]).status_code == 302, "sending one again is no new one"
    assert Complaint.objects.count() == PER_SESSION_MAX
    assert visitor().post(FORM, answers()).status_code == 302


def test_markup_in_a_report_stays_text() -> None:
    visitor().post(FORM, answers(text="<script>alert(1)</script>", place="<b>门</b>"))
    page = staff().get(f"/work/fairness/complaints/{Complaint.objects.get().complaint_id}/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<b>门" not in page


@pytest.mark.parametrize(("contact", "is_kept"), [("1", True), ("", False)])
def test_a_resident_is_named_only_when_they_ask_for_it(contact: str, is_kept: bool) -> None:
    person = make_person(1)
    client = visitor()
    client.force_login(User.objects.create(username="r", role=Role.RESIDENT, person_id=person.person_id))
    page = client.get(FORM).content.decode()
    assert 'name="contact"' in page
    assert "checked" not in page
    client.post(FORM, answers(contact=contact))
    assert Complaint.objects.get().reporter_person_id == (person.person_id if is_kept else None)


def test_a_stranger_cannot_leave_somebodys_name() -> None:
    assert 'name="contact"' not in visitor().get(FORM).content.decode()
    visitor().post(FORM, answers(contact="1"))
    assert Complaint.objects.get().reporter_person_id is None


def test_an_unknown_receipt_is_told() -> None:
    answer = visitor().get(f"{STATE}?receipt=NONE")
    assert answer.status_code == 404
    assert "没有这个回执号" in answer.content.decode()


# --- staff ---


def staff(role: str = Role.CARD_CENTRE) -> Client:
    client = visitor()
    client.force_login(User.objects.create(username=f"s-{role}", role=role))
    return client


def test_the_card_centre_handles_a_report_to_its_end() -> None:
    visitor().post(FORM, answers())
    complaint = Complaint.objects.get()
    client = staff()
    listed = client.get("/work/fairness/complaints/").content.decode()
    assert complaint.receipt_number in listed
    assert "登记就送油" not in listed
    address = f"/work/fairness/complaints/{complaint.complaint_id}/"
    page = client.get(address).content.decode()
    assert "登记就送油" in page
    assert AuditEvent.objects.filter(action="complaint.read", actor="staff:s-card_centre").exists()
    assert client.post(address, {"state": "checking", "note": ""}).status_code == 422
    for state in ("checking", "founded", "closed"):
        assert client.post(address, {"state": state, "note": "已到现场核实"}).status_code == 302
    assert "下一步" not in client.get(address).content.decode()
    followed = visitor().get(f"{STATE}?receipt={complaint.receipt_number}").content.decode()
    assert "已办结" in followed
    assert "现场核实" not in followed
    assert client.post(address, {"state": "checking", "note": "重新核实情况"}).status_code == 422


def test_an_auditor_reads_and_does_not_handle() -> None:
    visitor().post(FORM, answers())
    client = staff(Role.AUDITOR)
    address = f"/work/fairness/complaints/{Complaint.objects.get().complaint_id}/"
    page = client.get(address).content.decode()
    assert "登记就送油" in page
    assert "下一步" not in page
    assert client.post(address, {"state": "checking", "note": "已到现场核实"}).status_code == 403
    assert Complaint.objects.get().state == "received"


def test_the_list_is_filtered_and_paged() -> None:
    for number in range(52):
        client = Client(headers=CHINESE, REMOTE_ADDR=f"203.0.113.{number}")
        client.post(FORM, answers(bank="ABC" if number else ""))
    client = staff()
    assert client.get("/work/fairness/complaints/").content.decode().count("打开 ") == 50
    assert client.get("/work/fairness/complaints/?page=2").content.decode().count("打开 ") == 2
    assert client.get("/work/fairness/complaints/?bank=ABC&page=2").content.decode().count("打开 ") == 1
    assert client.get("/work/fairness/complaints/?state=closed").content.decode().count("打开 ") == 0
    assert client.get("/work/fairness/complaints/?page=x").status_code == 200


def test_no_report_under_another_id() -> None:
    assert staff().get(f"/work/fairness/complaints/{uuid4()}/").status_code == 404
