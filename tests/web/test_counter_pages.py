"""The counter's pages over HTTP: who may use them, what they let through, and what they never say."""

import json
from datetime import date
from pathlib import Path

import pytest
from django.test import Client

from tests.cast import CLERK, NOON, made_card, make_bank, make_guardian, make_person
from tests.issuance.counters import blank, prove, write
from yikatong.accounts.models import Role, User
from yikatong.applications.models import Application
from yikatong.audit.models import AuditEvent
from yikatong.banks.models import Outlet
from yikatong.desks.models import DeskAct
from yikatong.issuance import services
from yikatong.issuance.models import Card, CardState
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.channel import exchange

pytestmark = pytest.mark.django_db
OUTLET = "ICBC-1"


@pytest.fixture
def clerk() -> Client:
    """Signed in at the one outlet."""
    make_bank()
    return _clerk_at(OUTLET)


def _clerk_at(outlet_id: str) -> Client:
    client = Client()
    client.force_login(User.objects.create(username=f"c-{outlet_id}", role=Role.BANK_CLERK, outlet_id=outlet_id))
    return client


def _step(client: Client, card: Card, step: str, answer: object = "") -> tuple[int, dict[str, object]]:
    reply = client.post(
        f"/work/bank/cards/{card.card_id}/chip/{step}/", json.dumps({"answer": answer}), content_type="application/json"
    )
    return reply.status_code, reply.json() if reply["content-type"] == "application/json" else {}


def test_a_walk_in_is_shown_applied_for_and_made_once(clerk: Client) -> None:
    person = make_person(1)
    number = clear_view(person).identity_number
    shown = clerk.post("/work/bank/walk-in/", {"identity_number": f" {number[:6]} {number[6:]} "})
    assert shown.status_code == 200
    assert not Application.objects.exists()
    assert AuditEvent.objects.filter(action="person.shown", person_id=person.person_id).exists()
    form = {
        "step": "issue",
        "identity_number": number,
        "kind": shown.context["kind"],
        "application_id": str(shown.context["application_id"]),
    }
    first, second = (clerk.post("/work/bank/walk-in/", form) for _ in range(2))
    card = Card.objects.get(person_id=person.person_id)
    assert first.status_code == second.status_code == 302
    assert first["location"] == second["location"] == f"/work/bank/cards/{card.card_id}/chip/"
    assert Application.objects.get().channel == "outlet"


def test_a_minor_comes_with_a_guardian(clerk: Client) -> None:
    child, mother, stranger = make_person(1, born=date(2016, 5, 1)), make_person(2), make_person(3)
    make_guardian(child, mother)
    number = clear_view(child).identity_number
    alone = clerk.post("/work/bank/walk-in/", {"identity_number": number})
    assert alone.status_code == 422
    assert "监护人" in alone.content.decode()
    form = {"step": "issue", "identity_number": number, "kind": "first"}
    for guardian, status in ((stranger, 422), (mother, 302)):
        given = {"application_id": "6f1c7a52-5a9c-4b3c-9c9b-7d0a5f6b1e21"}
        given["guardian_number"] = clear_view(guardian).identity_number
        assert clerk.post("/work/bank/walk-in/", form | given).status_code == status
    assert Card.objects.get(person_id=child.person_id).state == CardState.MADE


@pytest.mark.parametrize("given", ["", "1", "119901198005170000", "𠮷" * 40])
def test_a_number_nobody_has_is_told_and_kept(clerk: Client, given: str) -> None:
    answer = clerk.post("/work/bank/walk-in/", {"identity_number": given})
    assert answer.status_code == 422
    assert "登记簿中没有这个证件号码" in answer.content.decode()
    assert f'value="{given}"' in answer.content.decode()


def test_whoever_has_a_card_is_told(clerk: Client, tmp_path: Path) -> None:
    person = make_person(1)
    card = made_card(person, Outlet.objects.get(outlet_id=OUTLET))
    number = clear_view(person).identity_number
    found = clerk.post("/work/bank/walk-in/", {"identity_number": number})
    assert found["location"].endswith(f"/cards/{card.card_id}/chip/"), (
        "a card that waits for its chip is made, not another"
    )
    chip = blank(tmp_path)
    write(card, chip, OUTLET)
    prove(card, chip, OUTLET)
    form = {"step": "issue", "identity_number": number, "kind": "first"}
    again = clerk.post("/work/bank/walk-in/", form | {"application_id": "6f1c7a52-5a9c-4b3c-9c9b-7d0a5f6b1e21"})
    assert again.status_code == 422
    assert Card.objects.filter(person_id=person.person_id, generation=3).count() == 1


def test_a_quiet_outlet_offers_no_form(clerk: Client) -> None:
    Outlet.objects.filter(outlet_id=OUTLET).update(issues_instantly=False)
    assert "不能即时制卡" in clerk.get("/work/bank/walk-in/").content.decode()
    posted = clerk.post("/work/bank/walk-in/", {"identity_number": clear_view(make_person(1)).identity_number})
    assert "holder" not in (posted.context or {})


def test_a_card_is_written_through_the_page(clerk: Client, tmp_path: Path) -> None:
    card = made_card(make_person(1), Outlet.objects.get(outlet_id=OUTLET))
    chip = blank(tmp_path)

    def carried(step: str, answer: bytes = b"") -> bytes:
        status, body = _step(clerk, card, step, answer.hex())
        assert status == 200, body
        commands = body["commands"]
        assert isinstance(commands, list)
        answers = [exchange(chip, Command.decode(bytes.fromhex(command))) for command in commands]
        return answers[-1] if answers else b""

    carried("load", carried("begin"))
    chip.power_on()
    proof = carried("prove")
    for _ in range(2):
        carried("finish", proof)
    card.refresh_from_db()
    assert card.state == CardState.READY
    assert [act.act for act in DeskAct.objects.all()] == ["make"], "in the day's report once"
    page = clerk.get(f"/work/bank/cards/{card.card_id}/chip/")
    assert page["location"] == f"/work/bank/cards/{card.card_id}/"
    face = clerk.get(f"/work/bank/cards/{card.card_id}/face.pdf")
    assert face.content.startswith(b"%PDF")
    assert face["cache-control"] == "no-store"
    assert AuditEvent.objects.filter(action="card.face_printed").count() == 1


def test_only_pages_that_read_cards_may_reach_the_desk(clerk: Client) -> None:
    card = made_card(make_person(1), Outlet.objects.get(outlet_id=OUTLET))
    page = clerk.get(f"/work/bank/cards/{card.card_id}/chip/")
    assert "connect-src 'self' ws://127.0.0.1:12344" in page["content-security-policy"]
    assert "ws://127.0.0.1:12344" in clerk.get("/work/bank/")["content-security-policy"]
    assert "ws://" not in clerk.get(f"/work/bank/cards/{card.card_id}/")["content-security-policy"]
    assert "ws://" not in clerk.get("/work/bank/appointments/")["content-security-policy"]
    assert clear_view(Person.objects.get(person_id=card.person_id)).identity_number not in page.content.decode()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"answer": 5}', b'{"answer": "zz"}', b'{"answer": "' + b"0" * 5000 + b'"}']
)
def test_what_is_no_cards_answer_is_refused_in_words(clerk: Client, body: bytes) -> None:
    card = made_card(make_person(1), Outlet.objects.get(outlet_id=OUTLET))
    _step(clerk, card, "begin")
    reply = clerk.post(f"/work/bank/cards/{card.card_id}/chip/load/", body, content_type="application/json")
    assert reply.status_code == 422
    assert "空白卡" in reply.json()["error"]


def test_other_banks_other_outlets_and_unknown_steps(clerk: Client, tmp_path: Path) -> None:
    foreign = made_card(make_person(1), make_bank("ABC"))
    for address in ("chip/", "chip/begin/", "face.pdf"):
        path = f"/work/bank/cards/{foreign.card_id}/{address}"
        assert (clerk.post(path) if "begin" in address else clerk.get(path)).status_code == 404
    card = made_card(make_person(2), Outlet.objects.get(outlet_id=OUTLET))
    assert _step(clerk, card, "dance")[0] == 404
    assert clerk.get(f"/work/bank/cards/{card.card_id}/chip/begin/").status_code == 405
    assert clerk.get(f"/work/bank/cards/{card.card_id}/face.pdf").status_code == 404, "not made here yet"


def test_a_spoiled_blank_is_written_off_on_the_page(clerk: Client, tmp_path: Path) -> None:
    card = made_card(make_person(1), Outlet.objects.get(outlet_id=OUTLET))
    address = f"/work/bank/cards/{card.card_id}/chip/"
    assert clerk.post(address, {"reason": "折断"}).status_code == 422, "nothing begun"
    write(card, blank(tmp_path), OUTLET)
    assert "报废要写明原因" in clerk.post(address, {"reason": " "}).content.decode()
    assert clerk.post(address, {"reason": "折断"}).status_code == 302
    assert AuditEvent.objects.filter(action="card.blank_spoiled").count() == 1
    assert [act.act for act in DeskAct.objects.all()] == ["spoil"]


def test_a_purse_is_loaded_through_the_page(clerk: Client, tmp_path: Path) -> None:
    person = make_person(1)
    card, chip = made_card(person, Outlet.objects.get(outlet_id=OUTLET)), blank(tmp_path)
    address = f"/work/bank/cards/{card.card_id}/purse/"
    assert clerk.get(address).status_code == 404, "no chip, no purse"
    write(card, chip, OUTLET)
    prove(card, chip, OUTLET)
    services.hand_over(card.card_id, by=CLERK, at=NOON)
    page = clerk.get(address)
    body = {"load_id": str(page.context["load_id"]), "amount": "50", "reference": "T1"}

    def carried(step: str, answer: bytes = b"") -> bytes:
        reply = clerk.post(
            f"{address}{step}/", json.dumps(body | {"answer": answer.hex()}), content_type="application/json"
        )
        assert reply.status_code == 200, reply.content.decode()
        answers = [exchange(chip, Command.decode(bytes.fromhex(text))) for text in reply.json()["commands"]]
        return answers[-1] if answers else b""

    carried("finish", carried("authorise", carried("initialise", carried("begin"))))
    assert 'data-load-state="loaded"' in clerk.get(address).content.decode()
    assert clerk.get(f"/work/bank/?done={body['load_id']}").content.decode().count('data-done="load_purse"') == 1
    for nonsense in (b"", b"[]", b'{"load_id": "x"}'):
        assert clerk.post(f"{address}begin/", nonsense, content_type="application/json").status_code == 404
    for wrong in ({"amount": "5.5"}, {"amount": "9"}, {"reference": ""}, {"amount": "-10"}):
        reply = clerk.post(f"{address}begin/", json.dumps(body | wrong), content_type="application/json")
        assert reply.status_code == 422
    assert clerk.post(f"{address}dance/", json.dumps(body), content_type="application/json").status_code == 404
