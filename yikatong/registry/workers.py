"""The processes that check, seal and pack chunks while the import's own process stores them.

Each has a pipe of its own: when the import is killed, its end closes and the process ends too. Results come back in the
order in which tasks went out, whichever process is faster. A small file is worked through without any extra process.
"""

import gc
import multiprocessing
import queue
import signal
import threading
import traceback
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, Protocol, Self

import psycopg

from yikatong.foundation.errors import Refused
from yikatong.registry.chunks import ChunkResult, ChunkTask, ImportFrame, KnownPerson, Register, process_chunk
from yikatong.registry.reasons import Reason
from yikatong.registry.sealing import field_cipher

AHEAD_PER_PROCESS = 2
_ORGANISATIONS_CACHED_MAX = 200_000


class ImportProcessEnded(RuntimeError):
    """A process of the import ended by itself or failed; what was committed stays, and the import can be repeated."""


class Processing(Protocol):
    """Takes tasks and gives back their results in the same order."""

    ahead: int

    def submit(self, task: ChunkTask) -> None:
        """Take one task."""

    def next_result(self) -> ChunkResult:
        """The oldest outstanding task's result. Raises what the task raised."""


class InlineProcessing:
    """Works chunks off in the calling process, over its database connection."""

    ahead = 1

    def __init__(self, frame: ImportFrame, connection: "psycopg.Connection[Any]") -> None:
        self._frame = frame
        self._register = register_over(connection)
        self._tasks: deque[ChunkTask] = deque()

    def submit(self, task: ChunkTask) -> None:
        """Take one task."""
        self._tasks.append(task)

    def next_result(self) -> ChunkResult:
        """Work off the oldest task."""
        return process_chunk(self._frame, self._tasks.popleft(), self._register, field_cipher())


class ImportProcesses:
    """``count`` processes of the import, each with a connection of its own to the database at ``database``."""

    def __init__(self, count: int, frame: ImportFrame, database: dict[str, Any]) -> None:
        self.ahead = count * AHEAD_PER_PROCESS
        self._processes = [_Process(frame, database) for _ in range(count)]
        self._submitted = 0
        self._collected = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.close()

    def submit(self, task: ChunkTask) -> None:
        """Hand the task to the next process in turn."""
        self._processes[self._submitted % len(self._processes)].send(task)
        self._submitted += 1

    def next_result(self) -> ChunkResult:
        """Wait for the oldest outstanding task."""
        result = self._processes[self._collected % len(self._processes)].result()
        self._collected += 1
        return result


class _Process:
    """One process and the thread that empties its pipe, so that it never waits for the storing."""

    def __init__(self, frame: ImportFrame, database: dict[str, Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, frame, database), daemon=True)
        self._process.start()
        theirs.close()
        self._results: queue.Queue[ChunkResult | Exception] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, task: ChunkTask) -> None:
        try:
            self._pipe.send(task)
        except OSError as error:
            raise ImportProcessEnded("a process of the import ended unexpectedly; run the import again") from error

    def result(self) -> ChunkResult:
        result = self._results.get()
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        self._process.terminate()
        self._process.join()
        self._reader.join()
        self._pipe.close()

    def _read(self) -> None:
        while True:
            try:
                self._results.put(_unpacked(self._pipe.recv()))
            except (EOFError, OSError):
                text = "a process of the import ended unexpectedly; run the import again to go on where it stopped"
                self._results.put(ImportProcessEnded(text))
                return


def _unpacked(answer: tuple[str, Any]) -> ChunkResult | Exception:
    kind, content = answer
    if kind == "refused":
        return Refused(Reason(content[0]), content[1])
    if kind == "failed":
        return ImportProcessEnded(f"a process of the import failed:\n{content}")
    assert isinstance(content, ChunkResult)
    return content


def _serve(pipe: Connection, frame: ImportFrame, database: dict[str, Any]) -> None:
    """The life of one process: tasks in, results out, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a ctrl-C is for the import itself, which then closes the pipe
    gc.disable()  # rows point to nothing that points back, so counting references frees them; saves a tenth of the time
    with psycopg.connect(**database, autocommit=True) as connection:
        # Only look-ups of a few thousand keys in tables of any size: always by index, whatever the statistics say.
        for setting in ("enable_hashjoin", "enable_mergejoin", "enable_seqscan"):
            connection.execute(f"set {setting} = off")
        register, cipher = register_over(connection), field_cipher()
        while True:
            try:
                task = pipe.recv()
            except EOFError:
                return
            answer: tuple[str, Any]
            try:
                answer = ("done", process_chunk(frame, task, register, cipher))
            except Refused as refusal:
                answer = ("refused", (str(refusal.reason), str(refusal)))
            except (
                Exception
            ) as error:  # told to the import, which fails with it; without its text, which may quote a row
                answer = ("failed", "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__)
            pipe.send(answer)


def register_over(connection: "psycopg.Connection[Any]") -> Register:
    """The look-ups a chunk needs, over one connection. Units are remembered; there are fewer of them than persons."""
    kinds: dict[str, str] = {}

    def persons_by_index(indexes: Sequence[bytes]) -> dict[bytes, KnownPerson]:
        cursor = psycopg.Cursor(connection)  # Django's own connection would bind in the client, without binary answers
        rows = cursor.execute(
            "select k.identity_number_index, p.person_id, p.source_digest from registry_identity_key k"
            " join registry_person p on p.person_id = k.person_id where k.identity_number_index = any(%b)",
            [list(indexes)],
            binary=True,
        )
        return {bytes(index): KnownPerson(person_id, bytes(digest)) for index, person_id, digest in rows}

    def organisation_kinds(codes: Sequence[str]) -> dict[str, str]:
        if len(kinds) > _ORGANISATIONS_CACHED_MAX:
            kinds.clear()
        unseen = [code for code in codes if code not in kinds and "\0" not in code]
        if unseen:
            kinds.update(
                connection.execute(
                    "select credit_code, kind from registry_organisation where credit_code = any(%s)", [unseen]
                ).fetchall()
            )
        return {code: kinds[code] for code in codes if code in kinds}

    return Register(persons_by_index, organisation_kinds)
