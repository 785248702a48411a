"""Keys sealed by a SoftHSM2 token: worthless apart, bound to their place, and every fault of the device told in words."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType

from tests.gm.hsm import MODULE, PIN, TOKEN, add_token, make_token
from yikatong.gm.keystore import FIELD_KEY, INDEX_KEY, FileKeyStore, KeyStoreError
from yikatong.gm.pkcs11_store import SEALING_KEY, Pkcs11KeyStore, TokenAddress

ADDRESS = "pkcs11:token=city%20keys;object=seal?module-path=/usr/lib/vendor.so&pin-source=file:/etc/yikatong/pin"


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TokenAddress:
    return make_token(tmp_path / "hsm", monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def store(path: Path, address: TokenAddress) -> Pkcs11KeyStore:
    made = Pkcs11KeyStore.create(path, address)
    made.ensure(symmetric=(FIELD_KEY, INDEX_KEY), sm2=("root-ca",))
    return made


def session_of(address: TokenAddress, **options: Any) -> pkcs11.Session:
    return pkcs11.lib(str(address.module)).get_token(token_label=address.token).open(user_pin=PIN, **options)


def edit(path: Path, change: Any) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_the_file_holds_no_key(store: Pkcs11KeyStore, path: Path) -> None:
    secrets = [store.current(FIELD_KEY)[1], store.current(INDEX_KEY)[1], store.sm2_key("root-ca").scalar]
    assert len(set(secrets)) == 3
    assert not any(secret.hex() in path.read_text() for secret in secrets)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_sealing_key_never_leaves_the_device(store: Pkcs11KeyStore, address: TokenAddress) -> None:
    with session_of(address) as session:
        key = session.get_key(label=SEALING_KEY)
        for kept in (Attribute.SENSITIVE, Attribute.ALWAYS_SENSITIVE, Attribute.NEVER_EXTRACTABLE, Attribute.LOCAL):
            assert key[kept]
        assert not key[Attribute.EXTRACTABLE]
        with pytest.raises(pkcs11.AttributeSensitive):
            key[Attribute.VALUE]


def test_keys_outlive_the_process(store: Pkcs11KeyStore, path: Path, address: TokenAddress) -> None:
    script = (
        "import pathlib, sys; from yikatong.gm.pkcs11_store import Pkcs11KeyStore, TokenAddress\n"
        "store = Pkcs11KeyStore.open(pathlib.Path(sys.argv[1]), TokenAddress.parse(sys.argv[2]))\n"
        "print(store.current('field')[1].hex(), store.sm2_key('root-ca').public.compressed.hex())"
    )
    text = f"pkcs11:token={TOKEN}?module-path={MODULE}&pin-source=file:{address.pin_file}"
    done = subprocess.run([sys.executable, "-c", script, str(path), text], capture_output=True, text=True, check=False)
    expected = [store.current(FIELD_KEY)[1].hex(), store.sm2_key("root-ca").public.compressed.hex()]
    assert done.stdout.split() == expected, done.stderr


def test_a_forked_child_reaches_the_device_for_itself(store: Pkcs11KeyStore, path: Path, address: TokenAddress) -> None:
    script = (
        "import os, pathlib, sys; from yikatong.gm.pkcs11_store import Pkcs11KeyStore, TokenAddress\n"
        "store = Pkcs11KeyStore.open(pathlib.Path(sys.argv[1]), TokenAddress.parse(sys.argv[2]))\n"
        "child = os.fork()\n"
        "os.write(1, (store.current('field')[1].hex() + '\\n').encode())\n"  # whole lines: both may write at once
        "sys.exit(os.waitpid(child, 0)[1] if child else 0)"
    )
    text = f"pkcs11:token={TOKEN}?module-path={MODULE}&pin-source=file:{address.pin_file}"
    done = subprocess.run([sys.executable, "-c", script, str(path), text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [store.current(FIELD_KEY)[1].hex()] * 2


def exchange_keys(content: Any) -> None:
    field, index = content["symmetric"][FIELD_KEY][0], content["symmetric"][INDEX_KEY][0]
    field["key"], index["key"] = index["key"], field["key"]


def renumber(content: Any) -> None:
    content["symmetric"][FIELD_KEY][0]["key_id"] = 2


def alter(content: Any) -> None:
    entry = content["symmetric"][FIELD_KEY][0]
    entry["key"] = entry["key"][:-1] + ("0" if entry["key"][-1] != "0" else "1")


@pytest.mark.parametrize("change", [exchange_keys, renumber, alter])
def test_a_changed_file_does_not_open(store: Pkcs11KeyStore, path: Path, address: TokenAddress, change: Any) -> None:
    edit(path, change)
    changed = Pkcs11KeyStore.open(path, address)
    assert changed.sm2_key("root-ca").scalar == store.sm2_key("root-ca").scalar, "the others still open"
    with pytest.raises(KeyStoreError, match=r"key field/. cannot be opened.*restore it from its backup"):
        changed.current(FIELD_KEY)


def test_a_key_of_a_wrong_length_is_damage(store: Pkcs11KeyStore, path: Path, address: TokenAddress) -> None:
    edit(path, lambda content: content["symmetric"][FIELD_KEY][0].update(key="00" * 16))
    with pytest.raises(KeyStoreError, match="damaged"):
        Pkcs11KeyStore.open(path, address)


def test_another_token_opens_nothing(store: Pkcs11KeyStore, path: Path, address: TokenAddress, tmp_path: Path) -> None:
    add_token("another")
    other = replace(address, token="another")
    with pytest.raises(KeyStoreError, match=f"0 AES keys {SEALING_KEY} on token another"):
        Pkcs11KeyStore.open(path, other)
    Pkcs11KeyStore.create(tmp_path / "other.json", other)
    with pytest.raises(KeyStoreError, match="belongs to another token"):
        Pkcs11KeyStore.open(path, other).current(FIELD_KEY)


def test_files_in_clear_and_sealed_ones_are_not_mistaken_for_each_other(
    store: Pkcs11KeyStore, path: Path, address: TokenAddress, tmp_path: Path
) -> None:
    with pytest.raises(KeyStoreError, match="sealed by an HSM: set YIKATONG_HSM"):
        FileKeyStore.open(path)
    FileKeyStore.create(tmp_path / "clear.json")
    with pytest.raises(KeyStoreError, match="in clear: run yikatong keys seal"):
        Pkcs11KeyStore.open(tmp_path / "clear.json", address)


def test_a_file_in_clear_moves_into_the_hsm_as_it_is(path: Path, address: TokenAddress, tmp_path: Path) -> None:
    clear = FileKeyStore.create(tmp_path / "clear.json")
    clear.ensure(symmetric=(FIELD_KEY, INDEX_KEY), sm2=("root-ca",))
    clear.rotate(FIELD_KEY)
    clear.retire(FIELD_KEY, 1)
    moved = Pkcs11KeyStore.sealed_from(clear, path, address)
    assert moved.describe() == clear.describe()
    for name in (FIELD_KEY, INDEX_KEY):
        assert moved.current(name) == clear.current(name)
    assert moved.sm2_key("root-ca").scalar == clear.sm2_key("root-ca").scalar
    assert moved.rotate(FIELD_KEY) == 3
    with pytest.raises(KeyStoreError, match="never overwritten"):
        Pkcs11KeyStore.sealed_from(clear, path, address)


def test_a_sealing_key_that_could_be_taken_out_is_refused(path: Path, address: TokenAddress) -> None:
    with session_of(address, rw=True) as session:
        session.generate_key(KeyType.AES, 256, label=SEALING_KEY, store=True, template={Attribute.EXTRACTABLE: True})
    with pytest.raises(KeyStoreError, match="could be taken out of the device"):
        Pkcs11KeyStore.create(path, address)


def test_two_sealing_keys_are_refused(store: Pkcs11KeyStore, path: Path, address: TokenAddress) -> None:
    with session_of(address, rw=True) as session:
        session.generate_key(KeyType.AES, 256, label=SEALING_KEY, store=True)
    with pytest.raises(KeyStoreError, match="there are 2 AES keys"):
        Pkcs11KeyStore.open(path, address)


def test_one_store_is_never_made_over_another(store: Pkcs11KeyStore, path: Path, address: TokenAddress) -> None:
    with pytest.raises(KeyStoreError, match="never overwritten"):
        Pkcs11KeyStore.create(path, address)
    assert Pkcs11KeyStore.open_or_create(path, address).current(FIELD_KEY) == store.current(FIELD_KEY)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"token": "absent"}, "token absent of .*NoSuchToken"),
        ({"module": Path("/nowhere/vendor.so")}, "/nowhere/vendor.so"),
        ({"pin_file": Path("/nowhere/pin")}, "PIN cannot be read from /nowhere/pin"),
    ],
)
def test_a_device_out_of_reach_is_told(
    store: Pkcs11KeyStore, path: Path, address: TokenAddress, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(KeyStoreError, match=words):
        Pkcs11KeyStore.open(path, replace(address, **change))


def test_a_wrong_pin_is_told_and_not_shown(store: Pkcs11KeyStore, path: Path, address: TokenAddress) -> None:
    address.pin_file.write_text("975310")
    with pytest.raises(KeyStoreError, match="PinIncorrect") as caught:
        Pkcs11KeyStore.open(path, address)
    assert "975310" not in str(caught.value)
    address.pin_file.write_text(PIN)
    address.pin_file.chmod(0o640)
    with pytest.raises(KeyStoreError, match=r"mode 0640.*chmod 600"):
        Pkcs11KeyStore.open(path, address)


def test_a_device_that_comes_back_is_used_again(store: Pkcs11KeyStore, path: Path, address: TokenAddress) -> None:
    again = Pkcs11KeyStore.open(path, address)
    away = address.pin_file.with_name("away")
    address.pin_file.rename(away)
    with pytest.raises(KeyStoreError, match="PIN cannot be read"):
        again.current(FIELD_KEY)
    away.rename(address.pin_file)
    assert again.current(FIELD_KEY) == store.current(FIELD_KEY)


def test_an_address_names_module_token_pin_file_and_key() -> None:
    pin_file = Path("/etc/yikatong/pin")
    assert TokenAddress.parse(ADDRESS) == TokenAddress(Path("/usr/lib/vendor.so"), "city keys", pin_file, "seal")
    assert TokenAddress.parse(ADDRESS.replace(";object=seal", "")).label == SEALING_KEY


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks token and module-path and pin-source"),
        ("pkcs11:token=a?module-path=/b", "lacks pin-source"),
        (ADDRESS.replace("pkcs11:", "file:"), "must be pkcs11:"),
        (ADDRESS + "&pin-value=975310", "must not hold the PIN"),
    ],
)
def test_an_incomplete_address_is_refused(text: str, words: str) -> None:
    with pytest.raises(KeyStoreError, match=words) as caught:
        TokenAddress.parse(text)
    assert "975310" not in str(caught.value)
