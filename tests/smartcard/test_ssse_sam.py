"""A terminal with its security module and a card: the terminal itself never holds a key."""

from dataclasses import replace

import pytest

from tests.smartcard.makers import CONTENTS, HISTORICAL, KEYS, MASTERS, made_card, send
from tests.smartcard.power import PowerCut, TornMedium
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.memory import Memory, MemoryDamaged, VolatileMedium
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.ssse_sam import SamContents, open_sam, write_sam
from yikatong.smartcard.ssse_security import card_key

ACCOUNT_MASTERS = {Key.PURCHASE: b"\x51" * 16, Key.LOAD: b"\x52" * 16, Key.TAC: b"\x53" * 16}
ACCOUNT = {number: card_key(master, "110000", HISTORICAL) for number, master in ACCOUNT_MASTERS.items()}
SAM = SamContents(
    issuer=0x11,
    serial=bytes(range(10)),
    kind=0x01,
    terminal=bytes.fromhex("110000000042"),
    masters={
        Key.INTERNAL: MASTERS[Key.INTERNAL],
        Key.READ: MASTERS[Key.READ],
        Key.PURCHASE: ACCOUNT_MASTERS[Key.PURCHASE],
    },
)
SELECT_SSSE = "00A4040C0F 7378312E73682EC9E7BBE1B1A3D5CF"
SELECT_PSAM = "00A4040C06 D15600000590"
FACTORS = "8660110000000001" + "3131303030307378" + "3131303030307368"  # levels 3, 2, 1, spelt out
TIME = "20261123081500"
ASKED = f"{3_000:08X}{200:08X}{4_500:08X}"
OK = "9000"


def blank_sam(medium: VolatileMedium | None = None) -> EmulatedCard:
    medium = medium or VolatileMedium()
    write_sam(Memory(medium), SAM)
    sam = open_sam(medium)
    sam.power_on()
    assert send(sam, SELECT_PSAM) == OK
    return sam


def ready_sam() -> EmulatedCard:
    sam = blank_sam()
    assert send(sam, "BFEC0000 01 11") == OK
    return sam


def card_with_account(balance_fen: int = 10_000) -> EmulatedCard:
    card = made_card(contents=replace(CONTENTS, keys=KEYS | ACCOUNT))
    with card.memory.transaction():
        card.memory["SSSE/DF04/balance"] = balance_fen.to_bytes(4)
    assert send(card, SELECT_SSSE) == OK
    return card


def get(reader: EmulatedCard, command: str) -> str:
    answer = send(reader, command)
    assert answer.endswith(OK), answer
    return answer[:-4]


def purchase_data(answer: str, *, kind: str = "06", versions: str = "0103", factors: str = FACTORS) -> str:
    random, counter = answer[36:44], answer[28:32]
    return random + counter + ASKED + kind + TIME + versions + factors


def test_a_module_tells_its_terminal_its_numbers() -> None:
    sam = blank_sam()
    assert get(sam, "00B095000F") == "11" + bytes(range(10)).hex() + "01010000"
    assert get(sam, "00B0960006") == "110000000042"


def test_a_terminal_reads_a_version_3_card_with_no_key_of_its_own() -> None:
    card, sam = card_with_account(), blank_sam()
    identification = get(card, "00B2012C12")[4:]
    get(sam, f"BFEC0000 01 {identification[:2]}")
    original, factor = get(card, "0084000008"), get(card, "0084000008")
    get(sam, f"BFDE0108 20 {FACTORS} {factor}")
    expected = get(sam, f"80FA0000 08 {original} 08")
    assert get(card, f"0088000010 {factor} {original} 08") == expected
    assert send(card, "00B2013414") == "6982"
    original, factor = get(card, "0084000008"), get(card, "0084000008")
    get(sam, f"BFDE010A 20 {FACTORS} {factor}")
    proof = get(sam, f"80FA0000 08 {original} 08")
    get(card, f"0082000A10 {proof} {original}")
    get(card, "00A4020002EF06")
    assert bytes.fromhex(get(card, "00B2080014"))[2:].decode() == CONTENTS.identity_number


def test_a_terminal_debits_the_account_offline() -> None:
    card, sam = card_with_account(), ready_sam()
    get(card, "00A4040C06 D15600000503")
    for number in (1, 2):
        begun = get(card, f"B0280101 13 01 {ASKED} 110000000042 16")
        terminal = get(sam, f"80700100 34 {purchase_data(begun)} 08")
        assert terminal[:8] == f"{number:08X}"
        paid = get(card, f"B02C0100 0F {terminal[:8]} {TIME} {terminal[8:]} 08")
        assert send(sam, f"80720000 04 {paid[8:]}") == OK
        assert get(card, "B026000104") == f"{10_000 - 3_000 * number:08X}"


def test_a_card_that_did_not_pay_is_noticed() -> None:
    card, sam = card_with_account(), ready_sam()
    get(card, "00A4040C06 D15600000503")
    begun = get(card, f"B0280101 13 01 {ASKED} 110000000042 16")
    get(sam, f"80700100 34 {purchase_data(begun)} 08")
    assert send(sam, "80720000 04 00000000") == "9302"
    assert send(sam, "80720000 04 00000000") == "6901"


def test_another_terminals_number_makes_no_valid_payment() -> None:
    card, sam = card_with_account(), ready_sam()
    get(card, "00A4040C06 D15600000503")
    begun = get(card, f"B0280101 13 01 {ASKED} 110000000043 16")
    terminal = get(sam, f"80700100 34 {purchase_data(begun)} 08")
    assert send(card, f"B02C0100 0F {terminal[:8]} {TIME} {terminal[8:]} 08") == "9302"


_BEGUN = "00" * 22


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("BFEC0100 01 11", "6A86"),
        ("BFEC0000 02 1111", "6700"),
        (f"BFDE0008 20 {FACTORS} {'00' * 8}", "6A86"),
        (f"BFDE0108 18 {FACTORS}", "6700"),
        (f"BFDE0120 20 {FACTORS} {'00' * 8}", "9403"),  # no cryptogram under the purchase key
        (f"BFDE0112 20 {FACTORS} {'00' * 8}", "9403"),
        (f"BFDE0108 20 {FACTORS[:32]} 3432303030307368 {'00' * 8}", "6A80"),  # another province's card
        (f"80FA0000 08 {'00' * 8}", "6901"),
        (f"80FA0100 08 {'00' * 8}", "6A86"),
        (f"80FA0000 07 {'00' * 7}", "6700"),
        (f"80700000 34 {purchase_data(_BEGUN)}", "6A86"),
        (f"80700100 33 {purchase_data(_BEGUN)[:-2]}", "6700"),
        (f"80700100 34 {purchase_data(_BEGUN, kind='02')}", "6A80"),
        (f"80700100 34 {purchase_data(_BEGUN, versions='0101')}", "6A80"),
        ("80720000 04 00000000", "6901"),
        ("80720000 03 000000", "6700"),
        ("80720100 04 00000000", "6A86"),
    ],
)
def test_a_command_that_cannot_be_done_is_refused_by_its_reason(command: str, answer: str) -> None:
    assert send(ready_sam(), command) == answer


def test_nothing_is_computed_before_the_environment_is_named() -> None:
    sam = blank_sam()
    assert send(sam, f"BFDE0108 20 {FACTORS} {'00' * 8}") == "6901"
    assert send(sam, f"80700100 34 {purchase_data(_BEGUN)}") == "6901"


def test_a_purchase_session_gives_no_cryptogram() -> None:
    sam = ready_sam()
    get(sam, f"80700100 34 {purchase_data(_BEGUN)} 08")
    assert send(sam, f"80FA0000 08 {'00' * 8}") == "6901"


def test_an_exhausted_counter_ends_the_module() -> None:
    sam = ready_sam()
    with sam.memory.transaction():
        sam.memory["PSAM/counter"] = b"\xff" * 4
    assert send(sam, f"80700100 34 {purchase_data(_BEGUN)}") == "9402"


def test_power_cut_at_every_byte_never_gives_a_number_twice() -> None:
    medium = VolatileMedium()
    blank_sam(medium)
    journal, cut = medium.read(), 0
    while True:
        torn = TornMedium(journal, bytes_left=cut)
        sam = open_sam(torn)
        sam.power_on()
        send(sam, SELECT_PSAM)
        send(sam, "BFEC0000 01 11")
        try:
            answer = send(sam, f"80700100 34 {purchase_data(_BEGUN)} 08")
        except PowerCut:
            answer = ""
        stored = Memory(VolatileMedium(torn.read())).get("PSAM/counter")
        assert stored == (b"\0\0\0\1" if answer else None)
        if answer:
            break
        cut += 1
    assert cut > 20


@pytest.mark.parametrize(
    "change",
    [{"serial": b""}, {"terminal": b""}, {"masters": {Key.LOAD: bytes(16)}}, {"masters": {Key.READ: b"short"}}],
)
def test_a_module_with_wrong_contents_is_not_made(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"PSAM|master"):
        replace(SAM, **change)  # type: ignore[arg-type]  # the wrong values are the point


def test_a_module_is_personalised_once_and_opened_only_then() -> None:
    with pytest.raises(MemoryDamaged):
        open_sam(VolatileMedium())
    memory = Memory(VolatileMedium())
    write_sam(memory, SAM)
    with pytest.raises(ValueError, match="already"):
        write_sam(memory, SAM)
    assert "5151" not in repr(SAM)
