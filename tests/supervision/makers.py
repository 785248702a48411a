"""Applicants of a city for the figures' tests: lists shown and applications made through the product's own services."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tests.cast import CLERK, application_for, make_bank
from yikatong.applications.models import Application
from yikatong.applications.services import submit
from yikatong.city.models import Division
from yikatong.issuance import services
from yikatong.registry.models import Person
from yikatong.supervision.offers import record_offer

DISTRICTS = {"110101": "东城区", "110105": "朝阳区"}


def make_districts() -> None:
    """Two districts by name."""
    for code, name in DISTRICTS.items():
        Division.objects.get_or_create(
            code=code, defaults={"level": "district", "name": name, "district_code": code, "source": "test"}
        )


def shown(person: Person, banks: Sequence[str], *, at: datetime) -> None:
    """The person opened the bank page and saw these banks in this order."""
    record_offer(person.person_id, banks, at=at)


def applied(person: Person, bank: str, *, at: datetime, **changes: object) -> Application:
    """The person applied at this bank."""
    return submit(application_for(person, make_bank(bank), **changes), by=CLERK, at=at)


def made(application: Application, *, at: datetime) -> int:
    """The card was made; its id."""
    card = services.produce_card(application.person_id, UUID(str(application.application_id)), at=at)
    assert card is not None
    return int(card.card_id)


def collected(card_id: int, *, at: datetime) -> None:
    """The card was handed over."""
    services.mark_ready(card_id, by=CLERK, at=at)
    services.hand_over(card_id, by=CLERK, at=at)
