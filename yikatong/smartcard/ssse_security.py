"""How a social security card and its reader prove themselves to each other: keys, factors, cryptograms, MACs, with SM4.

Pure computation, for both sides. All keys are 16 bytes; factors, challenges and cryptograms 8.
Source: LD/T 32 parts 4, 5 and 7. Its text is written for the older cipher SSF33; that SM4 takes the same place: assumption.
"""

from yikatong.gm.sm4 import BLOCK_LENGTH, cbc_mac, decrypt_block, encrypt_block

FACTOR_LENGTH = 8
_LEVEL_1_TAIL, _LEVEL_2_TAIL = b"0000sh", b"sx"


class SecuredDataWrong(ValueError):
    """Decrypted data without a sound length or padding: another key, or altered bytes."""


def factor_of_province(region_code: str) -> bytes:
    """The factor of level 1: the first two digits of the region (GB/T 2260) in ASCII."""
    return region_code[:2].encode() + _LEVEL_1_TAIL


def factor_of_region(region_code: str) -> bytes:
    """The factor of level 2: all six digits of the region in ASCII."""
    return region_code.encode() + _LEVEL_2_TAIL


def factor_of_card(historical_bytes: bytes) -> bytes:
    """The factor of level 3: T6 to TD of the ATR's 13 historical bytes."""
    return historical_bytes[5:13]


def diversifying_block(factor: bytes) -> bytes:
    """What is encrypted under a key to give the key one level below: the factor and its complement."""
    return factor + bytes(octet ^ 0xFF for octet in factor)


def diversify(key: bytes, *factors: bytes) -> bytes:
    """The key one level below for each factor, from the top."""
    for factor in factors:
        key = encrypt_block(key, diversifying_block(factor))
    return key


def card_key(master: bytes, region_code: str, historical_bytes: bytes) -> bytes:
    """A card's own key, three levels below the master's."""
    regional = factor_of_province(region_code), factor_of_region(region_code)
    return diversify(master, *regional, factor_of_card(historical_bytes))


def session_key(key: bytes, factor: bytes) -> bytes:
    """The key of one exchange."""
    return encrypt_block(key, factor + bytes(BLOCK_LENGTH - FACTOR_LENGTH))


def cryptogram(key: bytes, factor: bytes, original: bytes) -> bytes:
    """鉴别数据: what only a holder of ``key`` can make of the process factor and the original information."""
    return session_cryptogram(session_key(key, factor), original)


def session_cryptogram(session: bytes, original: bytes) -> bytes:
    """鉴别数据 under a session key that is there already."""
    block = encrypt_block(session, original + bytes(BLOCK_LENGTH - len(original)))
    return bytes(left ^ right for left, right in zip(block[:8], block[8:], strict=True))


def pad(data: bytes) -> bytes:
    """``80`` and zeros up to whole blocks; always at least the ``80``."""
    return data + b"\x80" + bytes(-(len(data) + 1) % BLOCK_LENGTH)


def mac(session: bytes, data: bytes) -> bytes:
    """The four bytes that secure a command: the last block of a CBC-MAC, its four words added without carry."""
    last = cbc_mac(session, data)
    words = (last[0:4], last[4:8], last[8:12], last[12:16])
    return bytes(a ^ b ^ c ^ d for a, b, c, d in zip(*words, strict=True))


def encrypt(session: bytes, plaintext: bytes) -> bytes:
    """A command's data in secrecy: its length, itself, padding, block by block."""
    return encrypt_block(session, pad(bytes((len(plaintext),)) + plaintext))


def decrypt(session: bytes, ciphertext: bytes) -> bytes:
    """Undo ``encrypt``. Raises ``SecuredDataWrong``."""
    if not ciphertext or len(ciphertext) % BLOCK_LENGTH:
        raise SecuredDataWrong(f"encrypted data has whole blocks of 16 bytes, not {len(ciphertext)}")
    block = decrypt_block(session, ciphertext)
    plaintext = block[1 : 1 + block[0]]
    if block != pad(block[:1] + plaintext):
        raise SecuredDataWrong("encrypted data of a wrong length or padding")
    return plaintext
