"""The clerk's desk over HTTP: one step to the case, what is told instead, and that nothing is done twice."""

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client

from tests.cast import CLERK, active_card, application_for, made_card, make_bank, make_guardian, make_person
from yikatong.accounts.models import Role, User
from yikatong.applications.services import submit
from yikatong.audit.models import AuditEvent
from yikatong.banks.models import Outlet
from yikatong.desks.models import DeskAct, Tally
from yikatong.ecard.services import code_from_server, create_electronic_card, revoke_all_devices
from yikatong.foundation.clock import utc_now
from yikatong.issuance import services
from yikatong.issuance.models import Card, CardState
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view

pytestmark = pytest.mark.django_db
DESK = "/work/bank/"


def clerk_at(outlet: Outlet, name: str = "c1") -> Client:
    client = Client()
    client.force_login(User.objects.create(username=name, role=Role.BANK_CLERK, outlet_id=outlet.outlet_id))
    return client


def ready_card(person: Person, outlet: Outlet, **changes: object) -> Card:
    card = made_card(person, outlet, at=utc_now(), **changes)
    return services.mark_ready(card.card_id, by=CLERK, at=utc_now())


def find(client: Client, text: str) -> tuple[int, str]:
    answer = client.post(f"{DESK}find/", {"q": text})
    return answer.status_code, answer.headers.get("Location") or answer.content.decode()


def number_of(person: Person) -> str:
    return clear_view(person).identity_number


def act(client: Client, card: Card, action: str, document: str = "", act_id: UUID | None = None) -> tuple[int, str]:
    form = {"action": action, "act_id": str(act_id or uuid4()), "identity_number": document}
    answer = client.post(f"{DESK}cards/{card.card_id}/", form)
    return answer.status_code, answer.headers.get("Location") or answer.content.decode()


def test_every_way_to_name_a_case_opens_it_in_one_step() -> None:
    outlet = make_bank()
    client, person = clerk_at(outlet), make_person(1)
    card = ready_card(person, outlet)
    clear = clear_view(person)
    spaced = f"{clear.identity_number[:6]} {clear.identity_number[6:]}".lower()
    named = [card.card_number, card.card_number.lower(), spaced, clear.phone, str(card.application_id)]
    for text in [*named, card.identification_code]:
        assert find(client, text) == (302, f"{DESK}cards/{card.card_id}/"), text
    older = AuditEvent.objects.filter(action="desk.looked_up", person_id=person.person_id)
    assert older.count() == len(named) + 1
    assert not any(clear.identity_number in str(event.details) for event in older), "the trail holds no personal data"


def test_a_code_opens_the_case_once() -> None:
    outlet = make_bank()
    client = clerk_at(outlet)
    card = active_card(make_person(1), outlet, at=utc_now() - timedelta(minutes=1))
    create_electronic_card(card, utc_now())
    code = code_from_server(card.card_id, by=CLERK, at=utc_now())
    assert find(client, f" {code}\n") == (302, f"{DESK}cards/{card.card_id}/")
    status, page = find(client, code)
    assert status == 422
    assert "这个码刚才已经用过" in page
    stale = code_from_server(card.card_id, by=CLERK, at=utc_now() - timedelta(minutes=5))
    assert "已经过期" in find(client, stale)[1]
    stopped = code_from_server(card.card_id, by=CLERK, at=utc_now())
    revoke_all_devices(card.card_id, by=CLERK, at=utc_now())
    assert "已被停用" in find(client, stopped)[1]
    assert "不完整" in find(client, code[:-3])[1]
    forged = code[:-8] + ("A" if code[-8] != "A" else "B") + code[-7:]
    assert find(client, forged)[0] == 422


def test_a_family_with_one_phone_is_chosen_by_a_digit() -> None:
    outlet = make_bank()
    client, mother, child = clerk_at(outlet), make_person(1), make_person(2, born=date(2016, 5, 1))
    Person.objects.filter(person_id=child.person_id).update(
        phone_index=mother.phone_index, phone_sealed=mother.phone_sealed
    )
    make_guardian(child, mother)
    cards = [ready_card(mother, outlet), ready_card(child, outlet, acting_person_id=mother.person_id)]
    status, page = find(client, clear_view(mother).phone)
    assert (status, "找到 2 个人" in page) == (200, True)
    assert find(client, "2") == (302, f"{DESK}cards/{cards[1].card_id}/")
    assert find(client, "2")[0] == 422, "a choice is offered once"


def test_what_leads_nowhere_is_told() -> None:
    outlet = make_bank()
    client, nobody, applied = clerk_at(outlet), make_person(1), make_person(2)
    submit(application_for(applied, outlet), by=CLERK, at=utc_now())
    foreign = ready_card(make_person(3), make_bank("ABC"))
    for text, words in (
        (number_of(nobody), "还没有申请"),
        (number_of(applied), "卡片还没有制好"),
        (foreign.card_number, "这张卡由ABC发行，在 ABC one 领取"),
        (clear_view(make_person(4)).phone.replace("102", "109"), "没有人登记这个手机号码"),
        ("Z99999999", "没有这个卡号"),
        ("你好", "认不出输入的内容"),
        (str(uuid4()), "没有这个编号"),
    ):
        status, page = find(client, text)
        assert words in page, text
        assert status in {200, 422}
    assert client.get(f"{DESK}cards/{foreign.card_id}/").status_code == 404
    assert AuditEvent.objects.filter(action="desk.looked_up").count() == 7, "those that found nothing too"


def test_guessing_is_slowed_down() -> None:
    client = clerk_at(make_bank())
    for number in range(30):
        assert "没有这个卡号" in find(client, f"Z{number:08d}")[1]
    assert "查找次数过多" in find(client, "Z00000099")[1]
    Tally.objects.update(since=utc_now() - timedelta(minutes=11))
    assert "没有这个卡号" in find(client, "Z00000099")[1]


def test_a_hand_over_returns_to_the_input_and_is_done_once() -> None:
    outlet = make_bank()
    client, other, person = clerk_at(outlet), clerk_at(outlet, "c2"), make_person(1)
    card = ready_card(person, outlet)
    page = client.get(f"{DESK}cards/{card.card_id}/").content.decode()
    assert 'data-due="hand_over"' in page
    assert number_of(person) not in page, "the clerk reads the number from the document, not from here"
    assert "不符" in act(client, card, "hand_over", number_of(make_person(2)))[1]
    act_id = uuid4()
    for _ in range(2):
        assert act(client, card, "hand_over", number_of(person), act_id) == (302, f"{DESK}?done={act_id}")
    status, page = act(other, card, "hand_over", number_of(person))
    assert (status, "这件事已由 c1 于" in page) == (422, True)
    assert DeskAct.objects.get().details == {"right": "holder"}
    done = client.get(f"{DESK}?done={act_id}").content.decode()
    assert 'data-done="hand_over"' in done
    assert 'data-done="' not in other.get(f"{DESK}?done={uuid4()}").content.decode()
    card.refresh_from_db()
    assert card.state == CardState.COLLECTED


def test_a_minors_card_goes_to_the_guardian_only() -> None:
    outlet = make_bank()
    client, child, mother = clerk_at(outlet), make_person(1, born=date(2016, 5, 1)), make_person(2)
    make_guardian(child, mother)
    card = ready_card(child, outlet, acting_person_id=mother.person_id)
    assert "监护人" in act(client, card, "hand_over", number_of(child))[1]
    assert act(client, card, "hand_over", number_of(mother))[0] == 302
    assert DeskAct.objects.get().details == {"right": "guardian"}


def test_a_card_that_lies_elsewhere_is_not_handed_over_here() -> None:
    outlet, person = make_bank(), make_person(1)
    second = Outlet.objects.create(
        outlet_id="ICBC-2", bank=outlet.bank, name="ICBC two", windows=1, issues_instantly=False, is_synthetic=True
    )
    client, card = clerk_at(second), ready_card(person, outlet)
    page = client.get(f"{DESK}cards/{card.card_id}/").content.decode()
    assert 'data-due="elsewhere"' in page
    assert "ICBC one" in page
    assert "不在本网点" in act(client, card, "hand_over", number_of(person))[1]


def test_losing_and_finding_at_the_counter() -> None:
    outlet, person = make_bank(), make_person(1)
    client, card = clerk_at(outlet), active_card(person, outlet, at=utc_now() - timedelta(hours=1))
    for action, due in (("pre_report", "found_or_lost"), ("withdraw", "activate"), ("report_loss", "replace")):
        assert act(client, card, action, number_of(person))[0] == 302
        assert f'data-due="{due}"' in client.get(f"{DESK}cards/{card.card_id}/").content.decode()
    assert [row.act for row in DeskAct.objects.order_by("at")] == ["pre_report", "withdraw", "report_loss"]


def test_the_financial_function_brings_the_social_one() -> None:
    outlet, person = make_bank(), make_person(1)
    client, card = clerk_at(outlet), ready_card(person, outlet)
    assert act(client, card, "hand_over_and_activate", number_of(person))[0] == 302
    card.refresh_from_db()
    assert (card.social_state, card.is_financially_active) == ("active", True)
    assert act(client, card, "activate_financial", number_of(person))[0] == 422


@pytest.mark.parametrize(("action", "act_id"), [("dance", "x"), ("hand_over", "x"), ("", "")])
def test_a_form_that_no_page_made(action: str, act_id: str) -> None:
    outlet = make_bank()
    client, card = clerk_at(outlet), ready_card(make_person(1), outlet)
    answer = client.post(f"{DESK}cards/{card.card_id}/", {"action": action, "act_id": act_id})
    assert answer.status_code == 404
