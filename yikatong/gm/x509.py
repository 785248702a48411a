"""X.509 under SM2 with SM3: chains verified offline; the one door to issuing, reading and revoking as well.

The city's root certifies an authority for cards and one for terminals, those certify what is theirs. Source: RFC 5280, 6
(path rules). Name constraints and policies are not understood: a certificate that insists on them is refused.
"""

import itertools
from collections.abc import Sequence
from datetime import datetime

from asn1crypto import x509

from yikatong.foundation.errors import Refused
from yikatong.gm import x509_profile
from yikatong.gm.sm2 import PublicKey
from yikatong.gm.x509_certificate import (
    Authority,
    Reason,
    issue_ca,
    issue_end_entity,
    issue_root,
    parse,
    public_key_of,
    title_of,
)
from yikatong.gm.x509_profile import Profile
from yikatong.gm.x509_revocation import RevocationList, concerns, issue_crl, open_crl, read_crl

__all__ = [
    "Authority",
    "Profile",
    "Reason",
    "RevocationList",
    "issue_ca",
    "issue_crl",
    "issue_end_entity",
    "issue_root",
    "open_crl",
    "parse",
    "public_key_of",
    "verify_chain",
]


def verify_chain(
    chain: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    *,
    at: datetime,
    profile: Profile,
    crls: Sequence[bytes | RevocationList] = (),
) -> PublicKey:
    """Verify ``chain`` (end certificate first, then its issuers, root left out or not) up to one of ``roots``.

    All certificates come from ``parse``. ``roots`` are trusted as they are; ``crls`` are heeded for whichever issuer of the
    path they are of, and an issuer without one revokes nothing. Returns the end certificate's key. Raises ``Refused``
    with the first ``Reason`` found.
    """
    path = _path(list(chain), roots)
    _check_authorities(path)
    for certificate, issuer in itertools.pairwise(path):
        if not public_key_of(issuer).verify_der(certificate["tbs_certificate"].dump(), certificate.signature):
            raise Refused(Reason.SIGNATURE_WRONG, f"{title_of(certificate)} was not signed by {title_of(issuer)}")
    for certificate in path:
        if at < certificate.not_valid_before:
            raise Refused(Reason.NOT_YET_VALID, f"{title_of(certificate)} is valid from {certificate.not_valid_before}")
        if at > certificate.not_valid_after:
            raise Refused(Reason.EXPIRED, f"{title_of(certificate)} was valid until {certificate.not_valid_after}")
    for listed in crls:
        _check_revocation(path, listed, at)
    _check_usage(path, profile)
    return public_key_of(path[0])


def _path(chain: list[x509.Certificate], roots: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    if not chain:
        raise Refused(Reason.MALFORMED, "the chain is empty")
    trusted = {bytes(root.dump()) for root in roots}
    path, known = [chain[0]], [*roots, *chain[1:]]
    while bytes(path[-1].dump()) not in trusted:
        issuer = _issuer_of(path[-1], known)
        if issuer is None:
            raise Refused(Reason.ISSUER_UNKNOWN, f"no trusted certificate issued {title_of(path[-1])}")
        path.append(issuer)
        known = [candidate for candidate in known if candidate is not issuer]  # each once, so it ends
    return path


def _issuer_of(certificate: x509.Certificate, known: list[x509.Certificate]) -> x509.Certificate | None:
    """The certificate named as issuer, preferably the one with the very key that is named."""
    wanted = certificate.issuer.dump()
    named = [candidate for candidate in known if candidate.subject.dump() == wanted]
    identifier = certificate.authority_key_identifier
    exact = [candidate for candidate in named if candidate.key_identifier == identifier]
    return next(iter(exact or named), None)


def _check_authorities(path: list[x509.Certificate]) -> None:
    for below, certificate in enumerate(path[1:]):
        usage = certificate.key_usage_value
        if not certificate.ca or usage is None or "key_cert_sign" not in usage.native:
            raise Refused(Reason.NOT_AN_AUTHORITY, f"{title_of(certificate)} may not issue certificates")
        allowed = certificate.basic_constraints_value["path_len_constraint"].native
        if allowed is not None and below > allowed:
            raise Refused(
                Reason.PATH_TOO_LONG, f"{title_of(certificate)} allows {allowed} authorities below it, found {below}"
            )


def _check_revocation(path: list[x509.Certificate], listed: bytes | RevocationList, at: datetime) -> None:
    opened = listed if isinstance(listed, RevocationList) else read_crl(listed)[1]
    for certificate, issuer in itertools.pairwise(path):
        if not concerns(opened, issuer):
            continue
        if not isinstance(listed, RevocationList):
            open_crl(listed, issuer)
        if at > opened.next_update:
            raise Refused(
                Reason.REVOCATION_LIST_STALE, f"the revocation list of {title_of(issuer)} ended {opened.next_update}"
            )
        revoked_at = opened.revoked.get(certificate.serial_number)
        if revoked_at is not None and revoked_at <= at:
            raise Refused(Reason.REVOKED, f"{title_of(certificate)} was revoked at {revoked_at}")


def _check_usage(path: list[x509.Certificate], profile: Profile) -> None:
    """The end certificate is exactly of ``profile``; no authority above it is limited to something else."""
    end = path[0]
    usage = end.key_usage_value.native if end.key_usage_value else set()
    is_authority = profile in x509_profile.PATH_LENGTHS
    wanted = {x509_profile.EXTENDED_USAGES[profile]} if profile in x509_profile.EXTENDED_USAGES else set()
    if (
        bool(end.ca) != is_authority
        or ("key_cert_sign" if is_authority else "digital_signature") not in usage
        or _extended_usages(end) != wanted
    ):
        raise Refused(Reason.USAGE_WRONG, f"{title_of(end)} is not a certificate for {profile}")
    for authority in path[1:]:
        limited_to = _extended_usages(authority)
        if limited_to and not wanted <= limited_to:
            raise Refused(Reason.USAGE_WRONG, f"{title_of(authority)} does not issue certificates for {profile}")


def _extended_usages(certificate: x509.Certificate) -> set[str]:
    extended = certificate.extended_key_usage_value
    return set(extended.native) if extended else set()
