"""SM2 certificates: issued and read, one by one. Chains of them are verified in ``x509``.

One signing certificate per subject; the separate encryption certificate of GM/T 0015 is not made, since nothing is
encrypted to a card or terminal yet.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from asn1crypto import core, parser, x509

from yikatong.foundation.errors import Refused
from yikatong.gm import x509_profile
from yikatong.gm.sm2 import KeyInvalid, PublicKey, Signer
from yikatong.gm.x509_profile import CURVE_NAME, SIGNATURE_NAME, Profile

UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, KeyInvalid)
"""What asn1crypto raises on bytes that are not what they claim to be."""


class Reason(StrEnum):
    """Why a certificate, chain or list does not hold, in the order in which it is checked."""

    MALFORMED = "malformed"
    EXTENSION_UNKNOWN = "extension_unknown"
    ISSUER_UNKNOWN = "issuer_unknown"
    NOT_AN_AUTHORITY = "not_an_authority"
    PATH_TOO_LONG = "path_too_long"
    SIGNATURE_WRONG = "signature_wrong"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    REVOCATION_LIST_STALE = "revocation_list_stale"
    REVOKED = "revoked"
    USAGE_WRONG = "usage_wrong"


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate with its private key: what issues. ``ValueError`` when the two do not belong together."""

    key: Signer
    certificate: x509.Certificate

    def __post_init__(self) -> None:
        if public_key_of(self.certificate) != self.key.public:
            raise ValueError(f"the certificate of {title_of(self.certificate)} is for another key")

    @property
    def der(self) -> bytes:
        """The certificate's bytes."""
        return bytes(self.certificate.dump())


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is to be certified."""

    public: PublicKey
    name: str
    profile: Profile
    not_before: datetime
    not_after: datetime


def issue_root(key: Signer, *, name: str, not_before: datetime, not_after: datetime) -> Authority:
    """A self-signed root. Times are aware; ``name`` is its common name."""
    subject = _Subject(key.public, name, Profile.ROOT, not_before, not_after)
    return Authority(key, _issue(key, subject, issuer=None))


def issue_ca(
    issuer: Authority, key: Signer, *, profile: Profile, name: str, not_before: datetime, not_after: datetime
) -> Authority:
    """An authority below ``issuer`` (``CARD_CA`` or ``TERMINAL_CA``) that may issue end certificates of its kind only."""
    if profile not in {Profile.CARD_CA, Profile.TERMINAL_CA}:
        raise ValueError(f"{profile} is not an authority below another; use issue_root or issue_end_entity")
    subject = _Subject(key.public, name, profile, not_before, not_after)
    return Authority(key, _issue(issuer.key, subject, issuer=issuer.certificate))


def issue_end_entity(
    issuer: Authority,
    public: PublicKey,
    *,
    profile: Profile,
    name: str,
    not_before: datetime,
    not_after: datetime,
    serial_number: int | None = None,
) -> x509.Certificate:
    """A certificate for a card, a terminal or a code signer; ``name`` is its common name (no personal data).

    ``serial_number``: 1 to 2^159 - 1, unique for this issuer; a random one when not given.
    """
    if profile in x509_profile.PATH_LENGTHS:
        raise ValueError(f"{profile} is an authority; use issue_ca")
    subject = _Subject(public, name, profile, not_before, not_after)
    return _issue(issuer.key, subject, issuer=issuer.certificate, serial_number=serial_number)


def _issue(
    signer: Signer, subject: _Subject, *, issuer: x509.Certificate | None, serial_number: int | None = None
) -> x509.Certificate:
    if subject.not_before >= subject.not_after:
        raise ValueError(f"the certificate of {subject.name} would end ({subject.not_after}) before it begins")
    if serial_number is None:
        serial_number = secrets.randbits(158) | 1 << 158
    if not 1 <= serial_number <= x509_profile.SERIAL_NUMBER_MAX:
        raise ValueError("a serial number is positive and has at most 20 octets")
    key_info = x509_profile.key_info(subject.public)
    own_identifier = key_info.sha1
    if issuer is None:
        issuer_name, authority_identifier = x509_profile.name(subject.name), own_identifier
    else:
        issuer_name, authority_identifier = issuer.subject, issuer.key_identifier or issuer.public_key.sha1
    tbs = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": serial_number,
            "signature": x509_profile.SIGNATURE_ALGORITHM,
            "issuer": issuer_name,
            "validity": {
                "not_before": x509_profile.time(subject.not_before),
                "not_after": x509_profile.time(subject.not_after),
            },
            "subject": x509_profile.name(subject.name),
            "subject_public_key_info": key_info,
            "extensions": x509_profile.extensions(subject.profile, own_identifier, authority_identifier),
        }
    ).dump()
    certificate = x509.Certificate(
        {
            "tbs_certificate": x509.TbsCertificate.load(tbs),
            "signature_algorithm": x509_profile.SIGNATURE_ALGORITHM,
            "signature_value": signer.sign_der(tbs),
        }
    )
    return x509.Certificate.load(certificate.dump())  # what was loaded keeps its bytes, what was built encodes anew


def parse(der: bytes) -> x509.Certificate:
    """A certificate from its bytes. Raises ``Refused`` (``MALFORMED``, ``EXTENSION_UNKNOWN``)."""
    try:
        certificate = x509.Certificate.load(bytes(der), strict=True)
        _ = certificate.native, certificate.public_key.native, public_key_of(certificate)  # all of it, now
        body = certificate["tbs_certificate"]
        check_envelope(bytes(der), body, certificate["signature_algorithm"], certificate.signature)
        names = [extension["extn_id"].native for extension in body["extensions"]]
        critical = certificate.critical_extensions
    except UNREADABLE as error:
        raise Refused(Reason.MALFORMED, f"not an SM2 certificate: {error}") from error
    if len(names) != len(set(names)):
        raise Refused(Reason.MALFORMED, f"the certificate of {title_of(certificate)} has an extension twice")
    check_critical(critical, title_of(certificate))
    return certificate


def check_envelope(der: bytes, body: Any, algorithm: Any, signature: bytes) -> None:
    """Raise ``ValueError`` unless what surrounds the signed ``body`` is SM2 with SM3 and strict DER.

    None of it is covered by the signature: taken loosely, one certificate could have many fingerprints.
    """
    if algorithm["algorithm"].native != SIGNATURE_NAME or algorithm.dump() != body["signature"].dump():
        raise ValueError("it is not signed with SM2 and SM3")
    contents = body.dump() + algorithm.dump() + parser.emit(0, 0, core.BitString.tag, b"\0" + signature)
    if der != parser.emit(0, 1, core.Sequence.tag, contents):
        raise ValueError("it is not strict DER")


def check_critical(critical: Iterable[str], title: str) -> None:
    """Refuse what is marked critical and not understood here (RFC 5280, 4.2)."""
    unknown = sorted(set(critical) - x509_profile.UNDERSTOOD)
    if unknown:
        raise Refused(Reason.EXTENSION_UNKNOWN, f"{title} demands what is not understood here: {', '.join(unknown)}")


def public_key_of(certificate: x509.Certificate) -> PublicKey:
    """The certified key. Raises ``ValueError`` or ``KeyInvalid`` when it is not an SM2 key."""
    info = certificate.public_key
    algorithm = info["algorithm"]
    if algorithm["algorithm"].native != "ec" or algorithm["parameters"].native != CURVE_NAME:
        raise ValueError("the certified key is not on the SM2 curve")
    return PublicKey.from_point(info["public_key"].native)


def title_of(certificate: x509.Certificate) -> str:
    """The common name that errors call a certificate by."""
    return str(certificate.subject.native.get("common_name", "unnamed certificate"))
