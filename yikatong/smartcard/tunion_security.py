"""The transit purse's cryptography in its two dresses: SM4 (the default) and the older triple DES. Pure, for both sides.

All keys are 16 bytes, MACs and TACs 4. A card's keys lie two levels below the city's: the issuer's, then the card's.
Source: JR/T 0025 (sessions, MACs, TAC and diversification with triple DES). That SM4 takes the same places, with its session
input filled up with zeros, its MAC the first four bytes of the last block, and the TAC under the whole key: assumption (the SM4
form of JT/T 978 is not public).
"""

from abc import ABC, abstractmethod
from enum import IntEnum

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from yikatong.gm import sm4

MAC_LENGTH = 4
_DES_BLOCK = 8


class Algorithm(IntEnum):
    """The algorithm byte in a card's answers. Source: assumption, after the social security environment's tag 86."""

    TRIPLE_DES = 0x01
    SM4 = 0x03


class PurseCipher(ABC):
    """One of the two. ``session`` keys are whatever the same object's ``mac`` takes."""

    @abstractmethod
    def diversify(self, key: bytes, factor: bytes) -> bytes:
        """The key one level below, for a factor of 8 bytes."""

    @abstractmethod
    def session(self, key: bytes, context: bytes) -> bytes:
        """The key of one transaction, from 8 bytes: random, the card's counter, the terminal's low two."""

    @abstractmethod
    def mac(self, session: bytes, data: bytes) -> bytes:
        """What proves a transaction's data."""

    @abstractmethod
    def tac(self, key: bytes, data: bytes) -> bytes:
        """What proves a finished transaction to whoever settles it."""

    def card_key(self, master: bytes, issuer: bytes, serial: bytes) -> bytes:
        """A card's own key. ``issuer``, ``serial``: 8 bytes each, of file 15."""
        return self.diversify(self.diversify(master, issuer), serial)


class Sm4Cipher(PurseCipher):
    """SM4."""

    def diversify(self, key: bytes, factor: bytes) -> bytes:
        """See ``PurseCipher``."""
        return sm4.encrypt_block(key, factor + _complement(factor))

    def session(self, key: bytes, context: bytes) -> bytes:
        """See ``PurseCipher``."""
        return sm4.encrypt_block(key, context + bytes(sm4.BLOCK_LENGTH - len(context)))

    def mac(self, session: bytes, data: bytes) -> bytes:
        """See ``PurseCipher``."""
        return sm4.cbc_mac(session, data)[:MAC_LENGTH]

    def tac(self, key: bytes, data: bytes) -> bytes:
        """See ``PurseCipher``."""
        return self.mac(key, data)


class TripleDesCipher(PurseCipher):
    """Triple DES with two keys; sessions and TACs are single DES, as the older cards have it."""

    def diversify(self, key: bytes, factor: bytes) -> bytes:
        """See ``PurseCipher``."""
        return _des(key, factor) + _des(key, _complement(factor))

    def session(self, key: bytes, context: bytes) -> bytes:
        """See ``PurseCipher``."""
        return _des(key, context)

    def mac(self, session: bytes, data: bytes) -> bytes:
        """See ``PurseCipher``."""
        padded = data + b"\x80" + bytes(-(len(data) + 1) % _DES_BLOCK)
        return _des(session, padded, iv=bytes(_DES_BLOCK))[-_DES_BLOCK:][:MAC_LENGTH]

    def tac(self, key: bytes, data: bytes) -> bytes:
        """See ``PurseCipher``."""
        folded = bytes(left ^ right for left, right in zip(key[:_DES_BLOCK], key[_DES_BLOCK:], strict=True))
        return self.mac(folded, data)


CIPHERS: dict[int, PurseCipher] = {Algorithm.TRIPLE_DES: TripleDesCipher(), Algorithm.SM4: Sm4Cipher()}
"""By the algorithm byte."""


def issuer_factor(issuer: bytes) -> bytes:
    """The factor of the issuer's level: its id's first four bytes and FFFFFFFF. Source: gates' own code (standards §2)."""
    return issuer[:4] + b"\xff\xff\xff\xff"


def purchase_context(random: bytes, counter: int, terminal_counter: int) -> bytes:
    """What makes a purchase's session key."""
    return random + counter.to_bytes(2) + (terminal_counter & 0xFFFF).to_bytes(2)


def load_context(random: bytes, counter: int) -> bytes:
    """What makes a load's session key. Source: JR/T 0025."""
    return random + counter.to_bytes(2) + b"\x80\x00"


def authorised(amount: bytes, kind: int, terminal: bytes, time: bytes) -> bytes:
    """What a purchase's MAC1 and a load's MAC2 cover: amount (4), type, terminal (6), date and time (7)."""
    return amount + bytes((kind,)) + terminal + time


def purchase_receipt(amount: bytes, kind: int, terminal: bytes, number: bytes, time: bytes) -> bytes:
    """What a purchase's TAC covers. ``number``: the terminal's, 4 bytes."""
    return amount + bytes((kind,)) + terminal + number + time


def load_receipt(balance: bytes, counter: int, amount: bytes, kind: int, terminal: bytes, time: bytes) -> bytes:
    """What a load's TAC covers. ``balance``: the new one; ``counter``: the one the load was begun with."""
    return balance + counter.to_bytes(2) + authorised(amount, kind, terminal, time)


def _complement(octets: bytes) -> bytes:
    return bytes(octet ^ 0xFF for octet in octets)


def _des(key: bytes, data: bytes, iv: bytes | None = None) -> bytes:
    """Single DES with a key of 8 bytes, triple with 16; block by block, or chained from ``iv`` on."""
    whole = TripleDES(key * 3 if len(key) == _DES_BLOCK else key + key[:_DES_BLOCK])
    if iv is None:
        encryptor = Cipher(whole, modes.ECB()).encryptor()  # noqa: S305  # single blocks, as the cards' standard has it
    else:
        encryptor = Cipher(whole, modes.CBC(iv)).encryptor()
    return encryptor.update(data) + encryptor.finalize()
