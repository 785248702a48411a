"""Where keys live: named, versioned SM4 keys and named SM2 keys.

``KeyStore`` is the seam. ``FileKeyStore`` is software: one file of mode 0600 that whoever reads it owns all cards. A city in
production puts an HSM behind the same seam; opening the file store with YIKATONG_ENV=production logs a warning.
"""

import contextlib
import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from yikatong.foundation.errors import YikatongError
from yikatong.gm.sm2 import PrivateKey
from yikatong.gm.sm4 import KEY_LENGTH

log = logging.getLogger(__name__)
FORMAT = 1


class KeyStoreError(YikatongError):
    """The key store cannot be used; the text says why and what to do."""


class KeyUnknown(KeyStoreError):
    """No key of that name or number."""


class KeyStore(Protocol):
    """What the platform asks of a key store."""

    def current(self, name: str) -> tuple[int, bytes]:
        """The newest version of a symmetric key: its number (1…65535) and its 16 bytes."""

    def get(self, name: str, key_id: int) -> bytes:
        """One version of a symmetric key. Raises ``KeyUnknown``."""

    def sm2_key(self, name: str) -> PrivateKey:
        """A named SM2 key. Raises ``KeyUnknown``."""


class FileKeyStore:
    """All keys in one JSON file, replaced as a whole on every change, under a lock between processes."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self.path = path
        self._content = content
        self._sm2: dict[str, PrivateKey] = {}

    @classmethod
    def create(cls, path: Path) -> "FileKeyStore":
        """Make an empty store. Raises ``KeyStoreError`` when there is one already."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path):
            if path.exists():
                raise KeyStoreError(
                    f"{path} exists already; it is never overwritten, because what it sealed would be lost"
                )
            _write(path, {"format": FORMAT, "symmetric": {}, "sm2": {}})
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> "FileKeyStore":
        """Open a store. Raises ``KeyStoreError`` when it is missing, damaged, or readable by others."""
        if os.environ.get("YIKATONG_ENV") == "production":
            log.warning("keys come from the software store %s; use an HSM behind the KeyStore seam in production", path)
        return cls(path, _read(path))

    @classmethod
    def open_or_create(cls, path: Path) -> "FileKeyStore":
        """Open a store, making it first where there is none; safe between processes."""
        if not path.exists():
            with contextlib.suppress(KeyStoreError):
                return cls.create(path)
        return cls.open(path)

    def current(self, name: str) -> tuple[int, bytes]:
        """See ``KeyStore``. Raises ``KeyUnknown``."""
        versions = self._versions(name)
        key_id = max(versions)
        return key_id, versions[key_id]

    def get(self, name: str, key_id: int) -> bytes:
        """See ``KeyStore``. Looks at the file again before giving up: another process may have rotated."""
        if key_id not in self._content_of("symmetric", name):
            self.reload()
        try:
            return self._versions(name)[key_id]
        except KeyError:
            raise KeyUnknown(
                f"key {name}/{key_id} is not in {self.path}; is it another installation's key file?"
            ) from None

    def key_ids(self, name: str) -> list[int]:
        """All versions of a symmetric key, oldest first."""
        return sorted(self._versions(name))

    def sm2_key(self, name: str) -> PrivateKey:
        """See ``KeyStore``."""
        if name not in self._sm2:
            entry = self._content["sm2"].get(name)
            if entry is None:
                raise KeyUnknown(f"SM2 key {name} is not in {self.path}")
            self._sm2[name] = PrivateKey.from_scalar(bytes.fromhex(entry["scalar"]))
        return self._sm2[name]

    def ensure(self, *, symmetric: tuple[str, ...] = (), sm2: tuple[str, ...] = ()) -> None:
        """Make the named keys that are missing. Safe to repeat and between processes."""
        if self._has_all(symmetric, sm2):
            return
        with self._changing():
            for name in symmetric:
                self._content["symmetric"].setdefault(name, [_fresh_version(1)])
            for name in sm2:
                fresh = {"scalar": PrivateKey.generate().scalar.hex(), "made_at": _now()}
                self._content["sm2"].setdefault(name, fresh)

    def rotate(self, name: str) -> int:
        """Add a new version of a symmetric key and make it the current one; older versions stay. Its number."""
        with self._changing():
            versions = self._content["symmetric"].get(name)
            if versions is None:
                raise KeyUnknown(f"key {name} is not in {self.path}")
            key_id = max(version["key_id"] for version in versions) + 1
            versions.append(_fresh_version(key_id))
        return int(key_id)

    def retire(self, name: str, key_id: int) -> None:
        """Forget one old version for good: whatever is still sealed with it is lost. Refuses the current one."""
        with self._changing():
            if self.current(name)[0] == key_id:
                raise KeyStoreError(f"key {name}/{key_id} is the current one; rotate first")
            versions = self._content["symmetric"][name]
            self._content["symmetric"][name] = [version for version in versions if version["key_id"] != key_id]

    def reload(self) -> None:
        """Read the file again."""
        self._content = _read(self.path)

    def _versions(self, name: str) -> dict[int, bytes]:
        versions = self._content_of("symmetric", name)
        if not versions:
            self.reload()
            versions = self._content_of("symmetric", name)
        if not versions:
            raise KeyUnknown(f"key {name} is not in {self.path}")
        return versions

    def _content_of(self, kind: str, name: str) -> dict[int, bytes]:
        return {entry["key_id"]: bytes.fromhex(entry["key"]) for entry in self._content[kind].get(name, [])}

    def _has_all(self, symmetric: tuple[str, ...], sm2: tuple[str, ...]) -> bool:
        return all(name in self._content["symmetric"] for name in symmetric) and all(
            name in self._content["sm2"] for name in sm2
        )

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        with _locked(self.path):
            self.reload()
            yield
            _write(self.path, self._content)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _fresh_version(key_id: int) -> dict[str, Any]:
    return {"key_id": key_id, "key": secrets.token_hex(KEY_LENGTH), "made_at": _now()}


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read(path: Path) -> dict[str, Any]:
    try:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise KeyStoreError(f"{path} can be read by others (mode {mode:04o}); run: chmod 600 {path}")
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KeyStoreError(f"there is no key file at {path}; YIKATONG_KEYS may name another one") from None
    except ValueError as error:
        raise KeyStoreError(f"{path} is damaged ({error}); restore it from its backup") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise KeyStoreError(f"{path} is not a key file of format {FORMAT}")
    return content


def _write(path: Path, content: dict[str, Any]) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
