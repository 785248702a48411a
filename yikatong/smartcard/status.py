"""Status words: what a card says about a command, with the meaning a log or an error message shows.

Source: ISO/IEC 7816-4:2013, 5.6 (6xxx, 9000); LD/T 32 part 5 and JR/T 0025 (93xx, 94xx).
"""

from enum import IntEnum


class Status(IntEnum):
    """Status words with one value. Those that carry a number are made by ``more_bytes``, ``exact_length``, ``tries_left``."""

    SUCCESS = 0x9000
    FILE_INVALIDATED = 0x6283
    VERIFICATION_FAILED = 0x6300
    MEMORY_FAILURE = 0x6581
    WRONG_LENGTH = 0x6700
    CHANNEL_NOT_SUPPORTED = 0x6881
    SECURE_MESSAGING_NOT_SUPPORTED = 0x6882
    COMMAND_NOT_ALLOWED = 0x6900
    WRONG_STATE = 0x6901
    INCOMPATIBLE_WITH_FILE = 0x6981
    SECURITY_NOT_SATISFIED = 0x6982
    METHOD_BLOCKED = 0x6983
    REFERENCE_DATA_INVALIDATED = 0x6984
    CONDITIONS_NOT_SATISFIED = 0x6985
    NO_CURRENT_FILE = 0x6986
    SECURE_MESSAGING_MISSING = 0x6987
    SECURE_MESSAGING_WRONG = 0x6988
    WRONG_DATA = 0x6A80
    FUNCTION_NOT_SUPPORTED = 0x6A81
    FILE_NOT_FOUND = 0x6A82
    RECORD_NOT_FOUND = 0x6A83
    NOT_ENOUGH_MEMORY = 0x6A84
    WRONG_PARAMETERS = 0x6A86
    LENGTH_DISAGREES = 0x6A87
    REFERENCE_DATA_NOT_FOUND = 0x6A88
    OFFSET_OUTSIDE = 0x6B00
    INSTRUCTION_NOT_SUPPORTED = 0x6D00
    CLASS_NOT_SUPPORTED = 0x6E00
    NO_DIAGNOSIS = 0x6F00
    MAC_WRONG = 0x9302
    APPLICATION_BLOCKED = 0x9303
    FUNDS_INSUFFICIENT = 0x9401
    COUNTER_EXHAUSTED = 0x9402
    KEY_INDEX_UNKNOWN = 0x9403
    MAC_NOT_AVAILABLE = 0x9406


_MEANINGS = {
    Status.SUCCESS: "done",
    Status.FILE_INVALIDATED: "the selected file is blocked",
    Status.VERIFICATION_FAILED: "the check failed",
    Status.MEMORY_FAILURE: "the card could not write its memory",
    Status.WRONG_LENGTH: "wrong length",
    Status.CHANNEL_NOT_SUPPORTED: "the card has one channel only",
    Status.SECURE_MESSAGING_NOT_SUPPORTED: "secure messaging is not supported here",
    Status.COMMAND_NOT_ALLOWED: "the command is not allowed",
    Status.WRONG_STATE: "the command does not follow on the one before",
    Status.INCOMPATIBLE_WITH_FILE: "the command does not fit the structure of the file",
    Status.SECURITY_NOT_SATISFIED: "a right is missing: verify the PIN or authenticate first",
    Status.METHOD_BLOCKED: "the PIN or key is locked",
    Status.REFERENCE_DATA_INVALIDATED: "no live random number: get a challenge first",
    Status.CONDITIONS_NOT_SATISFIED: "the conditions of use are not met",
    Status.NO_CURRENT_FILE: "no file is selected",
    Status.SECURE_MESSAGING_MISSING: "the MAC is missing",
    Status.SECURE_MESSAGING_WRONG: "the MAC of the secured command is wrong",
    Status.WRONG_DATA: "the data field is wrong",
    Status.FUNCTION_NOT_SUPPORTED: "the function is not supported, or the card is blocked",
    Status.FILE_NOT_FOUND: "there is no such file",
    Status.RECORD_NOT_FOUND: "there is no such record",
    Status.NOT_ENOUGH_MEMORY: "there is no room in the file",
    Status.WRONG_PARAMETERS: "wrong P1 or P2",
    Status.LENGTH_DISAGREES: "Lc disagrees with P1 and P2",
    Status.REFERENCE_DATA_NOT_FOUND: "there is no such key or PIN",
    Status.OFFSET_OUTSIDE: "the offset lies outside the file",
    Status.INSTRUCTION_NOT_SUPPORTED: "unknown instruction",
    Status.CLASS_NOT_SUPPORTED: "unknown class",
    Status.NO_DIAGNOSIS: "the card gives no reason",
    Status.MAC_WRONG: "the MAC is wrong",
    Status.APPLICATION_BLOCKED: "the application is blocked for good",
    Status.FUNDS_INSUFFICIENT: "not enough money",
    Status.COUNTER_EXHAUSTED: "the transaction counter has reached its end",
    Status.KEY_INDEX_UNKNOWN: "there is no key with this index",
    Status.MAC_NOT_AVAILABLE: "there is no MAC to give",
}
_MORE_BYTES, _TRIES_LEFT, _EXACT_LENGTH = 0x6100, 0x63C0, 0x6C00


class Refusal(Exception):
    """A card's answer other than data. ``status`` is the status word."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(meaning(status))


def more_bytes(count: int) -> int:
    """61xx: ``count`` bytes wait for GET RESPONSE; 00 stands for 256 and more."""
    return _MORE_BYTES | (count if count < 256 else 0)


def exact_length(count: int) -> int:
    """6Cxx: send the command again with this Le; 00 stands for 256."""
    return _EXACT_LENGTH | count % 256


def tries_left(count: int) -> int:
    """63Cx: the check failed, ``count`` tries are left, at most 15."""
    return _TRIES_LEFT | min(count, 15)


def tries_left_in(status: int) -> int | None:
    """How many tries a 63Cx leaves, ``None`` for any other status word."""
    return status & 0xF if status & 0xFFF0 == _TRIES_LEFT else None


def meaning(status: int) -> str:
    """A status word in words, beginning with its four hex digits."""
    if status in _MEANINGS:
        words = _MEANINGS[Status(status)]
    elif (left := tries_left_in(status)) is not None:
        words = f"the check failed, {left} tries are left"
    elif status & 0xFF00 == _MORE_BYTES:
        words = f"{status & 0xFF or 256} bytes are to be fetched with GET RESPONSE"
    elif status & 0xFF00 == _EXACT_LENGTH:
        words = f"wrong Le, {status & 0xFF or 256} bytes are there"
    else:
        words = "unknown status word"
    return f"{status:04X} {words}"
