"""Residents at their pages: signed in, and what came to their phones."""

import re

from django.test import Client

from yikatong.accounts.models import ConsoleMessage, User
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher


def resident(person: Person) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(User.objects.create(username=f"r{person.person_id}", person_id=person.person_id))
    return client


def text_of(client: Client, url: str, status: int = 200) -> str:
    """A page."""
    answer = client.get(url)
    assert answer.status_code == status, (url, answer.status_code)
    return answer.content.decode()


def last_message() -> tuple[str, str]:
    """The masked phone and the text of the newest message."""
    newest = ConsoleMessage.objects.latest("message_id")
    return newest.to_masked, field_cipher().open("sms", bytes(newest.body_sealed))


def last_code() -> str:
    """The code in the newest message."""
    found = re.search(r"验证码 (\d{6})", last_message()[1])
    assert found
    return found[1]
