"""The environment's locks: PIN, keys, secured commands, blocking; each wrong try costs one, and blocked means blocked."""

import pytest

from tests.smartcard.makers import CONTENTS, KEYS, MASTERS, made_card, send
from tests.smartcard.power import PowerCut, TornMedium
from yikatong.smartcard import ssse_security as security
from yikatong.smartcard.card import CardUnpowered, EmulatedCard
from yikatong.smartcard.memory import Memory, VolatileMedium
from yikatong.smartcard.ssse_layout import Key, Version
from yikatong.smartcard.third_generation import open_card

SELECT_SSSE = "00A404000F 7378312E73682EC9E7BBE1B1A3D5CF"
SELECT_DF04 = "00A4040006 D15600000503"
OK = "9000"


def selected(version: Version = Version.V3, medium: VolatileMedium | None = None) -> EmulatedCard:
    card = made_card(version, medium=medium)
    send(card, SELECT_SSSE)
    return card


def challenge(card: EmulatedCard) -> bytes:
    return bytes.fromhex(send(card, "0084000008")[:-4])


def authenticate(card: EmulatedCard, number: int, key: bytes | None = None) -> str:
    original, factor = challenge(card), challenge(card)
    proof = security.cryptogram(key or KEYS[number], factor, original)
    return send(card, f"008200{number:02X}10 {proof.hex()} {original.hex()}")


def secured(card: EmulatedCard, header: str, number: int, plaintext: bytes | None = None) -> str:
    """A secured command with the right MAC over a fresh random number."""
    session = security.session_key(KEYS[number], challenge(card))
    data = b"" if plaintext is None else security.encrypt(session, plaintext)
    head = bytes.fromhex(header) + bytes((len(data) + 4,))
    return (head + data + security.mac(session, head + data)).hex()


def test_three_wrong_pins_lock_it_and_power_gives_no_try_back() -> None:
    card = selected()
    assert send(card, "0020000000") == "63C3"
    assert [send(card, "0020000003 111111") for _ in range(2)] == ["63C2", "63C1"]
    card.power_on()
    send(card, SELECT_SSSE)
    assert [send(card, "0020000003 111111") for _ in range(2)] == ["63C0", "6983"]
    assert send(card, "0020000003 123456") == "6983"


def test_a_right_pin_gives_all_tries_back() -> None:
    card = selected()
    send(card, "0020000003 111111")
    assert send(card, "0020000003 123456") == OK
    assert send(card, "0020000000") == "63C3"


@pytest.mark.parametrize(
    ("pin", "answer"), [("12", "6A80"), ("FFFFFF", "6A80"), ("12AB", "6A80"), ("12345F", "63C2"), ("123456FF", OK)]
)
def test_a_pin_is_four_to_sixteen_digits_filled_up_with_f(pin: str, answer: str) -> None:
    assert send(selected(), f"00200000{len(pin) // 2:02X}{pin}") == answer


@pytest.mark.parametrize(
    ("change", "answer", "valid"),
    [
        ("123456 FF 654321", OK, "654321"),
        ("123456 FF 8765FFFF", OK, "8765"),
        ("111111 FF 654321", "63C2", "123456"),
        ("123456 FF", "6A80", "123456"),
        ("123456 654321", "6A80", "123456"),
        ("123456 FF 65", "6A80", "123456"),
    ],
)
def test_changing_the_pin_takes_the_old_one(change: str, answer: str, valid: str) -> None:
    card = selected()
    data = bytes.fromhex(change)
    assert send(card, f"805E0100{len(data):02X}{data.hex()}") == answer
    assert send(card, f"00200000{len(valid) // 2:02X}{valid}") == OK


def test_a_random_number_serves_once() -> None:
    card = selected()
    original, factor = challenge(card), challenge(card)
    command = f"0082000A10 {security.cryptogram(KEYS[Key.READ], factor, original).hex()} {original.hex()}"
    assert send(card, command) == OK
    assert send(card, command) == "6984"


def test_wrong_proofs_lock_a_key_and_take_its_right_away() -> None:
    card = selected()
    assert authenticate(card, Key.READ) == OK
    assert send(card, "00B2013414") == "0812313139393031313939303033303738353135" + OK
    assert authenticate(card, Key.READ, bytes(16)) == "63C2"
    assert send(card, "00B2013414") == "6982"
    assert [authenticate(card, Key.READ, bytes(16)) for _ in range(2)] == ["63C1", "63C0"]
    assert authenticate(card, Key.READ) == "6983"


def test_what_was_won_is_lost_with_selecting_anew_or_with_the_power() -> None:
    card = selected()
    authenticate(card, Key.READ)
    send(card, SELECT_SSSE)
    assert send(card, "00B2013414") == "6982"
    authenticate(card, Key.READ)
    card.power_on()
    send(card, SELECT_SSSE)
    assert send(card, "00B2013414") == "6982"


def test_a_directory_below_keeps_the_pin_and_reads_with_it() -> None:
    card = selected()
    assert send(card, SELECT_DF04) == "6115"
    assert send(card, "00B2012C00") == "6982"
    send(card, SELECT_SSSE)
    send(card, "0020000003 123456")
    send(card, SELECT_DF04)
    assert send(card, "00B2012C05") == "8403FFFFFF" + OK
    assert send(card, "00B2092C00") == "6A83"


def test_writing_takes_the_update_key() -> None:
    card = selected()
    assert send(card, "00DC012C 03 040132") == "6982"
    assert authenticate(card, Key.UPDATE) == OK
    assert send(card, "00DC022C 03 020132") == OK
    assert send(card, "00B2022C03") == "020132" + OK
    assert send(card, "00DC0728 04 07020102") == OK
    assert send(card, "00DC092C 03 020132") == "6A83"
    assert send(card, "00D6870003 010203") == OK
    assert send(card, "00D6900003 010203") == "6A82"


def test_the_service_unblocks_a_locked_pin_and_spends_its_right() -> None:
    card = selected()
    for _ in range(3):
        send(card, "0020000003 111111")
    assert send(card, secured(card, "84240000", Key.PIN_SERVICE)) == "6982"
    assert authenticate(card, Key.PUK) == OK
    assert send(card, secured(card, "84240000", Key.PIN_SERVICE)) == OK
    assert send(card, "0020000003 123456") == OK
    assert send(card, secured(card, "84240000", Key.PIN_SERVICE)) == "6982"


def test_a_wrong_mac_changes_nothing_and_three_lock_the_service_key() -> None:
    card = selected()
    authenticate(card, Key.PUK)
    good = secured(card, "84240001", Key.PIN_SERVICE, bytes.fromhex("654321"))
    assert send(card, good[:-2] + f"{int(good[-2:], 16) ^ 1:02X}") == "6988"
    assert send(card, "0020000003 123456") == OK
    bad = "8424000004 00000000"
    answers = []
    for _ in range(3):
        challenge(card)
        answers.append(send(card, bad))
    assert answers == ["6988", "6983", "6983"]
    assert send(card, "8424000004 00000000") == "6984"


def test_a_new_pin_that_is_none_is_not_set() -> None:
    card = selected()
    authenticate(card, Key.PUK)
    assert send(card, secured(card, "84240001", Key.PIN_SERVICE, b"\x12")) == "6A80"
    assert send(card, "0020000003 123456") == OK


def test_a_blocked_application_answers_nothing_any_more() -> None:
    medium = VolatileMedium()
    card = selected(medium=medium)
    assert send(card, secured(card, "841E0001", Key.BLOCK)) == OK
    assert send(card, "00B2032C06") == "9303"
    assert send(card, SELECT_SSSE) == "9303"
    again = open_card(medium)
    again.power_on()
    assert send(again, SELECT_SSSE) == "9303"


def test_a_blocked_card_answers_nothing_any_more() -> None:
    card = selected()
    assert send(card, secured(card, "84160000", Key.BLOCK)) == OK
    for command in (SELECT_SSSE, "0084000008", "00A4000000"):
        assert send(card, command) == "6A81"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("00", "6700"),
        ("00FF0000", "6D00"),
        ("10840000 08", "6E00"),
        ("0184000008", "6881"),
        ("0084000005", "6700"),
        ("0084010008", "6A86"),
        ("008800000F" + "00" * 15, "6700"),
        ("00880001 10" + "00" * 16, "6A86"),
        ("0082000A 08" + "00" * 8, "6700"),
        ("00820177 10" + "00" * 16, "6A86"),
        ("00820077 10" + "00" * 16, "6A88"),
        ("0082000A 10" + "00" * 16, "6984"),
        ("00200001 00", "6A86"),
        ("805E0000 03 123456", "6A86"),
        ("84240002 04 00000000", "6A86"),
        ("841E0000 04 00000000", "6A86"),
        ("841E0001 03 000000", "6700"),
        ("00A4040004 D1560000", "6700"),
        ("00A4040005 D156000009", "6A82"),
        ("00A4030002 3F00", "6A86"),
        ("00A4000001 3F", "6700"),
        ("00A4020002 EF99", "6A82"),
        ("00A4000002 DF99", "6A82"),
        ("00B0000010", "6986"),
        ("00B2010010", "6986"),
        ("00B0850010", "6981"),
        ("00B2013C00", "6981"),
        ("00B0A50010", "6A86"),
        ("00B2092C06", "6A83"),
        ("00B2002C06", "6A83"),
        ("00B2012B06", "6A86"),
        ("00B2552806", "6A83"),
        ("00B2012C", "6700"),
        ("00C0000010", "6985"),
    ],
)
def test_a_command_that_cannot_be_done_is_refused_by_its_reason(command: str, answer: str) -> None:
    card = selected()
    send(card, "00C000001E")
    assert send(card, command) == answer


def test_nothing_selected_and_no_power() -> None:
    card = made_card()
    assert send(card, "00B0840020") == "6A82"
    assert send(card, "9060000000") in {"6D00", "6E00"}
    assert send(card, "00A40000023F00") == OK
    assert send(card, "00A4000002DDF0") == "611E"
    assert send(card, "00A4010002DF04") == "6115"
    card.power_off()
    with pytest.raises(CardUnpowered):
        card.transmit(b"\0\0\0\0")


@pytest.mark.parametrize("command", ["0020000003 111111", "805E0100 07 123456FF654321"])
def test_power_cut_in_a_pin_command_never_wins_a_try(command: str) -> None:
    medium = VolatileMedium()
    selected(medium=medium)
    journal = medium.read()
    cut = 0
    while True:
        torn = TornMedium(journal, bytes_left=cut)
        card = open_card(torn)
        card.power_on()
        send(card, SELECT_SSSE)
        try:
            answer = send(card, command)
        except PowerCut:
            answer = ""
        cells = Memory(VolatileMedium(torn.read())).cells()
        assert cells["SSSE/pin"].hex() in {"123456", "654321"}
        if answer:
            assert cut > 0
            break
        assert cells["SSSE/pin"].hex() == "123456"
        assert cells.get("SSSE/pin/tries", b"\3") in {b"\2", b"\3"}
        cut += 1


def test_keys_show_in_no_description() -> None:
    shown = repr(CONTENTS)
    assert all(key.hex() not in shown and repr(key) not in shown for key in (*KEYS.values(), *MASTERS.values()))
