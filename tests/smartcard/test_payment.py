"""The lists a payment reader walks, and what stands in the bank's place."""

import pytest

from tests.smartcard.makers import made_card, send
from tests.smartcard.purses import get, purse_card
from yikatong.smartcard.payment import BankReference

BANK = "6113" + "4F08A000000333010101" + "500449434243" + "870101"
PURSE = "6116" + "4F08A000000632010105" + "5007542D556E696F6E" + "870102"


def test_a_reader_without_contact_gets_the_list_in_one_answer() -> None:
    answer = get(purse_card(), "00A404000E 325041592E5359532E4444463031 00")
    assert answer == "6F42" + "840E325041592E5359532E4444463031" + "A530" + "BF0C2D" + BANK + PURSE


def test_a_contact_reader_walks_the_list_record_by_record() -> None:
    card = purse_card()
    assert "880101" in get(card, "00A404000E 315041592E5359532E4444463031 00")
    assert "4F08A000000333010101" in get(card, "00B2010C00")
    assert "4F08A000000632010105" in get(card, "00B2020C00")
    assert send(card, "00B2030C00") == "6A83"


def test_the_banks_place_says_whose_account_it_is_and_no_more() -> None:
    card = purse_card()
    assert "500449434243" in get(card, "00A4040008A00000033301010100")
    assert get(card, "00B2011400") == "700A" + "4203621234" + "9F25028830"
    assert send(card, "00B2018421") == "6A82"
    assert send(card, "80A8000002830000") == "6D00"


def test_a_card_without_bank_and_purse_has_empty_lists() -> None:
    card = made_card()
    assert get(card, "00A404000E 325041592E5359532E4444463031 00").endswith("BF0C00")
    get(card, "00A4040C0E 315041592E5359532E4444463031")
    assert send(card, "00B2010C00") == "6A83"
    assert send(card, "00A4040008A00000033301010100") == "6A82"


@pytest.mark.parametrize(
    "reference",
    [
        BankReference("62123", "8830", "ICBC"),
        BankReference("621234", "88X0", "ICBC"),
        BankReference("621234", "8830", ""),
    ],
)
def test_a_reference_that_is_none_is_told(reference: BankReference) -> None:
    with pytest.raises(ValueError, match="six digits"):
        reference.encode()
