"""Lists of revoked certificates, signed with SM2.

Source: RFC 5280, 5. Delta lists and indirect lists are not understood and refused: they mark themselves critical. It
does not fetch lists, nor decide how old one may be beyond its own date: ``x509.verify_chain`` does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import crl, x509

from yikatong.foundation.errors import Refused
from yikatong.gm import x509_profile
from yikatong.gm.x509_certificate import (
    UNREADABLE,
    Authority,
    Reason,
    check_critical,
    check_envelope,
    public_key_of,
    title_of,
)


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list whose signature holds: the revoked serial numbers of one issuer, and since when."""

    issuer_der: bytes
    issuer_key_identifier: bytes | None
    this_update: datetime
    next_update: datetime
    revoked: Mapping[int, datetime]


def issue_crl(
    issuer: Authority,
    revoked: Iterable[tuple[int, datetime]],
    *,
    number: int,
    this_update: datetime,
    next_update: datetime,
) -> bytes:
    """A revocation list: pairs of serial number and moment of revocation. ``number`` rises with each list."""
    if this_update >= next_update:
        raise ValueError(f"a revocation list of {this_update} cannot be replaced at {next_update}")
    entries = [{"user_certificate": serial, "revocation_date": x509_profile.time(at)} for serial, at in revoked]
    tbs = crl.TbsCertList(
        {
            "version": "v2",
            "signature": x509_profile.SIGNATURE_ALGORITHM,
            "issuer": issuer.certificate.subject,
            "this_update": x509_profile.time(this_update),
            "next_update": x509_profile.time(next_update),
            "crl_extensions": x509_profile.crl_extensions(number, issuer.certificate.key_identifier),
        }
    )
    if entries:
        tbs["revoked_certificates"] = entries
    encoded = tbs.dump()
    signed = crl.CertificateList(
        {
            "tbs_cert_list": crl.TbsCertList.load(encoded),
            "signature_algorithm": x509_profile.SIGNATURE_ALGORITHM,
            "signature": issuer.key.sign_der(encoded),
        }
    )
    return bytes(signed.dump())


def open_crl(der: bytes, issuer: x509.Certificate) -> RevocationList:
    """A list from its bytes, once its issuer's signature holds. Raises ``Refused``.

    Open a long list once and give ``verify_chain`` what this returns.
    """
    signed, opened = read_crl(der)
    if not concerns(opened, issuer):
        raise Refused(Reason.ISSUER_UNKNOWN, f"the revocation list is not of {title_of(issuer)}")
    usage = issuer.key_usage_value
    if usage is None or "crl_sign" not in usage.native:
        raise Refused(Reason.NOT_AN_AUTHORITY, f"{title_of(issuer)} may not sign revocation lists")
    if not public_key_of(issuer).verify_der(signed["tbs_cert_list"].dump(), signed["signature"].native):
        raise Refused(Reason.SIGNATURE_WRONG, f"{title_of(issuer)} did not sign this revocation list")
    return opened


def read_crl(der: bytes) -> tuple[crl.CertificateList, RevocationList]:
    """The list, and what it says; nothing in it is believed yet."""
    try:
        signed = crl.CertificateList.load(bytes(der), strict=True)
        _ = signed.native
        body = signed["tbs_cert_list"]
        check_envelope(bytes(der), body, signed["signature_algorithm"], signed["signature"].native)
        entries = body["revoked_certificates"]
        marked = [body["crl_extensions"], *(entry["crl_entry_extensions"] for entry in entries)]
        critical = {item["extn_id"].native for items in marked for item in items if item["critical"].native}
        opened = RevocationList(
            issuer_der=bytes(body["issuer"].dump()),
            issuer_key_identifier=signed.authority_key_identifier,
            this_update=body["this_update"].native,
            next_update=body["next_update"].native,
            revoked={entry["user_certificate"].native: entry["revocation_date"].native for entry in entries},
        )
    except UNREADABLE as error:
        raise Refused(Reason.MALFORMED, f"not an SM2 revocation list: {error}") from error
    if opened.next_update is None:
        raise Refused(Reason.MALFORMED, "the revocation list does not say when the next one comes")
    check_critical(critical, "the revocation list")
    return signed, opened


def concerns(listed: RevocationList, issuer: x509.Certificate) -> bool:
    """Whether a list is of that issuer."""
    if listed.issuer_der != issuer.subject.dump():
        return False
    return listed.issuer_key_identifier in (None, issuer.key_identifier)  # after a change of keys the name stays
