"""The electronic card's code: made by the holder's device, shown as QR, verified offline.

Layout (all numbers big-endian), then base64url without padding, prefixed ``Y1.``: 274 characters.

    device certificate, 127 bytes
        version 1 (=1) | issuer key id 4 | serial 8 | card token 8 | device public key 33 (compressed)
        | not before 4 | not after 4 (Unix seconds) | flags 1 | issuer's SM2 signature 64 over all before it
    issued at 4 (Unix seconds) | nonce 8 | device's SM2 signature 64 over "YKT-CODE-1" ‖ certificate ‖ issued at ‖ nonce

The token means nothing outside the platform, so a code shows no personal data; it names no audience. A certificate
lasts days, a code 60 seconds. Source: assumption; no public specification of the national code's payload is known
(docs/formats/e-card-code.md).
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Protocol, Self

from yikatong.foundation.errors import Refused
from yikatong.gm import sm3
from yikatong.gm.sm2 import KeyInvalid, PrivateKey, PublicKey

PREFIX = "Y1."
VERSION = 1
SIGNED_AS = b"YKT-CODE-1"
KEY_ID_LENGTH, SERIAL_LENGTH, TOKEN_LENGTH, NONCE_LENGTH = 4, 8, 8, 8
POINT_LENGTH, SIGNATURE_LENGTH = 33, 64
CERTIFICATE_LENGTH = 127
CODE_LENGTH = CERTIFICATE_LENGTH + 4 + NONCE_LENGTH + SIGNATURE_LENGTH
TEXT_LENGTH = len(PREFIX) + -(-CODE_LENGTH * 8 // 6)
"""274 characters; the programme allows 300."""
LIFE_MAX = timedelta(seconds=60)
CLOCK_SKEW_MAX = timedelta(seconds=5)


class CodeRefusal(StrEnum):
    """Why a code is refused, in the order of checking."""

    CODE_MALFORMED = "code_malformed"
    ISSUER_UNKNOWN = "issuer_unknown"
    CERTIFICATE_SIGNATURE_WRONG = "certificate_signature_wrong"
    CODE_SIGNATURE_WRONG = "code_signature_wrong"
    CARD_DENIED = "card_denied"
    DEVICE_REVOKED = "device_revoked"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CODE_FROM_FUTURE = "code_from_future"
    CODE_EXPIRED = "code_expired"
    CODE_REPLAYED = "code_replayed"


class CodeRefused(Refused[CodeRefusal]):
    """A code was refused. ``deny_reason`` says why its card is on the deny list, if that is the cause."""

    def __init__(self, reason: CodeRefusal, message: str | None = None, *, deny_reason: str = "") -> None:
        super().__init__(reason, message)
        self.deny_reason = deny_reason


class IssuerKeys(Protocol):
    """The trust list's side of verification."""

    def issuer_key(self, key_id: bytes, at: datetime) -> PublicKey | None:
        """The issuer's key of that id, if it is trusted at that moment."""


class Denied(Protocol):
    """The deny list's side of verification."""

    def reason_for(self, key: str) -> str | None:
        """Why ``token:<hex>`` or ``device:<hex>`` must be refused; ``None`` when it need not."""


def key_id_of(public: PublicKey) -> bytes:
    """The first four bytes of SM3 over the compressed key: what a certificate names its issuer by."""
    return sm3.digest(public.compressed)[:KEY_ID_LENGTH]


@dataclass(frozen=True, slots=True)
class DeviceCertificate:
    """The issuer's word that a device key may sign codes for a card for a few days."""

    issuer_key_id: bytes
    serial: bytes
    card_token: bytes
    device_key: bytes
    not_before_s: int
    not_after_s: int
    flags: int
    octets: bytes

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """From its 127 bytes; the signature is not checked. Raises ``CodeRefused`` (``CODE_MALFORMED``)."""
        if len(octets) != CERTIFICATE_LENGTH or octets[0] != VERSION:
            raise CodeRefused(CodeRefusal.CODE_MALFORMED, "二维码内容不完整或版本不支持")
        return cls(
            issuer_key_id=octets[1:5],
            serial=octets[5:13],
            card_token=octets[13:21],
            device_key=octets[21:54],
            not_before_s=int.from_bytes(octets[54:58]),
            not_after_s=int.from_bytes(octets[58:62]),
            flags=octets[62],
            octets=octets,
        )


def issue_certificate(
    issuer: PrivateKey,
    *,
    serial: bytes,
    card_token: bytes,
    device_key: PublicKey,
    not_before: datetime,
    not_after: datetime,
    flags: int = 0,
) -> bytes:
    """Certify a device key; 127 bytes."""
    if len(serial) != SERIAL_LENGTH or len(card_token) != TOKEN_LENGTH:
        raise ValueError(f"serial and card token have 8 bytes each, not {len(serial)} and {len(card_token)}")
    body = (
        bytes([VERSION])
        + key_id_of(issuer.public)
        + serial
        + card_token
        + device_key.compressed
        + int(not_before.timestamp()).to_bytes(4)
        + int(not_after.timestamp()).to_bytes(4)
        + bytes([flags])
    )
    return body + issuer.sign(body)


def make_code(certificate: bytes, device: PrivateKey, *, issued_at: datetime, nonce: bytes) -> str:
    """A code to show, signed by the device; 274 characters. ``nonce`` must be random: it makes the code good for one use."""
    if len(certificate) != CERTIFICATE_LENGTH or len(nonce) != NONCE_LENGTH:
        raise ValueError("a code needs a certificate of 127 bytes and a nonce of 8")
    body = certificate + int(issued_at.timestamp()).to_bytes(4) + nonce
    return PREFIX + base64.urlsafe_b64encode(body + device.sign(SIGNED_AS + body)).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class UnverifiedCode:
    """A code that could be read; nothing in it is believed yet."""

    certificate: DeviceCertificate
    issued_at_s: int
    nonce: bytes
    signature: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a code's text. Raises ``CodeRefused`` (``CODE_MALFORMED``).

        One code has one spelling: another alphabet, padding or stray low bits are refused, so that nobody can show a used
        code as a fresh one by writing it differently.
        """
        text = text.strip()
        if not text.startswith(PREFIX):
            raise CodeRefused(CodeRefusal.CODE_MALFORMED, "这不是一卡通二维码")
        body = text.removeprefix(PREFIX)
        if len(text) != TEXT_LENGTH:
            raise CodeRefused(CodeRefusal.CODE_MALFORMED, "二维码内容不完整，请重新出示")
        try:
            octets = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise CodeRefused(CodeRefusal.CODE_MALFORMED, "这不是一卡通二维码") from error
        if base64.urlsafe_b64encode(octets).rstrip(b"=").decode() != body:
            raise CodeRefused(CodeRefusal.CODE_MALFORMED, "这不是一卡通二维码")
        end = CERTIFICATE_LENGTH
        return cls(
            certificate=DeviceCertificate.parse(octets[:end]),
            issued_at_s=int.from_bytes(octets[end : end + 4]),
            nonce=octets[end + 4 : end + 12],
            signature=octets[end + 12 :],
        )


@dataclass(frozen=True, slots=True)
class VerifiedCode:
    """A code whose signatures, dates and standing were checked."""

    card_token: bytes
    device_serial: bytes
    issued_at_s: int
    nonce: bytes


def verify_code(
    code: UnverifiedCode,
    issuers: IssuerKeys,
    denied: Denied | None,
    *,
    at: datetime,
    life_max: timedelta = LIFE_MAX,
    skew_max: timedelta = CLOCK_SKEW_MAX,
) -> VerifiedCode:
    """Check a code with nothing but the lists at hand. Raises ``CodeRefused`` with the first reason that applies.

    A denied card is told so even when its code is also too old: the holder must learn what to act on.
    """
    certificate = code.certificate
    check_signatures(code, issuers, at=at)
    if denied is not None:
        reason = denied.reason_for(f"token:{certificate.card_token.hex()}")
        if reason is not None:
            raise CodeRefused(CodeRefusal.CARD_DENIED, "此卡已停用", deny_reason=reason)
        reason = denied.reason_for(f"device:{certificate.serial.hex()}")
        if reason is not None:
            raise CodeRefused(CodeRefusal.DEVICE_REVOKED, "出示此码的设备已被停用", deny_reason=reason)
    now_s = at.timestamp()
    if now_s + skew_max.total_seconds() < certificate.not_before_s:
        raise CodeRefused(CodeRefusal.CERTIFICATE_NOT_YET_VALID, "电子社保卡的证书尚未生效")
    if now_s > certificate.not_after_s:
        raise CodeRefused(CodeRefusal.CERTIFICATE_EXPIRED, "电子社保卡的证书已过期，请联网后重新打开")
    if code.issued_at_s > now_s + skew_max.total_seconds():
        raise CodeRefused(CodeRefusal.CODE_FROM_FUTURE, "二维码的时间晚于现在，请校准手机时间")
    if now_s > code.issued_at_s + life_max.total_seconds():
        raise CodeRefused(CodeRefusal.CODE_EXPIRED, "二维码已过期，请刷新后重新出示")
    return VerifiedCode(certificate.card_token, certificate.serial, code.issued_at_s, code.nonce)


def check_signatures(code: UnverifiedCode, issuers: IssuerKeys, *, at: datetime) -> None:
    """Both signatures of a code, the issuer's and the device's. Raises ``CodeRefused``."""
    certificate = code.certificate
    issuer = issuers.issuer_key(certificate.issuer_key_id, at)
    if issuer is None:
        raise CodeRefused(CodeRefusal.ISSUER_UNKNOWN, "发码机构不在信任名单中")
    if not _is_certified(issuer, certificate.octets):
        raise CodeRefused(CodeRefusal.CERTIFICATE_SIGNATURE_WRONG, "电子社保卡的证书不是发码机构签发的")
    signed = SIGNED_AS + certificate.octets + code.issued_at_s.to_bytes(4) + code.nonce
    try:
        device = PublicKey.from_point(certificate.device_key)
    except KeyInvalid as error:
        raise CodeRefused(CodeRefusal.CODE_MALFORMED, "二维码中的设备公钥无效") from error
    if not device.verify(signed, code.signature):
        raise CodeRefused(CodeRefusal.CODE_SIGNATURE_WRONG, "二维码签名不对，请重新出示")


@lru_cache(maxsize=4096)
def _is_certified(issuer: PublicKey, octets: bytes) -> bool:
    """The issuer's signature; remembered, because a holder's certificate comes by at every gate of the day."""
    return issuer.verify(octets[:-SIGNATURE_LENGTH], octets[-SIGNATURE_LENGTH:])
