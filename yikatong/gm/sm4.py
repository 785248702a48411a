"""SM4 in GCM and CBC, and its CMAC. Source: GM/T 0002 (GB/T 32907); GCM as profiled in RFC 8998.

Over ``cryptography``, whose bundled OpenSSL has SM4-GCM on every machine; the system's libcrypto 3.0 has not.
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
    encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(aad)
    return encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag


def gcm_decrypt(key: bytes, nonce: bytes, sealed: bytes, aad: bytes = b"") -> bytes:
    """Undo ``gcm_encrypt``. Raises ``IntegrityError``."""
    if len(sealed) < TAG_LENGTH:
        raise IntegrityError("sealed value is too short")
    decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, sealed[-TAG_LENGTH:])).decryptor()
    decryptor.authenticate_additional_data(aad)
    try:
        return decryptor.update(sealed[:-TAG_LENGTH]) + decryptor.finalize()
    except InvalidTag as error:
        raise IntegrityError("sealed value does not open: another key or field, or altered bytes") from error


def cbc_encrypt(key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """CBC with PKCS #7 padding."""
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
