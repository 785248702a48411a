"""Cards that a unit collects: made ready by the bank as a packet, fetched, handed out or given back, never lost on the way."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from tests.cast import CLERK, NOON, make_bank
from tests.units.makers import EMPLOYER, OTHER, UNIT, as_csv, enrolled, make_named, row_of, uploaded
from yikatong.applications.models import Application
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.foundation.errors import Refused
from yikatong.issuance import services
from yikatong.issuance.models import Card
from yikatong.issuance.production import produce_card
from yikatong.issuance.selectors import find_ready_cards
from yikatong.units.applying import begin_applying
from yikatong.units.applying import work_off as apply_for_all
from yikatong.units.collecting import (
    cards_in,
    fetch,
    give_back,
    hand_out,
    packet_of,
    packets_of,
    prepare_packet,
    units_waiting_at,
    work_off,
)
from yikatong.units.models import Packet, PacketCard
from yikatong.units.rosters import confirm

BANK = Actor("clerk", "bank")


def refusal(command: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        command()
    return str(refused.value.reason)


def made_cards(count: int, code: str = EMPLOYER, *, first: int = 1) -> list[Card]:
    """Cards of a unit's people, made and lying at the bank."""
    enrolled(code, ("ABC",))
    people = [make_named(serial) for serial in range(first, first + count)]
    roster = uploaded(as_csv([row_of(person, "ABC") for person in people]), code)
    confirm(code, roster.roster_id, by=UNIT, at=NOON)
    apply_for_all(begin_applying(code, {}, by=UNIT, at=NOON).run_id, clock=lambda: NOON)
    applications = Application.objects.filter(organisation_code=code).order_by("person_id")
    cards = [produce_card(a.person_id, a.application_id, at=NOON) for a in applications]
    return [card for card in cards if card is not None]


def prepared(code: str = EMPLOYER) -> Packet:
    packet = prepare_packet(code, outlet_id="ABC-1", by=BANK, at=NOON)
    return work_off(packet.packet_id, clock=lambda: NOON)


def test_from_the_bank_to_the_hands(units: None) -> None:
    one, two, three = made_cards(3)
    assert [(waiting.organisation.credit_code, waiting.cards) for waiting in units_waiting_at("ABC")] == [(EMPLOYER, 3)]
    assert units_waiting_at("ICBC") == []
    packet = prepared()
    assert packet.state == "ready"
    assert units_waiting_at("ABC") == []
    assert [held.number for held in cards_in(packet.packet_id)] == [1, 2, 3]
    assert refusal(lambda: hand_out(EMPLOYER, packet.packet_id, [one.card_id], by=UNIT, at=NOON)) == "packet_not_ready"
    for _ in range(2):
        assert fetch(EMPLOYER, packet.packet_id, by=UNIT, at=NOON).state == "fetched"
        assert hand_out(EMPLOYER, packet.packet_id, [one.card_id, two.card_id], by=UNIT, at=NOON) == {}
        assert give_back(EMPLOYER, packet.packet_id, [three.card_id], by=UNIT, at=NOON) == {}
    (figures,) = packets_of(EMPLOYER)
    assert (figures.cards, figures.handed_over, figures.returned, figures.waiting) == (3, 2, 1, 0)
    states = dict(Card.objects.filter(generation=3).values_list("card_id", "state"))
    assert states == {one.card_id: "collected", two.card_id: "collected", three.card_id: "ready"}
    assert [card.card_id for card in find_ready_cards("ABC-1")] == [three.card_id], (
        "it waits at the counter like any other"
    )
    assert AuditEvent.objects.filter(action="card.collected", actor="unit:test").count() == 2
    assert AuditEvent.objects.filter(action="card.sent_to_outlet").count() == 1
    refused = hand_out(EMPLOYER, packet.packet_id, [three.card_id], by=UNIT, at=NOON)
    assert "已退回网点" in refused[three.card_id]
    assert "已发给本人" in give_back(EMPLOYER, packet.packet_id, [one.card_id], by=UNIT, at=NOON)[one.card_id]
    services.hand_over(three.card_id, by=CLERK, at=NOON)


def test_a_packet_is_prepared_once_and_a_later_card_makes_another(units: None) -> None:
    made_cards(2)
    first = prepare_packet(EMPLOYER, outlet_id="ABC-1", by=BANK, at=NOON)
    assert prepare_packet(EMPLOYER, outlet_id="ABC-1", by=BANK, at=NOON).packet_id == first.packet_id
    work_off(first.packet_id, clock=lambda: NOON)
    assert work_off(first.packet_id, clock=lambda: NOON).state == "ready"
    assert refusal(lambda: prepare_packet(EMPLOYER, outlet_id="ABC-1", by=BANK, at=NOON)) == "packet_unknown"
    assert PacketCard.objects.count() == 2


def test_preparing_goes_on_where_it_stopped(units: None) -> None:
    made_cards(3)
    packet = prepare_packet(EMPLOYER, outlet_id="ABC-1", by=BANK, at=NOON)
    moments = iter([NOON, NOON])

    def breaks() -> object:
        try:
            return next(moments)
        except StopIteration:
            raise ConnectionError from None

    with pytest.raises(ConnectionError):
        work_off(packet.packet_id, clock=breaks)  # type: ignore[arg-type]
    assert PacketCard.objects.count() == 2
    assert work_off(packet.packet_id, clock=lambda: NOON).state == "ready"
    assert [held.number for held in cards_in(packet.packet_id)] == [1, 2, 3]


def test_another_units_packet_and_cards_are_unknown(units: None) -> None:
    (mine,), (theirs,) = made_cards(1), made_cards(1, OTHER, first=50)
    packet, foreign = prepared(), prepared(OTHER)
    for command in (
        lambda: fetch(EMPLOYER, foreign.packet_id, by=UNIT, at=NOON),
        lambda: hand_out(EMPLOYER, foreign.packet_id, [theirs.card_id], by=UNIT, at=NOON),
        lambda: give_back(EMPLOYER, foreign.packet_id, [theirs.card_id], by=UNIT, at=NOON),
        lambda: fetch(EMPLOYER, uuid4(), by=UNIT, at=NOON),
    ):
        assert refusal(command) == "packet_unknown"
    assert packet_of(EMPLOYER, foreign.packet_id) is None
    fetch(EMPLOYER, packet.packet_id, by=UNIT, at=NOON)
    refused = hand_out(EMPLOYER, packet.packet_id, [theirs.card_id, mine.card_id], by=UNIT, at=NOON)
    assert list(refused) == [theirs.card_id]
    assert Card.objects.get(pk=mine.pk).state == "collected"
    assert Card.objects.get(pk=theirs.pk).state == "ready"


def test_only_cards_of_that_bank_are_put_in(units: None) -> None:
    made_cards(1)
    assert refusal(lambda: prepare_packet(EMPLOYER, outlet_id="BOC-1", by=BANK, at=NOON)) == "packet_unknown"
    assert isinstance(prepared().packet_id, UUID)


@pytest.mark.parametrize(
    ("outlet", "state", "reason"), [("BOC-1", "ready", "other_banks_card"), ("ABC-1", "made", "card_not_ready")]
)
def test_a_card_goes_back_to_its_own_bank_alone(units: None, outlet: str, state: str, reason: str) -> None:
    (card,) = made_cards(1)
    if state == "ready":
        services.mark_ready(card.card_id, by=BANK, at=NOON)
    make_bank("BOC")
    assert refusal(lambda: services.send_to_outlet(card.card_id, outlet_id=outlet, by=UNIT, at=NOON)) == reason
