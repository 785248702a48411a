"""Whatever a reader sends, a card answers, keeps its keys, and changes nothing without a right or a valid MAC.

Seeded; ``YIKATONG_FUZZ_SEED`` chooses another sequence. A million, in some minutes on one core:
``YIKATONG_FUZZ_COMMANDS=1000000 pytest tests/smartcard/test_fuzz.py``.
The fuzzer knows no key; its card is given rights beforehand, so that it also tries what lies behind them.
"""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.smartcard.makers import CONTENTS, HISTORICAL, KEYS, send
from tests.smartcard.purses import BANK, TERMINAL, purse_contents
from tests.smartcard.purses import SELECT as PURSE
from yikatong.gm.sm2 import PrivateKey
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.dgi import Group, Grouping
from yikatong.smartcard.identity import AID as IDENTITY_AID
from yikatong.smartcard.memory import Memory, VolatileMedium
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.ssse_security import cryptogram
from yikatong.smartcard.third_generation import open_card, purse_groupings, social_groupings, write_groupings
from yikatong.smartcard.tunion_layout import RAIL
from yikatong.smartcard.tunion_ride import RideRecord

COMMANDS = int(os.environ.get("YIKATONG_FUZZ_COMMANDS", "20000"))
SEED = int(os.environ.get("YIKATONG_FUZZ_SEED", "7"))
COMMANDS_PER_CARD = 100
WINDOW = 8
PIN = "9072635184736251"
ACCOUNT = {number: random.Random(number).randbytes(16) for number in (Key.PURCHASE, Key.LOAD, Key.TAC)}
SSSE, DF04 = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF", "00A4040006D15600000503"
IDENTITY = f"00A40400{len(IDENTITY_AID):02X}{IDENTITY_AID.hex()}"
INIT_PURCHASE = f"B028010113 01 {16:08X} {0:08X} {0:08X} 110000000042"
INIT_COMPOUND = f"805003020B 01 {16:08X} {TERMINAL}"
CACHE_RIDE = f"80DC01D080 {RideRecord.blank(RAIL).with_fields(state=1).octets.hex()}"
CACHE_TRIP = "80DC00F030" + "03" + "AB" * 47
KNOWN = [
    bytes.fromhex(command)
    for command in (
        *(SSSE, DF04, IDENTITY, "00A4000000", "00A4020002EF05", "00A4020002EF06", "00A4000002DF04", "00C0000000"),
        *("0084000008", "0084000010", "0088000010" + "A5" * 16, "0082000A10" + "5A" * 16, "0082000610" + "5A" * 16),
        *("0020000000", "0020000003111111", "805E010007111111FF654321", "8424000004AABBCCDD", "8424000114" + "3D" * 20),
        *(
            "841E000104AABBCCDD",
            "8416000004AABBCCDD",
            "00B2010540",
            "00B2032C06",
            "00B2013414",
            "00B2080014",
            "00B2014400",
        ),
        *("00DC012C03040132", "00DC014C03040132", "00B0000000", "00B0870000", "00B0880000", "00D6870003010203"),
        *("00B0810000", "00880001" + "10" + "A5" * 16, "00880002" + "10" + "A5" * 16, "00B0000400000100"),
        *("B026000104", "B026000206", "B026000306", "B02E0006020000", "B02E0002020000"),
        *("B02800010B0100000100110000000042", "B02A00000B20261123081500AABBCCDD"),
        *(INIT_PURCHASE, "B02C01000F0000000720261123081500AABBCCDD"),
        *("80500000081122334455667788", "8052000B", "805C000204", "80CA0000", "00A404000EA000000632010105"),
        *(PURSE, "805C030204", "00B095001E", "00B097003C", "00B201C417", "00B201D480", "00B201F430", "00B0840020"),
        *(INIT_COMPOUND, f"805001020B0100000010{TERMINAL}", f"805000020B0100000010{TERMINAL}", CACHE_RIDE, CACHE_TRIP),
        *("80540100" + "0F" + "00000007" + "20261123081500" + "AABBCCDD" + "08", "805A0009020001", "805A0002020001"),
        *("80520000" + "0B" + "20261123081500" + "AABBCCDD" + "04", "00A404000E325041592E5359532E4444463031"),
        *("00A404000E315041592E5359532E4444463031", "00A4040008A000000333010101", "00B2011400", "00B2010C00"),
    )
]
LIKELY = bytes((0x00, 0x01, 0x02, 0x04, 0x06, 0x08, 0x0A, 0x0B, 0x10, 0x20, 0x7F, 0x80, 0x84, 0xB0, 0xFF))


def mutated(rng: random.Random) -> bytes:
    """A command: a known one, one altered in a few places, or noise."""
    choice = rng.random()
    if choice < 0.3:
        return rng.choice(KNOWN)
    if choice < 0.4:
        return rng.randbytes(rng.choice((0, 1, 3, 4, 5, 6, 12, 40, 261, 300)))
    octets = bytearray(rng.choice(KNOWN))
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(octets) + 1)
        kind = rng.randrange(5)
        if kind == 0 and place < len(octets):
            octets[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and place < len(octets):
            octets[place] = rng.choice(LIKELY)
        elif kind == 2:
            octets[place:place] = rng.randbytes(rng.randint(1, 4))
        elif kind == 3:
            del octets[place:]
        else:
            octets += rng.choice(KNOWN)[: rng.randrange(24)]
    return bytes(octets)


@pytest.fixture(scope="module")
def journal() -> bytes:
    """A whole card with money in its account and its purse, and records of both."""
    medium = VolatileMedium()
    contents = replace(CONTENTS, keys=KEYS | ACCOUNT, pin=PIN)
    certificate = b"\x30\x82\x02\x54" + random.Random(1).randbytes(596)
    groupings = [
        *social_groupings(contents, HISTORICAL),
        Grouping(Group.IDENTITY_KEY, PrivateKey.generate().scalar),
        Grouping(Group.CERTIFICATE, certificate),
        *purse_groupings(purse_contents(overdraft_limit_fen=1_000)),
        Grouping(Group.BANK_REFERENCE, BANK.encode()),
    ]
    memory = Memory(medium)
    write_groupings(memory, groupings)
    with memory.transaction():
        memory["SSSE/DF04/balance"] = (1_000_000).to_bytes(4)
        memory["SSSE/DF04/EF08/1"], memory["SSSE/DF04/EF08/newest"] = bytes(range(0x1C)), b"\1"
        memory["TU/balance"], memory["TU/proof/09"] = (5_000).to_bytes(4), b"\0\1" + bytes(range(0x30, 0x38))
        memory["TU/0018/1"], memory["TU/0018/newest"] = bytes(range(23)), b"\1"
    return medium.read()


def nothing(card: EmulatedCard) -> None:
    """No right at all."""


def with_pin(card: EmulatedCard) -> None:
    """As after the holder's PIN, in the medical directory."""
    send(card, SSSE)
    assert send(card, f"0020000008{PIN}") == "9000"
    send(card, DF04)


def with_reading_key(card: EmulatedCard) -> None:
    """As after a terminal proved that it may read the holder's data, or unblock the PIN."""
    send(card, SSSE)
    for number in (Key.READ, Key.PUK):
        original, factor = (bytes.fromhex(send(card, "0084000008")[:-4]) for _ in range(2))
        proof = cryptogram(KEYS[number], factor, original)
        assert send(card, f"008200{number:02X}10{proof.hex()}{original.hex()}") == "9000"


def with_a_payment_begun(card: EmulatedCard) -> None:
    """As after INIT PURCHASE."""
    send(card, SSSE)
    send(card, DF04)
    assert send(card, INIT_PURCHASE).startswith("61")


def with_a_ride_begun(card: EmulatedCard) -> None:
    """As after INIT of a compound purchase with both records cached."""
    for command in (PURSE, INIT_COMPOUND, CACHE_RIDE, CACHE_TRIP):
        assert send(card, command)[:2] in {"90", "61"}


def kept(cells: dict[str, bytes]) -> dict[str, bytes]:
    """All cells but counters of tries, which a wrong try changes."""
    return {cell: value for cell, value in cells.items() if not cell.endswith("/tries")}


def windows(octets: bytes) -> Iterator[bytes]:
    return (octets[place : place + WINDOW] for place in range(len(octets) - WINDOW + 1))


@pytest.mark.parametrize("prepare", [nothing, with_pin, with_reading_key, with_a_payment_begun, with_a_ride_begun])
def test_nothing_sent_breaks_a_card_or_changes_it_or_shows_a_key(
    prepare: Callable[[EmulatedCard], None], journal: bytes
) -> None:
    rng = random.Random(f"{SEED} {prepare.__name__}")
    before = kept(dict(Memory(VolatileMedium(journal)).cells()))
    secret = {
        part for cell, value in before.items() if "/key/" in cell or cell == "SSSE/pin" for part in windows(value)
    }
    answered: set[bytes] = set()
    for place in range(COMMANDS // 5):
        if place % COMMANDS_PER_CARD == 0:
            medium = VolatileMedium(journal)
            card = open_card(medium, random=rng.randbytes)
            card.power_on()
            prepare(card)
        command = mutated(rng)
        answer = card.transmit(command)
        assert 2 <= len(answer) <= 65538, command.hex()
        assert secret.isdisjoint(windows(answer)), command.hex()
        assert kept(dict(card.memory.cells())) == before, command.hex()
        answered.add(answer[-2:])
    assert {b"\x90\x00", b"\x67\x00", b"\x6d\x00"} <= answered
    assert len(answered) > 15, "the commands reach what lies behind the first checks"
