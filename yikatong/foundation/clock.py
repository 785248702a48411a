"""The time: stored and passed in UTC, shown and cut into business days in Beijing.

Rules never read the clock: they take ``at``. Only the outermost layer (views, commands, tasks) calls ``utc_now``.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

BEIJING = ZoneInfo("Asia/Shanghai")


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def beijing_day(at: datetime) -> date:
    """The calendar day in Beijing on which ``at`` (aware) falls."""
    if at.tzinfo is None:
        raise ValueError("beijing_day needs an aware datetime; got a naive one")
    return at.astimezone(BEIJING).date()


def beijing_day_bounds(day: date) -> tuple[datetime, datetime]:
    """The first moment of ``day`` in Beijing and of the day after, both in UTC."""
    start = datetime.combine(day, time(), tzinfo=BEIJING).astimezone(UTC)
    return start, start + timedelta(days=1)


def age_years(birth_date: date, on: date) -> int:
    """Completed years of age on a day; someone born on 29 February turns a year older on 1 March in common years."""
    return on.year - birth_date.year - ((on.month, on.day) < (birth_date.month, birth_date.day))
