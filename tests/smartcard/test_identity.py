"""The identity key proves the card and, with the PIN, its holder; the openssl command agrees."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.smartcard.makers import CONTENTS, HISTORICAL, MASTERS, made_card, send
from yikatong.gm.sm2 import PrivateKey, PublicKey, raw_to_der
from yikatong.gm.x509 import Profile, issue_ca, issue_root, parse, verify_chain
from yikatong.gm.x509_bulk import BulkIssuer
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.dgi import decode_groupings
from yikatong.smartcard.identity import AID
from yikatong.smartcard.making import IDENTIFICATION_DIGITS, CardMaker
from yikatong.smartcard.memory import Memory, VolatileMedium
from yikatong.smartcard.third_generation import open_card, write_groupings

BEGIN, END = datetime(2026, 11, 23, tzinfo=UTC), datetime(2036, 11, 23, tzinfo=UTC)
ROOT = issue_root(PrivateKey.generate(), name="City Root", not_before=BEGIN, not_after=END)
CARD_CA = issue_ca(
    ROOT, PrivateKey.generate(), profile=Profile.CARD_CA, name="Card CA", not_before=BEGIN, not_after=END
)
SELECT_IDENTITY = f"00A4040C{len(AID):02X}{AID.hex()}"
CHALLENGE = bytes(range(16))
CARD_MESSAGE = b"yikatong card authentication v1\0" + CHALLENGE
HOLDER_MESSAGE = b"yikatong holder signature v1\0" + CHALLENGE
OK = "9000"


def prepared_card() -> EmulatedCard:
    """A card as production makes it, its identity application selected."""
    issuer = BulkIssuer(
        CARD_CA, profile=Profile.CARD, name_length=IDENTIFICATION_DIGITS, not_before=BEGIN, not_after=END
    )
    prepared = CardMaker(issuer, MASTERS, "110000").prepare(CONTENTS, HISTORICAL)
    medium = VolatileMedium()
    write_groupings(Memory(medium), decode_groupings(prepared.groupings))
    card = open_card(medium)
    card.power_on()
    assert send(card, SELECT_IDENTITY) == OK
    return card


def read_certificate(card: EmulatedCard) -> bytes:
    """Read piece by piece, as a reader with short commands does."""
    head = bytes.fromhex(send(card, "00B0810004")[:-4])
    length, octets = 4 + int.from_bytes(head[2:4]), b""
    while len(octets) < length:
        piece = min(200, length - len(octets))
        answer = send(card, f"00B0 {len(octets):04X} {piece:02X}")
        assert answer.endswith(OK)
        octets += bytes.fromhex(answer[:-4])
    return octets


def key_of(card: EmulatedCard) -> PublicKey:
    chain = [parse(read_certificate(card)), CARD_CA.certificate]
    found = verify_chain(chain, [ROOT.certificate], at=BEGIN + timedelta(days=1), profile=Profile.CARD)
    assert isinstance(found, PublicKey)
    return found


def sign(card: EmulatedCard, proof: int, challenge: bytes = CHALLENGE) -> bytes:
    answer = send(card, f"008800{proof:02X}{len(challenge):02X}{challenge.hex()}40")
    assert answer.endswith(OK), answer
    return bytes.fromhex(answer[:-4])


def test_a_card_proves_the_key_that_its_certificate_names() -> None:
    card = prepared_card()
    assert len(read_certificate(card)) > 256
    signature = sign(card, 1)
    assert key_of(card).verify(CARD_MESSAGE, signature)
    assert not key_of(card).verify(CHALLENGE, signature), "the bare challenge is never signed"
    assert not key_of(card).verify(HOLDER_MESSAGE, signature), "the card's proof is not the holder's"


def test_a_holder_agrees_with_the_pin_once_for_each_signature() -> None:
    card = prepared_card()
    command = f"0088000210{CHALLENGE.hex()}40"
    assert send(card, command) == "6982"
    assert send(card, "0020000003 111111") == "63C2"
    assert send(card, command) == "6982"
    assert send(card, "0020000003 123456") == OK
    signature = sign(card, 2)
    assert key_of(card).verify(HOLDER_MESSAGE, signature)
    assert not key_of(card).verify(CARD_MESSAGE, signature)
    assert send(card, command) == "6982"


def test_a_pin_given_elsewhere_agrees_to_nothing_here() -> None:
    card = prepared_card()
    send(card, "00A4040C0F 7378312E73682EC9E7BBE1B1A3D5CF")
    assert send(card, "0020000003 123456") == OK
    send(card, SELECT_IDENTITY)
    assert send(card, f"0088000210{CHALLENGE.hex()}") == "6982"


def test_the_openssl_command_accepts_certificate_and_signature(tmp_path: Path) -> None:
    card = prepared_card()
    challenge = os.urandom(32)
    (tmp_path / "card.der").write_bytes(read_certificate(card))
    (tmp_path / "message").write_bytes(b"yikatong card authentication v1\0" + challenge)
    (tmp_path / "signature").write_bytes(raw_to_der(sign(card, 1, challenge)))

    def openssl(*arguments: str) -> bytes:
        command = ("openssl", *arguments)
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout

    openssl("x509", "-inform", "DER", "-in", "card.der", "-noout", "-pubkey", "-out", "public.pem")
    options = ("-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678", "-in", "message")
    said = openssl("pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-sigfile", "signature", *options)
    assert b"Verified Successfully" in said


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("00880000 10" + "00" * 16, "6A86"),
        ("00880003 10" + "00" * 16, "6A86"),
        ("00880101 10" + "00" * 16, "6A86"),
        ("00880001 0F" + "00" * 15, "6700"),
        ("00880001 41" + "00" * 65, "6700"),
        ("00880001 10" + "00" * 16, "6140"),
        ("00B0810000", None),
        ("00D6810001 00", "6982"),
        ("00B0870000", "6A82"),
        ("00B2010C00", "6981"),
        ("0082000A10" + "00" * 16, "6D00"),
    ],
)
def test_commands_are_answered_or_refused_by_their_reason(command: str, answer: str | None) -> None:
    said = send(prepared_card(), command)
    assert said == answer if answer else (len(said) == 2 * 258 and said.endswith(OK))


def test_a_card_without_an_identity_key_does_not_have_the_application() -> None:
    assert send(made_card(), SELECT_IDENTITY) == "6A82"


def test_selecting_tells_the_name() -> None:
    card = prepared_card()
    assert send(card, f"00A40400{len(AID):02X}{AID.hex()}00") == f"6F0C840A{AID.hex().upper()}" + OK
