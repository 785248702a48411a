"""Talking to the gateway: signed requests, uploads that survive lost replies, lists, single questions."""

from dataclasses import dataclass
from datetime import datetime

import httpx
import msgspec

from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import YikatongError
from yikatong.terminal.lists import Lists
from yikatong.terminal.outbox import Outbox
from yikatong.terminal.profile import Profile
from yikatong.wire.lists import DENY_LIST, TRUST_LIST
from yikatong.wire.requests import sign_request
from yikatong.wire.taps import Authorise, Decision, Problem, TapUpload, UploadReply

TAPS_PER_UPLOAD = 100
TIMEOUT_S = 10


class GatewayUnreachable(YikatongError):
    """No answer, or one that asks to come again later. What waited still waits."""


class GatewayRefused(YikatongError):
    """The gateway does not believe this terminal; ``reason`` is its machine name."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(f"{reason}: {message}")


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What one round of uploading did."""

    stored: int
    repeated: int
    refused: int


class Client:
    """One terminal's line to the gateway."""

    def __init__(self, profile: Profile, transport: httpx.BaseTransport | None = None) -> None:
        self._profile = profile
        self._http = httpx.Client(base_url=profile.gateway_url, timeout=TIMEOUT_S, transport=transport, trust_env=False)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def refresh_lists(self, lists: Lists) -> None:
        """Fetch both lists. Raises ``GatewayUnreachable``, ``GatewayRefused`` or ``ListInvalid``."""
        for name in (TRUST_LIST, DENY_LIST):
            lists.replace(name, self._call("GET", f"/v1/{name}", b""))

    def upload(self, outbox: Outbox) -> Uploaded:
        """Upload everything that waits. A lost reply is harmless: the same taps are sent again and answered 'repeated'."""
        counted = {"stored": 0, "repeated": 0, "refused": 0, "conflict": 0}
        while taps := outbox.waiting(TAPS_PER_UPLOAD):
            body = msgspec.json.encode(TapUpload(taps))
            reply = msgspec.json.decode(self._call("POST", "/v1/taps", body), type=UploadReply)
            outbox.settle(reply.results)
            for result in reply.results:
                counted[result.status] += 1
            if {result.sequence for result in reply.results} != {tap.sequence for tap in taps}:
                raise GatewayUnreachable("the gateway answered for other taps than were sent; they are kept")
        return Uploaded(counted["stored"], counted["repeated"], counted["refused"] + counted["conflict"])

    def authorise(self, question: Authorise) -> Decision:
        """Ask online whether a card may be used now."""
        return msgspec.json.decode(self._call("POST", "/v1/authorise", msgspec.json.encode(question)), type=Decision)

    def _call(self, method: str, path: str, body: bytes, *, at: datetime | None = None) -> bytes:
        headers = sign_request(
            self._profile.key, self._profile.terminal_id, method=method, path=path, body=body, at=at or utc_now()
        )
        try:
            response = self._http.request(method, path, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise GatewayUnreachable(f"no answer from {self._profile.gateway_url}: {type(error).__name__}") from error
        if response.status_code == httpx.codes.OK:
            return response.content
        if response.status_code >= 500:
            raise GatewayUnreachable(f"the gateway answers {response.status_code}; it will be tried again")
        try:
            problem = msgspec.json.decode(response.content, type=Problem)
        except msgspec.MsgspecError:
            problem = Problem("unexpected_answer", f"status {response.status_code}")
        raise GatewayRefused(problem.reason, problem.message)
