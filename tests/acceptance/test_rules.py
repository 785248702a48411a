"""Which refusal comes first, as tables that read like the rules."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from yikatong.acceptance.rules import (
    Refusal,
    Standing,
    TerminalStanding,
    check_gate,
    check_tap_time,
    check_terminal,
    decide_card,
)
from yikatong.foundation.errors import Refused

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=s) for s in (1, 60, 3600, 86400))
FRESH = Standing(
    card_id=1,
    person_id=1,
    generation=3,
    activated_at=NOW - DAY,
    ended_at=None,
    is_cancelled=False,
    pre_reported_lost_at=None,
    pre_report_lapses_at=None,
    reported_lost_at=None,
)
PRE_REPORTED = replace(FRESH, pre_reported_lost_at=NOW - HOUR, pre_report_lapses_at=NOW + 10 * DAY)
REPORTED = replace(FRESH, reported_lost_at=NOW - HOUR, ended_at=NOW - HOUR, is_cancelled=True)
SUPERSEDED = replace(FRESH, ended_at=NOW - HOUR)
CANCELLED = replace(SUPERSEDED, is_cancelled=True)
GATE = TerminalStanding("900100000001", b"", "国贸", "gate", None)


def verdict(decide: Callable[[], object]) -> str:
    try:
        decide()
    except Refused as refused:
        return Refusal(refused.reason).value
    return "ok"


@pytest.mark.parametrize(
    ("card", "decision"),
    [
        (None, "card_unknown"),
        (FRESH, "ok"),
        (replace(FRESH, activated_at=NOW), "ok"),
        (replace(FRESH, activated_at=NOW + SECOND), "card_not_active"),
        (replace(FRESH, activated_at=None), "card_not_active"),
        (PRE_REPORTED, "card_reported_lost"),
        (replace(PRE_REPORTED, pre_reported_lost_at=NOW), "card_reported_lost"),
        (replace(PRE_REPORTED, pre_reported_lost_at=NOW + SECOND), "ok"),
        (replace(PRE_REPORTED, pre_report_lapses_at=NOW + SECOND), "card_reported_lost"),
        (replace(PRE_REPORTED, pre_report_lapses_at=NOW), "ok"),  # lapsed, whether the task noticed or not
        (replace(PRE_REPORTED, pre_report_lapses_at=None), "card_reported_lost"),
        (REPORTED, "card_reported_lost"),
        (replace(REPORTED, reported_lost_at=NOW + SECOND, ended_at=NOW + SECOND), "ok"),
        (SUPERSEDED, "card_superseded"),
        (replace(SUPERSEDED, ended_at=NOW), "card_superseded"),
        (replace(SUPERSEDED, ended_at=NOW + SECOND), "ok"),
        (CANCELLED, "card_cancelled"),
        (replace(FRESH, device_revoked_at=NOW), "device_revoked"),
        (replace(FRESH, device_revoked_at=NOW + SECOND), "ok"),
    ],
)
def test_a_card_at_a_moment(card: Standing | None, decision: str) -> None:
    assert verdict(lambda: decide_card(card, at=NOW)) == decision


@pytest.mark.parametrize(
    ("card", "decision"),
    [
        (replace(SUPERSEDED, reported_lost_at=NOW - HOUR), "card_reported_lost"),
        (replace(CANCELLED, pre_reported_lost_at=NOW - HOUR), "card_reported_lost"),
        (replace(CANCELLED, activated_at=None), "card_cancelled"),
        (replace(SUPERSEDED, activated_at=None), "card_superseded"),
        (replace(SUPERSEDED, device_revoked_at=NOW), "card_superseded"),
        (replace(FRESH, activated_at=None, device_revoked_at=NOW), "card_not_active"),
        (replace(PRE_REPORTED, device_revoked_at=NOW), "card_reported_lost"),
    ],
)
def test_of_two_refusals_the_one_to_act_on_comes_first(card: Standing, decision: str) -> None:
    assert verdict(lambda: decide_card(card, at=NOW)) == decision


@pytest.mark.parametrize(
    ("tapped", "decision"),
    [
        (NOW, "ok"),
        (NOW + 5 * MINUTE, "ok"),
        (NOW + 5 * MINUTE + SECOND, "tap_from_future"),
        (NOW - 30 * DAY, "ok"),
        (NOW - 30 * DAY - SECOND, "tap_too_old"),
    ],
)
def test_a_tap_is_of_the_present_or_the_recent_past(tapped: datetime, decision: str) -> None:
    check = partial(check_tap_time, at=tapped, received_at=NOW, ahead_max=5 * MINUTE, age_max=30 * DAY)
    assert verdict(check) == decision


@pytest.mark.parametrize(
    ("terminal", "decision"),
    [
        (None, "terminal_unknown"),
        (GATE, "ok"),
        (replace(GATE, revoked_at=NOW), "terminal_revoked"),
        (replace(GATE, revoked_at=NOW + SECOND), "ok"),
    ],
)
def test_a_terminal_at_a_moment(terminal: TerminalStanding | None, decision: str) -> None:
    assert verdict(lambda: check_terminal(terminal, at=NOW)) == decision


@pytest.mark.parametrize(
    ("terminal", "station", "decision"),
    [
        (GATE, "国贸", "ok"),
        (GATE, "西单", "station_of_other_terminal"),
        (replace(GATE, purpose="identity"), "国贸", "terminal_not_a_gate"),
        (replace(GATE, purpose="till"), "西单", "terminal_not_a_gate"),
    ],
)
def test_a_gate_speaks_for_its_own_station(terminal: TerminalStanding, station: str, decision: str) -> None:
    assert verdict(lambda: check_gate(terminal, station)) == decision


def test_what_is_accepted_comes_back() -> None:
    assert decide_card(FRESH, at=NOW) is FRESH
    assert check_terminal(GATE, at=NOW) is GATE


@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_is_a_name_that_terminals_and_tables_can_keep(refusal: Refusal) -> None:
    assert refusal.value == refusal.name.lower()
    assert len(refusal.value) <= 40
