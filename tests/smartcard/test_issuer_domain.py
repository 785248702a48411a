"""A blank card written through its issuer's domain: what a counter does, what a thief cannot, and power cut at every byte."""

import random
from itertools import count

import pytest

from tests.smartcard.makers import CONTENTS, HISTORICAL, KEYS
from tests.smartcard.power import PowerCut, TornMedium
from yikatong.smartcard import issuer_domain
from yikatong.smartcard.apdu import Command, Response
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.channel import exchange
from yikatong.smartcard.dgi import encode_groupings
from yikatong.smartcard.issuer_domain import (
    TRIES_CELL,
    TRIES_MAX,
    BlankOpened,
    BlankWrong,
    domain_keys,
    opening_commands,
    writing_commands,
)
from yikatong.smartcard.memory import Memory, VolatileMedium
from yikatong.smartcard.secure_channel import MAC_LENGTH
from yikatong.smartcard.ssse_layout import NAME
from yikatong.smartcard.status import Refusal, Status
from yikatong.smartcard.third_generation import open_card, social_groupings, write_blank

MASTERS = {issuer_domain.ENCRYPTION: bytes(range(16)), issuer_domain.MAC: bytes(range(16, 32))}
SERIAL = bytes.fromhex("0000000000000042")
KEYS_OF_BLANK = domain_keys(MASTERS, SERIAL)
GROUPINGS = encode_groupings(social_groupings(CONTENTS, HISTORICAL, keys=KEYS))
HOST = b"hostchal"
BLANK_HISTORICAL = HISTORICAL[:-4] + bytes(4)


def _blank() -> VolatileMedium:
    medium = VolatileMedium()
    write_blank(Memory(medium), SERIAL, BLANK_HISTORICAL, KEYS_OF_BLANK)
    return medium


def _powered(medium: VolatileMedium) -> EmulatedCard:
    numbers = count(1)
    card = open_card(medium, random=lambda length: next(numbers).to_bytes(length))
    card.power_on()
    return card


def _opened(card: EmulatedCard) -> BlankOpened:
    select, initialise = opening_commands(HOST)
    exchange(card, select)
    return BlankOpened.decode(exchange(card, initialise))


def _sent(card: EmulatedCard, commands: list[Command]) -> list[bytes]:
    """Answers whole, as a reader that fetches what waits hands them on."""
    return [exchange(card, command) + Status.SUCCESS.to_bytes(2) for command in commands]


def test_a_blank_becomes_a_citizens_card_at_the_next_reset() -> None:
    medium = _blank()
    card = _powered(medium)
    blank = _opened(card)
    assert blank.serial == SERIAL
    commands = writing_commands(KEYS_OF_BLANK, HOST, blank, GROUPINGS)
    answers = _sent(card, commands)
    assert answers[1:] == [answer for answer in answers[1:] if len(answer) == MAC_LENGTH + 2]
    assert card.power_on()[4:] == HISTORICAL
    exchange(card, Command(0x00, 0xA4, 0x04, 0x00, NAME))
    number = exchange(card, Command(0x00, 0xB2, 0x07, 0x2C, expected=0x0B))
    assert number[2:].decode() == CONTENTS.card_number
    assert open_card(VolatileMedium(medium.read())).power_on()[4:] == HISTORICAL


def test_the_domain_and_its_keys_end_with_personalisation() -> None:
    card = _powered(_blank())
    _sent(card, writing_commands(KEYS_OF_BLANK, HOST, _opened(card), GROUPINGS))
    assert not [cell for cell in card.memory.cells() if cell.startswith("ISD/")]
    with pytest.raises(Refusal) as still_selected:
        exchange(card, opening_commands(HOST)[1])
    assert still_selected.value.status == Status.CONDITIONS_NOT_SATISFIED
    card.power_on()
    with pytest.raises(Refusal) as gone:
        exchange(card, opening_commands(HOST)[0])
    assert gone.value.status == Status.FILE_NOT_FOUND


def test_no_block_reads_as_what_it_writes() -> None:
    card = _powered(_blank())
    on_the_way = b"".join(c.data for c in writing_commands(KEYS_OF_BLANK, HOST, _opened(card), GROUPINGS))
    for secret in (CONTENTS.identity_number.encode(), CONTENTS.name.encode("gb18030"), *KEYS.values()):
        assert secret in GROUPINGS
        assert secret not in on_the_way


def test_a_blank_of_other_keys_is_not_sent_anything() -> None:
    blank = _opened(_powered(_blank()))
    with pytest.raises(BlankWrong, match="不是本市的"):
        writing_commands(domain_keys(MASTERS, bytes(8)), HOST, blank, GROUPINGS)


@pytest.mark.parametrize("octets", [b"", bytes(29), bytes(28), bytes(10) + b"\x01\x02\x60" + bytes(16)])
def test_an_answer_that_is_no_blanks_is_told(octets: bytes) -> None:
    with pytest.raises(BlankWrong, match="不是本系统的空白卡"):
        BlankOpened.decode(octets)


def test_wrong_proofs_are_counted_and_lock_the_blank_for_good() -> None:
    medium = _blank()
    for left in reversed(range(TRIES_MAX)):
        card = _powered(medium)
        blank = _opened(card)
        stranger = domain_keys(MASTERS, bytes(8))
        forged = issuer_domain.SecureChannel(stranger, HOST, blank.challenge).external_authenticate()
        with pytest.raises(Refusal) as refused:
            exchange(card, forged)
        assert refused.value.status == (Status.VERIFICATION_FAILED if left else Status.METHOD_BLOCKED)
    with pytest.raises(Refusal) as locked:
        _opened(_powered(medium))
    assert locked.value.status == Status.METHOD_BLOCKED


def test_a_right_proof_gives_back_the_tries() -> None:
    medium = _blank()
    for _ in range(2 * TRIES_MAX):
        card = _powered(medium)
        blank = _opened(card)
        commands = writing_commands(KEYS_OF_BLANK, HOST, blank, GROUPINGS)
        exchange(card, commands[0])
        with pytest.raises(Refusal):
            exchange(card, commands[0])


def _without(commands: list[Command], place: int) -> list[Command]:
    return commands[:place] + commands[place + 1 :]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda commands: _without(commands, 0),
        lambda commands: _without(commands, 1),
        lambda commands: [commands[0], commands[1], commands[1], *commands[2:]],
        lambda commands: [commands[0], commands[2], commands[1], *commands[3:]],
        lambda commands: [commands[0], Command(0x84, 0xE2, 0x80, 0x00, b"\xe0\x02\x043.00"), *commands[1:]],
        lambda commands: [*commands[:-1], Command(0x84, 0xE2, 0x80, commands[-1].p2, b"12345678")],
        lambda commands: [*commands[:-1], Command(0x84, 0xE2, 0x80, 0x00, bytes(300), is_extended=True)],
    ],
)
def test_blocks_left_out_repeated_swapped_or_forged_leave_the_card_blank(spoil: object) -> None:
    medium = _blank()
    card = _powered(medium)
    commands = writing_commands(KEYS_OF_BLANK, HOST, _opened(card), GROUPINGS)
    statuses = [
        Response.decode(card.transmit(command.encode())).status
        for command in spoil(commands)  # type: ignore[operator]
    ]
    assert any(status >> 8 not in {0x90, 0x61} for status in statuses)
    assert "card/version" not in card.memory
    blank = _opened(card)
    _sent(card, writing_commands(KEYS_OF_BLANK, HOST, blank, GROUPINGS))
    assert "card/version" in card.memory


@pytest.mark.parametrize("groupings", [b"\x99\x99\x01\x00", b"\x80", b"\xe0\x02\x043.00"])
def test_what_is_no_card_is_refused_and_the_card_stays_blank(groupings: bytes) -> None:
    card = _powered(_blank())
    commands = writing_commands(KEYS_OF_BLANK, HOST, _opened(card), groupings)
    exchange(card, commands[0])
    with pytest.raises(Refusal) as refused:
        exchange(card, commands[1])
    assert refused.value.status == Status.WRONG_DATA
    assert "card/version" not in card.memory


def test_power_cut_at_every_byte_leaves_a_blank_or_a_whole_card() -> None:
    whole = _powered(_blank())
    _sent(whole, writing_commands(KEYS_OF_BLANK, HOST, _opened(whole), GROUPINGS))
    after = whole.memory.cells()
    seen = set()
    for cut in count():
        torn = TornMedium(_blank().read(), bytes_left=cut)
        card = _powered(torn)
        try:
            _sent(card, writing_commands(KEYS_OF_BLANK, HOST, _opened(card), GROUPINGS))
        except PowerCut:
            again = VolatileMedium(torn.read())
            cells = Memory(again).cells()
            is_made = "card/version" in cells
            seen.add(is_made)
            if is_made:
                assert cells == after
                continue
            retried = _powered(again)
            _sent(retried, writing_commands(KEYS_OF_BLANK, HOST, _opened(retried), GROUPINGS))
            assert retried.memory.cells() == after
        else:
            break
    assert False in seen
    assert cut > len(GROUPINGS)


def test_nothing_sent_to_a_blank_breaks_it_writes_it_or_shows_a_key() -> None:
    rng = random.Random(20261124)
    journal = _blank().read()
    before = {cell: value for cell, value in Memory(VolatileMedium(journal)).cells().items() if cell != TRIES_CELL}
    secret = {key[place : place + 4] for key in (KEYS_OF_BLANK.encryption, KEYS_OF_BLANK.mac) for place in range(13)}
    answered: set[bytes] = set()
    for number in range(400):
        card = open_card(VolatileMedium(journal), random=rng.randbytes)
        card.power_on()
        commands = [command.encode() for command in opening_commands(HOST)]
        if number % 2:
            written = writing_commands(KEYS_OF_BLANK, HOST, _opened(card), GROUPINGS)
            exchange(card, written[0])
            commands += [command.encode() for command in written[1:-1]]
        for _ in range(50):
            octets = bytearray(rng.choice(commands))
            for _ in range(rng.randrange(1, 4)):
                octets[rng.randrange(len(octets))] = rng.randrange(256)
            answer = card.transmit(bytes(octets[: rng.randrange(1, len(octets) + 1)] if rng.random() < 0.2 else octets))
            assert all(answer[place : place + 4] not in secret for place in range(len(answer) - 3))
            answered.add(answer[-2:])
            cells = {cell: value for cell, value in card.memory.cells().items() if cell != TRIES_CELL}
            assert cells == before, octets.hex()
    assert {b"\x61\x1d", b"\x69\x88", b"\x67\x00", b"\x69\x82"} <= answered
