"""The lists as terminals fetch them, and a real terminal living by them."""

from datetime import datetime
from pathlib import Path

import pytest

from tests.acceptance.makers import HOUR, Gate, Phone, registered
from tests.cast import CLERK, active_card, make_bank, make_person
from tests.gateway.doors import GatewayProcess
from yikatong.acceptance.models import Tap as StoredTap
from yikatong.ecard.issuer import issuer_key
from yikatong.foundation.clock import utc_now
from yikatong.issuance import services as issuance
from yikatong.issuance.models import Card
from yikatong.scenarios.transit.models import PendingTap
from yikatong.terminal import Terminal
from yikatong.wire.codes import key_id_of
from yikatong.wire.lists import DenyList, open_deny_list, open_trust_list


@pytest.fixture
def card(transactional_db: None, now: datetime) -> Card:
    """In use since three hours ago."""
    return active_card(make_person(1), make_bank(), at=now - 3 * HOUR)


def deny_list(gateway: GatewayProcess, gate: Gate) -> DenyList:
    octets = gateway.request(gate, "GET", "/v1/deny-list").content
    return open_deny_list(octets, gate.profile.list_key)


def test_the_trust_list_names_the_issuer_and_is_signed_by_the_key_in_the_profile(
    gateway: GatewayProcess, gate: Gate
) -> None:
    octets = gateway.request(gate, "GET", "/v1/trust-list").content
    content = open_trust_list(octets, gate.profile.list_key)
    public = issuer_key().public
    assert content.issuer_key(key_id_of(public), utc_now()) == public
    assert list(content.issuer_keys) == [key_id_of(public).hex()]
    assert content.valid_until_s > utc_now().timestamp() + 29 * 86400


def test_the_deny_list_follows_at_once_and_is_signed_anew_only_then(
    gateway: GatewayProcess, gate: Gate, card: Card
) -> None:
    before = gateway.request(gate, "GET", "/v1/deny-list").content
    assert gateway.request(gate, "GET", "/v1/deny-list").content == before
    issuance.pre_report_loss(card.card_id, by=CLERK, at=utc_now())
    lost = deny_list(gateway, gate)
    assert lost.reason_for(f"number:{card.card_number}") == "card_reported_lost"
    issuance.withdraw_pre_report(card.card_id, by=CLERK, at=utc_now())
    found = deny_list(gateway, gate)
    assert found.entries == {}
    assert found.version > lost.version > open_deny_list(before, gate.profile.list_key).version


def test_a_real_terminal_lives_by_them(gateway: GatewayProcess, card: Card, now: datetime, tmp_path: Path) -> None:
    """It syncs, lets a code pass offline, uploads it, and refuses the lost card after the next sync."""
    phone = Phone.enrolled(card, at=now - HOUR)
    gate = registered(tmp_path, at=now - HOUR, gateway_url=gateway.url)
    with Terminal.open(tmp_path / f"{gate.terminal_id}.json", tmp_path / "state") as terminal:
        terminal.sync()
        passed = terminal.present(phone.code(utc_now()), utc_now(), kind="entry")
        assert passed.accepted, passed
        assert not terminal.present("https://example.invalid/", utc_now(), kind="entry").accepted
        assert terminal.sync().stored == 2
        issuance.pre_report_loss(card.card_id, by=CLERK, at=utc_now())
        terminal.sync()
        refused = terminal.present(phone.code(utc_now()), utc_now(), kind="exit")
        assert (refused.accepted, refused.reason) == (False, "card_reported_lost")
        assert terminal.sync().stored == 1
        assert terminal.counts().waiting == terminal.counts().refused == 0
    rows = StoredTap.objects.order_by("sequence").values_list("kind", "outcome", "reason")
    assert list(rows) == [
        ("entry", "accepted", ""),
        ("entry", "refused", "code_malformed"),
        ("exit", "refused", "card_reported_lost"),
    ]
    assert PendingTap.objects.get().card_id == card.card_id
