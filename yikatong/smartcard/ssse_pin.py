"""The card's PIN as bytes: 4 to 16 digits, two to a byte, filled up with F. Source: LD/T 32 part 5."""

import re

PIN_DIGITS_MIN, PIN_DIGITS_MAX = 4, 16
_DIGITS = re.compile(rf"[0-9]{{{PIN_DIGITS_MIN},{PIN_DIGITS_MAX}}}")


class PinWrong(ValueError):
    """No PIN: not 4 to 16 digits."""


def encode_pin(pin: str) -> bytes:
    """The shortest bytes for a PIN. Raises ``PinWrong``."""
    if not _DIGITS.fullmatch(pin):
        raise PinWrong("a PIN has 4 to 16 digits")
    return bytes.fromhex(pin + "F" * (len(pin) % 2))


def decode_pin(octets: bytes) -> str:
    """The digits in bytes that may be filled up with more F than needed. Raises ``PinWrong``."""
    digits = octets.hex().upper().rstrip("F")
    if not _DIGITS.fullmatch(digits):
        raise PinWrong("a PIN has 4 to 16 digits")
    return digits
