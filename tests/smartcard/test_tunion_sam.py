"""A gate's security module and a purse, with no key in the gate."""

import pytest

from tests.smartcard.makers import send
from tests.smartcard.purses import MASTERS, OK, TERMINAL, TIME, get, purse_card, purse_sam
from yikatong.smartcard.ssse_sam import SamContents
from yikatong.smartcard.tunion_security import Algorithm

SERIAL, ISSUER = "1000751000000017", "01011000FFFFFFFF"


def asked(begun: str, amount_fen: int, kind: str = "09", *, versions: str = "") -> str:
    return f"80700000 24 {begun[22:30]}{begun[8:12]}{amount_fen:08X}{kind}{TIME}{versions or begun[18:22]}{SERIAL}{ISSUER} 08"


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_gate_takes_a_fare_and_knows_that_the_card_paid(algorithm: Algorithm) -> None:
    card, sam = purse_card(algorithm, balance_fen=1_000), purse_sam()
    for number in (1, 2):
        begun = get(card, f"80500302 0B 01 {300:08X} {TERMINAL} 0F")
        terminal = get(sam, asked(begun, 300))
        assert terminal[:8] == f"{number:08X}"
        paid = get(card, f"80540100 0F {terminal[:8]} {TIME} {terminal[8:]} 08")
        assert send(sam, f"80720000 04 {paid[8:]}") == OK
    assert get(card, "805C030204") == f"{400:08X}"


def test_a_card_that_did_not_pay_is_noticed() -> None:
    card, sam = purse_card(balance_fen=1_000), purse_sam()
    begun = get(card, f"80500302 0B 01 {300:08X} {TERMINAL} 0F")
    get(sam, asked(begun, 300))
    assert send(sam, "80720000 04 00000000") == "9302"
    assert send(sam, "80720000 04 00000000") == "6901"


def test_another_terminals_module_cannot_take_the_money() -> None:
    card, sam = purse_card(balance_fen=1_000), purse_sam(terminal="110000000099")
    begun = get(card, f"80500302 0B 01 {300:08X} {TERMINAL} 0F")
    terminal = get(sam, asked(begun, 300))
    assert send(card, f"80540100 0F {terminal[:8]} {TIME} {terminal[8:]} 08") == "9302"


_BEGUN = "00" * 15


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (asked(_BEGUN, 300, "02", versions="0103"), "6A80"),
        (asked(_BEGUN, 300, versions="0203"), "6A80"),
        (asked(_BEGUN, 300, versions="0102"), "9403"),
        (asked(_BEGUN, 300, versions="0103").replace("80700000", "80700100"), "6A86"),
        ("80700000 04 00000000", "6700"),
        ("80720000 04 00000000", "6901"),
        ("80720000 03 000000", "6700"),
    ],
)
def test_a_command_that_cannot_be_done_is_refused_by_its_reason(command: str, answer: str) -> None:
    assert send(purse_sam(), command) == answer


@pytest.mark.parametrize("masters", [{0x02: bytes(16)}, {Algorithm.SM4: b"short"}])
def test_a_module_takes_purchase_keys_of_known_algorithms_only(masters: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match=r"purse keys|16 bytes"):
        SamContents(0x11, bytes(10), 0x01, bytes(6), {}, masters)


def test_a_module_never_shows_its_keys() -> None:
    contents = SamContents(0x11, bytes(10), 0x01, bytes(6), {}, {Algorithm.SM4: MASTERS[1]})
    assert "QQQ" not in repr(contents)
