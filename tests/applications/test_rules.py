"""Who may apply for what, at which bank, through which channel; each refusal by its own reason, and the neighbour that passes."""

import itertools
from dataclasses import replace
from datetime import date

import pytest

from yikatong.applications.rules import (
    NEXT_STATES,
    OPEN_STATES,
    WITHDRAWABLE_STATES,
    Reason,
    Situation,
    Unit,
    Wish,
    check_application,
    check_right_to_act,
    check_step,
    check_withdrawal,
    eligible_banks,
    promised_by,
)
from yikatong.city.rules import rules_at
from yikatong.foundation.errors import Refused

COLLECTIVE, NORMAL = rules_at(date(2025, 11, 3)), rules_at(date(2026, 11, 2))
EARLY = rules_at(date(2025, 3, 3))  # the first two batches are open
BANKS = {"ICBC": "工商银行", "ABC": "农业银行", "BOC": "中国银行", "CCB": "建设银行"}
ALL = tuple(BANKS)
UNIT = Unit(
    "91110000TEST00001X", "employer", "110105", ("BOC", "ICBC"), is_enrolled_as_whole=False, collects_for_members=False
)
MYSELF = Situation(
    person_id=1,
    acting_person_id=1,
    age_years=40,
    category="flexible",
    guardian_ids=frozenset(),
    units=(),
    pension_bank_code="",
    bank_names=BANKS,
    has_open_application=False,
    held_third_generation=False,
    has_lost_third_generation=False,
    has_had_third_generation=False,
)
CHILD = replace(MYSELF, age_years=9, category="minor", acting_person_id=2, guardian_ids=frozenset({2}))
EMPLOYEE = replace(MYSELF, category="employee", units=(UNIT,))
WISH = Wish(
    kind="first",
    channel="web",
    bank_code="ICBC",
    collection="outlet",
    outlet_bank_code="ICBC",
    has_address=False,
    organisation_code="",
)
BY_UNIT = replace(WISH, collection="unit", outlet_bank_code=None, organisation_code=UNIT.code)


def collecting(**changes: object) -> Unit:
    return replace(UNIT, collects_for_members=True, **changes)  # type: ignore[arg-type]


def reason(wish: Wish, situation: Situation, rules: object = NORMAL) -> Reason | None:
    try:
        check_application(wish, situation, rules)  # type: ignore[arg-type]
    except Refused as refused:
        return Reason(refused.reason)
    return None


@pytest.mark.parametrize(
    ("wish", "situation"),
    [
        (WISH, MYSELF),
        (WISH, CHILD),
        (WISH, EMPLOYEE),
        (replace(WISH, channel="outlet"), replace(MYSELF, acting_person_id=None)),
        (WISH, replace(MYSELF, acting_person_id=5, guardian_ids=frozenset({5}))),
        (replace(WISH, kind="replacement"), replace(MYSELF, has_lost_third_generation=True)),
        (replace(WISH, collection="post", outlet_bank_code=None, has_address=True), MYSELF),
        (replace(WISH, collection="visit", outlet_bank_code=None, has_address=True), MYSELF),
        (WISH, replace(MYSELF, acting_person_id=6, delegate_ids=frozenset({6}))),
        (BY_UNIT, replace(EMPLOYEE, units=(collecting(),))),
        (replace(BY_UNIT, bank_code="CCB"), replace(EMPLOYEE, category="flexible", units=(collecting(bank_codes=()),))),
        (replace(BY_UNIT, channel="unit"), replace(EMPLOYEE, units=(collecting(),), acting_person_id=None)),
        (replace(WISH, channel="outreach"), replace(MYSELF, acting_person_id=None)),
    ],
)
def test_what_is_asked_for_rightly_is_allowed(wish: Wish, situation: Situation) -> None:
    assert reason(wish, situation) is None


@pytest.mark.parametrize(
    ("wish", "situation", "expected"),
    [
        (replace(WISH, kind="second"), MYSELF, Reason.NOT_OFFERED),
        (replace(WISH, channel="fax"), MYSELF, Reason.NOT_OFFERED),
        (replace(WISH, collection="drone"), MYSELF, Reason.NOT_OFFERED),
        (WISH, replace(MYSELF, acting_person_id=None), Reason.NOT_ALLOWED_TO_ACT),
        (WISH, replace(MYSELF, acting_person_id=2), Reason.NOT_ALLOWED_TO_ACT),
        (WISH, replace(CHILD, acting_person_id=1), Reason.GUARDIAN_REQUIRED),
        (replace(WISH, channel="outlet"), replace(CHILD, acting_person_id=None), Reason.GUARDIAN_REQUIRED),
        (WISH, replace(MYSELF, has_open_application=True), Reason.APPLICATION_OPEN),
        (WISH, replace(MYSELF, held_third_generation=True), Reason.CARD_ALREADY_HELD),
        (WISH, replace(MYSELF, has_lost_third_generation=True), Reason.REPLACEMENT_NEEDED),
        (replace(WISH, kind="replacement"), MYSELF, Reason.NOTHING_TO_REPLACE),
        (replace(WISH, kind="replacement"), replace(MYSELF, held_third_generation=True), Reason.NOTHING_TO_REPLACE),
        (replace(WISH, bank_code="SPDB", outlet_bank_code="SPDB"), MYSELF, Reason.BANK_NOT_ALLOWED),
        (replace(WISH, outlet_bank_code=None), MYSELF, Reason.OUTLET_MISSING),
        (replace(WISH, outlet_bank_code="ABC"), MYSELF, Reason.OUTLET_OF_OTHER_BANK),
        (replace(WISH, collection="post", has_address=True), CHILD, Reason.MINOR_COLLECTS_AT_OUTLET),
        (BY_UNIT, replace(CHILD, units=(collecting(),)), Reason.MINOR_COLLECTS_AT_OUTLET),
        (replace(WISH, collection="post"), MYSELF, Reason.ADDRESS_MISSING),
        (replace(WISH, collection="visit"), MYSELF, Reason.ADDRESS_MISSING),
        (replace(WISH, collection="visit", has_address=True), CHILD, Reason.MINOR_COLLECTS_AT_OUTLET),
        (BY_UNIT, MYSELF, Reason.UNIT_MISSING),
        (replace(WISH, channel="unit"), MYSELF, Reason.UNIT_MISSING),
        (BY_UNIT, EMPLOYEE, Reason.UNIT_DOES_NOT_COLLECT),
        (
            replace(BY_UNIT, bank_code="CCB"),
            replace(MYSELF, units=(collecting(),)),
            Reason.BANK_NOT_ALLOWED,
        ),
    ],
)
def test_each_refusal_has_its_reason(wish: Wish, situation: Situation, expected: Reason) -> None:
    assert reason(wish, situation) is expected


def test_a_wrong_bank_is_told_which_ones_may_be_chosen() -> None:
    with pytest.raises(Refused, match="工商银行、农业银行、中国银行、建设银行"):
        check_application(replace(WISH, bank_code="SPDB"), MYSELF, NORMAL)


@pytest.mark.parametrize(
    ("situation", "rules", "expected"),
    [
        (EMPLOYEE, EARLY, Reason.BATCH_NOT_OPEN),  # 朝阳 opens in May 2025
        (replace(EMPLOYEE, units=(replace(UNIT, district_code="110108"),)), EARLY, None),
        (MYSELF, EARLY, Reason.BATCH_NOT_OPEN),
        (MYSELF, COLLECTIVE, None),
        (EMPLOYEE, COLLECTIVE, None),
        (replace(EMPLOYEE, units=()), COLLECTIVE, Reason.BATCH_NOT_OPEN),  # no unit, no district of one
        (replace(EMPLOYEE, units=()), NORMAL, None),
    ],
)
def test_a_batch_opens_by_group_and_district_and_stays_open(
    situation: Situation, rules: object, expected: Reason | None
) -> None:
    assert reason(WISH, situation, rules) is expected


@pytest.mark.parametrize(
    ("category", "channel", "is_open"),
    [
        ("flexible", "web", True),
        ("flexible", "outlet", False),
        ("flexible", "outreach", False),
        ("retiree", "web", True),
        ("retiree", "outreach", True),
        ("retiree", "outlet", False),
        ("employee", "unit", True),
        ("employee", "outreach", False),
        ("student", "unit", True),
    ],
)
def test_channels_during_the_collective_exchange(category: str, channel: str, is_open: bool) -> None:
    situation = replace(MYSELF, category=category, units=(UNIT,), pension_bank_code="ICBC")
    wish = replace(WISH, channel=channel, organisation_code=UNIT.code)
    assert reason(wish, situation, COLLECTIVE) is (None if is_open else Reason.CHANNEL_NOT_OPEN)
    assert reason(wish, situation, NORMAL) is None


WHOLE = replace(UNIT, is_enrolled_as_whole=True)
OTHER = replace(collecting(), code="91110000TEST00002X", bank_codes=("CCB",))


@pytest.mark.parametrize(
    ("situation", "rules", "banks"),
    [
        (MYSELF, NORMAL, ALL),
        (EMPLOYEE, COLLECTIVE, ("ICBC", "BOC")),
        (EMPLOYEE, NORMAL, ALL),  # picks bind only where the unit collects
        (replace(EMPLOYEE, units=(collecting(),)), NORMAL, ("ICBC", "BOC")),
        (replace(EMPLOYEE, units=(collecting(), OTHER)), NORMAL, ("ICBC", "BOC", "CCB")),
        (replace(EMPLOYEE, units=(replace(UNIT, bank_codes=()),)), COLLECTIVE, ALL),
        (replace(EMPLOYEE, units=(replace(UNIT, bank_codes=("GONE",)),)), COLLECTIVE, ALL),
        (replace(EMPLOYEE, category="student"), COLLECTIVE, ALL),
        (replace(EMPLOYEE, category="student", units=(WHOLE,)), COLLECTIVE, ("ICBC", "BOC")),
        (replace(MYSELF, category="retiree", pension_bank_code="CCB"), COLLECTIVE, ("CCB",)),
        (replace(MYSELF, category="retiree", pension_bank_code="GONE"), COLLECTIVE, ALL),
        (replace(MYSELF, category="retiree", pension_bank_code="CCB"), NORMAL, ALL),
        (
            replace(MYSELF, category="retiree", pension_bank_code="CCB", has_had_third_generation=True),
            COLLECTIVE,
            ALL,
        ),
    ],
)
def test_which_banks_may_be_chosen(situation: Situation, rules: object, banks: tuple[str, ...]) -> None:
    assert eligible_banks(situation, rules) == banks  # type: ignore[arg-type]


def test_a_child_is_applied_for_by_its_guardian_wherever() -> None:
    for channel in ("web", "outlet", "outreach", "unit"):
        check_right_to_act(CHILD, channel)
        with pytest.raises(Refused):
            check_right_to_act(replace(CHILD, acting_person_id=CHILD.person_id), channel)


@pytest.mark.parametrize(
    ("kind", "submitted", "promised"),
    [
        ("first", date(2026, 11, 23), date(2026, 12, 23)),
        ("first", date(2026, 2, 14), date(2026, 3, 16)),
        ("replacement", date(2026, 11, 23), date(2026, 11, 27)),  # four working days from a Monday
        ("replacement", date(2026, 11, 26), date(2026, 12, 2)),  # over a week-end
        ("replacement", date(2026, 9, 29), date(2026, 10, 10)),  # over National Day, and a Saturday that is worked
    ],
)
def test_the_promised_day(kind: str, submitted: date, promised: date) -> None:
    assert promised_by(kind, submitted, rules_at(submitted)) == promised


@pytest.mark.parametrize(("state", "following"), list(itertools.product(NEXT_STATES, NEXT_STATES)))
def test_a_step_is_allowed_exactly_when_it_is_drawn(state: str, following: str) -> None:
    if following in NEXT_STATES[state]:
        check_step(state, following)
        return
    with pytest.raises(Refused) as refused:
        check_step(state, following)
    assert refused.value.reason is Reason.STATE_FORBIDS


@pytest.mark.parametrize("state", NEXT_STATES)
def test_an_application_is_withdrawn_before_its_card_is_made(state: str) -> None:
    if state in WITHDRAWABLE_STATES:
        assert check_withdrawal(state)
    elif state == "cancelled":
        assert not check_withdrawal(state)
    else:
        with pytest.raises(Refused):
            check_withdrawal(state)


def test_every_open_state_leads_to_an_end() -> None:
    for state in OPEN_STATES:
        reached = {state}
        while new := {follower for one in reached for follower in NEXT_STATES[one]} - reached:
            reached |= new
        assert {one for one in reached if not NEXT_STATES[one]}, state
