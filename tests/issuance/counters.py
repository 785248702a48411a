"""A counter in process: a blank in the clerk's reader, and the page that carries commands between it and the server."""

from pathlib import Path

from tests.cast import CLERK, NOON
from yikatong.issuance import counter
from yikatong.issuance.emulated_blanks import make_blanks
from yikatong.issuance.models import Card
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.channel import exchange
from yikatong.smartcard.memory import FileMedium
from yikatong.smartcard.third_generation import open_card


def blank(folder: Path) -> EmulatedCard:
    """A blank with its power on."""
    (path,) = make_blanks(folder, 1)
    card = open_card(FileMedium(path))
    card.power_on()
    return card


def sent(chip: EmulatedCard, commands: list[Command]) -> bytes:
    """Send them all; the last one's answer. Raises ``Refusal``."""
    answers = [exchange(chip, command) for command in commands]
    return answers[-1]


def write(card: Card, chip: EmulatedCard, outlet_id: str) -> None:
    """Everything up to the reset."""
    opened = sent(chip, counter.begin(card.card_id, outlet_id=outlet_id, by=CLERK, at=NOON))
    sent(chip, counter.load(card.card_id, opened, outlet_id=outlet_id, by=CLERK, at=NOON))
    chip.power_on()


def prove(card: Card, chip: EmulatedCard, outlet_id: str) -> Card:
    """What follows on the reset."""
    signature = sent(chip, counter.prove(card.card_id, outlet_id=outlet_id))
    return counter.finish(card.card_id, signature, outlet_id=outlet_id, by=CLERK, at=NOON)
