"""Asking for plans in tests: requested, and carried out as the worker would."""

from tests.campaign.world import MONDAY
from tests.cast import CLERK, NOON
from yikatong.campaign.models import Campaign
from yikatong.campaign.services import plan_requested, request_plan


def ask(name: str = "winter", **changes: object) -> Campaign:
    options: dict[str, object] = {"starts_on": MONDAY, "weeks": 4, "seed": 1, "by": CLERK, "at": NOON}
    return request_plan(name, **(options | changes))  # type: ignore[arg-type]


def planned(name: str = "winter", **changes: object) -> Campaign:
    ask(name, **changes)
    plan_requested(name, at=NOON)
    return Campaign.objects.get(campaign_id=name)
