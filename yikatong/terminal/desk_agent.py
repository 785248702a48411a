"""The program on a clerk's desk that lets one web page, the workbench, use the card reader there.

It listens for WebSocket on loopback only, takes connections of the workbench's origin only, and believes a page once it has told
the pairing code that this program shows. What it carries between page and card it neither understands nor logs: personal
data and keys are in it, sealed for the card. One page at a time has the reader; when the page goes, the card loses power.
The frames: docs/terminal.md. Source: assumption (they are ours).
"""

import asyncio
import contextlib
import json
import logging
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hmac import compare_digest
from pathlib import Path
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from yikatong.foundation.errors import YikatongError
from yikatong.terminal.pcsc import CardRemoved, NoCard, PcscCard, ReaderFault, find_reader, reader_names, wait_for_card

log = logging.getLogger(__name__)

HOST, PORT = "127.0.0.1", 12344
FRAME_MAX = 8192
COMMAND_MAX = 300
CODE_DIGITS, WRONG_CODES_MAX = 6, 5

type Answer = dict[str, Any]


class AgentFault(YikatongError):
    """The agent cannot run; the text says why."""


class Refused(Exception):
    """A question that is answered with an error. ``code`` is for the page's script, the text for the clerk."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class DeskReader(Protocol):
    """The readers at a desk. Its methods block; they raise ``ReaderFault``."""

    def readers(self) -> Iterator[tuple[str, bool]]:
        """Names, and whether a card is there."""

    def connect(self, part: str) -> tuple[str, bytes]:
        """Give a card power, for this program alone; the reader's name and the answer to reset."""

    def transmit(self, command: bytes) -> bytes:
        """One command and its answer as they are: 61xx and 6Cxx are the page's to follow up."""

    def reset(self) -> bytes:
        """Take the card's power and give it again; the answer to reset."""

    def close(self) -> None:
        """Let go of the card, if there is one."""


class PcscDesk:
    """The system's readers."""

    def __init__(self) -> None:
        self._card: PcscCard | None = None

    def readers(self) -> Iterator[tuple[str, bool]]:
        """See ``DeskReader``."""
        return iter([(name, wait_for_card(name, timeout_s=0)) for name in reader_names()])

    def connect(self, part: str) -> tuple[str, bytes]:
        """See ``DeskReader``."""
        self.close()
        self._card = PcscCard(find_reader(part))
        return self._card.reader, self._card.atr

    def transmit(self, command: bytes) -> bytes:
        """See ``DeskReader``."""
        return self._connected().transmit(command)

    def reset(self) -> bytes:
        """See ``DeskReader``."""
        reader = self._connected().reader
        self.close()
        return self.connect(reader)[1]

    def close(self) -> None:
        """See ``DeskReader``."""
        if self._card is not None:
            self._card.close()
            self._card = None

    def _connected(self) -> PcscCard:
        if self._card is None:
            raise Refused("not_connected", "还没有连接卡片；请先放好卡片")
        return self._card


class Pairing:
    """What a page must know to be believed: the code shown here, once, or the token it got for it.

    ``show`` is called with each new code.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show, self._tokens, self._wrong = show, set[str](), 0
        self._renew()

    def token_for(self, question: Answer) -> str:
        """The page's token. Raises ``Refused``; after several wrong codes another one is shown."""
        token, code = question.get("token"), question.get("code")
        if isinstance(token, str) and any(compare_digest(token.encode(), known.encode()) for known in self._tokens):
            return token
        if isinstance(code, str) and compare_digest(code.encode(), self._code.encode()):
            self._wrong = 0
            given = secrets.token_urlsafe(24)
            self._tokens.add(given)
            return given
        if code is not None:
            self._wrong += 1
            if self._wrong >= WRONG_CODES_MAX:
                self._renew()
                raise _TooManyWrongCodes("wrong_code", "配对码多次输错，已更换；请按桌面读卡程序新显示的配对码输入")
        raise Refused("wrong_code", "配对码不对；请按桌面读卡程序显示的六位数字输入")

    def _renew(self) -> None:
        self._wrong = 0
        self._code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        self._show(self._code)


class _TooManyWrongCodes(Refused):
    """The connection ends with this answer."""


class DeskAgent:
    """Answers pages. ``run`` serves until it is cancelled."""

    def __init__(self, desk: DeskReader, pairing: Pairing) -> None:
        self._desk, self._pairing = desk, pairing
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")
        self._holder: ServerConnection | None = None

    async def run(
        self, *, origins: Sequence[str], port: int = PORT, ready: Callable[[int], object] = lambda port: None
    ) -> None:
        """Serve pages of these origins (``scheme://host:port``). Raises ``AgentFault`` when the port is taken."""
        allowed = [Origin(origin) for origin in origins]
        try:
            server = await serve(self._page, HOST, port, origins=allowed, max_size=FRAME_MAX, compression=None)
        except OSError as error:
            raise AgentFault(f"端口 {port} 不能使用（{error.strerror}）：可能已有一个 agent 在运行") from error
        async with server:
            ready(next(iter(server.sockets)).getsockname()[1])
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await self._blocking(self._desk.close)
                self._thread.shutdown()

    async def _page(self, page: ServerConnection) -> None:
        is_paired = False
        try:
            async for frame in page:
                question = _question_in(frame)
                try:
                    if question.get("ask") == "pair":
                        is_paired, answer = True, {"token": self._pairing.token_for(question)}
                    elif not is_paired:
                        raise Refused("not_paired", "请先输入桌面读卡程序显示的配对码")
                    else:
                        answer = await self._answer(page, question)
                except Refused as refused:
                    await page.send(_error(refused.code, str(refused)))
                    if isinstance(refused, _TooManyWrongCodes):
                        return
                else:
                    await page.send(json.dumps({"ok": True, **answer}, ensure_ascii=False))
        except ConnectionClosed:
            pass
        finally:
            await self._let_go(page)

    async def _answer(self, page: ServerConnection, question: Answer) -> Answer:
        ask = question.get("ask")
        with _reader_faults():
            if ask == "readers":
                found = await self._blocking(self._desk.readers)
                return {"readers": [{"name": name, "has_card": has_card} for name, has_card in found]}
            if ask == "connect":
                return await self._connect(page, question)
            if ask == "disconnect":
                await self._let_go(page)
                return {}
            if ask not in {"transmit", "reset"}:
                raise Refused("bad_request", "网页与桌面读卡程序的版本不一致，请刷新网页")
            if self._holder is not page:
                raise Refused("not_connected", "还没有连接卡片；请先放好卡片")
            if ask == "reset":
                return {"atr": (await self._blocking(self._desk.reset)).hex().upper()}
            answer = await self._blocking(partial(self._desk.transmit, _command_in(question)))
            return {"answer": answer.hex().upper()}

    async def _connect(self, page: ServerConnection, question: Answer) -> Answer:
        if self._holder not in {None, page}:
            raise Refused("busy", "读卡器正被另一个网页使用；请先在那里完成或关闭那个网页")
        name = question.get("reader", "")
        if not isinstance(name, str):
            raise Refused("bad_request", "读卡器名称不对")
        self._holder = page
        try:
            reader, atr = await self._blocking(partial(self._desk.connect, name))
        except ReaderFault:
            self._holder = None
            raise
        return {"reader": reader, "atr": atr.hex().upper()}

    async def _let_go(self, page: ServerConnection) -> None:
        if self._holder is page:
            with contextlib.suppress(ReaderFault):
                await self._blocking(self._desk.close)
            self._holder = None

    async def _blocking[T](self, call: Callable[[], T]) -> T:
        """Off the event loop, and one after another."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def code_file(path: Path) -> Callable[[str], None]:
    """Writes each new pairing code to a file that only its owner can read."""

    def write(code: str) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(code)

    return write


@contextlib.contextmanager
def _reader_faults() -> Iterator[None]:
    """A reader's fault as the page is told it."""
    try:
        yield
    except NoCard as error:
        raise Refused("no_card", str(error)) from error
    except CardRemoved as error:
        raise Refused("card_gone", str(error)) from error
    except ReaderFault as error:
        raise Refused("no_reader", str(error)) from error


def _question_in(frame: str | bytes) -> Answer:
    try:
        question = json.loads(frame)
    except ValueError:
        return {}
    return question if isinstance(question, dict) else {}


def _command_in(question: Answer) -> bytes:
    text = question.get("command")
    try:
        command = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        command = b""
    if not 4 <= len(command) <= COMMAND_MAX:
        raise Refused("bad_command", "网页给出的命令不对，请刷新网页")
    return command


def _error(code: str, message: str) -> str:
    return json.dumps({"ok": False, "error": code, "message": message}, ensure_ascii=False)
