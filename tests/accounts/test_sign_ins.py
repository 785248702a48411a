"""Every way of signing in, failing and leaving is in the audit trail, without what was typed."""

import pytest
from django.test import Client

from yikatong.accounts.models import Role, User
from yikatong.approvals.account_acts import ROLE_WORDS
from yikatong.audit.models import AuditEvent

pytestmark = pytest.mark.django_db
PASSWORD = "a long password of nobody's"


@pytest.fixture
def user() -> User:
    user = User(username="centre-1", role=Role.CARD_CENTRE)
    user.set_password(PASSWORD)
    user.save()
    return user


def told() -> list[tuple[str, str]]:
    return list(AuditEvent.objects.order_by("event_id").values_list("action", "subject"))


@pytest.mark.parametrize(
    ("login", "password", "action", "is_known"),
    [
        ("centre-1", PASSWORD, "account.signed_in", True),
        ("centre-1", "a wrong long password", "account.sign_in_failed", True),
        ("nobody-1", PASSWORD, "account.sign_in_failed", False),
    ],
)
def test_signing_in(user: User, login: str, password: str, action: str, is_known: bool) -> None:
    Client().post("/sign-in/staff/", {"login": login, "password": password})
    assert told() == [(action, f"account:{user.pk}" if is_known else "account:unknown")]
    assert login not in str(AuditEvent.objects.values())


def test_leaving(user: User) -> None:
    client = Client()
    client.force_login(user)
    client.post("/sign-out/")
    assert told()[-1] == ("account.signed_out", f"account:{user.pk}")


def test_every_role_has_words() -> None:
    assert set(ROLE_WORDS) == set(Role.values)
