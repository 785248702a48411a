"""The same facts of every bank for whoever chooses one: outlets in their district, cards at once, how long a card usually takes.

No bank pays for, writes or orders anything here. Offers are none yet, and the page says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.core.cache import cache

from yikatong.banks.known import outlets_in
from yikatong.banks.models import Bank
from yikatong.supervision.selectors import usual_days_to_make

_CACHED_S = 3600


@dataclass(frozen=True, slots=True)
class BankFacts:
    """``usual_days``: within how many days half of the cards were made lately; ``None`` when too few were to tell."""

    bank: Bank
    outlets_near: int
    instant_near: int
    usual_days: int | None


def facts_of(banks: Sequence[Bank], district_code: str, *, on: date) -> list[BankFacts]:
    """The facts in the order of ``banks``."""
    usual: dict[str, int] = cache.get_or_set(f"usual-days:{on}", lambda: usual_days_to_make(on), _CACHED_S) or {}
    found = []
    for bank in banks:
        near = outlets_in(district_code, bank.code)
        found.append(BankFacts(bank, near.outlets, near.instant, usual.get(bank.code)))
    return found
