"""Messages over HTTP against a real server on this machine: what it got, what it said, what we did then."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.cast import NOON
from yikatong.accounts.http_sms import ATTEMPTS, ConfigurationWrong, HttpProvider, HttpSms, NotSent

PHONE, TEXT = "10200000001", '【一卡通】您好，"卡"已到。{key} ${SECRET}'


@dataclass
class Server:
    """What the provider answers, in turn, and what it was sent."""

    url: str
    answers: list[tuple[int, str]]
    got: list[tuple[dict[str, str], Any]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server("", [])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.got.append(({name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
            status, text = told.answers.pop(0) if told.answers else (200, "{}")
            if status == 0:
                self.connection.close()
                return
            self.send_response(status)
            if status == 302:
                self.send_header("Location", told.url + "elsewhere")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            return None

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{running.server_address[1]}/"
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield told
    running.shutdown()
    running.server_close()
    thread.join()


def provider(server: Server, **changes: str) -> tuple[HttpSms, list[float]]:
    environment = {
        "YIKATONG_SMS_URL": server.url,
        "YIKATONG_SMS_HEADERS": '{"Authorization": "Bearer ${SMS_TOKEN}"}',
        "YIKATONG_SMS_BODY": '{"to": ["{phone}"], "params": {"content": "{text}"}, "id": "{key}", "sign": "${SMS_SIGN}"}',
        "SMS_TOKEN": "s3cret",
        "SMS_SIGN": "一卡通",
        "YIKATONG_SMS_TIMEOUT_S": "2",
    }
    waited: list[float] = []
    return HttpSms(HttpProvider.from_environment(environment | changes), wait=waited.append), waited


def test_the_message_arrives_as_configured(server: Server) -> None:
    sms, _ = provider(server)
    sms.send(PHONE, TEXT, at=NOON, key="dispatch-7")
    ((headers, body),) = server.got
    assert body == {"to": [PHONE], "params": {"content": TEXT}, "id": "dispatch-7", "sign": "一卡通"}
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["idempotency-key"] == "dispatch-7"


@pytest.mark.parametrize(
    ("answers", "success", "attempts", "is_sent"),
    [
        ([(503, ""), (200, "{}")], "status", 2, True),
        ([(429, ""), (500, ""), (204, "")], "status", 3, True),
        ([(0, ""), (200, "{}")], "status", 2, True),
        ([(503, "")] * ATTEMPTS, "status", ATTEMPTS, False),
        ([(400, "bad phone")], "status", 1, False),
        ([(401, "")], "status", 1, False),
        ([(302, "")], "status", 1, False),
        ([(200, '{"data": {"code": "OK"}}')], "json:data.code=OK", 1, True),
        ([(200, '{"code": 0}')], "json:code=0", 1, True),
        ([(200, '{"ok": true}')], "json:ok=true", 1, True),
        ([(200, '{"data": {"code": "LIMIT"}}')], "json:data.code=OK", 1, False),
        ([(200, "<html>")], "json:code=0", 1, False),
        ([(200, "[]")], "json:code=0", 1, False),
    ],
)
def test_what_the_provider_says_decides(
    server: Server, answers: list[tuple[int, str]], success: str, attempts: int, is_sent: bool
) -> None:
    server.answers = list(answers)
    sms, waited = provider(server, YIKATONG_SMS_SUCCESS=success)
    if is_sent:
        sms.send(PHONE, TEXT, at=NOON)
    else:
        with pytest.raises(NotSent):
            sms.send(PHONE, TEXT, at=NOON)
    assert len(server.got) == attempts
    assert len(waited) == attempts - 1
    assert waited == sorted(waited), "each pause is longer than the one before"
    assert len({headers["idempotency-key"] for headers, _ in server.got}) == 1, "a repeat bears the same key"


def test_nobody_listening_is_told_after_all_attempts() -> None:
    sms, waited = provider(Server("http://127.0.0.1:9/", []))
    with pytest.raises(NotSent) as error:
        sms.send(PHONE, TEXT, at=NOON)
    assert not error.value.is_final
    assert len(waited) == ATTEMPTS - 1


def test_neither_phone_nor_text_nor_secret_is_logged(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.answers = [(500, "x")] * ATTEMPTS
    sms, _ = provider(server)
    with caplog.at_level("DEBUG"), pytest.raises(NotSent):
        sms.send(PHONE, TEXT, at=NOON)
    for secret in (PHONE, "已到", "s3cret"):
        assert secret not in caplog.text
    assert "s3cret" not in repr(sms._provider)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"YIKATONG_SMS_URL": "http://example.com/"}, "YIKATONG_SMS_URL"),
        ({"YIKATONG_SMS_URL": ""}, "YIKATONG_SMS_URL"),
        ({"YIKATONG_SMS_HEADERS": "{"}, "YIKATONG_SMS_HEADERS"),
        ({"YIKATONG_SMS_HEADERS": '{"a": 1}'}, "YIKATONG_SMS_HEADERS"),
        ({"YIKATONG_SMS_HEADERS": '{"a": "${NOT_SET}"}'}, "NOT_SET"),
        ({"YIKATONG_SMS_BODY": '{"phone": "{phone}"}'}, "YIKATONG_SMS_BODY"),
        ({"YIKATONG_SMS_SUCCESS": "json:code"}, "YIKATONG_SMS_SUCCESS"),
    ],
)
def test_a_configuration_that_cannot_work_is_named(changes: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationWrong, match=named):
        provider(Server("http://127.0.0.1:9/", []), **changes)
