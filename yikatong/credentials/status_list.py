"""Status lists: one small number per credential, many in one signed token, so that asking tells nobody which is meant.

Pure. Source: draft-ietf-oauth-status-list (Token Status List), sections 4 (the array: least significant bits first, zlib), 5
(the token) and 7 (status types). Implemented: JWT, two bits. Not implemented: CWT, aggregation.
"""

import zlib
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from joserfc.jwk import ECKey

from yikatong.credentials.jose import JoseInvalid, base64url, from_base64url, read, sign, verify

TOKEN_TYPE = "statuslist+jwt"  # noqa: S105  # a media type
BITS = 2
SIZE = 2**17
"""Credentials per list: the crowd in which one hides. Source: assumption."""
TTL = timedelta(minutes=5)
"""How long a copy may be used before it is fetched again. Source: assumption."""
LIFE = timedelta(days=1)
INFLATED_MAX = 2**24


class Status(IntEnum):
    """Section 7.1."""

    VALID = 0
    INVALID = 1
    SUSPENDED = 2


def empty(size: int = SIZE, bits: int = BITS) -> bytes:
    """A list in which everything is valid."""
    return bytes(size * bits // 8)


def status_at(array: bytes, index: int, bits: int = BITS) -> int:
    """The number at ``index``. Raises ``IndexError``."""
    per_byte = 8 // bits
    mask: int = 2**bits - 1
    return (array[index // per_byte] >> (index % per_byte * bits)) & mask


def with_status(array: bytes, index: int, status: int, bits: int = BITS) -> bytes:
    """The array with another number at ``index``. Raises ``IndexError``."""
    per_byte, mask = 8 // bits, 2**bits - 1
    changed, shift = bytearray(array), index % per_byte * bits
    changed[index // per_byte] = changed[index // per_byte] & ~(mask << shift) & 0xFF | (status & mask) << shift
    return bytes(changed)


def encoded(array: bytes, bits: int = BITS) -> dict[str, Any]:
    """``{"bits": …, "lst": …}``: zlib at its highest compression, base64url (section 4.2)."""
    return {"bits": bits, "lst": base64url(zlib.compress(array, 9))}


def decoded(value: Any) -> tuple[bytes, int]:
    """Array and bits of a ``status_list`` claim. Raises ``JoseInvalid``; a bomb is refused."""
    if not isinstance(value, dict) or value.get("bits") not in {1, 2, 4, 8} or not isinstance(value.get("lst"), str):
        raise JoseInvalid("not a status list")
    inflating = zlib.decompressobj()
    try:
        array = inflating.decompress(from_base64url(value["lst"]), INFLATED_MAX)
    except zlib.error as error:
        raise JoseInvalid("the status list is not zlib") from error
    if not inflating.eof:
        raise JoseInvalid("the status list is cut off or too large")
    return array, int(value["bits"])


def signed(array: bytes, *, uri: str, issuer: str, at: datetime, key: ECKey) -> str:
    """The status list token for ``uri``."""
    now_s = int(at.timestamp())
    claims = {
        "iss": issuer,
        "sub": uri,
        "iat": now_s,
        "exp": now_s + int(LIFE.total_seconds()),
        "ttl": int(TTL.total_seconds()),
        "status_list": encoded(array),
    }
    return sign({"typ": TOKEN_TYPE, "kid": key.thumbprint()}, claims, key)


def opened(compact: str, *, uri: str, at: datetime, key: ECKey) -> tuple[bytes, int]:
    """Array and bits of a token fetched from ``uri``. Raises ``JoseInvalid``. Source: section 8.3."""
    token = read(compact)
    if token.header.get("typ") != TOKEN_TYPE:
        raise JoseInvalid("not a status list token")
    verify(token, key)
    if token.payload.get("sub") != uri:
        raise JoseInvalid("the status list is another one")
    ends = token.payload.get("exp")
    if isinstance(ends, int | float) and ends <= at.timestamp():
        raise JoseInvalid("the status list has expired")
    return decoded(token.payload.get("status_list"))
