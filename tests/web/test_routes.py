"""Every address of the web is closed unless it stands on the one public list."""

import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from yikatong.accounts.models import Role, User
from yikatong.accounts.roles import AREAS, PUBLIC

EXAMPLES = {"int": 1, "uuid": UUID(int=1), "str": "x"}
pytestmark = pytest.mark.django_db


def routes(resolver: URLResolver | None = None, namespace: str = "") -> Iterator[tuple[str, str]]:
    """Every route: its full name and an address for it."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from routes(entry, ":".join(filter(None, [namespace, entry.namespace])))
        elif isinstance(entry, URLPattern):
            name = ":".join(filter(None, [namespace, entry.name]))
            kinds = re.findall(r"<(\w+):(\w+)>", str(entry.pattern))
            yield name, reverse(name, kwargs={argument: EXAMPLES[kind] for kind, argument in kinds})


ALL = dict(routes())


def test_the_walk_sees_all_areas() -> None:
    assert {name.split(":")[-2] for name in ALL if ":" in name} >= {"portal", "bank", "staff", "statements", "audit"}


def test_the_public_list_names_only_routes_that_exist() -> None:
    assert set(ALL) >= PUBLIC


@pytest.mark.parametrize("name", sorted(set(ALL) - PUBLIC))
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_closed_route_sends_strangers_to_sign_in(name: str, method: str) -> None:
    answer = getattr(Client(), method)(ALL[name])
    assert (answer.status_code, answer.headers.get("Location", "")[:9]) == (302, "/sign-in/")


@pytest.mark.parametrize("role", Role.values)
def test_a_role_reaches_no_area_of_another(role: str) -> None:
    client = Client()
    client.force_login(User.objects.create(username=role, role=role, person_id=None))
    for name, address in ALL.items():
        area = name.split(":")[-2] if ":" in name else ""
        if name not in PUBLIC and area and area not in AREAS[role] and name != "portal:home":
            assert client.get(address).status_code == 403, f"{role} reaches {name}"
