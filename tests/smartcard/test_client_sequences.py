"""The seven ways in which installed readers are known to read a card, command by command."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from tests.smartcard.makers import CONTENTS, KEYS, made_card, send
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.ssse_layout import ISSUER_ITEMS, Key, Version, holder_items
from yikatong.smartcard.ssse_security import cryptogram

SELECT_SSSE = "00A404000F 7378312E73682EC9E7BBE1B1A3D5CF"
FCI = "6F1C840F7378312E73682EC9E7BBE1B1A3D5CFA50988011E9F0C03860103"
IDENTIFICATION = "0110" + CONTENTS.identification_code
VERSION = {Version.V1: "0304312E3030", Version.V2: "0304322E3030", Version.V3: "0304332E3030"}
INSTITUTION = "040C" + "915600000211000011010002"
ISSUED, EXPIRES = "050420261123", "060420361122"
CARD_NUMBER = "0709" + CONTENTS.card_number.encode().hex().upper()
IDENTITY_NUMBER = "0812" + CONTENTS.identity_number.encode().hex().upper()
NAME = "091E" + "B2E2CAD4D4B1" + "00" * 24
NAME_EXTENSION, SEX, ETHNICITY, BIRTHPLACE, BIRTH_DATE = (
    "4E14" + "00" * 20,
    "0A0131",
    "0B0101",
    "0C03119901",
    "0D0419900307",
)
OK = "9000"

type Dialogue = list[tuple[str, str]]

BY_SFI_AND_NUMBER: Dialogue = [
    ("0084000008", "0000000000000001" + OK),
    (SELECT_SSSE, "611E"),
    ("00C000001E", FCI + OK),
    ("00B2032C06", VERSION[Version.V2] + OK),
    ("00B2012C12", IDENTIFICATION + OK),
    ("00B2042C0E", INSTITUTION + OK),
    ("00B2052C06", ISSUED + OK),
    ("00B2062C06", EXPIRES + OK),
    ("00B2072C0B", CARD_NUMBER + OK),
    ("00B2013414", IDENTITY_NUMBER + OK),
    ("00B2023420", NAME + OK),
    ("00B2043403", SEX + OK),
]
BY_IDENTIFIER: Dialogue = [
    (SELECT_SSSE, "611E"),
    ("00A4020002EF05", OK),
    ("00B2010012", IDENTIFICATION + OK),
    ("00B2050006", ISSUED + OK),
    ("00B2060006", EXPIRES + OK),
    ("00B207000B", CARD_NUMBER + OK),
    ("00A4020002EF06", OK),
    ("00B2080014", IDENTITY_NUMBER + OK),
    ("00B2090020", NAME + OK),
    ("00B20A0003", SEX + OK),
    ("00B20B0003", ETHNICITY + OK),
    ("00B20C0005", BIRTHPLACE + OK),
    ("00B20D0006", BIRTH_DATE + OK),
]
WITH_WRONG_LENGTHS: Dialogue = [
    (SELECT_SSSE, "611E"),
    ("00C0000000", FCI + OK),
    ("00A4000002EF05", OK),
    ("00B2010010", "6C12"),
    ("00B2010012", IDENTIFICATION + OK),
    ("00B2070009", "6C0B"),
    ("00B207000B", CARD_NUMBER + OK),
]
WITH_LENGTH_ZERO: Dialogue = [
    (SELECT_SSSE, "611E"),
    ("00B2072C00", "6C0B"),
    ("00B2072C0B", CARD_NUMBER + OK),
    ("00B2013400", "6C14"),
    ("00B2013414", IDENTITY_NUMBER + OK),
    ("00B2023400", "6C20"),
    ("00B2023420", NAME + OK),
    ("00B2033400", "6C16"),
    ("00B2033416", NAME_EXTENSION + OK),
]
PIN_FIRST: Dialogue = [
    (SELECT_SSSE, "611E"),
    ("00A4020002EF05", OK),
    ("00B207040B", CARD_NUMBER + OK),
    ("0020000003123456", OK),
    ("00A4000002EF06", OK),
    ("00B2010414", IDENTITY_NUMBER + OK),
    ("00B2020420", NAME + OK),
]
READ_ALL: Dialogue = [
    (SELECT_SSSE, "611E"),
    ("00A4020002EF05", OK),
    ("00B2010540", IDENTIFICATION + "020133" + VERSION[Version.V2] + INSTITUTION + ISSUED + EXPIRES + CARD_NUMBER + OK),
    ("00A4020002EF06", OK),
    ("00B201055B", IDENTITY_NUMBER + NAME + NAME_EXTENSION + SEX + ETHNICITY + BIRTHPLACE + BIRTH_DATE + OK),
]


@pytest.mark.parametrize(
    "dialogue",
    [BY_SFI_AND_NUMBER, BY_IDENTIFIER, WITH_WRONG_LENGTHS, WITH_LENGTH_ZERO, PIN_FIRST, READ_ALL],
    ids=["SFI and number", "identifier", "wrong lengths", "length zero", "PIN first", "read all"],
)
def test_a_reader_of_older_cards_is_answered_exactly(dialogue: Dialogue) -> None:
    card = made_card(Version.V2)
    for command, answer in dialogue:
        assert send(card, command) == answer, command


def test_a_card_of_version_1_has_the_sex_in_its_third_record() -> None:
    card = made_card(Version.V1)
    send(card, SELECT_SSSE)
    assert send(card, "00B2032C06") == VERSION[Version.V1] + OK
    assert send(card, "00B2033403") == SEX + OK


type Send = Callable[[str], str]
"""A command in hex to the card in hand, and its answer in hex."""


def full_dialogue_of_version_3(send: Send) -> None:
    """With a card of ``made_card``, through whatever carries the commands."""
    assert send(SELECT_SSSE) == "611E"
    assert send("00A4020002EF06") == OK
    assert send("00B2080014") == "6982"
    assert send("00B2012C12") == IDENTIFICATION + OK
    send(SELECT_SSSE)
    original, factor = _challenge(send), _challenge(send)
    answer = send(f"0088000010 {factor.hex()} {original.hex()} 08")
    assert answer == cryptogram(KEYS[Key.INTERNAL], factor, original).hex().upper() + OK
    original, factor = _challenge(send), _challenge(send)
    proof = cryptogram(KEYS[Key.READ], factor, original)
    assert send(f"0082000A10 {proof.hex()} {original.hex()}") == OK
    for command, record in [
        ("00A4020002EF05", ""),
        ("00B2050006", ISSUED),
        ("00B2060006", EXPIRES),
        ("00A4020002EF06", ""),
        ("00B2080014", IDENTITY_NUMBER),
        ("00B2090020", NAME),
        ("00B24E0016", NAME_EXTENSION),
    ]:
        assert send(command) == record + OK, command


def card_of_the_published_example() -> EmulatedCard:
    """Its card key serves as PIN service key here; the card's third random number is the example's."""
    example = bytes.fromhex("FAF1567915089E4BE08457041C3F1B2A")
    contents = replace(CONTENTS, keys=KEYS | {Key.PIN_SERVICE: example}, pin="9999")
    return made_card(contents=contents, randoms=("A1A2A3A4A5A6A7A8", "1122334455667788", "2AFD6A015D2D9BAC"))


def reset_the_pin_as_published(send: Send) -> None:
    """With that card, through whatever carries the commands."""
    send(SELECT_SSSE)
    original, factor = _challenge(send), _challenge(send)
    proof = cryptogram(KEYS[Key.PUK], factor, original)
    assert send(f"0082000610 {proof.hex()} {original.hex()}") == OK
    assert _challenge(send).hex().upper() == "2AFD6A015D2D9BAC"
    assert send("8424000114 3D6BCBE266F4B8416673B628C3271BB1 5F21A6C8") == OK
    assert send("0020000003123456") == OK


def test_the_full_dialogue_of_version_3() -> None:
    full_dialogue_of_version_3(partial(send, made_card()))


def test_resetting_the_pin_answers_the_published_example() -> None:
    reset_the_pin_as_published(partial(send, card_of_the_published_example()))


@pytest.mark.parametrize("version", Version)
def test_what_is_read_decodes_to_what_was_written(version: Version) -> None:
    card = made_card(version)
    send(card, SELECT_SSSE)
    card.rights.add("SSSE:RK")
    texts = {}
    for sfi, items in ((5, ISSUER_ITEMS), (6, holder_items(version))):
        for number, item in enumerate(items, start=1):
            record = bytes.fromhex(send(card, f"00B2 {number:02X} {sfi << 3 | 4:02X} {item.length + 2:02X}"))
            texts[item.name] = item.decode(record[:-2])
    assert texts["卡的识别码"] == CONTENTS.identification_code
    assert texts["姓名"] == CONTENTS.name
    assert texts["规范版本"] == version
    assert texts["发卡日期"] == "20261123"
    assert texts["社会保障号码"] == CONTENTS.identity_number


def _challenge(send: Send) -> bytes:
    answer = send("0084000008")
    assert answer.endswith(OK)
    return bytes.fromhex(answer[:-4])
