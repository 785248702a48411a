"""Uploading over real sockets: lost replies, broken gateways, taps that cannot be read, kill -9 in the middle."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from tests.terminal.makers import LoopbackGateway, open_terminal, write_profile
from tests.wire.makers import LIST_KEY, NOW, STRANGER, make_certificate, make_deny, make_text
from yikatong.foundation.clock import utc_now
from yikatong.terminal import Terminal
from yikatong.terminal.client import GatewayRefused, GatewayUnreachable
from yikatong.terminal.outbox import Counts
from yikatong.terminal.uploader import UPLOADED_AT_ONCE, WAIT_MAX_S, BackgroundSync, wait_s
from yikatong.wire.lists import ListInvalid, sign_list
from yikatong.wire.taps import Tap

ROOT = Path(__file__).resolve().parent.parent.parent
CERTIFICATE = make_certificate()


@pytest.fixture
def terminal(tmp_path: Path, gateway: LoopbackGateway) -> Iterator[Terminal]:
    """A gate that knows the loopback gateway."""
    with open_terminal(tmp_path, gateway_url=gateway.url) as opened:
        yield opened


def let_pass(terminal: Terminal, count: int) -> None:
    for _ in range(count):
        assert terminal.present(make_text(CERTIFICATE, nonce=os.urandom(8)), NOW, kind="entry").accepted


def stored(gateway: LoopbackGateway) -> list[int]:
    return sorted(tap.sequence for tap in gateway.taps)


def test_taps_arrive_once_and_as_stored(terminal: Terminal, gateway: LoopbackGateway) -> None:
    let_pass(terminal, 3)
    terminal.present("hello", NOW, kind="entry")
    waiting = terminal.outbox.waiting(9)
    done = terminal.upload()
    assert (done.stored, done.repeated, done.refused) == (4, 0, 0)
    assert gateway.taps == waiting
    assert terminal.counts() == Counts(waiting=0, acknowledged=4, refused=0)
    assert terminal.upload().stored == 0
    assert gateway.requests == ["/v1/taps"], "nothing waits, nothing is asked"


def test_many_taps_go_in_batches(terminal: Terminal, gateway: LoopbackGateway) -> None:
    let_pass(terminal, UPLOADED_AT_ONCE + 1)
    assert terminal.upload().stored == UPLOADED_AT_ONCE + 1
    assert gateway.requests == ["/v1/taps"] * 2


def test_a_lost_reply_is_made_up_for_by_repeating(terminal: Terminal, gateway: LoopbackGateway) -> None:
    let_pass(terminal, 3)
    gateway.faults.extend(["lose_reply", "lose_reply"])
    for _ in range(2):
        with pytest.raises(GatewayUnreachable):
            terminal.upload()
        assert terminal.counts().waiting == 3
    let_pass(terminal, 1)
    done = terminal.upload()
    assert (done.stored, done.repeated) == (1, 3)
    assert stored(gateway) == [1, 2, 3, 4]


def reply_for_others(response: Response) -> Response:
    return JSONResponse({"results": [{"sequence": 77, "status": "stored"}], "server_time_ms": 0})


def reply_for_some(response: Response) -> Response:
    return JSONResponse({"results": [{"sequence": 2, "status": "stored"}], "server_time_ms": 0})


@pytest.mark.parametrize(
    ("fault", "still_waiting"),
    [
        (500, 3),
        (502, 3),
        (503, 3),
        (429, 3),
        (408, 3),
        (lambda r: Response(status_code=304), 3),  # without a body: with one the server would reset the connection
        (lambda r: RedirectResponse("http://127.0.0.1:9/sign-in"), 3),
        (lambda r: PlainTextResponse("<html>Welcome to the station's network</html>"), 3),
        (lambda r: PlainTextResponse(b"\xff\xfe\x00"), 3),
        (lambda r: PlainTextResponse(b""), 3),
        (lambda r: JSONResponse({"results": [], "server_time_ms": 0}), 3),
        (lambda r: JSONResponse({"results": [{"sequence": 1, "status": "eaten"}], "server_time_ms": 0}), 3),
        (reply_for_others, 3),
        (reply_for_some, 2),
    ],
)
def test_an_answer_in_doubt_keeps_every_tap(
    terminal: Terminal, gateway: LoopbackGateway, fault: Any, still_waiting: int
) -> None:
    let_pass(terminal, 3)
    gateway.faults.append(fault)
    with pytest.raises(GatewayUnreachable):
        terminal.upload()
    assert terminal.counts() == Counts(waiting=still_waiting, acknowledged=3 - still_waiting, refused=0)
    terminal.upload()
    assert (terminal.counts().waiting, stored(gateway)) == (0, [1, 2, 3])


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_a_refusal_of_the_terminal_keeps_every_tap_and_says_why(
    terminal: Terminal, gateway: LoopbackGateway, status: int
) -> None:
    let_pass(terminal, 2)
    gateway.faults.append(status)
    with pytest.raises(GatewayRefused, match=f"fault_{status}: as told") as caught:
        terminal.upload()
    assert (caught.value.reason, caught.value.status) == (f"fault_{status}", status)
    assert terminal.counts().waiting == 2


def test_a_strangers_refusal_sets_nothing_aside(terminal: Terminal, gateway: LoopbackGateway) -> None:
    let_pass(terminal, 3)
    gateway.faults.extend([lambda r: PlainTextResponse("Bad Request", status_code=400)] * 9)
    with pytest.raises(GatewayRefused, match="unexpected_answer"):
        terminal.upload()
    assert terminal.counts() == Counts(waiting=3, acknowledged=0, refused=0)


@pytest.mark.parametrize("at_fault", [{1}, {50}, {120}, {1, 2, 3}, {7, 60, 119}, set(range(1, 121))])
def test_a_tap_that_cannot_be_read_is_set_aside_and_holds_up_no_other(
    terminal: Terminal, gateway: LoopbackGateway, at_fault: set[int]
) -> None:
    let_pass(terminal, 120)
    gateway.unreadable = lambda tap: tap.sequence in at_fault
    done = terminal.upload()
    assert (done.stored, done.refused) == (120 - len(at_fault), len(at_fault))
    assert stored(gateway) == sorted(set(range(1, 121)) - at_fault)
    assert {(k.tap.sequence, k.reason) for k in terminal.outbox.refused()} == {(s, "body_malformed") for s in at_fault}
    gateway.unreadable = lambda tap: False
    assert terminal.outbox.retry_refused() == len(at_fault)
    assert terminal.upload().stored == len(at_fault)


def test_too_much_at_once_is_sent_in_smaller_pieces(terminal: Terminal, gateway: LoopbackGateway) -> None:
    let_pass(terminal, 10)
    gateway.faults.extend([413, 413])
    assert terminal.upload().stored == 10
    assert stored(gateway) == list(range(1, 11))


def test_a_conflict_is_kept_with_its_reason(terminal: Terminal, gateway: LoopbackGateway) -> None:
    """As after restoring the state folder from a backup: the number was used for another tap already."""
    let_pass(terminal, 2)
    gateway.stored[1] = b"another tap's digest"
    done = terminal.upload()
    assert (done.stored, done.refused) == (1, 1)
    assert [(kept.tap.sequence, kept.status) for kept in terminal.outbox.refused()] == [(1, "conflict")]


def test_no_gateway_at_all(tmp_path: Path) -> None:
    with open_terminal(tmp_path) as terminal:
        let_pass(terminal, 1)
        with pytest.raises(GatewayUnreachable, match="no answer from http"):
            terminal.sync()
        assert terminal.counts().waiting == 1


def test_a_proxy_in_the_environment_is_not_asked(
    tmp_path: Path, gateway: LoopbackGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with open_terminal(tmp_path, gateway_url=gateway.url) as terminal:
        terminal.sync()


def test_the_clocks_are_compared(terminal: Terminal, gateway: LoopbackGateway) -> None:
    let_pass(terminal, 1)
    gateway.ahead_s = 90
    assert terminal.upload().clock_ahead_s in (-90, -89)


def test_sync_brings_lists_and_takes_taps(terminal: Terminal, gateway: LoopbackGateway) -> None:
    let_pass(terminal, 1)
    gateway.deny = sign_list(make_deny({"token:" + "a1" * 8: "card_superseded"}, version=2), LIST_KEY)
    assert terminal.sync().stored == 1
    assert gateway.requests == ["/v1/trust-list", "/v1/deny-list", "/v1/taps"]
    assert terminal.present(make_text(nonce=os.urandom(8)), NOW).reason == "card_superseded"


@pytest.mark.parametrize("spoil", ["trust", "deny"])
def test_lists_not_to_be_believed_keep_no_tap_back(terminal: Terminal, gateway: LoopbackGateway, spoil: str) -> None:
    let_pass(terminal, 1)
    setattr(gateway, spoil, sign_list(make_deny(), STRANGER))
    with pytest.raises(ListInvalid):
        terminal.sync()
    assert (stored(gateway), terminal.counts().waiting) == ([1], 0)
    assert terminal.present(make_text(nonce=os.urandom(8)), NOW).accepted, "the lists at hand still serve"


def test_a_clock_that_is_wrong_by_hours_is_said_so(tmp_path: Path, gateway: LoopbackGateway) -> None:
    with open_terminal(tmp_path, gateway_url=gateway.url) as opened:
        profile, state = opened.profile, tmp_path / "state"
    terminal = Terminal(profile, state, now=lambda: utc_now() - timedelta(hours=8))
    with terminal, pytest.raises(GatewayRefused, match="clock_wrong"):
        terminal.sync()


@pytest.mark.parametrize(
    ("failures", "shortest", "longest"),
    [(1, 0.5, 1), (2, 1, 2), (3, 2, 4), (6, 16, 32), (7, 30, 60), (8, 30, 60), (1000, 30, WAIT_MAX_S)],
)
def test_it_waits_longer_after_each_failure_and_never_in_step(failures: int, shortest: float, longest: float) -> None:
    assert (wait_s(failures, share=0), wait_s(failures, share=1)) == (shortest, longest)


class Steps:
    """What a background sync does, one step at a time, so that a test can wait for it instead of for the clock."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[bool] = []
        self.reports: list[str] = []
        self.done = threading.Semaphore(0)

    def sync(self, lists: bool) -> None:
        self.asked.append(lists)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        self.done.release()
        if outcome:
            raise outcome

    def await_steps(self, count: int) -> None:
        for _ in range(count):
            assert self.done.acquire(timeout=20)


def test_the_background_uploads_when_woken_and_fetches_lists_only_when_due() -> None:
    steps = Steps()
    background = BackgroundSync(steps.sync, report=steps.reports.append)
    background.start()
    steps.await_steps(1)
    background.wake()
    steps.await_steps(1)
    background.stop()
    assert steps.asked[:2] == [True, False]
    assert steps.reports == []


@pytest.mark.parametrize("fault", [GatewayUnreachable("no answer"), RuntimeError("a mistake of ours")])
def test_the_background_outlives_every_fault_and_reports_it_once(fault: Exception) -> None:
    steps = Steps(fault, fault)
    background = BackgroundSync(steps.sync, report=steps.reports.append)
    background.start()
    steps.await_steps(3)
    background.stop()
    assert steps.asked[:3] == [True, True, True], "the lists stay due until they came"
    assert steps.reports == [str(fault) if isinstance(fault, GatewayUnreachable) else repr(fault)]


def test_the_background_stops_at_once_after_a_refusal() -> None:
    steps = Steps(GatewayRefused("terminal_revoked", "register anew", status=403))
    background = BackgroundSync(steps.sync, report=steps.reports.append)
    background.start()
    steps.await_steps(1)
    background.stop()
    assert not background._thread.is_alive()
    assert (steps.asked, steps.reports) == ([True], ["terminal_revoked: register anew"])


@pytest.mark.parametrize("kill_at", [1, 2, 3, 4])
def test_killed_while_uploading_nothing_is_lost_or_doubled(
    tmp_path: Path, gateway: LoopbackGateway, kill_at: int
) -> None:
    """SIGKILL comes when the gateway has stored and not yet answered: at a list, or at the first or second batch."""
    write_profile(tmp_path / "profile.json", gateway_url=gateway.url)
    with open_terminal(tmp_path) as terminal:
        let_pass(terminal, UPLOADED_AT_ONCE + 20)
    children: list[subprocess.Popen[str]] = []

    def kill_in_time() -> None:
        if len(gateway.requests) == kill_at:
            started.wait(20)
            children[0].send_signal(signal.SIGKILL)
            children[0].wait()

    started = threading.Event()
    gateway.on_stored = kill_in_time
    children.append(start_sync(tmp_path))
    started.set()
    children[0].communicate(timeout=60)
    assert children[0].returncode == -signal.SIGKILL
    gateway.on_stored = lambda: None
    again = start_sync(tmp_path)
    printed, _ = again.communicate(timeout=60)
    assert again.returncode == 0, printed
    assert stored(gateway) == list(range(1, UPLOADED_AT_ONCE + 21)), "each once"
    with open_terminal(tmp_path) as terminal:
        assert terminal.counts() == Counts(waiting=0, acknowledged=UPLOADED_AT_ONCE + 20, refused=0)


def start_sync(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.terminal.killed", "sync", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_the_tap_that_is_uploaded_is_the_tap_that_was_stored(terminal: Terminal, gateway: LoopbackGateway) -> None:
    """Its bytes decide whether a repeat is a repeat, so they must not change with the software that sends them."""
    let_pass(terminal, 1)
    digest: Callable[[Tap], bytes] = Tap.digest
    before = digest(terminal.outbox.waiting(1)[0])
    terminal.upload()
    assert gateway.stored == {1: before}
