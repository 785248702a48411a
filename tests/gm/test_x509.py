"""Issuing and verifying certificates: who may certify what, when, and how a chain that does not hold says why."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from asn1crypto import core, keys
from asn1crypto import x509 as asn1
from hypothesis import given, settings
from hypothesis import strategies as st

from yikatong.foundation.errors import Refused
from yikatong.gm import x509_profile
from yikatong.gm.sm2 import PrivateKey
from yikatong.gm.x509 import (
    Authority,
    Profile,
    Reason,
    issue_ca,
    issue_end_entity,
    issue_root,
    parse,
    public_key_of,
    verify_chain,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = BEGIN + timedelta(days=30)
END = BEGIN + timedelta(days=365)
LATER = END + timedelta(days=3650)
CARD_KEY = PrivateKey.from_scalar(bytes(31) + b"\x0b")


def key(number: int) -> PrivateKey:
    return PrivateKey.from_scalar(number.to_bytes(32))


ROOT = issue_root(key(101), name="City Root", not_before=BEGIN, not_after=LATER)
CARD_CA = issue_ca(ROOT, key(102), profile=Profile.CARD_CA, name="Card CA", not_before=BEGIN, not_after=LATER)
TERMINAL_CA = issue_ca(
    ROOT, key(103), profile=Profile.TERMINAL_CA, name="Terminal CA", not_before=BEGIN, not_after=LATER
)


def end_entity(
    issuer: Authority, profile: Profile, *, begin: datetime = BEGIN, end: datetime = END
) -> asn1.Certificate:
    return issue_end_entity(
        issuer, CARD_KEY.public, profile=profile, name=f"A {profile}", not_before=begin, not_after=end
    )


def signed(body: asn1.TbsCertificate, signer: PrivateKey) -> asn1.Certificate:
    """Whatever ``body`` says, under a good signature."""
    algorithm = body["signature"].copy()
    made = {"tbs_certificate": body, "signature_algorithm": algorithm, "signature_value": signer.sign_der(body.dump())}
    return asn1.Certificate.load(asn1.Certificate(made).dump())


def body_of(certificate: asn1.Certificate, *, without: tuple[str, ...] = ()) -> asn1.TbsCertificate:
    """A certificate's body to alter, some extensions left out."""
    body = asn1.TbsCertificate.load(certificate["tbs_certificate"].dump()).copy()
    body["extensions"] = [item for item in body["extensions"] if item["extn_id"].native not in without]
    return body


CARD = end_entity(CARD_CA, Profile.CARD)


def reason_for(
    *chain: asn1.Certificate,
    roots: tuple[Authority, ...] = (ROOT,),
    at: datetime = NOW,
    profile: Profile = Profile.CARD,
) -> Reason:
    with pytest.raises(Refused) as caught:
        verify_chain(chain, [root.certificate for root in roots], at=at, profile=profile)
    assert len(str(caught.value)) > len(caught.value.reason)
    return Reason(caught.value.reason)


@pytest.mark.parametrize(
    ("issuer", "profile"),
    [
        (CARD_CA, Profile.CARD),
        (TERMINAL_CA, Profile.TERMINAL),
        (ROOT, Profile.CODE_SIGNING),
        (ROOT, Profile.CARD),
    ],
)
def test_what_is_issued_verifies(issuer: Authority, profile: Profile) -> None:
    certificate = parse(end_entity(issuer, profile).dump())
    above = [] if issuer is ROOT else [issuer.certificate]
    for chain in ([certificate, *above], [certificate, *above, ROOT.certificate]):
        assert verify_chain(chain, [ROOT.certificate], at=NOW, profile=profile) == CARD_KEY.public
    assert certificate.subject.native["common_name"] == f"A {profile}"
    assert public_key_of(certificate) == CARD_KEY.public


@pytest.mark.parametrize("authority", [CARD_CA, TERMINAL_CA], ids=["card", "terminal"])
def test_authorities_verify_as_such(authority: Authority) -> None:
    profile = Profile.CARD_CA if authority is CARD_CA else Profile.TERMINAL_CA
    found = verify_chain([authority.certificate], [ROOT.certificate], at=NOW, profile=profile)
    assert found == authority.key.public
    assert reason_for(authority.certificate, profile=Profile.CARD) is Reason.USAGE_WRONG


def test_a_root_is_trusted_as_it_is() -> None:
    assert verify_chain([ROOT.certificate], [ROOT.certificate], at=NOW, profile=Profile.ROOT) == ROOT.key.public
    assert verify_chain([CARD], [CARD_CA.certificate], at=NOW, profile=Profile.CARD) == CARD_KEY.public


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (BEGIN - timedelta(seconds=1), Reason.NOT_YET_VALID),
        (END + timedelta(seconds=1), Reason.EXPIRED),
    ],
)
def test_outside_its_time_it_is_refused(at: datetime, reason: Reason) -> None:
    assert reason_for(CARD, CARD_CA.certificate, at=at) is reason


@pytest.mark.parametrize("at", [BEGIN, END])
def test_its_first_and_last_second_count(at: datetime) -> None:
    assert verify_chain([CARD, CARD_CA.certificate], [ROOT.certificate], at=at, profile=Profile.CARD)


def test_an_expired_authority_takes_its_cards_along() -> None:
    brief = issue_ca(ROOT, key(5), profile=Profile.CARD_CA, name="Brief CA", not_before=BEGIN, not_after=NOW)
    card = end_entity(brief, Profile.CARD, end=LATER)
    assert verify_chain([card, brief.certificate], [ROOT.certificate], at=NOW, profile=Profile.CARD)
    assert reason_for(card, brief.certificate, at=NOW + timedelta(seconds=1)) is Reason.EXPIRED


def test_chains_that_lead_nowhere() -> None:
    stranger = issue_root(key(6), name="Another City", not_before=BEGIN, not_after=LATER)
    assert reason_for() is Reason.MALFORMED
    assert reason_for(CARD) is Reason.ISSUER_UNKNOWN
    assert reason_for(CARD, TERMINAL_CA.certificate) is Reason.ISSUER_UNKNOWN
    assert reason_for(CARD, CARD_CA.certificate, roots=(stranger,)) is Reason.ISSUER_UNKNOWN
    assert reason_for(CARD, CARD_CA.certificate, roots=()) is Reason.ISSUER_UNKNOWN
    assert reason_for(stranger.certificate, profile=Profile.ROOT) is Reason.ISSUER_UNKNOWN


def test_an_impostor_with_the_authoritys_name_is_refused() -> None:
    """It names the right root and bears the right name, but the root never signed its key."""
    own_root = issue_root(key(7), name="City Root", not_before=BEGIN, not_after=LATER)
    impostor = issue_ca(own_root, key(8), profile=Profile.CARD_CA, name="Card CA", not_before=BEGIN, not_after=LATER)
    card = end_entity(impostor, Profile.CARD)
    assert reason_for(card, impostor.certificate) is Reason.SIGNATURE_WRONG
    assert reason_for(card, CARD_CA.certificate) is Reason.SIGNATURE_WRONG
    assert reason_for(card, impostor.certificate, own_root.certificate) is Reason.PATH_TOO_LONG  # a root under a root


def test_after_a_change_of_keys_both_of_a_name_work() -> None:
    renewed = issue_ca(ROOT, key(9), profile=Profile.CARD_CA, name="Card CA", not_before=BEGIN, not_after=LATER)
    both = [CARD_CA.certificate, renewed.certificate]
    for authority in (CARD_CA, renewed):
        card = end_entity(authority, Profile.CARD)
        for order in (both, both[::-1]):
            assert verify_chain([card, *order], [ROOT.certificate], at=NOW, profile=Profile.CARD)


def test_a_card_certifies_nothing() -> None:
    below = Authority(CARD_KEY, CARD)
    card = end_entity(below, Profile.CARD)
    assert reason_for(card, CARD, CARD_CA.certificate) is Reason.NOT_AN_AUTHORITY


@pytest.mark.parametrize("without", ["key_usage", "basic_constraints"])
def test_an_authority_that_is_not_said_to_be_one_is_refused(without: str) -> None:
    lame = parse(signed(body_of(CARD_CA.certificate, without=(without,)), ROOT.key).dump())
    assert reason_for(CARD, lame) is Reason.NOT_AN_AUTHORITY


def test_an_authority_makes_no_further_authority() -> None:
    below = issue_ca(CARD_CA, key(10), profile=Profile.CARD_CA, name="Sub CA", not_before=BEGIN, not_after=LATER)
    card = end_entity(below, Profile.CARD)
    assert reason_for(card, below.certificate, CARD_CA.certificate) is Reason.PATH_TOO_LONG


@pytest.mark.parametrize("wanted", [profile for profile in Profile if profile is not Profile.CARD])
def test_a_card_is_nothing_but_a_card(wanted: Profile) -> None:
    assert reason_for(CARD, CARD_CA.certificate, profile=wanted) is Reason.USAGE_WRONG


@pytest.mark.parametrize(
    ("issuer", "profile"),
    [
        (TERMINAL_CA, Profile.CARD),
        (TERMINAL_CA, Profile.CODE_SIGNING),
        (CARD_CA, Profile.TERMINAL),
        (CARD_CA, Profile.CODE_SIGNING),
    ],
)
def test_an_authority_vouches_for_its_own_kind_only(issuer: Authority, profile: Profile) -> None:
    certificate = end_entity(issuer, profile)
    assert reason_for(certificate, issuer.certificate, profile=profile) is Reason.USAGE_WRONG


@pytest.mark.parametrize("without", ["key_usage", "extended_key_usage"])
def test_a_certificate_without_usages_is_good_for_nothing(without: str) -> None:
    bare = parse(signed(body_of(CARD, without=(without,)), CARD_CA.key).dump())
    assert reason_for(bare, CARD_CA.certificate) is Reason.USAGE_WRONG


def test_an_authority_without_a_key_identifier_can_issue_and_be_found() -> None:
    plain = parse(signed(body_of(CARD_CA.certificate, without=("key_identifier",)), ROOT.key).dump())
    card = end_entity(Authority(CARD_CA.key, plain), Profile.CARD)
    assert verify_chain([card, plain], [ROOT.certificate], at=NOW, profile=Profile.CARD) == CARD_KEY.public


def test_a_demand_that_nobody_here_understands_is_refused() -> None:
    body = body_of(CARD)
    body["extensions"].append({"extn_id": "1.2.3.4", "critical": True, "extn_value": core.ParsableOctetString(b"\5\0")})
    with pytest.raises(Refused, match=r"not understood here: 1\.2\.3\.4") as caught:
        parse(signed(body, CARD_CA.key).dump())
    assert caught.value.reason is Reason.EXTENSION_UNKNOWN


def test_an_extension_given_twice_is_refused() -> None:
    """Which of the two would count?"""
    body = body_of(CARD)
    body["extensions"].append(body["extensions"][1].copy())
    assert malformed(signed(body, CARD_CA.key).dump())


def test_the_two_algorithms_must_be_sm2_and_agree() -> None:
    other = asn1.Certificate.load(CARD.dump()).copy()
    other["signature_algorithm"] = {"algorithm": "sha256_ecdsa"}
    assert malformed(other.dump())
    body = body_of(CARD)
    body["signature"] = {"algorithm": "sha256_ecdsa"}
    assert malformed(signed(body, CARD_CA.key).dump())


def test_a_key_on_another_curve_is_refused() -> None:
    body = body_of(CARD)
    body["subject_public_key_info"]["algorithm"]["parameters"] = keys.ECDomainParameters("named", "secp256r1")
    assert malformed(signed(body, CARD_CA.key).dump())


def test_a_key_off_the_curve_is_refused() -> None:
    body = body_of(CARD)
    body["subject_public_key_info"]["public_key"] = keys.ECPointBitString(b"\4" + bytes(64))
    assert malformed(signed(body, CARD_CA.key).dump())


def test_what_surrounds_the_signed_part_must_be_strict_der() -> None:
    """The same certificate with another fingerprint: no signature covers these bytes."""
    der = CARD.dump()
    assert der[:2] == b"\x30\x82"
    assert malformed(b"\x30\x83\0" + der[2:])
    at = der.rindex(CARD.signature) - 1
    assert malformed(der[:at] + b"\1" + der[at + 1 :])


def malformed(der: bytes) -> bool:
    with pytest.raises(Refused) as caught:
        parse(der)
    return caught.value.reason is Reason.MALFORMED


@given(st.binary(max_size=400))
def test_noise_is_no_certificate(noise: bytes) -> None:
    assert malformed(noise)


@settings(max_examples=300)
@given(st.integers(0, len(CARD.dump()) * 8 - 1))
def test_a_certificate_with_one_bit_flipped_never_holds(bit: int) -> None:
    der = CARD.dump()
    flipped = (int.from_bytes(der) ^ 1 << bit).to_bytes(len(der))
    with pytest.raises(Refused) as caught:
        verify_chain([parse(flipped), CARD_CA.certificate], [ROOT.certificate], at=NOW, profile=Profile.CARD)
    assert caught.value.reason in set(Reason)


@given(st.integers(0, len(CARD.dump()) - 1))
def test_a_certificate_cut_short_is_no_certificate(length: int) -> None:
    assert malformed(CARD.dump()[:length])
    assert malformed(CARD.dump() + CARD.dump()[:length] + b"\0")


def test_times_may_be_given_in_any_zone_and_reach_beyond_2049() -> None:
    beijing = timezone(timedelta(hours=8))
    end = datetime(2060, 1, 1, 8, 0, 0, 999, tzinfo=beijing)
    certificate = parse(end_entity(CARD_CA, Profile.CARD, begin=BEGIN.astimezone(beijing), end=end).dump())
    assert certificate.not_valid_before == BEGIN
    assert certificate.not_valid_after == datetime(2060, 1, 1, tzinfo=UTC)


def test_serial_numbers_may_be_given() -> None:
    def made(serial_number: int | None) -> asn1.Certificate:
        return issue_end_entity(
            CARD_CA,
            CARD_KEY.public,
            profile=Profile.CARD,
            name="A card",
            not_before=BEGIN,
            not_after=END,
            serial_number=serial_number,
        )

    assert made(7).serial_number == 7
    assert made(None).serial_number != made(None).serial_number
    assert 0 < made(None).serial_number <= x509_profile.SERIAL_NUMBER_MAX
    for wrong in (0, -1, x509_profile.SERIAL_NUMBER_MAX + 1):
        with pytest.raises(ValueError, match="at most 20 octets"):
            made(wrong)


@pytest.mark.parametrize("profile", [Profile.ROOT, Profile.CARD, Profile.TERMINAL, Profile.CODE_SIGNING])
def test_only_authorities_below_the_root_are_made_as_such(profile: Profile) -> None:
    with pytest.raises(ValueError, match="not an authority below another"):
        issue_ca(ROOT, key(11), profile=profile, name="X", not_before=BEGIN, not_after=END)


@pytest.mark.parametrize("profile", [Profile.ROOT, Profile.CARD_CA, Profile.TERMINAL_CA])
def test_an_authority_is_no_end_entity(profile: Profile) -> None:
    with pytest.raises(ValueError, match="use issue_ca"):
        end_entity(ROOT, profile)


def test_times_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="before it begins"):
        end_entity(CARD_CA, Profile.CARD, begin=END, end=BEGIN)
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    with pytest.raises(ValueError, match="time zone"):
        end_entity(CARD_CA, Profile.CARD, begin=naive, end=naive + timedelta(days=1))


def test_an_authority_needs_the_key_of_its_certificate() -> None:
    with pytest.raises(ValueError, match="Card CA is for another key"):
        Authority(ROOT.key, CARD_CA.certificate)
    assert parse(CARD_CA.der).dump() == CARD_CA.certificate.dump()
