"""The local service as a hall's page and a hospital's program meet it, over real sockets."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.smartcard.makers import CONTENTS
from tests.terminal.reader_api.test_reader_api import desk, sam
from yikatong.terminal.reader_api.api import ReaderApi
from yikatong.terminal.reader_api.messages import REQUEST_MAX
from yikatong.terminal.reader_api.service import ReaderService, ServiceFault

PAGE = "http://hall.example"


@asynccontextmanager
async def serving(api: ReaderApi) -> AsyncIterator[int]:
    """The port of a running service."""
    bound = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(ReaderService(lambda: api).run(origins=[PAGE], port=0, ready=bound.set_result))
    try:
        yield await bound
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def asked(port: int, *messages: str, origin: str | None = PAGE) -> list[dict[str, object]]:
    """The answers to these messages on one connection."""
    address = f"ws://127.0.0.1:{port}"
    async with connect(address, origin=None if origin is None else Origin(origin)) as client:
        answers = []
        for message in messages:
            await client.send(message)
            answers.append(json.loads(await client.recv()))
        return answers


@pytest.mark.parametrize("origin", [PAGE, None])
def test_a_card_is_read_by_its_established_message(origin: str | None) -> None:
    api = desk(module=sam())

    async def talk() -> None:
        async with serving(api) as port:
            (read,) = await asked(port, '{"function":"iReadCardBas","iType":3}', origin=origin)
            assert read["success"] == 0
            assert str(read["pOutInfo"]).split("|")[2] == CONTENTS.card_number

    asyncio.run(talk())


def test_what_is_no_message_is_told_and_the_connection_goes_on() -> None:
    api = desk(module=sam())

    async def talk() -> None:
        async with serving(api) as port:
            wrong, unknown, right = await asked(port, "{", '{"function":"rm"}', '{"function":"iReadCardBas","iType":1}')
            assert (wrong["success"], unknown["success"], right["success"]) == (-23, -23, 0)
            assert wrong["message"]

    asyncio.run(talk())


@pytest.mark.parametrize("origin", ["http://evil.example", "https://hall.example", "null"])
def test_pages_of_other_origins_are_turned_away(origin: str) -> None:
    api = desk(module=sam())

    async def talk() -> None:
        async with serving(api) as port:
            with pytest.raises(InvalidStatus) as refused:
                await asked(port, origin=origin)
            assert refused.value.response.status_code == 403

    asyncio.run(talk())


def test_an_overlong_message_ends_the_connection_and_a_taken_port_is_told() -> None:
    api = desk(module=sam())

    async def talk() -> None:
        async with serving(api) as port:
            with pytest.raises(ConnectionClosed):
                await asked(port, "x" * (5 * REQUEST_MAX))
            with pytest.raises(ServiceFault, match="端口"):
                await ReaderService(lambda: api).run(origins=[], port=port)

    asyncio.run(talk())


def test_the_command_says_when_it_is_ready_and_stops_when_told() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = "from yikatong.terminal.cli import main; main()"
    command = [sys.executable, "-c", run, "reader-service", "--port", str(port)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"就绪 READY ws://127.0.0.1:{port}\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
