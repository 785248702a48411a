"""A city's card with money on its purse, a venue's terminal with its module, and payments as the gateway keeps them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from django.db import connection

from tests.acceptance.makers import registered
from tests.cast import CLERK, NOON
from tests.issuance.bureaus import made_cards
from tests.issuance.counters import blank, prove, write
from yikatong.acceptance import queries
from yikatong.acceptance.decisions import read_payment
from yikatong.acceptance.rules import TerminalStanding
from yikatong.city.network import metro_network
from yikatong.city.tariffs import load_metro_tariff
from yikatong.issuance.chip_records import city_roots
from yikatong.registry.card_keys import write_psam
from yikatong.registry.sealing import key_store
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.card_roots import purse_roots
from yikatong.smartcard.memory import FileMedium
from yikatong.smartcard.ssse_sam import open_sam
from yikatong.smartcard.tunion_loading import LoadAuthority
from yikatong.terminal import Terminal
from yikatong.terminal.card_terminal import CardTerminal
from yikatong.terminal.purse import PurseTerminal
from yikatong.terminal.purse_load import load_purse
from yikatong.terminal.rail_gate import GatePlace, RailGate, station_code
from yikatong.wire.purses import PursePayment

LOADED_FEN = 5_000
RIDING = NOON + timedelta(hours=3)


@dataclass
class Venue:
    """One station's gate, or a till there, with a state folder of its own."""

    kit: CardTerminal
    terminal: Terminal

    @property
    def payments(self) -> list[PursePayment]:
        """What it keeps."""
        return self.kit.outbox


def make_card(folder: Path) -> EmulatedCard:
    """A card written at a counter, with 50 yuan on its purse."""
    (card,) = made_cards(1)
    chip = blank(folder)
    write(card, chip, card.outlet_id)
    prove(card, chip, card.outlet_id)
    authority = LoadAuthority(purse_roots(key_store()))
    loaded = load_purse(chip, LOADED_FEN, terminal=bytes(6), authorise=authority.authorise, at=NOON)
    assert authority.is_done(loaded.request, NOON, loaded.tac)
    return chip


def make_venue(
    folder: Path,
    terminal_id: str,
    *,
    station: str = "国贸",
    purpose: str = "gate",
    gateway_url: str = "http://127.0.0.1:9",
    module: str | None = None,
) -> Venue:
    """A registered terminal with the city's module in it, which has the terminal's number unless ``module`` says another."""
    city_roots(purse_roots)
    gate = registered(folder, terminal_id, at=NOON, station=station, purpose=purpose, gateway_url=gateway_url)
    image = folder / f"{terminal_id}.sam"
    write_psam(
        image,
        module or terminal_id,
        region_code="110000",
        with_purchase=False,
        with_transit=True,
        version=None,
        by=CLERK,
        at=NOON,
    )
    sam = open_sam(FileMedium(image))
    sam.power_on()
    terminal = Terminal(gate.profile, folder / f"{terminal_id}.state")
    place = GatePlace(station, station_code(station))
    rail = RailGate(
        PurseTerminal(sam), place, metro_network(), lambda day: load_metro_tariff(on=day), lambda code: False
    )
    return Venue(CardTerminal(sam, terminal.purse_outbox, place=station, gate=rail), terminal)


def keep(payment: PursePayment, *, purpose: str = "gate", venue: str = "国贸", at: datetime = RIDING) -> None:
    """Store a payment as the gateway does."""
    standing = TerminalStanding(payment.terminal, bytes(33), venue, purpose, None)
    with connection.cursor() as cursor:
        cursor.execute(queries.STORE_PURSE_PAYMENT, read_payment(payment, standing, received_at=at))


def changed(payment: PursePayment, **changes: object) -> PursePayment:
    """Another report of it."""
    return msgspec.structs.replace(payment, **changes)
