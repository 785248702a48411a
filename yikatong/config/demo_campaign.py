"""A first plan for the demonstration, so that the campaign's pages have something to show. The worker carries it out.

The made-up register is a thousandth of the city, its banks are not: their daily cards are scaled down to the register, and
recorded as what they are, so that weeks fill up as they would in the real city.
"""

from datetime import date, datetime, timedelta

from yikatong.audit.actors import Actor
from yikatong.banks.models import Outlet
from yikatong.campaign.capacities import Kind, record_change
from yikatong.campaign.models import Campaign, CapacityChange
from yikatong.campaign.services import request_plan
from yikatong.foundation.clock import beijing_day
from yikatong.registry.models import Person

NAME, WEEKS, SEED = "demo", 20, 2026
FULL_WEEKS = 14
"""In so many weeks the scaled-down banks make a card for everybody; the other weeks are room for choice."""
REASON = "演示：登记簿是虚构的小样本，各行每日制卡张数按人数同比缩小"


def ensure_demo_plan(*, at: datetime) -> None:
    """Ask for the plan when there is none at all."""
    if Campaign.objects.exists():
        return
    by = Actor.system("demo")
    today = beijing_day(at)
    if not CapacityChange.objects.exists():
        _scale_production(today, by=by, at=at)
    monday = today + timedelta(days=7 - today.weekday())
    request_plan(NAME, starts_on=monday, weeks=WEEKS, seed=SEED, by=by, at=at)


def _scale_production(today: date, *, by: Actor, at: datetime) -> None:
    windows: dict[str, int] = {}
    for bank, count in Outlet.objects.values_list("bank_id", "windows"):
        windows[bank] = windows.get(bank, 0) + count
    cards_a_day = Person.objects.count() / (FULL_WEEKS * 5)
    for bank, count in sorted(windows.items()):
        cards = max(round(cards_a_day * count / sum(windows.values())), 1)
        record_change(Kind.PRODUCTION_CARDS, bank, cards, today, None, REASON, by=by, at=at)
