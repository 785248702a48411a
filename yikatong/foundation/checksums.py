"""Check digits of the numbers the programme uses.

Own code, not python-stdnum's: the register imports millions of rows, and stdnum also rejects unassigned divisions, which
is just what synthetic people must carry. The tests hold both against each other.
"""

_IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_IDENTITY_DIGITS = "10X98765432"
_CREDIT_CODE_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_CODE_VALUES = {character: value for value, character in enumerate(_CREDIT_CODE_CHARACTERS)}
_CREDIT_CODE_WEIGHTS = tuple(pow(3, position, 31) for position in range(17))
_CARD_NUMBER_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


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

    ``first8``: digits or capital letters, letters counting A=10 … Z=35.
    Source: LD/T 32 file structure, annex A (docs/standards.md, card number).
    """
    total = sum(int(character, 36) * weight for character, weight in zip(first8, _CARD_NUMBER_WEIGHTS, strict=True))
    remainder = 11 - total % 11
    return {10: "X", 11: "0"}.get(remainder, str(remainder))
