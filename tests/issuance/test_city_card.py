"""A card from its order to the gate: the register makes it, the bureau writes it, terminals with the city's modules take it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cast import CLERK, NOON
from tests.issuance.bureaus import BANK, made_cards, opened, take, write_all
from tests.issuance.counters import blank, prove, write
from yikatong.city.network import metro_network
from yikatong.city.tariffs import load_metro_tariff
from yikatong.issuance.authorities import card_authority
from yikatong.issuance.emulated_bureau import EmulatedBureau
from yikatong.issuance.models import Card
from yikatong.issuance.receipts import reconcile
from yikatong.registry.card_keys import write_psam
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher, key_store
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.card_roots import purse_roots
from yikatong.smartcard.channel import Channel
from yikatong.smartcard.memory import FileMedium
from yikatong.smartcard.ssse_sam import open_sam
from yikatong.smartcard.third_generation import open_card
from yikatong.smartcard.tunion_loading import LoadAuthority
from yikatong.terminal.card_check import CardVerifier
from yikatong.terminal.purse import PurseTerminal
from yikatong.terminal.purse_load import load_purse
from yikatong.terminal.rail_gate import GatePlace, Passed, RailGate, station_code
from yikatong.terminal.reader_api.api import ReaderApi

pytestmark = pytest.mark.django_db
TERMINAL = "110000000042"
AFTERWARDS = NOON + timedelta(hours=3)


class Desk:
    """A desk's two slots."""

    def __init__(self, card: EmulatedCard, sam: EmulatedCard) -> None:
        self._card, self._sam = card, sam

    @contextmanager
    def card(self, kind: int) -> Iterator[EmulatedCard]:
        self._card.power_on()
        yield self._card

    @contextmanager
    def sam(self) -> Iterator[Channel | None]:
        self._sam.power_on()
        yield self._sam


@pytest.fixture(params=["bureau", "counter"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Card, EmulatedCard]:
    """The register's card and the chip that the bureau, or a counter, made of it."""
    (card,) = made_cards(1)
    if request.param == "counter":
        chip = blank(tmp_path)
        write(card, chip, card.outlet_id)
        return prove(card, chip, card.outlet_id), chip
    job = opened()
    (part,) = write_all(job.job_id, tmp_path / "files")
    assert part.path is not None
    bureau = EmulatedBureau(BANK, key_store(), tmp_path / "images")
    take(bureau.make(part.path.read_bytes(), at=AFTERWARDS, ship=True), at=AFTERWARDS)
    assert reconcile(job.job_id).shipped == 1
    (image,) = (tmp_path / "images").glob("*.card")
    chip = open_card(FileMedium(image))
    chip.power_on()
    card.refresh_from_db()
    return card, chip


@pytest.fixture
def module(made: tuple[Card, EmulatedCard], tmp_path: Path) -> EmulatedCard:
    """A security module written from the city's roots, as they are after the card was made."""
    image = tmp_path / "psam.image"
    write_psam(
        image,
        TERMINAL,
        region_code="110000",
        with_purchase=True,
        with_transit=True,
        version=None,
        by=CLERK,
        at=NOON,
    )
    sam = open_sam(FileMedium(image))
    sam.power_on()
    return sam


def test_a_desk_reads_whose_card_it_is(made: tuple[Card, EmulatedCard], module: EmulatedCard) -> None:
    card, chip = made
    code, text = ReaderApi(Desk(chip, module)).iReadCardBas(1)
    person = Person.objects.get(person_id=card.person_id)
    fields = text.split("|")
    assert code == 0
    assert fields[1] == field_cipher().open("identity_number", bytes(person.identity_number_sealed))
    assert fields[4] == field_cipher().open("name", bytes(person.name_sealed))
    assert (fields[2], fields[3], fields[9]) == (card.card_number, card.identification_code, TERMINAL)


def test_the_card_proves_itself_up_to_the_citys_authority(made: tuple[Card, EmulatedCard]) -> None:
    card, chip = made
    genuine = CardVerifier([card_authority().certificate]).verify(chip, AFTERWARDS)
    assert genuine.identification_code == card.identification_code
    assert f"{genuine.serial_number:x}" == card.certificate_serial_hex


def test_the_card_is_loaded_and_rides(made: tuple[Card, EmulatedCard], module: EmulatedCard) -> None:
    _, chip = made
    authority = LoadAuthority(purse_roots(key_store()))
    loaded = load_purse(chip, 5_000, terminal=bytes.fromhex(TERMINAL), authorise=authority.authorise, at=AFTERWARDS)
    assert authority.is_done(loaded.request, AFTERWARDS, loaded.tac)
    purses = PurseTerminal(module)
    answers = []
    for station, minutes in (("国贸", 10), ("西单", 35)):
        place = GatePlace(station, station_code(station))
        gate = RailGate(purses, place, metro_network(), lambda day: load_metro_tariff(on=day), lambda code: False)
        at = AFTERWARDS + timedelta(minutes=minutes)
        answers.append(gate.enter(chip, at) if station == "国贸" else gate.leave(chip, at))
    entered, left = answers
    assert isinstance(entered, Passed)
    assert isinstance(left, Passed)
    assert left.fare is not None
    assert left.balance_fen == 5_000 - left.fare.fare_fen
