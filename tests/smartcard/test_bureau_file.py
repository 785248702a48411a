"""What goes to a card bureau opens for it alone, whole and in order; everything else is told before a card is made."""

import io
import struct
from uuid import UUID

import pytest

from yikatong.smartcard.bureau_file import BureauFileWrong, CardRecord, Header, read_bureau_file, write_bureau_file

JOB = UUID("0192f0c4-0000-7000-8000-00000000000a")
KEY = bytes(range(16))
CARDS = [CardRecord(number, bytes([number]) * 16, bytes([number]) * (400 + number)) for number in range(1, 6)]


def written(cards: list[CardRecord] = CARDS, *, key: bytes = KEY) -> bytes:
    out = io.BytesIO()
    write_bureau_file(out, cards, records=len(cards), job=JOB, part=1, key_id=7, key=key)
    return out.getvalue()


def test_a_bureau_reads_what_was_written() -> None:
    asked: list[int] = []

    def key_of(number: int) -> bytes:
        asked.append(number)
        return KEY

    header, cards = read_bureau_file(written(), key_of)
    assert (header.job, header.part, header.key_id, header.records) == (JOB, 1, 7, 5)
    assert cards == CARDS
    assert asked == [7]


def test_an_empty_part_is_a_file_too() -> None:
    assert read_bureau_file(written([]), lambda _: KEY)[1] == []


def test_nothing_of_a_card_shows_but_its_identification() -> None:
    octets = written()
    assert all(card.identification in octets for card in CARDS)
    assert all(card.groupings[:8] not in octets.replace(card.identification, b"") for card in CARDS)
    assert repr(CARDS[0]) == f"CardRecord(1, {'01' * 16})"


def test_the_same_cards_are_sealed_differently_each_time() -> None:
    first, second = written(), written()
    assert first[40:] != second[40:]


def test_every_altered_byte_is_told() -> None:
    octets = written(CARDS[:2])
    for place in range(len(octets)):
        altered = octets[:place] + bytes((octets[place] ^ 1,)) + octets[place + 1 :]
        with pytest.raises(BureauFileWrong):
            read_bureau_file(altered, lambda _: KEY)


def test_every_cut_is_told() -> None:
    octets = written(CARDS[:2])
    for end in range(len(octets)):
        with pytest.raises(BureauFileWrong):
            read_bureau_file(octets[:end], lambda _: KEY)


def test_another_bureau_cannot_read_it() -> None:
    with pytest.raises(BureauFileWrong, match="another bureau"):
        read_bureau_file(written(), lambda _: bytes(16))


@pytest.mark.parametrize("records", [0, 4, 6])
def test_a_file_of_another_number_of_cards_is_not_finished(records: int) -> None:
    out = io.BytesIO()
    with pytest.raises(ValueError, match="was to hold"):
        write_bureau_file(out, CARDS, records=records, job=JOB, part=1, key_id=7, key=KEY)
    with pytest.raises(BureauFileWrong):
        read_bureau_file(out.getvalue(), lambda _: KEY)


def test_a_header_says_what_the_format_says() -> None:
    header = Header(JOB, 3, 7, 1000, bytes(8)).encode()
    assert struct.unpack(">8s16sHHI8s", header) == (b"YKTPERS1", JOB.bytes, 3, 7, 1000, bytes(8))
