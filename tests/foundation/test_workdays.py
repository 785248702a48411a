"""Working days follow the State Council's calendar where it is known, the week where it is not."""

from datetime import date

import pytest

from yikatong.foundation.workdays import is_working_day


@pytest.mark.parametrize(
    ("day", "is_worked"),
    [
        (date(2026, 11, 23), True),  # a Monday
        (date(2026, 11, 22), False),  # a Sunday
        (date(2026, 10, 1), False),  # National Day, a Thursday
        (date(2026, 10, 10), True),  # a Saturday worked for it
        (date(2026, 2, 14), True),  # a Saturday worked for the Spring Festival
        (date(2026, 2, 17), False),  # the Spring Festival, a Tuesday
    ],
)
def test_known_days(day: date, is_worked: bool) -> None:
    assert is_working_day(day) is is_worked


def test_a_year_that_is_not_known_counts_by_the_week_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    assert [is_working_day(date(2199, 7, day)) for day in range(1, 8)] == [True, True, True, True, True, False, False]
    assert caplog.text.count("public holidays of 2199 are not known") == 1
