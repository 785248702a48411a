"""A purse loaded at the counter: booked once, by the card's own proof; wrong cards, torn loads and lies change nothing."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.cast import CLERK, NOON, make_bank
from tests.issuance.bureaus import made_cards
from tests.issuance.counters import blank, prove, write
from yikatong.audit.actors import Actor
from yikatong.desks import purses
from yikatong.desks.finding import Desk
from yikatong.desks.models import DeskAct, LoadState, PurseLoad
from yikatong.foundation.errors import Refused
from yikatong.issuance import services
from yikatong.issuance.models import Card
from yikatong.ledger import services as ledger
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.channel import exchange
from yikatong.smartcard.status import Refusal

pytestmark = pytest.mark.django_db
BANK_OWES, FLOAT = "bank:ICBC:purse-loads", "purse:01011000FFFFFFFF:float"


def desk() -> Desk:
    return Desk(make_bank(), Actor("clerk", "c1"))


def cards(folder: Path, count: int = 1) -> list[tuple[Card, EmulatedCard]]:
    """Written at the counter and handed over."""
    made = []
    for number, card in enumerate(made_cards(count)):
        chip = blank(folder / str(number))
        write(card, chip, card.outlet_id)
        prove(card, chip, card.outlet_id)
        services.hand_over(card.card_id, by=CLERK, at=NOON)
        made.append((card, chip))
    return made


def send(chip: EmulatedCard, commands: list[Command]) -> bytes:
    return [exchange(chip, command) for command in commands][-1]


def begin(card: Card, load_id: UUID, *, amount_fen: int = 5_000, reference: str = "T1") -> list[Command]:
    return purses.begin(card.card_id, desk(), load_id=load_id, amount_fen=amount_fen, reference=reference, at=NOON)


def authorised(card: Card, chip: EmulatedCard, load_id: UUID, *, amount_fen: int = 5_000) -> list[Command]:
    issuer = send(chip, begin(card, load_id, amount_fen=amount_fen))
    answer = send(chip, purses.initialise(card.card_id, load_id, issuer))
    return purses.authorise(card.card_id, load_id, answer, at=NOON)


def balance_fen(chip: EmulatedCard) -> int:
    send(chip, purses.opening_commands())
    return int.from_bytes(exchange(chip, Command(0x80, 0x5C, 0x00, 0x02, expected=4)))


def test_a_load_is_booked_once_by_the_cards_proof(tmp_path: Path) -> None:
    ((card, chip),) = cards(tmp_path)
    load_id = uuid4()
    tac = send(chip, authorised(card, chip, load_id))
    assert ledger.balance_fen(BANK_OWES) == 0, "authorised is not loaded"
    with pytest.raises(Refused, match="没有证明"):
        purses.finish(card.card_id, load_id, bytes(4), desk(), at=NOON)
    for _ in range(2):
        purses.finish(card.card_id, load_id, tac, desk(), at=NOON)
    assert balance_fen(chip) == 5_000
    assert (ledger.balance_fen(BANK_OWES), ledger.balance_fen(FLOAT)) == (5_000, -5_000)
    assert DeskAct.objects.get().act == "load_purse"
    with pytest.raises(Refused, match="已经发给卡片"):
        purses.authorise(card.card_id, load_id, bytes(16), at=NOON)


def test_a_card_taken_away_too_soon_is_asked_when_it_is_back(tmp_path: Path) -> None:
    (card, chip), (_, other) = cards(tmp_path, 2)
    load_id = uuid4()
    send(chip, authorised(card, chip, load_id))  # the answer is lost on the way
    chip.power_on()
    with pytest.raises(Refused, match="不是刚才那张卡"):
        purses.ask_again(card.card_id, load_id, send(other, purses.opening_commands()))
    proof = send(chip, purses.ask_again(card.card_id, load_id, send(chip, purses.opening_commands())))
    purses.finish(card.card_id, load_id, proof, desk(), at=NOON)
    assert ledger.balance_fen(BANK_OWES) == 5_000


def test_what_was_left_in_doubt_is_settled_by_the_cards_next_number(tmp_path: Path) -> None:
    ((card, chip),) = cards(tmp_path)
    never, silently, last = uuid4(), uuid4(), uuid4()
    authorised(card, chip, never)  # the card never got it
    chip.power_on()
    with pytest.raises(Refusal):
        send(chip, purses.ask_again(card.card_id, never, send(chip, purses.opening_commands())))
    send(chip, authorised(card, chip, silently))  # the card loaded, and nobody was told
    states = dict(PurseLoad.objects.values_list("load_id", "state"))
    assert states == {never: LoadState.NOT_LOADED, silently: LoadState.AUTHORISED}
    chip.power_on()
    tac = send(chip, authorised(card, chip, last, amount_fen=1_000))
    purses.finish(card.card_id, last, tac, desk(), at=NOON)
    states = dict(PurseLoad.objects.values_list("load_id", "state"))
    assert states == {never: LoadState.NOT_LOADED, silently: LoadState.LOADED, last: LoadState.LOADED}
    assert balance_fen(chip) == ledger.balance_fen(BANK_OWES) == 6_000


def test_another_card_in_the_reader_is_told(tmp_path: Path) -> None:
    (card, _), (_, other) = cards(tmp_path, 2)
    load_id = uuid4()
    issuer = send(other, begin(card, load_id))
    for wrong in (issuer, b"", bytes(30)):
        with pytest.raises(Refused, match="读卡器里"):
            purses.initialise(card.card_id, load_id, wrong)


def test_a_forged_request_gets_no_word(tmp_path: Path) -> None:
    ((card, chip),) = cards(tmp_path)
    load_id = uuid4()
    answer = send(chip, purses.initialise(card.card_id, load_id, send(chip, begin(card, load_id))))
    for forged in (answer[:12] + bytes(4), bytes(2) + b"\x01" + answer[3:], b""):
        with pytest.raises(Refused):
            purses.authorise(card.card_id, load_id, forged, at=NOON)
    assert PurseLoad.objects.get().state == LoadState.BEGUN


@pytest.mark.parametrize(
    ("amount_fen", "reference", "words"),
    [
        (0, "T1", "整数金额"),
        (999, "T1", "整数金额"),
        (1_050, "T1", "整数金额"),
        (100_100, "T1", "整数金额"),
        (5_000, " ", "流水号"),
    ],
)
def test_what_cannot_be_loaded(tmp_path: Path, amount_fen: int, reference: str, words: str) -> None:
    ((card, _),) = cards(tmp_path)
    with pytest.raises(Refused, match=words):
        begin(card, uuid4(), amount_fen=amount_fen, reference=reference)


def test_a_purse_holds_no_more_than_a_thousand_yuan(tmp_path: Path) -> None:
    ((card, chip),) = cards(tmp_path)
    first = uuid4()
    purses.finish(card.card_id, first, send(chip, authorised(card, chip, first, amount_fen=60_000)), desk(), at=NOON)
    with pytest.raises(Refused, match="超过 1000 元"):
        authorised(card, chip, uuid4(), amount_fen=50_000)


def test_a_lost_card_is_not_loaded(tmp_path: Path) -> None:
    ((card, _),) = cards(tmp_path)
    services.pre_report_loss(card.card_id, by=CLERK, at=NOON)
    with pytest.raises(Refused, match="挂失"):
        begin(card, uuid4())
