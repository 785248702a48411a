"""SM4 in GCM and CBC, and its CMAC. Source: GM/T 0002 (GB/T 32907); GCM as profiled in RFC 8998.

Over ``cryptography``, whose bundled OpenSSL has SM4-GCM on every machine; the system's libcrypto 3.0 has not. Sealing
many short values at once is ``gcm_bulk``'s. Keys are 16 bytes; wrong lengths are ``ValueError``.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import cmac, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from yikatong.foundation.errors import YikatongError

KEY_LENGTH = 16
BLOCK_LENGTH = 16
NONCE_LENGTH = 12
TAG_LENGTH = 16


class IntegrityError(YikatongError):
    """What was decrypted is not what was encrypted: another key, another field, or tampered bytes."""


def gcm_encrypt(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
    """Encrypt to ciphertext followed by the 16-byte tag. Never use a nonce (12 bytes) twice with one key."""
    encryptor = Cipher(algorithms.SM4(key), modes.GCM(_twelve(nonce))).encryptor()
    encryptor.authenticate_additional_data(aad)
    return encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag


def gcm_decrypt(key: bytes, nonce: bytes, sealed: bytes, aad: bytes = b"") -> bytes:
    """Undo ``gcm_encrypt``. Raises ``IntegrityError``."""
    if len(sealed) < TAG_LENGTH:
        raise IntegrityError(f"sealed value is too short: {len(sealed)} bytes, the tag alone has {TAG_LENGTH}")
    decryptor = Cipher(algorithms.SM4(key), modes.GCM(_twelve(nonce), sealed[-TAG_LENGTH:])).decryptor()
    decryptor.authenticate_additional_data(aad)
    try:
        return decryptor.update(sealed[:-TAG_LENGTH]) + decryptor.finalize()
    except InvalidTag as error:
        raise IntegrityError("sealed value does not open: another key or field, or altered bytes") from error


def _twelve(nonce: bytes) -> bytes:
    if len(nonce) != NONCE_LENGTH:
        raise ValueError(f"a GCM nonce has {NONCE_LENGTH} bytes here, not {len(nonce)}")
    return nonce


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """One block of 16 bytes, or several, each on its own, under the bare cipher: to derive keys and counters, not for data."""
    encryptor = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()  # noqa: S305  one block, no mode
    return encryptor.update(block) + encryptor.finalize()


class BlockCipher:
    """``encrypt_block`` under one key for very many blocks: preparing the key once is most of the work. Not for threads."""

    def __init__(self, key: bytes) -> None:
        self._encryptor = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()  # noqa: S305  single blocks, no mode

    def encrypt(self, blocks: bytes) -> bytes:
        """Whole blocks of 16 bytes, each on its own."""
        if len(blocks) % BLOCK_LENGTH:
            raise ValueError(f"whole blocks of {BLOCK_LENGTH} bytes, not {len(blocks)}")
        return self._encryptor.update(blocks)


def decrypt_block(key: bytes, block: bytes) -> bytes:
    """Undo ``encrypt_block``."""
    decryptor = Cipher(algorithms.SM4(key), modes.ECB()).decryptor()  # noqa: S305  one block, no mode
    return decryptor.update(block) + decryptor.finalize()


def cbc_encrypt(key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """CBC with PKCS #7 padding; the IV (16 bytes) must be unpredictable. Not authenticated."""
    padder = padding.PKCS7(BLOCK_LENGTH * 8).padder()
    encryptor = Cipher(algorithms.SM4(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(plaintext) + padder.finalize()) + encryptor.finalize()


def cbc_decrypt(key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """Undo ``cbc_encrypt``. Raises ``IntegrityError`` on wrong length or padding."""
    decryptor = Cipher(algorithms.SM4(key), modes.CBC(iv)).decryptor()
    unpadder = padding.PKCS7(BLOCK_LENGTH * 8).unpadder()
    try:
        return unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()
    except ValueError as error:
        raise IntegrityError("CBC data of a wrong length or padding") from error


def mac(key: bytes, data: bytes) -> bytes:
    """The CMAC of ``data`` under SM4, 16 bytes. Source: NIST SP 800-38B with SM4 as the block cipher."""
    context = cmac.CMAC(algorithms.SM4(key))
    context.update(data)
    return context.finalize()


def cbc_mac(key: bytes, data: bytes, iv: bytes = bytes(BLOCK_LENGTH)) -> bytes:
    """The plain CBC-MAC of ``data`` padded with 80 00…, 16 bytes; cards cut it to 4.

    Only for what card standards fix it for, where ``iv`` is a fresh challenge or the length is fixed: with a constant IV
    and free lengths it can be forged, so elsewhere use ``mac``.
    Source: ISO/IEC 9797-1 (GB/T 15852.1), MAC algorithm 1 with padding method 2.
    """
    padded = data + b"\x80" + bytes(-(len(data) + 1) % BLOCK_LENGTH)
    encryptor = Cipher(algorithms.SM4(key), modes.CBC(iv)).encryptor()
    return (encryptor.update(padded) + encryptor.finalize())[-BLOCK_LENGTH:]
