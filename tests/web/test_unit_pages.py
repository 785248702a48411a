"""A unit's pages over HTTP: never another unit's people, nothing chosen for anybody, and refusals that keep what was typed."""

import re
from datetime import timedelta
from io import BytesIO
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from tests.cast import make_bank
from tests.units.makers import (
    EMPLOYER,
    HEADER,
    OTHER,
    PDF,
    SCHOOL,
    UNIT,
    as_csv,
    as_workbook,
    make_named,
    make_units,
    member,
    row_of,
)
from yikatong.accounts.models import Role, User
from yikatong.applications.models import Application
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.issuance.production import produce_card
from yikatong.registry.models import Membership, Organisation, Person
from yikatong.registry.selectors import clear_view
from yikatong.units.applying import begin_applying
from yikatong.units.applying import work_off as apply_for_all
from yikatong.units.collecting import prepare_packet, work_off
from yikatong.units.enrolment import enrol
from yikatong.units.models import Packet, Roster, RosterEntry
from yikatong.units.rosters import confirm, receive
from yikatong.units.rules import Choice, Decision
from yikatong.workbench import unit_words

pytestmark = pytest.mark.django_db
FORM = {
    "deciding_body": "办公会",
    "decided_on": "2026-10-20",
    "reference_number": "〔2026〕1 号",
    "collects": "1",
    "as_whole": "0",
}


@pytest.fixture(autouse=True)
def _units(db: None) -> None:
    make_units()


def clerk_of(code: str) -> Client:
    client = Client()
    client.force_login(User.objects.create(username=f"u-{code}", role=Role.UNIT, organisation_code=code))
    return client


def enrolled(code: str = EMPLOYER, banks: tuple[str, ...] = ("ABC", "ICBC"), *, collects: bool = True) -> None:
    at = utc_now()
    decision = Decision("会", beijing_day(at), "一", PDF, "x.pdf")
    enrol(code, Choice(banks, code == SCHOOL, collects), decision, by=UNIT, at=at)


def with_people(code: str, first: int, bank: str = "ABC") -> list[Person]:
    """Three people on the unit's roster, two with a bank."""
    enrolled(code)
    people = [make_named(serial) for serial in range(first, first + 3)]
    content = as_csv([row_of(person, bank if place else "") for place, person in enumerate(people)])
    roster = receive(code, "x.csv", content, by=UNIT, at=utc_now())
    confirm(code, roster.roster_id, by=UNIT, at=utc_now())
    return people


def with_cards(code: str, first: int) -> Packet:
    """The same, their cards made and lying at the bank as a packet."""
    with_people(code, first)
    apply_for_all(begin_applying(code, {}, by=UNIT, at=utc_now()).run_id)
    for application in Application.objects.filter(organisation_code=code):
        produce_card(application.person_id, application.application_id, at=utc_now())
    return work_off(prepare_packet(code, outlet_id="ABC-1", by=Actor("clerk", "b"), at=utc_now()).packet_id)


def document() -> SimpleUploadedFile:
    return SimpleUploadedFile("决议.pdf", PDF)


# --- enrolment ---


@pytest.mark.parametrize("code", [EMPLOYER, SCHOOL])
def test_no_bank_and_no_way_is_chosen_for_anybody(code: str) -> None:
    client = clerk_of(code)
    for _ in range(2):
        page = client.get("/work/unit/enrol/").content.decode()
        assert not re.search(r"<input[^>]*\bchecked", page)
        assert "selected" not in page
        Organisation.objects.filter(pk=code).update(bank_codes=["ABC"])


def test_enrolling_and_what_a_refusal_keeps() -> None:
    client = clerk_of(EMPLOYER)
    wrong = client.post("/work/unit/enrol/", FORM | {"bank": ["ABC", "BOC", "CCB", "ICBC"], "document": document()})
    assert wrong.status_code == 422
    page = wrong.content.decode()
    assert "最多可选 3 家银行" in page
    assert 'value="办公会"' in page
    assert page.count(" checked") == 5, "what they ticked themselves stays"
    assert client.post("/work/unit/enrol/", FORM | {"bank": ["ABC", "BOC"], "document": document()}).status_code == 302
    assert set(Organisation.objects.get(pk=EMPLOYER).bank_codes) == {"ABC", "BOC"}
    evidence = client.get("/work/unit/enrol/evidence/1/")
    assert (evidence.content, evidence["content-type"], evidence["cache-control"]) == (
        PDF,
        "application/pdf",
        "no-store",
    )
    assert "attachment" in evidence["content-disposition"]
    assert client.get("/work/unit/enrol/evidence/2/").status_code == 404
    assert clerk_of(OTHER).get("/work/unit/enrol/evidence/1/").status_code == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"document": SimpleUploadedFile("x.pdf", b"MZ")}, "PDF、JPG 或 PNG"),
        ({"document": ""}, "书面材料"),
        ({"decided_on": "2026-13-01"}, "决定日期"),
        ({"decided_on": "tomorrow"}, "决定日期"),
        ({"deciding_body": ""}, "会议或机构"),
        ({"bank": []}, "不预选任何银行"),
        ({"bank": ["NONE"]}, "合作银行名单"),
    ],
)
def test_every_part_is_needed(changes: dict[str, object], words: str) -> None:
    answer = clerk_of(EMPLOYER).post("/work/unit/enrol/", FORM | {"bank": ["ABC"], "document": document()} | changes)
    assert answer.status_code == 422
    assert words in answer.content.decode()


# --- roster ---


def test_from_upload_to_taken() -> None:
    enrolled()
    client = clerk_of(EMPLOYER)
    leaving, people = member(make_named(9)), [make_named(serial) for serial in (1, 2)]
    rows = [*(row_of(person, "ABC") for person in people), ("=1+1", "1", "", "")]
    answer = client.post("/work/unit/roster/", {"roster": SimpleUploadedFile("名册.xlsx", as_workbook(rows))})
    address = answer["location"]
    page = client.get(address).content.decode()
    assert (re.findall(r"data-(?:good|bad)>(\d+)", page), "含有公式" in page) == (["2", "1"], True)
    number = clear_view(people[0]).identity_number
    assert number not in page, "masked"
    assert re.findall(r'name="ending" value="(\d+)"([^>]*)', page) == [(str(leaving.person_id), "")], (
        "not ticked beforehand"
    )
    bad = client.get(f"{address}bad-rows.csv")
    assert b"'=1+1" in b"".join(bad.streaming_content)  # type: ignore[arg-type]
    assert load_workbook(BytesIO(b"".join(client.get(f"{address}bad-rows.xlsx")))).active  # type: ignore[arg-type]
    assert client.get(f"{address}bad-rows.exe").status_code == 404
    assert AuditEvent.objects.filter(action="roster.bad_rows_downloaded").count() == 2
    for _ in range(2):
        assert client.post(address, {"action": "confirm", "ending": leaving.person_id}).status_code == 302
    assert RosterEntry.objects.count() == 2
    assert Membership.objects.get(person_id=leaving.person_id).until == beijing_day(utc_now()) - timedelta(days=1)
    assert "已采用" in client.get(address).content.decode()


def test_discarding_and_bad_files_on_the_page() -> None:
    client = clerk_of(EMPLOYER)
    assert "请先完成登记选行" in client.get("/work/unit/roster/").content.decode()
    enrolled()
    for content, words in ((b"%PDF-1.7", "这是 PDF"), ("姓名\n".encode("utf-16"), "UTF-16"), (b"", "请先选择")):
        answer = client.post("/work/unit/roster/", {"roster": SimpleUploadedFile("x.csv", content)} if content else {})
        assert (answer.status_code, words in answer.content.decode()) == (422, True)
    address = client.post("/work/unit/roster/", {"roster": SimpleUploadedFile("x.csv", as_csv([]))})["location"]
    assert "没有数据行" in client.get(address).content.decode()
    address = client.post(
        "/work/unit/roster/", {"roster": SimpleUploadedFile("x.csv", as_csv([row_of(make_named(1))]))}
    )["location"]
    assert client.post(address, {"action": "discard"})["location"] == "/work/unit/roster/"
    assert client.post(address, {"action": "confirm"}).status_code == 422
    assert "已放弃" in client.get(address).content.decode()


def test_templates() -> None:
    client = clerk_of(EMPLOYER)
    enrolled()
    book = load_workbook(BytesIO(client.get("/work/unit/roster/template.xlsx").content))
    assert [cell.value for cell in book["名册"][1]] == list(HEADER)
    assert book["本单位可选银行"].max_row == 3
    assert client.get("/work/unit/roster/template.csv").content.decode("utf-8-sig").strip() == ",".join(HEADER)
    assert client.get("/work/unit/roster/template.doc").status_code == 404


# --- people, applying, collecting ---


def test_people_are_masked_filtered_and_exported() -> None:
    client, people = clerk_of(EMPLOYER), with_people(EMPLOYER, 1)
    page = client.get("/work/unit/people/").content.decode()
    views = [clear_view(person) for person in people]
    assert not any(view.name in page or view.identity_number in page for view in views)
    assert client.get("/work/unit/people/?standing=unchosen").content.decode().count("<tr><td>") == 1
    assert client.get(f"/work/unit/people/?q={views[2].identity_number[-4:]}").content.decode().count("<tr><td>") >= 1
    listed = b"".join(client.get("/work/unit/people/export.csv?standing=to_apply").streaming_content).decode()  # type: ignore[arg-type]
    assert (views[0].name in listed, views[1].name in listed, views[1].identity_number in listed) == (
        False,
        True,
        False,
    )
    sheet = load_workbook(BytesIO(b"".join(client.get("/work/unit/people/export.xlsx")))).active  # type: ignore[arg-type]
    assert sheet is not None
    assert sheet.max_row == 4
    assert AuditEvent.objects.filter(action="unit.people_downloaded").count() == 2
    assert client.get("/work/unit/people/?after=" + "9" * 30).status_code == 200


def test_applying_and_reminding_from_the_page() -> None:
    client = clerk_of(EMPLOYER)
    assert "请先登记选行并上传名册" in client.get("/work/unit/apply/").content.decode()
    with_people(EMPLOYER, 1)
    assert client.post("/work/unit/apply/", {"action": "apply"}).status_code == 302
    assert client.post("/work/unit/apply/", {"action": "remind"}).status_code == 302
    page = client.get("/work/unit/apply/").content.decode()
    assert re.findall(r'data-run="(\w+)" data-state="(\w+)"', page) == [("apply", "running"), ("remind", "running")]
    assert "data-refresh" in page


def test_outlets_are_asked_for_where_the_unit_does_not_collect() -> None:
    client = clerk_of(EMPLOYER)
    enrolled(collects=False)
    roster = receive(EMPLOYER, "x.csv", as_csv([row_of(make_named(1), "ABC")]), by=UNIT, at=utc_now())
    confirm(EMPLOYER, roster.roster_id, by=UNIT, at=utc_now())
    page = client.get("/work/unit/apply/").content.decode()
    assert re.findall(r'<select[^>]* name="(\w+)"', page) == ["outlet_ABC"]
    assert "selected" not in page
    assert client.post("/work/unit/apply/", {"action": "apply"}).status_code == 422
    assert client.post("/work/unit/apply/", {"action": "apply", "outlet_ABC": "ABC-1"}).status_code == 302


def test_collecting_on_the_page() -> None:
    packet = with_cards(EMPLOYER, 1)
    client = clerk_of(EMPLOYER)
    address = f"/work/unit/collect/{packet.packet_id}/"
    assert 'name="card"' not in client.get(address).content.decode(), "not fetched yet"
    assert client.post(address, {"action": "fetch"}).status_code == 302
    cards = re.findall(r'name="card" value="(\d+)"', client.get(address).content.decode())
    assert len(cards) == 2
    assert client.post(address, {"action": "hand_out", "card": cards[0]}).status_code == 302
    assert client.post(address, {"action": "give_back", "card": cards[1]}).status_code == 302
    again = client.post(address, {"action": "hand_out", "card": cards[1]})
    assert (again.status_code, "已退回网点" in again.content.decode()) == (422, True)
    page = client.get(f"{address}signatures/")
    assert page["cache-control"] == "no-store"
    assert page.content.decode().count("<tr><td") == 1, "what went back is not signed for"
    assert AuditEvent.objects.filter(action="packet.signature_list_opened").count() == 1


def test_the_banks_page_for_units() -> None:
    with_people(EMPLOYER, 1)
    apply_for_all(begin_applying(EMPLOYER, {}, by=UNIT, at=utc_now()).run_id)
    for application in Application.objects.all():
        produce_card(application.person_id, application.application_id, at=utc_now())
    clients = []
    for outlet_id in ("ABC-1", "BOC-1"):
        client = Client()
        client.force_login(User.objects.create(username=outlet_id, role=Role.BANK_CLERK, outlet_id=outlet_id))
        clients.append(client)
    at_abc, at_boc = clients
    assert EMPLOYER in at_abc.get("/work/bank/units/").content.decode()
    assert EMPLOYER not in at_boc.get("/work/bank/units/").content.decode()
    assert at_boc.post("/work/bank/units/", {"unit": EMPLOYER}).status_code == 422
    assert at_abc.post("/work/bank/units/", {"unit": "9" * 18}).status_code == 422
    assert at_abc.post("/work/bank/units/", {"unit": EMPLOYER}).status_code == 302
    assert Packet.objects.get().outlet_id == make_bank("ABC").outlet_id


# --- another unit's ---


def test_a_unit_sees_nothing_of_another() -> None:
    """Every address with the ids of another unit, read and written."""
    packet = with_cards(OTHER, 50)
    with_people(EMPLOYER, 1)
    roster = Roster.objects.get(organisation_code=OTHER)
    client = clerk_of(EMPLOYER)
    cards = [str(card) for card in packet_cards(packet)]
    upload, collected = f"/work/unit/roster/{roster.roster_id}/", f"/work/unit/collect/{packet.packet_id}/"
    for address in (upload, f"{upload}bad-rows.csv", f"{upload}bad-rows.xlsx", collected, f"{collected}signatures/"):
        assert client.get(address).status_code == 404, address
    for address, form in (
        (upload, {"action": "confirm"}),
        (upload, {"action": "discard"}),
        (collected, {"action": "fetch"}),
        (collected, {"action": "hand_out", "card": cards}),
        (collected, {"action": "give_back", "card": cards}),
    ):
        assert client.post(address, form).status_code == 404, (address, form)
    packet.refresh_from_db()
    assert packet.state == "ready"
    foreign = [clear_view(person) for person in Person.objects.filter(person_id__in=people_on(OTHER))]
    for view in foreign:
        for query in (view.name, view.identity_number, view.identity_number[-4:]):
            page = client.get("/work/unit/people/", {"q": query}).content.decode()
            assert "没有符合条件的人员" in page or query == view.identity_number[-4:]
    listed = b"".join(client.get("/work/unit/people/export.csv").streaming_content).decode()  # type: ignore[arg-type]
    assert not any(view.name in listed for view in foreign)
    assert len(listed.splitlines()) == 4
    for path in ("", "roster/", "collect/", "apply/"):
        page = client.get(f"/work/unit/{path}").content.decode()
        assert str(roster.roster_id) not in page
        assert str(packet.packet_id) not in page


def packet_cards(packet: Packet) -> list[int]:
    from yikatong.units.collecting import cards_in

    return [held.card_id for held in cards_in(packet.packet_id)]


def people_on(code: str) -> list[int]:
    return list(RosterEntry.objects.filter(organisation_code=code).values_list("person_id", flat=True))


NO_ROSTER = UUID(int=7)


@pytest.mark.parametrize("path", ["", "enrol/", "roster/", "people/", "apply/", "collect/", f"roster/{NO_ROSTER}/"])
def test_a_clerk_of_no_unit_finds_nothing(path: str) -> None:
    assert clerk_of("").get(f"/work/unit/{path}").status_code == 404
    assert clerk_of("9" * 18).get(f"/work/unit/{path}").status_code == 404


# --- the next step, and words ---


def test_the_first_page_says_what_comes_next() -> None:
    client = clerk_of(EMPLOYER)

    def now() -> tuple[str, int]:
        page = client.get("/work/unit/").content.decode()
        (said,) = re.findall(r'id="next">[^<]*</h2><p>([^<]*)</p>', page)
        return said, page.count("unit-step-done")

    assert ("请先登记" in now()[0], now()[1]) == (True, 0)
    enrolled()
    assert ("填写名册" in now()[0], now()[1]) == (True, 1)
    roster = receive(
        EMPLOYER, "x", as_csv([row_of(make_named(1), "ABC"), row_of(make_named(2))]), by=UNIT, at=utc_now()
    )
    assert "2 行可以采用" in now()[0]
    confirm(EMPLOYER, roster.roster_id, by=UNIT, at=utc_now())
    assert ("1 人已选好银行" in now()[0], now()[1]) == (True, 2)
    apply_for_all(begin_applying(EMPLOYER, {}, by=UNIT, at=utc_now()).run_id)
    assert "1 人还没有选择银行" in now()[0]
    RosterEntry.objects.filter(bank_code="").update(ended_at=utc_now())
    assert ("卡片正在制作" in now()[0], now()[1]) == (True, 3)
    application = Application.objects.get()
    produce_card(application.person_id, application.application_id, at=utc_now())
    packet = work_off(prepare_packet(EMPLOYER, outlet_id="ABC-1", by=Actor("clerk", "b"), at=utc_now()).packet_id)
    assert "已备好 1 张卡" in now()[0]
    client.post(f"/work/unit/collect/{packet.packet_id}/", {"action": "fetch"})
    assert "1 张卡在单位待发放" in now()[0]
    client.post(f"/work/unit/collect/{packet.packet_id}/", {"action": "hand_out", "card": packet_cards(packet)})
    assert ("没有待办事项" in now()[0], now()[1]) == (True, 5)


def test_every_refusal_row_state_and_standing_has_words() -> None:
    from yikatong.units.models import PacketState, RosterState, RunState
    from yikatong.units.rows import RowReason
    from yikatong.units.rules import Reason
    from yikatong.units.selectors import Standing

    for kinds, words in (
        (Reason, unit_words.REFUSALS),
        (RowReason, unit_words.ROW_REASONS),
        (Standing, unit_words.STANDINGS),
        (RosterState, unit_words.ROSTER_STATES),
        (RunState, unit_words.RUN_STATES),
        (PacketState, unit_words.PACKET_STATES),
    ):
        assert set(words) == set(kinds), kinds
        assert all(str(text) for text in words.values())
