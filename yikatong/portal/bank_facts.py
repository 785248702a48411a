"""The same facts of every bank for whoever chooses one: outlets in their district, cards at once, how long a card usually takes,
what the bank offers with it.

No bank pays for, writes or orders anything here: an offer is registered by the card centre in ``rules/banks.toml``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.core.cache import cache

from yikatong.banks.known import outlets_in
from yikatong.banks.models import Bank
from yikatong.city.banking import Offer, offers_at
from yikatong.supervision.selectors import usual_days_to_make

_CACHED_S = 3600


@dataclass(frozen=True, slots=True)
class BankFacts:
    """``usual_days``: within how many days half of the cards were made lately; ``None`` when too few were to tell.

    ``offer``: ``None`` when none is registered.
    """

    bank: Bank
    outlets_near: int
    instant_near: int
    usual_days: int | None
    offer: Offer | None


def facts_of(banks: Sequence[Bank], district_code: str, *, on: date) -> list[BankFacts]:
    """The facts in the order of ``banks``."""
    usual: dict[str, int] = cache.get_or_set(f"usual-days:{on}", lambda: usual_days_to_make(on), _CACHED_S) or {}
    found, offers = [], offers_at(on)
    for bank in banks:
        near = outlets_in(district_code, bank.code)
        found.append(BankFacts(bank, near.outlets, near.instant, usual.get(bank.code), offers.get(bank.code)))
    return found
