"""Terminals sign their requests with their own SM2 key: TLS with SM2 client certificates is not to be had in Python.

Signed text: method, path with query, date and the body's SM3 in hex, joined by line feeds. A request is good for five
minutes around its date; repeating one within them is harmless because every command of the gateway is idempotent.
"""

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from yikatong.foundation.errors import Refused
from yikatong.gm import sm3
from yikatong.gm.sm2 import PrivateKey, PublicKey

TERMINAL_HEADER, DATE_HEADER, SIGNATURE_HEADER = "Yikatong-Terminal", "Yikatong-Date", "Yikatong-Signature"
CLOCK_DIFFERENCE_MAX_S = 300
_DATE = re.compile(r"[0-9]{1,12}")


class RequestRefusal(StrEnum):
    """Why a request is not believed."""

    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_WRONG = "signature_wrong"
    CLOCK_WRONG = "clock_wrong"
    TERMINAL_UNKNOWN = "terminal_unknown"
    TERMINAL_REVOKED = "terminal_revoked"


def sign_request(
    key: PrivateKey, terminal_id: str, *, method: str, path: str, body: bytes, at: datetime
) -> dict[str, str]:
    """The three headers of a signed request."""
    date = str(int(at.timestamp()))
    signature = key.sign(_signed_text(method, path, date, body))
    return {
        TERMINAL_HEADER: terminal_id,
        DATE_HEADER: date,
        SIGNATURE_HEADER: base64.b64encode(signature).decode(),
    }


def verify_request(
    key: PublicKey, headers: Mapping[str, str], *, method: str, path: str, body: bytes, at: datetime
) -> None:
    """Check a request's date and signature. Raises ``Refused``; finding the terminal's key is the caller's part.

    ``headers`` must be looked up without regard to case, as HTTP libraries do.
    """
    date, signature = headers.get(DATE_HEADER, ""), headers.get(SIGNATURE_HEADER, "")
    if not date or not signature:
        raise Refused(RequestRefusal.SIGNATURE_MISSING, f"headers {DATE_HEADER} and {SIGNATURE_HEADER} are needed")
    try:
        octets = base64.b64decode(signature, validate=True)
    except ValueError:  # also for characters outside ASCII
        octets = b""
    if not key.verify(_signed_text(method, path, date, body), octets):
        raise Refused(RequestRefusal.SIGNATURE_WRONG, "the request is not signed by this terminal's key")
    if not _DATE.fullmatch(date) or abs(int(date) - at.timestamp()) > CLOCK_DIFFERENCE_MAX_S:
        raise Refused(RequestRefusal.CLOCK_WRONG, "the terminal's clock differs by more than five minutes; set it")


def _signed_text(method: str, path: str, date: str, body: bytes) -> bytes:
    return f"{method}\n{path}\n{date}\n{sm3.digest(body).hex()}".encode()
