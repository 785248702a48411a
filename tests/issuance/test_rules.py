"""What may be done with a card in which state, and how its numbers are made."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from yikatong.foundation.checksums import card_number_check_digit
from yikatong.foundation.errors import Refused
from yikatong.issuance.rules import (
    DISTRICT_LETTERS,
    CardSnapshot,
    Reason,
    card_number,
    check_activation,
    check_arrival,
    check_hand_over,
    check_loss_report,
    check_right_to_act,
    expires_on,
    has_lapsed,
    identification_body,
    is_in_holders_hands,
    is_reported_lost,
)

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MADE = CardSnapshot(
    card_id=1,
    person_id=1,
    generation=3,
    state="made",
    social_state="inactive",
    is_financially_active=False,
    is_posted=False,
    pre_reported_lost_at=None,
    pre_report_lapses_at=None,
    reported_lost_at=None,
)
READY = replace(MADE, state="ready")
POSTED = replace(READY, is_posted=True)
COLLECTED = replace(MADE, state="collected")
ACTIVE = replace(COLLECTED, social_state="active")
ENDED = replace(COLLECTED, social_state="ended")
PRE_REPORTED = replace(ACTIVE, pre_reported_lost_at=AT - DAY, pre_report_lapses_at=AT + 9 * DAY)
LAPSED = replace(ACTIVE, pre_reported_lost_at=AT - 10 * DAY, pre_report_lapses_at=AT)
LOST = replace(ENDED, state="cancelled", reported_lost_at=AT - DAY)
CANCELLED = replace(ENDED, state="cancelled")


def outcome(check: object, *args: object, **kwargs: object) -> bool | Reason | None:
    try:
        answer = check(*args, **kwargs)  # type: ignore[operator]
    except Refused as refused:
        return Reason(refused.reason)
    assert answer is None or isinstance(answer, bool)
    return answer


@pytest.mark.parametrize(
    ("card", "activation", "hand_over", "loss"),
    [
        (MADE, Reason.CARD_NOT_COLLECTED, Reason.CARD_NOT_READY, Reason.CARD_NOT_COLLECTED),
        (READY, Reason.CARD_NOT_COLLECTED, True, Reason.CARD_NOT_COLLECTED),
        (POSTED, True, True, None),
        (COLLECTED, True, False, None),
        (ACTIVE, False, False, None),
        (ENDED, Reason.SOCIAL_FUNCTION_ENDED, False, None),
        (PRE_REPORTED, Reason.CARD_REPORTED_LOST, Reason.CARD_REPORTED_LOST, None),
        (LAPSED, False, False, None),
        (LOST, Reason.CARD_REPORTED_LOST, Reason.CARD_REPORTED_LOST, Reason.CARD_CANCELLED),
        (CANCELLED, Reason.CARD_CANCELLED, Reason.CARD_CANCELLED, Reason.CARD_CANCELLED),
    ],
    ids=["made", "ready", "posted", "collected", "active", "ended", "pre-reported", "lapsed", "lost", "cancelled"],
)
def test_what_may_be_done_in_each_state(
    card: CardSnapshot, activation: bool | Reason, hand_over: bool | Reason, loss: Reason | None
) -> None:
    assert outcome(check_activation, card, AT) is activation
    assert outcome(check_hand_over, card, AT, is_minor=False, guardian_present=False) is hand_over
    assert outcome(check_loss_report, card) is loss


@pytest.mark.parametrize(
    ("card", "expected"),
    [(MADE, True), (READY, False), (COLLECTED, False), (CANCELLED, Reason.CARD_CANCELLED)],
)
def test_a_card_arrives_once(card: CardSnapshot, expected: bool | Reason) -> None:
    assert outcome(check_arrival, card) is expected


@pytest.mark.parametrize(
    ("is_minor", "guardian", "expected"), [(True, True, True), (True, False, None), (False, False, True)]
)
def test_a_minors_card_is_handed_to_its_guardian(is_minor: bool, guardian: bool, expected: bool | None) -> None:
    found = outcome(check_hand_over, READY, AT, is_minor=is_minor, guardian_present=guardian)
    assert found is (expected if expected else Reason.GUARDIAN_REQUIRED)


@pytest.mark.parametrize(
    ("acting", "is_minor", "guardians", "expected"),
    [
        (None, True, set(), None),  # at a counter, where the document was seen
        (1, False, set(), None),
        (7, False, {7}, None),
        (7, False, set(), Reason.NOT_THE_HOLDER),
        (1, True, {7}, Reason.GUARDIAN_REQUIRED),
        (7, True, {7}, None),
    ],
)
def test_who_may_act(acting: int | None, is_minor: bool, guardians: set[int], expected: Reason | None) -> None:
    found = outcome(
        check_right_to_act,
        holder_person_id=1,
        acting_person_id=acting,
        is_minor=is_minor,
        guardian_ids=frozenset(guardians),
    )
    assert found is expected


@pytest.mark.parametrize(
    ("at", "is_lost", "lapsed"),
    [(AT - 2 * DAY, False, False), (AT - DAY, True, False), (AT + 9 * DAY, False, True)],
)
def test_a_pre_report_begins_and_ends_by_itself(at: datetime, is_lost: bool, lapsed: bool) -> None:
    assert is_reported_lost(PRE_REPORTED, at) is is_lost
    assert has_lapsed(PRE_REPORTED, at) is lapsed


def test_a_formal_report_never_lapses() -> None:
    both = replace(PRE_REPORTED, reported_lost_at=AT)
    assert is_reported_lost(both, AT + 999 * DAY)
    assert not has_lapsed(both, AT + 999 * DAY)


def test_what_is_posted_is_in_the_holders_hands() -> None:
    assert [is_in_holders_hands(card) for card in (MADE, READY, POSTED, COLLECTED)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("made_on", "last_day"),
    [
        (date(2021, 12, 3), date(2031, 12, 2)),  # a published card face
        (date(2026, 1, 1), date(2035, 12, 31)),
        (date(2024, 2, 29), date(2034, 2, 28)),
        (date(2026, 3, 1), date(2036, 2, 29)),
    ],
)
def test_a_card_lasts_ten_years_less_a_day(made_on: date, last_day: date) -> None:
    assert expires_on(made_on, 10) == last_day


def test_card_numbers_differ_by_serial_and_check_themselves() -> None:
    numbers = [card_number(place, serial) for place in range(16) for serial in (0, 1, 35, 36, 36**7 - 1)]
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        assert len(number) == 9
        assert number[0] in DISTRICT_LETTERS
        assert card_number_check_digit(number[:8]) == number[8]
    assert card_number(0, 36**7 - 1)[1:8] == "ZZZZZZZ"
    assert not set(DISTRICT_LETTERS) & set("ABCDEFGHIO"), "letters of older cards, and those that look like digits"


@pytest.mark.parametrize("serial", [-1, 36**7])
def test_a_serial_beyond_its_characters_is_told(serial: int) -> None:
    with pytest.raises(ValueError, match="seven characters"):
        card_number(0, serial)


def test_an_identification_code_names_city_provider_and_serial() -> None:
    assert identification_body("110000", 0x01020304).hex().upper() == "110000D15600000501020304"
