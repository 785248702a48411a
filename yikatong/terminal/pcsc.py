"""Cards in PC/SC readers, through the system's pcscd.

``cffi`` calls libpcsclite as it stands: the usual Python binding has no wheels for Linux and would need a compiler wherever a
terminal is set up (docs/decisions/0004). Every status of the library that a person can do something about is told in a sentence.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import TracebackType
from typing import Any, Self

from cffi import FFI

from yikatong.foundation.errors import YikatongError

_ffi: Any = FFI()
_ffi.cdef(
    """
    typedef struct { unsigned long dwProtocol; unsigned long cbPciLength; } SCARD_IO_REQUEST;
    typedef struct {
        const char *szReader; void *pvUserData; unsigned long dwCurrentState; unsigned long dwEventState;
        unsigned long cbAtr; unsigned char rgbAtr[33];
    } SCARD_READERSTATE;
    long SCardEstablishContext(unsigned long, const void *, const void *, long *);
    long SCardReleaseContext(long);
    long SCardListReaders(long, const char *, char *, unsigned long *);
    long SCardGetStatusChange(long, unsigned long, SCARD_READERSTATE *, unsigned long);
    long SCardConnect(long, const char *, unsigned long, unsigned long, long *, unsigned long *);
    long SCardDisconnect(long, unsigned long);
    long SCardStatus(long, char *, unsigned long *, unsigned long *, unsigned long *, unsigned char *, unsigned long *);
    long SCardTransmit(long, const SCARD_IO_REQUEST *, const unsigned char *, unsigned long, SCARD_IO_REQUEST *,
                       unsigned char *, unsigned long *);
    const char *pcsc_stringify_error(const long);
    """
)
_LIBRARY = "libpcsclite.so.1"
_SCOPE_SYSTEM, _SHARE_EXCLUSIVE, _ANY_PROTOCOL = 2, 1, 3
_UNPOWER_CARD = 2
_STATE_PRESENT, _STATE_CHANGED, _STATE_UNAWARE = 0x20, 0x02, 0x00
_ANSWER_MAX = 65538
_TIMEOUT, _NO_SERVICE, _NO_READERS, _NO_CARD = 0x8010000A, 0x8010001D, 0x8010002E, 0x8010000C
_REMOVED, _RESET_CARD, _UNPOWERED, _MUTE, _IN_USE = 0x80100069, 0x80100068, 0x80100067, 0x80100066, 0x8010000B
_GONE = frozenset({_REMOVED, _RESET_CARD, _UNPOWERED, _NO_CARD, 0x80100016, 0x80100017})


class ReaderFault(YikatongError):
    """The reader cannot be used; the text says why and what to do."""


class NoCard(ReaderFault):
    """There is no card in the reader."""


class CardRemoved(ReaderFault):
    """The card left the reader while it was being used."""


@cache
def _library() -> Any:
    try:
        return _ffi.dlopen(_LIBRARY)
    except OSError:
        raise ReaderFault(f"读卡需要 {_LIBRARY}：请安装 pcscd（Debian：apt-get install pcscd）") from None


def _check(result: int, reader: str = "") -> None:
    status = result & 0xFFFF_FFFF
    if not status:
        return
    where = f"读卡器 {reader}" if reader else "读卡器"
    if status == _NO_SERVICE:
        raise ReaderFault("读卡服务没有运行：请启动 pcscd（systemctl start pcscd）")
    if status == _NO_READERS:
        raise ReaderFault("没有找到读卡器：请接好读卡器，或用 yikatong-terminal virtual-reader 启动虚拟读卡器")
    if status in {_NO_CARD, _MUTE}:
        raise NoCard(f"{where} 里没有可用的卡：请放好卡片")
    if status in _GONE:
        raise CardRemoved(f"{where}：卡片被移走了，请重新放卡")
    if status == _IN_USE:
        raise ReaderFault(f"{where} 正被另一个程序使用：请先关闭那个程序")
    text = _ffi.string(_library().pcsc_stringify_error(_ffi.cast("long", result))).decode()
    raise ReaderFault(f"{where} 出错：{text}（{status:08X}）")


@contextmanager
def _context() -> Iterator[int]:
    place = _ffi.new("long *")
    _check(_library().SCardEstablishContext(_SCOPE_SYSTEM, _ffi.NULL, _ffi.NULL, place))
    try:
        yield place[0]
    finally:
        _library().SCardReleaseContext(place[0])


def reader_names() -> list[str]:
    """The readers there are, by name; none is no fault. Raises ``ReaderFault`` when there is no service to ask."""
    with _context() as context:
        length = _ffi.new("unsigned long *")
        result = _library().SCardListReaders(context, _ffi.NULL, _ffi.NULL, length)
        if result & 0xFFFF_FFFF == _NO_READERS:
            return []
        _check(result)
        names = _ffi.new("char[]", length[0])
        _check(_library().SCardListReaders(context, _ffi.NULL, names, length))
        return [name.decode() for name in _ffi.buffer(names, length[0])[:].split(b"\0") if name]


def find_reader(part: str) -> str:
    """The reader whose name contains ``part``; the first one for an empty part. Raises ``ReaderFault``."""
    names = reader_names()
    if not names:
        _check(_NO_READERS)
    found = [name for name in names if part.lower() in name.lower()]
    if not found:
        raise ReaderFault(f"没有名称含“{part}”的读卡器；现有：{'、'.join(names)}")
    return found[0]


def wait_for_card(reader: str, *, is_present: bool = True, timeout_s: float) -> bool:
    """Wait until a card is in the reader, or is taken out of it; whether that happened in time. Raises ``ReaderFault``."""
    deadline = time.monotonic() + timeout_s
    with _context() as context:
        name = _ffi.new("char[]", reader.encode())
        state = _ffi.new("SCARD_READERSTATE *")
        state.szReader, state.dwCurrentState = name, _STATE_UNAWARE
        while True:
            left_ms = max(int((deadline - time.monotonic()) * 1000), 0)
            result = _library().SCardGetStatusChange(context, left_ms, state, 1)
            if result & 0xFFFF_FFFF == _TIMEOUT:
                return False
            _check(result, reader)
            if bool(state.dwEventState & _STATE_PRESENT) == is_present:
                return True
            state.dwCurrentState = state.dwEventState & ~_STATE_CHANGED


class PcscCard:
    """A card in a reader, with its power on, for this program alone; a ``Channel``. Use it in a ``with`` statement."""

    def __init__(self, reader: str) -> None:
        """Raises ``NoCard``, ``ReaderFault``."""
        self.reader = reader
        self._context = _context()
        context = self._context.__enter__()
        try:
            handle, protocol = _ffi.new("long *"), _ffi.new("unsigned long *")
            name = reader.encode()
            _check(_library().SCardConnect(context, name, _SHARE_EXCLUSIVE, _ANY_PROTOCOL, handle, protocol), reader)
            self._handle = handle[0]
            self._request = _ffi.new("SCARD_IO_REQUEST *", (protocol[0], _ffi.sizeof("SCARD_IO_REQUEST")))
            self._buffer, self._length = _ffi.new("unsigned char[]", _ANSWER_MAX), _ffi.new("unsigned long *")
            self.atr = self._read_atr()
        except BaseException:
            self._context.__exit__(None, None, None)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the card's power away and let go of the reader."""
        _library().SCardDisconnect(self._handle, _UNPOWER_CARD)
        self._context.__exit__(None, None, None)

    def transmit(self, octets: bytes, /) -> bytes:
        """Send a command APDU; the response APDU. Raises ``CardRemoved``, ``ReaderFault``."""
        self._length[0] = _ANSWER_MAX
        result = _library().SCardTransmit(
            self._handle, self._request, octets, len(octets), _ffi.NULL, self._buffer, self._length
        )
        _check(result, self.reader)
        return bytes(_ffi.buffer(self._buffer, self._length[0]))

    def _read_atr(self) -> bytes:
        atr, length = _ffi.new("unsigned char[33]"), _ffi.new("unsigned long *", 33)
        unused = [_ffi.new("unsigned long *") for _ in range(3)]
        _check(_library().SCardStatus(self._handle, _ffi.NULL, *unused, atr, length), self.reader)
        return bytes(_ffi.buffer(atr, length[0]))
