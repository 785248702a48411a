"""Check digits, held against python-stdnum and the examples printed in the standards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc

from yikatong.foundation.checksums import card_number_check_digit, credit_code_check_digit, identity_check_digit


@pytest.mark.parametrize(
    ("first17", "check_digit"),
    [
        ("11010519491231002", "X"),  # GB 11643-1999, the standard's own example
        ("44052418800101001", "4"),  # GB 11643-1999, the standard's second example
    ],
)
def test_identity_check_digit_of_the_standards_examples(first17: str, check_digit: str) -> None:
    assert identity_check_digit(first17) == check_digit


@given(st.from_regex(r"[0-9]{17}", fullmatch=True))
def test_identity_check_digit_makes_the_weighted_sum_one_modulo_eleven(first17: str) -> None:
    """GB 11643: ISO 7064 MOD 11-2, so the sum of all 18 places times 2^(18-place) leaves 1."""
    number = first17 + identity_check_digit(first17)
    values = [10 if character == "X" else int(character) for character in number]
    assert sum(value * 2 ** (17 - place) for place, value in enumerate(values)) % 11 == 1


@given(st.from_regex(r"[0-9A-HJ-NPQRTUWXY]{17}", fullmatch=True))
def test_credit_code_check_digit_agrees_with_stdnum(first17: str) -> None:
    assert credit_code_check_digit(first17) == uscc.calc_check_digit(first17)


def test_credit_code_refuses_letters_outside_the_alphabet() -> None:
    with pytest.raises(KeyError):
        credit_code_check_digit("9111000000000000I")


@pytest.mark.parametrize(
    ("first8", "check_digit"),
    [
        ("D2143569", "X"),  # LD/T 32 annex A, the printed example
    ],
)
def test_card_number_check_digit(first8: str, check_digit: str) -> None:
    assert card_number_check_digit(first8) == check_digit


@given(st.from_regex(r"[0-9A-Z]{8}", fullmatch=True))
def test_card_number_check_digit_is_the_standards_weighted_sum(first8: str) -> None:
    total = sum(
        int(character, 36) * weight for character, weight in zip(first8, (3, 7, 9, 10, 5, 8, 4, 2), strict=True)
    )
    assert card_number_check_digit(first8) == {10: "X", 11: "0"}.get(11 - total % 11, str(11 - total % 11))


@pytest.mark.parametrize("first8", ["", "D214356", "D21435690"])
def test_card_number_check_digit_wants_eight_characters(first8: str) -> None:
    with pytest.raises(ValueError, match="8 characters"):
        card_number_check_digit(first8)


def test_card_number_check_digit_takes_all_eleven_values() -> None:
    digits = {card_number_check_digit(f"A{serial:07d}") for serial in range(1000)}
    assert digits == set("0123456789X")
