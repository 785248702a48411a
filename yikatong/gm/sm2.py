"""SM2 signatures on the recommended curve, with SM3, over libcrypto.

Source: GM/T 0003 (GB/T 32918). The hash that is signed covers the signer's distinguishing id and public key (Z); it is
computed here, so that libcrypto only does the curve. Keys are safe to share between threads. It neither encrypts nor
exchanges keys.
"""

import secrets
from functools import cache, cached_property
from typing import Any, Protocol

from yikatong.foundation.errors import YikatongError
from yikatong.gm import sm3
from yikatong.gm.libcrypto import NID_SM2, fail, ffi, lib

DEFAULT_SIGNER_ID = b"1234567812345678"
"""The distinguishing id when none is agreed. Source: GM/T 0009, section 10."""

SIGNATURE_LENGTH = 64
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
"""The curve's order n. Source: GM/T 0003.5."""

_CURVE = bytes.fromhex(
    "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC"  # a
    "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93"  # b
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"  # xG
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"  # yG
)
_SIGNER_ID_LENGTH_MAX = 8191  # its length in bits is hashed as two bytes
_GROUP = ffi.gc(lib.EC_GROUP_new_by_curve_name(NID_SM2), lib.EC_GROUP_free)
_UNCOMPRESSED = 4  # POINT_CONVERSION_UNCOMPRESSED
_PUBLIC, _KEYPAIR = 0x86, 0x87  # EVP_PKEY_PUBLIC_KEY, EVP_PKEY_KEYPAIR


class KeyInvalid(YikatongError):
    """The bytes given are not an SM2 key."""


def raw_to_der(signature: bytes) -> bytes:
    """``r ‖ s`` (64 bytes) as the DER sequence of two integers that certificates carry."""
    if len(signature) != SIGNATURE_LENGTH:
        raise ValueError(f"a raw SM2 signature has {SIGNATURE_LENGTH} bytes, not {len(signature)}")
    body = b"".join(_der_integer(part) for part in (signature[:32], signature[32:]))
    return bytes([0x30, len(body)]) + body


def der_to_raw(signature: bytes) -> bytes:
    """The DER sequence of two integers as ``r ‖ s`` (64 bytes). Raises ``ValueError`` on anything but strict DER."""
    if len(signature) < 8 or signature[0] != 0x30 or signature[1] != len(signature) - 2:
        raise ValueError("not a DER sequence of two integers")
    parts, rest = [], signature[2:]
    for _ in range(2):
        length = rest[1] if len(rest) > 2 and rest[0] == 0x02 else 0
        value, rest = rest[2 : 2 + length], rest[2 + length :]
        number = value.lstrip(b"\0")
        if not value or value[0] & 0x80 or len(number) > 32 or _der_integer(number) != bytes([2, length]) + value:
            raise ValueError("not a DER sequence of two integers")
        parts.append(number.rjust(32, b"\0"))
    if rest:
        raise ValueError("bytes after the signature")
    return b"".join(parts)


def _der_integer(value: bytes) -> bytes:
    value = value.lstrip(b"\0") or b"\0"
    if value[0] & 0x80:
        value = b"\0" + value
    return bytes([0x02, len(value)]) + value


class Signer(Protocol):
    """What signs: a ``PrivateKey``, or a key that never leaves an HSM."""

    @property
    def public(self) -> "PublicKey":
        """The key that verifies what this one signs."""

    def sign(self, message: bytes, *, signer_id: bytes = DEFAULT_SIGNER_ID) -> bytes:
        """64 bytes ``r ‖ s``."""

    def sign_der(self, message: bytes, *, signer_id: bytes = DEFAULT_SIGNER_ID) -> bytes:
        """A DER sequence of two integers."""


class PublicKey:
    """A point on the curve that verifies signatures."""

    def __init__(self, point: bytes, *, private: bytes | None = None) -> None:
        """``point``: 65 bytes, uncompressed and already checked; use ``from_point`` for bytes from outside."""
        self.point = point
        self._pkey = _make_pkey(point, private) if private else _make_public(point)
        self._verifiers: list[Any] = []

    @classmethod
    def from_point(cls, octets: bytes) -> "PublicKey":
        """A key from SEC 1 octets: 33 bytes compressed or 65 uncompressed. Raises ``KeyInvalid``."""
        octets = bytes(octets)
        if (len(octets), octets[:1]) not in {(33, b"\2"), (33, b"\3"), (65, b"\4")}:
            raise KeyInvalid(f"an SM2 public key is 02/03 + 32 bytes or 04 + 64 bytes; got {len(octets)} bytes")
        point = ffi.gc(lib.EC_POINT_new(_GROUP), lib.EC_POINT_free)
        if lib.EC_POINT_oct2point(_GROUP, point, octets, len(octets), ffi.NULL) != 1:
            lib.ERR_clear_error()
            raise KeyInvalid("the SM2 public key does not lie on the curve")
        return cls(_octets_of(point))

    @property
    def compressed(self) -> bytes:
        """33 bytes: 02 or 03 by the parity of y, then x."""
        return bytes([2 + (self.point[64] & 1)]) + self.point[1:33]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and other.point == self.point

    def __hash__(self) -> int:
        return hash(self.point)

    def __repr__(self) -> str:
        return f"PublicKey({self.compressed.hex()})"

    @cached_property
    def _default_z(self) -> bytes:
        return self._z(DEFAULT_SIGNER_ID)

    def _z(self, signer_id: bytes) -> bytes:
        if len(signer_id) > _SIGNER_ID_LENGTH_MAX:
            raise ValueError(f"an SM2 signer id has at most {_SIGNER_ID_LENGTH_MAX} bytes, not {len(signer_id)}")
        return sm3.digest((len(signer_id) * 8).to_bytes(2) + signer_id + _CURVE + self.point[1:])

    def signed_digest(self, message: bytes, signer_id: bytes = DEFAULT_SIGNER_ID) -> bytes:
        """``e = SM3(Z ‖ M)``, what the curve operation signs. Source: GM/T 0003.2, 5.5 and 6.1."""
        z = self._default_z if signer_id == DEFAULT_SIGNER_ID else self._z(signer_id)
        return sm3.digest(z + message)

    def verify(self, message: bytes, signature: bytes, *, signer_id: bytes = DEFAULT_SIGNER_ID) -> bool:
        """Whether the raw signature (64 bytes) is this key's over ``message``. Never raises on a bad signature."""
        if len(signature) != SIGNATURE_LENGTH:
            return False
        return self._verify(self.signed_digest(message, signer_id), raw_to_der(bytes(signature)))

    def verify_der(self, message: bytes, signature: bytes, *, signer_id: bytes = DEFAULT_SIGNER_ID) -> bool:
        """The same for a DER signature; anything but strict DER is a bad signature."""
        der = bytes(signature)
        try:
            der_to_raw(der)
        except ValueError:
            return False
        return self._verify(self.signed_digest(message, signer_id), der)

    def _verify(self, digest: bytes, der: bytes) -> bool:
        context = _take(self._verifiers, self._pkey, lib.EVP_PKEY_verify_init)
        valid = lib.EVP_PKEY_verify(context, der, len(der), digest, len(digest)) == 1
        self._verifiers.append(context)
        if not valid:
            lib.ERR_clear_error()
        return bool(valid)


class PrivateKey:
    """A scalar that signs. Neither ``repr`` nor errors show it."""

    def __init__(self, scalar: bytes) -> None:
        number = int.from_bytes(scalar)
        if len(scalar) != 32 or not 1 <= number <= ORDER - 2:
            raise KeyInvalid("an SM2 private key has 32 bytes and lies between 1 and n-2")
        self.scalar = scalar
        self.public = PublicKey(_multiply_base(scalar), private=scalar)
        self._signers: list[Any] = []

    @classmethod
    def generate(cls) -> "PrivateKey":
        """A fresh key from the operating system's random source."""
        return cls(_fresh_scalar())

    @classmethod
    def from_scalar(cls, scalar: bytes) -> "PrivateKey":
        """A key from its 32 bytes. Raises ``KeyInvalid``."""
        return cls(bytes(scalar))

    def __repr__(self) -> str:
        return f"PrivateKey(of {self.public!r})"

    def sign(self, message: bytes, *, signer_id: bytes = DEFAULT_SIGNER_ID) -> bytes:
        """Sign ``message``; 64 bytes ``r ‖ s``."""
        return der_to_raw(self.sign_der(message, signer_id=signer_id))

    def sign_der(self, message: bytes, *, signer_id: bytes = DEFAULT_SIGNER_ID) -> bytes:
        """Sign ``message``; a DER sequence of two integers, as certificates carry it."""
        digest = self.public.signed_digest(message, signer_id)
        context = _take(self._signers, self.public._pkey, lib.EVP_PKEY_sign_init)
        signature = ffi.new("unsigned char[80]")
        length = ffi.new("size_t *", 80)
        if lib.EVP_PKEY_sign(context, signature, length, digest, len(digest)) != 1:
            raise fail("an SM2 signature")
        self._signers.append(context)
        return bytes(ffi.buffer(signature, length[0]))


def generate_pair() -> tuple[bytes, bytes]:
    """A fresh key that somebody else will sign with: its scalar (32 bytes) and its public point (65 bytes).

    Cheaper than ``PrivateKey.generate`` by what it takes to make a key ready for use here.
    """
    scalar = _fresh_scalar()
    return scalar, _multiply_base(scalar)


def _fresh_scalar() -> bytes:
    return (secrets.randbelow(ORDER - 2) + 1).to_bytes(32)


def _take(idle: list[Any], pkey: Any, prepare: Any) -> Any:
    """A prepared context that no other thread uses; the caller puts it back into ``idle``.

    Every call into libcrypto lets go of the interpreter lock and must win it back, which costs more than the call itself
    while another thread signs: with prepared contexts one signature is one call.
    """
    try:
        return idle.pop()
    except IndexError:
        context = ffi.gc(lib.EVP_PKEY_CTX_new_from_pkey(ffi.NULL, pkey, ffi.NULL), lib.EVP_PKEY_CTX_free)
        if context == ffi.NULL or prepare(context) != 1:
            raise fail("preparing an SM2 key") from None
        return context


def _octets_of(point: Any) -> bytes:
    octets = ffi.new("unsigned char[65]")
    if lib.EC_POINT_point2oct(_GROUP, point, _UNCOMPRESSED, octets, 65, ffi.NULL) != 65:
        raise fail("encoding an SM2 public key")
    return bytes(ffi.buffer(octets))


def _multiply_base(scalar: bytes) -> bytes:
    number = ffi.gc(lib.BN_bin2bn(scalar, len(scalar), ffi.NULL), lib.BN_clear_free)
    point = ffi.gc(lib.EC_POINT_new(_GROUP), lib.EC_POINT_free)
    if lib.EC_POINT_mul(_GROUP, point, number, ffi.NULL, ffi.NULL, ffi.NULL) != 1:
        raise fail("deriving an SM2 public key")
    return _octets_of(point)


@cache
def _any_public() -> Any:
    """A key to make others like: the curve's generator."""
    return _make_pkey(_multiply_base((1).to_bytes(32)), None)


def _make_public(point: bytes) -> Any:
    """A key for verifying. Copying one and giving it another point takes a seventh of building it by its parameters."""
    copy = lib.EVP_PKEY_dup(_any_public())
    if copy == ffi.NULL:
        raise fail("copying an SM2 key")
    pkey = ffi.gc(copy, lib.EVP_PKEY_free)
    if lib.EVP_PKEY_set1_encoded_public_key(pkey, point, len(point)) != 1:
        lib.ERR_clear_error()
        raise KeyInvalid("the SM2 public key does not lie on the curve")
    return pkey


def _make_pkey(point: bytes, private: bytes | None) -> Any:
    build = ffi.gc(lib.OSSL_PARAM_BLD_new(), lib.OSSL_PARAM_BLD_free)
    lib.OSSL_PARAM_BLD_push_utf8_string(build, b"group", b"SM2", 0)
    lib.OSSL_PARAM_BLD_push_octet_string(build, b"pub", point, len(point))
    number = ffi.gc(lib.BN_bin2bn(private, len(private), ffi.NULL), lib.BN_clear_free) if private else None
    if number is not None:
        lib.OSSL_PARAM_BLD_push_BN(build, b"priv", number)
    parameters = ffi.gc(lib.OSSL_PARAM_BLD_to_param(build), lib.OSSL_PARAM_free)
    context = ffi.gc(lib.EVP_PKEY_CTX_new_from_name(ffi.NULL, b"SM2", ffi.NULL), lib.EVP_PKEY_CTX_free)
    made = ffi.new("EVP_PKEY **")
    selection = _PUBLIC if number is None else _KEYPAIR
    if lib.EVP_PKEY_fromdata_init(context) != 1 or lib.EVP_PKEY_fromdata(context, made, selection, parameters) != 1:
        raise fail("loading an SM2 key")
    return ffi.gc(made[0], lib.EVP_PKEY_free)
