"""Which registered terminal signed a request."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from yikatong.acceptance.queries import FIND_TERMINAL
from yikatong.foundation.errors import Refused
from yikatong.gm.sm2 import PublicKey
from yikatong.wire.requests import TERMINAL_HEADER, RequestRefusal, verify_request


@dataclass(frozen=True, slots=True)
class SigningTerminal:
    """A terminal whose signature held."""

    terminal_id: str
    venue: str
    purpose: str
    operator_code: str


async def authenticate(request: Request, body: bytes, *, at: datetime) -> SigningTerminal:
    """The terminal that signed this request. Raises ``Refused`` with a ``RequestRefusal``."""
    terminal_id = request.headers.get(TERMINAL_HEADER, "")
    if not terminal_id:
        raise Refused(RequestRefusal.SIGNATURE_MISSING, f"header {TERMINAL_HEADER} is needed")
    async with request.app.state.pool.connection() as connection:
        cursor = await connection.execute(FIND_TERMINAL, {"terminal_id": terminal_id})
        row = await cursor.fetchone()
    if row is None:
        raise Refused(RequestRefusal.TERMINAL_UNKNOWN, f"terminal {terminal_id[:20]} is not registered")
    point, revoked_at, venue, purpose, operator_code = row
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    await asyncio.to_thread(
        verify_request,
        PublicKey.from_point(bytes(point)),
        request.headers,
        method=request.method,
        path=path,
        body=body,
        at=at,
    )
    if revoked_at is not None and revoked_at <= at:
        raise Refused(RequestRefusal.TERMINAL_REVOKED, f"terminal {terminal_id} was revoked; register it anew")
    return SigningTerminal(terminal_id, venue, purpose, operator_code)
