"""The secure channel through which a blank card is written: who is there is proved both ways, and every command is sealed.

It is GlobalPlatform's SCP03 with SM4 in the place of AES-128; the cipher is an argument, so that the published examples, which
are of AES, check the same code. One object is one session on one side; both sides of a session have the same. Challenges are
of 8 bytes, cryptograms and MACs are cut to 8. It sends nothing and stores nothing.
Source: GlobalPlatform Card Specification 2.3, Amendment D (SCP03) 1.1.2; SM4 in the place of AES: assumption.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hmac import compare_digest

from cryptography.hazmat.primitives import cmac
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, algorithms, modes

from yikatong.smartcard.apdu import Command
from yikatong.smartcard.status import Status

C_MAC, C_DECRYPTION, R_MAC, R_ENCRYPTION = 0x01, 0x02, 0x10, 0x20
FULL = C_MAC | C_DECRYPTION | R_MAC | R_ENCRYPTION
"""The level at which both directions are authenticated and encrypted."""
CHALLENGE_LENGTH = MAC_LENGTH = 8
SECURED_DATA_MAX = 239
"""So much data still fits a short command once it is padded, encrypted and MACed."""
_BLOCK = 16
_SECURED = 0x04
_CARD_CRYPTOGRAM, _HOST_CRYPTOGRAM, _ENC, _MAC, _RMAC = 0x00, 0x01, 0x04, 0x06, 0x07

type CipherOf = Callable[[bytes], BlockCipherAlgorithm]


class ChannelBroken(ValueError):
    """What came does not fit the session: another key, or something altered on the way."""


@dataclass(frozen=True, slots=True)
class ChannelKeys:
    """The two keys of a card's issuer domain, 16 bytes each."""

    encryption: bytes = field(repr=False)
    mac: bytes = field(repr=False)


class SecureChannel:
    """A session. ``host_challenge``, ``card_challenge``: 8 bytes. ``level``: the sum of ``C_MAC`` and the others."""

    def __init__(
        self,
        keys: ChannelKeys,
        host_challenge: bytes,
        card_challenge: bytes,
        *,
        level: int = FULL,
        cipher: CipherOf = algorithms.SM4,
    ) -> None:
        self.level, self._cipher = level, cipher
        context = host_challenge + card_challenge
        self._encryption = self._derive(keys.encryption, _ENC, context, 128)
        self._mac = self._derive(keys.mac, _MAC, context, 128)
        self._response_mac = self._derive(keys.mac, _RMAC, context, 128)
        self.card_cryptogram = self._derive(self._mac, _CARD_CRYPTOGRAM, context, 64)
        self.host_cryptogram = self._derive(self._mac, _HOST_CRYPTOGRAM, context, 64)
        self._chaining = bytes(_BLOCK)
        self._counter = 0

    def external_authenticate(self) -> Command:
        """The host's proof, and the level it asks for; the session's first command."""
        return self._with_mac(Command(0x80, 0x82, self.level, 0x00, self.host_cryptogram))

    def check_external_authenticate(self, command: Command) -> None:
        """On the card: whether the host has the keys. Raises ``ChannelBroken``."""
        shown = self._without_mac(command).data
        if not compare_digest(shown, self.host_cryptogram):
            raise ChannelBroken("the host's cryptogram is wrong")

    def wrap(self, command: Command) -> Command:
        """On the host: a command as the level wants it. At most ``SECURED_DATA_MAX`` bytes of data."""
        self._counter += 1
        if self.level & C_DECRYPTION and command.data:
            padded = _padded(command.data)
            encryptor = Cipher(self._cipher(self._encryption), modes.CBC(self._vector(0))).encryptor()
            command = replace(command, data=encryptor.update(padded) + encryptor.finalize())
        return self._with_mac(command)

    def unwrap(self, command: Command) -> Command:
        """On the card: what ``wrap`` was given. Raises ``ChannelBroken``."""
        command = self._without_mac(command)
        self._counter += 1
        if self.level & C_DECRYPTION and command.data:
            command = replace(command, data=self._opened(command.data, 0))
        return command

    def wrap_answer(self, data: bytes, status: int = Status.SUCCESS) -> bytes:
        """On the card: the data of a good answer as the level wants them."""
        if self.level & R_ENCRYPTION and data:
            encryptor = Cipher(self._cipher(self._encryption), modes.CBC(self._vector(0x80))).encryptor()
            data = encryptor.update(_padded(data)) + encryptor.finalize()
        return data + self._answer_mac(data, status) if self.level & R_MAC else data

    def unwrap_answer(self, data: bytes, status: int = Status.SUCCESS) -> bytes:
        """On the host: the data of the answer to the command wrapped last. Raises ``ChannelBroken``."""
        if self.level & R_MAC:
            data, shown = data[:-MAC_LENGTH], data[-MAC_LENGTH:]
            if not compare_digest(shown, self._answer_mac(data, status)):
                raise ChannelBroken("the MAC of an answer is wrong")
        return self._opened(data, 0x80) if self.level & R_ENCRYPTION and data else data

    def _derive(self, key: bytes, constant: int, context: bytes, bits: int) -> bytes:
        """Counter mode with one block. Source: NIST SP 800-108; Amendment D, 4.1.5."""
        label = bytes(11) + bytes((constant,)) + b"\0" + bits.to_bytes(2) + b"\x01"
        return self._cmac(key, label + context)[: bits // 8]

    def _cmac(self, key: bytes, octets: bytes) -> bytes:
        context = cmac.CMAC(self._cipher(key))
        context.update(octets)
        return context.finalize()

    def _with_mac(self, command: Command) -> Command:
        secured = replace(command, cla=command.cla | _SECURED)
        self._chaining = self._cmac(self._mac, self._chaining + _authenticated(secured))
        return replace(secured, data=secured.data + self._chaining[:MAC_LENGTH])

    def _without_mac(self, command: Command) -> Command:
        if command.is_extended or len(command.data) < MAC_LENGTH:
            raise ChannelBroken("a secured command is short and has a MAC")
        bare = replace(command, data=command.data[:-MAC_LENGTH])
        expected = self._cmac(self._mac, self._chaining + _authenticated(bare))
        if not compare_digest(command.data[-MAC_LENGTH:], expected[:MAC_LENGTH]):
            raise ChannelBroken("the MAC of a command is wrong")
        self._chaining = expected
        return replace(bare, cla=command.cla & ~_SECURED)

    def _answer_mac(self, data: bytes, status: int) -> bytes:
        return self._cmac(self._response_mac, self._chaining + data + status.to_bytes(2))[:MAC_LENGTH]

    def _vector(self, direction: int) -> bytes:
        """The counter under the bare cipher; ``direction`` 80 for answers. Source: Amendment D, 6.2.6 and 6.2.7."""
        counter = bytes((direction,)) + self._counter.to_bytes(_BLOCK - 1)
        encryptor = Cipher(self._cipher(self._encryption), modes.ECB()).encryptor()  # noqa: S305  one block, no mode
        return encryptor.update(counter) + encryptor.finalize()

    def _opened(self, octets: bytes, direction: int) -> bytes:
        if len(octets) % _BLOCK:
            raise ChannelBroken("encrypted data are not whole blocks")
        decryptor = Cipher(self._cipher(self._encryption), modes.CBC(self._vector(direction))).decryptor()
        text, mark, rest = (decryptor.update(octets) + decryptor.finalize()).rpartition(b"\x80")
        if not mark or rest.strip(b"\0"):
            raise ChannelBroken("encrypted data are not padded as they must be")
        return text


def _authenticated(command: Command) -> bytes:
    """What the MAC is over: the header, Lc with the MAC counted in, and the data."""
    return command.header + bytes((len(command.data) + MAC_LENGTH,)) + command.data


def _padded(data: bytes) -> bytes:
    return data + b"\x80" + bytes(-(len(data) + 1) % _BLOCK)
