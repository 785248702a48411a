"""Where keys live: named, versioned SM4 keys and named SM2 keys.

``KeyStore`` is the seam. ``FileKeyStore`` behind it is software: one file of mode 0600, and whoever reads that file owns
every card. A city in production puts an adapter to its HSM behind the same seam, where SM2 keys only sign inside the
device and data keys are unwrapped by it; opening the file store with YIKATONG_ENV=production logs a warning.

It backs nothing up: losing the file loses everything sealed under it (docs/operations).
"""

import contextlib
import fcntl
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Protocol

import msgspec

from yikatong.foundation.errors import YikatongError
from yikatong.gm.sm2 import KeyInvalid, PrivateKey, Signer
from yikatong.gm.sm4 import KEY_LENGTH

log = logging.getLogger(__name__)

FIELD_KEY = "field"
"""Seals fields of personal data; rotated at will."""
INDEX_KEY = "index"
"""Makes blind indexes."""
NEVER_ROTATED = frozenset({INDEX_KEY})
"""Every look-up by a blind index would find nothing after a rotation."""
KEY_ID_MAX = 65535

_warned: set[Path] = set()


class KeyStoreError(YikatongError):
    """The key store cannot be used; the text says why and what to do."""


class KeyUnknown(KeyStoreError):
    """No key of that name or number."""


class KeyStore(Protocol):
    """What the platform asks of a key store."""

    def current(self, name: str) -> tuple[int, bytes]:
        """The newest version of a symmetric key: its number (1…65535) and its 16 bytes. Raises ``KeyUnknown``."""

    def get(self, name: str, key_id: int) -> bytes:
        """One version of a symmetric key. Raises ``KeyUnknown``."""

    def sm2_key(self, name: str) -> Signer:
        """A named SM2 key. Raises ``KeyUnknown``."""


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What may be shown of a key. ``key_id`` is ``None`` for an SM2 key, whose compressed point is ``public``."""

    name: str
    key_id: int | None
    made_at: datetime
    public: str = ""


class _Version(msgspec.Struct, frozen=True):
    """One version of a symmetric key, as the file has it."""

    key_id: Annotated[int, msgspec.Meta(ge=1, le=KEY_ID_MAX)]
    key: Annotated[str, msgspec.Meta(pattern=f"^[0-9a-f]{{{KEY_LENGTH * 2}}}$")]
    made_at: datetime

    def __repr__(self) -> str:
        return f"_Version(key_id={self.key_id})"


class _Sm2(msgspec.Struct, frozen=True):
    """One SM2 key, as the file has it."""

    scalar: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    made_at: datetime

    def __repr__(self) -> str:
        return "_Sm2()"


class _File(msgspec.Struct, frozen=True):
    """The whole file."""

    format: Literal[1]
    symmetric: dict[str, Annotated[list[_Version], msgspec.Meta(min_length=1)]]
    sm2: dict[str, _Sm2]


class FileKeyStore:
    """All keys in one JSON file, replaced as a whole on every change, under a lock between processes.

    This is software, for development, tests and pilots: the real thing is an HSM adapter behind ``KeyStore``. Safe to
    share between threads; other processes open the same path. A key is on disk before it is handed out.
    """

    def __init__(self, path: Path) -> None:
        """Read the file; use ``open``, ``create`` or ``open_or_create``."""
        self.path = path
        self._sm2: dict[str, PrivateKey] = {}  # by scalar
        self.reload()

    @classmethod
    def create(cls, path: Path) -> "FileKeyStore":
        """Make an empty store. Raises ``KeyStoreError`` when there is one already."""
        with _locked(path):
            if path.exists():
                raise KeyStoreError(f"{path} exists already; it is never overwritten: what it sealed would be lost")
            _write(path, _File(1, {}, {}))
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> "FileKeyStore":
        """Open a store. Raises ``KeyStoreError`` when it is missing, damaged, or readable by others."""
        store = cls(path)
        if os.environ.get("YIKATONG_ENV") == "production" and path not in _warned:
            _warned.add(path)
            log.warning("keys come from the software store %s; use an HSM behind the KeyStore seam in production", path)
        return store

    @classmethod
    def open_or_create(cls, path: Path) -> "FileKeyStore":
        """Open a store, making it first where there is none; safe between processes."""
        if not path.exists():
            with _locked(path):
                if not path.exists():
                    _write(path, _File(1, {}, {}))
        return cls.open(path)

    def current(self, name: str) -> tuple[int, bytes]:
        """See ``KeyStore``."""
        versions = self._versions(name)
        key_id = max(versions)
        return key_id, versions[key_id]

    def get(self, name: str, key_id: int) -> bytes:
        """See ``KeyStore``. Looks at the file again before giving up: another process may have rotated."""
        for again in (False, True):
            if again:
                self.reload()
            key = self._symmetric.get(name, {}).get(key_id)
            if key is not None:
                return key
        raise KeyUnknown(f"key {name}/{key_id} is not in {self.path}; is it another installation's key file?")

    def key_ids(self, name: str) -> list[int]:
        """All versions of a symmetric key, oldest first."""
        return sorted(self._versions(name))

    def sm2_key(self, name: str) -> PrivateKey:
        """See ``KeyStore``. Looks at the file again before giving up."""
        if name not in self._file.sm2:
            self.reload()
        entry = self._file.sm2.get(name)
        if entry is None:
            raise KeyUnknown(f"SM2 key {name} is not in {self.path}")
        key = self._sm2.get(entry.scalar)
        if key is None:
            try:
                key = PrivateKey.from_scalar(bytes.fromhex(entry.scalar))
            except KeyInvalid as error:
                raise KeyStoreError(
                    f"{self.path} is damaged (SM2 key {name}: {error}); restore it from its backup"
                ) from error
            self._sm2[entry.scalar] = key
        return key

    def describe(self) -> list[KeyInfo]:
        """All keys by name and age, without their secrets."""
        symmetric = [
            KeyInfo(name, version.key_id, version.made_at)
            for name, versions in sorted(self._file.symmetric.items())
            for version in versions
        ]
        sm2 = [
            KeyInfo(name, None, entry.made_at, self.sm2_key(name).public.compressed.hex())
            for name, entry in sorted(self._file.sm2.items())
        ]
        return symmetric + sm2

    def ensure(self, *, symmetric: tuple[str, ...] = (), sm2: tuple[str, ...] = ()) -> None:
        """Make the named keys that are missing. Safe to repeat and between processes."""

        def add_missing(file: _File) -> _File:
            fresh = {name: [_fresh_version(1)] for name in symmetric if name not in file.symmetric}
            fresh_sm2 = {name: _fresh_sm2() for name in sm2 if name not in file.sm2}
            return _File(1, file.symmetric | fresh, file.sm2 | fresh_sm2)

        if not (self._file.symmetric.keys() >= set(symmetric) and self._file.sm2.keys() >= set(sm2)):
            self._change(add_missing)

    def rotate(self, name: str) -> int:
        """Add a new version of a symmetric key and make it the current one; older versions stay. Its number.

        Raises ``KeyUnknown``, or ``KeyStoreError`` for a key that must never change.
        """
        if name in NEVER_ROTATED:
            raise KeyStoreError(f"key {name} is never rotated: whatever was indexed under it could not be found again")

        def add_version(file: _File) -> _File:
            versions = self._versions_in(file, name)
            key_id = max(version.key_id for version in versions) + 1
            if key_id > KEY_ID_MAX:
                raise KeyStoreError(f"key {name} has been rotated {KEY_ID_MAX} times; no number is left")
            return _File(1, file.symmetric | {name: [*versions, _fresh_version(key_id)]}, file.sm2)

        return self._change(add_version).symmetric[name][-1].key_id

    def retire(self, name: str, key_id: int) -> None:
        """Forget one old version for good: whatever is still sealed with it is lost. Refuses the current one."""

        def drop_version(file: _File) -> _File:
            versions = self._versions_in(file, name)
            if max(version.key_id for version in versions) == key_id:
                raise KeyStoreError(f"key {name}/{key_id} is the current one; rotate first")
            kept = [version for version in versions if version.key_id != key_id]
            return _File(1, file.symmetric | {name: kept}, file.sm2)

        self._change(drop_version)

    def reload(self) -> None:
        """Read the file again. Raises ``KeyStoreError``."""
        self._take(_read(self.path))

    def _take(self, file: _File) -> None:
        self._file = file
        self._symmetric = {
            name: {version.key_id: bytes.fromhex(version.key) for version in versions}
            for name, versions in file.symmetric.items()
        }

    def _versions(self, name: str) -> dict[int, bytes]:
        if name not in self._symmetric:
            self.reload()
        versions = self._symmetric.get(name)
        if versions is None:
            raise KeyUnknown(f"key {name} is not in {self.path}")
        return versions

    def _versions_in(self, file: _File, name: str) -> list[_Version]:
        if name not in file.symmetric:
            raise KeyUnknown(f"key {name} is not in {self.path}")
        return file.symmetric[name]

    def _change(self, edit: Callable[[_File], _File]) -> _File:
        """Edit what is on disk now. Memory follows only once the disk has it: no key may be used and then lost."""
        with _locked(self.path):
            edited = edit(_read(self.path))
            _write(self.path, edited)
            self._take(edited)
        return edited


def _fresh_version(key_id: int) -> _Version:
    return _Version(key_id, secrets.token_hex(KEY_LENGTH), _now())


def _fresh_sm2() -> _Sm2:
    return _Sm2(PrivateKey.generate().scalar.hex(), _now())


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _telling(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read(path: Path) -> _File:
    with _telling(path), path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        if mode & 0o077:
            raise KeyStoreError(f"{path} is open to others (mode {mode:04o}); run: chmod 600 {path}")
        content = file.read()
    try:
        return msgspec.json.decode(content, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise KeyStoreError(f"{path} is damaged or no key file ({error}); restore it from its backup") from error


def _write(path: Path, file: _File) -> None:
    """Replace the file as a whole: after a crash there is the old one or the new one. Only under the lock."""
    fresh = path.with_name(f".{path.name}.new")
    with _telling(path):
        fresh.unlink(missing_ok=True)  # left by a crash
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(msgspec.json.format(msgspec.json.encode(file), indent=1))
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into ones that say what to do."""
    try:
        yield
    except FileNotFoundError:
        raise KeyStoreError(f"there is no key file at {path}; YIKATONG_KEYS may name another one") from None
    except OSError as error:
        raise KeyStoreError(
            f"the key file {path} cannot be used: {error.strerror}; it must belong to the user who runs Yikatong"
        ) from error
