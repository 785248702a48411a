"""A reader gets whole answers, however a card cuts them."""

import pytest

from tests.smartcard.makers import made_card
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.channel import exchange
from yikatong.smartcard.ssse_layout import NAME, Version
from yikatong.smartcard.status import Refusal, Status


class Scripted:
    """A card that gives these answers in turn and remembers what it was sent."""

    def __init__(self, *answers: str) -> None:
        self._answers = [bytes.fromhex(answer) for answer in answers]
        self.sent: list[str] = []

    def transmit(self, octets: bytes, /) -> bytes:
        self.sent.append(octets.hex().upper())
        return self._answers.pop(0)


def test_a_real_selection_and_a_record_without_its_length() -> None:
    card = made_card(Version.V2)
    assert exchange(card, Command(0x00, 0xA4, 0x04, 0x00, NAME, 256))[:2] == b"\x6f\x1c"
    assert exchange(card, Command(0x00, 0xB2, 0x07, 0x2C, expected=256))[2:] == b"J0000001X"


def test_pieces_are_put_together() -> None:
    card = Scripted("61 02", "AABB 61 01", "CC 9000")
    assert exchange(card, Command(0x80, 0x50, 0, 0, b"\1")) == b"\xaa\xbb\xcc"
    assert card.sent == ["8050000001" + "01", "00C0000002", "00C0000001"]


def test_a_length_the_card_names_is_sent_once_more() -> None:
    card = Scripted("6C 02", "AABB 9000")
    assert exchange(card, Command(0x00, 0xB2, 1, 4, expected=256)) == b"\xaa\xbb"
    assert card.sent == ["00B2010400", "00B2010402"]


@pytest.mark.parametrize(
    ("answers", "status"),
    [(["6A82"], Status.FILE_NOT_FOUND), (["90"], Status.NO_DIAGNOSIS), (["6C02"] * 300, Status.NO_DIAGNOSIS)],
)
def test_what_is_no_answer_is_refused(answers: list[str], status: Status) -> None:
    with pytest.raises(Refusal) as refused:
        exchange(Scripted(*answers), Command(0x00, 0xB2, 1, 4, expected=1))
    assert refused.value.status == status
