"""Delegation over HTTP: the resident's pages and the staff's, and what they tell nobody."""

import re
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.test import Client

from tests.cast import CLERK, made_card, make_bank, make_guardian, make_person
from tests.web.applying import signed_in
from yikatong.accounts.models import ConsoleMessage, Role, User
from yikatong.audit.actors import Actor
from yikatong.delegation.models import Delegation
from yikatong.delegation.rules import DAILY_TRIES_MAX, Act
from yikatong.delegation.selectors import may_act
from yikatong.delegation.services import Terms, give
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.issuance.lifecycle import mark_ready
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.selectors import clear_view

pytestmark = pytest.mark.django_db
PAGES = "/delegations/"
DESK = "/work/delegations/"


def about(person: Person, **changes: object) -> dict[str, object]:
    view = clear_view(person)
    form: dict[str, object] = {"phone": view.phone, "last_four": view.identity_number[-4:], "months": "12"}
    return form | {"acts": [Act.APPLY, Act.FOLLOW]} | changes


def may(acting: Person, person: Person, act: Act = Act.APPLY) -> bool:
    return may_act(acting.person_id, person, act, beijing_day(utc_now()))


def last_code() -> str:
    sealed = ConsoleMessage.objects.order_by("-message_id").first()
    assert sealed
    found = re.search(r"验证码 (\d{6})", field_cipher().open("sms", bytes(sealed.body_sealed)))
    assert found
    return found[1]


def test_a_right_is_given_after_it_was_checked_and_ended_from_either_side() -> None:
    mother, son = make_person(1, born=date(1950, 1, 1), category="retiree"), make_person(2)
    client = signed_in(mother)
    page = client.post(f"{PAGES}give/", about(son)).content.decode()
    assert clear_view(son).name not in page, "masked: the phone may be mistyped"
    assert not Delegation.objects.exists(), "checked first"
    checked = re.search(r'name="checked" value="([^"]+)"', page)
    assert checked
    for _ in range(2):
        assert client.post(f"{PAGES}give/", {"checked": checked[1]}).status_code == 302
    delegation = Delegation.objects.get()
    assert may(son, mother)
    assert not may(son, mother, Act.SHOW_CODE)
    assert "查看办理进度" in client.get(PAGES).content.decode()
    assert clear_view(mother).name in signed_in(son).get(PAGES).content.decode()
    end = f"{PAGES}{mother.person_id}/{delegation.delegation_id}/end/"
    assert "不再为" in signed_in(son).get(end).content.decode()
    assert may(son, mother), "asked once more"
    signed_in(son).post(end)
    assert not may(son, mother)
    stranger = signed_in(make_person(3))
    assert stranger.get(end).status_code == 404
    assert stranger.post(end).status_code == 404


def test_what_was_checked_by_one_is_not_given_by_another() -> None:
    mother, son, thief = make_person(1), make_person(2), make_person(3)
    page = signed_in(mother).post(f"{PAGES}give/", about(son)).content.decode()
    checked = re.search(r'name="checked" value="([^"]+)"', page)
    assert checked
    assert signed_in(thief).post(f"{PAGES}give/", {"checked": checked[1]}).status_code == 404
    assert signed_in(mother).post(f"{PAGES}give/", {"checked": checked[1] + "x"}).status_code == 422
    assert not Delegation.objects.exists()


def test_a_right_over_a_parent_is_had_by_the_code_they_tell() -> None:
    mother, son = make_person(1, born=date(1950, 1, 1), category="retiree"), make_person(2)
    client = signed_in(son)
    code_page = client.post(f"{PAGES}ask/", about(mother))["location"]
    wrong = "000000" if last_code() != "000000" else "111111"
    answer = client.post(code_page, {"code": wrong})
    assert answer.status_code == 422
    assert "验证码不对" in answer.content.decode()
    assert client.post(code_page, {"code": last_code()})["location"] == PAGES
    assert may(son, mother)


def test_asking_about_nobody_looks_the_same() -> None:
    son = make_person(2)
    client = signed_in(son)
    form = about(son, phone="10299999999", last_four="0000")
    answer = client.post(f"{PAGES}ask/", form)
    assert answer.status_code == 302
    assert "如果所填与登记信息相符" in client.get(answer["location"]).content.decode()
    assert not ConsoleMessage.objects.exists()
    assert client.post(answer["location"], {"code": "123456"}).status_code == 422


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"acts": []}, "请选择委托办理的事项"),
        ({"acts": ["steal"]}, "请选择委托办理的事项"),
        ({"months": ""}, "请选择委托多久"),
        ({"months": "999"}, "请选择委托多久"),
    ],
)
@pytest.mark.parametrize("page", ["give", "ask"])
def test_what_is_missing_is_told(page: str, changes: dict[str, object], says: str) -> None:
    mother, son = make_person(1), make_person(2)
    answer = signed_in(son).post(f"{PAGES}{page}/", about(mother, **changes))
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not ConsoleMessage.objects.exists()


def test_ones_own_phone_and_too_many_names_are_refused() -> None:
    son, mother = make_person(1), make_person(2)
    Person.objects.filter(pk=mother.pk).update(phone_sealed=son.phone_sealed, phone_index=son.phone_index)
    mother.refresh_from_db()
    client = signed_in(son)
    assert "同一个手机号" in client.post(f"{PAGES}ask/", about(mother)).content.decode()
    other = make_person(3)
    for _ in range(DAILY_TRIES_MAX):
        client.post(f"{PAGES}give/", about(other, last_four="XXXX"))
    assert "次数过多" in client.post(f"{PAGES}give/", about(other)).content.decode()


def test_guardians_are_shown_with_the_day_on_which_it_ends() -> None:
    mother, child = make_person(1), make_person(2, born=date(2016, 2, 29), category="minor")
    make_guardian(child, mother)
    page = signed_in(mother).get(PAGES).content.decode()
    assert "到 2034-03-01 年满十八周岁为止" in page
    assert "所有事项" in page


def staff(role: str) -> Client:
    client = Client()
    outlet = make_bank().outlet_id if role == Role.BANK_CLERK else ""
    client.force_login(User.objects.create(username=role, role=role, outlet_id=outlet))
    return client


@pytest.mark.parametrize("role", [Role.BANK_CLERK, Role.CARD_CENTRE, Role.OUTREACH])
def test_staff_record_what_they_saw_and_end_it(role: str) -> None:
    mother, son = make_person(1, born=date(1950, 1, 1), category="retiree"), make_person(2)
    client = staff(role)
    assert client.get(DESK).status_code == 200
    form: dict[str, object] = {
        "action": "record",
        "delegation_id": str(uuid4()),
        "principal_number": clear_view(mother).identity_number,
        "agent_number": clear_view(son).identity_number,
        "acts": [Act.APPLY],
        "until": str(beijing_day(utc_now()) + timedelta(days=30)),
        "evidence": "双方身份证原件",
    }
    for missing, says in (
        ("evidence", "请写明核对了"),
        ("until", "最后一天不对"),
        ("agent_number", "没有这个证件号码"),
    ):
        answer = client.post(DESK, form | {missing: ""})
        assert answer.status_code == 422
        assert says in answer.content.decode()
    for _ in range(2):
        page = client.post(DESK, form).content.decode()
    assert "已登记" in page
    assert clear_view(son).name not in page
    assert may(son, mother)
    ended = {"action": "revoke", "principal_number": form["principal_number"]}
    client.post(DESK, ended | {"delegation_id": str(Delegation.objects.get().delegation_id)})
    assert not may(son, mother)
    assert client.post(DESK, form | {"delegation_id": "x"}).status_code == 404


@pytest.mark.parametrize("role", [Role.RESIDENT, Role.UNIT, Role.OPERATOR, Role.AUDITOR])
def test_nobody_else_records(role: str) -> None:
    assert staff(role).get(DESK).status_code == 403


@pytest.mark.parametrize("acts", [(Act.COLLECT,), (Act.APPLY, Act.ACTIVATE)])
def test_the_desk_hands_a_card_to_whom_may_collect_it_and_to_nobody_else(acts: tuple[Act, ...]) -> None:
    mother, son = make_person(1, born=date(1950, 1, 1), category="retiree"), make_person(2)
    client, now = staff(Role.BANK_CLERK), utc_now()
    card = made_card(mother, make_bank(), at=now)
    mark_ready(card.card_id, by=CLERK, at=now)
    terms = Terms(acts=acts, until=beijing_day(now))
    by = Actor("resident", str(mother.person_id))
    give(mother.person_id, son.person_id, terms, delegation_id=uuid4(), by=by, at=now)
    form = {"action": "hand_over", "identity_number": clear_view(son).identity_number, "act_id": str(uuid4())}
    status = client.post(f"/work/bank/cards/{card.card_id}/", form).status_code
    card.refresh_from_db()
    assert (status, card.state) == ((302, "collected") if Act.COLLECT in acts else (422, "ready"))
