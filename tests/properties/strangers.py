"""A victim whose rows everybody else tries to reach, and every way of asking for them that the product's own code names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import import_module
from inspect import unwrap
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from tests.cast import NOON, active_card, application_for, made_card, make_bank, make_guardian, make_person
from yikatong.applications.services import submit
from yikatong.audit.actors import Actor
from yikatong.issuance import services
from yikatong.registry.models import Membership, Organisation, Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.selectors import clear_view

SOURCES = Path(__file__).resolve().parent.parent.parent / "yikatong"
VICTIM_NAME, CHILD_NAME, ADDRESS = "欧阳不许看见", "欧阳小不许看", "朝阳区不许看见路八号"
UNIT = "91110105MA00000012"
DESK = Actor("clerk", "victims-desk")


@dataclass(frozen=True, slots=True)
class Victim:
    """Somebody with a child, three cards and an application, at outlet ``B2-1`` and in a unit of their own."""

    person: Person
    child: Person
    numbers: tuple[int, ...]
    """Every number that names something of theirs."""
    names: tuple[str, ...]
    """The same for what is named by a text."""
    secrets: tuple[str, ...]
    """What must never stand on a page of somebody else's."""

    @property
    def asked_by(self) -> tuple[str, ...]:
        """One value of each kind: the person, the child, a card, an application, what is printed or written on papers."""
        return (*map(str, self.persons), str(self.numbers[-1]), self.names[0], self.names[2], self.names[6])

    @property
    def persons(self) -> list[int]:
        """Both of them."""
        return [self.person.person_id, self.child.person_id]


def make_victim() -> Victim:
    """Through the same services as everybody."""
    outlet = make_bank("B2")
    Organisation.objects.create(credit_code=UNIT, kind="employer", name="不许看见有限公司", district_code="110105")
    person, child = _named(make_person(801), VICTIM_NAME), _named(make_person(802, category="minor"), CHILD_NAME)
    make_guardian(child, person)
    Membership.objects.create(
        person_id=person.person_id, organisation_code=UNIT, since=NOON.date() - timedelta(days=99)
    )
    card = active_card(person, outlet)
    childs = made_card(child, outlet, acting_person_id=person.person_id)
    services.mark_ready(childs.card_id, by=DESK, at=NOON)
    third = _named(make_person(803), VICTIM_NAME)
    by_post = application_for(third, outlet, collection="post", outlet_id="", address=ADDRESS)
    application = submit(by_post, by=DESK, at=NOON)
    views = [clear_view(one) for one in (person, child, third)]
    rows = [*_ids_of(person, child, third)]
    return Victim(
        person,
        child,
        numbers=tuple(sorted({one for one in rows if isinstance(one, int)})),
        names=(
            str(application.application_id),
            str(card.application_id),
            card.card_number,
            card.identification_code,
            UNIT,
            outlet.outlet_id,
            views[0].identity_number,
            "B2",
        ),
        secrets=(
            *(VICTIM_NAME, CHILD_NAME, ADDRESS),
            *(view.identity_number for view in views),
            *_phones(views),
            *(card.card_number, card.identification_code, childs.card_number),
        ),
    )


def _phones(views: list[Any]) -> list[str]:
    return [view.phone for view in views if view.phone]


def _named(person: Person, name: str) -> Person:
    person.name_sealed = field_cipher().seal("name", name)
    person.save()
    return person


def _ids_of(*persons: Person) -> Iterator[object]:
    for person in persons:
        yield person.person_id
    for model in apps.get_models():
        fields = {field.name for field in model._meta.concrete_fields}
        if "person_id" in fields:
            for row in model._default_manager.filter(person_id__in=[one.person_id for one in persons]).values():
                yield from (value for name, value in row.items() if name.endswith("_id"))


def rows_of(victim: Victim) -> dict[str, list[str]]:
    """All rows that are the victim's, as text: what nobody else may change. Reading leaves an audit row, which may be added."""
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_rows_statement(), {"persons": victim.persons})
        for table, row in cursor.fetchall():
            found.setdefault(table, []).append(row)
    return {table: sorted(rows) for table, rows in found.items()}


@cache
def _rows_statement() -> str:
    """One question to all tables that name a person or a card."""
    parts = []
    for model in apps.get_models():
        columns = {field.name: field.column for field in model._meta.concrete_fields}
        table = model._meta.db_table
        if table in {"audit_event", "accounts_user"} or not columns.keys() & {"person_id", "card_id"}:
            continue
        cards = "select card_id from issuance_card where person_id = any(%(persons)s)"
        mine = (
            f"{columns['person_id']} = any(%(persons)s)"
            if "person_id" in columns
            else f"{columns['card_id']} in ({cards})"
        )
        parts.append(f"select '{table}', t::text from {table} t where {mine}")
    return " union all ".join(parts)


@cache
def parameter_names() -> list[str]:
    """Every name under which a page reads something from its address or its form."""
    pattern = re.compile(r"""(?:GET|POST|answers|asked|data)(?:\.get|\.getlist)?[(\[]["'](\w+)["']""")
    pages = [path for folder in ("portal", "workbench") for path in (SOURCES / folder).rglob("*.py")]
    fields = re.compile(r"""name=["'](\w+)["']""")
    forms = [path for folder in ("portal", "workbench") for path in (SOURCES / folder).rglob("*.html")]
    found = {name for path in pages for name in pattern.findall(path.read_text("utf-8"))}
    found |= {name for path in forms for name in fields.findall(path.read_text("utf-8"))}
    return sorted(found - {"csrfmiddlewaretoken", "viewport", "color"})


@cache
def _all_buttons() -> list[tuple[str, str]]:
    button = re.compile(r"""<button[^>]*name="(\w+)"[^>]*value="([\w-]+)\"""")
    hidden = re.compile(r"""<input type="hidden" name="(action|do|step)" value="([\w-]+)\"""")
    found: set[tuple[str, str]] = set()
    for folder in ("portal", "workbench"):
        for path in (SOURCES / folder).rglob("*.html"):
            text = path.read_text("utf-8")
            found |= set(button.findall(text)) | set(hidden.findall(text))
    return sorted(found)


@cache
def _words_of(module: str) -> frozenset[str]:
    """The texts in quotation marks of a page's module, and of those of the portal and the workbench that it imports."""
    quoted = re.compile(r"""["']([\w-]+)["']""")
    text = Path(str(import_module(module).__file__)).read_text("utf-8")
    found = set(quoted.findall(text))
    imports = re.findall(r"from (yikatong\.(?:portal|workbench)\.\w+) import", text)
    for package, names in re.findall(r"from (yikatong\.(?:portal|workbench)) import ([\w, ]+)", text):
        imports += [f"{package}.{name}" for name in names.split(", ")]
    for imported in imports:
        found |= set(quoted.findall(Path(str(import_module(imported).__file__)).read_text("utf-8")))
    return frozenset(found)


@cache
def _all_words() -> frozenset[str]:
    quoted = re.compile(r"""["']([\w-]+)["']""")
    pages = [path for folder in ("portal", "workbench") for path in (SOURCES / folder).rglob("*.py")]
    return frozenset(word for path in pages for word in quoted.findall(path.read_text("utf-8")))


def button_values(address: str) -> list[tuple[str, str]]:
    """Every button of a form, as name and value, that the page at an address could act upon: its module or one that it
    imports names the value, or no page does, for then it is an enumeration's."""
    words = _words_of(unwrap(resolve(urlsplit(address).path).func).__module__)
    possible = [(name, value) for name, value in _all_buttons() if value in words or value not in _all_words()]
    return [(name, value) for name, value in possible if name != "language"]


def addresses_of(victim: Victim, resolver: URLResolver | None = None, namespace: str = "") -> Iterator[tuple[str, str]]:
    """Every route with every id of the victim's that fits into it: its name and an address."""
    texts = dict.fromkeys(victim.names)
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from addresses_of(victim, entry, ":".join(filter(None, [namespace, entry.namespace])))
        elif isinstance(entry, URLPattern):
            name = ":".join(filter(None, [namespace, entry.name]))
            kinds = re.findall(r"<(\w+):(\w+)>", str(entry.pattern))
            fitting: dict[str, list[Any]] = {
                "int": list(victim.numbers),
                "uuid": [text for text in texts if re.fullmatch(r"[0-9a-f-]{36}", text)],
                "str": [text for text in texts if "/" not in text],
                "slug": [text for text in texts if re.fullmatch(r"[\w-]+", text)],
            }
            for chosen in product(*(fitting[kind] for kind, _ in kinds)):
                yield (
                    name,
                    reverse(name, kwargs={argument: value for (_, argument), value in zip(kinds, chosen, strict=True)}),
                )
