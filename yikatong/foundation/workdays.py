"""Which days are worked in China: Monday to Friday, less public holidays, plus the weekend days worked in their place.

Source: the State Council's yearly notices, as the library ``chinesecalendar`` collects them. The notice for a year comes out
in the November before; a year the library does not know yet counts Monday to Friday, said once in the log.
"""

import logging
from datetime import date, timedelta
from functools import cache

import chinese_calendar

log = logging.getLogger(__name__)
SATURDAY = 6


def is_working_day(day: date) -> bool:
    """Whether offices are open and working-day tariffs hold on ``day``."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        _tell_unknown(day.year)
        return day.isoweekday() < SATURDAY


def add_working_days(day: date, days: int) -> date:
    """The ``days``-th working day after ``day``; ``day`` itself for 0."""
    while days:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return day


@cache
def _tell_unknown(year: int) -> None:
    log.warning("public holidays of %d are not known: update chinesecalendar; Monday to Friday count as worked", year)
