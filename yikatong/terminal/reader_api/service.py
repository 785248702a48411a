"""The reader API on a local WebSocket, as halls' and kiosks' pages reach a reader on their own machine.

One JSON message, one answer (``messages``). Pages must come from an origin that was named; a program on this machine, which sends
no origin, may come too: it could use the reader without us. A message is answered before the next is looked at, whoever sent it,
and a page that goes lets go of its card. It never logs what is asked or answered.
Source: the field's local services (port 12342, ``{"function": "iReadCardBas", "iType": 3}``).
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from yikatong.foundation.errors import YikatongError
from yikatong.terminal.reader_api.api import ReaderApi
from yikatong.terminal.reader_api.messages import REQUEST_MAX, answer

HOST, PORT = "127.0.0.1", 12342
_FRAME_MAX = 4 * REQUEST_MAX


class ServiceFault(YikatongError):
    """The service cannot run; the text says why."""


class ReaderService:
    """``new_api`` makes the API of one connection: between the steps of an HSM it holds a card for its page alone."""

    def __init__(self, new_api: Callable[[], ReaderApi]) -> None:
        self._new_api = new_api
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")

    async def run(
        self, *, origins: Sequence[str], port: int = PORT, ready: Callable[[int], object] = lambda port: None
    ) -> None:
        """Serve until cancelled. Raises ``ServiceFault`` when the port is taken."""
        allowed = [None, *(Origin(origin) for origin in origins)]
        try:
            server = await serve(self._client, HOST, port, origins=allowed, max_size=_FRAME_MAX, compression=None)
        except OSError as error:
            raise ServiceFault(f"端口 {port} 不能使用（{error.strerror}）：可能已有一个读卡服务在运行") from error
        async with server:
            ready(next(iter(server.sockets)).getsockname()[1])
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._thread.shutdown(wait=False)

    async def _client(self, client: ServerConnection) -> None:
        api = self._new_api()
        try:
            async for message in client:
                text = message if isinstance(message, str) else ""
                await client.send(await self._blocking(partial(answer, api, text)))
        except ConnectionClosed:
            pass
        finally:
            await self._blocking(api.close)

    async def _blocking[T](self, call: Callable[[], T]) -> T:
        """Off the event loop, and one after another."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
