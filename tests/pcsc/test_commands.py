"""The commands a newcomer runs: a sample card in a virtual reader, a gate that takes its fare, a desk that verifies it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.pcsc.cards import NOTICED_S
from tests.terminal.makers import give_lists, open_terminal, write_profile
from tests.wire.makers import make_deny, make_trust
from yikatong.foundation.clock import utc_now
from yikatong.smartcard.memory import FileMedium, Memory
from yikatong.terminal.pcsc import wait_for_card
from yikatong.terminal.virtual_reader import VirtualReader

type Command = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = (sys.executable, "-m", "yikatong.terminal.cli")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample card and its module."""
    folder = tmp_path_factory.mktemp("sample")
    subprocess.run([*COMMAND, "card", "new", "--sample", str(folder)], check=True, capture_output=True)
    return folder


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself; it sees the readers this process sees."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def put_in(virtual_reader: VirtualReader) -> Callable[[Path, int], AbstractContextManager[None]]:
    """Put an image into a slot with ``emulate``, as long as the block lasts."""

    @contextmanager
    def inserted(image: Path, slot: int) -> Iterator[None]:
        arguments = ["emulate", "--card", str(image), "--folder", str(virtual_reader.folder), "--slot", str(slot)]
        with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True) as process:
            assert wait_for_card(virtual_reader.reader(slot), timeout_s=NOTICED_S)
            yield
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=NOTICED_S)
            assert process.returncode == 0
        assert wait_for_card(virtual_reader.reader(slot), is_present=False, timeout_s=NOTICED_S)

    return inserted


@pytest.fixture
def gates(tmp_path: Path) -> dict[str, list[str]]:
    """Profile and state of an entry gate at 国贸 and an exit gate at 西单, with lists of today."""
    made = {}
    now = utc_now()
    for name, venue in (("entry", "国贸"), ("exit", "西单")):
        folder = tmp_path / name
        folder.mkdir()
        write_profile(folder / "profile.json", venue=venue)
        trust = make_trust(issued_at=now, valid_until=now + timedelta(days=1))
        with open_terminal(folder, lists=False) as terminal:
            give_lists(terminal, trust, make_deny(issued_at=now))
        made[name] = ["--profile", str(folder / "profile.json"), "--state", str(folder / "state")]
    return made


def test_a_sample_card_rides_from_guomao_to_xidan(
    put_in: Callable[[Path, int], AbstractContextManager[None]],
    gates: dict[str, list[str]],
    sample: Path,
    virtual_reader: VirtualReader,
) -> None:
    said = []
    with put_in(sample / "card.image", 0), put_in(sample / "psam.image", 1):
        for direction in ("entry", "exit"):
            way = ["--direction", direction, "--reader", "00 00", "--sam-reader", "00 01", "--once", "--offline"]
            done = run("gate", *gates[direction], *way)
            assert done.returncode == 0, done.stdout + done.stderr
            said.append(done.stdout)
        again = run(
            "gate",
            *gates["exit"],
            "--direction",
            "exit",
            "--reader",
            "00 00",
            "--sam-reader",
            "00 01",
            "--once",
            "--offline",
        )
    assert re.fullmatch(r"放行 PASS  余额 50\.00 元（\d+ 毫秒）\n", said[0])
    assert re.fullmatch(r"放行 PASS  票价 4\.00 元，余额 46\.00 元（\d+ 毫秒）\n", said[1])
    assert again.returncode == 1
    assert "not_entered" in again.stdout
    assert int.from_bytes(Memory(FileMedium(sample / "card.image"))["TU/balance"]) == 4_600
    kept = run("outbox", *gates["exit"]).stdout
    assert "purse payments: waiting 1, acknowledged 0, refused 0; 400 fen in all" in kept
    shown = run("card", "show", sample / "card.image").stdout
    assert "交通钱包余额  46.00 元" in shown
    assert "最近一笔  复合消费 4.00 元，卡内序号 1" in shown


def test_a_desk_verifies_the_card_offline_and_refuses_another_citys(
    put_in: Callable[[Path, int], AbstractContextManager[None]], sample: Path, tmp_path: Path
) -> None:
    run("card", "new", "--sample", tmp_path / "other")
    with put_in(sample / "card.image", 0):
        genuine = run("card", "verify", "--authority", sample / "authority.der")
        refused = run("card", "verify", "--authority", tmp_path / "other" / "authority.der")
    assert genuine.returncode == 0
    assert genuine.stdout.startswith("有效 GENUINE  110000D156000005")
    assert refused.returncode == 2
    assert "卡的证书不可信" in refused.stderr


def test_an_image_shows_no_key_and_no_persons_data(sample: Path) -> None:
    cells = Memory(FileMedium(sample / "card.image")).cells()
    shown = run("card", "show", sample / "card.image").stdout
    keys = [value.hex().upper() for cell, value in cells.items() if "/key/" in cell]
    assert len(keys) == 19
    assert not [key for key in keys if key in shown.upper()]
    assert "测试员" not in shown
    assert "119901199003078515" not in shown
    assert "SSSE/DF04  0A 12 20 21 22" in shown


def test_what_is_missing_is_told_with_what_to_do(
    virtual_reader: VirtualReader, gates: dict[str, list[str]], sample: Path, tmp_path: Path
) -> None:
    (tmp_path / "noise").write_bytes(os.urandom(64))
    entry = ["gate", *gates["entry"], "--direction", "entry", "--once", "--offline"]
    for arguments, words in (
        ([*entry, "--reader", "00 00"], "--sam"),
        ([*entry, "--reader", "ACR122", "--sam", sample / "psam.image"], "没有名称含“ACR122”的读卡器"),
        ([*entry, "--reader", "00 00", "--sam", tmp_path / "none"], "没有这个文件"),
        ([*entry, "--reader", "00 00", "--sam", tmp_path / "noise"], "no card image"),
        ([*entry, "--reader", "00 00", "--sam", sample / "card.image"], "安全模块不支持交通钱包"),
        (["card", "show", sample / "psam.image"], "是 PSAM 映像"),
        (["card", "new", "--sample", sample], "已经存在"),
        (["emulate", "--card", sample / "card.image", "--folder", tmp_path], "没有运行中的虚拟读卡器"),
        (["card", "verify", "--authority", sample / "authority.der"], "请放好卡片"),
    ):
        told = run(*arguments)
        assert told.returncode == 2, arguments
        assert words in told.stderr, told.stderr


def test_readers_are_listed(virtual_reader: VirtualReader) -> None:
    assert run("readers").stdout == f"{virtual_reader.reader(0)}  空\n{virtual_reader.reader(1)}  空\n"
