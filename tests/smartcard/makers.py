"""Cards to test with: our own keys, and nobody's data."""

from collections.abc import Callable
from datetime import date

from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.memory import Medium, Memory, VolatileMedium
from yikatong.smartcard.ssse_layout import Key, Version, historical_bytes, initialising_institution
from yikatong.smartcard.ssse_security import card_key
from yikatong.smartcard.third_generation import SocialContents, open_card, social_groupings, write_groupings

HISTORICAL = historical_bytes(
    chip_maker=bytes.fromhex("0081"),
    chip=bytes.fromhex("4A4446"),
    card_maker=bytes.fromhex("8660"),
    region_code="110000",
    serial=1,
)
MASTERS = {
    number: bytes([number]) * 16 for number in (Key.PUK, Key.INTERNAL, Key.PIN_SERVICE, Key.READ, Key.BLOCK, Key.UPDATE)
}
KEYS = {number: card_key(master, "110000", HISTORICAL) for number, master in MASTERS.items()}
PIN = "123456"
CONTENTS = SocialContents(
    identification_code="110000D156000005000000A1B2C3D4E5",
    institution=initialising_institution("110000", "110100", 2),
    issued_on=date(2026, 11, 23),
    expires_on=date(2036, 11, 22),
    card_number="J0000001X",
    identity_number="119901199003078515",
    name="测试员",
    sex="1",
    ethnicity_code="01",
    birthplace_code="119901",
    birth_date=date(1990, 3, 7),
    pin=PIN,
    keys=KEYS,
)


def made_card(
    version: Version = Version.V3,
    *,
    medium: Medium | None = None,
    contents: SocialContents = CONTENTS,
    randoms: tuple[str, ...] = (),
) -> EmulatedCard:
    """A personalised card with power on. ``randoms``: what its first challenges are to be, in hex."""
    medium = medium or VolatileMedium()
    write_groupings(Memory(medium), social_groupings(contents, HISTORICAL, version))
    given = iter(bytes.fromhex(random) for random in randoms)
    card = open_card(medium, random=(lambda _: next(given)) if randoms else _counting())
    card.power_on()
    return card


def _counting() -> Callable[[int], bytes]:
    """Random numbers that are not: 1, 2, 3 …, so that a failing test fails again."""
    count = 0

    def random(length: int) -> bytes:
        nonlocal count
        count += 1
        return count.to_bytes(length)

    return random


def send(card: EmulatedCard, command: str) -> str:
    """Send hex, get hex; spaces are for the reader's eye."""
    return card.transmit(bytes.fromhex(command)).hex().upper()
