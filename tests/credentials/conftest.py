"""A wallet that talks to the product in this process, and a card to put into it."""

import re
from collections.abc import Iterator

import httpx
import pytest
from django.test import Client

from tests.cast import active_card, make_bank, make_person
from tests.credentials.wallet import Wallet
from yikatong.accounts.models import ConsoleMessage, Role, User
from yikatong.foundation.clock import utc_now
from yikatong.issuance.models import Card
from yikatong.registry.sealing import field_cipher
from yikatong.registry.selectors import clear_view, find_person

ORIGIN = "http://testserver"


class _InProcess(httpx.BaseTransport):
    """HTTP without a socket, in the test's own transaction; every cookieless request is checked for CSRF."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = Client(enforce_csrf_checks=True).generic(
            request.method,
            request.url.raw_path.decode(),
            request.read(),
            content_type=request.headers.get("Content-Type", ""),
            headers={name: value for name, value in request.headers.items() if name != "content-type"},
        )
        return httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)


@pytest.fixture
def http(db: None) -> Iterator[httpx.Client]:
    """The product's web, in this process."""
    with httpx.Client(transport=_InProcess(), base_url=ORIGIN) as client:
        yield client


@pytest.fixture
def card(db: None) -> Card:
    """In use since now."""
    return active_card(make_person(1), make_bank(), at=utc_now())


@pytest.fixture
def resident(card: Card) -> Client:
    """Signed in."""
    person = find_person(card.person_id)
    assert person is not None
    phone = field_cipher().seal("phone", clear_view(person).phone)
    client = Client()
    client.force_login(
        User.objects.create(username="r", role=Role.RESIDENT, person_id=person.person_id, phone_sealed=phone)
    )
    return client


@pytest.fixture
def operator(db: None) -> Client:
    """A venue's member of staff."""
    client = Client()
    client.force_login(User.objects.create(username="venue", role=Role.OPERATOR, operator_code="BJMETRO"))
    return client


@pytest.fixture
def wallet(http: httpx.Client) -> Wallet:
    """Empty."""
    return Wallet(http)


def offered(resident: Client) -> tuple[str, str]:
    """The link on the page and the code in the SMS."""
    page = resident.post("/code/wallet/")
    assert page.status_code == 200
    newest = ConsoleMessage.objects.order_by("-message_id")[0]
    code = re.search(r"钱包验证码 (\d{6})", field_cipher().open("sms", bytes(newest.body_sealed)))
    assert code
    return str(page.context["link"]), code[1]


def asked(operator: Client, *claims: str) -> tuple[str, str]:
    """The address of a venue's question, and its link."""
    made = operator.post("/work/verify/", {"claim": claims})
    assert made.status_code == 302
    return made.url, str(operator.get(made.url).context["link"])
