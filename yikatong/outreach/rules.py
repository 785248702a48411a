"""How many visits a helper makes, how long a device may keep them, and when what was taken at home no longer fits.

Pure: no I/O, no clock, no framework.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

PACKAGE_KEPT = timedelta(days=3)
"""So long a device keeps visits that it could not bring back. Source: assumption (a long weekend without network)."""
QUEUE_KEPT = timedelta(days=14)
"""So long it keeps applications that were completed and not uploaded, from their package on. Source: assumption."""
DEVICES_MAX = 5
"""Devices that one helper may have at a time. Source: assumption."""
NOTE_LENGTH_MIN = 4


class Reason(StrEnum):
    """Why outreach refuses something, or what was taken at home became a case. Others come from ``applications``."""

    NOT_A_HELPER = "not_a_helper"
    AREA_UNKNOWN = "area_unknown"
    DEVICE_UNKNOWN = "device_unknown"
    DEVICE_LOST = "device_lost"
    TOO_MANY_DEVICES = "too_many_devices"
    VISIT_UNKNOWN = "visit_unknown"
    VISIT_CLOSED = "visit_closed"
    MALFORMED = "malformed"
    CASE_UNKNOWN = "case_unknown"
    CASE_CLOSED = "case_closed"
    REASON_MISSING = "reason_missing"
    PERSON_GONE = "person_gone"
    CATEGORY_CHANGED = "category_changed"
    PERSON_MOVED = "person_moved"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a visit's plan stood on."""

    category: str
    community_code: str

    @property
    def street_code(self) -> str:
        """The street of the community."""
        return self.community_code[:9]


def shares(capacity: int, helpers: int) -> list[int]:
    """How many of a street's visits a day each helper makes: as even as can be, the first ones one more."""
    if helpers < 1:
        return []
    each, rest = divmod(max(capacity, 0), helpers)
    return [each + (number < rest) for number in range(helpers)]


def changed_since(told: Facts, now: Facts | None) -> Reason | None:
    """What the register says otherwise than when the helper left, if it matters; ``now`` is ``None`` for who left it.

    Who moved within the street is the same helpers' and may have the card posted where they live; another street's office has
    not seen them. Another category has other banks. Source: assumption.
    """
    if now is None:
        return Reason.PERSON_GONE
    if told.category and told.category != now.category:
        return Reason.CATEGORY_CHANGED
    if told.community_code and told.street_code != now.street_code:
        return Reason.PERSON_MOVED
    return None


def shown_within(shown_at: datetime, *, made_at: datetime, received_at: datetime) -> datetime:
    """When a list of banks was shown, by a device whose clock may be wrong: not before it had it, not after it said so."""
    return min(max(shown_at, made_at), received_at)
