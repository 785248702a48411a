"""X.509 v3 certificates and revocation lists under SM2 with SM3.

Issues the city's root, its authorities for cards and terminals, and what they certify; verifies chains offline.
Source: GM/T 0015 (profile), RFC 5280 (fields and path rules), OIDs 1.2.156.10197.1.301 (curve) and .1.501 (SM2 with SM3). One
signing certificate per subject; the separate encryption certificate of GM/T 0015 is not made, since nothing is encrypted
to a card or terminal yet.
"""

import itertools
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from asn1crypto import algos, core, crl, keys, x509

from yikatong.foundation.errors import Refused
from yikatong.gm.sm2 import PrivateKey, PublicKey

_CURVE_OID = "1.2.156.10197.1.301"
_SIGNATURE_OID = "1.2.156.10197.1.501"
_SIGNATURE_NAME = "sm2_sm3"

keys.NamedCurve.register("sm2p256v1", _CURVE_OID, 32)
algos.SignedDigestAlgorithmId._map[_SIGNATURE_OID] = _SIGNATURE_NAME
algos.SignedDigestAlgorithmId._reverse_map = None


class Profile(StrEnum):
    """What a certificate is for; fixes its key usage and path rules."""

    ROOT = "root"
    CARD_CA = "card_ca"
    TERMINAL_CA = "terminal_ca"
    CARD = "card"
    TERMINAL = "terminal"
    CODE_SIGNING = "code_signing"


_AUTHORITIES = {Profile.ROOT: 1, Profile.CARD_CA: 0, Profile.TERMINAL_CA: 0}
_EXTENDED_USAGE = {Profile.TERMINAL: ["client_auth"], Profile.CODE_SIGNING: ["code_signing"]}


class Reason(StrEnum):
    """Why a chain does not hold, in the order in which it is checked."""

    MALFORMED = "malformed"
    ISSUER_UNKNOWN = "issuer_unknown"
    NOT_AN_AUTHORITY = "not_an_authority"
    PATH_TOO_LONG = "path_too_long"
    SIGNATURE_WRONG = "signature_wrong"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    USAGE_WRONG = "usage_wrong"


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate with its private key: what issues."""

    key: PrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        """The certificate's bytes."""
        return bytes(self.certificate.dump())


def issue_root(key: PrivateKey, *, name: str, not_before: datetime, not_after: datetime) -> Authority:
    """A self-signed root. Times are aware; ``name`` is its common name."""
    subject = _Subject(key.public, name, Profile.ROOT, not_before, not_after)
    return Authority(key, _issue(key, subject, issuer=None))


def issue_ca(
    issuer: Authority, key: PrivateKey, *, profile: Profile, name: str, not_before: datetime, not_after: datetime
) -> Authority:
    """An authority below ``issuer`` (``CARD_CA`` or ``TERMINAL_CA``) that may issue end certificates only."""
    subject = _Subject(key.public, name, profile, not_before, not_after)
    return Authority(key, _issue(issuer.key, subject, issuer=issuer.certificate))


def issue_end_entity(
    issuer: Authority, public: PublicKey, *, profile: Profile, name: str, not_before: datetime, not_after: datetime
) -> x509.Certificate:
    """A certificate for a card, a terminal or a code signer; ``name`` is its common name (no personal data)."""
    if profile in _AUTHORITIES:
        raise ValueError(f"{profile} is an authority; use issue_ca")
    subject = _Subject(public, name, profile, not_before, not_after)
    return _issue(issuer.key, subject, issuer=issuer.certificate)


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is to be certified."""

    public: PublicKey
    name: str
    profile: Profile
    not_before: datetime
    not_after: datetime


def _issue(signer: PrivateKey, subject: _Subject, *, issuer: x509.Certificate | None) -> x509.Certificate:
    key_info = _key_info(subject.public)
    authority_identifier = issuer.key_identifier if issuer else key_info.sha1
    tbs = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": secrets.randbits(158) | 1 << 158,
            "signature": {"algorithm": _SIGNATURE_NAME},
            "issuer": issuer.subject if issuer else _name(subject.name),
            "validity": {"not_before": _time(subject.not_before), "not_after": _time(subject.not_after)},
            "subject": _name(subject.name),
            "subject_public_key_info": key_info,
            "extensions": _extensions(subject.profile, key_info.sha1, authority_identifier),
        }
    )
    return x509.Certificate(
        {
            "tbs_certificate": tbs,
            "signature_algorithm": {"algorithm": _SIGNATURE_NAME},
            "signature_value": signer.sign_der(tbs.dump()),
        }
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name.build({"country_name": "CN", "organization_name": "Yikatong", "common_name": common_name})


def _time(at: datetime) -> x509.Time:
    at = at.replace(microsecond=0)
    return x509.Time({"utc_time": at} if at.year < 2050 else {"general_time": at})


def _key_info(public: PublicKey) -> keys.PublicKeyInfo:
    return keys.PublicKeyInfo(
        {
            "algorithm": {"algorithm": "ec", "parameters": keys.ECDomainParameters("named", "sm2p256v1")},
            "public_key": keys.ECPointBitString(public.point),
        }
    )


def _extensions(profile: Profile, subject_identifier: bytes, authority_identifier: bytes) -> list[dict[str, Any]]:
    path_length = _AUTHORITIES.get(profile)
    usage = {"digital_signature"} if path_length is None else {"key_cert_sign", "crl_sign"}
    basic = {"ca": False} if path_length is None else {"ca": True, "path_len_constraint": path_length}
    extensions: list[dict[str, Any]] = [
        {"extn_id": "basic_constraints", "critical": True, "extn_value": basic},
        {"extn_id": "key_usage", "critical": True, "extn_value": usage},
        {"extn_id": "key_identifier", "critical": False, "extn_value": subject_identifier},
        {
            "extn_id": "authority_key_identifier",
            "critical": False,
            "extn_value": {"key_identifier": authority_identifier},
        },
    ]
    if profile in _EXTENDED_USAGE:
        extended = {"extn_id": "extended_key_usage", "critical": False, "extn_value": _EXTENDED_USAGE[profile]}
        extensions.append(extended)
    return extensions


def parse(der: bytes) -> x509.Certificate:
    """A certificate from its bytes. Raises ``Refused`` (``MALFORMED``)."""
    try:
        certificate = x509.Certificate.load(bytes(der), strict=True)
        _ = certificate.native, public_key_of(certificate)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refused(Reason.MALFORMED, f"not an SM2 certificate: {error}") from error
    return certificate


def public_key_of(certificate: x509.Certificate) -> PublicKey:
    """The certified key. Raises ``ValueError`` when it is not an SM2 key."""
    info = certificate.public_key
    algorithm = info["algorithm"]
    if algorithm["algorithm"].native != "ec" or algorithm["parameters"].native != "sm2p256v1":
        raise ValueError("the certified key is not on the SM2 curve")
    return PublicKey.from_point(info["public_key"].native)


def issue_crl(
    issuer: Authority,
    revoked: Iterable[tuple[int, datetime]],
    *,
    number: int,
    this_update: datetime,
    next_update: datetime,
) -> bytes:
    """A revocation list: pairs of serial number and moment of revocation."""
    entries = [{"user_certificate": serial, "revocation_date": _time(at)} for serial, at in revoked]
    tbs = crl.TbsCertList(
        {
            "version": "v2",
            "signature": {"algorithm": _SIGNATURE_NAME},
            "issuer": issuer.certificate.subject,
            "this_update": _time(this_update),
            "next_update": _time(next_update),
            "crl_extensions": [
                {"extn_id": "crl_number", "critical": False, "extn_value": core.Integer(number)},
                {
                    "extn_id": "authority_key_identifier",
                    "critical": False,
                    "extn_value": {"key_identifier": issuer.certificate.key_identifier},
                },
            ],
        }
    )
    if entries:
        tbs["revoked_certificates"] = entries
    signed = crl.CertificateList(
        {
            "tbs_cert_list": tbs,
            "signature_algorithm": {"algorithm": _SIGNATURE_NAME},
            "signature": issuer.key.sign_der(tbs.dump()),
        }
    )
    return bytes(signed.dump())


def open_crl(der: bytes, issuer: x509.Certificate) -> dict[int, datetime]:
    """The revoked serials of a list, once its issuer's signature holds. Raises ``Refused``."""
    try:
        signed = crl.CertificateList.load(bytes(der), strict=True)
        body, signature = signed["tbs_cert_list"], signed["signature"].native
        rows = body["revoked_certificates"].native or []
    except (ValueError, TypeError, KeyError) as error:
        raise Refused(Reason.MALFORMED, f"not a revocation list: {error}") from error
    if body["issuer"] != issuer.subject:
        raise Refused(Reason.ISSUER_UNKNOWN, "the revocation list is of another issuer")
    if not public_key_of(issuer).verify_der(body.dump(), signature):
        raise Refused(Reason.SIGNATURE_WRONG, "the revocation list's signature is wrong")
    return {row["user_certificate"]: row["revocation_date"] for row in rows}


def verify_chain(
    chain: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    *,
    at: datetime,
    profile: Profile,
    crls: Sequence[bytes] = (),
) -> PublicKey:
    """Verify ``chain`` (end certificate first, then its issuers, root left out or not) up to one of ``roots``.

    Returns the end certificate's key. Raises ``Refused`` with the first ``Reason`` found.
    """
    path = _path(list(chain), roots)
    for below, certificate in enumerate(path[1:]):
        constraint = certificate.basic_constraints_value
        if not certificate.ca or "key_cert_sign" not in certificate.key_usage_value.native:
            raise Refused(Reason.NOT_AN_AUTHORITY, f"{_title(certificate)} may not issue certificates")
        allowed = constraint["path_len_constraint"].native
        if allowed is not None and below > allowed:
            raise Refused(
                Reason.PATH_TOO_LONG, f"{_title(certificate)} allows {allowed} authorities below it, found {below}"
            )
    for certificate, issuer in zip(path, [*path[1:], path[-1]], strict=True):
        if not public_key_of(issuer).verify_der(certificate["tbs_certificate"].dump(), certificate.signature):
            raise Refused(Reason.SIGNATURE_WRONG, f"{_title(certificate)} was not signed by {_title(issuer)}")
    for certificate in path:
        if at < certificate.not_valid_before:
            raise Refused(Reason.NOT_YET_VALID, f"{_title(certificate)} is valid from {certificate.not_valid_before}")
        if at > certificate.not_valid_after:
            raise Refused(Reason.EXPIRED, f"{_title(certificate)} was valid until {certificate.not_valid_after}")
    _check_revocation(path, crls, at)
    _check_usage(path[0], profile)
    return public_key_of(path[0])


def _path(chain: list[x509.Certificate], roots: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    if not chain:
        raise Refused(Reason.MALFORMED, "the chain is empty")
    path = [chain[0]]
    candidates = {bytes(c.subject.dump()): c for c in [*chain[1:], *roots]}
    trusted = {bytes(root.dump()) for root in roots}
    while bytes(path[-1].dump()) not in trusted:
        issuer = candidates.get(bytes(path[-1].issuer.dump()))
        if issuer is None or issuer in path or len(path) > len(candidates):
            raise Refused(Reason.ISSUER_UNKNOWN, f"no trusted certificate issued {_title(path[-1])}")
        path.append(issuer)
    return path


def _check_revocation(path: list[x509.Certificate], crls: Sequence[bytes], at: datetime) -> None:
    for der in crls:
        for certificate, issuer in itertools.pairwise(path):
            body = crl.CertificateList.load(bytes(der))["tbs_cert_list"]
            if body["issuer"] == issuer.subject:
                revoked_at = open_crl(der, issuer).get(certificate.serial_number)
                if revoked_at is not None and revoked_at <= at:
                    raise Refused(Reason.REVOKED, f"{_title(certificate)} was revoked at {revoked_at}")


def _check_usage(certificate: x509.Certificate, profile: Profile) -> None:
    wanted = set(_EXTENDED_USAGE.get(profile, ()))
    extended = certificate.extended_key_usage_value
    usage = certificate.key_usage_value.native if certificate.key_usage_value else set()
    is_authority = profile in _AUTHORITIES
    if bool(certificate.ca) != is_authority or not (
        {"key_cert_sign"} if is_authority else {"digital_signature"}
    ).issubset(usage):
        raise Refused(Reason.USAGE_WRONG, f"{_title(certificate)} is not a certificate for {profile}")
    if wanted != set(extended.native if extended else ()):
        raise Refused(Reason.USAGE_WRONG, f"{_title(certificate)} is not a certificate for {profile}")


def _title(certificate: x509.Certificate) -> str:
    return str(certificate.subject.native.get("common_name", "unnamed certificate"))
