"""Uploading taps: repeated, out of order, at the same time, in conflict, replayed, one bad one among good ones."""

import threading
from collections.abc import Iterator
from datetime import datetime

import psycopg
import pytest

from tests.acceptance.makers import HOUR, MINUTE, SECOND, Gate, Phone, registered
from tests.cast import active_card, make_bank, make_person
from tests.gateway.doors import GatewayProcess, outcomes
from tests.postgres import database_address
from yikatong.acceptance.models import CodeUse
from yikatong.acceptance.models import Tap as StoredTap
from yikatong.issuance.models import Card
from yikatong.scenarios.transit.models import PendingTap
from yikatong.wire.taps import Tap, TapResult


@pytest.fixture
def card(transactional_db: None, now: datetime) -> Card:
    """In use since three hours ago."""
    return active_card(make_person(1), make_bank(), at=now - 3 * HOUR)


@pytest.fixture
def phone(card: Card, now: datetime) -> Phone:
    """Its holder's."""
    return Phone.enrolled(card, at=now - 3 * HOUR)


def rides(gate: Gate, card: Card, now: datetime, count: int) -> list[Tap]:
    return [gate.tap(now - HOUR + n * SECOND, card_number=card.card_number) for n in range(count)]


def at_once(send: list[tuple[Gate, list[Tap]]], gateway: GatewayProcess) -> list[list[TapResult]]:
    """Every upload in a thread of its own, all let go together."""
    ready, replies = threading.Barrier(len(send)), dict[int, list[TapResult]]()

    def work(number: int, gate: Gate, taps: list[Tap]) -> None:
        ready.wait()
        replies[number] = gateway.upload(gate, taps).results

    threads = [threading.Thread(target=work, args=(number, *each)) for number, each in enumerate(send)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [replies[number] for number in range(len(send))]


def test_uploading_twice_changes_nothing(gateway: GatewayProcess, gate: Gate, card: Card, now: datetime) -> None:
    taps = rides(gate, card, now, 30)
    assert outcomes(gateway.send(gate, taps)) == ["stored"] * 30
    first = list(StoredTap.objects.order_by("sequence").values())
    assert outcomes(gateway.send(gate, taps)) == ["repeated"] * 30
    assert list(StoredTap.objects.order_by("sequence").values()) == first
    assert PendingTap.objects.count() == 30


def test_the_same_tap_twice_in_one_upload_is_stored_once(
    gateway: GatewayProcess, gate: Gate, card: Card, now: datetime
) -> None:
    (tap,) = rides(gate, card, now, 1)
    assert outcomes(gateway.send(gate, [tap, tap])) == ["stored", "repeated"]
    assert PendingTap.objects.count() == 1


def test_results_come_in_the_order_sent_whatever_that_was(
    gateway: GatewayProcess, gate: Gate, card: Card, now: datetime
) -> None:
    taps = rides(gate, card, now, 40)
    late = taps.pop(3)
    reply = gateway.upload(gate, taps[::-1])
    assert [result.sequence for result in reply.results] == [tap.sequence for tap in taps[::-1]]
    assert outcomes(gateway.send(gate, [late])) == ["stored"], "sequences may leave gaps and fill them later"
    stored = StoredTap.objects.order_by("sequence").values_list("sequence", "at")
    assert [at for _, at in stored] == sorted(at for _, at in stored)
    assert abs(reply.server_time_ms / 1000 - now.timestamp()) < 60


def test_another_tap_under_a_used_number_is_a_conflict_and_replaces_nothing(
    gateway: GatewayProcess, gate: Gate, card: Card, now: datetime
) -> None:
    (first,) = rides(gate, card, now, 1)
    other = gate.tap(now, card_number=card.card_number, sequence=first.sequence)
    assert outcomes(gateway.send(gate, [first])) == ["stored"]
    assert outcomes(gateway.send(gate, [other])) == ["conflict"]
    assert bytes(StoredTap.objects.get().digest) == first.digest()
    assert outcomes(gateway.send(gate, [first])) == ["repeated"]


def test_a_code_is_good_for_one_tap_anywhere(
    gateway: GatewayProcess, gate: Gate, phone: Phone, now: datetime, tmp_path: object
) -> None:
    other = registered(tmp_path, "900100000002", at=now - HOUR)  # type: ignore[arg-type]
    at = now - MINUTE
    code = phone.code(at)
    first = gate.tap(at, code=code)
    assert outcomes(gateway.send(gate, [first])) == ["stored"]
    assert outcomes(gateway.send(gate, [gate.tap(at, code=code)])) == ["stored code_replayed"]
    replayed = other.tap(at, code=code)
    assert outcomes(gateway.send(other, [replayed])) == ["stored code_replayed"]
    assert outcomes(gateway.send(other, [replayed])) == ["repeated code_replayed"]
    assert outcomes(gateway.send(gate, [first])) == ["repeated"], "the first use stands"
    assert outcomes(gateway.send(gate, [gate.tap(at, code=phone.code(at))])) == ["stored"]
    assert (CodeUse.objects.count(), PendingTap.objects.count()) == (2, 2)


def test_a_code_refused_once_may_still_be_used(
    gateway: GatewayProcess, gate: Gate, phone: Phone, now: datetime
) -> None:
    """A refused tap charged nobody, so it uses up nothing."""
    code = phone.code(now - MINUTE)
    assert outcomes(gateway.send(gate, [gate.tap(now + MINUTE, code=code)])) == ["stored code_expired"]
    assert outcomes(gateway.send(gate, [gate.tap(now - MINUTE, code=code)])) == ["stored"]


def test_a_conflict_uses_up_nobodys_code(gateway: GatewayProcess, gate: Gate, phone: Phone, now: datetime) -> None:
    at, code = now - MINUTE, phone.code(now - MINUTE)
    assert outcomes(gateway.send(gate, [gate.tap(at, code=phone.code(at), sequence=7)])) == ["stored"]
    assert outcomes(gateway.send(gate, [gate.tap(at, code=code, sequence=7)])) == ["conflict"]
    assert outcomes(gateway.send(gate, [gate.tap(at, code=code, sequence=8)])) == ["stored"]


def test_two_taps_racing_for_one_number_leave_one_and_free_the_losers_code(
    gateway: GatewayProcess, gate: Gate, phone: Phone, now: datetime
) -> None:
    at = now - MINUTE
    for sequence in range(1, 16):
        codes = [phone.code(at) for _ in range(4)]
        taps = [gate.tap(at, code=code, sequence=sequence) for code in codes]
        answers = [outcomes(results)[0] for results in at_once([(gate, [tap]) for tap in taps], gateway)]
        assert sorted(answers) == ["conflict"] * 3 + ["stored"], sequence
        loser = codes[answers.index("conflict")]
        assert outcomes(gateway.send(gate, [gate.tap(at, code=loser, sequence=1000 + sequence)])) == ["stored"]
    assert StoredTap.objects.count() == CodeUse.objects.count() == PendingTap.objects.count() == 30


def test_identical_uploads_at_the_same_time_store_each_tap_once(
    gateway: GatewayProcess, gate: Gate, phone: Phone, card: Card, now: datetime
) -> None:
    at = now - MINUTE
    taps = [*rides(gate, card, now, 40), *(gate.tap(at, code=phone.code(at)) for _ in range(20))]
    replies = at_once([(gate, taps)] * 4, gateway)
    for position in range(len(taps)):
        answers = sorted(outcomes([reply[position] for reply in replies]))
        assert answers == ["repeated"] * 3 + ["stored"]
    assert StoredTap.objects.count() == PendingTap.objects.count() == 60
    assert CodeUse.objects.count() == 20


def test_one_code_at_many_gates_at_the_same_time_is_charged_once(
    gateway: GatewayProcess, phone: Phone, now: datetime, tmp_path: object
) -> None:
    gates = [registered(tmp_path, f"9001000000{n:02}", at=now - HOUR) for n in range(5)]  # type: ignore[arg-type]
    at = now - MINUTE
    codes = [phone.code(at) for _ in range(10)]
    replies = at_once([(gate, [gate.tap(at, code=code) for code in codes]) for gate in gates], gateway)
    for position in range(len(codes)):
        answers = sorted(outcomes([reply[position] for reply in replies]))
        assert answers == ["stored"] + ["stored code_replayed"] * 4
    assert PendingTap.objects.count() == len(codes)


def test_a_reply_lost_after_the_card_was_reported_is_repeated_with_the_first_outcome(
    gateway: GatewayProcess, gate: Gate, card: Card, now: datetime
) -> None:
    Card.objects.filter(card_id=card.card_id).update(reported_lost_at=now - 2 * HOUR)
    (tap,) = rides(gate, card, now, 1)
    assert outcomes(gateway.send(gate, [tap])) == ["stored card_reported_lost"]
    Card.objects.filter(card_id=card.card_id).update(reported_lost_at=None)
    assert outcomes(gateway.send(gate, [tap])) == ["repeated card_reported_lost"]


@pytest.fixture
def unstorable(transactional_db: None) -> Iterator[int]:
    """A sequence that PostgreSQL itself will not take."""
    with psycopg.connect(database_address(), autocommit=True) as database:
        database.execute("alter table acceptance_tap add constraint not_13 check (sequence <> 13)")
        try:
            yield 13
        finally:
            database.execute("alter table acceptance_tap drop constraint not_13")


def test_a_tap_that_postgresql_refuses_is_refused_alone(
    gateway: GatewayProcess, gate: Gate, phone: Phone, card: Card, now: datetime, unstorable: int
) -> None:
    at, code = now - MINUTE, phone.code(now - MINUTE)
    good = rides(gate, card, now, 12)
    bad = gate.tap(at, code=code, sequence=unstorable)
    more = [gate.tap(at, card_number=card.card_number, sequence=n) for n in range(14, 20)]
    answers = outcomes(gateway.send(gate, [*good, bad, *more]))
    assert answers == ["stored"] * 12 + ["refused tap_not_storable"] + ["stored"] * 6
    assert not CodeUse.objects.exists(), "what was begun for it was undone"
    assert outcomes(gateway.send(gate, [gate.tap(at, code=code, sequence=50)])) == ["stored"]
