"""The two doors for taps: a real gateway process over HTTP, and the service called directly."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import msgspec

from tests.acceptance.makers import Gate
from tests.postgres import database_address
from tests.stack import free_port, wait_for
from yikatong.acceptance.services import store_tap
from yikatong.foundation.clock import utc_now
from yikatong.wire.requests import sign_request
from yikatong.wire.taps import Authorise, Decision, Problem, Tap, TapResult, TapUpload, UploadReply


@dataclass
class GatewayProcess:
    """``yikatong gateway`` as an operator starts it, on a port of its own."""

    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> httpx.Client:
        """A fresh connection."""
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def start(self) -> None:
        """Start it and wait until it is healthy."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "yikatong.config", "gateway", "--port", str(self.port)],
                env=os.environ | {"DATABASE_URL": database_address()},
                stdout=log,
                stderr=log,
            )
        wait_for(self.is_healthy, why="the gateway to come up")

    def is_healthy(self) -> bool:
        """Whether it says so itself."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        with suppress(httpx.TransportError), self.client as client:
            return client.get("/healthz").status_code == 200
        return False

    def kill(self) -> None:
        """As a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=30)
        self.process = None
        return code

    def request(
        self, gate: Gate, method: str, path: str, body: bytes = b"", *, at: datetime | None = None
    ) -> httpx.Response:
        """A request signed by ``gate``."""
        headers = sign_request(
            gate.profile.key, gate.terminal_id, method=method, path=path, body=body, at=at or utc_now()
        )
        with self.client as client:
            return client.request(method, path, content=body, headers=headers)

    def upload(self, gate: Gate, taps: Sequence[Tap]) -> UploadReply:
        """Taps sent by ``gate``, whoever they say they are of."""
        response = self.request(gate, "POST", "/v1/taps", msgspec.json.encode(TapUpload(list(taps))))
        assert response.status_code == 200, response.text
        return msgspec.json.decode(response.content, type=UploadReply)

    def authorise(self, gate: Gate, **question: object) -> Decision:
        """An online question by ``gate``."""
        fields = {"purpose": "social", "at_ms": 0} | question
        response = self.request(gate, "POST", "/v1/authorise", msgspec.json.encode(Authorise(**fields)))  # type: ignore[arg-type]
        assert response.status_code == 200, response.text
        return msgspec.json.decode(response.content, type=Decision)

    def send(self, gate: Gate, taps: Sequence[Tap]) -> list[TapResult]:
        """As the other door answers: a refusal of the whole request is a refusal of each tap."""
        response = self.request(gate, "POST", "/v1/taps", msgspec.json.encode(TapUpload(list(taps))))
        if response.status_code in {401, 403}:
            reason = problem_of(response).reason
            return [TapResult(tap.sequence, "refused", reason) for tap in taps]
        assert response.status_code == 200, response.text
        return msgspec.json.decode(response.content, type=UploadReply).results


class ServiceDoor:
    """The service, without HTTP."""

    def send(self, gate: Gate, taps: Sequence[Tap]) -> list[TapResult]:
        """Each tap through ``store_tap``, in the order of their sequence as the gateway does; results in the order sent."""
        at = utc_now()
        results = {
            id(tap): store_tap(tap, terminal_id=gate.terminal_id, received_at=at)
            for tap in sorted(taps, key=lambda tap: tap.sequence)
        }
        return [results[id(tap)] for tap in taps]


def problem_of(response: httpx.Response) -> Problem:
    """The refusal of a whole request; fails when it is not one."""
    assert response.headers["content-type"] == "application/json"
    return msgspec.json.decode(response.content, type=Problem)


def outcomes(statuses: Sequence[TapResult]) -> list[str]:
    """``stored``, or ``stored code_replayed``: short for tables."""
    return [f"{result.status} {result.reason}".strip() for result in statuses]
