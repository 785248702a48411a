"""What a terminal answers to a code, as a table of every refusal, ordered by precedence."""

from datetime import datetime, timedelta

import pytest

from tests.wire.makers import (
    DAY,
    DEVICE,
    LIST_KEY,
    NOW,
    OTHER_DEVICE,
    SERIAL,
    STRANGER,
    TOKEN,
    make_certificate,
    make_deny,
    make_text,
    make_trust,
    seconds,
)
from yikatong.terminal.decide import STALE_POLICIES, TerminalRefusal, decide
from yikatong.terminal.lists import Held
from yikatong.terminal.profile import Purpose
from yikatong.terminal.texts import TEXTS, text_for
from yikatong.wire.codes import CodeRefusal
from yikatong.wire.lists import DenyList, TrustList

TRUST, DENY = make_trust(valid_until=NOW + 30 * DAY), make_deny()
TOKEN_KEY, DEVICE_KEY = f"token:{TOKEN.hex()}", f"device:{SERIAL.hex()}"
FRESH, STALE = make_text(), make_text(issued_at=NOW - seconds(61))
FORGED = make_text(make_certificate(STRANGER))
STOLEN = make_text(make_certificate(device=DEVICE), device=OTHER_DEVICE)
LONG_TRUST = make_trust(valid_until=NOW + 365 * DAY)


def decided(
    text: str,
    trust: TrustList | None = TRUST,
    deny: DenyList | None = DENY,
    *,
    purpose: Purpose = "gate",
    at: datetime = NOW,
) -> str:
    decision = decide(text, Held(trust, deny), purpose=purpose, at=at)
    return f"accepted {decision.notice}".strip() if decision.accepted else decision.reason


@pytest.mark.parametrize(
    ("text", "trust", "deny", "expected"),
    [
        (FRESH, TRUST, DENY, "accepted"),
        # what is no code is no code, whatever the lists
        ("", None, None, "code_malformed"),
        ("hello", TRUST, DENY, "code_malformed"),
        (FRESH[:-1], TRUST, DENY, "code_malformed"),
        ("Y1." + "A" * 271, TRUST, DENY, "code_malformed"),
        ("D2143569X", None, None, "card_number_not_taken"),
        ("d2143569x", TRUST, DENY, "card_number_not_taken"),
        # then the terminal's own lists
        (FRESH, None, None, "trust_list_missing"),
        (FRESH, None, DENY, "trust_list_missing"),
        (FRESH, TRUST, None, "deny_list_missing"),
        (FRESH, make_trust(valid_until=NOW - seconds(1)), DENY, "trust_list_expired"),
        (FRESH, make_trust(valid_until=NOW), DENY, "accepted"),
        (FRESH, make_trust(issued_at=NOW + seconds(301)), DENY, "terminal_clock_wrong"),
        (FRESH, TRUST, make_deny(issued_at=NOW + seconds(301)), "terminal_clock_wrong"),
        (FRESH, make_trust(issued_at=NOW + seconds(300)), DENY, "accepted"),
        # then who signed
        (FORGED, TRUST, DENY, "issuer_unknown"),
        (FRESH, make_trust(STRANGER), DENY, "issuer_unknown"),
        (STOLEN, TRUST, DENY, "code_signature_wrong"),
        (STOLEN, TRUST, make_deny({TOKEN_KEY: "card_superseded"}), "code_signature_wrong"),
        # then the card's standing, before anything about time
        (FRESH, TRUST, make_deny({TOKEN_KEY: "card_superseded"}), "card_superseded"),
        (STALE, TRUST, make_deny({TOKEN_KEY: "card_reported_lost"}), "card_reported_lost"),
        (FRESH, TRUST, make_deny({TOKEN_KEY: "card_cancelled", DEVICE_KEY: "device_revoked"}), "card_cancelled"),
        (FRESH, TRUST, make_deny({TOKEN_KEY: "a reason from tomorrow's software"}), "card_denied"),
        (FRESH, TRUST, make_deny({TOKEN_KEY: ""}), "card_denied"),
        (FRESH, TRUST, make_deny({TOKEN_KEY: "x" * 41}), "card_denied"),
        (FRESH, TRUST, make_deny({DEVICE_KEY: "device_revoked"}), "device_revoked"),
        (FRESH, TRUST, make_deny({DEVICE_KEY: "anything"}), "device_revoked"),
        (FRESH, TRUST, make_deny({"token:" + "00" * 8: "card_superseded"}), "accepted"),
        # then time
        (make_text(make_certificate(not_before=NOW + seconds(60))), TRUST, DENY, "certificate_not_yet_valid"),
        (make_text(make_certificate(not_after=NOW - seconds(1))), TRUST, DENY, "certificate_expired"),
        (make_text(issued_at=NOW + seconds(6)), TRUST, DENY, "code_from_future"),
        (STALE, TRUST, DENY, "code_expired"),
        # then how old the deny list is: one whom it names hears that first
        (FRESH, TRUST, make_deny({TOKEN_KEY: "card_superseded"}, issued_at=NOW - 9 * DAY), "card_superseded"),
        (STALE, TRUST, make_deny(issued_at=NOW - 9 * DAY), "code_expired"),
        (FRESH, TRUST, make_deny(issued_at=NOW - 9 * DAY), "deny_list_stale"),
    ],
)  # fmt: skip
def test_the_first_refusal_wins(text: str, trust: TrustList | None, deny: DenyList | None, expected: str) -> None:
    assert decided(text, trust, deny) == expected


@pytest.mark.parametrize(
    ("purpose", "age", "expected"),
    [
        ("gate", timedelta(hours=24), "accepted"),
        ("gate", timedelta(hours=24, seconds=1), "accepted deny_list_stale"),
        ("gate", timedelta(hours=72), "accepted deny_list_stale"),
        ("gate", timedelta(hours=72, seconds=1), "deny_list_stale"),
        ("identity", timedelta(hours=24), "accepted"),
        ("identity", timedelta(hours=24, seconds=1), "deny_list_stale"),
        ("till", timedelta(hours=24), "accepted"),
        ("till", timedelta(hours=24, seconds=1), "deny_list_stale"),
    ],
)
def test_how_old_a_deny_list_may_be_depends_on_the_purpose(purpose: Purpose, age: timedelta, expected: str) -> None:
    at = NOW + age
    assert decided(make_text(issued_at=at), TRUST, make_deny(issued_at=NOW), purpose=purpose, at=at) == expected


@pytest.mark.parametrize(("purpose", "expected"), [("gate", "accepted deny_list_stale"), ("till", "deny_list_stale")])
def test_the_centre_may_end_a_deny_list_sooner(purpose: Purpose, expected: str) -> None:
    brief = DenyList(1, int(NOW.timestamp()) - 120, int(NOW.timestamp()) - 60, {})
    assert decided(FRESH, TRUST, brief, purpose=purpose) == expected


def test_every_purpose_has_a_policy() -> None:
    assert set(STALE_POLICIES) == {"gate", "identity", "till"}


@pytest.mark.parametrize(
    "reason", [*CodeRefusal, *TerminalRefusal, "card_reported_lost", "card_superseded", "accepted"]
)
def test_every_reason_has_its_own_words_in_both_languages(reason: str) -> None:
    text = text_for(reason)
    assert text is TEXTS[reason]
    assert any("\u4e00" <= character <= "\u9fff" for character in text.zh)
    assert text.en.isascii()
    assert text.en
    assert [other for other, words in TEXTS.items() if words == text] == [reason]


def test_a_reason_of_newer_software_still_has_words() -> None:
    assert "工作人员" in text_for("card_frozen_by_court").zh


def test_a_decision_says_what_to_show_and_which_code_it_was() -> None:
    accepted = decide(FRESH, Held(TRUST, DENY), purpose="gate", at=NOW)
    refused = decide(STALE, Held(TRUST, DENY), purpose="gate", at=NOW)
    unread = decide("hello", Held(TRUST, DENY), purpose="gate", at=NOW)
    assert accepted.text.zh == "请通行"
    assert "刷新" in refused.text.zh
    assert accepted.code_key == refused.code_key == SERIAL + bytes.fromhex("c3" * 8)
    assert unread.code_key is None
    assert LIST_KEY.scalar.hex() not in repr(accepted) + repr(refused)
