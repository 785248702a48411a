"""Clock, money, identifiers and masks."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.foundation.clock import age_years, beijing_day, beijing_day_bounds
from yikatong.foundation.identifiers import new_uuid7
from yikatong.foundation.masks import masked_card_number, masked_identity_number, masked_name, masked_phone
from yikatong.foundation.money import round_half_up_fen, yuan_text


@pytest.mark.parametrize(
    ("amount_fen", "text"), [(0, "0.00"), (5, "0.05"), (1234, "12.34"), (-5, "-0.05"), (-1234, "-12.34")]
)
def test_yuan_text(amount_fen: int, text: str) -> None:
    assert yuan_text(amount_fen) == text


@pytest.mark.parametrize(
    ("amount_fen", "percent", "rounded_fen"), [(500, 80, 400), (301, 50, 151), (303, 50, 152), (0, 80, 0), (7, 100, 7)]
)
def test_round_half_up(amount_fen: int, percent: int, rounded_fen: int) -> None:
    assert round_half_up_fen(amount_fen, percent=percent) == rounded_fen


def test_round_half_up_refuses_negative_amounts() -> None:
    with pytest.raises(ValueError, match="negative"):
        round_half_up_fen(-1, percent=50)


def test_the_beijing_day_begins_at_sixteen_utc() -> None:
    assert beijing_day(datetime(2026, 1, 1, 15, 59, 59, tzinfo=UTC)) == date(2026, 1, 1)
    assert beijing_day(datetime(2026, 1, 1, 16, 0, tzinfo=UTC)) == date(2026, 1, 2)
    with pytest.raises(ValueError, match="naive"):
        beijing_day(datetime(2026, 1, 1, 12, 0))  # noqa: DTZ001


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_moment_lies_within_its_day(at: datetime) -> None:
    start, end = beijing_day_bounds(beijing_day(at))
    assert start <= at < end
    assert end - start == timedelta(days=1)


@pytest.mark.parametrize(
    ("birth_date", "on", "years"),
    [
        (date(2008, 11, 23), date(2026, 11, 22), 17),
        (date(2008, 11, 23), date(2026, 11, 23), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
    ],
)
def test_age(birth_date: date, on: date, years: int) -> None:
    assert age_years(birth_date, on) == years


def test_uuid7_is_of_version_seven_and_grows() -> None:
    ids = [new_uuid7() for _ in range(2000)]
    assert {(made.version, made.variant) for made in ids} == {(7, "specified in RFC 4122")}
    assert len(set(ids)) == len(ids)
    milliseconds = [made.int >> 80 for made in ids]
    assert milliseconds == sorted(milliseconds)


def test_masks_keep_only_what_helps_to_recognise() -> None:
    assert masked_name("张三") == "*三"
    assert masked_name("欧阳建国") == "***国"
    assert masked_name("张") == "张"
    assert masked_identity_number("119901199001011234") == "119*************34"
    assert masked_phone("13800001234") == "138****1234"
    assert masked_phone("12") == "****"
    assert masked_card_number("D2143569X") == "D*****69X"
