"""Status words: each has a meaning, and those that carry numbers say them."""

import pytest

from yikatong.smartcard.status import Refusal, Status, exact_length, meaning, more_bytes, tries_left, tries_left_in


@pytest.mark.parametrize("status", Status)
def test_every_status_word_has_a_meaning_of_its_own(status: Status) -> None:
    assert meaning(status).startswith(f"{status:04X} ")
    assert "unknown status" not in meaning(status)
    assert str(Refusal(status)) == meaning(status)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (more_bytes(30), "611E 30 bytes"),
        (more_bytes(256), "6100 256 bytes"),
        (exact_length(18), "6C12 wrong Le, 18"),
        (exact_length(256), "6C00 wrong Le, 256"),
        (tries_left(2), "63C2 the check failed, 2 tries"),
        (0x1234, "1234 unknown"),
    ],
)
def test_a_number_in_a_status_word_is_said(status: int, says: str) -> None:
    assert meaning(status).startswith(says)


def test_tries_are_read_back() -> None:
    assert tries_left_in(tries_left(3)) == 3
    assert tries_left_in(0x6300) is None
    assert tries_left(99) == 0x63CF
