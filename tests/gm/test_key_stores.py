"""What every key store promises, kept by the file in clear and by the file an HSM seals."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.gm.hsm import make_token
from yikatong.gm.keystore import FIELD_KEY, INDEX_KEY, FileKeyStore, KeyFile, KeyStore, KeyStoreError, KeyUnknown
from yikatong.gm.pkcs11_store import Pkcs11KeyStore, TokenAddress

type Open = Callable[[], KeyFile]


def open_file(path: Path, _: None) -> KeyFile:
    return FileKeyStore.open_or_create(path)


def open_sealed(path: Path, address: TokenAddress) -> KeyFile:
    return Pkcs11KeyStore.open_or_create(path, address)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "city" / "keys.json"


@pytest.fixture(params=["in clear", "sealed by an HSM"])
def opening(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Callable[[Path, Any], KeyFile], Any]:
    """How to open the store, as two things that another process can be given."""
    if request.param == "in clear":
        return open_file, None
    return open_sealed, make_token(tmp_path / "hsm", monkeypatch)


@pytest.fixture
def opened(opening: tuple[Callable[[Path, Any], KeyFile], Any], path: Path) -> Open:
    """Open the store, making it where there is none."""
    function, argument = opening
    return lambda: function(path, argument)


@pytest.fixture
def store(opened: Open) -> KeyFile:
    made = opened()
    made.ensure(symmetric=(FIELD_KEY, INDEX_KEY), sm2=("root-ca",))
    return made


def test_rotation_keeps_older_versions(store: KeyFile, opened: Open) -> None:
    first = store.current(FIELD_KEY)
    assert first[0] == 1
    assert store.rotate(FIELD_KEY) == 2
    for same in (store, opened()):
        assert same.key_ids(FIELD_KEY) == [1, 2]
        assert same.get(FIELD_KEY, 1) == first[1]
        assert same.current(FIELD_KEY) == (2, same.get(FIELD_KEY, 2))
        assert same.get(FIELD_KEY, 2) != first[1]
        assert len(same.get(FIELD_KEY, 2)) == 16


def test_the_index_key_never_rotates(store: KeyFile) -> None:
    before = store.current(INDEX_KEY)
    with pytest.raises(KeyStoreError, match="never rotated"):
        store.rotate(INDEX_KEY)
    assert store.current(INDEX_KEY) == before


def test_retiring_forgets_an_old_version_and_never_the_current(store: KeyFile, opened: Open) -> None:
    store.rotate(FIELD_KEY)
    with pytest.raises(KeyStoreError, match="field/2 is the current one; rotate first"):
        store.retire(FIELD_KEY, 2)
    store.retire(FIELD_KEY, 1)
    assert opened().key_ids(FIELD_KEY) == [2]
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
def test_unknown_keys_are_told_apart(store: KeyFile, ask: Any) -> None:
    with pytest.raises(KeyUnknown, match="is not in"):
        ask(store)


def test_sm2_keys_are_the_same_whenever_asked(store: KeyFile, opened: Open) -> None:
    key = store.sm2_key("root-ca")
    assert store.sm2_key("root-ca") is key
    store.reload()
    assert store.sm2_key("root-ca") is key
    again = opened().sm2_key("root-ca")
    assert key.public.verify(b"m", again.sign(b"m"))


def test_ensuring_again_changes_nothing(store: KeyFile, path: Path, opened: Open) -> None:
    before = path.read_bytes()
    store.ensure(symmetric=(FIELD_KEY,), sm2=("root-ca",))
    opened().ensure(symmetric=(FIELD_KEY, INDEX_KEY), sm2=("root-ca",))
    assert path.read_bytes() == before
    store.ensure(symmetric=(FIELD_KEY, "chip"), sm2=("root-ca", "card-ca"))
    assert {entry.name for entry in store.describe()} == {FIELD_KEY, INDEX_KEY, "chip", "root-ca", "card-ca"}


def test_what_may_be_shown_holds_no_secret(store: KeyFile) -> None:
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


def test_another_process_changes_are_seen_when_asked_for(store: KeyFile, opened: Open) -> None:
    other = opened()
    other.rotate(FIELD_KEY)
    other.ensure(symmetric=("chip",), sm2=("card-ca",))
    assert store.get(FIELD_KEY, 2) == other.get(FIELD_KEY, 2)
    other.ensure(symmetric=("chip-2",), sm2=("card-ca-2",))
    assert store.current("chip-2") == other.current("chip-2")
    assert store.sm2_key("card-ca-2").scalar == other.sm2_key("card-ca-2").scalar


def test_a_key_that_could_not_be_stored_is_not_used(
    store: KeyFile, path: Path, monkeypatch: pytest.MonkeyPatch
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


def rotate_and_ensure(
    function: Callable[[Path, Any], KeyFile], path: Path, argument: Any, name: str, gate: Any
) -> None:
    gate.wait()
    store = function(path, argument)
    store.ensure(symmetric=(FIELD_KEY, f"own-{name}"), sm2=("root-ca",))
    for _ in range(5):
        store.rotate(FIELD_KEY)


def test_many_processes_starting_at_once_share_one_store(
    opening: tuple[Callable[[Path, Any], KeyFile], Any], path: Path, opened: Open
) -> None:
    function, argument = opening
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(4)
    processes = [
        context.Process(target=rotate_and_ensure, args=(function, path, argument, str(number), gate))
        for number in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0] * 4
    store = opened()
    assert store.key_ids(FIELD_KEY) == list(range(1, 4 * 5 + 2))
    assert len({store.get(FIELD_KEY, key_id) for key_id in store.key_ids(FIELD_KEY)}) == 21
    assert all(store.current(f"own-{number}") for number in range(4))
    assert len([entry for entry in store.describe() if entry.name == "root-ca"]) == 1


def test_threads_share_one_store(store: KeyFile) -> None:
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


def test_each_store_fits_the_seam(store: KeyFile) -> None:
    seam: KeyStore = store
    assert seam.current(FIELD_KEY) == (1, seam.get(FIELD_KEY, 1))
    assert seam.sm2_key("root-ca").public == store.sm2_key("root-ca").public


def test_keys_made_elsewhere_are_stored_all_or_none(store: KeyFile, opened: Open) -> None:
    assert store.put({"root/1": b"\x01" * 16, "root/2": b"\x02" * 16}) == {"root/1": 1, "root/2": 1}
    assert opened().current("root/2") == (1, b"\x02" * 16)
    with pytest.raises(KeyStoreError, match=r"root/2 is in .* already"):
        store.put({"root/3": b"\x03" * 16, "root/2": b"\x04" * 16})
    with pytest.raises(KeyUnknown, match="root/3"):
        opened().current("root/3")
    assert store.put({"root/1": b"\x05" * 16}, rotating=True) == {"root/1": 2}
    assert [opened().get("root/1", number) for number in (1, 2)] == [b"\x01" * 16, b"\x05" * 16]


@pytest.mark.parametrize(
    ("values", "refusal", "words"),
    [
        ({"root/1": b"\x01" * 16}, KeyStoreError, "same as an older version"),
        ({"root/9": b"\x01" * 16}, KeyUnknown, "root/9 is not in"),
        ({INDEX_KEY: b"\x01" * 16}, KeyStoreError, "never rotated"),
        ({"root/1": b"\x01" * 15}, ValueError, "16 bytes"),
    ],
)
def test_a_new_version_made_elsewhere_must_be_one(
    store: KeyFile, opened: Open, values: dict[str, bytes], refusal: type[Exception], words: str
) -> None:
    store.put({"root/1": b"\x01" * 16})
    with pytest.raises(refusal, match=words):
        store.put(values, rotating=True)
    assert opened().key_ids("root/1") == [1]
