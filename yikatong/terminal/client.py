"""Talking to the gateway: signed requests and what their answers mean. It repeats nothing by itself: see ``uploader``."""

from collections.abc import Callable, Sequence
from datetime import datetime

import httpx
import msgspec

from yikatong.foundation.errors import YikatongError
from yikatong.terminal.profile import Profile
from yikatong.wire.hsm import HsmAnswer, HsmQuestion
from yikatong.wire.purses import PursePayment, PurseReply, PurseUpload
from yikatong.wire.requests import sign_request
from yikatong.wire.taps import Authorise, Decision, Problem, Tap, TapUpload, UploadReply

CONNECT_WITHIN_S = 3
ANSWER_WITHIN_S = 10
UNEXPECTED_ANSWER = "unexpected_answer"
"""The reason given when whoever answered was not our gateway."""
_COME_AGAIN = {408, 425, 429}
_DECISION = msgspec.json.Decoder(Decision)
_HSM_ANSWER = msgspec.json.Decoder(HsmAnswer)
_PROBLEM = msgspec.json.Decoder(Problem)
_PURSE_REPLY = msgspec.json.Decoder(PurseReply)
_UPLOAD_REPLY = msgspec.json.Decoder(UploadReply)


class GatewayUnreachable(YikatongError):
    """No answer, or one that asks to come again later. What waited still waits."""


class GatewayRefused(YikatongError):
    """The gateway refused a request as a whole; ``reason`` is its machine name, ``status`` HTTP's."""

    def __init__(self, reason: str, message: str, *, status: int) -> None:
        self.reason = reason
        self.status = status
        super().__init__(f"{reason}: {message}")


class Client:
    """One terminal's line to the gateway. Safe between threads."""

    def __init__(self, profile: Profile, now: Callable[[], datetime]) -> None:
        self._profile = profile
        self._now = now
        # trust_env: a proxy named in the environment is for people's browsing, not for a gate's line to its gateway
        self._http = httpx.Client(
            base_url=profile.gateway_url,
            timeout=httpx.Timeout(ANSWER_WITHIN_S, connect=CONNECT_WITHIN_S),
            trust_env=False,
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def fetch_list(self, name: str) -> bytes:
        """A signed list as it comes; whoever keeps it checks it. Raises ``GatewayUnreachable``, ``GatewayRefused``."""
        return self._call("GET", f"/v1/{name}", b"")

    def post_taps(self, taps: Sequence[Tap]) -> UploadReply:
        """Upload taps. Raises ``GatewayUnreachable`` also when the answer is garbled: then nobody knows what was stored."""
        body = msgspec.json.encode(TapUpload(list(taps)))
        return self._decode(self._call("POST", "/v1/taps", body), _UPLOAD_REPLY)

    def post_purse_payments(self, payments: Sequence[PursePayment]) -> PurseReply:
        """Upload purses' payments, as ``post_taps``."""
        body = msgspec.json.encode(PurseUpload(list(payments)))
        return self._decode(self._call("POST", "/v1/purse-payments", body), _PURSE_REPLY)

    def authorise(self, question: Authorise) -> Decision:
        """Ask whether a card may be used now. Raises ``GatewayUnreachable``, ``GatewayRefused``."""
        return self._decode(self._call("POST", "/v1/authorise", msgspec.json.encode(question)), _DECISION)

    def ask_hsm(self, request: str) -> str:
        """The HSM service's answer to a step's text. Raises ``GatewayUnreachable``, ``GatewayRefused``."""
        body = msgspec.json.encode(HsmQuestion(request))
        return self._decode(self._call("POST", "/v1/hsm/authenticate", body), _HSM_ANSWER).answer

    def _call(self, method: str, path: str, body: bytes) -> bytes:
        terminal_id, at = self._profile.terminal_id, self._now()
        headers = sign_request(self._profile.key, terminal_id, method=method, path=path, body=body, at=at)
        try:
            response = self._http.request(method, path, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise GatewayUnreachable(f"no answer from {self._profile.gateway_url}: {type(error).__name__}") from error
        if response.status_code == httpx.codes.OK:
            return response.content
        if not 400 <= response.status_code < 500 or response.status_code in _COME_AGAIN:
            raise GatewayUnreachable(f"the gateway answers {response.status_code}; it will be tried again")
        try:
            problem = _PROBLEM.decode(response.content)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            problem = Problem(UNEXPECTED_ANSWER, f"status {response.status_code} from {self._profile.gateway_url}")
        raise GatewayRefused(problem.reason, problem.message, status=response.status_code)

    @staticmethod
    def _decode[Answer](octets: bytes, answer: msgspec.json.Decoder[Answer]) -> Answer:
        try:
            return answer.decode(octets)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise GatewayUnreachable(
                f"the gateway's answer cannot be read ({error}); is there another server?"
            ) from error
