"""A registered terminal with its lists, and a gateway on the loopback that fails as it is told to."""

import contextlib
import json
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.wire.makers import DAY, LIST_KEY, TERMINAL_KEY, make_certificate, make_deny, make_text, make_trust
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.terminal import Terminal
from yikatong.wire.lists import DENY_LIST, TRUST_LIST, DenyList, TrustList, sign_list
from yikatong.wire.requests import verify_request
from yikatong.wire.taps import Authorise, Decision, Tap, TapResult, TapUpload, UploadReply

TERMINAL_ID = "900100000001"
NOBODY = "http://127.0.0.1:9"


def profile_fields(**changed: object) -> dict[str, object]:
    """What ``register-terminal`` writes."""
    return {
        "terminal_id": TERMINAL_ID,
        "operator": "BJMETRO",
        "venue": "国贸",
        "purpose": "gate",
        "gateway_url": NOBODY,
        "private_key_hex": TERMINAL_KEY.scalar.hex(),
        "list_signing_key_hex": LIST_KEY.public.compressed.hex(),
        "certificate_hex": "30",
    } | changed


def write_profile(path: Path, **changed: object) -> Path:
    """A profile's file, mode 0600."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(profile_fields(**changed), ensure_ascii=False), encoding="utf-8")
    return path


def give_lists(terminal: Terminal, trust: TrustList | None = None, deny: DenyList | None = None) -> Terminal:
    """As if it had synced at ``NOW``."""
    terminal.lists.replace(TRUST_LIST, sign_list(trust or make_trust(), LIST_KEY))
    terminal.lists.replace(DENY_LIST, sign_list(deny or make_deny(), LIST_KEY))
    return terminal


@contextlib.contextmanager
def open_terminal(folder: Path, *, lists: bool = True, **changed: object) -> Iterator[Terminal]:
    """A terminal in ``folder``; the same again when it was opened there before."""
    profile = folder / "profile.json"
    if not profile.exists():
        write_profile(profile, **changed)
    with Terminal.open(profile, folder / "state") as terminal:
        yield give_lists(terminal) if lists else terminal


@dataclass
class LoopbackGateway:
    """Speaks the gateway's protocol over real sockets and remembers what it stored.

    ``faults``: one is taken for each request, in order; ``None`` is a request that goes well. ``lose_reply`` stores and then
    breaks the connection off in the middle of the answer; a number is an HTTP status without doing anything; anything that
    can be called gets the response instead.
    """

    url: str = ""
    faults: deque[Any] = field(default_factory=deque)
    stored: dict[int, bytes] = field(default_factory=dict)
    taps: list[Tap] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    trust: bytes = sign_list(make_trust(), LIST_KEY)
    deny: bytes = sign_list(make_deny(), LIST_KEY)
    answer: Decision = field(default_factory=lambda: Decision(accepted=True, card_generation=2, masked_name="*三"))
    questions: list[Authorise] = field(default_factory=list)
    unreadable: Callable[[Tap], bool] = lambda tap: False
    on_stored: Callable[[], None] = lambda: None
    ahead_s: int = 0

    async def handle(self, request: Request) -> Response:
        """Every route."""
        body = await request.body()
        self.requests.append(request.url.path)
        fault = self.faults.popleft() if self.faults else None
        if isinstance(fault, int):
            return JSONResponse({"reason": f"fault_{fault}", "message": "as told"}, status_code=fault)
        try:
            verify_request(
                TERMINAL_KEY.public,
                request.headers,
                method=request.method,
                path=request.url.path,
                body=body,
                at=utc_now(),
            )
        except Refused as refused:
            return JSONResponse({"reason": str(refused.reason), "message": str(refused)}, status_code=401)
        response = self.respond(request.url.path, body)
        self.on_stored()
        if fault == "lose_reply":
            return BrokenOff()
        return fault(response) if fault else response

    def respond(self, path: str, body: bytes) -> Response:
        """What a gateway in good health answers."""
        if path == "/v1/taps":
            return self.take(body)
        if path == "/v1/authorise":
            self.questions.append(msgspec.json.decode(body, type=Authorise))
            return Response(msgspec.json.encode(self.answer))
        return Response(self.trust if path == "/v1/trust-list" else self.deny)

    def take(self, body: bytes) -> Response:
        """Idempotent by sequence, as the real one."""
        taps = msgspec.json.decode(body, type=TapUpload).taps
        if any(self.unreadable(tap) for tap in taps):
            return JSONResponse({"reason": "body_malformed", "message": "a tap cannot be read"}, status_code=400)
        results = []
        for tap in taps:
            if tap.sequence not in self.stored:
                self.stored[tap.sequence] = tap.digest()
                self.taps.append(tap)
                results.append(TapResult(tap.sequence, "stored"))
            else:
                status = "repeated" if self.stored[tap.sequence] == tap.digest() else "conflict"
                results.append(TapResult(tap.sequence, status))  # type: ignore[arg-type]
        reply = UploadReply(results, int(utc_now().timestamp() * 1000) + self.ahead_s * 1000)
        return Response(msgspec.json.encode(reply))


class BrokenOff(Response):
    """Promises more than it sends, so that the client sees the connection die in the middle."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
        await send({"type": "http.response.body", "body": b'{"results":[', "more_body": True})
        with contextlib.suppress(RuntimeError):  # uvicorn notices, and closes
            await send({"type": "http.response.body", "body": b"", "more_body": False})


@contextlib.contextmanager
def serving(gateway: LoopbackGateway) -> Iterator[LoopbackGateway]:
    """Listen on the loopback while the block runs."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    gateway.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    app = Starlette(routes=[Route("/{path:path}", gateway.handle, methods=["GET", "POST"])])
    config = uvicorn.Config(app, log_level="critical", ws="none", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield gateway
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def fresh_code() -> str:
    """A code that is good at this very moment, for commands that look at the clock."""
    at = utc_now()
    certificate = make_certificate(not_before=at - DAY, not_after=at + DAY)
    return make_text(certificate, issued_at=at, nonce=os.urandom(8))


def lists_of_now() -> dict[str, bytes]:
    """Signed lists that are good at this very moment."""
    at = utc_now()
    return {
        "trust": sign_list(make_trust(issued_at=at - DAY, valid_until=at + DAY), LIST_KEY),
        "deny": sign_list(make_deny(issued_at=at), LIST_KEY),
    }
