"""Trust list and deny list: what a terminal believes while it is offline. Signed by the card centre's list key.

An envelope is JSON ``{"payload": base64url, "key_id": hex, "signature": base64url}``; the payload is the list as JSON. A
terminal holds the list key's public half from the day it is registered and believes nothing else.
"""

import base64
from datetime import datetime

import msgspec

from yikatong.foundation.errors import YikatongError
from yikatong.gm.sm2 import KeyInvalid, PrivateKey, PublicKey
from yikatong.wire.codes import key_id_of

TRUST_LIST, DENY_LIST = "trust-list", "deny-list"


class ListInvalid(YikatongError):
    """The bytes are not a list signed by the key this terminal trusts."""


class IssuerKey(msgspec.Struct, frozen=True):
    """An issuer's key (33 bytes compressed, hex) and when it is trusted (Unix seconds)."""

    point_hex: str
    not_before_s: int
    not_after_s: int


class TrustList(msgspec.Struct, frozen=True, tag=TRUST_LIST, tag_field="list"):
    """Whose electronic cards are accepted. ``issuer_keys`` by key id in hex."""

    version: int
    issued_at_s: int
    valid_until_s: int
    issuer_keys: dict[str, IssuerKey]

    def issuer_key(self, key_id: bytes, at: datetime) -> PublicKey | None:
        """The issuer's key of that id, if it is trusted at that moment. An entry that is no key trusts nobody."""
        entry = self.issuer_keys.get(key_id.hex())
        if entry is None or not entry.not_before_s <= at.timestamp() <= entry.not_after_s:
            return None
        try:
            return _public_key(entry.point_hex)
        except (ValueError, KeyInvalid):
            return None


class DenyList(msgspec.Struct, frozen=True, tag=DENY_LIST, tag_field="list"):
    """What must be refused, and why. Keys: ``token:<hex>``, ``device:<hex>``, ``number:<card number>``, ``code:<hex>``."""

    version: int
    issued_at_s: int
    valid_until_s: int
    entries: dict[str, str]

    def reason_for(self, key: str) -> str | None:
        """Why a key must be refused; ``None`` when it need not."""
        return self.entries.get(key)


class _Envelope(msgspec.Struct, frozen=True):
    payload: str
    key_id: str
    signature: str


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_TRUST_LIST = msgspec.json.Decoder(TrustList)
_DENY_LIST = msgspec.json.Decoder(DenyList)
_keys: dict[str, PublicKey] = {}


def _public_key(point_hex: str) -> PublicKey:
    if point_hex not in _keys:
        _keys[point_hex] = PublicKey.from_point(bytes.fromhex(point_hex))
    return _keys[point_hex]


def sign_list(content: TrustList | DenyList, key: PrivateKey) -> bytes:
    """The envelope's bytes."""
    payload = msgspec.json.encode(content, order="deterministic")
    envelope = _Envelope(
        payload=base64.urlsafe_b64encode(payload).decode(),
        key_id=key_id_of(key.public).hex(),
        signature=base64.urlsafe_b64encode(key.sign(payload)).decode(),
    )
    return msgspec.json.encode(envelope)


def open_trust_list(octets: bytes, key: PublicKey) -> TrustList:
    """The list inside, once its signature holds. Raises ``ListInvalid``."""
    return _open(octets, key, _TRUST_LIST)


def open_deny_list(octets: bytes, key: PublicKey) -> DenyList:
    """The list inside, once its signature holds. Raises ``ListInvalid``."""
    return _open(octets, key, _DENY_LIST)


def _open[List: (TrustList, DenyList)](octets: bytes, key: PublicKey, content: msgspec.json.Decoder[List]) -> List:
    try:
        envelope = _ENVELOPE.decode(octets)
        payload = base64.urlsafe_b64decode(envelope.payload)
        signature = base64.urlsafe_b64decode(envelope.signature)
    except ValueError as error:
        raise ListInvalid(f"not a signed list: {error}") from error
    if not key.verify(payload, signature):
        raise ListInvalid("the list is not signed by the key this terminal was registered with")
    try:
        return content.decode(payload)
    except msgspec.DecodeError as error:
        raise ListInvalid(f"the signed list is of another kind or version: {error}") from error
