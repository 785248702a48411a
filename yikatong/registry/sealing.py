"""The key store and the field cipher of this installation, opened once per process.

The store is the file ``$YIKATONG_KEYS``, or ``keys.json`` in the home folder, made at first use with mode 0600. Where
``$YIKATONG_HSM`` addresses a PKCS#11 token, that HSM seals the file (docs/keys.md). When another process rotates the field
key, values sealed with the new key open here at once, and the next call of ``field_cipher`` seals with it too. It does not
decide who may open what: callers do.
"""

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yikatong.database.home import yikatong_home
from yikatong.gm.fields import FIELD_KEY, INDEX_KEY, FieldCipher
from yikatong.gm.keystore import FileKeyStore, KeyFile, KeyStoreError

if TYPE_CHECKING:
    from yikatong.gm.pkcs11_store import Pkcs11KeyStore, TokenAddress


@dataclass(slots=True)
class _Opened:
    store: KeyFile
    cipher: FieldCipher
    changed_ns: int


_opened: dict[Path, _Opened] = {}
_lock = threading.Lock()


def key_file() -> Path:
    """Where the keys are: ``$YIKATONG_KEYS``, or ``keys.json`` in the home folder."""
    given = os.environ.get("YIKATONG_KEYS")
    return Path(given).expanduser() if given else yikatong_home() / "keys.json"


def key_store() -> KeyFile:
    """This process's key store, holding at least the keys that seal and index fields. Raises ``KeyStoreError``."""
    return _open().store


def field_cipher() -> FieldCipher:
    """This process's cipher for fields, sealing with the newest key there is. Raises ``KeyStoreError``."""
    return _open().cipher


def open_store(path: Path) -> KeyFile:
    """The key file ``path``, made where there is none, as ``$YIKATONG_HSM`` says. Raises ``KeyStoreError``."""
    if not os.environ.get("YIKATONG_HSM"):
        return FileKeyStore.open_or_create(path)
    store, address = _hsm()
    return store.open_or_create(path, address)


def seal_key_file(out: Path) -> int:
    """Copy this installation's key file, which is in clear, into one sealed by ``$YIKATONG_HSM``; how many keys it has.

    Raises ``KeyStoreError``. The file in clear stays as it is.
    """
    store, address = _hsm()
    return len(store.sealed_from(FileKeyStore.open(key_file()), out, address).describe())


def _hsm() -> "tuple[type[Pkcs11KeyStore], TokenAddress]":
    try:
        from yikatong.gm.pkcs11_store import Pkcs11KeyStore, TokenAddress
    except ImportError as error:
        raise KeyStoreError(f"YIKATONG_HSM needs a package: pip install 'yikatong[hsm]' ({error})") from error
    return Pkcs11KeyStore, TokenAddress.parse(os.environ.get("YIKATONG_HSM", ""))


def _open() -> _Opened:
    path = key_file()
    with _lock:
        opened = _opened.get(path)
        if opened is None:
            store = open_store(path)
            store.ensure(symmetric=(FIELD_KEY, INDEX_KEY))
            opened = _opened[path] = _Opened(store, FieldCipher(store), path.stat().st_mtime_ns)
        elif (changed_ns := path.stat().st_mtime_ns) != opened.changed_ns:
            opened.store.reload()
            opened.cipher.refresh()
            opened.changed_ns = changed_ns
        return opened
