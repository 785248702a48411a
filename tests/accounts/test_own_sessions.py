"""Where an account is signed in: listed without a key or an address, ended one by one or together, forgotten when over."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.cast import make_person
from tests.web.residents import last_code
from yikatong.accounts import own_sessions, sessions, staff_accounts
from yikatong.accounts.cli import accounts
from yikatong.accounts.models import Role, SignedInSession, User
from yikatong.accounts.services import follow_phone
from yikatong.audit.models import AuditEvent
from yikatong.foundation.clock import utc_now

pytestmark = pytest.mark.django_db
PHONE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP2A) AppleWebKit/537.36 Chrome/120.0.6099.144 Mobile Safari/537.36"
)
PASSWORD = "four grey herons standing"


@pytest.fixture
def clerk() -> User:
    user = User(username="clerk", role=Role.CARD_CENTRE)
    user.set_password(PASSWORD)
    user.save()
    return user


def signed_in(user: User) -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(user)
    return client


def confirmed(client: Client) -> Client:
    """Who has typed their password once more."""
    client.post("/sign-in/reauthenticate/", {"password": PASSWORD})
    return client


def is_in(client: Client, address: str = "/work/staff/") -> bool:
    return client.get(address).status_code == 200


def row_of(client: Client) -> SignedInSession:
    return SignedInSession.objects.get(key_digest=hashlib.sha256(client.session.session_key.encode()).digest())


def test_signing_in_writes_a_row_without_key_and_address_and_signing_out_takes_it(clerk: User) -> None:
    client = Client(headers={"user-agent": PHONE}, REMOTE_ADDR="203.0.113.7")
    client.post("/sign-in/staff/", {"login": "clerk", "password": PASSWORD})
    row = row_of(client)
    assert (row.user, row.device) == (clerk, "Android · Chrome")
    kept = str(SignedInSession.objects.values())
    assert not [secret for secret in (client.session.session_key, "203.0.113.7", "Pixel", "6099") if secret in kept]
    client.post("/sign-out/")
    assert not SignedInSession.objects.exists()


def test_a_page_view_costs_no_query_more_than_before_until_the_end_is_moved(
    clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(clerk)
    client.get("/help/")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        client.get("/help/")
    assert [query["sql"].split(" FROM ")[-1].split()[0] for query in asked] == ['"django_session"', '"accounts_user"']
    row, now = row_of(client), sessions.time.time()
    monkeypatch.setattr(sessions.time, "time", lambda: now + sessions.MOVED_EVERY_S_MAX)
    client.get("/help/")
    assert row_of(client).last_used_at - row.last_used_at >= timedelta(seconds=sessions.MOVED_EVERY_S_MAX - 1)
    assert row_of(client).begun_at == row.begun_at


def test_a_session_of_before_there_were_rows_gets_one_with_its_next_page(clerk: User) -> None:
    client = signed_in(clerk)
    SignedInSession.objects.all().delete()
    session = client.session
    del session[own_sessions.LISTED_AS], session[sessions.BEGUN_AT]
    session.save()
    assert is_in(client)
    assert row_of(client).user == clerk


def test_signing_in_again_in_the_same_browser_leaves_one_row_each(clerk: User) -> None:
    other = User.objects.create(username="other", role=Role.CARD_CENTRE)
    client = signed_in(clerk)
    client.force_login(clerk)
    assert SignedInSession.objects.count() == 1
    client.force_login(other)
    assert is_in(client)
    assert [one.is_current for one in own_sessions.sessions_of(other, at=utc_now(), current=client.session)] == [True]
    assert own_sessions.sessions_of(clerk, at=utc_now()) == [], "that session is gone"


def test_one_session_is_ended_and_the_others_go_on(clerk: User) -> None:
    here, there, elsewhere = (signed_in(clerk) for _ in range(3))
    confirmed(here)
    number = row_of(there).session_id
    for _ in range(2):
        assert here.post("/work/sessions/", {"session": str(number)}).status_code == 302
    assert [is_in(client) for client in (here, there, elsewhere)] == [True, False, True]
    told = AuditEvent.objects.filter(action="account.session_ended")
    assert [(event.subject, event.actor) for event in told] == [(f"account:{clerk.pk}", "staff:clerk")]


@pytest.mark.parametrize("number", ["", "x", "-1", "²", "9" * 30, "0"])
def test_a_number_of_no_session_ends_nothing(clerk: User, number: str) -> None:
    here, there = confirmed(signed_in(clerk)), signed_in(clerk)
    assert here.post("/work/sessions/", {"session": number}).status_code == 302
    assert is_in(there)


def test_nothing_is_ended_before_the_password_is_typed_once_more(clerk: User) -> None:
    here, there = signed_in(clerk), signed_in(clerk)
    answer = here.post("/work/sessions/", {"session": str(row_of(there).session_id)})
    assert answer.headers["Location"].startswith("/sign-in/reauthenticate/")
    assert is_in(there)
    here.post(answer.headers["Location"], {"password": "wrong"})
    assert is_in(there)
    here.post(answer.headers["Location"], {"password": PASSWORD}, follow=True)
    assert [is_in(client) for client in (here, there)] == [True, False]


def test_nobody_ends_the_session_of_another(clerk: User) -> None:
    theirs, mine = signed_in(clerk), signed_in(User.objects.create(username="other", role=Role.AUDITOR))
    mine.post("/work/sessions/", {"session": str(row_of(theirs).session_id)})
    assert is_in(theirs)


def test_all_others_are_ended_even_those_that_were_never_listed(clerk: User) -> None:
    here, there, unlisted = (signed_in(clerk) for _ in range(3))
    row_of(unlisted).delete()
    confirmed(here).post("/work/sessions/", {"session": "others"})
    assert [is_in(client) for client in (here, there, unlisted)] == [True, False, False]
    assert [one.is_current for one in own_sessions.sessions_of(clerk, at=utc_now(), current=here.session)] == [True]
    assert AuditEvent.objects.filter(action="account.other_sessions_ended", subject=f"account:{clerk.pk}").exists()


def test_a_changed_password_ends_all_others(clerk: User) -> None:
    here, there = signed_in(clerk), signed_in(clerk)
    new = {"old": PASSWORD, "new": "nine brown hares running", "again": "nine brown hares running"}
    assert here.post("/work/password/", new).status_code == 302
    assert [is_in(client) for client in (here, there)] == [True, False]
    assert SignedInSession.objects.get() == row_of(here)


def test_an_administrator_signs_an_account_out_and_it_may_sign_in_again(clerk: User) -> None:
    admin = signed_in(User.objects.create(username="admin", role=Role.ADMINISTRATOR))
    theirs = [signed_in(clerk), signed_in(clerk)]
    page = admin.get(f"/work/accounts/{clerk.pk}/").content.decode()
    assert "结束全部登录" in page
    assert admin.post(f"/work/accounts/{clerk.pk}/", {"action": "end_sessions"}).status_code == 302
    assert [is_in(client) for client in theirs] == [False, False]
    told = AuditEvent.objects.get(action="account.sessions_ended")
    assert (told.subject, told.actor, told.details["sessions"]) == (f"account:{clerk.pk}", "staff:admin", 2)
    again = Client()
    assert again.post("/sign-in/staff/", {"login": "clerk", "password": PASSWORD}).status_code == 302
    assert is_in(again)


def test_an_administrator_signs_no_resident_out() -> None:
    admin = signed_in(User.objects.create(username="admin", role=Role.ADMINISTRATOR))
    resident = User.objects.create(username="r", person_id=make_person(1).person_id)
    theirs = signed_in(resident)
    assert admin.post(f"/work/accounts/{resident.pk}/", {"action": "end_sessions"}).status_code == 404
    assert is_in(theirs, "/privacy/")


@pytest.mark.parametrize("how", ["deactivated", "reset", "phone_changed"])
def test_what_shuts_an_account_out_leaves_no_session(how: str, clerk: User) -> None:
    admin = User.objects.create(username="admin", role=Role.ADMINISTRATOR)
    resident = User.objects.create(username="r", person_id=make_person(1).person_id)
    clients = [signed_in(clerk), signed_in(resident)]
    by = staff_accounts.Actor("staff", "admin")
    if how == "deactivated":
        staff_accounts.deactivate(clerk.pk, by=admin, at=utc_now())
    elif how == "reset":
        staff_accounts.reset_sign_in(clerk.pk, by=by, at=utc_now())
    else:
        follow_phone(resident.person_id or 0, "10200000009")
    left = resident if how != "phone_changed" else clerk
    assert [row.user for row in SignedInSession.objects.all()] == [left]
    assert [is_in(clients[0]), is_in(clients[1], "/privacy/")] == [left == clerk, left == resident]


def test_everybody_is_signed_out_from_the_command_line(clerk: User) -> None:
    client = signed_in(clerk)
    assert CliRunner().invoke(accounts, ["sign-everybody-out"], input="n\n").exit_code == 1
    assert is_in(client)
    assert "1 sessions ended" in CliRunner().invoke(accounts, ["sign-everybody-out", "--yes"]).output
    assert not is_in(client)
    assert not SignedInSession.objects.exists()
    assert AuditEvent.objects.filter(action="account.everybody_signed_out").exists()


def test_what_is_over_is_forgotten(clerk: User) -> None:
    living, over, gone, fresh = (signed_in(clerk) for _ in range(4))
    rows = [row_of(client) for client in (living, over, gone, fresh)]
    Session.objects.filter(session_key=over.session.session_key).update(expire_date=utc_now() - timedelta(seconds=1))
    Session.objects.filter(session_key__in=[gone.session.session_key, fresh.session.session_key]).delete()
    long_ago = utc_now() - own_sessions.ORPHANS_KEPT_FOR - timedelta(seconds=1)
    SignedInSession.objects.exclude(session_id=rows[3].session_id).update(last_used_at=long_ago)
    assert own_sessions.forget_ended(at=utc_now()) == 2
    assert set(SignedInSession.objects.all()) == {rows[0], rows[3]}, "a row may be a moment older than its session"
    assert [row.session_key for row in Session.objects.all()] == [living.session.session_key]


@pytest.mark.parametrize(
    ("role", "most"), [(Role.RESIDENT, 7 * 86400), (Role.AUDITOR, 24 * 3600), (Role.KIOSK, 24 * 3600)]
)
def test_a_session_ends_for_good_however_much_it_is_used(role: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    person_id = make_person(1).person_id if role == Role.RESIDENT else None
    client = signed_in(User.objects.create(username="one", role=role, person_id=person_id))
    address = "/privacy/" if role == Role.RESIDENT else "/work/sessions/"
    begun = client.session[sessions.BEGUN_AT]
    now = [begun]
    monkeypatch.setattr(sessions.time, "time", lambda: now[0])
    while now[0] + 6 * 3600 < begun + most:
        now[0] += 6 * 3600
        assert is_in(client, address), (now[0] - begun) / 3600
    now[0] = begun + most - 1
    answer = client.get(address).content.decode()
    assert ('data-left="1"' in answer, 'data-most="1"' in answer) == (True, True), "the warning knows"
    left: Any = client.post("/session/extend/", headers={"accept": "application/json"}).json()
    assert left == {"seconds_left": 1}, "nothing puts it off"
    now[0] += 1
    answer_after = client.get(address)
    assert answer_after.status_code == 302
    assert answer_after.headers["Location"].startswith("/sign-in/")
    assert not SignedInSession.objects.exists()


def test_what_is_sent_after_the_longest_time_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    user = User.objects.create(username="one", person_id=make_person(1).person_id)
    client = signed_in(user)
    client.get("/")
    ended = client.session[sessions.BEGUN_AT] + 7 * 86400
    monkeypatch.setattr(sessions.time, "time", lambda: ended)
    answer = client.post("/privacy/request/", {"kind": "correct", "text": "请更正民族"})
    assert answer.headers["Location"] == "/sign-in/?next=/kept/"
    client.force_login(user)
    assert "请更正民族" in client.get("/kept/").content.decode()


def test_the_longest_time_is_told_without_a_script(clerk: User) -> None:
    assert "每次登录最长 7 天" in Client().get("/sign-in/").content.decode()
    assert "每次登录最长 24 小时" in Client().get("/sign-in/staff/").content.decode()
    assert "每次登录最长 24 小时" in signed_in(clerk).get("/work/staff/").content.decode()


def test_residents_see_and_end_their_own() -> None:
    user = User.objects.create(username="one", person_id=make_person(1).person_id)
    here, there = signed_in(user), Client()
    there.force_login(user)
    SignedInSession.objects.filter(session_id=row_of(there).session_id).update(device="iPhone · Safari")
    assert "/privacy/sessions/" in here.get("/privacy/").content.decode()
    page = here.get("/privacy/sessions/").content.decode()
    assert "iPhone · Safari" in page
    assert page.count("这台设备</span>") == 1
    form = {"session": str(row_of(there).session_id), "code": "000000"}
    assert here.post("/privacy/sessions/", form).status_code == 422, "a code is needed"
    here.post("/privacy/sessions/", {"action": "send"})
    assert "102****0001" in here.get("/privacy/sessions/").content.decode()
    wrong = "000000" if last_code() != "000000" else "111111"
    assert here.post("/privacy/sessions/", form | {"code": wrong}).status_code == 422
    assert is_in(there, "/privacy/")
    assert here.post("/privacy/sessions/", form | {"code": last_code()}).status_code == 302
    assert [is_in(client, "/privacy/") for client in (here, there)] == [True, False]
    assert AuditEvent.objects.get(action="account.session_ended").actor == f"resident:{user.person_id}"
    assert here.post("/privacy/sessions/", {"session": "others", "code": last_code()}).status_code == 422, "used"


def test_a_resident_ends_all_others_by_one_code() -> None:
    user = User.objects.create(username="one", person_id=make_person(1).person_id)
    here, *others = (signed_in(user) for _ in range(3))
    here.post("/privacy/sessions/", {"action": "send"})
    assert here.post("/privacy/sessions/", {"session": "others", "code": last_code()}).status_code == 302
    assert [is_in(client, "/privacy/") for client in (here, *others)] == [True, False, False]
