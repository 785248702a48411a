"""Transit purses to test with, and the terminal's side of a payment, with the city's keys in hand."""

from datetime import date

from tests.smartcard.makers import CONTENTS, HISTORICAL, send
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card import EmulatedCard, Random
from yikatong.smartcard.channel import exchange
from yikatong.smartcard.dgi import Group, Grouping
from yikatong.smartcard.memory import Medium, Memory, VolatileMedium
from yikatong.smartcard.payment import BankReference
from yikatong.smartcard.ssse_sam import SamContents, open_sam, write_sam
from yikatong.smartcard.third_generation import (
    PurseContents,
    open_card,
    purse_groupings,
    social_groupings,
    write_groupings,
)
from yikatong.smartcard.tunion_layout import ISSUER_BEIJING, IssuerFile, PurseKey
from yikatong.smartcard.tunion_security import (
    CIPHERS,
    Algorithm,
    authorised,
    load_context,
    purchase_context,
)

MASTERS = {PurseKey.PURCHASE: b"\x51" * 16, PurseKey.LOAD: b"\x52" * 16, PurseKey.TAC: b"\x53" * 16}
NUMBER = "01001000751000000017"
ISSUER = IssuerFile(ISSUER_BEIJING, NUMBER, date(2026, 11, 23), date(2036, 11, 22))
BANK = BankReference("621234", "8830", "ICBC")
TERMINAL = "110000000042"
TIME = "20261123081500"
SELECT = "00A4040C08 A000000632010105"
OK = "9000"


def purse_contents(algorithm: Algorithm = Algorithm.SM4, overdraft_limit_fen: int = 0) -> PurseContents:
    """A purse with keys derived from ``MASTERS``."""
    blank = PurseContents(ISSUER, overdraft_limit_fen=overdraft_limit_fen, algorithm=algorithm)
    return PurseContents(
        ISSUER, overdraft_limit_fen=overdraft_limit_fen, algorithm=algorithm, keys=blank.card_keys(MASTERS)
    )


def whole_groupings(algorithm: Algorithm = Algorithm.SM4, overdraft_limit_fen: int = 0) -> list[Grouping]:
    """A card of nobody's with its purse and its bank."""
    purse = purse_groupings(purse_contents(algorithm, overdraft_limit_fen))
    return [*social_groupings(CONTENTS, HISTORICAL), *purse, Grouping(Group.BANK_REFERENCE, BANK.encode())]


def purse_card(
    algorithm: Algorithm = Algorithm.SM4,
    *,
    balance_fen: int = 0,
    counters: tuple[int, int] = (0, 0),
    overdraft_limit_fen: int = 0,
    medium: Medium | None = None,
    random: Random = lambda length: b"\xa1\xb2\xc3\xd4\xe5\xf6\x07\x18"[:length],
) -> EmulatedCard:
    """A whole card with a purse selected. ``counters``: offline and online."""
    medium = medium or VolatileMedium()
    memory = Memory(medium)
    write_groupings(memory, whole_groupings(algorithm, overdraft_limit_fen))
    with memory.transaction():
        memory["TU/balance"] = balance_fen.to_bytes(4)
        memory["TU/counter/offline"], memory["TU/counter/online"] = (counter.to_bytes(2) for counter in counters)
    card = open_card(medium, random=random)
    card.power_on()
    assert send(card, SELECT) == OK
    return card


def purse_sam(medium: Medium | None = None, terminal: str = TERMINAL) -> EmulatedCard:
    """A terminal's security module that takes money from such purses, with the transit module selected."""
    medium = medium or VolatileMedium()
    purse_masters = dict.fromkeys(Algorithm, MASTERS[PurseKey.PURCHASE])
    write_sam(Memory(medium), SamContents(0x11, bytes(10), 0x01, bytes.fromhex(terminal), {}, purse_masters))
    sam = open_sam(medium)
    sam.power_on()
    assert send(sam, "00A4040C0A F079696B61746F6E6702") == OK
    return sam


def mac1_of(begun: str, amount_fen: int, kind: int, number: int = 1, *, algorithm: Algorithm = Algorithm.SM4) -> str:
    """A terminal's MAC1 for what a card answered to INIT PURCHASE, in hex."""
    cipher, octets = CIPHERS[algorithm], bytes.fromhex(begun)
    key = purse_contents(algorithm).keys[PurseKey.PURCHASE]
    session = cipher.session(key, purchase_context(octets[11:15], int.from_bytes(octets[4:6]), number))
    covered = authorised(amount_fen.to_bytes(4), kind, bytes.fromhex(TERMINAL), bytes.fromhex(TIME))
    return cipher.mac(session, covered).hex().upper()


def mac2_of_load(begun: str, amount_fen: int, *, algorithm: Algorithm = Algorithm.SM4) -> str:
    """The issuer's MAC2 for what a card answered to INIT LOAD, in hex."""
    cipher, octets = CIPHERS[algorithm], bytes.fromhex(begun)
    key = purse_contents(algorithm).keys[PurseKey.LOAD]
    session = cipher.session(key, load_context(octets[8:12], int.from_bytes(octets[4:6])))
    covered = authorised(amount_fen.to_bytes(4), 0x02, bytes.fromhex(TERMINAL), bytes.fromhex(TIME))
    return cipher.mac(session, covered).hex().upper()


def get(card: EmulatedCard, command: str) -> str:
    """The data of an answer that must be good, all pieces of it."""
    return exchange(card, Command.decode(bytes.fromhex(command))).hex().upper()


def load(card: EmulatedCard, amount_fen: int) -> str:
    """Load a purse; its answer."""
    begun = get(card, f"80500002 0B 01 {amount_fen:08X} {TERMINAL} 10")
    return send(card, f"80520000 0B {TIME} {mac2_of_load(begun, amount_fen)} 04")


def pay(card: EmulatedCard, amount_fen: int, number: int = 1) -> str:
    """Pay from a purse; its answer."""
    begun = send(card, f"80500102 0B 01 {amount_fen:08X} {TERMINAL} 0F")
    if not begun.endswith(OK):
        return begun
    mac1 = mac1_of(begun[:-4], amount_fen, 0x06, number)
    return send(card, f"80540100 0F {number:08X} {TIME} {mac1} 08")


def balance_fen(card: EmulatedCard) -> int:
    """The money there."""
    return int(get(card, "805C030204"), 16)
