"""Selectively disclosable JWTs: made, read, processed, bound to a holder's key. Pure: no Django, no clock, no I/O.

Source: RFC 9901. Implemented: compact form, ``_sd`` in objects at any depth, ``...`` in arrays, sha-256 and key binding. Not
implemented: the JSON serialisation and other hashes. What a credential may hold is ``presentation`` 's affair.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import ECKey

from yikatong.credentials.jose import (
    JoseInvalid,
    Unverified,
    base64url,
    from_base64url,
    json_object,
    read,
    sign,
    verify,
)

SEPARATOR = "~"
HASH = "sha-256"
KEY_BINDING_TYPE = "kb+jwt"
SALT_LENGTH = 16
"""128 bits, the least that is recommended. Source: RFC 9901, section 9.3."""
DEPTH_MAX = 16
DISCLOSURES_MAX = 100


def digest(text: str) -> str:
    """Base64url of SHA-256 over ASCII: of a disclosure, and of what a key binding names."""
    return base64url(hashlib.sha256(text.encode("ascii")).digest())


def disclosure(salt: bytes, name: str, value: Any) -> str:
    """One claim to be shown or not. Source: RFC 9901, section 4.2.1."""
    return base64url(json.dumps([base64url(salt), name, value], ensure_ascii=False).encode())


def issue(
    claims: Mapping[str, Any], selective: Mapping[str, tuple[bytes, Any]], *, header: dict[str, Any], key: ECKey
) -> str:
    """An SD-JWT with ``claims`` always visible and ``selective`` (salt and value by name) only when shown.

    The digests are sorted, so that their order tells nothing of the claims' (RFC 9901, section 4.2.4.1).
    """
    shown = [disclosure(salt, name, value) for name, (salt, value) in selective.items()]
    payload = {**claims, "_sd": sorted(digest(one) for one in shown), "_sd_alg": HASH}
    return SEPARATOR.join([sign(header, payload, key), *shown, ""])


@dataclass(frozen=True, slots=True)
class SdJwt:
    """What a holder sent, parsed; nothing in it is believed yet."""

    token: Unverified
    disclosures: tuple[str, ...]
    key_binding: Unverified | None

    @classmethod
    def parse(cls, text: str) -> "SdJwt":
        """From the compact form. Raises ``JoseInvalid``."""
        if SEPARATOR not in text:
            raise JoseInvalid("not an SD-JWT: there is no ~")
        token, *shown, binding = text.split(SEPARATOR)
        if len(shown) > DISCLOSURES_MAX:
            raise JoseInvalid(f"more than {DISCLOSURES_MAX} disclosures")
        return cls(read(token), tuple(shown), read(binding) if binding else None)

    @property
    def without_binding(self) -> str:
        """What a key binding's ``sd_hash`` is over: all up to and with the last ``~``."""
        return SEPARATOR.join([self.token.compact, *self.disclosures, ""])

    def check_binding(self, holder: ECKey) -> dict[str, Any]:
        """The key binding's claims once type, signature and ``sd_hash`` are right. Raises ``JoseInvalid``.

        Audience, nonce and time are for the caller, who knows what was asked.
        """
        if self.key_binding is None:
            raise JoseInvalid("there is no key binding")
        if self.key_binding.header.get("typ") != KEY_BINDING_TYPE:
            raise JoseInvalid("the key binding is of another type")
        verify(self.key_binding, holder)
        if self.key_binding.payload.get("sd_hash") != digest(self.without_binding):
            raise JoseInvalid("the key binding is for another presentation")
        return self.key_binding.payload


def processed(sd_jwt: SdJwt) -> tuple[dict[str, Any], set[str]]:
    """The payload with what was disclosed in its place, and the names disclosed at the top. The signature is not checked.

    Raises ``JoseInvalid``. Source: RFC 9901, section 7.1, step 3.
    """
    payload = sd_jwt.token.payload
    if payload.get("_sd_alg", HASH) != HASH:
        raise JoseInvalid(f"digests are not {HASH}")
    shown = {digest(text): _opened(text) for text in sd_jwt.disclosures if text.isascii()}
    if len(shown) != len(sd_jwt.disclosures):
        raise JoseInvalid("a disclosure occurs twice or is not ASCII")
    embedded = Counter(_digests(payload, 0))
    for parts in shown.values():
        embedded.update(_digests(parts[-1], 0))
    if any(count > 1 for count in embedded.values()):
        raise JoseInvalid("a digest occurs twice")
    used: set[str] = set()
    result = _filled(payload, shown, used, 0)
    if used != set(shown):
        raise JoseInvalid("a disclosure belongs to nothing in the token")
    result.pop("_sd_alg", None)
    return result, {shown[one][1] for one in payload.get("_sd", []) if one in shown}


def _opened(text: str) -> list[Any]:
    octets = from_base64url(text)
    parts = json_object(b'{"of":' + octets + b"}")["of"]
    if not isinstance(parts, list) or len(parts) not in {2, 3} or not isinstance(parts[0], str):
        raise JoseInvalid("a disclosure is not an array of two or three")
    if len(parts) == 3 and (not isinstance(parts[1], str) or parts[1] in {"_sd", "..."}):
        raise JoseInvalid("a disclosure has no name that a claim may have")
    return parts


def _digests(value: Any, depth: int) -> Iterator[str]:
    """Every digest in a value, wherever it stands."""
    if depth > DEPTH_MAX:
        raise JoseInvalid("nested too deeply")
    if isinstance(value, dict):
        here = value.get("_sd", [])
        if not isinstance(here, list) or not all(isinstance(one, str) for one in here):
            raise JoseInvalid("_sd is not an array of strings")
        yield from here
        for name, inner in value.items():
            if name != "_sd":
                yield from _digests(inner, depth + 1)
    elif isinstance(value, list):
        for element in value:
            if _is_hidden(element):
                yield element["..."]
            else:
                yield from _digests(element, depth + 1)


def _is_hidden(element: Any) -> bool:
    return isinstance(element, dict) and set(element) == {"..."} and isinstance(element["..."], str)


def _filled(value: Any, shown: Mapping[str, list[Any]], used: set[str], depth: int) -> Any:
    if depth > DEPTH_MAX:
        raise JoseInvalid("nested too deeply")
    if isinstance(value, list):
        found = []
        for element in value:
            if not _is_hidden(element):
                found.append(_filled(element, shown, used, depth + 1))
            elif element["..."] in shown:
                parts = shown[element["..."]]
                if len(parts) != 2:
                    raise JoseInvalid("a claim is disclosed where an element stands")
                used.add(element["..."])
                found.append(_filled(parts[1], shown, used, depth + 1))
        return found
    if not isinstance(value, dict):
        return value
    result = {name: _filled(inner, shown, used, depth + 1) for name, inner in value.items() if name != "_sd"}
    for one in value.get("_sd", []):
        if one not in shown:
            continue
        parts = shown[one]
        if len(parts) != 3 or parts[1] in result:
            raise JoseInvalid("an element or a second value is disclosed where a claim stands")
        used.add(one)
        result[parts[1]] = _filled(parts[2], shown, used, depth + 1)
    return result
