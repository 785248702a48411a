"""One table of taps, through the gateway and through the service: the same answers, and the same rows stored.

Each case is sent alone first; then all of them together, out of order, to gates that have never seen them: none of the bad
ones keeps a good one from being stored.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance.makers import DAY, HOUR, MINUTE, SECOND, Gate
from tests.gateway.doors import GatewayProcess, ServiceDoor, outcomes
from tests.gateway.world import World, make_world
from yikatong.acceptance.models import CodeUse
from yikatong.acceptance.models import Tap as StoredTap
from yikatong.scenarios.transit.models import PendingTap
from yikatong.wire.taps import Tap

type Door = GatewayProcess | ServiceDoor
type MakeTap = Callable[[World], Tap]


def by_code(
    phone: Callable[[World], object] = lambda w: w.phone,
    *,
    age: timedelta = 5 * SECOND,
    ago: timedelta = MINUTE,
    damage: Callable[[str], str] = lambda text: text,
    **changes: object,
) -> MakeTap:
    """An entry made ``ago`` with a code that was ``age`` old then."""

    def make(world: World) -> Tap:
        at = (world.now - ago).replace(microsecond=0)
        code = phone(world).code(at - age)  # type: ignore[attr-defined]
        return world.gate.tap(at, code=damage(code), **changes)

    return make


def by_number(card: Callable[[World], object], *, ago: timedelta = MINUTE, **changes: object) -> MakeTap:
    """An entry made ``ago`` with a physical card."""
    return lambda w: w.gate.tap(w.now - ago, card_number=card(w).card_number, **changes)  # type: ignore[attr-defined]


def at_exit(world: World) -> Tap:
    return world.exit_gate.tap(world.now, kind="exit", card_number=world.card.card_number)


def at_desk(world: World) -> Tap:
    return world.desk.tap(world.now, identification_code=world.card.identification_code.lower())


def flip(text: str) -> str:
    """One bit of the device's signature."""
    return text[:250] + ("A" if text[250] != "A" else "B") + text[251:]


CASES: dict[str, tuple[MakeTap, str]] = {
    # what may be used is charged
    "a phone's code": (by_code(), "stored"),
    "a code 60 s old": (by_code(age=60 * SECOND), "stored"),
    "a physical card": (by_number(lambda w: w.new_card), "stored"),
    "an exit elsewhere": (at_exit, "stored"),
    "a desk, by identification code": (at_desk, "stored"),
    "four weeks late": (by_number(lambda w: w.card, ago=30 * DAY - HOUR), "stored card_not_active"),
    # what the terminal refused stays refused, for its reason
    "refused there": (by_code(decision="refused", reason="deny_list_stale"), "stored deny_list_stale"),
    "refused there without a reason": (by_number(lambda w: w.card, decision="refused"), "stored"),
    "nothing readable shown": (
        lambda w: w.gate.tap(w.now, decision="refused", reason="code_malformed"),
        "stored code_malformed",
    ),
    # codes
    "a code 61 s old": (by_code(age=61 * SECOND), "stored code_expired"),
    "a code from the future": (by_code(age=-6 * SECOND), "stored code_from_future"),
    "a truncated code": (by_code(damage=lambda text: text[:200]), "stored code_malformed"),
    "a flipped bit": (by_code(damage=flip), "stored code_signature_wrong"),
    "another's certificate": (by_code(World.phone_forged), "stored certificate_signature_wrong"),
    "another issuer": (by_code(World.phone_of_stranger), "stored issuer_unknown"),
    "an expired certificate": (by_code(World.phone_expired), "stored certificate_expired"),
    "no card, code or number": (lambda w: w.gate.tap(w.now), "stored card_not_named"),
    # cards, at the moment of the tap
    "a card that does not exist": (lambda w: w.gate.tap(w.now, card_number="NOSUCH"), "stored card_unknown"),
    "a code for no card": (by_code(World.phone_of_nobody), "stored card_unknown"),
    "a lost card": (by_code(lambda w: w.lost_phone), "stored card_reported_lost"),
    "the same before it was lost": (by_code(lambda w: w.lost_phone, ago=2 * HOUR), "stored"),
    "a lost card by number": (by_number(lambda w: w.lost_card), "stored card_reported_lost"),
    "a cancelled card": (by_number(lambda w: w.cancelled_card), "stored card_reported_lost"),
    "an old card after activation": (by_number(lambda w: w.old_card), "stored card_superseded"),
    "an old card before activation": (by_number(lambda w: w.old_card, ago=2 * HOUR), "stored"),
    "a new card before activation": (by_number(lambda w: w.new_card, ago=2 * HOUR), "stored card_not_active"),
    "a card never activated": (by_number(lambda w: w.inactive_card), "stored card_not_active"),
    "a stopped phone": (by_code(lambda w: w.stopped_phone), "stored device_revoked"),
    "the same before it was stopped": (by_code(lambda w: w.stopped_phone, ago=2 * HOUR), "stored"),
    # taps that cannot be kept
    "from the future": (by_number(lambda w: w.card, ago=-10 * MINUTE), "refused tap_from_future"),
    "a little ahead": (by_number(lambda w: w.card, ago=-4 * MINUTE), "stored"),
    "five weeks late": (by_number(lambda w: w.card, ago=35 * DAY), "refused tap_too_old"),
    "of another terminal": (
        lambda w: w.gate.tap(w.now, terminal_id=w.exit_gate.terminal_id, card_number=w.card.card_number),
        "refused tap_of_other_terminal",
    ),
    "of another station": (
        by_number(lambda w: w.card, station="西单"),
        "refused station_of_other_terminal",
    ),
    "of no station": (by_number(lambda w: w.card, station="月球"), "refused station_unknown"),
    "an entry at a desk": (
        lambda w: w.desk.tap(w.now, kind="entry", station="国贸", card_number=w.card.card_number),
        "refused terminal_not_a_gate",
    ),
    "from a revoked terminal": (
        lambda w: w.revoked_gate.tap(w.now, card_number=w.card.card_number),
        "refused terminal_revoked",
    ),
    "from an unknown terminal": (
        lambda w: w.unknown_gate.tap(w.now, card_number=w.card.card_number),
        "refused terminal_unknown",
    ),
}


@pytest.fixture(params=["gateway", "service"])
def door(request: pytest.FixtureRequest, gateway: GatewayProcess) -> Door:
    """One of the two."""
    return gateway if request.param == "gateway" else ServiceDoor()


def sender_of(world: World, tap: Tap, name: str) -> Gate:
    """Who sends a case's tap: usually its own terminal."""
    if name == "of another terminal":
        return world.gate
    gates = (world.gate, world.exit_gate, world.desk, world.revoked_gate, world.unknown_gate)
    return next(gate for gate in gates if gate.terminal_id == tap.terminal_id)


def stored() -> dict[tuple[str, int], tuple[str, str]]:
    rows = StoredTap.objects.values_list("terminal_id", "sequence", "outcome", "reason")
    return {(terminal_id, sequence): (outcome, reason) for terminal_id, sequence, outcome, reason in rows}


def test_each_tap_alone(door: Door, world: World) -> None:
    answers = {}
    for name, (make, _) in CASES.items():
        tap = make(world)
        sender = sender_of(world, tap, name)
        (answers[name],) = outcomes(door.send(sender, [tap]))
        before = stored()
        (again,) = door.send(sender, [tap])
        assert again.status == ("repeated" if (tap.terminal_id, tap.sequence) in before else "refused"), name
        assert stored() == before, name
    assert answers == {name: expected for name, (_, expected) in CASES.items()}


def test_all_taps_at_once_and_out_of_order(door: Door, world: World) -> None:
    taps = {name: make(world) for name, (make, _) in CASES.items()}
    answers: dict[str, str] = {}
    for sender in (world.gate, world.exit_gate, world.desk, world.revoked_gate, world.unknown_gate):
        names = [name for name, tap in taps.items() if sender_of(world, tap, name) is sender]
        random.Random(7).shuffle(names)
        results = door.send(sender, [taps[name] for name in names])
        assert [result.sequence for result in results] == [taps[name].sequence for name in names]
        answers |= dict(zip(names, outcomes(results), strict=True))
    assert answers == {name: expected for name, (_, expected) in CASES.items()}
    kept = {name for name, answer in answers.items() if answer.startswith("stored")}
    charged = {name for name in kept if CASES[name][1] == "stored" and taps[name].decision == "accepted"}
    assert len(stored()) == len(kept)
    accepted = StoredTap.objects.filter(outcome="accepted")
    assert accepted.count() == len(charged)
    assert PendingTap.objects.count() == accepted.exclude(kind="identify").count()
    assert CodeUse.objects.count() == sum(taps[name].code is not None for name in charged)


def rows_of(world: World) -> list[tuple[object, ...]]:
    """What was stored, with cards by their place in the world instead of their number."""
    cards = {card.card_id: name for name, card in vars(world).items() if name.endswith("card")}
    rows = StoredTap.objects.order_by("terminal_id", "sequence").values_list(
        "terminal_id", "sequence", "card_id", "kind", "station", "outcome", "reason"
    )
    return [(*row[:2], cards.get(row[2] or 0), *row[3:]) for row in rows]


def test_both_doors_store_the_same_rows(
    transactional_db: None, gateway: GatewayProcess, tmp_path: Path, now: datetime
) -> None:
    """Refused taps keep their card, so that holders and staff can be told why a ride was not charged."""
    world = make_world(tmp_path, now)
    kept: list[list[tuple[object, ...]]] = []
    for door in (gateway, ServiceDoor()):
        for gate in (world.gate, world.exit_gate, world.desk, world.revoked_gate, world.unknown_gate):
            gate.sequences = iter(range(1, 1000))
        for name, (make, _) in CASES.items():
            tap = make(world)
            door.send(sender_of(world, tap, name), [tap])
        kept.append(rows_of(world))
        StoredTap.objects.all().delete()
        PendingTap.objects.all().delete()
        CodeUse.objects.all().delete()
    assert kept[0] == kept[1]
    lost = {row[2] for row in kept[0] if row[6] == "card_reported_lost"}
    assert lost == {"lost_card", "cancelled_card"}
