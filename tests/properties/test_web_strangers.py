"""Nobody reaches another person's data by changing an id: another resident, and every role without a reason to.

The ways of asking come from the product itself: every route, every name that a page reads from its address or form, every
button; the ids are the victim's. A new page is tried without anybody having to think of it.
"""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client

from tests.cast import make_bank, make_person
from tests.properties.strangers import Victim, addresses_of, button_values, make_victim, parameter_names, rows_of
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
def stranger(request: pytest.FixtureRequest, victim: Victim) -> Client:
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


def queries(victim: Victim) -> Iterator[dict[str, str]]:
    names = parameter_names()
    for value in victim.asked_by:
        yield dict.fromkeys(names, value)


@pytest.mark.parametrize("stranger", STRANGERS, indirect=True, ids=str)
def test_reading_with_the_ids_of_another_shows_nothing_of_them(
    stranger: Client, victim: Victim, request: pytest.FixtureRequest
) -> None:
    role = request.node.callspec.params["stranger"]
    asked = 0
    for name, address in reachable(role, victim):
        for query in [{}, *queries(victim)]:
            answer = stranger.get(address, query)
            asked += 1
            page = said(answer)
            for secret in victim.secrets:
                typed = secret in address or secret in query.values()  # what was asked may be repeated
                assert typed or secret not in page, f"{name} {address} {query and next(iter(query.values()))}: {secret}"
            if answer.status_code in {403, 404, 405}:
                break
    assert asked


@pytest.mark.parametrize("stranger", STRANGERS, indirect=True, ids=str)
def test_sending_the_ids_of_another_changes_nothing_of_theirs(
    stranger: Client, victim: Victim, request: pytest.FixtureRequest
) -> None:
    role = request.node.callspec.params["stranger"]
    before = rows_of(victim)
    names = parameter_names()
    for name, address in reachable(role, victim):
        if name in {"account_logout", "set_language"}:
            continue
        for value in victim.asked_by:
            buttons = button_values(address) if value in {victim.asked_by[0], victim.asked_by[2]} else []
            for button, pressed in [("", ""), *buttons]:
                form = dict.fromkeys(names, value) | {"application_id": str(uuid4()), "confirm": "1"}
                answer = stranger.post(address, form | ({button: pressed} if button else {}))
                if answer.status_code in {403, 404, 405}:
                    break
            if answer.status_code in {403, 405}:
                break
        after = rows_of(victim)
        assert after == before, f"{name} {address} changed {[t for t in before if after[t] != before[t]]}"
