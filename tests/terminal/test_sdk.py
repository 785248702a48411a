"""The kit as a venue's own software uses it."""

import os
import sqlite3
from pathlib import Path

import pytest

from tests.terminal.makers import TERMINAL_ID, LoopbackGateway, give_lists, open_terminal
from tests.wire.makers import NOW, make_certificate, make_deny, make_text, seconds
from yikatong.terminal import Accepted, Refused, Terminal
from yikatong.wire.taps import Decision

STALE = make_text(issued_at=NOW - seconds(61))


def test_an_accepted_code_makes_a_tap(terminal: Terminal) -> None:
    text = make_text()
    decision = terminal.present(text, NOW, kind="entry")
    assert isinstance(decision, Accepted)
    assert (decision.accepted, decision.reason, decision.sequence) == (True, "", 1)
    (tap,) = terminal.outbox.waiting(9)
    assert (tap.terminal_id, tap.sequence, tap.kind, tap.station) == (TERMINAL_ID, 1, "entry", "国贸")
    assert (tap.at_ms, tap.decision, tap.reason, tap.code) == (int(NOW.timestamp() * 1000), "accepted", "", text)
    assert tap.deny_list_version == 1


def test_the_same_code_again_is_a_replay_and_both_are_reported(terminal: Terminal) -> None:
    text = make_text()
    decisions = [terminal.present(text, NOW + seconds(at), kind="entry") for at in (0, 1, 2)]
    assert [(d.reason, d.sequence) for d in decisions] == [("", 1), ("code_replayed", 2), ("code_replayed", 0)]
    assert [(tap.decision, tap.reason) for tap in terminal.outbox.waiting(9)] == [
        ("accepted", ""),
        ("refused", "code_replayed"),
    ]


def test_a_replay_is_found_after_a_restart(tmp_path: Path) -> None:
    text = make_text()
    with open_terminal(tmp_path) as terminal:
        assert terminal.present(text, NOW).accepted
    with open_terminal(tmp_path) as terminal:
        assert terminal.present(text, NOW + seconds(30)).reason == "code_replayed"


def test_a_replay_with_a_fresh_signature_is_a_replay(terminal: Terminal) -> None:
    """Signatures are random, so the text differs; device and nonce are what counts."""
    certificate = make_certificate()
    one, other = make_text(certificate), make_text(certificate)
    assert one != other
    assert [terminal.present(text, NOW).reason for text in (one, other)] == ["", "code_replayed"]


def test_a_refused_forgery_does_not_use_up_the_genuine_code(terminal: Terminal) -> None:
    certificate = make_certificate()
    genuine = make_text(certificate)
    forged = genuine[:-3] + ("AAA" if genuine[-3:] != "AAA" else "BAA")
    assert terminal.present(forged, NOW).reason == "code_signature_wrong"
    assert terminal.present(genuine, NOW).accepted


@pytest.mark.parametrize(
    ("text", "reason", "keeps_text"),
    [
        (STALE, "code_expired", True),
        (make_text()[:-1], "code_malformed", False),
        ("https://qr.example.org/health/somebody", "code_malformed", False),
        ("D2143569X", "card_number_not_taken", False),
        ("", "code_malformed", False),
        ("\ud800", "code_malformed", False),
        ("A" * 100_000, "code_malformed", False),
    ],
)
def test_a_refusal_is_reported_once_and_keeps_nothing_that_is_not_ours(
    terminal: Terminal, text: str, reason: str, keeps_text: bool
) -> None:
    decision = terminal.present(text, NOW, kind="exit")
    assert isinstance(decision, Refused)
    assert (decision.reason, decision.sequence) == (reason, 1)
    (tap,) = terminal.outbox.waiting(9)
    assert (tap.decision, tap.reason, tap.code) == ("refused", reason, text if keeps_text else None)
    assert terminal.present(text, NOW, kind="exit").sequence == 0, "a camera looks many times"
    assert terminal.counts().waiting == 1


def test_a_full_disk_keeps_the_gate_shut(terminal: Terminal) -> None:
    with terminal.outbox._storage.read() as database:
        (pages,) = database.execute("pragma page_count").fetchone()
        database.execute(f"pragma max_page_count = {pages}")
    reasons = {terminal.present(make_text(nonce=os.urandom(8)), NOW).reason for _ in range(60)}
    assert reasons == {"", "storage_failed"}
    stored = terminal.counts().waiting
    assert terminal.present(make_text(nonce=os.urandom(8)), NOW).reason == "storage_failed"
    assert terminal.counts().waiting == stored


def test_a_memory_locked_by_somebody_keeps_the_gate_shut(terminal: Terminal, tmp_path: Path) -> None:
    with terminal.outbox._storage.read() as database:
        database.execute("pragma busy_timeout = 1")
    other = sqlite3.connect(tmp_path / "state" / "state.sqlite")
    other.execute("begin exclusive")
    assert terminal.present(make_text(), NOW).reason == "storage_failed"
    other.rollback()
    other.close()
    assert terminal.present(make_text(), NOW).accepted


def test_verifying_uses_nothing_up(terminal: Terminal) -> None:
    text = make_text()
    assert terminal.verify(text, NOW).accepted
    assert terminal.verify(text, NOW).accepted
    assert terminal.counts().waiting == 0
    assert terminal.present(text, NOW).accepted


def test_a_desks_tap_has_no_station(tmp_path: Path) -> None:
    with open_terminal(tmp_path, purpose="identity", venue="朝阳医院") as desk:
        desk.present(make_text(), NOW)
        (tap,) = desk.outbox.waiting(1)
        assert (tap.kind, tap.station) == ("identify", "")


def test_a_newer_deny_list_counts_at_once(terminal: Terminal) -> None:
    give_lists(terminal, deny=make_deny({"device:" + "b2" * 8: "device_revoked"}, version=2))
    decision = terminal.present(make_text(), NOW, kind="entry")
    assert (decision.reason, terminal.outbox.waiting(1)[0].deny_list_version) == ("device_revoked", 2)


@pytest.mark.parametrize("answer", [Decision(True, "", 2, "*三"), Decision(False, "card_superseded")])
def test_a_physical_card_is_asked_about_online(tmp_path: Path, gateway: LoopbackGateway, answer: Decision) -> None:
    gateway.answer = answer
    with open_terminal(tmp_path, gateway_url=gateway.url) as desk:
        assert desk.ask(purpose="social", card_number="D2143569X") == answer
    (question,) = gateway.questions
    assert (question.purpose, question.card_number, question.code) == ("social", "D2143569X", None)
