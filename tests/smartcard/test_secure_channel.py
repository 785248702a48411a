"""SCP03 by its published examples (of AES, which only the cipher sets apart from ours), and what breaks a session."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers import algorithms

from yikatong.smartcard.apdu import Command
from yikatong.smartcard.secure_channel import SECURED_DATA_MAX, ChannelBroken, ChannelKeys, SecureChannel

AES_KEYS = ChannelKeys(
    bytes.fromhex("000102030405060708090a0b0c0d0e0f"), bytes.fromhex("101112131415161718191a1b1c1d1e1f")
)
PLAIN = ["80E2910006BF3E035C015A00", "80F22002", "80CA006600", "80F220020A4F0212345C054F9F70C5", "80F28002024F0000"]
EID = "bf3e125a1089882119900000000000000000000005"
EXAMPLES = {
    0x11: (
        "b13e5f938fc108c4",
        "000000000000000000003003703eb51047495b249f66c484c1d2ef1948000002",
        "84821100107d5f5826a993ebc89eea24957fa0b3ce",
        [
            "84e291000ebf3e035c015a558d036518a2829700",
            "84f220020863a63f8959827fb2",
            "84ca006608a0c6a4a74166f7ce00",
            "84f22002124f0212345c054f9f70c52249b50272656536",
            "84f280020a4f00e91443f6dce6b8ed00",
        ],
        "bf3e125a1089882119900000000000000000000005971be68992dbbdfa",
    ),
    0x03: (
        "8e1552d0513c60f3",
        "0000000000000000000030037030760cd2c47c1dd395065fe5ead8a9d7000001",
        "8482030010fd4721a14d9b07003c451d2f8ae6bb21",
        [
            "84e2910018ca9c00f6713d79bc8baa642bdff51c3f6a4082d3bd9ad26c00",
            "84f2200208c9811b11f1264cf1",
            "84ca006608e10ab60b3054798800",
            "84f22002184e2908bdb48b2315a55482e9e936ca122d6ecfae7d17416e",
            "84f28002180dd10a6b6193e5340b9e77d32d5a179cd710ac2773aefb2800",
        ],
        "bf3e125a1089882119900000000000000000000005",
    ),
    0x33: (
        "fdf38259a1e0de44",
        "000000000000000000003003703b1aca81e821f219081cdc01c26b372d000003",
        "84823300108c36f96bcc00724a4e13ad591d7da3f0",
        [
            "84e2910018267a85dfe4a98fca6fb0527e0dfecce4914e40401433c87f00",
            "84f2200208ac6a59024bed84cc",
            "84ca006608409912ad8fb7aed000",
            "84f22002185f3dafc3ac14c381536a488bf44e06d056df9d74dbd21e5a",
            "84f280021865165105be3373347d0424d4400af2ac393f569ec779389e00",
        ],
        "f3ba2b1013aa6224f5e1c138d71805c569e5439b47576260b75fc021b25097cb2e68f8a0144975b9",
    ),
}
"""By level: host challenge, answer to INITIALIZE UPDATE, EXTERNAL AUTHENTICATE, commands, answer to the first.

Source: exchanges with a real card, recorded in the unit tests of Osmocom's pySim (facts only).
"""


@pytest.mark.parametrize("level", EXAMPLES)
def test_the_published_sessions_come_out_byte_for_byte(level: int) -> None:
    host_challenge, opened, external, commands, answer = EXAMPLES[level]
    challenge, cryptogram = bytes.fromhex(opened)[13:21], bytes.fromhex(opened)[21:29]
    session = SecureChannel(AES_KEYS, bytes.fromhex(host_challenge), challenge, level=level, cipher=algorithms.AES)
    assert session.card_cryptogram == cryptogram
    assert session.external_authenticate().encode().hex() == external
    wrapped = session.wrap(Command.decode(bytes.fromhex(PLAIN[0])))
    assert wrapped.encode().hex() == commands[0]
    assert session.unwrap_answer(bytes.fromhex(answer)).hex() == EID
    for plain, secured in zip(PLAIN[1:], commands[1:], strict=True):
        assert session.wrap(Command.decode(bytes.fromhex(plain))).encode().hex() == secured


KEYS = ChannelKeys(bytes(range(16)), bytes(range(16, 32)))


def _two_sides(level: int = 0x33) -> tuple[SecureChannel, SecureChannel]:
    host = SecureChannel(KEYS, b"hostchal", b"cardchal", level=level)
    card = SecureChannel(KEYS, b"hostchal", b"cardchal", level=level)
    card.check_external_authenticate(host.external_authenticate())
    return host, card


@pytest.mark.parametrize("level", [0x01, 0x03, 0x11, 0x13, 0x33])
@pytest.mark.parametrize("length", [0, 1, 15, 16, SECURED_DATA_MAX])
def test_both_sides_understand_each_other(level: int, length: int) -> None:
    host, card = _two_sides(level)
    for number in range(3):
        command = Command(0x80, 0xE2, 0x00, number, bytes([number]) * length)
        assert card.unwrap(host.wrap(command)) == command
        assert host.unwrap_answer(card.wrap_answer(command.data)) == command.data


@pytest.mark.parametrize("bit", range(0, 8 * 24, 7))
def test_an_altered_command_is_not_taken_and_the_session_is_as_before(bit: int) -> None:
    host, card = _two_sides()
    wrapped = host.wrap(Command(0x80, 0xE2, 0x00, 0x00, b"groupings"))
    octets = bytearray(wrapped.data)
    octets[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ChannelBroken):
        card.unwrap(replace(wrapped, data=bytes(octets)))
    assert card.unwrap(wrapped).data == b"groupings"


def test_a_command_is_taken_once_and_in_order_only() -> None:
    host, card = _two_sides()
    first, second = (host.wrap(Command(0x80, 0xE2, 0x00, place, b"part")) for place in (0, 1))
    with pytest.raises(ChannelBroken):
        card.unwrap(second)
    card.unwrap(first)
    with pytest.raises(ChannelBroken):
        card.unwrap(first)


def test_an_answer_made_up_on_the_way_is_found_out() -> None:
    host, card = _two_sides()
    card.unwrap(host.wrap(Command(0x80, 0xE2, 0x00, 0x00, b"part")))
    answer = bytearray(card.wrap_answer(b""))
    answer[-1] ^= 1
    with pytest.raises(ChannelBroken):
        host.unwrap_answer(bytes(answer))
    with pytest.raises(ChannelBroken):
        host.unwrap_answer(b"")


def test_a_host_with_other_keys_is_refused() -> None:
    stranger = SecureChannel(ChannelKeys(bytes(16), bytes(16)), b"hostchal", b"cardchal")
    card = SecureChannel(KEYS, b"hostchal", b"cardchal")
    with pytest.raises(ChannelBroken):
        card.check_external_authenticate(stranger.external_authenticate())


def test_keys_are_not_in_what_is_printed() -> None:
    assert KEYS.encryption.hex() not in repr(KEYS)
    assert "0f" not in repr(KEYS)
