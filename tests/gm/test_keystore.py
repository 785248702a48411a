"""The key file: private, whole after a crash, the same for all processes, and never losing a key that was used."""

import fcntl
import logging
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from yikatong.gm import key_file
from yikatong.gm.keystore import FIELD_KEY, INDEX_KEY, KEY_ID_MAX, FileKeyStore, KeyStoreError

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
        content(format="3"),
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


def test_a_key_runs_out_of_numbers_with_a_refusal(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o600)
    path.write_text(content().replace('"key_id": 1', f'"key_id": {KEY_ID_MAX}'))
    with pytest.raises(KeyStoreError, match="no number is left"):
        FileKeyStore.open(path).rotate(FIELD_KEY)
    assert FileKeyStore.open(path).key_ids(FIELD_KEY) == [KEY_ID_MAX]


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
        monkeypatch.setattr(key_file.fcntl, "flock", flock)
        first.append(FileKeyStore.create(path))
        first[0].ensure(symmetric=(FIELD_KEY,))
        flock(handle, operation)

    monkeypatch.setattr(key_file.fcntl, "flock", other_was_faster)
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
