"""The desk's program as a page sees it: real sockets and a card in software, in the place of a PC/SC reader."""

import asyncio
import json
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from yikatong.foundation.clock import utc_now
from yikatong.smartcard.memory import FileMedium
from yikatong.smartcard.sample import write_sample
from yikatong.smartcard.third_generation import open_card
from yikatong.terminal.desk_agent import (
    FRAME_MAX,
    WRONG_CODES_MAX,
    AgentFault,
    DeskAgent,
    Pairing,
    code_file,
)
from yikatong.terminal.pcsc import CardRemoved, NoCard, ReaderFault

ORIGIN = "http://localhost:8600"
SELECT = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"


class EmulatedDesk:
    """One reader in which a card in software may lie."""

    def __init__(self, image: Path) -> None:
        self._card = open_card(FileMedium(image))
        self.has_card, self.is_connected = True, False
        self.resets = 0

    def readers(self) -> Iterator[tuple[str, bool]]:
        return iter([("Desk Reader", self.has_card)])

    def connect(self, part: str) -> tuple[str, bytes]:
        if part not in "Desk Reader":
            raise ReaderFault("没有这个读卡器")
        if not self.has_card:
            raise NoCard("没有卡")
        self.is_connected = True
        return "Desk Reader", self._card.power_on()

    def transmit(self, command: bytes) -> bytes:
        if not self.has_card:
            raise CardRemoved("卡被移走了")
        return self._card.transmit(command)

    def reset(self) -> bytes:
        self.resets += 1
        return self._card.power_on()

    def close(self) -> None:
        self.is_connected = False
        self._card.power_off()


class Running:
    """An agent that runs: its desk, its port, the codes it has shown."""

    def __init__(self, desk: EmulatedDesk) -> None:
        self.desk, self.codes, self.port = desk, list[str](), 0

    def page(self, origin: str | None = ORIGIN) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}", origin=None if origin is None else Origin(origin))

    async def paired(self, page: ClientConnection) -> str:
        answer = await asked(page, {"ask": "pair", "code": self.codes[-1]})
        return str(answer["token"])


async def asked(page: ClientConnection, question: object) -> dict[str, Any]:
    await page.send(json.dumps(question))
    answer: dict[str, Any] = json.loads(await page.recv())
    return answer


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(EmulatedDesk(write_sample(tmp_path / "sample", utc_now()).card))


@asynccontextmanager
async def serving(running: Running) -> AsyncIterator[Running]:
    """Until the block ends."""
    bound = asyncio.get_running_loop().create_future()
    agent = DeskAgent(running.desk, Pairing(running.codes.append))
    task = asyncio.create_task(agent.run(origins=[ORIGIN], port=0, ready=bound.set_result))
    running.port = await bound
    try:
        yield running
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_a_paired_page_uses_the_card(running: Running) -> None:
    async def talk() -> None:
        async with serving(running), running.page() as page:
            await running.paired(page)
            assert await asked(page, {"ask": "readers"}) == {
                "ok": True,
                "readers": [{"name": "Desk Reader", "has_card": True}],
            }
            connected = await asked(page, {"ask": "connect", "reader": ""})
            assert connected["reader"] == "Desk Reader"
            assert connected["atr"].startswith("3B6D")
            answer = await asked(page, {"ask": "transmit", "command": SELECT})
            assert answer["answer"].startswith("61")
            assert (await asked(page, {"ask": "reset"}))["atr"] == connected["atr"]
            assert running.desk.resets == 1
            assert (await asked(page, {"ask": "disconnect"})) == {"ok": True}
            assert not running.desk.is_connected
            assert (await asked(page, {"ask": "transmit", "command": SELECT}))["error"] == "not_connected"

    asyncio.run(talk())


def test_nothing_is_answered_before_pairing(running: Running) -> None:
    async def talk() -> None:
        async with serving(running), running.page() as page:
            for question in ({"ask": "readers"}, {"ask": "connect", "reader": ""}, {}, [], "x", {"ask": "transmit"}):
                assert (await asked(page, question))["error"] == "not_paired"
            await page.send(b"\xff\xfe")
            assert json.loads(await page.recv())["error"] == "not_paired"
        assert not running.desk.is_connected

    asyncio.run(talk())


@pytest.mark.parametrize(
    "origin", [None, "http://evil.example", "http://localhost:8601", "https://localhost:8600", "null"]
)
def test_pages_of_other_origins_are_turned_away(running: Running, origin: str | None) -> None:
    async def talk() -> None:
        async with serving(running):
            with pytest.raises(InvalidStatus) as refused:
                async with running.page(origin):
                    pass
            assert refused.value.response.status_code == 403

    asyncio.run(talk())


def test_it_listens_on_loopback_only(running: Running) -> None:
    async def talk() -> None:
        async with serving(running):
            listening = Path("/proc/net/tcp").read_text().splitlines() + Path("/proc/net/tcp6").read_text().splitlines()
            ours = [line.split()[1] for line in listening if f":{running.port:04X} " in line and " 0A " in line]
            assert ours == [f"0100007F:{running.port:04X}"]

    asyncio.run(talk())


def test_a_page_that_comes_back_needs_no_code_again(running: Running) -> None:
    async def talk() -> None:
        async with serving(running):
            async with running.page() as page:
                token = await running.paired(page)
            async with running.page() as again:
                assert await asked(again, {"ask": "pair", "token": token}) == {"ok": True, "token": token}
            async with running.page() as stranger:
                assert (await asked(stranger, {"ask": "pair", "token": "x" * 32}))["error"] == "wrong_code"
                assert (await asked(stranger, {"ask": "pair", "token": 1, "code": 2}))["error"] == "wrong_code"

    asyncio.run(talk())


def test_wrong_codes_bring_another_code_and_end_the_connection(running: Running) -> None:
    async def talk() -> None:
        async with serving(running):
            first = running.codes[-1]
            wrong = f"{(int(first) + 1) % 10**6:06d}"
            async with running.page() as page:
                for _ in range(WRONG_CODES_MAX):
                    answer = await asked(page, {"ask": "pair", "code": wrong})
                    assert answer["error"] == "wrong_code"
                with pytest.raises(ConnectionClosed):
                    await page.recv()
            assert len(running.codes) == 2
            assert running.codes[-1] != first or len(set(running.codes)) == 1
            async with running.page() as page:
                await running.paired(page)

    asyncio.run(talk())


def test_one_page_at_a_time_has_the_card_and_leaving_gives_it_back(running: Running) -> None:
    async def talk() -> None:
        async with serving(running), running.page() as first:
            await running.paired(first)
            async with running.page() as second:
                await running.paired(second)
                await asked(second, {"ask": "connect", "reader": ""})
                assert (await asked(first, {"ask": "connect", "reader": ""}))["error"] == "busy"
                assert (await asked(first, {"ask": "transmit", "command": SELECT}))["error"] == "not_connected"
            while (await asked(first, {"ask": "connect", "reader": ""})).get("error") == "busy":
                await asyncio.sleep(0)
            assert running.desk.is_connected
        assert not running.desk.is_connected

    asyncio.run(talk())


def test_faults_of_the_reader_are_told_by_their_names(running: Running) -> None:
    async def talk() -> None:
        async with serving(running), running.page() as page:
            await running.paired(page)
            assert (await asked(page, {"ask": "connect", "reader": "Other"}))["error"] == "no_reader"
            await asked(page, {"ask": "connect", "reader": "Desk"})
            running.desk.has_card = False
            assert (await asked(page, {"ask": "transmit", "command": SELECT}))["error"] == "card_gone"
            assert (await asked(page, {"ask": "connect", "reader": ""}))["error"] == "no_card"

    asyncio.run(talk())


@pytest.mark.parametrize("command", ["", "00A4", "zz", "0" * 9, "00" * 301, 5, None])
def test_what_is_no_command_is_not_sent(running: Running, command: object) -> None:
    async def talk() -> None:
        async with serving(running), running.page() as page:
            await running.paired(page)
            await asked(page, {"ask": "connect", "reader": ""})
            assert (await asked(page, {"ask": "transmit", "command": command}))["error"] == "bad_command"
            assert (await asked(page, {"ask": "dance"}))["error"] == "bad_request"
            assert (await asked(page, {"ask": "connect", "reader": 5}))["error"] == "bad_request"

    asyncio.run(talk())


def test_an_overlong_frame_ends_the_connection(running: Running) -> None:
    async def talk() -> None:
        async with serving(running), running.page() as page:
            with pytest.raises(ConnectionClosed):
                await asked(page, {"ask": "x" * FRAME_MAX})
                await page.recv()

    asyncio.run(talk())


def test_nothing_that_is_carried_is_logged(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="yikatong")

    async def talk() -> None:
        async with serving(running), running.page() as page:
            await running.paired(page)
            await asked(page, {"ask": "connect", "reader": ""})
            await asked(page, {"ask": "transmit", "command": SELECT})

    asyncio.run(talk())
    said = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("yikatong"))
    assert SELECT not in said
    assert running.codes[-1] not in said


def test_a_taken_port_is_told(running: Running) -> None:
    async def talk() -> None:
        async with serving(running):
            with pytest.raises(AgentFault, match="端口"):
                await DeskAgent(running.desk, Pairing(running.codes.append)).run(origins=[ORIGIN], port=running.port)

    asyncio.run(talk())


def test_the_code_file_is_its_owners_only(tmp_path: Path) -> None:
    code_file(tmp_path / "code")("123456")
    assert (tmp_path / "code").read_text() == "123456"
    assert stat.S_IMODE((tmp_path / "code").stat().st_mode) == 0o600


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_when_it_is_ready_and_stops_when_told(stop: signal.Signals, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = "from yikatong.terminal.cli import main; main()"
    command = [sys.executable, "-c", run, "agent", "--port", str(port)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("配对码 ")
        assert process.stdout.readline() == f"就绪 READY ws://127.0.0.1:{port}\n"
        process.send_signal(stop)
        assert process.wait(20) == 0
