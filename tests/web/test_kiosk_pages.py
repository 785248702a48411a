"""A hall's kiosk over HTTP: what is proved before a card is switched on, what is never told, and that a visit is forgotten."""

import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.test import Client

from tests.cast import CLERK, active_card, collected_card, made_card, make_bank, make_guardian, make_person
from tests.issuance.counters import blank, prove, write
from yikatong.accounts import sessions
from yikatong.accounts.models import ConsoleMessage, Role, User
from yikatong.desks.models import DeskAct, Tally
from yikatong.foundation.clock import utc_now
from yikatong.issuance import services
from yikatong.issuance.models import Card
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.selectors import clear_view
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.channel import exchange

pytestmark = pytest.mark.django_db
KIOSK = "/work/kiosk/"


@pytest.fixture
def machine() -> Client:
    """Signed in as a machine in a hall."""
    client = Client()
    client.force_login(User.objects.create(username="hall-1", role=Role.KIOSK))
    return client


def send(client: Client, step: str, **form: str) -> tuple[int, str]:
    answer = client.post(f"{KIOSK}{step}", form)
    return answer.status_code, answer.headers.get("Location") or answer.content.decode()


def last_four(person: Person) -> str:
    return clear_view(person).identity_number[-4:]


def code_sent() -> str:
    newest = ConsoleMessage.objects.latest("message_id")
    found = re.search(r"验证码 (\d{6})", field_cipher().open("sms", bytes(newest.body_sealed)))
    assert found
    return found[1]


def comes_to_the_question(client: Client, card: Card, person: Person) -> None:
    assert send(client, "", card_number=card.card_number) == (302, f"{KIOSK}identity/")
    assert send(client, "identity/", last_four=last_four(person)) == (302, f"{KIOSK}code/")
    assert send(client, "code/", code=code_sent()) == (302, f"{KIOSK}confirm/")


def a_card(serial: int = 1) -> tuple[Person, Card]:
    person = make_person(serial)
    return person, collected_card(person, make_bank(), at=utc_now() - timedelta(hours=1))


def test_a_card_is_switched_on_once_and_the_visit_forgotten(machine: Client) -> None:
    person, card = a_card()
    comes_to_the_question(machine, card, person)
    assert card.card_number not in machine.get(f"{KIOSK}confirm/").content.decode(), "masked: the hall looks on"
    for _ in range(2):
        assert send(machine, "confirm/") == (302, f"{KIOSK}done/")
    act = DeskAct.objects.get()
    assert (act.by, act.place, act.details["proofs"]) == (
        "kiosk:hall-1",
        "kiosk:hall-1",
        ["number", "last_four", "phone"],
    )
    receipt = machine.get(f"{KIOSK}done/")
    assert str(act.act_id) in receipt.content.decode()
    assert "no-store" in receipt["cache-control"]
    assert send(machine, "leave/") == (302, KIOSK)
    for step in ("identity/", "code/", "confirm/", "done/"):
        assert machine.get(f"{KIOSK}{step}").headers["Location"] == KIOSK
    card.refresh_from_db()
    assert card.social_state == "active"


def test_no_step_can_be_left_out(machine: Client) -> None:
    person, card = a_card()
    send(machine, "", card_number=card.card_number)
    for step in ("code/", "confirm/", "done/"):
        assert send(machine, step if step != "done/" else "confirm/") == (302, KIOSK)
    send(machine, "identity/", last_four=last_four(person))
    assert send(machine, "confirm/") == (302, KIOSK)
    card.refresh_from_db()
    assert card.social_state == "inactive"


def test_a_wrong_number_and_a_wrong_ending_are_told_alike_and_counted(machine: Client) -> None:
    person, card = a_card()
    said = set()
    for number in ("Z99999999", card.card_number):
        send(machine, "", card_number=number)
        status, page = send(machine, "identity/", last_four="0000" if last_four(person) != "0000" else "1111")
        assert status == 422
        said.add(re.sub(r"csrf\w+|value=\"\w+\"|卡号 \S+", "", page.split('role="alert"')[1].split("</div>")[0]))
    assert len(said) == 1
    assert ConsoleMessage.objects.count() == 0
    send(machine, "", card_number=card.card_number)
    for _ in range(4):
        send(machine, "identity/", last_four="zzzz")
    status, page = send(machine, "identity/", last_four=last_four(person))
    assert (status, "输错的次数过多" in page) == (422, True)
    Tally.objects.update(since=utc_now() - timedelta(hours=25))
    send(machine, "", card_number=card.card_number)
    assert send(machine, "identity/", last_four=last_four(person))[0] == 302


def test_a_code_is_good_for_five_minutes_and_five_tries(machine: Client) -> None:
    person, card = a_card()
    send(machine, "", card_number=card.card_number)
    send(machine, "identity/", last_four=last_four(person))
    first = code_sent()
    assert send(machine, "code/", action="again") == (302, f"{KIOSK}code/")
    wrong = f"{(int(code_sent()) + 1) % 10**6:06d}"
    assert "验证码不对" in send(machine, "code/", code=wrong)[1]
    assert first == code_sent() or "验证码不对" in send(machine, "code/", code=first)[1], "the older code is void"
    for _ in range(4):
        status, page = send(machine, "code/", code=wrong)
    assert (status, "输错的次数过多" in page) == (422, True)
    assert machine.get(f"{KIOSK}code/").headers["Location"] == KIOSK


def test_so_many_codes_a_day(machine: Client) -> None:
    person, card = a_card()
    for _ in range(5):
        send(machine, "", card_number=card.card_number)
        assert send(machine, "identity/", last_four=last_four(person))[0] == 302
    send(machine, "", card_number=card.card_number)
    assert "已达上限" in send(machine, "identity/", last_four=last_four(person))[1]
    assert ConsoleMessage.objects.count() == 5


def test_who_is_sent_to_the_counter(machine: Client) -> None:
    outlet, earlier = make_bank(), utc_now() - timedelta(hours=1)
    child, mother = make_person(1, born=date(2016, 5, 1)), make_person(2)
    make_guardian(child, mother)
    made = made_card(child, outlet, at=earlier, acting_person_id=mother.person_id)
    active, waiting, silent = make_person(3), make_person(4), make_person(5)
    Person.objects.filter(person_id=silent.person_id).update(phone_sealed=None, phone_index=None)
    lost = make_person(6)
    lost_card = collected_card(lost, outlet, at=earlier)
    services.pre_report_loss(lost_card.card_id, by=CLERK, at=earlier)
    for person, card, reason in (
        (child, made, "guardian_needed"),
        (active, active_card(active, outlet, at=earlier), "active_already"),
        (waiting, made_card(waiting, outlet, at=earlier), "card_not_collected"),
        (silent, collected_card(silent, outlet, at=earlier), "no_phone"),
        (lost, lost_card, "card_reported_lost"),
    ):
        send(machine, "", card_number=card.card_number)
        status, page = send(machine, "identity/", last_four=last_four(person))
        assert (status, f'data-reason="{reason}"' in page) == (422, True), reason


def test_a_posted_card_is_collected_by_being_switched_on(machine: Client) -> None:
    person = make_person(1)
    card = made_card(person, make_bank(), at=utc_now(), collection="post", outlet_id="", address="测试街道 1 号")
    services.mark_ready(card.card_id, by=CLERK, at=utc_now())
    comes_to_the_question(machine, card, person)
    assert send(machine, "confirm/")[0] == 302
    card.refresh_from_db()
    assert (card.state, card.social_state) == ("collected", "active")


def chip_says(machine: Client, chip: EmulatedCard, code: str) -> tuple[int, dict[str, str]]:
    asked = machine.post(f"{KIOSK}chip/", json.dumps({"code": code}), content_type="application/json").json()
    signature = [exchange(chip, Command.decode(bytes.fromhex(command))) for command in asked["commands"]][-1]
    body = json.dumps({"code": code, "signature": signature.hex()})
    answer = machine.post(f"{KIOSK}chip/", body, content_type="application/json")
    again = machine.post(f"{KIOSK}chip/", body, content_type="application/json")
    assert again.status_code == 422, "a signature is good for its own challenge, once"
    return answer.status_code, answer.json()


def test_a_chip_proves_itself_and_no_other_card(machine: Client, tmp_path: Path) -> None:
    outlet, person = make_bank(), make_person(1)
    card, chip = made_card(person, outlet, at=utc_now()), blank(tmp_path)
    write(card, chip, outlet.outlet_id)
    prove(card, chip, outlet.outlet_id)
    services.hand_over(card.card_id, by=CLERK, at=utc_now())
    _, other = a_card(2)
    assert chip_says(machine, chip, other.identification_code)[0] == 422
    assert chip_says(machine, chip, "0" * 32)[0] == 422
    assert chip_says(machine, chip, card.identification_code) == (200, {"next": f"{KIOSK}identity/"})
    assert "芯片已核验" in machine.get(f"{KIOSK}identity/").content.decode()
    send(machine, "identity/", last_four=last_four(person))
    send(machine, "code/", code=code_sent())
    send(machine, "confirm/")
    assert DeskAct.objects.get().details["proofs"] == ["chip", "last_four", "phone"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"code": 5, "signature": 5}', b'{"code": "x", "signature": "zz"}']
)
def test_what_is_no_readers_answer(machine: Client, body: bytes) -> None:
    assert machine.post(f"{KIOSK}chip/", body, content_type="application/json").status_code in {200, 422}


@pytest.mark.parametrize("number", ["", "123", "Z9999999", "Z999999999", "卡号卡号卡号卡号卡", "'; drop t"])
def test_what_is_no_number_is_told_on_the_first_page(machine: Client, number: str) -> None:
    status, page = send(machine, "", card_number=number)
    assert (status, "9 位字母和数字" in page) == (422, True)


def test_a_still_visit_is_forgotten_by_the_server_too(machine: Client) -> None:
    person, card = a_card()
    send(machine, "", card_number=card.card_number)
    assert send(machine, "still-here/")[0] == 204
    session = machine.session
    session["kiosk_visit"] |= {"seen": (utc_now() - timedelta(minutes=4)).isoformat()}
    session.save()
    assert send(machine, "still-here/")[0] == 410
    assert send(machine, "identity/", last_four=last_four(person)) == (302, KIOSK)


def test_a_machine_is_not_signed_out_under_somebodys_hands(machine: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    person, card = a_card()
    comes_to_the_question(machine, card, person)
    ended = machine.session[sessions.BEGUN_AT] + sessions.longest_s(Role.KIOSK)
    monkeypatch.setattr(sessions.time, "time", lambda: ended)
    assert send(machine, "confirm/") == (302, f"{KIOSK}done/")


def test_what_was_typed_at_a_machine_is_kept_for_nobody(machine: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    _, card = a_card()
    assert machine.get(KIOSK).status_code == 200
    ended = machine.session[sessions.BEGUN_AT] + sessions.longest_s(Role.KIOSK)
    monkeypatch.setattr(sessions.time, "time", lambda: ended)
    status, where = send(machine, "", card_number=card.card_number)
    assert (status, where.startswith("/sign-in/staff/"), "kept" in where) == (302, True, False)
