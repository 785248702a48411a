"""SM4-GCM over many short values under one key, several times faster than one cipher object per value.

Setting up a GCM context costs far more than encrypting an identity number with it, and a city's register has tens of
millions of them. Here all counter blocks of a batch go through the block cipher in one call, and the authentication
tags (GHASH) are computed for all values at once. What comes out is ordinary SM4-GCM, byte for byte.

It only seals; values are opened one at a time by ``sm4.gcm_decrypt``. Its look-up tables, like those of OpenSSL's own
SM4, could be watched through the processor's cache by a hostile process on the same machine: share the machine that
imports the register with nobody.
Source: NIST SP 800-38D, 6.4 (GHASH) and 7.1 (GCM), with 96-bit nonces.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from yikatong.gm.sm4 import BLOCK_LENGTH, NONCE_LENGTH, TAG_LENGTH, encrypt_block, gcm_encrypt

_REDUCTION = 0xE1 << 120  # x^128 + x^7 + x^2 + x + 1, in GCM's bit order
_FEWEST = 16  # below this many values of one length, the preparation costs more than it saves
_MOST = 2048  # at once: keeps the working set in the processor's cache

type Octets = NDArray[np.uint8]
type Halves = NDArray[np.uint64]  # a block in two; only ever exclusive-ored, so byte order does not matter


class BulkGcm:
    """Seals under one key (16 bytes). Safe to share between threads and across a fork: it holds no changing state."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._times_h = _multiplication_table(encrypt_block(key, bytes(BLOCK_LENGTH)))

    def encrypt_many(
        self, nonces: bytes, plaintexts: Sequence[bytes], aad: bytes, *, prefix: bytes = b""
    ) -> list[bytes]:
        """``prefix ‖ nonce ‖ ciphertext ‖ tag`` of each plaintext, in their order.

        ``nonces``: 12 bytes for each, joined, none ever used before with this key; ``aad`` is authenticated with each.
        """
        if len(nonces) != NONCE_LENGTH * len(plaintexts):
            raise ValueError(f"{len(plaintexts)} values need {NONCE_LENGTH} nonce bytes each, got {len(nonces)} in all")
        by_length: dict[int, list[int]] = {}
        for place, plaintext in enumerate(plaintexts):
            by_length.setdefault(len(plaintext), []).append(place)
        sealed = [b""] * len(plaintexts)
        all_nonces = np.frombuffer(nonces, np.uint8).reshape(-1, NONCE_LENGTH)
        for length, places in by_length.items():
            for some in _pieces(places):
                if len(some) < _FEWEST:
                    for place in some:
                        nonce = nonces[place * NONCE_LENGTH : (place + 1) * NONCE_LENGTH]
                        sealed[place] = prefix + nonce + gcm_encrypt(self._key, nonce, plaintexts[place], aad)
                    continue
                joined = np.frombuffer(b"".join([plaintexts[place] for place in some]), np.uint8)
                rows = self._encrypt_equal(all_nonces[some], joined.reshape(len(some), length), aad, prefix)
                for place, row in zip(some, rows, strict=True):
                    sealed[place] = row
        return sealed

    def _encrypt_equal(self, nonces: Octets, plaintexts: Octets, aad: bytes, prefix: bytes) -> Iterator[bytes]:
        """The same for values of one length: row by row of two arrays."""
        count, length = plaintexts.shape
        blocks = -(-length // BLOCK_LENGTH)
        keystream = self._keystream(nonces, blocks)
        padded = np.zeros((count, blocks * BLOCK_LENGTH), np.uint8)
        padded[:, :length] = plaintexts ^ keystream[:, BLOCK_LENGTH : BLOCK_LENGTH + length]
        tags = self._ghash(padded, length, aad) ^ keystream[:, :BLOCK_LENGTH]
        start = len(prefix) + NONCE_LENGTH
        out = np.empty((count, start + length + TAG_LENGTH), np.uint8)
        out[:, : len(prefix)] = np.frombuffer(prefix, np.uint8)
        out[:, len(prefix) : start] = nonces
        out[:, start : start + length] = padded[:, :length]
        out[:, start + length :] = tags
        octets, width = out.tobytes(), out.shape[1]
        return (octets[at : at + width] for at in range(0, len(octets), width))

    def _keystream(self, nonces: Octets, blocks: int) -> Octets:
        """For each nonce the block that masks its tag (counter 1), then those that encrypt (counters 2…)."""
        counters = np.empty((len(nonces), blocks + 1, BLOCK_LENGTH), np.uint8)
        counters[:, :, :NONCE_LENGTH] = nonces[:, None, :]
        numbers = np.arange(1, blocks + 2, dtype=">u4")
        counters[:, :, NONCE_LENGTH:] = numbers.view(np.uint8).reshape(-1, 4)
        return np.frombuffer(encrypt_block(self._key, counters.tobytes()), np.uint8).reshape(len(nonces), -1)

    def _ghash(self, padded: Octets, length: int, aad: bytes) -> Octets:
        """GHASH of ``aad`` and each row of zero-padded ciphertext, of which ``length`` bytes count."""
        rows, blocks = padded.shape[0], padded.view(np.uint64).reshape(padded.shape[0], -1, 2)
        state = np.zeros((1, 2), np.uint64)
        padded_aad = np.frombuffer(aad + bytes(-len(aad) % BLOCK_LENGTH), np.uint64).reshape(-1, 2)
        for block in padded_aad:  # the same for every row, so done once
            state = self._multiply(state ^ block)
        state = np.repeat(state, rows, axis=0)
        for number in range(blocks.shape[1]):
            state = self._multiply(state ^ blocks[:, number])
        lengths = (len(aad) * 8).to_bytes(8) + (length * 8).to_bytes(8)
        return self._multiply(state ^ np.frombuffer(lengths, np.uint64)).view(np.uint8)

    def _multiply(self, state: Halves) -> Halves:
        octets = np.ascontiguousarray(state).view(np.uint8)
        product: Halves = self._times_h[0].take(octets[:, 0], axis=0)
        for position in range(1, BLOCK_LENGTH):
            product ^= self._times_h[position].take(octets[:, position], axis=0)
        return product


def _pieces(places: list[int]) -> Iterator[list[int]]:
    return (places[at : at + _MOST] for at in range(0, len(places), _MOST))


def _multiplication_table(h: bytes) -> Halves:
    """``table[position][octet]`` is that octet, at that position of a block, times H."""
    shifted, value = [], int.from_bytes(h)
    for _ in range(BLOCK_LENGTH * 8):  # bit i of a block, counted from its first byte's highest, stands for x^i
        shifted.append(value.to_bytes(BLOCK_LENGTH))
        value = (value >> 1) ^ (_REDUCTION if value & 1 else 0)
    by_bit = np.frombuffer(b"".join(shifted), np.uint64).reshape(BLOCK_LENGTH, 8, 2)
    table = np.zeros((BLOCK_LENGTH, 256, 2), np.uint64)
    octets = np.arange(256)
    for bit in range(8):
        table[:, (octets & (0x80 >> bit)) != 0] ^= by_bit[:, bit, None]
    return table
