"""The transit purse as terminals use it, every refusal by its status word, and power that is cut anywhere."""

import itertools
from collections.abc import Callable

import pytest

from tests.smartcard.makers import send
from tests.smartcard.power import PowerCut, TornMedium
from tests.smartcard.purses import (
    ISSUER,
    OK,
    SELECT,
    TERMINAL,
    TIME,
    balance_fen,
    get,
    load,
    mac1_of,
    mac2_of_load,
    pay,
    purse_card,
    whole_groupings,
)
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.memory import Memory, VolatileMedium
from yikatong.smartcard.third_generation import open_card, write_groupings
from yikatong.smartcard.tunion_layout import RAIL, LogRecord, RegionFile
from yikatong.smartcard.tunion_ride import RideRecord
from yikatong.smartcard.tunion_security import Algorithm

RIDE = RideRecord.blank(RAIL).with_fields(state=1, in_line=7).octets.hex()
TRIP = "03" + "AB" * 47


def begin_compound(card: EmulatedCard, amount_fen: int, number: int = 1, algorithm: Algorithm = Algorithm.SM4) -> str:
    """As far as the payment itself: both records cached. Returns the DEBIT command."""
    begun = get(card, f"80500302 0B 01 {amount_fen:08X} {TERMINAL} 0F")
    get(card, f"80DC01D080 {RIDE}")
    get(card, f"80DC00F030 {TRIP}")
    return f"80540100 0F {number:08X} {TIME} {mac1_of(begun, amount_fen, 0x09, number, algorithm=algorithm)} 08"


def test_what_a_reader_finds_first() -> None:
    card = purse_card(balance_fen=5_000)
    fci = get(card, "00A4040008 A000000632010105 00")
    assert fci == "6F2D" + "8408A000000632010105" + "A521" + "9F0C1E" + ISSUER.encode().hex().upper()
    assert get(card, "00B095001E") == ISSUER.encode().hex().upper()
    assert get(card, "00B097003C") == RegionFile().encode().hex().upper()
    assert get(card, "00B201D480") == RideRecord.blank(RAIL).octets.hex().upper()
    assert get(card, "00B202D480").startswith("27027D0101")
    assert send(card, "00B201F430") == send(card, "00B201C417") == "6A83"
    assert send(card, "00B0840020") == "6A82", "it does not pose as the older city card"
    assert send(card, "9060000000") == "6D00", "it does not pose as a DESFire card"


def test_a_gates_dialogue_with_known_answers() -> None:
    card = purse_card(balance_fen=5_000, counters=(7, 0))
    assert get(card, f"80500302 0B 01 0000012C {TERMINAL} 0F") == "00001388" + "0007" + "000000" + "0103" + "A1B2C3D4"
    assert get(card, f"80DC01D080 {RIDE}") == get(card, f"80DC00F030 {TRIP}") == ""
    assert send(card, "00B201D480")[:4] == "2701"
    assert get(card, f"80540100 0F 00000102 {TIME} 2676056D 08") == "6B2170347440DD6C"
    assert balance_fen(card) == 4_700
    assert get(card, "00B201D480") == RIDE.upper()
    assert get(card, "00B201F430") == TRIP
    log = LogRecord.decode(bytes.fromhex(get(card, "00B201C417")))
    assert log == LogRecord(7, 0, 300, 0x09, bytes.fromhex(TERMINAL), bytes.fromhex(TIME))
    assert get(card, "805A0009020008 08") == "7440DD6C6B217034"
    assert send(card, "805A0009020007 08") == "9406"


def test_triple_des_with_known_answers() -> None:
    card = purse_card(Algorithm.TRIPLE_DES, balance_fen=5_000)
    debit = begin_compound(card, 300, algorithm=Algorithm.TRIPLE_DES)
    answer = get(card, debit)
    assert balance_fen(card) == 4_700
    assert get(card, "805A0009020001 08") == answer[8:] + answer[:8]
    assert get(card, f"80500302 0B 01 00000000 {TERMINAL} 0F")[18:22] == "0101"


def test_a_load_and_what_it_answers() -> None:
    card = purse_card(balance_fen=100, counters=(0, 3))
    begun = get(card, f"80500002 0B 01 {5_000:08X} {TERMINAL} 10")
    assert begun[:16] == f"{100:08X}" + "0003" + "0103"
    tac = get(card, f"80520000 0B {TIME} {mac2_of_load(begun, 5_000)} 04")
    assert balance_fen(card) == 5_100
    assert get(card, "805A0002020004 08") == mac2_of_load(begun, 5_000) + tac
    assert get(card, "00B201C417")[18:20] == "02"
    assert send(card, f"80520000 0B {TIME} {mac2_of_load(begun, 5_000)} 04") == "6901", "a load is carried out once"


def test_initialising_changes_nothing_that_lasts() -> None:
    card = purse_card(balance_fen=100)
    before = card.memory.cells()
    for command in (
        "805000020B010000000100000000000010",
        f"80500302 0B 01 00000064 {TERMINAL} 0F",
        f"80DC01D080 {RIDE}",
    ):
        get(card, command)
    assert card.memory.cells() == before


def test_a_purse_may_be_overdrawn_to_its_limit_and_the_next_load_pays_it_back() -> None:
    card = purse_card(balance_fen=100, overdraft_limit_fen=600)
    assert [get(card, f"805C0{p1}0204") for p1 in range(4)] == [f"{fen:08X}" for fen in (700, 600, 0, 100)]
    assert pay(card, 701) == "9401"
    assert pay(card, 300).endswith(OK)
    assert [get(card, f"805C0{p1}0204") for p1 in range(4)] == [f"{fen:08X}" for fen in (400, 600, 200, 0)]
    assert load(card, 1_000).endswith(OK)
    assert [get(card, f"805C0{p1}0204") for p1 in range(4)] == [f"{fen:08X}" for fen in (1_400, 600, 0, 800)]


def test_cached_records_are_written_with_the_payment_or_not_at_all() -> None:
    card = purse_card(balance_fen=5_000)
    debit = begin_compound(card, 300)
    assert send(card, debit.replace(debit[-11:-3], "00000000")) == "9302"
    assert get(card, "00B201D480") == RideRecord.blank(RAIL).octets.hex().upper()
    begin_compound(card, 300)
    get(card, SELECT)
    assert send(card, debit) == "6901"
    assert balance_fen(card) == 5_000
    begin_compound(card, 0)
    begun = get(card, f"80500302 0B 01 00000000 {TERMINAL} 0F")  # begins anew: what was cached is gone
    get(card, f"80540100 0F 00000001 {TIME} {mac1_of(begun, 0, 0x09)} 08")
    assert get(card, "00B201D480") == RideRecord.blank(RAIL).octets.hex().upper()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("805C040204", "6A86"),
        ("805C030104", "6A86"),
        ("805C030201 00 04", "6700"),
        ("80500102 0A 01 00000001 1100000000", "6700"),
        ("80500202 0B 01 00000001 110000000042", "6A86"),
        ("80500101 0B 01 00000001 110000000042", "6A86"),
        ("80500102 0B 02 00000001 110000000042", "9403"),
        ("80500102 0B 01 00001389 110000000042", "9401"),
        ("80500002 0B 01 7FFFFFFF 110000000042", "6985"),
        ("80520000 0B 20261123081500 00000000", "6901"),
        ("80540100 0F 00000001 20261123081500 00000000", "6901"),
        ("80540000 0F 00000001 20261123081500 00000000", "6A86"),
        ("80540100 0E 00000001 20261123081500 000000", "6700"),
        (f"80DC01D080 {RIDE}", "6901"),
        ("805A0005020001", "6A86"),
        ("805A00090101", "6700"),
        ("805A0009020001", "9406"),
        ("0020000003123456", "6D00"),
    ],
)
def test_a_command_that_cannot_be_done_is_refused_by_its_reason(command: str, answer: str) -> None:
    assert send(purse_card(balance_fen=5_000), command) == answer


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (f"80DC03D080 2703{RIDE[4:]}", "6A83"),
        (f"80DC00D080 {RIDE}", "6A83"),
        (f"80DC02D080 {RIDE}", "6A80"),
        (f"80DC01D480 {RIDE}", "6A86"),
        (f"80DC01D07F {RIDE[:-2]}", "6700"),
        (f"80DC01F030 {TRIP}", "6A86"),
        ("80DC0090 17" + "00" * 23, "6A86"),
        ("80DC00C0 17" + "00" * 23, "6A86"),
    ],
)
def test_an_update_that_does_not_fit_its_record_is_refused(command: str, answer: str) -> None:
    card = purse_card(balance_fen=5_000)
    get(card, f"80500302 0B 01 00000064 {TERMINAL} 0F")
    assert send(card, command) == answer


def test_a_plain_purchase_caches_nothing() -> None:
    card = purse_card(balance_fen=5_000)
    get(card, f"80500102 0B 01 00000064 {TERMINAL} 0F")
    assert send(card, f"80DC01D080 {RIDE}") == "6901"


def test_wrong_macs_lock_the_purse() -> None:
    card = purse_card(balance_fen=5_000)
    for _ in range(15):
        get(card, f"80500102 0B 01 00000064 {TERMINAL} 0F")
        assert send(card, f"80540100 0F 00000001 {TIME} 00000000 08") == "9302"
    assert send(card, f"80500102 0B 01 00000064 {TERMINAL} 0F") == "6983"
    assert balance_fen(card) == 5_000


def test_an_exhausted_counter_ends_payments_of_both_kinds_but_not_loads() -> None:
    card = purse_card(balance_fen=5_000, counters=(0xFFFF, 0))
    assert pay(card, 100) == send(card, f"80500302 0B 01 00000000 {TERMINAL} 0F") == "9402"
    assert load(card, 100).endswith(OK)


def test_a_wrong_key_index_or_a_purse_without_keys_is_told() -> None:
    card = purse_card(balance_fen=5_000)
    with card.memory.transaction():
        del card.memory["TU/key/01"]
    assert pay(card, 100) == "9403"


def by_gate(card: EmulatedCard) -> Callable[[], str]:
    debit = begin_compound(card, 300)
    return lambda: send(card, debit)


def by_load(card: EmulatedCard) -> Callable[[], str]:
    begun = get(card, f"80500002 0B 01 {300:08X} {TERMINAL} 10")
    return lambda: send(card, f"80520000 0B {TIME} {mac2_of_load(begun, 300)} 04")


@pytest.mark.parametrize(("prepare", "kind"), [(by_gate, "09"), (by_load, "02")])
def test_power_cut_at_every_byte_leaves_before_or_after_and_the_proof_says_which(
    prepare: Callable[[EmulatedCard], Callable[[], str]], kind: str
) -> None:
    whole = VolatileMedium()
    purse_card(balance_fen=5_000, medium=whole)
    journal = whole.read()
    reference = purse_card(balance_fen=5_000)
    before = money_of(reference.memory)
    prepare(reference)()
    after = money_of(reference.memory)
    seen = set()
    for cut in itertools.count():
        torn = TornMedium(journal, bytes_left=cut)
        card = open_card(torn, random=lambda length: b"\xa1\xb2\xc3\xd4\xe5\xf6\x07\x18"[:length])
        card.power_on()
        get(card, SELECT)
        finish = prepare(card)
        try:
            answer = finish()
        except PowerCut:
            answer = ""
        again = open_card(VolatileMedium(torn.read()))
        again.power_on()
        now = money_of(again.memory)
        assert now in (before, after), f"cut after {cut} bytes"
        get(again, SELECT)
        proof = send(again, f"805A00{kind}020001 08")
        assert proof.endswith(OK) == (now == after), f"cut after {cut} bytes: the card does not say what it did"
        seen.add(now == after)
        if answer:
            assert answer.endswith(OK)
            break
    assert seen == {True, False}
    assert cut > 200


def money_of(memory: Memory) -> dict[str, bytes]:
    """All but the counters of tries, which a cut may leave spent."""
    return {cell: value for cell, value in memory.cells().items() if not cell.endswith("/tries")}


def test_power_cut_at_every_byte_of_a_personalisation_leaves_a_blank_or_a_whole_card() -> None:
    groupings = whole_groupings()
    whole = Memory(VolatileMedium())
    write_groupings(whole, groupings)
    for cut in itertools.count():
        torn = TornMedium(bytes_left=cut)
        try:
            write_groupings(Memory(torn), groupings)
        except PowerCut:
            assert not Memory(VolatileMedium(torn.read())).cells(), f"cut after {cut} bytes"
        else:
            assert Memory(VolatileMedium(torn.read())).cells() == whole.cells()
            break
    assert cut > 1_000
