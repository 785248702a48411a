"""Accounts of staff over HTTP: two administrators give rights, one takes them away, first things come first."""

import base64
import hmac
import re
import struct
import time
from typing import Any
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from tests.cast import make_person
from yikatong.accounts import staff_accounts
from yikatong.accounts.models import Role, User
from yikatong.accounts.staff_accounts import Duties
from yikatong.approvals.account_acts import ROLE_WORDS
from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused

pytestmark = pytest.mark.django_db
ACCOUNTS = "/work/accounts/"


def client_of(name: str, role: str = Role.ADMINISTRATOR) -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(User.objects.get_or_create(username=name, defaults={"role": role})[0])
    return client


def form(**changes: Any) -> dict[str, Any]:
    return {"request_id": str(uuid4()), "reason": "新同事入职", "role": "card_centre", "place": ""} | changes


def test_an_account_is_made_by_two_and_its_password_is_told_once_and_changed_first() -> None:
    first, second = client_of("admin"), client_of("admin2")
    address = first.post(ACCOUNTS + "new/", form(username="zhang.san"))["location"]
    assert not User.objects.filter(username="zhang.san").exists()
    assert first.post(address, {"action": "approve"}).status_code == 422
    page = second.post(address, {"action": "approve"}, follow=True).content.decode()
    password = re.search(r'id="told-once">([^<]+)<', page)
    assert password
    assert password[1] not in second.get(address).content.decode(), "told once"
    fresh = Client()
    signed_in = fresh.post("/sign-in/staff/", {"login": "zhang.san", "password": password[1]}, follow=True)
    assert signed_in.redirect_chain[-1][0] == "/work/password/"
    assert fresh.get("/work/staff/register/")["location"] == "/work/password/"
    new = {"old": password[1], "new": "a long new passphrase", "again": "a long new passphrase"}
    assert fresh.post("/work/password/", new | {"again": "another"}).status_code == 422
    assert fresh.post("/work/password/", new | {"new": "short", "again": "short"}).status_code == 422
    assert fresh.post("/work/password/", new)["location"] == "/work/"
    assert fresh.get("/work/staff/register/").status_code == 200


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"username": "A"}, "用户名用小写字母开头"),
        ({"username": "admin"}, "已有人使用"),
        ({"role": "resident"}, "请选择一个工作人员岗位"),
        ({"role": "bank_clerk"}, "要填写所属的网点"),
        ({"reason": "短"}, "请写明原因"),
    ],
)
def test_what_may_not_be_asked(changes: dict[str, str], words: str) -> None:
    answer = client_of("admin").post(ACCOUNTS + "new/", form(**{"username": "li.si"} | changes))
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_one_administrator_switches_an_account_off_at_once() -> None:
    clerk = client_of("clerk", Role.CARD_CENTRE)
    admin = client_of("admin")
    number = User.objects.get(username="clerk").pk
    assert clerk.get("/work/staff/register/").status_code == 200
    assert admin.post(f"{ACCOUNTS}{number}/", {"action": "deactivate"}).status_code == 302
    assert clerk.get("/work/staff/register/").status_code == 302, "signed out with the next page"


def test_nobody_switches_off_themselves_or_the_last_two_administrators() -> None:
    admin = client_of("admin")
    client_of("admin2")
    for name in ("admin", "admin2"):
        number = User.objects.get(username=name).pk
        assert admin.post(f"{ACCOUNTS}{number}/", {"action": "deactivate"}).status_code == 422
    client_of("admin3")
    assert admin.post(f"{ACCOUNTS}{number}/", {"action": "deactivate"}).status_code == 302


def test_administrators_see_no_personal_data_and_residents_are_no_accounts() -> None:
    admin, person = client_of("admin"), make_person(1)
    resident = User.objects.create(username="resident-x", role=Role.RESIDENT, person_id=person.person_id)
    for address in ("/work/staff/register/", f"/work/staff/persons/{person.person_id}/", "/work/messages/"):
        assert admin.get(address).status_code == 403
    assert admin.get(f"{ACCOUNTS}{resident.pk}/").status_code == 404
    assert "resident-x" not in admin.get(ACCOUNTS).content.decode()


def test_another_role_holds_from_the_next_page_on() -> None:
    clerk = client_of("clerk", Role.CARD_CENTRE)
    first, second = client_of("admin"), client_of("admin2")
    number = User.objects.get(username="clerk").pk
    change = form(action="change", role="auditor")
    address = first.post(f"{ACCOUNTS}{number}/", change)["location"]
    second.post(address, {"action": "approve"})
    assert clerk.get("/work/staff/register/").status_code == 403
    assert clerk.get("/work/audit/").status_code == 200


def test_the_first_two_administrators_come_from_the_command_line_and_no_third() -> None:
    by = Actor.system("test")
    for name in ("root.one", "root.two"):
        staff_accounts.add_first_administrator(name, by=by, at=utc_now())
    with pytest.raises(Refused):
        staff_accounts.add_first_administrator("root.three", by=by, at=utc_now())
    staff_accounts.create_account("someone", Duties(Role.AUDITOR), by=by, at=utc_now())


def test_where_a_second_factor_is_needed_nothing_works_without_it(settings: Any) -> None:
    settings.SECOND_FACTOR_ROLES = frozenset({Role.CARD_CENTRE.value})
    user = User.objects.create(username="centre", role=Role.CARD_CENTRE)
    user.set_password("a long passphrase")
    user.save()
    client = Client(headers={"accept-language": "zh-hans"})
    login = {"login": "centre", "password": "a long passphrase"}
    asked_again = client.post("/sign-in/staff/", login, follow=True).redirect_chain[-1][0]
    assert asked_again.startswith("/sign-in/reauthenticate/")
    assert client.get("/work/staff/register/")["location"] == "/second-factor/totp/"
    page = client.post(asked_again, {"password": login["password"]}, follow=True).content.decode()
    secret = re.search(r"<code>([A-Z2-7]+)</code>", page)
    assert secret
    assert client.post("/second-factor/totp/", {"code": "000000"}).status_code == 200
    code = _code(secret[1])
    assert client.post("/second-factor/totp/", {"code": code}).status_code == 302
    assert client.get("/work/staff/register/").status_code == 200
    stored = Authenticator.objects.get(user=user, type="totp")
    assert secret[1] not in str(stored.data), "sealed at rest"
    again = Client(headers={"accept-language": "zh-hans"})
    assert again.post("/sign-in/staff/", login)["location"] == "/sign-in/second/"
    assert again.get("/work/staff/register/").status_code == 302, "a password alone is not enough"


def test_residents_have_no_second_factor_page() -> None:
    person = make_person(1)
    client = Client()
    client.force_login(User.objects.create(username="r", role=Role.RESIDENT, person_id=person.person_id))
    assert client.get("/second-factor/").status_code == 403


def _code(secret: str) -> str:
    """RFC 6238 by hand: what any authenticator shows now."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), "sha1")
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 10**6:06}"


def test_every_role_has_words() -> None:
    assert set(ROLE_WORDS) == set(Role)
