"""Kill -9 at any point of an import: the same command goes on, and in the end nothing is lost, doubled or different."""

import signal
from pathlib import Path

import pytest

from tests.dying import exit_code_of
from tests.registry.conftest import register_contents
from tests.registry.killed_import import import_to
from tests.registry.people import ADULT, FATHER, MINOR, MOTHER, RETIREE, adult, write_file
from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now
from yikatong.registry.chunks import ChunkTask
from yikatong.registry.importer import import_persons
from yikatong.registry.models import ImportRepeat, ImportRun, Person
from yikatong.registry.workers import ImportProcessEnded, ImportProcesses

ROWS = [
    MINOR,  # its parents come in later chunks
    ADULT,
    adult(11, phone="1"),  # rejected
    ADULT | {"name": "测试乙"},  # rejected: its number was the second row's
    adult(12),
    RETIREE,
    adult(1, identity_number=FATHER),
    ADULT,  # says what was said
    adult(13, name="="),  # rejected
    adult(2, identity_number=MOTHER, sex="2"),
    adult(14),
    adult(12, name="测试丙"),  # rejected: the fifth row's number
    adult(15),
]
CHUNKS = 5
POINTS = [
    *((point, nth) for point in ("before a chunk", "rows copied", "chunk committed") for nth in (1, 2, CHUNKS)),
    *(("rejected rows written", nth) for nth in (1, 2, 4)),
    *(("progress noted, nothing committed", nth) for nth in (1, 3, CHUNKS)),
    ("all but the last word", 1),
    ("imported", 1),
]


def outcome(path: Path) -> tuple[object, ...]:
    run = ImportRun.objects.get()
    figures = (run.rows_done, run.rows_added, run.rows_changed, run.rows_unchanged, run.rows_rejected)
    rejected = path.with_name("register.rejected.csv").read_bytes()
    return register_contents(), figures, run.finished_at is not None, rejected, ImportRepeat.objects.count()


@pytest.mark.parametrize(("point", "nth"), POINTS)
@pytest.mark.usefixtures("committed_city", "small_chunks")
@pytest.mark.slow
def test_after_a_kill_the_same_command_goes_on(tmp_path: Path, point: str, nth: int) -> None:
    path = write_file(tmp_path / "register.csv", ROWS)
    assert exit_code_of(import_to, path, point, nth, 0) == -signal.SIGKILL
    done_before = ImportRun.objects.get().rows_done
    import_persons(path, by=Actor.system("test"), at=utc_now(), processes=0)
    contents, figures, is_finished, rejected, repeats = outcome(path)
    assert Person.objects.count() == len(contents) == 8  # type: ignore[arg-type]
    assert figures == (13, 8, 0, 1, 4)
    assert (is_finished, repeats) == (True, 0)
    assert contents[MINOR["identity_number"]]["guardians"] == [(FATHER, "father", True), (MOTHER, "mother", True)]  # type: ignore[index]
    lines = rejected.decode("utf-8-sig").splitlines()[1:]  # type: ignore[attr-defined]
    assert [line.split(",")[0] for line in lines] == ["4", "5", "10", "13"]
    stopped_late = point in ("chunk committed", "all but the last word", "imported")
    assert (done_before > 0) == (stopped_late or nth > 1)


@pytest.mark.slow
@pytest.mark.usefixtures("committed_city")
def test_killed_again_and_again_with_processes_of_its_own(tmp_path: Path) -> None:
    path = write_file(tmp_path / "register.csv", ROWS)
    for point in ("rows copied", "rejected rows written", "progress noted, nothing committed", "chunk committed"):
        assert exit_code_of(import_to, path, point, 2, 2) in (-signal.SIGKILL, 0)
    assert exit_code_of(import_to, path, "never", 0, 2) == 0
    _, figures, is_finished, rejected, repeats = outcome(path)
    assert (figures, is_finished, repeats) == ((13, 8, 0, 1, 4), True, 0)
    assert rejected.decode("utf-8-sig").count("\r\n") == 5  # type: ignore[attr-defined]


@pytest.mark.usefixtures("committed_city", "small_chunks")
def test_a_lost_rejected_file_is_written_anew(tmp_path: Path) -> None:
    path = write_file(tmp_path / "register.csv", ROWS)
    assert exit_code_of(import_to, path, "chunk committed", 3, 0) == -signal.SIGKILL
    path.with_name("register.rejected.csv").unlink()
    import_persons(path, by=Actor.system("test"), at=utc_now(), processes=0)
    _, figures, *_ = outcome(path)
    assert figures == (13, 3, 0, 6, 4)
    assert path.with_name("register.rejected.csv").read_bytes().count(b"\r\n") == 5


@pytest.mark.usefixtures("committed_city", "small_chunks")
def test_a_process_that_dies_fails_the_import_and_not_the_register(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel may end a process for want of memory: told, and the same command goes on."""
    path = write_file(tmp_path / "register.csv", ROWS)
    submit = ImportProcesses.submit

    def submit_then_kill(self: ImportProcesses, task: ChunkTask) -> None:
        submit(self, task)
        if self._submitted == 2:
            self._processes[1]._process.kill()

    with monkeypatch.context() as patch:
        patch.setattr(ImportProcesses, "submit", submit_then_kill)
        with pytest.raises(ImportProcessEnded, match="run the import again"):
            import_persons(path, by=Actor.system("test"), at=utc_now(), processes=2)
    import_persons(path, by=Actor.system("test"), at=utc_now(), processes=0)
    assert Person.objects.count() == 8
