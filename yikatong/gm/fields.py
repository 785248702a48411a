"""Sealing single fields of personal data, and finding them again without opening them.

A sealed value is ``key id (2) ‖ nonce (12) ‖ ciphertext ‖ tag (16)``: SM4-GCM with the field's name authenticated, so that a
value moved into another column does not open. The blind index is keyed SM3 cut to 16 bytes, under a key that is never
rotated, because every look-up depends on it.
"""

import os
from collections.abc import Iterable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from yikatong.gm.keystore import KeyStore
from yikatong.gm.sm3 import Sm3Mac
from yikatong.gm.sm4 import NONCE_LENGTH, TAG_LENGTH, IntegrityError, gcm_decrypt

FIELD_KEY = "field"
INDEX_KEY = "index"
KEY_ID_LENGTH = 2
INDEX_LENGTH = 16
OVERHEAD = KEY_ID_LENGTH + NONCE_LENGTH + TAG_LENGTH
_NONCES_AT_ONCE = 512


class FieldCipher:
    """Seals and opens field values with the keys of a store."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._index = Sm3Mac(store.current(INDEX_KEY)[1])
        self.refresh()

    def refresh(self) -> None:
        """Take the store's present key for new values (after a rotation)."""
        key_id, key = self._store.current(FIELD_KEY)
        self.current_key_id = key_id
        self._prefix = key_id.to_bytes(KEY_ID_LENGTH)
        self._algorithm = algorithms.SM4(key)

    def seal(self, field: str, text: str) -> bytes:
        """Seal one value of one field."""
        return self._seal(field.encode(), text.encode(), os.urandom(NONCE_LENGTH))

    def seal_many(self, field: str, texts: Iterable[str]) -> list[bytes]:
        """Seal many values of one field; asks the system for randomness in large pieces."""
        name, pool, sealed = field.encode(), b"", []
        for text in texts:
            if not pool:
                pool = os.urandom(NONCE_LENGTH * _NONCES_AT_ONCE)
            sealed.append(self._seal(name, text.encode(), pool[:NONCE_LENGTH]))
            pool = pool[NONCE_LENGTH:]
        return sealed

    def _seal(self, name: bytes, plaintext: bytes, nonce: bytes) -> bytes:
        encryptor = Cipher(self._algorithm, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(name)
        return self._prefix + nonce + encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag

    def open(self, field: str, sealed: bytes) -> str:
        """Open a value. Raises ``IntegrityError``, or ``KeyUnknown`` when its key is not in the store."""
        if len(sealed) < OVERHEAD:
            raise IntegrityError(f"sealed value of field {field} is too short: {len(sealed)} bytes")
        blob = bytes(sealed)
        key = self._store.get(FIELD_KEY, key_id_of(blob))
        start = KEY_ID_LENGTH + NONCE_LENGTH
        return gcm_decrypt(key, blob[KEY_ID_LENGTH:start], blob[start:], field.encode()).decode()

    def needs_reseal(self, sealed: bytes) -> bool:
        """Whether a value is sealed with an older key than the present one."""
        return key_id_of(sealed) != self.current_key_id

    def blind_index(self, field: str, value: str) -> bytes:
        """16 bytes that are equal exactly for equal values of the same field."""
        return self._index.of(f"{field}\0{value}".encode())[:INDEX_LENGTH]


def key_id_of(sealed: bytes) -> int:
    """The number of the key a value is sealed with."""
    return int.from_bytes(bytes(sealed[:KEY_ID_LENGTH]))
