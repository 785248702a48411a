"""A prepared card has the keys the city can derive again, and a certificate over the key it carries."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.smartcard.makers import CONTENTS, HISTORICAL, KEYS, MASTERS
from tests.smartcard.purses import BANK, purse_contents
from tests.smartcard.purses import MASTERS as PURSE_MASTERS
from yikatong.gm.sm2 import PrivateKey
from yikatong.gm.x509 import Profile, issue_ca, issue_root, parse, verify_chain
from yikatong.gm.x509_bulk import BulkIssuer
from yikatong.smartcard.dgi import Group, decode_groupings, decode_keys
from yikatong.smartcard.making import IDENTIFICATION_DIGITS, CardMaker, CertifiedPair
from yikatong.smartcard.tunion_security import Algorithm

BEGIN, END = datetime(2026, 11, 23, tzinfo=UTC), datetime(2036, 11, 23, tzinfo=UTC)
ROOT = issue_root(PrivateKey.generate(), name="City Root", not_before=BEGIN, not_after=END)
CARD_CA = issue_ca(
    ROOT, PrivateKey.generate(), profile=Profile.CARD_CA, name="Card CA", not_before=BEGIN, not_after=END
)


@pytest.fixture(scope="module")
def maker() -> CardMaker:
    issuer = BulkIssuer(
        CARD_CA, profile=Profile.CARD, name_length=IDENTIFICATION_DIGITS, not_before=BEGIN, not_after=END
    )
    return CardMaker(issuer, MASTERS, "110000", PURSE_MASTERS)


def test_a_cards_keys_are_those_of_the_three_levels(maker: CardMaker) -> None:
    assert maker.card_keys(HISTORICAL) == KEYS
    assert maker.card_keys(HISTORICAL) == KEYS, "a cipher that is used again gives the same"


def test_the_certificate_is_over_the_key_in_the_card(maker: CardMaker) -> None:
    card = maker.prepare(CONTENTS, HISTORICAL)
    values = {grouping.number: grouping.value for grouping in decode_groupings(card.groupings)}
    chip = PrivateKey.from_scalar(values[Group.IDENTITY_KEY])
    certificate = parse(values[Group.CERTIFICATE])
    found = verify_chain(
        [certificate, CARD_CA.certificate], [ROOT.certificate], at=BEGIN + timedelta(days=1), profile=Profile.CARD
    )
    assert found == chip.public
    assert certificate.serial_number == card.serial_number
    assert certificate.subject.native["common_name"] == CONTENTS.identification_code
    assert decode_keys(values[Group.SOCIAL_KEYS]) == KEYS


def test_no_two_cards_have_a_key_in_common(maker: CardMaker) -> None:
    cards = [decode_groupings(maker.prepare(CONTENTS, HISTORICAL).groupings) for _ in range(20)]
    scalars = {grouping.value for card in cards for grouping in card if grouping.number == Group.IDENTITY_KEY}
    assert len(scalars) == 20


def test_a_prepared_card_shows_no_key(maker: CardMaker) -> None:
    card = maker.prepare(CONTENTS, HISTORICAL)
    assert repr(card) == f"PreparedCard({CONTENTS.identification_code.lower()})"


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_card_with_its_purse_and_bank_has_the_purses_own_keys(maker: CardMaker, algorithm: Algorithm) -> None:
    purse = purse_contents(algorithm)
    card = maker.prepare(CONTENTS, HISTORICAL, purse=replace(purse, keys={}), bank=BANK)
    values = {grouping.number: grouping.value for grouping in decode_groupings(card.groupings)}
    assert decode_keys(values[Group.PURSE_KEYS]) == purse.keys
    assert values[Group.PURSE_ALGORITHM] == bytes((algorithm,))
    assert values[Group.BANK_REFERENCE] == BANK.encode()


def test_a_pair_that_there_is_already_goes_into_the_card(maker: CardMaker) -> None:
    pair = CertifiedPair(b"\x07" * 32, b"certificate", 0x5E71A1)
    card = CardMaker(None, MASTERS, "110000").prepare_with(pair, CONTENTS, HISTORICAL)
    values = {grouping.number: grouping.value for grouping in decode_groupings(card.groupings)}
    assert (values[Group.IDENTITY_KEY], values[Group.CERTIFICATE]) == (pair.scalar, pair.certificate_der)
    assert (card.certificate_der, card.serial_number) == (pair.certificate_der, pair.serial_number)
    assert decode_keys(values[Group.SOCIAL_KEYS]) == KEYS
    assert repr(pair) == "CertifiedPair(5e71a1)"


def test_a_maker_without_an_issuer_certifies_nothing() -> None:
    with pytest.raises(ValueError, match="without an issuer"):
        CardMaker(None, MASTERS, "110000").prepare(CONTENTS, HISTORICAL)
