"""Revocation lists: whose they are, whether they still count, and what they revoke since when."""

from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import crl
from asn1crypto import x509 as asn1
from hypothesis import given, settings
from hypothesis import strategies as st

from yikatong.foundation.errors import Refused
from yikatong.gm.sm2 import PrivateKey
from yikatong.gm.x509 import (
    Authority,
    Profile,
    Reason,
    RevocationList,
    issue_ca,
    issue_crl,
    issue_end_entity,
    issue_root,
    open_crl,
    parse,
    verify_chain,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = BEGIN + timedelta(days=30)
NEXT_WEEK = NOW + timedelta(days=7)
END = BEGIN + timedelta(days=3650)


def key(number: int) -> PrivateKey:
    return PrivateKey.from_scalar(number.to_bytes(32))


ROOT = issue_root(key(101), name="City Root", not_before=BEGIN, not_after=END)
CARD_CA = issue_ca(ROOT, key(102), profile=Profile.CARD_CA, name="Card CA", not_before=BEGIN, not_after=END)
RENEWED_CA = issue_ca(ROOT, key(103), profile=Profile.CARD_CA, name="Card CA", not_before=BEGIN, not_after=END)
CARD = issue_end_entity(
    CARD_CA, key(104).public, profile=Profile.CARD, name="A card", not_before=BEGIN, not_after=END, serial_number=77
)


def listing(
    *revoked: tuple[int, datetime], issuer: Authority = CARD_CA, on: datetime = NOW, until: datetime = NEXT_WEEK
) -> bytes:
    return issue_crl(issuer, revoked, number=1, this_update=on, next_update=until)


def verify(*crls: bytes | RevocationList, at: datetime = NOW, card: asn1.Certificate = CARD) -> object:
    chain = [card, CARD_CA.certificate, RENEWED_CA.certificate]
    return verify_chain(chain, [ROOT.certificate], at=at, profile=Profile.CARD, crls=crls)


def reason_for(*crls: bytes | RevocationList, at: datetime = NOW) -> Reason:
    with pytest.raises(Refused) as caught:
        verify(*crls, at=at)
    return Reason(caught.value.reason)


def altered(der: bytes, signer: PrivateKey, **changes: object) -> bytes:
    """A list with parts exchanged, signed all the same."""
    body = crl.CertificateList.load(der)["tbs_cert_list"].copy()
    for field, value in changes.items():
        body[field] = value
    made = {"tbs_cert_list": body, "signature_algorithm": body["signature"].copy()}
    return bytes(crl.CertificateList(made | {"signature": signer.sign_der(body.dump())}).dump())


@pytest.mark.parametrize(
    ("crls", "at", "revoked"),
    [
        ([], NOW, False),
        ([listing()], NOW, False),
        ([listing((78, BEGIN))], NOW, False),
        ([listing((77, BEGIN))], NOW, True),
        ([listing((77, NOW))], NOW, True),
        ([listing((77, NOW))], NOW - timedelta(seconds=1), False),  # a tap from before the revocation stays good
        ([listing((77, BEGIN), issuer=ROOT)], NOW, False),  # another issuer's 77
        ([listing((77, BEGIN), issuer=RENEWED_CA)], NOW, False),  # the same name under another key
        ([listing(issuer=ROOT), listing((77, BEGIN))], NOW, True),
        ([listing((CARD_CA.certificate.serial_number, BEGIN), issuer=ROOT)], NOW, True),  # its authority is revoked
    ],
)
@pytest.mark.parametrize("opened_before", [False, True])
def test_what_a_list_revokes(crls: list[bytes], at: datetime, revoked: bool, opened_before: bool) -> None:
    issuers = {authority.certificate.key_identifier: authority for authority in (ROOT, CARD_CA, RENEWED_CA)}
    lists: list[bytes | RevocationList] = []
    for der in crls:
        issuer = issuers[crl.CertificateList.load(der).authority_key_identifier]
        lists.append(open_crl(der, issuer.certificate) if opened_before else der)
    if revoked:
        assert reason_for(*lists, at=at) is Reason.REVOKED
    else:
        assert verify(*lists, at=at) == key(104).public


def test_a_list_says_what_it_says() -> None:
    opened = open_crl(listing((77, BEGIN), (2**150, NOW)), CARD_CA.certificate)
    assert opened.revoked == {77: BEGIN, 2**150: NOW}
    assert (opened.this_update, opened.next_update) == (NOW, NEXT_WEEK)


@pytest.mark.parametrize("opened_before", [False, True])
def test_a_list_past_its_date_vouches_for_nothing(opened_before: bool) -> None:
    listed: bytes | RevocationList = listing()
    if opened_before:
        listed = open_crl(listing(), CARD_CA.certificate)
    assert verify(listed, at=NEXT_WEEK)
    assert reason_for(listed, at=NEXT_WEEK + timedelta(seconds=1)) is Reason.REVOCATION_LIST_STALE


def opening_reason(der: bytes, issuer: asn1.Certificate = CARD_CA.certificate) -> Reason:
    with pytest.raises(Refused) as caught:
        open_crl(der, issuer)
    return Reason(caught.value.reason)


def test_a_list_of_somebody_else_is_refused() -> None:
    assert opening_reason(listing(issuer=ROOT)) is Reason.ISSUER_UNKNOWN
    assert opening_reason(listing(issuer=RENEWED_CA)) is Reason.ISSUER_UNKNOWN


def test_a_list_that_the_issuer_did_not_sign_is_refused() -> None:
    forged = altered(listing((77, BEGIN)), key(9), revoked_certificates=[])
    assert opening_reason(forged) is Reason.SIGNATURE_WRONG
    assert reason_for(forged) is Reason.SIGNATURE_WRONG


def test_a_card_signs_no_list() -> None:
    assert opening_reason(listing(issuer=Authority(key(104), CARD)), CARD) is Reason.NOT_AN_AUTHORITY


def test_an_issuer_without_key_usage_signs_no_list() -> None:
    body = CARD_CA.certificate["tbs_certificate"].copy()
    body["extensions"] = [item for item in body["extensions"] if item["extn_id"].native != "key_usage"]
    made = {"tbs_certificate": body, "signature_algorithm": body["signature"].copy()}
    bare = parse(asn1.Certificate(made | {"signature_value": ROOT.key.sign_der(body.dump())}).dump())
    assert opening_reason(listing(), bare) is Reason.NOT_AN_AUTHORITY


def test_a_list_without_extensions_or_end_is_told_by_its_name() -> None:
    plain = altered(listing((77, BEGIN)), CARD_CA.key, crl_extensions=None)
    assert open_crl(plain, CARD_CA.certificate).revoked == {77: BEGIN}
    endless = altered(listing(), CARD_CA.key, next_update=None)
    assert opening_reason(endless) is Reason.MALFORMED


@pytest.mark.parametrize("where", ["list", "entry"])
def test_a_list_with_a_demand_that_nobody_here_understands_is_refused(where: str) -> None:
    """Delta and indirect lists mark themselves critical: read as whole ones they would revoke too little."""
    if where == "list":
        demand = [{"extn_id": "delta_crl_indicator", "critical": True, "extn_value": 1}]
        der = altered(listing(), CARD_CA.key, crl_extensions=demand)
    else:
        demand = [{"extn_id": "hold_instruction_code", "critical": True, "extn_value": "2.2.840.10040.2.1"}]
        entry = {
            "user_certificate": 77,
            "revocation_date": asn1.Time({"utc_time": NOW}),
            "crl_entry_extensions": demand,
        }
        der = altered(listing(), CARD_CA.key, revoked_certificates=[entry])
    assert opening_reason(der) is Reason.EXTENSION_UNKNOWN
    assert reason_for(der) is Reason.EXTENSION_UNKNOWN


def test_a_list_must_end_after_it_begins() -> None:
    with pytest.raises(ValueError, match="cannot be replaced"):
        listing(on=NOW, until=NOW)


@given(st.binary(max_size=300))
def test_noise_is_no_list(noise: bytes) -> None:
    assert opening_reason(noise) is Reason.MALFORMED
    assert reason_for(noise) is Reason.MALFORMED


LIST = listing((77, BEGIN))


@settings(max_examples=300)
@given(st.integers(0, len(LIST) * 8 - 1))
def test_a_list_with_one_bit_flipped_never_opens(bit: int) -> None:
    assert opening_reason((int.from_bytes(LIST) ^ 1 << bit).to_bytes(len(LIST))) in set(Reason)
