"""Check digits of the numbers the programme uses.

Own code, not python-stdnum's: the register imports millions of rows, and stdnum also rejects unassigned divisions, which
is just what synthetic people must carry. The tests hold both against each other.
"""

_IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_IDENTITY_DIGITS = "10X98765432"
_CREDIT_CODE_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_CODE_VALUES = {character: value for value, character in enumerate(_CREDIT_CODE_CHARACTERS)}
_CREDIT_CODE_WEIGHTS = tuple(pow(3, position, 31) for position in range(17))
_CARD_NUMBER_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CARD_NUMBER_VALUES = str.maketrans({c: "0123456789A"[value % 11] for value, c in enumerate(_CARD_NUMBER_CHARACTERS)})
_CARD_NUMBER_DIGITS = "0123456789X"


def identity_check_digit(first17: str) -> str:
    """The 18th character of a citizen identity number. ``first17`` are 17 digits. Source: GB 11643-1999."""
    total = sum(int(digit) * weight for digit, weight in zip(first17, _IDENTITY_WEIGHTS, strict=True))
    return _IDENTITY_DIGITS[total % 11]


def credit_code_check_digit(first17: str) -> str:
    """The 18th character of a unified social credit code. Source: GB 32100-2015.

    Raises ``KeyError`` on a character outside the standard's alphabet (I, O, S, V, Z are not in it).
    """
    total = sum(
        _CREDIT_CODE_VALUES[character] * weight for character, weight in zip(first17, _CREDIT_CODE_WEIGHTS, strict=True)
    )
    return _CREDIT_CODE_CHARACTERS[-total % 31]


def card_number_check_digit(first8: str) -> str:
    """The ninth character of a social security card number: 11 - (sum of Ci*Wi mod 11), 10 as X, 11 as 0.

    ``first8``: digits or capital letters, letters counting A=10 … Z=35. The weights 3, 7, 9, 10, 5, 8, 4, 2 are the powers
    of 2 from the eighth down, modulo 11, and so is 13: the characters, read in base 13, twice, are that sum.
    Source: LD/T 32 file structure, annex A (docs/standards.md, card number).
    """
    if len(first8) != 8:
        raise ValueError(f"a card number has 8 characters before its check digit, not {len(first8)}")
    return _CARD_NUMBER_DIGITS[-2 * int(first8.translate(_CARD_NUMBER_VALUES), 13) % 11]
