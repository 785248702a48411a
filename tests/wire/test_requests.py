"""Signed requests: every part that matters is covered, every wrong header is a clear refusal."""

import base64
from datetime import timedelta

import pytest

from tests.wire.makers import NOW, STRANGER, TERMINAL_KEY
from yikatong.foundation.errors import Refused
from yikatong.gm import sm3
from yikatong.wire.requests import RequestRefusal, sign_request, verify_request

TERMINAL_ID = "900100000001"
SIGNED = {"method": "POST", "path": "/v1/taps", "body": b'{"taps":[]}'}
HEADERS = sign_request(TERMINAL_KEY, TERMINAL_ID, at=NOW, **SIGNED)  # type: ignore[arg-type]


def verdict(headers: dict[str, str], *, at_s: float = 0, **changed: object) -> str:
    try:
        verify_request(TERMINAL_KEY.public, headers, at=NOW + timedelta(seconds=at_s), **(SIGNED | changed))  # type: ignore[arg-type]
    except Refused as refused:
        return RequestRefusal(refused.reason).value
    return "ok"


@pytest.mark.parametrize(
    ("at_s", "expected"),
    [(0, "ok"), (300, "ok"), (-300, "ok"), (300.5, "clock_wrong"), (-301, "clock_wrong"), (86400, "clock_wrong")],
)
def test_a_request_is_good_for_five_minutes(at_s: float, expected: str) -> None:
    assert verdict(HEADERS, at_s=at_s) == expected


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "GET"},
        {"path": "/v1/authorise"},
        {"path": "/v1/taps?dry=1"},
        {"body": b'{"taps":[] }'},
        {"body": b""},
    ],
)
def test_everything_sent_is_signed(changed: dict[str, object]) -> None:
    assert verdict(HEADERS, **changed) == "signature_wrong"


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        ("Yikatong-Date", None, "signature_missing"),
        ("Yikatong-Date", "", "signature_missing"),
        ("Yikatong-Signature", None, "signature_missing"),
        ("Yikatong-Signature", "AAAA", "signature_wrong"),
        ("Yikatong-Signature", "not base64!", "signature_wrong"),
        ("Yikatong-Signature", "é" * 88, "signature_wrong"),
        ("Yikatong-Signature", "A" * 10_000, "signature_wrong"),
        ("Yikatong-Date", "1", "signature_wrong"),
    ],
)
def test_wrong_headers_are_clear_refusals(header: str, value: str | None, expected: str) -> None:
    headers = {name: text for name, text in HEADERS.items() if name != header} | ({header: value} if value else {})
    assert verdict(headers) == expected


@pytest.mark.parametrize("date", ["now", "-1", "1e9", "１７９５４２０８００", "9" * 5000, "+1795420800", " 1795420800"])
def test_a_signed_date_that_is_none_is_a_wrong_clock(date: str) -> None:
    """Even a registered terminal's nonsense must not fail inside."""
    text = f"POST\n/v1/taps\n{date}\n{sm3.digest(SIGNED['body']).hex()}".encode()  # type: ignore[arg-type]
    signature = base64.b64encode(TERMINAL_KEY.sign(text)).decode()
    assert verdict({"Yikatong-Date": date, "Yikatong-Signature": signature}) == "clock_wrong"


def test_another_terminals_key_does_not_sign() -> None:
    assert verdict(sign_request(STRANGER, TERMINAL_ID, at=NOW, **SIGNED)) == "signature_wrong"  # type: ignore[arg-type]
