"""Counts of tries: in their window they hold, after the longest one they are forgotten."""

from datetime import timedelta

import pytest

from yikatong.desks.limits import CODES_FOR_CARD, LOOKUPS, WINDOW_MAX, count, forget_over, is_used_up
from yikatong.desks.models import Tally
from yikatong.foundation.clock import utc_now

pytestmark = pytest.mark.django_db


def test_counts_are_forgotten_when_no_limit_looks_at_them_any_more() -> None:
    at = utc_now()
    count(LOOKUPS, "old", at=at - WINDOW_MAX)
    for _ in range(CODES_FOR_CARD.tries_max):
        count(CODES_FOR_CARD, "card", at=at - WINDOW_MAX + timedelta(seconds=1))
    assert forget_over(at=at) == 1
    assert [tally.key for tally in Tally.objects.all()] == ["kiosk-code:card"]
    assert is_used_up(CODES_FOR_CARD, "card", at=at)
