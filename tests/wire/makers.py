"""Cards, keys and lists with fixed values, for tests of everything that reads a code."""

from datetime import UTC, datetime, timedelta

from yikatong.gm.sm2 import PrivateKey
from yikatong.wire.codes import (
    TEXT_LENGTH,
    CodeRefusal,
    CodeRefused,
    UnverifiedCode,
    VerifiedCode,
    issue_certificate,
    key_id_of,
    make_code,
    verify_code,
)
from yikatong.wire.lists import DenyList, IssuerKey, TrustList

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ISSUER = PrivateKey.from_scalar(bytes.fromhex("11" * 32))
DEVICE = PrivateKey.from_scalar(bytes.fromhex("22" * 32))
OTHER_DEVICE = PrivateKey.from_scalar(bytes.fromhex("33" * 32))
STRANGER = PrivateKey.from_scalar(bytes.fromhex("44" * 32))
LIST_KEY = PrivateKey.from_scalar(bytes.fromhex("55" * 32))
TERMINAL_KEY = PrivateKey.from_scalar(bytes.fromhex("66" * 32))
TOKEN, SERIAL, NONCE = bytes.fromhex("a1" * 8), bytes.fromhex("b2" * 8), bytes.fromhex("c3" * 8)
DAY = timedelta(days=1)


def seconds(count: float) -> timedelta:
    """Short for tables."""
    return timedelta(seconds=count)


def make_certificate(
    issuer: PrivateKey = ISSUER,
    *,
    device: PrivateKey = DEVICE,
    serial: bytes = SERIAL,
    token: bytes = TOKEN,
    not_before: datetime = NOW - DAY,
    not_after: datetime = NOW + 6 * DAY,
) -> bytes:
    """A device certificate, valid around ``NOW``."""
    return issue_certificate(
        issuer, serial=serial, card_token=token, device_key=device.public, not_before=not_before, not_after=not_after
    )


def make_text(
    certificate: bytes | None = None,
    *,
    device: PrivateKey = DEVICE,
    issued_at: datetime = NOW,
    nonce: bytes = NONCE,
) -> str:
    """A code's text, fresh at ``NOW``."""
    text = make_code(certificate or make_certificate(device=device), device, issued_at=issued_at, nonce=nonce)
    assert len(text) == TEXT_LENGTH
    return text


def make_trust(*issuers: PrivateKey, issued_at: datetime = NOW - DAY, valid_until: datetime = NOW + DAY) -> TrustList:
    """A trust list of these issuers, of ``ISSUER`` when none is named."""
    until = int((issued_at + 365 * DAY).timestamp())
    keys = {
        key_id_of(issuer.public).hex(): IssuerKey(issuer.public.compressed.hex(), 0, until)
        for issuer in issuers or (ISSUER,)
    }
    return TrustList(int(issued_at.timestamp()), int(issued_at.timestamp()), int(valid_until.timestamp()), keys)


def make_deny(entries: dict[str, str] | None = None, *, version: int = 1, issued_at: datetime = NOW) -> DenyList:
    """A deny list, signed ``issued_at`` and valid for a day."""
    return DenyList(version, int(issued_at.timestamp()), int((issued_at + DAY).timestamp()), entries or {})


def verdict(text: str, *, trust: TrustList | None = None, deny: DenyList | None = None, at: datetime = NOW) -> str:
    """``ok`` or the refusal's name, as a table wants it."""
    try:
        verified = verify_code(UnverifiedCode.parse(text), trust or make_trust(), deny, at=at)
    except CodeRefused as refused:
        return CodeRefusal(refused.reason).value
    assert isinstance(verified, VerifiedCode)
    return "ok"
