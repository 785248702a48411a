"""A holder at a terminal of their own, which is a real pseudo-terminal here."""

import os
import pty
import select
import termios
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.smartcard.makers import PIN
from tests.terminal.reader_api.test_medical import till
from tests.terminal.reader_api.test_reader_api import Desk
from yikatong.terminal.reader_api.api import ReaderApi
from yikatong.terminal.reader_api.codes import Code, ReaderError
from yikatong.terminal.reader_api.console_keypad import ConsoleKeypad


@dataclass
class Pad:
    """Both ends: the holder's, and the device's name."""

    holder: int
    device: Path

    def shown(self, until: str) -> str:
        """What the screen says, as soon as it says this."""
        text = b""
        while until.encode() not in text:
            ready, _, _ = select.select([self.holder], [], [], 20)
            assert ready, text
            text += os.read(self.holder, 1024)
        return text.decode()

    def types(self, *answers: bytes) -> Callable[[], None]:
        """Answer each question in a thread; call the result to wait for its end."""

        def work() -> None:
            for answer in answers:
                self.shown("：")
                os.write(self.holder, answer)

        thread = threading.Thread(target=work)
        thread.start()
        return thread.join


@pytest.fixture
def pad() -> Iterator[Pad]:
    """A pseudo-terminal."""
    holder, device = pty.openpty()
    yield Pad(holder, Path(os.ttyname(device)))
    os.close(holder)
    os.close(device)


def test_digits_are_taken_and_shown_as_stars(pad: Pad) -> None:
    done = pad.types(b"12x\x7f3456\r")
    assert ConsoleKeypad(pad.device).pin("请输入密码") == "13456"
    done()
    assert pad.shown("\n").replace("\b \b", "").strip() == "*" * 6


def test_what_was_typed_before_the_question_does_not_count(pad: Pad) -> None:
    os.write(pad.holder, b"999999\n")
    done = pad.types(b"123456\n")
    assert ConsoleKeypad(pad.device).pin("请输入密码") == "123456"
    done()


def test_giving_up_and_waiting_too_long_have_their_codes(pad: Pad) -> None:
    before = termios.tcgetattr(pad.holder)
    done = pad.types(b"12\x1b")
    with pytest.raises(ReaderError) as given_up:
        ConsoleKeypad(pad.device).pin("请输入密码")
    done()
    with pytest.raises(ReaderError) as waited:
        ConsoleKeypad(pad.device, wait_s=0.01).pin("请输入密码")
    assert (given_up.value.code, waited.value.code) == (Code.CANCELLED, Code.TIMED_OUT)
    assert termios.tcgetattr(pad.holder) == before, "the terminal is left as it was"


def test_a_device_that_is_no_terminal_is_a_readers_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for device in (tmp_path / "file", tmp_path / "nothing"):
        with pytest.raises(ReaderError) as refused:
            ConsoleKeypad(device).pin("请输入密码")
        assert refused.value.code == Code.READER


def test_a_holder_checks_and_changes_a_pin_at_it(pad: Pad) -> None:
    _, card = till()
    api = ReaderApi(Desk(card), keypad=ConsoleKeypad(pad.device))
    done = pad.types(PIN.encode() + b"\n", PIN.encode() + b"\n", b"654321\n", b"654321\n")
    assert api.iVerifyPIN(1) == (0, "")
    assert api.iChangePIN(1) == (0, "")
    done()
    done = pad.types(b"654321\r")
    assert api.iVerifyPIN(1) == (0, "")
    done()
