"""What an applicant was really offered: the banks they may choose, in the order drawn, at the first showing of a day.

The draw (``banks``) holds all banks in order; which of them somebody may choose is decided when the page is opened and can change
later, so it is kept here. The record is evidence and append-only by itself; the draw's audit row stands beside it, and
a second one of the same content would only double the largest table of the audit. Later showings of the day are not counted.
"""

from collections.abc import Sequence
from datetime import datetime

from yikatong.foundation.clock import beijing_day
from yikatong.supervision.models import BankOffer

WEB, OUTREACH = "web", "outreach"


def record_offer(person_id: int, bank_codes: Sequence[str], *, at: datetime, channel: str = WEB) -> None:
    """Keep what was shown. Only the first of a person and day counts; repeating it is harmless. Nothing offered, nothing kept."""
    if bank_codes:
        offer = BankOffer(
            person_id=person_id, day=beijing_day(at), bank_codes=list(bank_codes), channel=channel, offered_at=at
        )
        BankOffer.objects.bulk_create([offer], ignore_conflicts=True)


def record_offer_at_home(person_id: int, bank_codes: Sequence[str], at: datetime) -> None:
    """The same for a list that a helper's device showed without a network, told when it is back."""
    record_offer(person_id, bank_codes, at=at, channel=OUTREACH)
