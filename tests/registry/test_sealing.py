"""The process's key store and cipher: made once, private, and following another process's rotation."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.gm.hsm import make_token
from yikatong.gm.fields import key_id_of
from yikatong.gm.keystore import FileKeyStore, KeyStoreError
from yikatong.registry.sealing import field_cipher, key_file, key_store


@pytest.fixture(autouse=True)
def own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys.json"
    monkeypatch.setenv("YIKATONG_KEYS", str(path))
    return path


def test_the_store_is_made_private_and_opened_once(own_keys: Path) -> None:
    sealed = field_cipher().seal("name", "欧阳测试")
    assert own_keys.stat().st_mode & 0o777 == 0o600
    assert field_cipher() is field_cipher()
    assert field_cipher().open("name", sealed) == "欧阳测试"


def test_without_a_given_path_it_lies_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YIKATONG_KEYS")
    monkeypatch.setenv("YIKATONG_HOME", str(tmp_path / "home"))
    assert key_file() == tmp_path / "home" / "keys.json"


def test_another_process_rotates(own_keys: Path) -> None:
    before = field_cipher().seal("phone", "10200000001")
    cipher = field_cipher()
    script = "import sys, pathlib; from yikatong.gm.keystore import FileKeyStore as Store;"
    script += "Store.open(pathlib.Path(sys.argv[1])).rotate('field')"
    subprocess.run([sys.executable, "-c", script, str(own_keys)], check=True)
    after = field_cipher().seal("phone", "10200000001")
    assert (key_id_of(before), key_id_of(after)) == (1, 2)
    assert field_cipher() is cipher
    assert [cipher.open("phone", value) for value in (before, after)] == ["10200000001"] * 2
    assert cipher.blind_index("phone", "10200000001") == field_cipher().blind_index("phone", "10200000001")


def test_a_store_that_others_can_read_is_refused(own_keys: Path) -> None:
    FileKeyStore.create(own_keys)
    own_keys.chmod(0o644)
    with pytest.raises(KeyStoreError, match="chmod 600"):
        key_store()


def test_an_hsm_seals_the_file_where_one_is_addressed(
    own_keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = make_token(tmp_path / "hsm", monkeypatch)
    text = f"pkcs11:token={address.token}?module-path={address.module}&pin-source=file:{address.pin_file}"
    monkeypatch.setenv("YIKATONG_HSM", text)
    sealed = field_cipher().seal("name", "欧阳测试")
    assert field_cipher().open("name", sealed) == "欧阳测试"
    assert key_store().current("field")[1].hex() not in own_keys.read_text()
    with pytest.raises(KeyStoreError, match="sealed by an HSM"):
        FileKeyStore.open(own_keys)
