"""Signed JSON objects in compact form, ES256 only: a thin hand on joserfc. Pure: no Django, no clock.

Source: RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518, section 3.4 (ES256), RFC 7638 (thumbprint).
"""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from yikatong.foundation.errors import YikatongError

ALGORITHM = "ES256"
CURVE = "P-256"
COMPACT_LENGTH_MAX = 20_000


class JoseInvalid(YikatongError):
    """Not a signed object as expected; the text says what is wrong and holds nothing of its content."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """A compact JWS that could be read; nothing in it is believed yet."""

    header: dict[str, Any]
    payload: dict[str, Any]
    compact: str


def base64url(octets: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The octets of unpadded base64url. Raises ``JoseInvalid``."""
    try:
        octets = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise JoseInvalid("not base64url") from error
    if base64url(octets) != text:
        raise JoseInvalid("not base64url without padding")
    return octets


def json_object(octets: bytes) -> dict[str, Any]:
    """A JSON object. Raises ``JoseInvalid``; a repeated name is refused, because readers would differ on which one counts."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a name occurs twice")
        return found

    try:
        value = json.loads(octets, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise JoseInvalid("not JSON") from error
    if not isinstance(value, dict):
        raise JoseInvalid("not a JSON object")
    return value


def new_key() -> ECKey:
    """A fresh P-256 key."""
    return ECKey.generate_key(CURVE, private=True)


def public_jwk(key: ECKey) -> dict[str, Any]:
    """The public half with its thumbprint as ``kid``, as a JWK set lists it."""
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}


def key_of(jwk: Any) -> ECKey:
    """A holder's public key from its JWK. Raises ``JoseInvalid`` for anything but a public P-256 key."""
    if not isinstance(jwk, dict) or jwk.get("kty") != "EC" or jwk.get("crv") != CURVE or "d" in jwk:
        raise JoseInvalid("the key is not a public P-256 key")
    try:
        return ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y")})
    except (KeyError, TypeError, ValueError, JoseError) as error:
        raise JoseInvalid("the key is not a point of P-256") from error


def sign(header: dict[str, Any], payload: dict[str, Any], key: ECKey) -> str:
    """Compact JWS of a JSON object."""
    octets = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return jws.serialize_compact({"alg": ALGORITHM, **header}, octets, key, algorithms=[ALGORITHM])


def read(compact: str) -> Unverified:
    """Header and payload of a compact JWS, not verified. Raises ``JoseInvalid``."""
    parts = compact.split(".")
    if len(parts) != 3 or len(compact) > COMPACT_LENGTH_MAX:
        raise JoseInvalid("not a compact JWS")
    return Unverified(json_object(from_base64url(parts[0])), json_object(from_base64url(parts[1])), compact)


def verify(unverified: Unverified, key: ECKey) -> None:
    """Check the signature. Raises ``JoseInvalid``; critical headers are refused, because none is understood here."""
    if unverified.header.get("alg") != ALGORITHM or "crit" in unverified.header:
        raise JoseInvalid(f"not signed by {ALGORITHM}")
    try:
        jws.deserialize_compact(unverified.compact, key, algorithms=[ALGORITHM])
    except (JoseError, ValueError) as error:
        raise JoseInvalid("the signature is wrong") from error
