"""The gateway's routes.

Every request but the health check is signed by a registered terminal. A refusal is a JSON ``Problem`` with a stable reason.
When the database is away the answer is 503 with Retry-After and nothing is half-done: each tap is one transaction, and a
repeated upload changes nothing.
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from yikatong.acceptance.rules import TerminalStanding
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.gateway.decisions import authorise, upload_payments, upload_taps
from yikatong.gateway.hsm import AskedTooOften, HsmUnavailable, NotForThisTerminal, ReadingHsm
from yikatong.gateway.lists import DenyListCache, TrustListCache
from yikatong.gateway.terminals import authenticate
from yikatong.smartcard.ssse_hsm import HsmRefused
from yikatong.wire.hsm import HsmAnswer, HsmQuestion
from yikatong.wire.purses import PAYMENTS_PER_UPLOAD_MAX, PurseUpload
from yikatong.wire.requests import RequestRefusal
from yikatong.wire.taps import TAPS_PER_UPLOAD_MAX, Authorise, Problem, TapUpload

log = logging.getLogger(__name__)
BODY_BYTES_MAX = 1_000_000
RETRY_AFTER_S = 5
POOL_WAIT_S = 5  # less than a terminal waits for its answer
RECONNECT_WITHIN_S = 8  # then the next request tries afresh: the pool's own pauses would grow to minutes
APPLICATION_NAME = "yikatong gateway"

_AUTHORISE = msgspec.json.Decoder(Authorise)
_HSM_QUESTION = msgspec.json.Decoder(HsmQuestion)
_PURSE_UPLOAD = msgspec.json.Decoder(PurseUpload)
_TAP_UPLOAD = msgspec.json.Decoder(TapUpload)
_REASONS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}

Handler = Callable[[Request, bytes, TerminalStanding, datetime], Awaitable[Response]]


def json_response(content: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A msgspec value as JSON."""
    return Response(msgspec.json.encode(content), status, headers, media_type="application/json")


def problem(reason: str, message: str, *, status: int, headers: dict[str, str] | None = None) -> Response:
    """A refusal of the whole request."""
    return json_response(Problem(reason, message), status=status, headers=headers)


def http_problem(request: Request, error: Exception) -> Response:
    """HTTP's own refusals in the same shape as ours."""
    if not isinstance(error, HTTPException):
        raise error
    return problem(
        _REASONS.get(error.status_code, "request_wrong"),
        error.detail,
        status=error.status_code,
        headers=dict(error.headers or {}),
    )


async def _body_of(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise HTTPException(413, f"a request has at most {BODY_BYTES_MAX} bytes")
    return bytes(body)


def signed(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Read the body, find out which terminal signed, and answer its faults and the database's in one way."""

    async def endpoint(request: Request) -> Response:
        at = utc_now()
        try:
            body = await _body_of(request)
            terminal = await authenticate(request, body, at=at)
            return await handler(request, body, terminal, at)
        except ClientDisconnect:
            return problem("client_gone", "the connection ended before the request did", status=400)
        except Refused as refused:
            status = 403 if refused.reason == RequestRefusal.TERMINAL_REVOKED else 401
            return problem(str(refused.reason), str(refused), status=status)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return problem("body_malformed", str(error), status=400)
        except (psycopg.Error, PoolTimeout) as error:
            log.error("database unavailable: %s %s", type(error).__name__, getattr(error, "sqlstate", None) or "")
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            return problem("database_unavailable", "try again shortly", status=503, headers=headers)

    return endpoint


@signed
async def post_authorise(request: Request, body: bytes, terminal: TerminalStanding, at: datetime) -> Response:
    """May this card be used now?"""
    question = _AUTHORISE.decode(body)
    return json_response(await authorise(request.app.state.pool, question, terminal=terminal, at=at))


@signed
async def post_taps(request: Request, body: bytes, terminal: TerminalStanding, at: datetime) -> Response:
    """Take taps in; each gets its own result, and one bad tap never loses another's."""
    upload = _TAP_UPLOAD.decode(body)
    if len(upload.taps) > TAPS_PER_UPLOAD_MAX:
        return problem("too_many_taps", f"at most {TAPS_PER_UPLOAD_MAX} taps in one upload", status=413)
    return json_response(await upload_taps(request.app.state.pool, upload, terminal=terminal, at=at))


@signed
async def post_purse_payments(request: Request, body: bytes, terminal: TerminalStanding, at: datetime) -> Response:
    """Keep what purses paid; each payment gets its own result."""
    upload = _PURSE_UPLOAD.decode(body)
    if len(upload.payments) > PAYMENTS_PER_UPLOAD_MAX:
        return problem("too_many_payments", f"at most {PAYMENTS_PER_UPLOAD_MAX} payments in one upload", status=413)
    return json_response(await upload_payments(request.app.state.pool, upload, terminal=terminal, at=at))


@signed
async def get_trust_list(request: Request, body: bytes, terminal: TerminalStanding, at: datetime) -> Response:
    """Whose electronic cards are accepted."""
    cache: TrustListCache = request.app.state.trust_list
    return Response(await cache.current(at), media_type="application/json")


@signed
async def get_deny_list(request: Request, body: bytes, terminal: TerminalStanding, at: datetime) -> Response:
    """What must be refused."""
    cache: DenyListCache = request.app.state.deny_list
    return Response(await cache.current(at), media_type="application/json")


@signed
async def post_hsm_authenticate(request: Request, body: bytes, terminal: TerminalStanding, at: datetime) -> Response:
    """Open a card for reading."""
    question = _HSM_QUESTION.decode(body)
    hsm: ReadingHsm = request.app.state.hsm
    try:
        return json_response(HsmAnswer(await hsm.authenticate(question.request, terminal, at)))
    except HsmRefused as error:
        return problem("hsm_request_wrong", str(error), status=400)
    except NotForThisTerminal as error:
        return problem("not_for_this_terminal", str(error), status=403)
    except AskedTooOften as error:
        return problem("asked_too_often", str(error), status=429, headers={"Retry-After": "60"})
    except HsmUnavailable as error:
        return problem("hsm_unavailable", str(error), status=503, headers={"Retry-After": "60"})


async def get_health(request: Request) -> Response:
    """Whether the gateway can reach its database."""
    try:
        async with request.app.state.pool.connection(timeout=3) as connection:
            await connection.execute("select 1")
    except (psycopg.Error, PoolTimeout):
        return problem("database_unavailable", "the database does not answer", status=503)
    return json_response({"status": "ok"})


def make_app(database_url: str, *, pool_size: int = 8) -> Starlette:
    """The gateway over one database."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async def check(connection: psycopg.AsyncConnection[Any]) -> None:
            """One broken connection means that the database went away, and took the others along: replace all at once.

            The pool alone would try one after another, with growing pauses that outlast a request.
            """
            try:
                await AsyncConnectionPool.check_connection(connection)
            except psycopg.Error:
                await pool.drain()
                raise

        pool = AsyncConnectionPool(
            database_url,
            min_size=1,
            max_size=pool_size,
            timeout=POOL_WAIT_S,
            reconnect_timeout=RECONNECT_WITHIN_S,
            open=False,
            check=check,
            kwargs={"autocommit": True, "application_name": APPLICATION_NAME},
        )
        await pool.open()
        app.state.pool = pool
        app.state.hsm = ReadingHsm()
        app.state.trust_list = TrustListCache()
        app.state.deny_list = DenyListCache(pool)
        try:
            yield
        finally:
            await pool.close()

    routes = [
        Route("/v1/authorise", post_authorise, methods=["POST"]),
        Route("/v1/taps", post_taps, methods=["POST"]),
        Route("/v1/purse-payments", post_purse_payments, methods=["POST"]),
        Route("/v1/hsm/authenticate", post_hsm_authenticate, methods=["POST"]),
        Route("/v1/trust-list", get_trust_list, methods=["GET"]),
        Route("/v1/deny-list", get_deny_list, methods=["GET"]),
        Route("/healthz", get_health, methods=["GET"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: http_problem})
