"""Single online questions: decided by the gateway's clock, answered with as little as the asking terminal needs."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.makers import MINUTE, SECOND
from tests.gateway.doors import GatewayProcess
from tests.gateway.world import World
from yikatong.acceptance.models import Tap as StoredTap

QUESTIONS: dict[str, tuple[Callable[[World], dict[str, Any]], str]] = {
    "a card in use": (lambda w: {"card_number": w.card.card_number}, ""),
    "the same in small letters": (lambda w: {"card_number": w.card.card_number.lower()}, ""),
    "its identification code": (lambda w: {"identification_code": w.card.identification_code.lower()}, ""),
    "its phone's code": (lambda w: {"code": w.phone.code(w.now)}, ""),
    "an old code": (lambda w: {"code": w.phone.code(w.now - 2 * MINUTE)}, "code_expired"),
    "a code from the future": (lambda w: {"code": w.phone.code(w.now + MINUTE)}, "code_from_future"),
    "a stopped phone": (lambda w: {"code": w.stopped_phone.code(w.now)}, "device_revoked"),
    "a lost card's code": (lambda w: {"code": w.lost_phone.code(w.now)}, "card_reported_lost"),
    "a lost card": (lambda w: {"card_number": w.lost_card.card_number}, "card_reported_lost"),
    "the old card": (lambda w: {"card_number": w.old_card.card_number}, "card_superseded"),
    "the new card": (lambda w: {"card_number": w.new_card.card_number}, ""),
    "a card not activated": (lambda w: {"card_number": w.inactive_card.card_number}, "card_not_active"),
    "no such card": (lambda w: {"card_number": "NOSUCH"}, "card_unknown"),
    "nothing": (lambda w: {}, "card_not_named"),
    "what is no code": (lambda w: {"code": "https://example.invalid/"}, "code_malformed"),
}


def test_each_question_gets_its_answer_and_stores_nothing(gateway: GatewayProcess, world: World) -> None:
    answers = {name: gateway.authorise(world.desk, **ask(world)) for name, (ask, _) in QUESTIONS.items()}
    assert {name: answer.reason for name, answer in answers.items()} == {
        name: reason for name, (_, reason) in QUESTIONS.items()
    }
    assert all(answer.accepted == (not answer.reason) for answer in answers.values())
    assert {answer.masked_name for answer in answers.values() if not answer.accepted} == {""}
    assert not StoredTap.objects.exists()


def test_a_desk_sees_a_masked_name_and_a_gate_none(gateway: GatewayProcess, world: World) -> None:
    at_desk = gateway.authorise(world.desk, card_number=world.new_card.card_number)
    at_gate = gateway.authorise(world.gate, card_number=world.new_card.card_number, purpose="transit")
    assert (at_desk.masked_name, at_desk.card_generation) == ("**4", 3)
    assert (at_gate.masked_name, at_gate.card_generation) == ("", 3)


@pytest.mark.parametrize("at_ms", [0, 4_000_000_000_000])
def test_a_terminal_cannot_choose_the_moment_it_asks_about(gateway: GatewayProcess, world: World, at_ms: int) -> None:
    answer = gateway.authorise(world.desk, card_number=world.old_card.card_number, at_ms=at_ms)
    assert answer.reason == "card_superseded"


def test_asking_about_a_code_does_not_use_it_up(gateway: GatewayProcess, world: World) -> None:
    code = world.phone.code(world.now)
    assert gateway.authorise(world.gate, code=code).accepted
    assert gateway.authorise(world.gate, code=code).accepted
    (result,) = gateway.send(world.gate, [world.gate.tap(world.now + SECOND, code=code)])
    assert result.status == "stored"
    assert StoredTap.objects.get().outcome == "accepted"
