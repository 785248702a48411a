"""The fast way of verifying says what the full one says: for good certificates, and for every byte that is not."""

from datetime import UTC, datetime, timedelta

import pytest

from yikatong.foundation.errors import Refused
from yikatong.gm.sm2 import PrivateKey
from yikatong.gm.x509 import Authority, Profile, Reason, issue_ca, issue_end_entity, issue_root, parse, verify_chain
from yikatong.gm.x509_bulk import BulkIssuer
from yikatong.gm.x509_bulk_verify import FORMS_MAX, BulkVerifier

BEGIN, END = datetime(2026, 11, 23, tzinfo=UTC), datetime(2036, 11, 23, tzinfo=UTC)
AT = BEGIN + timedelta(days=1)
ROOT = issue_root(PrivateKey.generate(), name="City Root", not_before=BEGIN, not_after=END)


def authority(name: str = "Card CA", not_after: datetime = END) -> Authority:
    return issue_ca(
        ROOT, PrivateKey.generate(), profile=Profile.CARD_CA, name=name, not_before=BEGIN, not_after=not_after
    )


CARD_CA = authority()


def certificate(
    number: int, issuer: Authority = CARD_CA, *, not_before: datetime = BEGIN, not_after: datetime = END
) -> bytes:
    """One card's, like all others in form."""
    chip = PrivateKey.generate().public
    made = issue_end_entity(
        issuer, chip, profile=Profile.CARD, name=f"{number:032X}", not_before=not_before, not_after=not_after
    )
    return made.dump()


def learned(issuer: Authority = CARD_CA) -> BulkVerifier:
    """A verifier that has seen the form."""
    verifier = BulkVerifier([issuer.certificate], Profile.CARD)
    verifier.verify(certificate(0, issuer), at=AT)
    return verifier


def test_it_says_what_the_full_way_says(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = learned()
    monkeypatch.setattr(BulkVerifier, "_verify_in_full", None)  # what follows must not need it
    for number in range(20):
        der = certificate(number, not_before=BEGIN + timedelta(hours=number))
        found, read = verifier.verify(der, at=AT), parse(der)
        assert found.key == verify_chain([read], [CARD_CA.certificate], at=AT, profile=Profile.CARD)
        assert (found.name, found.serial_number) == (f"{number:032X}", read.serial_number)
        assert found.not_after == read.not_valid_after


def test_bulk_issued_ones_have_a_form_too() -> None:
    issuer = BulkIssuer(CARD_CA, profile=Profile.CARD, name_length=32, not_before=BEGIN, not_after=END)
    verifier = BulkVerifier([CARD_CA.certificate], Profile.CARD)
    for number in range(5):
        key = PrivateKey.generate().public
        der, serial = issuer.issue(key.point, name=f"{number:032X}")
        found = verifier.verify(der, at=AT)
        assert (found.key, found.serial_number) == (key, serial)


def test_every_altered_byte_is_refused_as_in_full() -> None:
    verifier, der = learned(), certificate(1)
    for place in range(len(der)):
        for change in (0x01, 0x80):
            altered = der[:place] + bytes((der[place] ^ change,)) + der[place + 1 :]
            with pytest.raises(Refused):
                verifier.verify(altered, at=AT)


@pytest.mark.parametrize(
    "change", [lambda der: der[:-1], lambda der: der + b"\0", lambda der: b"", lambda der: der[4:]]
)
def test_bytes_missing_or_left_over_are_refused(change: object) -> None:
    with pytest.raises(Refused):
        learned().verify(change(certificate(1)), at=AT)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("at", "reason"),
    [(BEGIN - timedelta(seconds=1), Reason.NOT_YET_VALID), (END + timedelta(seconds=1), Reason.EXPIRED)],
)
def test_times_are_heeded(at: datetime, reason: Reason) -> None:
    verifier = learned()
    with pytest.raises(Refused) as refused:
        verifier.verify(certificate(1), at=at)
    assert refused.value.reason == reason


def test_an_authority_that_ended_certifies_nothing_although_its_form_is_known() -> None:
    short = authority("Short CA", not_after=BEGIN + timedelta(days=2))
    verifier = learned(short)
    with pytest.raises(Refused) as refused:
        verifier.verify(certificate(1, short), at=BEGIN + timedelta(days=3))
    assert refused.value.reason == Reason.EXPIRED


def test_another_authority_of_the_same_name_is_not_taken_for_it() -> None:
    stranger = authority()
    with pytest.raises(Refused) as refused:
        learned().verify(certificate(1, stranger), at=AT)
    assert refused.value.reason in {Reason.ISSUER_UNKNOWN, Reason.SIGNATURE_WRONG}


def test_a_terminals_certificate_is_no_cards() -> None:
    terminal_ca = issue_ca(
        ROOT, PrivateKey.generate(), profile=Profile.TERMINAL_CA, name="Terminal CA", not_before=BEGIN, not_after=END
    )
    made = issue_end_entity(
        terminal_ca,
        PrivateKey.generate().public,
        profile=Profile.TERMINAL,
        name="1" * 32,
        not_before=BEGIN,
        not_after=END,
    )
    verifier = BulkVerifier([CARD_CA.certificate, terminal_ca.certificate], Profile.CARD)
    with pytest.raises(Refused) as refused:
        verifier.verify(made.dump(), at=AT)
    assert refused.value.reason == Reason.USAGE_WRONG


def test_a_certificate_of_another_form_is_read_in_full() -> None:
    verifier = learned()
    chip = PrivateKey.generate().public
    made = issue_end_entity(
        CARD_CA,
        chip,
        profile=Profile.CARD,
        name="short-name",
        not_before=BEGIN,
        not_after=datetime(2051, 1, 1, tzinfo=UTC),
    )
    assert verifier.verify(made.dump(), at=AT).key == chip


def test_forms_are_not_kept_without_end() -> None:
    verifier = BulkVerifier([CARD_CA.certificate], Profile.CARD)
    for length in range(1, FORMS_MAX + 6):
        made = issue_end_entity(
            CARD_CA,
            PrivateKey.generate().public,
            profile=Profile.CARD,
            name="Z" * length,
            not_before=BEGIN,
            not_after=END,
        )
        verifier.verify(made.dump(), at=AT)
    assert sum(map(len, verifier._forms.values())) <= FORMS_MAX
