"""Steps of an application over HTTP, as tests of several pages take them."""

import re

from django.test import Client

from tests.cast import CLERK
from tests.faces import drawn_file
from yikatong.accounts.models import Role, User
from yikatong.foundation.clock import utc_now
from yikatong.issuance.portraits import keep_portrait
from yikatong.registry.models import Person


def signed_in(person: Person) -> Client:
    """A resident."""
    client = Client()
    user, _ = User.objects.get_or_create(
        username=f"r{person.person_id}", defaults={"role": Role.RESIDENT, "person_id": person.person_id}
    )
    client.force_login(user)
    return client


def applicant(person: Person, *, photo_of: Person | None = None) -> Client:
    """A resident; the register has a photograph of whom they apply for."""
    keep_portrait((photo_of or person).person_id, drawn_file(), by=CLERK, at=utc_now())
    return signed_in(person)


def chooses(client: Client, person: Person, step: str, **answers: str) -> str:
    """Answer one page; where it leads."""
    answer = client.post(f"/apply/{step}/", {"for": str(person.person_id)} | answers)
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["location"])


def hidden_of(client: Client, person: Person) -> dict[str, str]:
    """What the check page sends."""
    page = client.get("/apply/check/", {"for": person.person_id}).content.decode()
    return dict(re.findall(r'<input type="hidden" name="(for|application_id|digest)" value="([^"]*)">', page))


def submits(client: Client, person: Person) -> str:
    """Sent from the check page; the receipt's address."""
    answer = client.post("/apply/check/", hidden_of(client, person))
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["location"])
