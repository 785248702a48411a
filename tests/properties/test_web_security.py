"""What holds of every address of the web: headers, no inline script, forged forms, sessions, limits of tries."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

import yikatong
from tests.cast import make_person
from tests.web.test_routes import ALL
from yikatong.accounts.models import ConsoleMessage, Role, User
from yikatong.accounts.roles import AREAS, PUBLIC
from yikatong.registry.sealing import field_cipher

pytestmark = pytest.mark.django_db

SAID_BY_ALL = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
NO_FORM_OF_OURS: dict[str, str] = {
    "openid:credential": "a wallet's access token and proof of its key",
    "openid:nonce": "gives a wallet a number to prove its key with; changes nothing of anybody's",
    "openid:presentation": "the question's own number, which only the wallet was shown, and the signed answer",
    "openid:token": "a code that is used once, and the one sent by message",
}
"""Addresses that take a POST without our token, and what stands in its place."""


def client_of(role: str, **fields: object) -> Client:
    client = Client()
    client.force_login(User.objects.create(username=role, role=role, **fields))
    return client


class Clients(dict[str, Client]):
    """Somebody signed in for each role, when first asked for."""

    def __missing__(self, role: str) -> Client:
        person_id = make_person(1).person_id if role == Role.RESIDENT else None
        self[role] = client_of(role, person_id=person_id)
        return self[role]


@pytest.fixture
def clients() -> Clients:
    return Clients()


def visitor_of(name: str, clients: Clients) -> Client:
    """Somebody who may go there."""
    area = name.split(":")[-2] if ":" in name else ""
    return clients[next((role for role in Role.values if area in AREAS[role]), Role.RESIDENT)]


class Scripts(HTMLParser):
    """Scripts, styles and handlers that stand in the page itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.foreign: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        kind = values.get("type") or ""
        if tag == "style" or (tag == "script" and "src" not in values and kind != "application/json"):
            self.inline.append(tag)
        self.inline += [f"{tag} {name}" for name in values if name == "style" or name.startswith("on")]
        address = values.get("src") or (values.get("href") if tag == "link" else None) or ""
        if re.match(r"(https?:)?//", address):
            self.foreign.append(address)


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_answer_carries_the_headers_and_no_inline_script(name: str, clients: Clients) -> None:
    for client in (Client(), visitor_of(name, clients)):
        answer = client.get(ALL[name])
        assert answer.status_code < 500
        for header, value in SAID_BY_ALL.items():
            assert answer.headers.get(header) == value, header
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Permissions-Policy"].startswith("camera=(self)")
        if answer.headers.get("Content-Type", "").startswith("text/html") and not answer.streaming:
            found = Scripts(answer.content.decode())
            assert (found.inline, found.foreign) == ([], [])


KEPT_FOR_A_WHILE = {"work:campaigns:boundaries": "the districts' outlines, nobody's data"}


@pytest.mark.parametrize("name", sorted(set(ALL) - PUBLIC - set(KEPT_FOR_A_WHILE)))
def test_a_page_of_somebody_signed_in_is_not_kept(name: str, clients: Clients) -> None:
    said = visitor_of(name, clients).get(ALL[name]).headers.get("Cache-Control", "")
    assert "no-store" in said or "no-cache" in said, said
    assert "public" not in said


@pytest.mark.parametrize("name", sorted(set(ALL) - set(NO_FORM_OF_OURS)))
def test_a_forged_form_is_refused_everywhere(name: str, clients: Clients) -> None:
    visitor = visitor_of(name, clients)
    forger = Client(enforce_csrf_checks=True)
    forger.cookies = visitor.cookies
    before = whole_database_digest()
    answer = forger.post(ALL[name], {"action": "anything"}, headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code in {403, 405}, f"{name}: {answer.status_code}"
    assert whole_database_digest() == before


def whole_database_digest() -> list[tuple[str, int]]:
    """How many rows there are, per table; a session that was only looked at is no change."""
    from django.apps import apps

    left_out = {"django_session", "accounts_cache_entry"}
    tables = {model._meta.db_table for model in apps.get_models() if model._meta.managed} - left_out
    counts = (f"select '{table}', count(*) from {connection.ops.quote_name(table)}" for table in sorted(tables))
    with connection.cursor() as cursor:
        cursor.execute(" union all ".join(counts))
        return [(table, count) for table, count in cursor.fetchall()]


def exempt(resolver: URLResolver | None = None, namespace: str = "") -> Iterator[str]:
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from exempt(entry, ":".join(filter(None, [namespace, entry.namespace])))
        elif isinstance(entry, URLPattern) and getattr(entry.callback, "csrf_exempt", False):
            yield ":".join(filter(None, [namespace, entry.name]))


def test_every_exception_from_the_token_is_listed_with_its_reason() -> None:
    assert set(exempt()) == set(NO_FORM_OF_OURS)


def test_nobody_can_choose_the_session_of_somebody_who_signs_in() -> None:
    person = make_person(7)
    phone = f"102{7:08d}"
    client = Client()
    client.get("/sign-in/")
    client.session["planted"] = True
    planted = client.session
    planted["planted"] = True
    planted.save()
    before = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    client.post("/sign-in/", {"phone": phone})
    client.post("/sign-in/code/", {"code": newest_code()})
    after = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    assert client.get("/identify/").status_code == 200, "signed in"
    assert after != before
    thief = Client()
    thief.cookies[django_settings.SESSION_COOKIE_NAME] = before
    assert thief.get("/identify/").status_code == 302
    assert person.person_id


def newest_code() -> str:
    body = ConsoleMessage.objects.latest("message_id").body_sealed
    found = re.search(r"\d{6}", field_cipher().open("sms", bytes(body)))
    assert found
    return found[0]


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie() -> None:
    client = client_of(Role.CARD_CENTRE)
    kept = Client()
    kept.cookies = client.cookies.copy()
    assert kept.get("/work/staff/").status_code == 200
    client.post("/sign-out/")
    assert kept.get("/work/staff/").status_code == 302


def test_a_wrong_code_can_be_tried_only_a_few_times() -> None:
    make_person(8)
    client = Client()
    client.post("/sign-in/", {"phone": f"102{8:08d}"})
    right = newest_code()
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(5):
        client.post("/sign-in/code/", {"code": wrong})
    client.post("/sign-in/code/", {"code": right})
    assert client.get("/identify/").status_code == 302, "the right code comes too late"


def test_codes_are_not_sent_to_one_phone_without_end() -> None:
    make_person(9)
    for _ in range(8):
        Client().post("/sign-in/", {"phone": f"102{9:08d}"})
    assert ConsoleMessage.objects.count() <= 3


def test_a_password_can_be_tried_only_a_few_times() -> None:
    user = User(username="clerk", role=Role.BANK_CLERK)
    user.set_password("the right long password")
    user.save()
    for _ in range(6):
        Client().post("/sign-in/staff/", {"login": "clerk", "password": "a wrong long password"})
    client = Client()
    client.post("/sign-in/staff/", {"login": "clerk", "password": "the right long password"})
    assert client.get("/work/").status_code == 302


@pytest.mark.parametrize("address", ["/no/such/page", "/work/no/such/page"])
def test_a_page_that_does_not_exist_carries_the_headers_too(address: str, clients: Clients) -> None:
    answer = clients[Role.CARD_CENTRE].get(address)
    assert answer.status_code == 404
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_production_asks_for_https_and_host_bound_cookies() -> None:
    import os
    import subprocess
    import sys

    script = (
        "from yikatong.config.django import set_up_django; set_up_django();"
        "from django.conf import settings as s;"
        "from yikatong.accounts import kept_forms, message_storage, print_size; from yikatong.portal import home, questions;"
        "names = [s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.LANGUAGE_COOKIE_NAME, kept_forms.ACCOUNT_COOKIE,"
        " message_storage.HostBoundCookieStorage.cookie_name, print_size.COOKIE, home.INTRO_COOKIE, questions.ANSWERED_COOKIE];"
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS > 0,"
        " all(name.startswith('__Host-') for name in names), s.SESSION_COOKIE_HTTPONLY)"
    )
    environment = os.environ | {"YIKATONG_ENV": "production", "YIKATONG_SECRET_KEY": "x" * 50}
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["True"] * 6


SET_COOKIE = re.compile(r"\.set_(?:signed_)?cookie\(\s*([\w.\"\']+)")


def test_no_cookie_is_set_under_a_name_that_the_one_above_does_not_know() -> None:
    sources = Path(yikatong.__file__).parent.rglob("*.py")
    found = {name for path in sources for name in SET_COOKIE.findall(path.read_text(encoding="utf-8"))}
    assert found == {"ACCOUNT_COOKIE", "ANSWERED_COOKIE", "COOKIE", "INTRO_COOKIE"}


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"])
@pytest.mark.parametrize(
    ("address", "fields"),
    [("/large-print/", {"large": "1"}), ("/language/", {"language": "en"})],
    ids=["print", "language"],
)
def test_no_form_sends_people_to_another_host(address: str, fields: dict[str, str], target: str) -> None:
    answer = Client().post(address, fields | {"next": target})
    assert answer.headers["Location"].startswith("/")
    assert not answer.headers["Location"].startswith("//")


def test_no_sign_in_sends_people_to_another_host() -> None:
    user = User(username="clerk", role=Role.BANK_CLERK)
    user.set_password("the right long password")
    user.save()
    fields = {"login": "clerk", "password": "the right long password", "next": "https://elsewhere.example/"}
    assert Client().post("/sign-in/staff/", fields).headers["Location"].startswith("/work/")


def test_a_fault_shows_no_trace(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the machine")

    monkeypatch.setattr("yikatong.portal.home.render", fails)
    answer = Client(raise_request_exception=False).get("/welcome/")
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "secret of the machine" not in page
    assert "Traceback" not in page
    assert "secret of the machine" in caplog.text, "the operator is told"


@pytest.mark.parametrize(
    "statement", ["update audit_event set actor = 'x'", "delete from audit_event", "truncate audit_event"]
)
def test_the_trail_refuses_changes(statement: str) -> None:
    from django.db import DatabaseError, connection, transaction

    from yikatong.audit.actors import Actor
    from yikatong.audit.services import record
    from yikatong.foundation.clock import utc_now

    record("thing.done", subject="thing:1", by=Actor.system("test"), at=utc_now())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
