"""The command as operators use it: what it shows, how it exits, and that it stops cleanly."""

import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import segno

from tests.terminal.makers import (
    LoopbackGateway,
    fresh_code,
    give_lists,
    lists_of_now,
    open_terminal,
    profile_fields,
    write_profile,
)
from tests.wire.makers import NOW, make_certificate, make_text, make_trust, seconds
from yikatong.terminal import cli
from yikatong.wire.taps import Decision, Tap

ROOT = Path(__file__).resolve().parent.parent.parent
type Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process at ``NOW``; exit code, output, complaints."""

    def run(command: str, *arguments: str, stdin: bytes = b"", at: datetime = NOW) -> tuple[int, str, str]:
        monkeypatch.setattr(cli, "utc_now", lambda: at)
        stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin)))  # type: ignore[arg-type]
        monkeypatch.setattr(sys, "stdin", stream)
        options = ["--profile", str(tmp_path / "profile.json"), "--state", str(tmp_path / "state")]
        with pytest.raises(SystemExit) as ended:
            cli.main([command, *options, *arguments])
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err  # type: ignore[return-value]

    return run


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A registered gate with lists, offline; its folder."""
    with open_terminal(tmp_path):
        return tmp_path


ENTER = ("--station", "国贸", "--direction", "entry", "--offline")


def code_file(folder: Path, text: str) -> str:
    path = folder / "code.txt"
    path.write_text(text)
    return str(path)


def png(text: str) -> bytes:
    picture = io.BytesIO()
    segno.make(text, error="m", micro=False).save(picture, kind="png", scale=4)
    return picture.getvalue()


def taps_in(folder: Path) -> list[Tap]:
    with open_terminal(folder, lists=False) as terminal:
        return [kept.tap for kept in terminal.outbox.kept()]


def test_a_gate_opens(run: Run, prepared: Path) -> None:
    code, out, err = run("gate", *ENTER, "--once", "--code", code_file(prepared, make_text()))
    assert (code, out, err) == (0, "放行 PASS  #1 国贸 entry  请通行  Please pass\n", "")


def test_the_same_code_again_is_refused(run: Run, prepared: Path) -> None:
    path = code_file(prepared, make_text())
    run("gate", *ENTER, "--code", path)
    code, out, _ = run("gate", *ENTER, "--code", path)
    assert code == 1
    assert out.startswith("拒绝 REFUSED  #2 国贸 entry  code_replayed  此二维码刚刚用过")


@pytest.mark.parametrize(
    ("way", "stdin"),
    [
        (["--code", "{file}"], b""),
        (["--code", "{text}"], b""),
        (["--image", "{image}"], b""),
        (["--code", "-"], b"{text}\n"),
        ([], b"{text}"),
        ([], b"{picture}"),
        (["--watch-stdin", "--once"], b"\n{text}\nand more\n"),
    ],
)
def test_a_code_comes_in_many_ways(run: Run, prepared: Path, way: list[str], stdin: bytes) -> None:
    text = make_text()
    (prepared / "photo.png").write_bytes(png(text))
    values = {"file": code_file(prepared, text), "text": text, "image": str(prepared / "photo.png")}
    given = stdin.replace(b"{text}", text.encode()).replace(b"{picture}", png(text))
    code, out, err = run("gate", *ENTER, *(part.format(**values) for part in way), stdin=given)
    assert (code, err) == (0, "")
    assert "放行" in out
    assert len(taps_in(prepared)) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (make_text(issued_at=NOW - seconds(61)), "code_expired"),
        (make_text(issued_at=NOW + seconds(60)), "code_from_future"),
        (make_text(make_certificate(not_after=NOW - seconds(1))), "certificate_expired"),
        (make_text()[:200], "code_malformed"),
        ("D2143569X", "card_number_not_taken"),
    ],
)
def test_a_refusal_shows_reason_and_advice(run: Run, prepared: Path, text: str, reason: str) -> None:
    code, out, _ = run("gate", *ENTER, "--code", code_file(prepared, text))
    assert code == 1
    assert out.startswith(f"拒绝 REFUSED  #1 国贸 entry  {reason}  ")


@pytest.mark.parametrize(
    ("changed", "options", "says"),
    [
        ({}, ["--station", "国冒"], "没有名为“国冒”的地铁站；您是否要找"),
        ({}, ["--station", ""], "没有名为“”的地铁站"),
        ({}, ["--station", "西单"], "登记在“国贸”，不能用作“西单”的闸机"),
        ({"venue": "朝阳医院"}, [], "没有名为“朝阳医院”的地铁站"),
        ({"purpose": "identity"}, [], "was registered for identity, not as a gate"),
    ],
)
def test_a_gate_stands_where_it_was_registered(
    run: Run, tmp_path: Path, changed: dict[str, object], options: list[str], says: str
) -> None:
    with open_terminal(tmp_path, **changed):
        pass
    code, out, err = run("gate", "--direction", "entry", "--offline", *options, "--code", make_text())
    assert (code, out) == (2, "")
    assert says in err
    assert taps_in(tmp_path) == []


def test_the_station_need_not_be_repeated(run: Run, prepared: Path) -> None:
    code, out, _ = run("gate", "--direction", "exit", "--offline", "--code", make_text())
    assert (code, "国贸 exit" in out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["gate", "--direction", "entry", "--code", "x", "--watch-stdin"],
            "at most one of --code, --image, --watch-stdin",
        ),
        (["gate", "--direction", "sideways"], "sideways"),
        (["gate"], "--direction"),
        (["gate", *ENTER, "--code", "none.txt"], "no such file: none.txt"),
        (["gate", *ENTER, "--image", "none.png"], "no such file: none.png"),
        (["gate", *ENTER], "standard input ended without a code"),
        (["verify", "--code", "x", "--image", "y"], "at most one of --code, --image"),
        (["identify", "--card-number", "D21435691"], "校验位不对"),
        (["identify"], "9 位"),
    ],
)
def test_misuse_is_told_and_changes_nothing(run: Run, prepared: Path, arguments: list[str], says: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert taps_in(prepared) == []


def test_a_missing_profile_says_how_to_make_one(run: Run) -> None:
    code, _, err = run("outbox")
    assert (code, "register-terminal" in err) == (2, True)


def test_a_gate_that_never_synced_says_so(run: Run, tmp_path: Path) -> None:
    with open_terminal(tmp_path, lists=False):
        pass
    code, out, _ = run("gate", *ENTER, "--code", make_text())
    assert (code, "trust_list_missing" in out) == (1, True)


def test_an_outdated_deny_list_is_told_to_the_operator(run: Run, prepared: Path) -> None:
    late = NOW + seconds(30 * 3600)
    with open_terminal(prepared) as terminal:
        give_lists(terminal, trust=make_trust(issued_at=NOW + seconds(1), valid_until=late))
    code, out, err = run("gate", *ENTER, "--code", make_text(issued_at=late), at=late)
    assert (code, "放行" in out) == (0, True)
    assert "accepted although deny_list_stale" in err


def test_verify_leaves_no_tap(run: Run, prepared: Path) -> None:
    text = make_text()
    assert run("verify", "--code", text) == (0, "有效 GENUINE\n", "")
    assert run("verify", "--code", text) == (0, "有效 GENUINE\n", "")
    code, out, _ = run("verify", stdin=make_text(issued_at=NOW - seconds(90)).encode())
    assert (code, "code_expired" in out) == (1, True)
    assert taps_in(prepared) == []


def test_the_outbox_shows_what_waits_and_what_was_refused(run: Run, tmp_path: Path, gateway: LoopbackGateway) -> None:
    with open_terminal(tmp_path, gateway_url=gateway.url) as terminal:
        for _ in range(2):
            assert terminal.present(make_text(nonce=bytes([_] * 8)), NOW, kind="entry").accepted
        terminal.present("hello", NOW, kind="entry")
        gateway.unreadable = lambda tap: tap.sequence == 2
        terminal.upload()
        terminal.present("hello again", NOW, kind="exit")
    assert run("outbox")[1].splitlines() == [
        "waiting 1, acknowledged 2, refused 1",
        "  #2 refused body_malformed  entry 国贸 accepted",
        "  #4 waiting   exit 国贸 refused code_malformed",
    ]
    assert run("outbox", "--retry")[1].splitlines()[:2] == [
        "1 refused taps and 0 refused payments wait again",
        "waiting 2, acknowledged 2, refused 0",
    ]


def test_online_a_gate_fetches_lists_first_and_uploads_after(
    run: Run, tmp_path: Path, gateway: LoopbackGateway
) -> None:
    write_profile(tmp_path / "profile.json", gateway_url=gateway.url)
    code, out, err = run("gate", "--direction", "entry", "--code", make_text())
    assert (code, "放行" in out, err) == (0, True, "")
    assert gateway.requests == ["/v1/trust-list", "/v1/deny-list", "/v1/taps"]
    assert [tap.sequence for tap in gateway.taps] == [1]


@pytest.mark.parametrize("fault", [503, 401, "lose_reply"])
def test_online_a_failing_gateway_does_not_shut_the_gate(
    run: Run, tmp_path: Path, gateway: LoopbackGateway, fault: int | str
) -> None:
    with open_terminal(tmp_path, gateway_url=gateway.url):
        pass
    gateway.faults.extend([fault] * 5)
    code, out, err = run("gate", "--direction", "entry", "--code", make_text())
    assert (code, "放行" in out) == (0, True)
    assert "not in step with the gateway yet" in err
    assert run("sync")[0] == 2
    gateway.faults.clear()
    code, out, _ = run("sync")
    assert code == 0
    assert [tap.sequence for tap in gateway.taps] == [1]


def test_sync_says_what_it_did(run: Run, tmp_path: Path, gateway: LoopbackGateway) -> None:
    with open_terminal(tmp_path, gateway_url=gateway.url) as terminal:
        terminal.present(make_text(), NOW, kind="entry")
    gateway.ahead_s = -60
    code, out, err = run("sync")
    assert (code, out) == (0, "uploaded 1 new, 0 known, 0 refused; deny list version 1 with 0 entries\n")
    assert "clock differs from the gateway's by" in err


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Decision(True, "", 2, "*三"), (0, "有效 VALID  第2代卡  *三\n")),
        (
            Decision(False, "card_superseded"),
            (
                1,
                "拒绝 REFUSED  card_superseded  此卡已被新卡替代，请使用新卡  This card was replaced; use the new card\n",
            ),
        ),
    ],
)
def test_identify_asks_about_a_physical_card(
    run: Run, tmp_path: Path, gateway: LoopbackGateway, answer: Decision, expected: tuple[int, str]
) -> None:
    write_profile(tmp_path / "profile.json", gateway_url=gateway.url, purpose="identity")
    gateway.answer = answer
    assert run("identify", "--card-number", "d2143569x")[:2] == expected
    assert run("identify", stdin="Ｄ２１４３５６９Ｘ\n".encode())[:2] == expected
    assert [question.card_number for question in gateway.questions] == ["D2143569X"] * 2
    assert taps_in(tmp_path) == []


def test_identify_without_a_network_says_so(run: Run, prepared: Path) -> None:
    code, out, err = run("identify", "--card-number", "D2143569X")
    assert (code, out, "no answer from" in err) == (2, "", True)


def test_watching_survives_whatever_is_held_to_the_reader(run: Run, prepared: Path) -> None:
    text = make_text()
    shown = [text.encode(), b"", b"\xff\xfe\x00", b"A" * 100_000, text.encode(), make_text(nonce=b"another.").encode()]
    code, out, err = run("gate", *ENTER, "--watch-stdin", stdin=b"\n".join(shown))
    assert code == 0
    words = [line.split()[0] for line in out.splitlines()]
    assert words == ["放行", "拒绝", "拒绝", "拒绝", "放行"]
    assert err == "stopped; 5 taps wait for upload\n"


@pytest.fixture
def watching(tmp_path: Path, gateway: LoopbackGateway) -> Iterator[subprocess.Popen[str]]:
    """A gate as its own process, online, reading codes from a pipe."""
    lists = lists_of_now()
    gateway.trust, gateway.deny = lists["trust"], lists["deny"]
    profile = write_profile(tmp_path / "profile.json", gateway_url=gateway.url)
    gate = subprocess.Popen(
        [
            *(sys.executable, "-m", "yikatong.terminal.cli", "gate", "--station", "国贸", "--direction", "entry"),
            *("--watch-stdin", "--profile", str(profile), "--state", str(tmp_path / "state")),
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), "PATH": "", "LANG": "C.UTF-8"},
    )
    try:
        yield gate
    finally:
        gate.kill()
        gate.communicate()


def show(gate: subprocess.Popen[str], text: str) -> str:
    assert gate.stdin is not None
    assert gate.stdout is not None
    gate.stdin.write(text + "\n")
    gate.stdin.flush()
    return gate.stdout.readline()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, None])
def test_a_watching_gate_uploads_beside_its_work_and_stops_cleanly(
    watching: subprocess.Popen[str], tmp_path: Path, gateway: LoopbackGateway, ending: signal.Signals | None
) -> None:
    assert show(watching, fresh_code()).startswith("放行 PASS  #1 国贸 entry")
    assert show(watching, fresh_code()).startswith("放行 PASS  #2 国贸 entry")
    assert show(watching, "hello").startswith("拒绝 REFUSED  #3 国贸 entry  code_malformed")
    if ending:
        watching.send_signal(ending)
    out, err = watching.communicate(timeout=30)
    assert (watching.returncode, out) == (0, "")
    assert err.strip().startswith("stopped; ")
    waiting = int(err.split(";")[1].split()[0])
    assert len(gateway.taps) + waiting >= 3
    with open_terminal(tmp_path, lists=False) as terminal:
        assert terminal.counts().waiting == waiting
        terminal.upload()
    assert sorted(tap.sequence for tap in gateway.taps) == [1, 2, 3], "each once"
    if ending is None:
        assert waiting == 0, "when its input ends there is time to upload"


def test_a_watching_gate_goes_on_without_its_gateway(watching: subprocess.Popen[str], gateway: LoopbackGateway) -> None:
    assert show(watching, fresh_code()).startswith("放行")
    gateway.faults.extend([503] * 50)
    for _ in range(5):
        assert show(watching, fresh_code()).startswith("放行")
    _, err = watching.communicate(timeout=30)
    assert watching.returncode == 0
    assert "the gateway answers 503" in err


def test_no_message_shows_a_key(run: Run, prepared: Path) -> None:
    profile = prepared / "profile.json"
    profile.write_text(json.dumps(profile_fields(terminal_id="12")))
    _, out, err = run("sync")
    assert "66666666" not in out + err
    assert "terminal_id" in err
