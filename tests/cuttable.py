"""A line to a server that can really be cut: a TCP relay that a test closes, opens again, or lets swallow every answer."""

import contextlib
import socket
import threading
from collections.abc import Iterator


class CuttableLine:
    """Listens on a port of its own and passes everything on, while it is whole."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_whole, self._is_swallowing = True, False
        self.swallowed = 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        """What the browser opens."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Nothing gets through, and what was open breaks."""
        self._is_whole = False
        self._hang_up()

    def mend(self) -> None:
        """Everything gets through again."""
        self._is_whole, self._is_swallowing = True, False

    def swallow_answers(self) -> None:
        """What is sent (POST) arrives at the server, its answers do not come back: the line breaks when one comes."""
        self._is_swallowing = True
        self._hang_up()

    def close(self) -> None:
        """Stop listening."""
        self._is_whole = False
        self._listening.close()
        self._hang_up()

    def _hang_up(self) -> None:
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if not self._is_whole:
                client.close()
                continue
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            has_sent = threading.Event()
            threading.Thread(target=self._ask, args=(client, server, has_sent), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client, has_sent), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, has_sent: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while octets := client.recv(65536):
                if octets.startswith(b"POST "):
                    has_sent.set()
                elif octets.startswith(b"GET "):
                    has_sent.clear()
                server.sendall(octets)
        self._end(client, server)

    def _answer(self, server: socket.socket, client: socket.socket, has_sent: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while octets := server.recv(65536):
                if self._is_swallowing and has_sent.is_set():
                    self.swallowed += 1
                    break
                client.sendall(octets)
        self._end(server, client)

    @staticmethod
    def _end(source: socket.socket, target: socket.socket) -> None:
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextlib.contextmanager
def cuttable_line(port: int) -> Iterator[CuttableLine]:
    """A whole line to a port of this machine, closed at the end."""
    line = CuttableLine(port)
    try:
        yield line
    finally:
        line.close()
