"""Cards for the desk's journeys: people of the demo's register apply online, and the worker makes their cards."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass

from tests.stack import Stack, wait_for

_APPLY = """
import json, sys
from uuid import uuid4
from yikatong.config.django import set_up_django
from yikatong.database.connection import ensure_database
ensure_database()
set_up_django()
from yikatong.applications.services import SubmitApplication, submit
from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.issuance.selectors import cards_held
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view
bank, outlet, wanted, collection = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
people = Person.objects.filter(category__in=["employee", "flexible"], older_card_generation=2, phone_index__isnull=False)
for person in people.filter(birth_date__lt="1990-01-01").order_by("-person_id"):
    view = clear_view(person)
    alone = Person.objects.filter(phone_index=person.phone_index).count() == 1
    if not alone or cards_held(person.person_id).ever_third_generation:
        continue
    command = SubmitApplication(
        application_id=uuid4(), person_id=person.person_id, acting_person_id=person.person_id, kind="first",
        channel="web", bank_code=bank, collection=collection, outlet_id=outlet if collection == "outlet" else "",
        address="测试街道 1 号" if collection == "post" else "",
    )
    try:
        submit(command, by=Actor("resident", str(person.person_id)), at=utc_now())
    except Refused:
        continue
    print(json.dumps([person.person_id, view.identity_number, view.phone, str(command.application_id)]))
    wanted -= 1
    if not wanted:
        break
"""
_WITHOUT_CARD = """
import sys
from yikatong.config.django import set_up_django
from yikatong.database.connection import ensure_database
ensure_database()
set_up_django()
from yikatong.applications.selectors import applications_of, eligible_banks
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.issuance.selectors import cards_held
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view
bank, wanted, today = sys.argv[1], int(sys.argv[2]), beijing_day(utc_now())
for person in Person.objects.filter(birth_date__lt="1990-01-01").order_by("person_id"):
    if cards_held(person.person_id).ever_third_generation or applications_of(person.person_id):
        continue
    if bank in eligible_banks(person, acting_person_id=None, on=today):
        print("number", clear_view(person).identity_number)
        wanted -= 1
    if not wanted:
        break
"""


@dataclass(frozen=True)
class WaitingCard:
    """A card made for somebody, with what they would bring to the counter."""

    card_id: int
    card_number: str
    person_id: int
    identity_number: str
    phone: str
    receipt: str


def cards_made(stack: Stack, bank: str, outlet_id: str, count: int, *, collection: str = "outlet") -> list[WaitingCard]:
    """So many people apply online for this outlet, or to have the card posted, and their cards are made."""
    command = [sys.executable, "-c", _APPLY, bank, outlet_id, str(count), collection]
    applied = subprocess.run(command, env=stack.environment, capture_output=True, text=True, timeout=120, check=False)
    assert applied.returncode == 0, applied.stderr
    rows = [json.loads(line) for line in applied.stdout.splitlines() if line.startswith("[")]
    assert len(rows) == count, applied.stderr
    return [WaitingCard(*_made(stack, row[0], row[3]), *row) for row in rows]


def people_without_card(stack: Stack, bank: str, count: int) -> list[str]:
    """Identity numbers of so many who could walk into an outlet of this bank and apply; not the one whom the demo names."""
    command = [sys.executable, "-c", _WITHOUT_CARD, bank, str(count)]
    found = subprocess.run(command, env=stack.environment, capture_output=True, text=True, timeout=120, check=True)
    numbers = re.findall(r"^number (\w+)$", found.stdout, re.MULTILINE)
    assert len(numbers) == count, found.stderr
    return numbers


def _made(stack: Stack, person_id: int, receipt: str) -> tuple[int, str]:
    statement = "select card_id, card_number from issuance_card where person_id = %s and application_id = %s::uuid"
    ((card_id, number),) = wait_for(lambda: stack.query(statement, person_id, receipt), why="the worker to make a card")
    return card_id, number
