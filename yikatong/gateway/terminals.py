"""Which registered terminal signed a request."""

import asyncio
from datetime import datetime

from starlette.requests import Request

from yikatong.acceptance.queries import FIND_TERMINAL, terminal_of
from yikatong.acceptance.rules import TerminalStanding, check_terminal
from yikatong.foundation.errors import Refused
from yikatong.gm.sm2 import PublicKey
from yikatong.wire.requests import TERMINAL_HEADER, RequestRefusal, verify_request


async def authenticate(request: Request, body: bytes, *, at: datetime) -> TerminalStanding:
    """The terminal that signed this request. Raises ``Refused`` with a ``RequestRefusal`` or an acceptance ``Refusal``.

    A revoked terminal is told so only when it has proved that it is that terminal.
    """
    terminal_id = request.headers.get(TERMINAL_HEADER, "")
    if not terminal_id:
        raise Refused(RequestRefusal.SIGNATURE_MISSING, f"header {TERMINAL_HEADER} is needed")
    row = None
    if terminal_id.isascii() and terminal_id.isdecimal():
        async with request.app.state.pool.connection() as connection:
            row = await (await connection.execute(FIND_TERMINAL, {"terminal_id": terminal_id})).fetchone()
    terminal = terminal_of(row)
    if terminal is None:
        raise Refused(RequestRefusal.TERMINAL_UNKNOWN, f"terminal {terminal_id[:20]!r} is not registered")
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    await asyncio.to_thread(
        verify_request,
        PublicKey.from_point(terminal.public_key),
        request.headers,
        method=request.method,
        path=path,
        body=body,
        at=at,
    )
    return check_terminal(terminal, at=at)
