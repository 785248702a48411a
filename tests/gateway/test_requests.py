"""Requests that are not believed, cannot be read or are too much: each a clear refusal, and nothing stored."""

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import msgspec
import pytest

from tests.acceptance.makers import Gate, revoke
from tests.gateway.doors import GatewayProcess, outcomes, problem_of
from yikatong.acceptance.models import Tap as StoredTap
from yikatong.acceptance.models import Terminal
from yikatong.foundation.clock import utc_now
from yikatong.gm.sm2 import PrivateKey
from yikatong.wire.requests import DATE_HEADER, SIGNATURE_HEADER, TERMINAL_HEADER, sign_request

ROUTES = [("POST", "/v1/taps"), ("POST", "/v1/authorise"), ("GET", "/v1/trust-list"), ("GET", "/v1/deny-list")]
type Headers = dict[str, str]


def headers_of(
    gate: Gate, method: str, path: str, body: bytes, *, key: PrivateKey | None = None, ahead_s: int = 0
) -> Headers:
    at = utc_now() + timedelta(seconds=ahead_s)
    return sign_request(key or gate.profile.key, gate.terminal_id, method=method, path=path, body=body, at=at)


def without(name: str) -> Callable[[Gate, Headers], Headers]:
    return lambda gate, headers: {key: value for key, value in headers.items() if key != name}


def with_(name: str, value: str) -> Callable[[Gate, Headers], Headers]:
    return lambda gate, headers: headers | {name: value}


def signed_again(**changes: object) -> Callable[[Gate, Headers], Headers]:
    options: dict[str, object] = {"method": "POST", "path": "/v1/taps", "body": b"{}"}
    return lambda gate, headers: headers_of(gate, **(options | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        (without(TERMINAL_HEADER), 401, "signature_missing"),
        (without(DATE_HEADER), 401, "signature_missing"),
        (without(SIGNATURE_HEADER), 401, "signature_missing"),
        (with_(TERMINAL_HEADER, "900100000099"), 401, "terminal_unknown"),
        (with_(TERMINAL_HEADER, "' or 1=1 --"), 401, "terminal_unknown"),
        (with_(TERMINAL_HEADER, "9" * 4000), 401, "terminal_unknown"),
        (with_(SIGNATURE_HEADER, "not base64!"), 401, "signature_wrong"),
        (with_(SIGNATURE_HEADER, "AAAA"), 401, "signature_wrong"),
        (with_(DATE_HEADER, "1"), 401, "signature_wrong"),
        (with_(DATE_HEADER, "yesterday"), 401, "signature_wrong"),
        (signed_again(key=PrivateKey.generate()), 401, "signature_wrong"),
        (signed_again(body=b"{} "), 401, "signature_wrong"),
        (signed_again(path="/v1/authorise"), 401, "signature_wrong"),
        (signed_again(method="GET"), 401, "signature_wrong"),
        (signed_again(ahead_s=310), 401, "clock_wrong"),
        (signed_again(ahead_s=-310), 401, "clock_wrong"),
        (signed_again(ahead_s=250), 400, "body_malformed"),
    ],
)
def test_who_did_not_sign_is_not_believed(
    gateway: GatewayProcess, gate: Gate, change: Callable[[Gate, Headers], Headers], status: int, reason: str
) -> None:
    headers = change(gate, headers_of(gate, "POST", "/v1/taps", b"{}"))
    with gateway.client as client:
        response = client.post("/v1/taps", content=b"{}", headers=headers)
    assert (response.status_code, problem_of(response).reason) == (status, reason)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_wants_a_signature(gateway: GatewayProcess, gate: Gate, method: str, path: str) -> None:
    with gateway.client as client:
        response = client.request(method, path)
    assert (response.status_code, problem_of(response).reason) == (401, "signature_missing")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_revoked_terminal_is_told_so_and_only_when_it_proved_itself(
    gateway: GatewayProcess, gate: Gate, method: str, path: str
) -> None:
    revoke(gate, at=utc_now())
    response = gateway.request(gate, method, path)
    assert (response.status_code, problem_of(response).reason) == (403, "terminal_revoked")
    headers = headers_of(gate, method, path, b"", key=PrivateKey.generate())
    with gateway.client as client:
        response = client.request(method, path, headers=headers)
    assert (response.status_code, problem_of(response).reason) == (401, "signature_wrong")


def test_two_terminals_cannot_speak_for_each_other(gateway: GatewayProcess, gate: Gate) -> None:
    """Even with its own valid signature: the number in the header names the key."""
    impostor = PrivateKey.generate()
    Terminal.objects.create(
        terminal_id="900100000077",
        venue_id=Terminal.objects.get().venue_id,
        purpose="gate",
        public_key=impostor.public.compressed,
        certificate_der=b"",
        registered_at=utc_now(),
    )
    headers = headers_of(gate, "GET", "/v1/deny-list", b"", key=impostor)
    with gateway.client as client:
        response = client.get("/v1/deny-list", headers=headers)
    assert problem_of(response).reason == "signature_wrong"


def tap_json(gate: Gate, **changes: object) -> dict[str, object]:
    good = msgspec.to_builtins(gate.tap(utc_now(), card_number="Z00000010"))
    return {name: value for name, value in (good | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"terminal_id": "12"}, "$.taps[1].terminal_id"),
        ({"terminal_id": None}, "terminal_id"),
        ({"sequence": 0}, "$.taps[1].sequence"),
        ({"sequence": "1"}, "$.taps[1].sequence"),
        ({"sequence": 2**63}, "$.taps[1].sequence"),
        ({"sequence": 1.5}, "$.taps[1].sequence"),
        ({"kind": "fly"}, "$.taps[1].kind"),
        ({"at_ms": -1}, "$.taps[1].at_ms"),
        ({"at_ms": 10**18}, "$.taps[1].at_ms"),
        ({"decision": "maybe"}, "$.taps[1].decision"),
        ({"reason": "Bobby; drop"}, "$.taps[1].reason"),
        ({"station": "国\x00贸"}, "$.taps[1].station"),
        ({"station": "国" * 41}, "$.taps[1].station"),
        ({"code": "Y1." + "A" * 400}, "$.taps[1].code"),
        ({"card_number": "张三"}, "$.taps[1].card_number"),
        ({"identification_code": "00"}, "$.taps[1].identification_code"),
        ({"holder": "张三"}, "holder"),
    ],
)
def test_a_body_that_cannot_be_read_names_the_field_and_stores_nothing(
    gateway: GatewayProcess, gate: Gate, changes: dict[str, object], named: str
) -> None:
    body = msgspec.json.encode({"taps": [tap_json(gate), tap_json(gate, **changes)]})
    response = gateway.request(gate, "POST", "/v1/taps", body)
    problem = problem_of(response)
    assert (response.status_code, problem.reason) == (400, "body_malformed")
    assert named in problem.message
    assert not StoredTap.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"taps": {}}',
        b'{"taps": [null]}',
        b'{"taps": [], "more": 1}',
        b'{"taps": "' + b"x" * 10_000 + b'"}',
        b"\xff\xfe",
        b'{"taps": [{"terminal_id": "\xff"}]}',
        b"[" * 100_000,
        b'{"taps":' + b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_upload_is_malformed(gateway: GatewayProcess, gate: Gate, body: bytes) -> None:
    response = gateway.request(gate, "POST", "/v1/taps", body)
    assert (response.status_code, problem_of(response).reason) == (400, "body_malformed")
    assert gateway.is_healthy()


def test_a_question_that_cannot_be_read_is_malformed(gateway: GatewayProcess, gate: Gate) -> None:
    response = gateway.request(gate, "POST", "/v1/authorise", b'{"purpose": "curiosity", "at_ms": 0}')
    assert (response.status_code, problem_of(response).reason) == (400, "body_malformed")
    assert "$.purpose" in problem_of(response).message


def test_five_hundred_taps_are_taken_and_one_more_is_not(gateway: GatewayProcess, gate: Gate) -> None:
    at = utc_now()
    taps = [gate.tap(at, card_number="NOSUCH") for _ in range(501)]
    with pytest.raises(AssertionError, match="too_many_taps"):
        gateway.upload(gate, taps)
    assert not StoredTap.objects.exists()
    assert outcomes(gateway.send(gate, taps[:500])) == ["stored card_unknown"] * 500
    assert gateway.send(gate, []) == []


def in_chunks(body: bytes) -> Iterator[bytes]:
    """Sent without saying how much is to come."""
    for start in range(0, len(body), 60_000):
        yield body[start : start + 60_000]


@pytest.mark.parametrize("send", [bytes, in_chunks], ids=["announced", "in chunks"])
def test_a_body_is_read_up_to_a_megabyte(
    gateway: GatewayProcess, gate: Gate, send: Callable[[bytes], bytes | Iterator[bytes]]
) -> None:
    for length, expected in ((1_000_000, (400, "body_malformed")), (1_000_001, (413, "body_too_large"))):
        body = b" " * length
        with gateway.client as client:
            headers = headers_of(gate, "POST", "/v1/taps", body)
            response = client.post("/v1/taps", content=send(body), headers=headers)
        assert (response.status_code, problem_of(response).reason) == expected


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", (404, "not_found")),
        ("GET", "/v2/taps", (404, "not_found")),
        ("GET", "/v1/taps", (405, "method_not_allowed")),
        ("DELETE", "/v1/deny-list", (405, "method_not_allowed")),
    ],
)
def test_other_routes_are_refused_in_the_same_shape(
    gateway: GatewayProcess, method: str, path: str, expected: tuple[int, str]
) -> None:
    with gateway.client as client:
        response = client.request(method, path)
    assert (response.status_code, problem_of(response).reason) == expected


def test_a_connection_that_ends_in_the_middle_harms_nobody(gateway: GatewayProcess, gate: Gate) -> None:
    for promised in (b"Content-Length: 5000\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\nffff\r\n{"):
        with socket.create_connection(("127.0.0.1", gateway.port)) as line:
            line.sendall(b"POST /v1/taps HTTP/1.1\r\nHost: gateway\r\n" + promised)
    assert gateway.upload(gate, [gate.tap(utc_now(), card_number="NOSUCH")]).results[0].status == "stored"
    assert "Traceback" not in gateway.log.read_text()


def test_it_does_not_say_what_it_is_made_of(gateway: GatewayProcess) -> None:
    with gateway.client as client:
        response: httpx.Response = client.get("/healthz")
    assert response.json() == {"status": "ok"}
    assert "server" not in response.headers
