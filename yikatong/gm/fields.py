"""Sealing single fields of personal data, and finding them again without opening them.

A sealed value is ``key id (2) ‖ nonce (12) ‖ ciphertext ‖ tag (16)``: SM4-GCM with the field's name authenticated, so that a
value moved into another column does not open. It is not bound to its row: whoever may write the table may exchange two
persons' values of one column. The blind index is keyed SM3 cut to 16 bytes, under a key that is never rotated, because
every look-up depends on it; equal values are therefore visibly equal.

Nonces are random, so one key should seal at most 2^32 values (NIST SP 800-38D, 8.3): a city's register needs some 2^26.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from yikatong.gm.gcm_bulk import BulkGcm
from yikatong.gm.keystore import FIELD_KEY, INDEX_KEY, KeyStore
from yikatong.gm.sm3 import DIGEST_LENGTH, Sm3Mac
from yikatong.gm.sm4 import NONCE_LENGTH, TAG_LENGTH, IntegrityError, gcm_decrypt, gcm_encrypt

KEY_ID_LENGTH = 2
"""A sealed value begins with its key's number, big-endian: ``substring(value from 1 for 2)`` in SQL."""
INDEX_LENGTH = 16
NUMBER_LENGTH = 8
OVERHEAD = KEY_ID_LENGTH + NONCE_LENGTH + TAG_LENGTH

__all__ = [
    "FIELD_KEY",
    "INDEX_KEY",
    "INDEX_LENGTH",
    "KEY_ID_LENGTH",
    "OVERHEAD",
    "FieldCipher",
    "key_id_of",
]


@dataclass(frozen=True, slots=True)
class _Sealing:
    """One version of the field key, exchanged as a whole so that no thread seals under one key and names another."""

    key_id: int
    prefix: bytes
    key: bytes
    bulk: BulkGcm

    def __repr__(self) -> str:
        return f"_Sealing(key_id={self.key_id})"


class FieldCipher:
    """Seals and opens field values with the keys of a store. Safe to share between threads."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._index = Sm3Mac(store.current(INDEX_KEY)[1])
        self.refresh()

    def refresh(self) -> None:
        """Take the store's present key for new values (after a rotation)."""
        key_id, key = self._store.current(FIELD_KEY)
        self._sealing = _Sealing(key_id, key_id.to_bytes(KEY_ID_LENGTH), key, BulkGcm(key))

    @property
    def current_key_id(self) -> int:
        """The number of the key that new values are sealed with."""
        return self._sealing.key_id

    def seal(self, field: str, text: str) -> bytes:
        """Seal one value of one field."""
        sealing, nonce = self._sealing, os.urandom(NONCE_LENGTH)
        return sealing.prefix + nonce + gcm_encrypt(sealing.key, nonce, text.encode(), field.encode())

    def seal_many(self, field: str, texts: Iterable[str]) -> list[bytes]:
        """Seal many values of one field, several times faster than one by one."""
        sealing, plaintexts = self._sealing, [text.encode() for text in texts]
        nonces = os.urandom(NONCE_LENGTH * len(plaintexts))
        return sealing.bulk.encrypt_many(nonces, plaintexts, field.encode(), prefix=sealing.prefix)

    def open(self, field: str, sealed: bytes) -> str:
        """Open a value. Raises ``IntegrityError``, or ``KeyUnknown`` when its key is not in the store."""
        blob = bytes(sealed)
        if len(blob) < OVERHEAD:
            raise IntegrityError(f"sealed value of field {field} is too short: {len(blob)} bytes")
        key = self._store.get(FIELD_KEY, key_id_of(blob))
        start = KEY_ID_LENGTH + NONCE_LENGTH
        return gcm_decrypt(key, blob[KEY_ID_LENGTH:start], blob[start:], field.encode()).decode()

    def needs_reseal(self, sealed: bytes) -> bool:
        """Whether a value is sealed with an older key than the present one."""
        return key_id_of(sealed) != self.current_key_id

    def blind_index(self, field: str, value: str) -> bytes:
        """16 bytes that are equal exactly for equal values of the same field."""
        return self._index.of(f"{field}\0{value}".encode())[:INDEX_LENGTH]

    def blind_index_many(self, field: str, values: Iterable[str]) -> list[bytes]:
        """``blind_index`` of each value."""
        mac, name = self._index.of, field.encode() + b"\0"
        return [mac(name + value.encode())[:INDEX_LENGTH] for value in values]

    def blind_number_many(self, field: str, values: Iterable[str]) -> list[int]:
        """The first 64 bits of each value's blind index as a signed number: half the room, for what is found by many.

        Two values of twenty million share one with a probability of 1 in 90,000: whoever finds by it opens and compares.
        """
        mac, name = self._index.of, field.encode() + b"\0"
        codes = b"".join([mac(name + value.encode()) for value in values])
        numbers: list[int] = np.frombuffer(codes, ">i8")[:: DIGEST_LENGTH // NUMBER_LENGTH].tolist()
        return numbers


def key_id_of(sealed: bytes) -> int:
    """The number of the key a value is sealed with."""
    return int.from_bytes(bytes(sealed[:KEY_ID_LENGTH]))
