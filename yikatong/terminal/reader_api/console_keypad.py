"""A holder's keypad that is a terminal: a keyboard and a screen of their own, or a PIN pad on a serial line that works as one.

What is typed is shown as stars, goes to the card alone, and is neither kept nor logged. A PC/SC reader with a built-in pad, which
shows the PIN to no program at all, would stand beside it as another ``Keypad``; it is not built.
"""

import os
import select
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from yikatong.terminal.reader_api.codes import Code, ReaderError

WAIT_S = 30
"""How long the next key may take. Source: assumption."""
_ENTER, _ESCAPE, _ERASE = b"\r\n", b"\x1b", b"\x08\x7f"
_LENGTH_MAX = 12


class ConsoleKeypad:
    """``device``: for example ``/dev/tty``, the terminal in which the program was started."""

    def __init__(self, device: Path, *, wait_s: float = WAIT_S) -> None:
        self._device, self._wait_s = device, wait_s

    def pin(self, prompt: str) -> str:
        """The digits that were typed. Raises ``ReaderError`` (−31 given up, −32 waited too long, −11 no such terminal)."""
        with self._opened() as pad:
            os.write(pad, f"{prompt}（回车确认，Esc 取消）：".encode())
            try:
                return self._typed(pad)
            finally:
                os.write(pad, b"\r\n")

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The terminal without echo, and without what was typed before it was asked for."""
        try:
            pad = os.open(self._device, os.O_RDWR | os.O_NOCTTY)
        except OSError as error:
            raise ReaderError(Code.READER) from error
        try:
            before = termios.tcgetattr(pad)
            tty.setcbreak(pad, termios.TCSAFLUSH)
        except termios.error as error:
            os.close(pad)
            raise ReaderError(Code.READER) from error
        try:
            yield pad
        finally:
            termios.tcsetattr(pad, termios.TCSAFLUSH, before)
            os.close(pad)

    def _typed(self, pad: int) -> str:
        digits = ""
        while True:
            ready, _, _ = select.select([pad], [], [], self._wait_s)
            if not ready:
                raise ReaderError(Code.TIMED_OUT)
            key = os.read(pad, 1)
            if not key or key == _ESCAPE:
                raise ReaderError(Code.CANCELLED)
            if key in _ENTER:
                return digits
            if key in _ERASE and digits:
                digits = digits[:-1]
                os.write(pad, b"\b \b")
            elif key.isdigit() and len(digits) < _LENGTH_MAX:
                digits += key.decode()
                os.write(pad, b"*")
