"""The medical account: paid and loaded by a right MAC only, to the fen, whole or not at all.

The session keys and MACs here are computed from SM4 alone, not with the card's own functions.
"""

from dataclasses import replace

import pytest

from tests.smartcard.makers import CONTENTS, KEYS, PIN, made_card, send
from tests.smartcard.power import PowerCut, TornMedium
from yikatong.gm.sm4 import encrypt_block
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.memory import Memory, VolatileMedium
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.third_generation import open_card

PURCHASE_KEY, LOAD_KEY, TAC_KEY = b"\x31" * 16, b"\x32" * 16, b"\x33" * 16
WITH_ACCOUNT = replace(
    CONTENTS, keys=KEYS | {Key.PURCHASE: PURCHASE_KEY, Key.LOAD: LOAD_KEY, Key.TAC: TAC_KEY}, pin=PIN
)
SELECT_SSSE = "00A404000F 7378312E73682EC9E7BBE1B1A3D5CF"
SELECT_DF04 = "00A4040C06 D15600000503"
TERMINAL = "110000000042"
TIME = "20261123081500"
OK = "9000"


def session(key: bytes, factor: str) -> bytes:
    return encrypt_block(key, bytes.fromhex(factor) + bytes(8))


def mac(key: bytes, data: str) -> str:
    octets = bytes.fromhex(data) + b"\x80"
    octets += bytes(-len(octets) % 16)
    block = bytes(16)
    for place in range(0, len(octets), 16):
        block = encrypt_block(key, bytes(a ^ b for a, b in zip(block, octets[place : place + 16], strict=True)))
    return bytes(block[i] ^ block[i + 4] ^ block[i + 8] ^ block[i + 12] for i in range(4)).hex().upper()


def enter(card: EmulatedCard) -> EmulatedCard:
    send(card, SELECT_SSSE)
    assert send(card, SELECT_DF04) == OK
    return card


def account_card(*, balance_fen: int = 0, medium: VolatileMedium | None = None) -> EmulatedCard:
    card = enter(made_card(contents=WITH_ACCOUNT, medium=medium))
    if balance_fen:
        assert len(send(card, credit(card, balance_fen))) == 12
    return card


def init_load(card: EmulatedCard, amount_fen: int) -> str:
    return send(card, f"B0280001 0B 01 {amount_fen:08X} {TERMINAL} 10")


def credit(card: EmulatedCard, amount_fen: int, time: str = TIME) -> str:
    """A load initialised, and the command that completes it."""
    answer = init_load(card, amount_fen)
    key = session(LOAD_KEY, answer[16:24] + answer[8:12] + "8000")
    return f"B02A0000 0B {time} {mac(key, f'{amount_fen:08X} 02 {TERMINAL} {time}')} 04"


def amounts(account_fen: int, self_fen: int, pooled_fen: int) -> str:
    return f"{account_fen:08X}{self_fen:08X}{pooled_fen:08X}"


def init_purchase(card: EmulatedCard, asked: str) -> str:
    return send(card, f"B0280101 13 01 {asked} {TERMINAL} 16")


def debit(card: EmulatedCard, asked: str, *, terminal_counter: int = 7, time: str = TIME) -> tuple[str, bytes]:
    """A purchase initialised, the command that completes it, and its session key."""
    answer = init_purchase(card, asked)
    key = session(PURCHASE_KEY, answer[36:44] + answer[28:32] + f"{terminal_counter & 0xFFFF:04X}")
    mac1 = mac(key, f"{asked} 06 {TERMINAL} {time}")
    return f"B02C0100 0F {terminal_counter:08X} {time} {mac1} 08", key


def balances(card: EmulatedCard) -> list[str]:
    return [send(card, f"B02600{part:02X} {length:02X}") for part, length in ((1, 4), (2, 6), (3, 6))]


def test_a_new_account_is_empty() -> None:
    assert balances(account_card()) == ["00000000" + OK, "000000000000" + OK, "000000000000" + OK]


def test_a_load_is_answered_with_its_codes_and_logged() -> None:
    card = account_card(balance_fen=10_000)
    answer = init_load(card, 2_500)
    assert answer[:16] == "00002710" + "0001" + "01" + "03"
    key = session(LOAD_KEY, answer[16:24] + "0001" + "8000")
    assert answer[24:] == mac(key, f"00002710 000009C4 02 {TERMINAL}") + OK
    assert balances(card)[0] == "00002710" + OK
    answer = send(card, credit(card, 2_500))
    assert answer == mac(TAC_KEY, f"000030D4 0001 000009C4 02 {TERMINAL} {TIME}") + OK
    assert balances(card)[0] == "000030D4" + OK
    send(card, "0020000003 123456")
    assert send(card, "00B201441C") == f"000102{TERMINAL}{TIME}{amounts(2_500, 0, 0)}" + OK


def test_a_purchase_is_answered_with_its_codes_and_logged() -> None:
    card = account_card(balance_fen=10_000)
    asked = amounts(3_000, 200, 4_500)
    command, key = debit(card, asked, terminal_counter=0x0001_0007)
    tac = mac(TAC_KEY, f"{asked} 06 {TERMINAL} 00010007 {TIME}")
    assert send(card, command) == tac + mac(key, asked) + OK
    assert balances(card) == [f"{7_000:08X}" + OK, f"2026{200:08X}" + OK, f"2026{4_500:08X}" + OK]
    assert init_purchase(card, asked)[:36] == amounts(7_000, 200, 4_500) + "2026" + "0001" + "0103"
    send(card, "0020000003 123456")
    assert send(card, "00B201441C") == f"000006{TERMINAL}{TIME}{asked}" + OK


def test_what_was_paid_is_counted_anew_each_year() -> None:
    card = account_card(balance_fen=10_000)
    for time in ("20261231235959", "20270101000000", "20261231235959"):
        assert send(card, debit(card, amounts(100, 20, 3), time=time)[0]).endswith(OK)
    assert balances(card) == [f"{9_700:08X}" + OK, f"2027{40:08X}" + OK, f"2027{6:08X}" + OK]


def test_the_last_transaction_of_each_type_can_be_proved_again() -> None:
    card = account_card(balance_fen=10_000)
    command, _ = debit(card, amounts(1, 2, 3))
    answer = send(card, command)
    enter(card)
    assert send(card, "B02E0006 02 0000 08") == answer[8:16] + answer[:8] + OK
    assert send(card, "B02E0002 02 0000 08").endswith(OK)
    assert [send(card, f"B02E0006 02 {counter} 08") for counter in ("0001", "FFFF")] == ["9406", "9406"]
    assert send(account_card(), "B02E0006 02 0000 08") == "9406"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("B0260000 04", "6A86"),
        ("B0260101 04", "6A86"),
        ("B0260001 05", "6C04"),
        ("B0260002 04", "6C06"),
        ("B0260001 01 00", "6700"),
        ("B0280000 0B" + "01" * 11, "6A86"),
        ("B0280001 0A" + "01" * 10, "6700"),
        ("B0280101 12" + "01" * 18, "6700"),
        (f"B0280001 0B 02 00000001 {TERMINAL}", "9403"),
        (f"B0280001 0B 01 80000000 {TERMINAL}", "6985"),
        (f"B0280101 13 00 {amounts(1, 0, 0)} {TERMINAL}", "9403"),
        (f"B0280101 13 01 {amounts(10_001, 0, 0)} {TERMINAL}", "9401"),
        (f"B0280101 13 01 {amounts(1, 0x8000_0000, 0)} {TERMINAL}", "6985"),
        ("B02A0000 0B" + "00" * 11, "6901"),
        ("B02A0001 0B" + "00" * 11, "6A86"),
        ("B02A0000 0A" + "00" * 10, "6700"),
        ("B02C0100 0F" + "00" * 15, "6901"),
        ("B02C0000 0F" + "00" * 15, "6A86"),
        ("B02C0100 0E" + "00" * 14, "6700"),
        ("B02E0001 02 0000", "6A86"),
        ("B02E0006 01 00", "6700"),
        ("B0FF0000", "6D00"),
    ],
)
def test_a_command_that_cannot_be_done_is_refused_by_its_reason(command: str, answer: str) -> None:
    card = account_card(balance_fen=10_000)
    assert send(card, command) == answer
    assert balances(card)[0] == f"{10_000:08X}" + OK


def test_the_account_answers_in_its_directory_only() -> None:
    card = account_card()
    send(card, SELECT_SSSE)
    assert send(card, "B0260001 04") == "6D00"


def test_a_card_without_account_keys_says_so() -> None:
    card = enter(made_card())
    assert init_load(card, 1) == "9403"
    assert init_purchase(card, amounts(0, 0, 0)) == "9403"


@pytest.mark.parametrize("what", ["load", "purchase"])
def test_an_exhausted_counter_ends_the_account(what: str) -> None:
    card = account_card(balance_fen=100)
    with card.memory.transaction():
        card.memory[f"SSSE/DF04/counter/{'02' if what == 'load' else '06'}"] = b"\xff\xff"
    assert (init_load(card, 1) if what == "load" else init_purchase(card, amounts(1, 0, 0))) == "9402"


@pytest.mark.parametrize("what", ["load", "purchase"])
def test_a_wrong_mac_changes_nothing_and_uses_the_transaction_up(what: str) -> None:
    card = account_card(balance_fen=100)
    good = credit(card, 50) if what == "load" else debit(card, amounts(50, 0, 0))[0]
    bad = good[:-6] + f"{int(good[-6:-3], 16) ^ 1:03X}"[-3:] + good[-3:]
    before = {cell: value for cell, value in card.memory.cells().items() if "tries" not in cell}
    assert send(card, bad) == "9302"
    assert send(card, good) == "6901"
    assert {cell: value for cell, value in card.memory.cells().items() if "tries" not in cell} == before


def test_fifteen_wrong_macs_in_a_row_lock_the_account() -> None:
    card = account_card(balance_fen=100)
    for _ in range(15):
        init_purchase(card, amounts(1, 0, 0))
        assert send(card, f"B02C0100 0F 00000001 {TIME} 00000000") == "9302"
    assert init_purchase(card, amounts(1, 0, 0)) == "6983"
    assert balances(card)[0] == f"{100:08X}" + OK


@pytest.mark.parametrize("between", [SELECT_SSSE + "|" + SELECT_DF04, "power"])
def test_a_begun_purchase_ends_with_selecting_anew_or_the_power(between: str) -> None:
    card = account_card(balance_fen=100)
    command, _ = debit(card, amounts(50, 0, 0))
    if between == "power":
        card.power_on()
    enter(card)
    assert send(card, command) == "6901"


@pytest.mark.parametrize("what", ["load", "purchase"])
def test_power_cut_at_every_byte_leaves_the_account_before_or_after(what: str) -> None:
    medium = VolatileMedium()
    account_card(balance_fen=100, medium=medium)
    journal, seen, cut = medium.read(), set(), 0
    while True:
        torn = TornMedium(journal, bytes_left=cut)
        card = open_card(torn)
        card.power_on()
        enter(card)
        command = credit(card, 40) if what == "load" else debit(card, amounts(40, 1, 2))[0]
        try:
            is_done = len(send(card, command)) > 4
        except PowerCut:
            is_done = False
        cells = Memory(VolatileMedium(torn.read())).cells()
        kind = "02" if what == "load" else "06"
        changed = (
            int.from_bytes(cells["SSSE/DF04/balance"]) - 100,
            int.from_bytes(cells.get(f"SSSE/DF04/counter/{kind}", b"")) - (what == "load"),
            cells["SSSE/DF04/EF08/newest"][0] - 1,
            cells.get("SSSE/DF04/paid", bytes(10)).hex(),
        )
        seen.add(changed)
        if is_done:
            break
        cut += 1
    after = (40, 1, 1, "00" * 10) if what == "load" else (-40, 1, 1, "20260000000100000002")
    assert cut > 50
    assert seen == {(0, 0, 0, "00" * 10), after}
