"""Every refusal and every state that can reach a page has words for it, in Chinese and in English."""

import itertools
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from yikatong.applications.rules import Reason as ApplicationReason
from yikatong.campaign.appointments import Reason as AppointmentReason
from yikatong.campaign.booking import BookingReason
from yikatong.campaign.models import AppointmentState
from yikatong.issuance.models import CardState, SocialState
from yikatong.issuance.rules import CardSnapshot, JobReason
from yikatong.issuance.rules import Reason as CardReason
from yikatong.portal import words
from yikatong.workbench import words as staff_words

AT = datetime(2026, 11, 23, tzinfo=UTC)
CHINESE = re.compile("[\u4e00-\u9fff]")
NEVER_A_HOLDERS = {CardReason.OTHER_BANKS_CARD, CardReason.CARD_NOT_READY, CardReason.ORDER_UNKNOWN}
NEVER_AT_A_COUNTER = {
    ApplicationReason.NOT_OFFERED,
    ApplicationReason.OUTLET_MISSING,
    ApplicationReason.OUTLET_OF_OTHER_BANK,
    ApplicationReason.MINOR_COLLECTS_AT_OUTLET,
    ApplicationReason.ADDRESS_MISSING,
    ApplicationReason.UNIT_MISSING,
    ApplicationReason.UNIT_DOES_NOT_COLLECT,
    ApplicationReason.APPLICATION_UNKNOWN,
    ApplicationReason.STATE_FORBIDS,
}
"""The counter's page asks for nothing that these could refuse."""
AT_A_DESK = {
    CardReason.CARD_UNKNOWN,
    CardReason.OTHER_BANKS_CARD,
    CardReason.NOT_THE_HOLDER,
    CardReason.GUARDIAN_REQUIRED,
    CardReason.CARD_REPORTED_LOST,
    CardReason.CARD_CANCELLED,
    CardReason.SOCIAL_FUNCTION_ENDED,
    CardReason.CARD_NOT_READY,
    CardReason.CARD_NOT_COLLECTED,
}

AT_A_COUNTER = {
    *(set(ApplicationReason) - NEVER_AT_A_COUNTER),
    JobReason.MADE_BY_BUREAU,
    JobReason.MADE_ALREADY,
    JobReason.BLANK_WRONG,
    JobReason.BLANK_DIFFERS,
    JobReason.WRITING_NOT_BEGUN,
    JobReason.CHIP_NOT_PROVEN,
    JobReason.NO_INSTANT_ISSUE,
    JobReason.REASON_MISSING,
}


def in_both_languages(text: object) -> None:
    with translation.override("zh-hans"):
        assert CHINESE.search(str(text))
    with translation.override("en"):
        assert not CHINESE.search(str(text)), f"not translated: {text}"


@pytest.mark.parametrize("reason", [*ApplicationReason, *sorted(set(CardReason) - NEVER_A_HOLDERS)], ids=str)
def test_a_holder_is_told_every_refusal_in_words(reason: str) -> None:
    in_both_languages(words.REFUSALS[reason])


@pytest.mark.parametrize("reason", sorted(AT_A_DESK), ids=str)
def test_a_clerk_is_told_every_refusal_in_words(reason: str) -> None:
    in_both_languages(staff_words.REFUSALS[reason])


@pytest.mark.parametrize("reason", sorted(AT_A_COUNTER), ids=str)
def test_a_clerk_is_told_why_no_card_can_be_made_here(reason: str) -> None:
    in_both_languages(staff_words.REFUSALS[reason])


@pytest.mark.parametrize("reason", [*AppointmentReason, *BookingReason], ids=str)
def test_a_holder_is_told_why_there_is_no_appointment(reason: str) -> None:
    in_both_languages(words.APPOINTMENT_REFUSALS[reason])


@pytest.mark.parametrize("reason", list(AppointmentReason), ids=str)
def test_a_clerk_is_told_why_nobody_can_be_counted_in(reason: str) -> None:
    in_both_languages(staff_words.APPOINTMENT_REFUSALS[reason])


@pytest.mark.parametrize("state", list(AppointmentState), ids=str)
def test_the_outlets_list_names_every_state_of_an_appointment(state: AppointmentState) -> None:
    assert str(staff_words.APPOINTMENT_STATES[state]) == state.label
    in_both_languages(staff_words.APPOINTMENT_STATES[state])


@pytest.mark.parametrize("state", [*CardState, *SocialState], ids=str)
def test_the_workbench_names_every_state_in_both_languages(state: CardState | SocialState) -> None:
    assert state.label in staff_words.STATES
    in_both_languages(staff_words.STATES[staff_words.STATES.index(state.label)])


@pytest.mark.parametrize(
    ("state", "social_state", "is_posted", "lost"),
    list(itertools.product(CardState, SocialState, [False, True], ["", "pre-reported", "reported"])),
)
def test_every_state_of_a_card_has_words(state: str, social_state: str, is_posted: bool, lost: str) -> None:
    card = CardSnapshot(
        card_id=1,
        person_id=1,
        generation=3,
        state=state,
        social_state=social_state,
        is_financially_active=False,
        is_posted=is_posted,
        pre_reported_lost_at=AT if lost else None,
        pre_report_lapses_at=AT + timedelta(days=10) if lost else None,
        reported_lost_at=AT if lost == "reported" else None,
    )
    in_both_languages(words.state_of(card, AT))
