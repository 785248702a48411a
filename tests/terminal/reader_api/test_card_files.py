"""Files written and PINs unblocked through an HSM, and what is refused before anything is written."""

import pytest

from tests.smartcard.makers import MASTERS, PIN
from tests.terminal.reader_api.test_medical import ACCOUNT, CARD_INFO, till
from tests.terminal.reader_api.test_reader_api import Desk, Typing
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.status import Status
from yikatong.terminal.reader_api.api import ReaderApi
from yikatong.terminal.reader_api.codes import Code
from yikatong.terminal.reader_api.hsm import SoftwareHsm

ADDRESS = "SSSEEF06|09|0A|$"


def _desk(*typed: str) -> tuple[ReaderApi, EmulatedCard]:
    """A desk without a module, whose HSM has every key."""
    _, card = till()
    keypad = Typing(*typed) if typed else None
    return ReaderApi(Desk(card), keypad=keypad, hsm=SoftwareHsm(MASTERS | ACCOUNT)), card


def test_the_holders_data_are_written_and_read_back() -> None:
    api, _ = _desk()
    assert api.with_fallback("iWriteCard", 1, CARD_INFO, ADDRESS, "SSSEEF06|张三|2|$") == (0, "")
    assert api.with_fallback("iReadCard", 1, 2, CARD_INFO, ADDRESS) == (0, "SSSEEF06|张三|2|$")


def test_a_transparent_file_is_written_in_pieces_and_read_back() -> None:
    api, _ = _desk()
    octets = bytes(range(256)) * 2
    assert api.with_fallback("iWriteCard", 1, CARD_INFO, "SSSEEF07|$", f"SSSEEF07|{octets.hex()}|$") == (0, "")
    code, text = api.with_fallback("iReadCard", 1, 2, CARD_INFO, "SSSEEF07|$")
    assert code == 0
    assert bytes.fromhex(text.split("|")[1]) == octets + b"\xff" * (0x300 - len(octets))


def test_a_directory_is_written_by_the_hsm_and_read_by_the_holders_pin_only() -> None:
    api, _ = _desk(PIN)
    address, data = "DF01EF06|28|23|$", "DF01EF06|13800000000|北京市东城区|$"
    assert api.with_fallback("iWriteCard", 1, CARD_INFO, address, data) == (0, "")
    assert api.iReadCard(1, 1, CARD_INFO, address) == (0, data)
    assert api.with_fallback("iReadCard", 1, 2, CARD_INFO, address)[0] != 0, "the key that every module has does not"


@pytest.mark.parametrize("directory", ["DF02", "DF03", "DF07"])
def test_a_directory_without_known_items_is_empty(directory: str) -> None:
    api, _ = _desk(PIN)
    assert api.iReadCard(1, 1, CARD_INFO, f"{directory}EF05|21|$")[0] == -Status.RECORD_NOT_FOUND


def test_what_a_hospital_reads_takes_the_key_and_what_was_paid_offline_the_pin_too() -> None:
    hsm, _ = _desk(PIN)
    written = "DF04EF05|110101|31|$"
    assert hsm.with_fallback("iWriteCard", 1, CARD_INFO, "DF04EF05|84|8C|$", written) == (0, "")
    assert hsm.with_fallback("iReadCard", 1, 2, CARD_INFO, "DF04EF05|84|8C|$") == (0, written)
    assert hsm.with_fallback("iReadCard", 1, 2, CARD_INFO, "DF04EF06|92|93|$") == (0, "DF04EF06|||$")


def test_a_new_card_has_the_items_empty() -> None:
    api, _ = _desk(PIN)
    assert api.iReadCard(1, 1, CARD_INFO, "DF01EF06|23|28|$") == (0, "DF01EF06|||$")


@pytest.mark.parametrize(
    "data",
    [
        "",
        "SSSEEF06|张三|$",
        "SSSEEF06|张三|2|9|$",
        "SSSEEF06|张三|22|$",
        f"SSSEEF06|{'長' * 16}|2|$",
        "DF01EF06|张三|2|$",
    ],
)
def test_data_that_do_not_fit_are_refused_before_anything_is_written(data: str) -> None:
    api, card = _desk()
    before = card.memory.cells()
    code, _ = api.with_fallback("iWriteCard", 1, CARD_INFO, ADDRESS, data)
    assert code in {Code.BAD_INPUT, -41, -42}
    assert card.memory.cells() == before


def test_another_cards_data_and_a_payments_record_are_not_written() -> None:
    api, card = _desk()
    before = card.memory.cells()
    other = "110000D15600000500000000FFFFFFFF|J0000001X|"
    assert api.with_fallback("iWriteCard", 1, other, ADDRESS, "SSSEEF06|张三|2|$")[0] == Code.OTHER_CARD
    assert api.with_fallback("iWriteCard", 1, CARD_INFO, "DF04EF08|1|$", "DF04EF08|00|$")[0] != 0
    assert card.memory.cells() == before


def test_a_module_of_ours_writes_nothing_and_sets_no_pin() -> None:
    api, card = till()
    before = card.memory.cells()
    missing = -Status.REFERENCE_DATA_NOT_FOUND
    assert api.iWriteCard(1, CARD_INFO, ADDRESS, "SSSEEF06|张三|2|$")[0] == missing
    assert api.iReloadPIN(1, CARD_INFO)[0] == missing
    assert api.iUnblockPIN(1, CARD_INFO)[0] == missing
    assert card.memory.cells() == before


def test_a_locked_pin_is_unblocked_and_is_the_old_one() -> None:
    _, card = till()
    hsm = SoftwareHsm(MASTERS | ACCOUNT)
    wrong = ReaderApi(Desk(card), keypad=Typing(*["999999"] * 12))
    codes = [wrong.iVerifyPIN(1)[0] for _ in range(12)]
    assert codes[0] == Code.PIN_WRONG
    assert codes[-1] == Code.PIN_LOCKED
    api = ReaderApi(Desk(card), keypad=Typing(PIN, PIN), hsm=hsm)
    assert api.iVerifyPIN(1)[0] == Code.PIN_LOCKED
    assert api.with_fallback("iUnblockPIN", 1, CARD_INFO) == (0, "")
    assert api.iVerifyPIN(1) == (0, "")


@pytest.mark.parametrize(
    "address", ["", "$", "SSSE", "SSSEEF06|ZZ|$", "DF09EF05|01|$" * 40, "SSSEEF06|09|$x", "ＤＦ01EF05|01|$"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    api, _ = _desk()
    assert api.with_fallback("iReadCard", 1, 2, CARD_INFO, address) == (Code.BAD_INPUT, "")


def test_payments_are_read_from_their_cyclic_file_all_or_by_number() -> None:
    api, card = till()
    for minute in (1, 2):
        assert api.iDoDebit(1, CARD_INFO, f"{minute}.00|{minute}.00|2026112409{minute:02d}00|")[0] == 0
    for address, sums in (("DF04EF08|$", ["2.00", "1.00"]), ("DF04EF08|2|$", ["1.00"]), ("DF04EF08:1$", ["2.00"])):
        reader = ReaderApi(Desk(card), keypad=Typing(PIN))
        code, text = reader.iReadCard(1, 1, CARD_INFO, address)
        assert code == 0
        records = [field for field in text.split("|") if "^" in field]
        assert [record.split("^")[4] for record in records] == sums
