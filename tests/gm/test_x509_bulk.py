"""Certificates from a model are what issuing one by one makes, and verify."""

from datetime import UTC, datetime, timedelta

import pytest

from yikatong.gm.sm2 import PrivateKey
from yikatong.gm.x509 import Profile, issue_ca, issue_end_entity, issue_root, parse, public_key_of, verify_chain
from yikatong.gm.x509_bulk import BulkIssuer

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2060, 1, 1, tzinfo=UTC)  # beyond 2049, so that the end is written in the longer form
NAME = "110000D156000005000000A1B2C3D4E5"
ROOT = issue_root(PrivateKey.generate(), name="City Root", not_before=BEGIN, not_after=END)
CARD_CA = issue_ca(
    ROOT, PrivateKey.generate(), profile=Profile.CARD_CA, name="Card CA", not_before=BEGIN, not_after=END
)


@pytest.fixture(scope="module")
def bulk() -> BulkIssuer:
    return BulkIssuer(CARD_CA, profile=Profile.CARD, name_length=len(NAME), not_before=BEGIN, not_after=END)


def test_all_but_the_signature_is_as_issued_one_by_one(bulk: BulkIssuer) -> None:
    for _ in range(50):
        chip = PrivateKey.generate().public
        der, serial = bulk.issue(chip.point, name=NAME)
        one = issue_end_entity(
            CARD_CA, chip, profile=Profile.CARD, name=NAME, not_before=BEGIN, not_after=END, serial_number=serial
        )
        assert parse(der)["tbs_certificate"].dump() == one["tbs_certificate"].dump()


def test_what_is_issued_verifies_under_the_root(bulk: BulkIssuer) -> None:
    chip = PrivateKey.generate().public
    certificate = parse(bulk.issue(chip.point, name=NAME)[0])
    chain = [certificate, CARD_CA.certificate]
    at = BEGIN + timedelta(days=1)
    assert verify_chain(chain, [ROOT.certificate], at=at, profile=Profile.CARD) == chip
    assert public_key_of(certificate) == chip
    assert certificate.subject.native["common_name"] == NAME


def test_serial_numbers_are_never_the_same(bulk: BulkIssuer) -> None:
    point = PrivateKey.generate().public.point
    serials = {bulk.issue(point, name=NAME)[1] for _ in range(100)}
    assert len(serials) == 100
    assert all(serial.bit_length() == 159 for serial in serials)


@pytest.mark.parametrize("name", ["", NAME[:-1], NAME + "0", NAME[:-1] + "é", NAME[:-1] + "/"])
def test_a_name_that_does_not_fit_the_model_is_refused(bulk: BulkIssuer, name: str) -> None:
    with pytest.raises(ValueError, match="32 ASCII"):
        bulk.issue(PrivateKey.generate().public.point, name=name)


@pytest.mark.parametrize("point", [b"", bytes(65), b"\x02" + bytes(32), b"\x04" + bytes(63)])
def test_what_is_no_point_is_refused(bulk: BulkIssuer, point: bytes) -> None:
    with pytest.raises(ValueError, match="65 bytes"):
        bulk.issue(point, name=NAME)
