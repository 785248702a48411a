"""The outbox: on disk before the gate opens, no sequence twice, nothing lost; also when the power goes."""

import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from tests.terminal.makers import NOBODY, TERMINAL_ID, open_terminal, write_profile
from tests.wire.makers import NOW, make_text
from yikatong.terminal.outbox import KEEP_ACKNOWLEDGED_FOR, REMEMBER_CODES_FOR, Counts, Outbox
from yikatong.terminal.storage import FILE_NAME, Storage, StorageFailed
from yikatong.wire.codes import UnverifiedCode
from yikatong.wire.taps import Tap, TapResult

ROOT = Path(__file__).resolve().parent.parent.parent


def tap(reason: str = "", **changed: object) -> Tap:
    fields = {"kind": "entry", "at_ms": 1, "decision": "refused" if reason else "accepted", "reason": reason}
    return Tap(terminal_id=TERMINAL_ID, sequence=0, **(fields | changed))  # type: ignore[arg-type]


@contextmanager
def outbox_in(folder: Path) -> Iterator[Outbox]:
    with Storage(folder, terminal_id=TERMINAL_ID) as storage:
        yield Outbox(storage)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with outbox_in(tmp_path / "state") as opened:
        yield opened


def add(outbox: Outbox, key: str, reason: str = "") -> int:
    stored = outbox.add(tap(reason), seen_key=key.encode(), at=NOW)
    return stored.sequence if stored else 0


def test_taps_are_numbered_from_one_and_wait(outbox: Outbox) -> None:
    assert [add(outbox, key) for key in "abc"] == [1, 2, 3]
    assert [kept.sequence for kept in outbox.waiting(2)] == [1, 2]
    assert outbox.counts() == Counts(waiting=3, acknowledged=0, refused=0)


def test_the_same_code_is_accepted_once_and_refused_once_for_each_reason(outbox: Outbox) -> None:
    outcomes = [add(outbox, "a", reason) for reason in ("", "", "code_replayed", "code_replayed", "code_expired", "")]
    assert outcomes == [1, 0, 2, 0, 3, 0]
    assert add(outbox, "b") == 4


def test_settled_taps_stop_waiting_and_refused_ones_keep_the_reason(outbox: Outbox) -> None:
    for key in "abcd":
        add(outbox, key)
    results = [
        TapResult(1, "stored"),
        TapResult(2, "repeated"),
        TapResult(3, "conflict", "other content"),
        TapResult(4, "refused", "tap_too_old"),
        TapResult(99, "stored"),
    ]
    outbox.settle(results, at=NOW)
    assert outbox.counts() == Counts(waiting=0, acknowledged=2, refused=2)
    assert [(kept.tap.sequence, kept.status, kept.reason) for kept in outbox.refused()] == [
        (3, "conflict", "other content"),
        (4, "refused", "tap_too_old"),
    ]
    outbox.settle([TapResult(1, "refused", "late answer"), TapResult(3, "stored")], at=NOW)
    statuses = [kept.status for kept in outbox.kept()]
    assert statuses == ["acknowledged", "acknowledged", "conflict", "refused"], "what is settled stays settled"


def test_refused_taps_may_wait_again_but_conflicts_never(outbox: Outbox) -> None:
    for key in "ab":
        add(outbox, key)
    outbox.settle([TapResult(1, "refused", "body_malformed"), TapResult(2, "conflict")], at=NOW)
    assert outbox.retry_refused() == 1
    assert [kept.sequence for kept in outbox.waiting(9)] == [1]


def test_only_what_is_past_use_is_forgotten_and_no_number_comes_back(tmp_path: Path) -> None:
    with outbox_in(tmp_path) as outbox:
        for key in "abcd":
            add(outbox, key)
        outbox.settle([TapResult(s, "stored") for s in (1, 4)] + [TapResult(2, "refused", "no")], at=NOW)
        outbox.forget_old(at=NOW + REMEMBER_CODES_FOR)
        assert add(outbox, "a") == 0, "still remembered"
        outbox.forget_old(at=NOW + KEEP_ACKNOWLEDGED_FOR + timedelta(seconds=1))
        assert outbox.counts() == Counts(waiting=1, acknowledged=0, refused=1)
    with outbox_in(tmp_path) as outbox:
        assert add(outbox, "a") == 5, "the highest number was forgotten with its tap, yet never given again"


def test_a_state_folder_belongs_to_one_terminal(tmp_path: Path) -> None:
    with outbox_in(tmp_path):
        pass
    with pytest.raises(StorageFailed, match="belongs to terminal 900100000001, not to 900100000002"):
        Storage(tmp_path, terminal_id="900100000002")
    with outbox_in(tmp_path) as outbox:
        assert add(outbox, "a") == 1


def test_the_memory_is_closed_to_others(tmp_path: Path) -> None:
    with outbox_in(tmp_path / "state") as outbox:
        add(outbox, "a")
        assert (tmp_path / "state").stat().st_mode & 0o077 == 0
        for path in (tmp_path / "state").iterdir():
            assert path.stat().st_mode & 0o077 == 0, path


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(StorageFailed, match="cannot hold a terminal's memory"):
        Storage(tmp_path / "state", terminal_id=TERMINAL_ID)


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database" * 100)
    with pytest.raises(StorageFailed, match="not a database"):
        Storage(tmp_path, terminal_id=TERMINAL_ID)


def test_a_newer_programs_memory_is_left_alone(tmp_path: Path) -> None:
    with outbox_in(tmp_path) as outbox:
        add(outbox, "a")
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as database:
        database.execute("pragma user_version = 4")
    with pytest.raises(StorageFailed, match="another version"):
        Storage(tmp_path, terminal_id=TERMINAL_ID)


def test_every_commit_is_flushed_to_disk(tmp_path: Path) -> None:
    with Storage(tmp_path, terminal_id=TERMINAL_ID) as storage, storage.read() as database:
        assert database.execute("pragma synchronous").fetchone() == (2,), "full"
        assert database.execute("pragma journal_mode").fetchone() == ("wal",)


def test_a_failed_change_leaves_nothing_half_done(outbox: Outbox) -> None:
    unstorable = tap(station="\ud800")  # cannot be encoded, after the code was noted as seen
    with pytest.raises(UnicodeEncodeError):
        outbox.add(unstorable, seen_key=b"a", at=NOW)
    assert add(outbox, "a") == 1


def test_threads_and_processes_share_one_row_of_numbers(tmp_path: Path) -> None:
    """Two handles on one file are what two processes have; each is used by two threads."""
    numbers: list[int] = []
    with outbox_in(tmp_path) as one, outbox_in(tmp_path) as other:
        jobs = [
            threading.Thread(target=lambda box=box, n=n: numbers.extend(add(box, f"{n}-{i}") for i in range(25)))
            for n, box in enumerate([one, one, other, other])
        ]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
    assert sorted(numbers) == list(range(1, 101))


class OutboxMachine(RuleBasedStateMachine):
    """Whatever happens in whatever order, a tap is in exactly one state and no number is given twice."""

    codes = Bundle("codes")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.storage = Storage(Path(self.folder.name), terminal_id=TERMINAL_ID)
        self.outbox = Outbox(self.storage)
        self.status: dict[int, str] = {}
        self.seen: set[tuple[bytes, str]] = set()
        self.highest = 0

    def teardown(self) -> None:
        self.storage.close()
        self.folder.cleanup()

    @rule(target=codes, code=st.binary(min_size=1, max_size=2))
    def new_code(self, code: bytes) -> bytes:
        return code

    @rule(code=codes, reason=st.sampled_from(["", "code_expired"]))
    def present(self, code: bytes, reason: str) -> None:
        stored = self.outbox.add(tap(reason), seen_key=code, at=NOW)
        assert (stored is None) == ((code, reason) in self.seen)
        self.seen.add((code, reason))
        if stored:
            assert stored.sequence == self.highest + 1
            self.highest = stored.sequence
            self.status[stored.sequence] = "waiting"

    @rule(sequence=st.integers(1, 8), status=st.sampled_from(["stored", "repeated", "conflict", "refused"]))
    def settle(self, sequence: int, status: str) -> None:
        self.outbox.settle([TapResult(sequence, status)], at=NOW)  # type: ignore[arg-type]
        if self.status.get(sequence) == "waiting":
            self.status[sequence] = "acknowledged" if status in ("stored", "repeated") else status

    @rule()
    def retry(self) -> None:
        self.outbox.retry_refused()
        self.status = {s: "waiting" if status == "refused" else status for s, status in self.status.items()}

    @rule()
    def forget(self) -> None:
        self.outbox.forget_old(at=NOW + KEEP_ACKNOWLEDGED_FOR + timedelta(days=1))
        self.status = {s: status for s, status in self.status.items() if status != "acknowledged"}
        self.seen = set()

    @rule()
    def start_again(self) -> None:
        self.storage.close()
        self.storage = Storage(Path(self.folder.name), terminal_id=TERMINAL_ID)
        self.outbox = Outbox(self.storage)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert {kept.tap.sequence: kept.status for kept in self.outbox.kept()} == self.status


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_any_moment_it_lost_nothing_and_gives_no_number_twice(tmp_path: Path, seed: int) -> None:
    """Three lives on one memory, each ended by SIGKILL somewhere between two gates' openings."""
    lengths = random.Random(seed)
    write_profile(tmp_path / "profile.json", gateway_url=NOBODY)
    with open_terminal(tmp_path):
        pass
    opened: dict[int, str] = {}
    for _ in range(3):
        gate = subprocess.Popen(
            [sys.executable, "-m", "tests.terminal.killed", "gate", str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert gate.stdout is not None
        for _ in range(lengths.randint(1, 40)):
            note(opened, gate.stdout.readline())
        gate.kill()
        for line in gate.stdout:  # gates that opened between our last look and its end
            if line.endswith("\n"):
                note(opened, line)
        gate.stdout.close()
        assert gate.wait() == -9
        with open_terminal(tmp_path, lists=False) as terminal:
            kept = {k.tap.sequence: UnverifiedCode.parse(k.tap.code or "").nonce.hex() for k in terminal.outbox.kept()}
            assert opened.items() <= kept.items(), "a gate opened without a tap"
            unseen = len(kept) - len(opened)
            assert 0 <= unseen <= 3, "stored, killed before the gate opened: at most one a life"
            assert terminal.present(make_text(nonce=bytes.fromhex(kept[max(kept)])), NOW).reason == "code_replayed"
            replayed = max(k.tap.sequence for k in terminal.outbox.kept())
            opened[replayed] = kept[max(kept)]
    assert list(opened) == sorted(opened), "rising"


def note(opened: dict[int, str], line: str) -> None:
    sequence, nonce = line.split()
    assert int(sequence) not in opened, "given twice"
    opened[int(sequence)] = nonce
