"""What an applicant was really offered: the banks they may choose, in the order drawn, at the first showing of a day.

The draw (``banks``) holds all banks in order; which of them somebody may choose is decided when the page is opened and can change
later, so it is kept here. The record is evidence and append-only by itself; the draw's audit row stands beside it, and
a second one of the same content would only double the largest table of the audit. Later showings of the day are not counted.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from yikatong.foundation.clock import beijing_day

WEB, OUTREACH = "web", "outreach"
_KEEP = """
insert into supervision_bank_offer (person_id, day, bank_codes, channel, offered_at) values (%s, %s, %s, %s, %s)
on conflict do nothing
"""


def record_offer(person_id: int, bank_codes: Sequence[str], *, at: datetime, channel: str = WEB) -> None:
    """Keep what was shown. Only the first of a person and day counts; repeating it is harmless. Nothing offered, nothing kept."""
    if bank_codes:
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, [person_id, beijing_day(at), list(bank_codes), channel, at])


def record_offer_at_home(person_id: int, bank_codes: Sequence[str], at: datetime) -> None:
    """The same for a list that a helper's device showed without a network, told when it is back."""
    record_offer(person_id, bank_codes, at=at, channel=OUTREACH)
