"""A card proves itself offline; a copy of its files, another city's card and an expired one do not."""

from datetime import timedelta

import pytest

from tests.smartcard.makers import CONTENTS, made_card
from tests.smartcard.test_identity import BEGIN, CARD_CA, END, ROOT, prepared_card
from yikatong.smartcard.card import EmulatedCard
from yikatong.terminal.card_check import CardNotGenuine, CardVerifier, read_identification_code

AT = BEGIN + timedelta(days=1)


def test_a_genuine_card_is_known_by_its_identification_code() -> None:
    genuine = CardVerifier([CARD_CA.certificate]).verify(prepared_card(), AT)
    assert genuine.identification_code == CONTENTS.identification_code
    assert genuine.expires_at == END


def test_each_challenge_is_new() -> None:
    sent: list[bytes] = []

    class Listening:
        def __init__(self, card: EmulatedCard) -> None:
            self._card = card

        def transmit(self, octets: bytes, /) -> bytes:
            sent.append(octets)
            return self._card.transmit(octets)

    verifier, card = CardVerifier([CARD_CA.certificate]), prepared_card()
    for _ in range(2):
        verifier.verify(Listening(card), AT)
    challenges = [octets for octets in sent if octets[1] == 0x88]
    assert len(challenges) == len(set(challenges)) == 2


def test_a_copy_that_repeats_an_old_signature_is_refused() -> None:
    card, heard = prepared_card(), {}

    class Copy:
        def transmit(self, octets: bytes, /) -> bytes:
            key = octets[:4] if octets[1] == 0x88 else octets
            return heard.setdefault(key, card.transmit(octets))

    copy, verifier = Copy(), CardVerifier([CARD_CA.certificate])
    verifier.verify(copy, AT)
    with pytest.raises(CardNotGenuine, match="复制卡"):
        verifier.verify(copy, AT)


@pytest.mark.parametrize("days", [-1, 3_660])
def test_a_card_out_of_its_time_is_refused(days: int) -> None:
    with pytest.raises(CardNotGenuine, match="证书不可信"):
        CardVerifier([CARD_CA.certificate]).verify(prepared_card(), BEGIN + timedelta(days=days))


def test_an_authority_that_is_not_trusted_and_a_card_without_the_key_are_told() -> None:
    with pytest.raises(CardNotGenuine, match="证书不可信"):
        CardVerifier([]).verify(prepared_card(), AT)
    with pytest.raises(CardNotGenuine, match="没有可用的身份密钥"):
        CardVerifier([ROOT.certificate]).verify(made_card(), AT)


def test_the_identification_code_is_free_to_read() -> None:
    assert read_identification_code(made_card()) == CONTENTS.identification_code
