"""Nobody reaches another person's data by changing an id: another resident, and every role without a reason to.

The ways of asking come from the product itself: every route, every name that a page reads from its address or form, every
button; the ids are the victim's. A new page is tried without anybody having to think of it.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client

from tests.cast import make_bank, make_person
from tests.properties import watching
from tests.properties.strangers import Victim, addresses_of, button_values, make_victim, parameter_names, rows_of
from tests.properties.watching import read_by
from yikatong.accounts.models import Role, User
from yikatong.accounts.roles import AREAS, PUBLIC
from yikatong.registry.models import Organisation

pytestmark = pytest.mark.django_db
OTHER_UNIT = "91110108MA00000025"
STRANGERS = (Role.RESIDENT, Role.BANK_CLERK, Role.UNIT, Role.OUTREACH, Role.OPERATOR, Role.AUDITOR)
"""Who has nothing to do with the victim. The card centre does; that it sees people masked is tested with its pages."""


@pytest.fixture
def victim() -> Victim:
    return make_victim()


@pytest.fixture
def stranger(request: pytest.FixtureRequest, victim: Victim, settings: Any) -> Client:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, watching.MIDDLEWARE]
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher"
    ]  # passwords are not what this is about
    role = request.param
    outlet = make_bank("ICBC")
    Organisation.objects.create(credit_code=OTHER_UNIT, kind="employer", name="别的公司", district_code="110108")
    client = Client(raise_request_exception=True)
    person_id = make_person(901).person_id if role == Role.RESIDENT else None
    fields = {"outlet_id": outlet.outlet_id, "organisation_code": OTHER_UNIT, "operator_code": "bjmetro"}
    client.force_login(User.objects.create(username="stranger", role=role, person_id=person_id, **fields))
    return client


def reachable(role: str, victim: Victim) -> Iterator[tuple[str, str]]:
    for name, address in addresses_of(victim):
        area = name.split(":")[-2] if ":" in name else ""
        if area in AREAS[role] or (role == Role.RESIDENT and name in PUBLIC):
            yield name, address


def said(answer: HttpResponseBase) -> str:
    content = answer.content if isinstance(answer, HttpResponse) else b"".join(answer)  # type: ignore[arg-type]
    return content.decode("utf-8", "replace")


def values_tried(
    victim: Victim, ask: Callable[[dict[str, str]], HttpResponseBase]
) -> Iterator[tuple[str, set[str], HttpResponseBase]]:
    """Ask one page with every id of the victim's under every name that pages read: the id, the names read so far, the answer.

    Once the page has answered without looking at any name, other ids would tell it nothing new.
    """
    read: set[str] = set()
    for value in victim.asked_by:
        answer = ask(dict.fromkeys(parameter_names(), value))
        read |= read_by(answer).intersection(parameter_names())
        yield value, read, answer
        if not read or answer.status_code in {403, 405}:
            return


@pytest.mark.parametrize("stranger", STRANGERS, indirect=True, ids=str)
def test_reading_with_the_ids_of_another_shows_nothing_of_them(
    stranger: Client, victim: Victim, request: pytest.FixtureRequest
) -> None:
    role = request.node.callspec.params["stranger"]
    asked, only_sent_to = 0, set()
    for name, address in reachable(role, victim):
        if name in only_sent_to:
            continue
        answer: HttpResponseBase = stranger.get(address)
        asked += 1
        shows_nothing(answer, victim, (address,), f"{name} {address}")
        if answer.status_code == 405:
            only_sent_to.add(name)
        if answer.status_code in {403, 404, 405}:
            continue
        for value, _, answer in values_tried(victim, partial(stranger.get, address)):
            shows_nothing(answer, victim, (address, value), f"{name} {address}: {value}")
    assert asked


def shows_nothing(answer: HttpResponseBase, victim: Victim, typed: tuple[str, ...], where: str) -> None:
    """None of the victim's secrets; what was asked, in the address or the query, may be repeated."""
    page = said(answer)
    for secret in victim.secrets:
        assert secret not in page or secret in typed[0] or secret in typed[1:], f"{where}: {secret}"


@pytest.mark.parametrize("stranger", STRANGERS, indirect=True, ids=str)
def test_sending_the_ids_of_another_changes_nothing_of_theirs(
    stranger: Client, victim: Victim, request: pytest.FixtureRequest
) -> None:
    role = request.node.callspec.params["stranger"]
    before = rows_of(victim)
    person, _, card, application, _, document = victim.asked_by
    one_of_each_kind = {person, card, application, document}
    passed_over = {"account_logout", "set_language"}
    for name, address in reachable(role, victim):
        if name in passed_over:
            continue

        def send(fields: dict[str, str], address: str = address) -> HttpResponseBase:
            made_by_pages = {"application_id": str(uuid4()), "act_id": str(uuid4()), "confirm": "1"}
            return stranger.post(address, fields | made_by_pages)

        for value, read, answer in values_tried(victim, send):
            if value in one_of_each_kind and answer.status_code not in {403, 405}:
                press_buttons(address, read, dict.fromkeys(parameter_names(), value), send)
            if answer.status_code == 405:
                passed_over.add(name)  # a route that nothing can be sent to, whatever the ids in its address
        after = rows_of(victim)
        changed = [table for table in after | before if after.get(table) != before.get(table)]
        assert not changed, f"{name} {address} changed {changed}"


def press_buttons(
    address: str, read: set[str], fields: dict[str, str], send: Callable[[dict[str, str]], HttpResponseBase]
) -> None:
    """Send the form with every button whose name the page has looked for; a button may make it look for another's."""
    waiting = button_values(address)
    while pressed := [button for button in waiting if button[0] in read]:
        waiting = [button for button in waiting if button not in pressed]
        for name, value in pressed:
            answer = send(fields | {name: value})
            read |= read_by(answer).intersection(parameter_names())
