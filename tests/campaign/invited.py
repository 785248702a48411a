"""A published plan, and what people were told by it: for the tests of invitations and of keeping half-days."""

from datetime import date, timedelta

from tests.cast import CLERK, NOON
from yikatong.accounts.models import ConsoleMessage
from yikatong.campaign.models import Campaign, Invitation, Slot
from yikatong.campaign.publishing import publish
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher

TODAY = date(2026, 11, 2)
MONDAY = TODAY + timedelta(days=14)
UNIT = "91110000000000000X"
FIXED = {"is_bank_fixed": True}


def plan(name: str = "winter", *, publish_it: bool = True, slots: list[tuple[Person, dict[str, object]]]) -> None:
    """A plan with these slots, by default for ``MONDAY`` at an outlet of a bank that is not fixed."""
    Campaign.objects.create(campaign_id=name, starts_on=TODAY, weeks=26, seed=7)
    for person, changes in slots:
        fields: dict[str, object] = {
            "bank_code": "ICBC",
            "way": "outlet",
            "outlet_id": "ICBC-1",
            "week_starts_on": MONDAY,
        }
        Slot.objects.create(campaign_id=name, person_id=person.person_id, **(fields | changes))
    if publish_it:
        publish(name, by=CLERK, at=NOON)


def texts() -> list[str]:
    return [field_cipher().open("sms", bytes(row.body_sealed)) for row in ConsoleMessage.objects.order_by("message_id")]


def states() -> dict[int, str]:
    return dict(Invitation.objects.values_list("person_id", "state"))
