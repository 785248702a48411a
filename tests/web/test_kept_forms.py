"""What was typed when the session had ended is kept for the same account, and for nobody else; a page grown old loses nothing."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from tests.cast import make_person
from yikatong.accounts import kept_forms
from yikatong.accounts.models import Role, User
from yikatong.foundation.clock import utc_now

pytestmark = pytest.mark.django_db
HERE = "http://testserver"
TYPED = {
    "for": "1",
    "bank": "ICBC",
    "address": "朝阳区建国路 1 号 𠮷",
    "code": "123456",
    "password": "secret",
    "note": "两\n行",
}
CHECK = "/apply/check/?for=1"


def resident(serial: int) -> User:
    return User.objects.create(username=f"r{serial}", role=Role.RESIDENT, person_id=make_person(serial).person_id)


def signed_in(user: User, **options: Any) -> Client:
    client = Client(headers={"accept-language": "zh-hans"}, **options)
    client.force_login(user)
    client.get("/")  # any page names the account in this browser
    return client


def session_ends(client: Client) -> None:
    Session.objects.all().delete()
    del client.cookies["sessionid"]


def hidden_fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))


def test_the_same_account_finds_what_it_typed_and_sends_it_again() -> None:
    user = resident(1)
    client = signed_in(user)
    session_ends(client)
    answer = client.post(CHECK, TYPED)
    assert answer.headers["Location"] == "/sign-in/?next=/kept/"
    client.force_login(user)
    assert "您刚才填写的内容还在" in client.get("/").content.decode(), "other pages say so too"
    page = client.get("/kept/").content.decode()
    assert f'action="{CHECK}"' in page
    assert "朝阳区建国路 1 号 𠮷" in page
    fields = hidden_fields(page)
    assert {name: fields[name] for name in ("for", "bank", "address", "note")} == {
        name: TYPED[name] for name in ("for", "bank", "address", "note")
    }
    assert not {"code", "password"} & set(fields)
    assert "密码、验证码等没有保留" in page
    client.post(CHECK, fields)
    assert client.get("/kept/").status_code == 302, "what was sent is not offered again"


def test_another_account_on_the_same_browser_never_sees_it() -> None:
    mine, other = resident(1), resident(2)
    client = signed_in(mine)
    session_ends(client)
    client.post(CHECK, TYPED)
    client.force_login(other)
    answer = client.get("/kept/")
    assert answer.status_code == 302
    assert "您刚才填写的内容还在" not in client.get("/").content.decode()
    client.force_login(mine)
    assert client.get("/kept/").status_code == 302, "and it is gone for good"


def test_it_is_sealed_and_gone_after_half_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    user = resident(1)
    client = signed_in(user)
    session_ends(client)
    client.post(CHECK, TYPED)
    stored = str(client.session[kept_forms._SESSION_KEY])
    assert "建国路" not in stored
    assert "建国路".encode().hex() not in stored
    assert client.session.get_expiry_age() <= kept_forms.KEPT_FOR.total_seconds()
    client.force_login(user)
    monkeypatch.setattr(kept_forms, "utc_now", lambda: utc_now() + kept_forms.KEPT_FOR + timedelta(seconds=1))
    assert client.get("/kept/").status_code == 302


@pytest.mark.parametrize(
    ("change", "options"),
    [
        ({"long": "字" * kept_forms.KEPT_BYTES_MAX}, {}),
        ({}, {"content_type": "application/json"}),
        ({}, {"headers": {"Sec-Fetch-Mode": "cors"}}),
    ],
    ids=["too-long", "json", "script"],
)
def test_what_is_no_form_or_too_long_is_not_kept(change: dict[str, str], options: dict[str, Any]) -> None:
    client = signed_in(resident(1))
    session_ends(client)
    assert "/kept/" not in client.post(CHECK, TYPED | change, **options).headers["Location"]


def test_a_stranger_and_a_forged_cookie_keep_nothing() -> None:
    client = Client()
    assert "/kept/" not in client.post(CHECK, TYPED).headers["Location"]
    client.cookies[kept_forms.ACCOUNT_COOKIE] = kept_forms.account_id(resident(1).pk)
    assert "/kept/" not in client.post(CHECK, TYPED).headers["Location"]


def test_signing_out_on_purpose_forgets_the_account() -> None:
    client = signed_in(resident(1))
    client.post("/sign-out/")
    assert client.cookies[kept_forms.ACCOUNT_COOKIE].value == ""
    assert "/kept/" not in client.post(CHECK, TYPED).headers["Location"]


def test_staff_go_to_their_own_sign_in_and_find_their_form_again() -> None:
    clerk = User.objects.create(username="clerk", role=Role.BANK_CLERK)
    client = signed_in(clerk)
    client.get("/work/")
    session_ends(client)
    answer = client.post("/work/bank/walk-in/", {"identity_number": "119901199001010000"})
    assert answer.headers["Location"] == "/sign-in/staff/?next=/kept/"
    client.force_login(clerk)
    assert 'action="/work/bank/walk-in/"' in client.get("/kept/").content.decode()


def test_it_can_be_thrown_away() -> None:
    user = resident(1)
    client = signed_in(user)
    session_ends(client)
    client.post(CHECK, TYPED)
    client.force_login(user)
    client.post("/kept/")
    assert client.get("/kept/").status_code == 302


@pytest.mark.parametrize("language", ["zh-hans", "zh-hant", "en"])
def test_a_page_grown_old_shows_its_fields_to_send_again(language: str) -> None:
    client = signed_in(resident(1), enforce_csrf_checks=True)
    answer = client.post(CHECK, TYPED, headers={"origin": HERE, "accept-language": language})
    page = answer.content.decode()
    assert answer.status_code == 403
    assert f'action="{CHECK}"' in page
    fields = hidden_fields(page)
    assert fields["address"] == TYPED["address"]
    assert not {"code", "password"} & set(fields)
    sent_again = client.post(CHECK, fields, headers={"origin": HERE})
    assert sent_again.status_code != 403


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "https://evil.example"}, {"origin": "null"}], ids=["none", "other", "null"]
)
def test_a_form_of_another_site_is_not_repeated(headers: dict[str, str]) -> None:
    client = signed_in(resident(1), enforce_csrf_checks=True)
    answer = client.post(CHECK, TYPED, headers=headers)
    assert answer.status_code == 403
    assert TYPED["address"] not in answer.content.decode()
    assert 'name="bank"' not in answer.content.decode()


def test_a_used_session_slides_and_is_extended_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(resident(1))
    now = [int(time.time()) + 1000]
    monkeypatch.setattr("yikatong.accounts.sessions.time.time", lambda: now[0])
    client.get("/")
    now[0] += 200
    assert (
        int(re.findall(r'data-left="(\d+)"', client.get("/").content.decode())[0]) == settings.SESSION_COOKIE_AGE - 200
    )
    left = client.post("/session/extend/", headers={"accept": "application/json"}).json()["seconds_left"]
    assert left == settings.SESSION_COOKIE_AGE
    now[0] += 400
    assert f'data-left="{settings.SESSION_COOKIE_AGE}"' in client.get("/").content.decode()
