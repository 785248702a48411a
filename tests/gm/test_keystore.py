"""The key file: private, whole after a crash, the same for all processes, and never losing a key that was used."""

import fcntl
import logging
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from yikatong.gm import keystore
from yikatong.gm.keystore import FIELD_KEY, INDEX_KEY, KEY_ID_MAX, FileKeyStore, KeyStore, KeyStoreError, KeyUnknown

SECRET = "1f" * 16


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "city" / "keys.json"


@pytest.fixture
def store(path: Path) -> FileKeyStore:
    made = FileKeyStore.create(path)
    made.ensure(symmetric=(FIELD_KEY, INDEX_KEY), sm2=("root-ca",))
    return made


def test_the_file_and_its_folder_are_private(store: FileKeyStore, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    store.rotate(FIELD_KEY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602])
def test_a_file_open_to_others_is_refused_with_the_remedy(store: FileKeyStore, path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(KeyStoreError, match=f"mode {mode:04o}.*chmod 600 {path}"):
        FileKeyStore.open(path)
    with pytest.raises(KeyStoreError, match="chmod 600"):
        store.rotate(FIELD_KEY)


def test_one_store_is_never_made_over_another(store: FileKeyStore, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(KeyStoreError, match="never overwritten"):
        FileKeyStore.create(path)
    assert path.read_bytes() == before
    assert FileKeyStore.open_or_create(path).current(FIELD_KEY) == store.current(FIELD_KEY)


def test_a_missing_store_is_named(path: Path) -> None:
    with pytest.raises(KeyStoreError, match=f"no key file at {path}; YIKATONG_KEYS"):
        FileKeyStore.open(path)
    assert FileKeyStore.open_or_create(path).describe() == []


def test_what_cannot_be_a_key_file_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match="cannot be used: Is a directory"):
        FileKeyStore.open(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(KeyStoreError, match="cannot be used"):
        FileKeyStore.create(tmp_path / "file" / "keys.json")


def content(**changes: Any) -> str:
    entry = f'{{"key_id": 1, "key": "{SECRET}", "made_at": "2026-01-01T00:00:00Z"}}'
    parts = {"format": "1", "symmetric": f'{{"field": [{entry}]}}', "sm2": "{}"} | changes
    return "{" + ", ".join(f'"{name}": {value}' for name, value in parts.items()) + "}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        content()[:-10],
        content(format="2"),
        content().replace(SECRET, SECRET[:-1]),
        content().replace(SECRET, "zz" + SECRET[2:]),
        content().replace('"key_id": 1', '"key_id": 0'),
        content().replace('"key_id": 1', '"key_id": 65536'),
        content(symmetric='{"field": []}'),
        content(sm2='{"root-ca": {"scalar": "00", "made_at": "2026-01-01T00:00:00Z"}}'),
        content() + "\udcff",
    ],
    ids=[
        "empty",
        "a list",
        "cut short",
        "another format",
        "short key",
        "not hex",
        "id 0",
        "id too large",
        "no version",
        "short scalar",
        "not UTF-8",
    ],
)
def test_a_damaged_file_is_refused_without_showing_keys(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.touch(0o600)
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(KeyStoreError, match="restore it from its backup") as caught:
        FileKeyStore.open(path)
    assert SECRET[:-2] not in str(caught.value)


def test_an_impossible_sm2_key_is_damage_too(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o600)
    path.write_text(content(sm2=f'{{"root-ca": {{"scalar": "{"0" * 64}", "made_at": "2026-01-01T00:00:00Z"}}}}'))
    with pytest.raises(KeyStoreError, match=r"SM2 key root-ca.*restore it from its backup"):
        FileKeyStore.open(path).sm2_key("root-ca")


def test_rotation_keeps_older_versions(store: FileKeyStore, path: Path) -> None:
    first = store.current(FIELD_KEY)
    assert first[0] == 1
    assert store.rotate(FIELD_KEY) == 2
    for opened in (store, FileKeyStore.open(path)):
        assert opened.key_ids(FIELD_KEY) == [1, 2]
        assert opened.get(FIELD_KEY, 1) == first[1]
        assert opened.current(FIELD_KEY) == (2, opened.get(FIELD_KEY, 2))
        assert opened.get(FIELD_KEY, 2) != first[1]
        assert len(opened.get(FIELD_KEY, 2)) == 16


def test_the_index_key_never_rotates(store: FileKeyStore) -> None:
    before = store.current(INDEX_KEY)
    with pytest.raises(KeyStoreError, match="never rotated"):
        store.rotate(INDEX_KEY)
    assert store.current(INDEX_KEY) == before


def test_a_key_runs_out_of_numbers_with_a_refusal(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o600)
    path.write_text(content().replace('"key_id": 1', f'"key_id": {KEY_ID_MAX}'))
    with pytest.raises(KeyStoreError, match="no number is left"):
        FileKeyStore.open(path).rotate(FIELD_KEY)
    assert FileKeyStore.open(path).key_ids(FIELD_KEY) == [KEY_ID_MAX]


def test_retiring_forgets_an_old_version_and_never_the_current(store: FileKeyStore, path: Path) -> None:
    store.rotate(FIELD_KEY)
    with pytest.raises(KeyStoreError, match="field/2 is the current one; rotate first"):
        store.retire(FIELD_KEY, 2)
    store.retire(FIELD_KEY, 1)
    assert FileKeyStore.open(path).key_ids(FIELD_KEY) == [2]
    with pytest.raises(KeyUnknown, match="another installation"):
        store.get(FIELD_KEY, 1)
    assert store.rotate(FIELD_KEY) == 3, "a number is never given twice"


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.current("absent"),
        lambda store: store.get("absent", 1),
        lambda store: store.get(FIELD_KEY, 9),
        lambda store: store.key_ids("absent"),
        lambda store: store.sm2_key("absent"),
        lambda store: store.rotate("absent"),
        lambda store: store.retire("absent", 1),
    ],
)
def test_unknown_keys_are_told_apart(store: FileKeyStore, ask: Any) -> None:
    with pytest.raises(KeyUnknown, match="is not in"):
        ask(store)


def test_sm2_keys_are_the_same_whenever_asked(store: FileKeyStore, path: Path) -> None:
    key = store.sm2_key("root-ca")
    assert store.sm2_key("root-ca") is key
    store.reload()
    assert store.sm2_key("root-ca") is key
    again = FileKeyStore.open(path).sm2_key("root-ca")
    assert key.public.verify(b"m", again.sign(b"m"))


def test_ensuring_again_changes_nothing(store: FileKeyStore, path: Path) -> None:
    before = path.read_bytes()
    store.ensure(symmetric=(FIELD_KEY,), sm2=("root-ca",))
    FileKeyStore.open(path).ensure(symmetric=(FIELD_KEY, INDEX_KEY), sm2=("root-ca",))
    assert path.read_bytes() == before
    store.ensure(symmetric=(FIELD_KEY, "chip"), sm2=("root-ca", "card-ca"))
    assert {entry.name for entry in store.describe()} == {FIELD_KEY, INDEX_KEY, "chip", "root-ca", "card-ca"}


def test_what_may_be_shown_holds_no_secret(store: FileKeyStore) -> None:
    store.rotate(FIELD_KEY)
    shown = store.describe()
    assert [(entry.name, entry.key_id) for entry in shown] == [
        (FIELD_KEY, 1),
        (FIELD_KEY, 2),
        (INDEX_KEY, 1),
        ("root-ca", None),
    ]
    assert shown[-1].public == store.sm2_key("root-ca").public.compressed.hex()
    for entry in shown:
        assert timedelta(0) <= datetime.now(UTC) - entry.made_at < timedelta(minutes=5)
    text = repr(shown) + repr(store) + repr(store._file)
    secrets = [store.get(FIELD_KEY, 1), store.get(FIELD_KEY, 2), store.sm2_key("root-ca").scalar]
    assert not any(secret.hex() in text for secret in secrets)


def test_another_process_changes_are_seen_when_asked_for(store: FileKeyStore, path: Path) -> None:
    other = FileKeyStore.open(path)
    other.rotate(FIELD_KEY)
    other.ensure(symmetric=("chip",), sm2=("card-ca",))
    assert store.get(FIELD_KEY, 2) == other.get(FIELD_KEY, 2)
    other.ensure(symmetric=("chip-2",), sm2=("card-ca-2",))
    assert store.current("chip-2") == other.current("chip-2")
    assert store.sm2_key("card-ca-2").scalar == other.sm2_key("card-ca-2").scalar


def test_a_key_that_could_not_be_stored_is_not_used(
    store: FileKeyStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value sealed under a key that no file holds could never be opened again."""

    def disk_full(_: int) -> None:
        raise OSError(28, "No space left on device")

    before, content_before = store.current(FIELD_KEY), path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", disk_full)
        with pytest.raises(KeyStoreError, match="No space left on device"):
            store.rotate(FIELD_KEY)
    assert store.current(FIELD_KEY) == before
    assert path.read_bytes() == content_before
    assert store.rotate(FIELD_KEY) == 2, "what the failed attempt left behind is in nobody's way"


def rotate_and_ensure(path: Path, name: str, gate: Any) -> None:
    gate.wait()
    store = FileKeyStore.open_or_create(path)
    store.ensure(symmetric=(FIELD_KEY, f"own-{name}"), sm2=("root-ca",))
    for _ in range(5):
        store.rotate(FIELD_KEY)


def test_many_processes_starting_at_once_share_one_store(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(4)
    processes = [context.Process(target=rotate_and_ensure, args=(path, str(number), gate)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0] * 4
    store = FileKeyStore.open(path)
    assert store.key_ids(FIELD_KEY) == list(range(1, 4 * 5 + 2))
    assert len({store.get(FIELD_KEY, key_id) for key_id in store.key_ids(FIELD_KEY)}) == 21
    assert all(store.current(f"own-{number}") for number in range(4))
    assert len([entry for entry in store.describe() if entry.name == "root-ca"]) == 1


def test_threads_share_one_store(store: FileKeyStore) -> None:
    def rotate() -> None:
        for _ in range(5):
            store.rotate(FIELD_KEY)

    threads = [threading.Thread(target=rotate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.reload()
    assert store.key_ids(FIELD_KEY) == list(range(1, 22))


def test_a_process_killed_while_rotating_leaves_a_whole_file(store: FileKeyStore, path: Path) -> None:
    script = (
        "import pathlib, sys; from yikatong.gm.keystore import FileKeyStore as Store\n"
        "store = Store.open(pathlib.Path(sys.argv[1]))\n"
        "while True: print(store.rotate('field'), flush=True)"
    )
    first = store.get(FIELD_KEY, 1)
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            reported = [int(process.stdout.readline()) for _ in range(3)]
            process.send_signal(signal.SIGKILL)
            reported += [int(line) for line in process.stdout]
        survived = FileKeyStore.open(path)
        assert set(reported) <= set(survived.key_ids(FIELD_KEY))
        assert survived.get(FIELD_KEY, 1) == first
        assert survived.rotate(FIELD_KEY) == max(survived.key_ids(FIELD_KEY))


def test_a_store_that_appears_while_waiting_is_the_one_opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes find no file; the second to get the lock must not make another."""
    first: list[FileKeyStore] = []
    flock = fcntl.flock

    def other_was_faster(handle: int, operation: int) -> None:
        monkeypatch.setattr(keystore.fcntl, "flock", flock)
        first.append(FileKeyStore.create(path))
        first[0].ensure(symmetric=(FIELD_KEY,))
        flock(handle, operation)

    monkeypatch.setattr(keystore.fcntl, "flock", other_was_faster)
    assert FileKeyStore.open_or_create(path).current(FIELD_KEY) == first[0].current(FIELD_KEY)


def test_production_is_warned_once(
    store: FileKeyStore, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    FileKeyStore.open(path)
    assert not caplog.records
    monkeypatch.setenv("YIKATONG_ENV", "production")
    FileKeyStore.open(path)
    FileKeyStore.open(path)
    assert [record.getMessage() for record in caplog.records] == [
        f"keys come from the software store {path}; use an HSM behind the KeyStore seam in production"
    ]
    assert "software" in (FileKeyStore.__doc__ or "")


def test_the_file_store_fits_the_seam(store: FileKeyStore) -> None:
    seam: KeyStore = store
    assert seam.current(FIELD_KEY) == (1, seam.get(FIELD_KEY, 1))
    assert seam.sm2_key("root-ca").public == store.sm2_key("root-ca").public
