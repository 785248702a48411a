"""Sealing in bulk gives, byte for byte, what sealing one by one gives."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yikatong.gm import gcm_bulk
from yikatong.gm.gcm_bulk import BulkGcm
from yikatong.gm.sm4 import gcm_encrypt

KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")


def nonces_for(count: int) -> bytes:
    return b"".join(number.to_bytes(12) for number in range(count))


def one_by_one(key: bytes, nonces: bytes, plaintexts: list[bytes], aad: bytes, prefix: bytes = b"") -> list[bytes]:
    each = [nonces[at : at + 12] for at in range(0, len(nonces), 12)]
    return [
        prefix + nonce + gcm_encrypt(key, nonce, plaintext, aad)
        for nonce, plaintext in zip(each, plaintexts, strict=True)
    ]


def test_the_rfcs_gcm_in_bulk(sm4_gcm: dict[str, Any]) -> None:
    count = gcm_bulk._FEWEST
    sealed = BulkGcm(sm4_gcm["key"]).encrypt_many(
        sm4_gcm["nonce"] * count, [sm4_gcm["plaintext"]] * count, sm4_gcm["aad"]
    )
    assert sealed == [sm4_gcm["nonce"] + sm4_gcm["ciphertext"] + sm4_gcm["tag"]] * count


@pytest.mark.parametrize("aad", [b"", b"name", b"exactly 16 bytes", b"a field's name of more than a block"], ids=len)
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 31, 32, 33, 100])
def test_every_length_around_a_block(length: int, aad: bytes) -> None:
    plaintexts = [bytes([number]) * length for number in range(20)]
    nonces = nonces_for(20)
    assert BulkGcm(KEY).encrypt_many(nonces, plaintexts, aad) == one_by_one(KEY, nonces, plaintexts, aad)


@settings(max_examples=30)
@given(
    st.binary(min_size=16, max_size=16),
    st.lists(st.sampled_from(["张三", "欧阳测试", "119901199001010015", "10200000001", ""]), max_size=120),
    st.binary(max_size=40),
    st.binary(max_size=3),
)
def test_mixed_lengths_keep_their_order(key: bytes, texts: list[str], aad: bytes, prefix: bytes) -> None:
    plaintexts = [text.encode() for text in texts]
    nonces = nonces_for(len(plaintexts))
    assert BulkGcm(key).encrypt_many(nonces, plaintexts, aad, prefix=prefix) == one_by_one(
        key, nonces, plaintexts, aad, prefix
    )


@pytest.mark.parametrize("extra", [-1, 0, 1, gcm_bulk._FEWEST])
def test_batches_larger_than_a_piece(extra: int) -> None:
    count = gcm_bulk._MOST + extra
    plaintexts = [number.to_bytes(18) for number in range(count)]
    nonces = nonces_for(count)
    assert BulkGcm(KEY).encrypt_many(nonces, plaintexts, b"f") == one_by_one(KEY, nonces, plaintexts, b"f")


@pytest.mark.parametrize("octets", [0, 11, 13, 12, 36])
def test_each_value_needs_its_nonce(octets: int) -> None:
    with pytest.raises(ValueError, match=f"2 values need 12 nonce bytes each, got {octets} in all"):
        BulkGcm(KEY).encrypt_many(bytes(octets), [b"a", b"b"], b"")
