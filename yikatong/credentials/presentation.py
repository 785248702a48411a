"""Asking a wallet for claims and judging what it answers. Pure: no Django, no clock, no I/O.

Source: OpenID for Verifiable Presentations 1.0, sections 5 (request), 6 (DCQL), 8 (response) and annex B.3 (``dc+sd-jwt``);
RFC 9901, section 7.3 (key binding).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from joserfc.jwk import ECKey

from yikatong.credentials.jose import JoseInvalid, Unverified, key_of, verify
from yikatong.credentials.rules import FORMAT, NEVER_SELECTIVE
from yikatong.credentials.sd_jwt import SdJwt, processed
from yikatong.credentials.status_list import Status
from yikatong.foundation.errors import Refused

QUERY_ID = "card"
BINDING_AGE_MAX = timedelta(minutes=5)
SKEW_MAX = timedelta(seconds=60)


class Refusal(StrEnum):
    """Why a presentation is refused, in the order of checking."""

    REQUEST_UNKNOWN = "request_unknown"
    REQUEST_EXPIRED = "request_expired"
    PRESENTATION_REPLAYED = "presentation_replayed"
    WALLET_DECLINED = "wallet_declined"
    PRESENTATION_MALFORMED = "presentation_malformed"
    ISSUER_UNKNOWN = "issuer_unknown"
    ISSUER_SIGNATURE_WRONG = "issuer_signature_wrong"
    DISCLOSURE_WRONG = "disclosure_wrong"
    CREDENTIAL_TYPE_WRONG = "credential_type_wrong"
    CREDENTIAL_NOT_YET_VALID = "credential_not_yet_valid"
    CREDENTIAL_EXPIRED = "credential_expired"
    HOLDER_BINDING_WRONG = "holder_binding_wrong"
    AUDIENCE_WRONG = "audience_wrong"
    NONCE_WRONG = "nonce_wrong"
    BINDING_NOT_FRESH = "binding_not_fresh"
    CLAIMS_MISSING = "claims_missing"
    STATUS_UNKNOWN = "status_unknown"
    CREDENTIAL_REVOKED = "credential_revoked"
    CREDENTIAL_SUSPENDED = "credential_suspended"


class Issuers(Protocol):
    """Whose credentials are believed, and what has become of them."""

    def key(self, issuer: str, key_id: str) -> ECKey | None:
        """The key of that id of an issuer that is trusted."""

    def status(self, uri: str, index: int) -> int | None:
        """The number at a place of a status list; ``None`` when it cannot be known."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of the wallet. ``audience`` is the verifier's client id, prefix and all."""

    audience: str
    nonce: str
    vct: str
    claims: tuple[str, ...]


def dcql_query(vct: str, claims: Sequence[str]) -> dict[str, Any]:
    """One credential of one type, all of the claims, bound to its holder."""
    return {
        "credentials": [
            {
                "id": QUERY_ID,
                "format": FORMAT,
                "meta": {"vct_values": [vct]},
                "claims": [{"path": [name]} for name in claims],
                "require_cryptographic_holder_binding": True,
            }
        ]
    }


def presented(vp_token: Any) -> str:
    """The one presentation in a ``vp_token``. Raises ``Refused``. Source: section 8.1."""
    found = vp_token.get(QUERY_ID) if isinstance(vp_token, dict) and len(vp_token) == 1 else None
    if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], str):
        raise Refused(Refusal.PRESENTATION_MALFORMED)
    return found[0]


def judge(text: str, asked: Asked, issuers: Issuers, *, at: datetime) -> dict[str, Any]:
    """The asked claims by name, once issuer, holder, freshness and status are right. Raises ``Refused``.

    What was disclosed beyond the question is not handed on.
    """
    try:
        sd_jwt = SdJwt.parse(text)
    except JoseInvalid as error:
        raise Refused(Refusal.PRESENTATION_MALFORMED) from error
    _check_issuer(sd_jwt.token, issuers)
    try:
        claims, shown = processed(sd_jwt)
    except JoseInvalid as error:
        raise Refused(Refusal.DISCLOSURE_WRONG) from error
    if shown & NEVER_SELECTIVE:
        raise Refused(Refusal.DISCLOSURE_WRONG)
    if sd_jwt.token.header.get("typ") != FORMAT or claims.get("vct") != asked.vct:
        raise Refused(Refusal.CREDENTIAL_TYPE_WRONG)
    _check_dates(claims, at)
    _check_holder(sd_jwt, claims, asked, at)
    if not set(asked.claims) <= set(claims):
        raise Refused(Refusal.CLAIMS_MISSING)
    _check_status(claims, issuers)
    return {name: claims[name] for name in asked.claims}


def _check_issuer(token: Unverified, issuers: Issuers) -> None:
    issuer, key_id = token.payload.get("iss"), token.header.get("kid")
    key = issuers.key(issuer, key_id) if isinstance(issuer, str) and isinstance(key_id, str) else None
    if key is None:
        raise Refused(Refusal.ISSUER_UNKNOWN)
    try:
        verify(token, key)
    except JoseInvalid as error:
        raise Refused(Refusal.ISSUER_SIGNATURE_WRONG) from error


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _check_dates(claims: Mapping[str, Any], at: datetime) -> None:
    now_s, skew_s = at.timestamp(), SKEW_MAX.total_seconds()
    starts = max(_seconds(claims, "nbf") or 0, _seconds(claims, "iat") or 0)
    if now_s + skew_s < starts:
        raise Refused(Refusal.CREDENTIAL_NOT_YET_VALID)
    ends = _seconds(claims, "exp")
    if ends is None or now_s - skew_s >= ends:
        raise Refused(Refusal.CREDENTIAL_EXPIRED)


def _check_holder(sd_jwt: SdJwt, claims: Mapping[str, Any], asked: Asked, at: datetime) -> None:
    cnf = claims.get("cnf")
    try:
        binding = sd_jwt.check_binding(key_of(cnf.get("jwk") if isinstance(cnf, dict) else None))
    except JoseInvalid as error:
        raise Refused(Refusal.HOLDER_BINDING_WRONG) from error
    if binding.get("aud") != asked.audience:
        raise Refused(Refusal.AUDIENCE_WRONG)
    if binding.get("nonce") != asked.nonce:
        raise Refused(Refusal.NONCE_WRONG)
    made_s = _seconds(binding, "iat")
    age_s = at.timestamp() - made_s if made_s is not None else None
    if age_s is None or not -SKEW_MAX.total_seconds() <= age_s <= BINDING_AGE_MAX.total_seconds():
        raise Refused(Refusal.BINDING_NOT_FRESH)


def _check_status(claims: Mapping[str, Any], issuers: Issuers) -> None:
    status = claims.get("status")
    place = status.get("status_list") if isinstance(status, dict) else None
    uri, index = (place.get("uri"), place.get("idx")) if isinstance(place, dict) else (None, None)
    is_place = isinstance(uri, str) and isinstance(index, int) and not isinstance(index, bool) and index >= 0
    found = issuers.status(str(uri), int(index)) if is_place and index is not None else None
    if found is None:
        raise Refused(Refusal.STATUS_UNKNOWN)
    if found == Status.SUSPENDED:
        raise Refused(Refusal.CREDENTIAL_SUSPENDED)
    if found != Status.VALID:
        raise Refused(Refusal.CREDENTIAL_REVOKED)
