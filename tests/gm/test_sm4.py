"""SM4 against GM/T 0002, RFC 8998, gmalg and the openssl command; what was altered does not open."""

from collections.abc import Callable
from typing import Any

import gmalg
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from yikatong.gm import sm4
from yikatong.gm.sm4 import IntegrityError

KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
IV = bytes(range(16))
NONCE = bytes(range(12))
LENGTHS = (0, 1, 15, 16, 17, 64, 100)


def test_the_standards_blocks(sm4_block: dict[str, Any]) -> None:
    key, block = sm4_block["key"], sm4_block["plaintext"]
    if sm4_block["rounds"] == 1:
        assert sm4.encrypt_block(key, block) == sm4_block["ciphertext"]
        assert sm4.decrypt_block(key, sm4_block["ciphertext"]) == block
    encryptor = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()  # one object for a million rounds
    for _ in range(sm4_block["rounds"]):
        block = encryptor.update(block)
    assert block == sm4_block["ciphertext"]


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_gmalg_agrees_on_blocks(key: bytes, block: bytes) -> None:
    assert sm4.encrypt_block(key, block) == gmalg.SM4(key).encrypt(block)
    assert sm4.decrypt_block(key, sm4.encrypt_block(key, block)) == block


def test_the_rfcs_gcm(sm4_gcm: dict[str, Any]) -> None:
    sealed = sm4_gcm["ciphertext"] + sm4_gcm["tag"]
    arguments = sm4_gcm["key"], sm4_gcm["nonce"]
    assert sm4.gcm_encrypt(*arguments, sm4_gcm["plaintext"], sm4_gcm["aad"]) == sealed
    assert sm4.gcm_decrypt(*arguments, sealed, sm4_gcm["aad"]) == sm4_gcm["plaintext"]


@given(st.binary(max_size=100), st.binary(max_size=40))
def test_gcm_comes_back(plaintext: bytes, aad: bytes) -> None:
    sealed = sm4.gcm_encrypt(KEY, NONCE, plaintext, aad)
    assert len(sealed) == len(plaintext) + sm4.TAG_LENGTH
    assert sm4.gcm_decrypt(KEY, NONCE, sealed, aad) == plaintext


SEALED = sm4.gcm_encrypt(KEY, NONCE, b"119901199001010015", b"identity_number")


@given(st.integers(0, len(SEALED) * 8 - 1))
def test_gcm_with_one_bit_flipped_does_not_open(bit: int) -> None:
    flipped = (int.from_bytes(SEALED) ^ 1 << bit).to_bytes(len(SEALED))
    with pytest.raises(IntegrityError, match="altered bytes"):
        sm4.gcm_decrypt(KEY, NONCE, flipped, b"identity_number")


@pytest.mark.parametrize(
    ("key", "nonce", "sealed", "aad"),
    [
        (KEY, NONCE, SEALED, b"name"),
        (KEY, NONCE, SEALED, b""),
        (KEY[::-1], NONCE, SEALED, b"identity_number"),
        (KEY, NONCE[::-1], SEALED, b"identity_number"),
        (KEY, NONCE, SEALED[:-1], b"identity_number"),
        (KEY, NONCE, SEALED[:15], b"identity_number"),
        (KEY, NONCE, b"", b"identity_number"),
    ],
    ids=["another field", "no field", "another key", "another nonce", "cut", "shorter than a tag", "nothing"],
)
def test_gcm_under_other_circumstances_does_not_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> None:
    with pytest.raises(IntegrityError):
        sm4.gcm_decrypt(key, nonce, sealed, aad)


@pytest.mark.parametrize("length", [0, 8, 11, 13, 16])
def test_only_nonces_of_12_bytes_are_taken(length: int) -> None:
    with pytest.raises(ValueError, match=f"12 bytes here, not {length}"):
        sm4.gcm_encrypt(KEY, bytes(length), b"")
    with pytest.raises(ValueError, match=f"12 bytes here, not {length}"):
        sm4.gcm_decrypt(KEY, bytes(length), SEALED)


@pytest.mark.parametrize("length", LENGTHS)
def test_openssl_agrees_on_cbc(openssl: Callable[..., bytes], length: int) -> None:
    plaintext = bytes(range(length))
    ours = sm4.cbc_encrypt(KEY, IV, plaintext)
    command = ("enc", "-sm4-cbc", "-K", KEY.hex(), "-iv", IV.hex())
    assert ours == openssl(*command, stdin=plaintext)
    assert openssl(*command, "-d", stdin=ours) == plaintext
    assert sm4.cbc_decrypt(KEY, IV, ours) == plaintext


@pytest.mark.parametrize("ciphertext", [b"", bytes(15), bytes(17), sm4.encrypt_block(KEY, bytes(16))])
def test_cbc_of_a_wrong_length_or_padding_does_not_open(ciphertext: bytes) -> None:
    with pytest.raises(IntegrityError, match="wrong length or padding"):
        sm4.cbc_decrypt(KEY, bytes(16), ciphertext)


@pytest.mark.parametrize("length", LENGTHS)
def test_openssl_agrees_on_cmac(openssl: Callable[..., bytes], length: int) -> None:
    data = bytes(range(length))
    command = ("mac", "-cipher", "SM4-CBC", "-macopt", f"hexkey:{KEY.hex()}", "-in", "-", "-binary", "CMAC")
    assert sm4.mac(KEY, data) == openssl(*command, stdin=data)


@pytest.mark.parametrize("iv", [bytes(16), IV])
@pytest.mark.parametrize("length", LENGTHS)
def test_openssl_agrees_on_cbc_mac(openssl: Callable[..., bytes], length: int, iv: bytes) -> None:
    """ISO/IEC 9797-1, algorithm 1, padding method 2: the last block of CBC over data, 80, zeros."""
    data = bytes(range(length))
    padded = data + b"\x80"
    while len(padded) % 16:
        padded += b"\0"
    command = ("enc", "-sm4-cbc", "-nopad", "-K", KEY.hex(), "-iv", iv.hex())
    assert sm4.cbc_mac(KEY, data, iv) == openssl(*command, stdin=padded)[-16:]


def test_keys_have_16_bytes() -> None:
    with pytest.raises(ValueError, match="key size"):
        sm4.mac(KEY + b"\0", b"")


def test_a_prepared_block_cipher_gives_what_encrypting_a_block_gives() -> None:
    cipher = sm4.BlockCipher(KEY)
    for block in (bytes(16), bytes(range(16)), bytes(range(48))):
        assert cipher.encrypt(block) == sm4.encrypt_block(KEY, block)
    with pytest.raises(ValueError, match="whole blocks"):
        cipher.encrypt(bytes(15))
