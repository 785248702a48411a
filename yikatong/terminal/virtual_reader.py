"""A virtual card reader with two slots, for a machine without one: pcscd and vpcd where nobody else reaches them.

vpcd listens on every interface, so both run in a network namespace of their own that has a loopback and nothing else. Programs
find the reader through the socket in its folder (``PCSCLITE_CSOCK_NAME``); cards go in through a second socket there, which hands
out connections into the namespace. ``VirtualReader`` starts it for one process; the command runs it until it is told to stop.
Making a namespace takes root, or a system that lets users make their own.
"""

import array
import fcntl
import json
import logging
import os
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from yikatong.foundation.errors import YikatongError
from yikatong.smartcard import vpcd
from yikatong.smartcard.card import EmulatedCard

log = logging.getLogger(__name__)

PCSCD = "/usr/sbin/pcscd"
READER_NAME = "Yikatong Virtual Reader"
SLOTS = 2
SOCKET_VARIABLE = "PCSCLITE_CSOCK_NAME"
_DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so.0.8")
_PCSC_SOCKET, _CARD_SOCKET, _LOG = "pcscd.comm", "cards", "pcscd.log"
_READY = "ready"
_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41
"""ioctl SIOCSIFFLAGS; IFF_UP | IFF_RUNNING."""
_START_S, _STOP_S, _LOOK_AGAIN_S = 20, 10, 0.02


class VirtualReaderFault(YikatongError):
    """The virtual reader cannot run; the text says what is missing."""


def environment(folder: Path) -> dict[str, str]:
    """What a program's environment needs to see this reader instead of the system's."""
    return {SOCKET_VARIABLE: str(folder / _PCSC_SOCKET)}


class VirtualReader:
    """A reader in ``folder`` (short: sockets have paths of at most 107 bytes), running while the ``with`` block does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._cards: dict[int, tuple[socket.socket, threading.Thread]] = {}

    def __enter__(self) -> Self:
        """Start it. Raises ``VirtualReaderFault``."""
        command = [sys.executable, "-m", "yikatong.terminal.virtual_reader", str(self.folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != _READY:
            _, reason = self._process.communicate(timeout=_STOP_S)
            raise VirtualReaderFault(reason.strip() or f"the virtual reader did not start; see {self.folder / _LOG}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for slot in list(self._cards):
            self.remove(slot)
        assert self._process is not None
        self._process.terminate()
        self._process.communicate(timeout=_STOP_S)

    def environment(self) -> Mapping[str, str]:
        """This process's environment, with this reader in place of the system's."""
        return {**os.environ, **environment(self.folder)}

    def reader(self, slot: int = 0) -> str:
        """A slot's name as PC/SC programs see it."""
        return f"{READER_NAME} 00 {slot:02d}"

    def insert(self, card: EmulatedCard, slot: int = 0) -> None:
        """Put a card into a slot; it answers from a thread of this process until it is removed."""
        connection = connect(self.folder, slot)
        thread = threading.Thread(target=vpcd.serve, args=(card, connection), name=f"card in slot {slot}", daemon=True)
        thread.start()
        self._cards[slot] = connection, thread

    def remove(self, slot: int = 0) -> None:
        """Take the card out; its power is off afterwards."""
        connection, thread = self._cards.pop(slot)
        with suppress(OSError):  # Ctrl-C reaches the reader's process too, and it may have gone first
            connection.shutdown(socket.SHUT_RDWR)
        thread.join()
        connection.close()


def connect(folder: Path, slot: int = 0) -> socket.socket:
    """A connection for a card into a slot of the reader that runs in ``folder``. Raises ``VirtualReaderFault``."""
    if not 0 <= slot < SLOTS:
        raise VirtualReaderFault(f"虚拟读卡器只有 {SLOTS} 个卡槽：0 到 {SLOTS - 1}")
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(folder / _CARD_SOCKET))
        except OSError as error:
            raise VirtualReaderFault(
                f"{folder} 里没有运行中的虚拟读卡器：请先运行 yikatong-terminal virtual-reader --folder {folder}"
            ) from error
        asking.sendall(json.dumps({"slot": slot}).encode())
        _, descriptors, _, _ = socket.recv_fds(asking, 16, 1)
    if not descriptors:
        raise VirtualReaderFault(f"虚拟读卡器的卡槽 {slot} 不接受卡片；见 {folder / _LOG}")
    return socket.socket(fileno=descriptors[0])


def run(folder: Path) -> None:
    """Run a reader until SIGTERM or SIGINT; prints one line when it is ready. Raises ``VirtualReaderFault``."""
    _check_installed()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_private(folder)
    _enter_own_network()
    programs, cards = _listen(folder / _PCSC_SOCKET), _listen(folder / _CARD_SOCKET)
    with (folder / _LOG).open("w") as output:
        service = _start_service(folder, programs, output)
    try:
        _wait_until_ready(service, folder)
        sys.stdout.write(_READY + "\n")
        sys.stdout.flush()
        _hand_out_connections(cards, service)
    finally:
        service.terminate()
        service.wait(_STOP_S)
        for name in (_PCSC_SOCKET, _CARD_SOCKET):
            (folder / name).unlink(missing_ok=True)


def _check_installed() -> None:
    missing = [
        package for package, path in (("pcscd", PCSCD), ("vsmartcard-vpcd", str(_DRIVER))) if not Path(path).exists()
    ]
    if missing:
        raise VirtualReaderFault(f"虚拟读卡器需要 {' '.join(missing)}：请运行 apt-get install {' '.join(missing)}")


def _check_private(folder: Path) -> None:
    """Whoever may write there could take the cards' place."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise VirtualReaderFault(f"{folder} 必须是只有自己能进入的文件夹：chmod 700，或用 --folder 换一个")


def _enter_own_network() -> None:
    """A network with a loopback only, for this process and what it starts."""
    try:
        os.unshare(os.CLONE_NEWNET)
    except OSError:
        try:
            os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
        except OSError as error:
            raise VirtualReaderFault(
                f"虚拟读卡器要在自己的网络命名空间里运行，这里不允许（{error.strerror}）：请用 root 运行"
            ) from error
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, _SET_FLAGS, struct.pack("16sh22x", b"lo", _UP_AND_RUNNING))


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(str(path))
    except OSError as error:
        raise VirtualReaderFault(
            f"{path}：不能用作套接字（{error.strerror or error}）；请换一个路径更短的文件夹"
        ) from error
    listening.listen(16)
    return listening


def _start_service(folder: Path, programs: socket.socket, output: TextIO) -> "subprocess.Popen[bytes]":
    """pcscd, given its socket as the service manager would give it."""
    configuration = folder / "reader.conf.d"
    shutil.rmtree(configuration, ignore_errors=True)
    configuration.mkdir()
    (configuration / "virtual").write_text(
        f'FRIENDLYNAME "{READER_NAME}"\nDEVICENAME /dev/null:{vpcd.PORT:#x}\nLIBPATH {_DRIVER}\nCHANNELID {vpcd.PORT:#x}\n'
    )
    given = os.dup2(programs.fileno(), 3)
    command = ["/bin/sh", "-c", f'LISTEN_FDS=1 LISTEN_PID=$$ exec {PCSCD} -f -i -c "$0"', str(configuration)]
    return subprocess.Popen(command, pass_fds=(given,), stdout=output, stderr=output)


def _wait_until_ready(service: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + _START_S
    while service.poll() is None and time.monotonic() < deadline:
        if "daemon ready" in (folder / _LOG).read_text(errors="replace"):
            return
        time.sleep(_LOOK_AGAIN_S)
    raise VirtualReaderFault(f"pcscd did not start: {(folder / _LOG).read_text(errors='replace')[-500:]}")


def _hand_out_connections(cards: socket.socket, service: subprocess.Popen[bytes]) -> None:
    """Give whoever asks a connection to a slot, until pcscd ends."""
    while service.poll() is None:
        readable, _, _ = select.select([cards], [], [], 1.0)
        if not readable:
            continue
        asking, _ = cards.accept()
        with asking:
            _hand_out(asking)


def _hand_out(asking: socket.socket) -> None:
    try:
        slot = int(json.loads(asking.recv(64))["slot"])
        with socket.create_connection(("127.0.0.1", vpcd.PORT + slot), timeout=5) as connection:
            connection.settimeout(None)
            socket.send_fds(asking, [b"\0"], array.array("i", [connection.fileno()]))
    except (OSError, ValueError, KeyError) as error:
        log.warning("no card was put into the reader: %s", error)


def _stop(_signal: int, _frame: object) -> None:
    raise SystemExit(0)


def main() -> None:
    """``python -m yikatong.terminal.virtual_reader FOLDER``."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        run(Path(sys.argv[1]))
    except VirtualReaderFault as fault:
        sys.exit(str(fault))


if __name__ == "__main__":
    main()
