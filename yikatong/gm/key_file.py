"""A file of keys: named, versioned symmetric keys and named SM2 keys, replaced as a whole on every change.

How a value lies in the file is its ``Wrapping``'s affair: in clear (``keystore.FileKeyStore``), or sealed under a key inside an
HSM (``pkcs11_store.Pkcs11KeyStore``). Values are unwrapped when they are first asked for, so that a process holds only the keys
it uses. It backs nothing up: losing the file loses everything sealed under it.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Protocol

import msgspec

from yikatong.foundation.errors import YikatongError
from yikatong.gm.sm2 import KeyInvalid, PrivateKey
from yikatong.gm.sm4 import KEY_LENGTH

INDEX_KEY = "index"
"""Makes blind indexes."""
NEVER_ROTATED = frozenset({INDEX_KEY})
"""Every look-up by a blind index would find nothing after a rotation."""
KEY_ID_MAX = 65535
SCALAR_LENGTH = 32
_SEALED = 2
_EXISTS = "{path} exists already; it is never overwritten: what it sealed would be lost"


class KeyStoreError(YikatongError):
    """The key store cannot be used; the text says why and what to do."""


class KeyUnknown(KeyStoreError):
    """No key of that name or number."""


class Wrapping(Protocol):
    """How values lie in a file. ``place`` names key and version; a value must not open at another place."""

    @property
    def format(self) -> Literal[1, 2]:
        """1: in clear. 2: sealed by an HSM."""

    @property
    def overhead(self) -> int:
        """How many bytes a wrapped value is longer than the value."""

    def prepare(self) -> None:
        """Make what wrapping needs, before a file's first use; harmless when it is there. Raises ``KeyStoreError``."""

    def wrap(self, place: str, value: bytes) -> bytes:
        """The value as the file has it. Raises ``KeyStoreError``."""

    def unwrap(self, place: str, wrapped: bytes) -> bytes:
        """Undo ``wrap``. Raises ``KeyStoreError``."""

    def random(self, length: int) -> bytes:
        """Fresh random bytes for a new key. Raises ``KeyStoreError``."""


class Clear:
    """Values as they are."""

    format: Literal[1] = 1
    overhead = 0

    def prepare(self) -> None:
        """See ``Wrapping``."""

    def wrap(self, place: str, value: bytes) -> bytes:
        """See ``Wrapping``."""
        return value

    def unwrap(self, place: str, wrapped: bytes) -> bytes:
        """See ``Wrapping``."""
        return wrapped

    def random(self, length: int) -> bytes:
        """See ``Wrapping``."""
        return secrets.token_bytes(length)


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What may be shown of a key. ``key_id`` is ``None`` for an SM2 key, whose compressed point is ``public``."""

    name: str
    key_id: int | None
    made_at: datetime
    public: str = ""


_Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]*$")]


class _Version(msgspec.Struct, frozen=True):
    """One version of a symmetric key, as the file has it."""

    key_id: Annotated[int, msgspec.Meta(ge=1, le=KEY_ID_MAX)]
    key: _Hex
    made_at: datetime

    def __repr__(self) -> str:
        return f"_Version(key_id={self.key_id})"


class _Sm2(msgspec.Struct, frozen=True):
    """One SM2 key, as the file has it."""

    scalar: _Hex
    made_at: datetime

    def __repr__(self) -> str:
        return "_Sm2()"


class _File(msgspec.Struct, frozen=True):
    """The whole file."""

    format: Literal[1, 2]
    symmetric: dict[str, Annotated[list[_Version], msgspec.Meta(min_length=1)]]
    sm2: dict[str, _Sm2]


_FILE = msgspec.json.Decoder(_File)


class KeyFile:
    """All keys in one JSON file, replaced as a whole on every change, under a lock between processes.

    Safe to share between threads; other processes open the same path. A key is on disk before it is handed out.
    """

    def __init__(self, path: Path, wrapping: Wrapping) -> None:
        """Read the file. Raises ``KeyStoreError`` when it is missing, damaged, readable by others or wrapped otherwise."""
        self.path = path
        self._wrapping = wrapping
        self._values: dict[tuple[str, int, str], bytes] = {}  # unwrapped, by name, number and what the file has there
        self._sm2: dict[str, PrivateKey] = {}  # by what the file has
        self.reload()

    @staticmethod
    def make(path: Path, wrapping: Wrapping, *, or_keep: bool = False) -> None:
        """Make an empty file. Where there is one it is kept, or refused without ``or_keep``. Raises ``KeyStoreError``."""
        with locked(path):
            if not path.exists():
                wrapping.prepare()
                _write(path, _File(wrapping.format, {}, {}))
            elif not or_keep:
                raise KeyStoreError(_EXISTS.format(path=path))

    def current(self, name: str) -> tuple[int, bytes]:
        """See ``KeyStore``."""
        newest = max(self._versions(name).values(), key=lambda version: version.key_id)
        return newest.key_id, self._symmetric_value(name, newest)

    def get(self, name: str, key_id: int) -> bytes:
        """See ``KeyStore``. Looks at the file again before giving up: another process may have rotated."""
        for again in (False, True):
            if again:
                self.reload()
            version = self._symmetric.get(name, {}).get(key_id)
            if version is not None:
                return self._symmetric_value(name, version)
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
                key = PrivateKey.from_scalar(self._wrapping.unwrap(_sm2_place(name), bytes.fromhex(entry.scalar)))
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
            fresh = {name: [self._version(name, 1)] for name in symmetric if name not in file.symmetric}
            fresh_sm2 = {name: self._fresh_sm2(name) for name in sm2 if name not in file.sm2}
            return _File(file.format, file.symmetric | fresh, file.sm2 | fresh_sm2)

        if not (self._file.symmetric.keys() >= set(symmetric) and self._file.sm2.keys() >= set(sm2)):
            self._change(add_missing)

    def rotate(self, name: str) -> int:
        """Add a new version of a symmetric key and make it the current one; older versions stay. Its number.

        Raises ``KeyUnknown``, or ``KeyStoreError`` for a key that must never change.
        """

        def add_version(file: _File) -> _File:
            return self._with_version(file, name, None)

        return self._change(add_version).symmetric[name][-1].key_id

    def put(self, values: Mapping[str, bytes], *, rotating: bool = False) -> dict[str, int]:
        """Store symmetric keys that were made elsewhere, all of them or none; the number of each.

        The names must be new, or with ``rotating`` all be there: each then gets a new current version. Raises
        ``KeyUnknown``, or ``KeyStoreError`` when a name is there already or a key is the same as an older version.
        """

        def add_all(file: _File) -> _File:
            for name, value in values.items():
                if not rotating and name in file.symmetric:
                    raise KeyStoreError(f"key {name} is in {self.path} already; it is never overwritten")
                older = self._versions_in(file, name) if rotating else []
                if any(self._symmetric_value(name, version) == value for version in older):
                    raise KeyStoreError(f"the new key {name} is the same as an older version")
                if rotating:
                    file = self._with_version(file, name, value)
                else:
                    file = _File(file.format, file.symmetric | {name: [self._version(name, 1, value)]}, file.sm2)
            return file

        if any(len(value) != KEY_LENGTH for value in values.values()):
            raise ValueError(f"a symmetric key has {KEY_LENGTH} bytes")
        changed = self._change(add_all)
        return {name: changed.symmetric[name][-1].key_id for name in values}

    def retire(self, name: str, key_id: int) -> None:
        """Forget one old version for good: whatever is still sealed with it is lost. Refuses the current one."""

        def drop_version(file: _File) -> _File:
            versions = self._versions_in(file, name)
            if max(version.key_id for version in versions) == key_id:
                raise KeyStoreError(f"key {name}/{key_id} is the current one; rotate first")
            kept = [version for version in versions if version.key_id != key_id]
            return _File(file.format, file.symmetric | {name: kept}, file.sm2)

        self._change(drop_version)

    def copy_to(self, path: Path, wrapping: Wrapping) -> None:
        """Write all keys, with their numbers and times, into another file that was not there. Raises ``KeyStoreError``."""
        with locked(path):
            if path.exists():
                raise KeyStoreError(_EXISTS.format(path=path))
            wrapping.prepare()
            _write(path, self._wrapped_by(wrapping))

    def _wrapped_by(self, wrapping: Wrapping) -> _File:
        symmetric = {
            name: [
                _Version(
                    version.key_id,
                    wrapping.wrap(f"{name}/{version.key_id}", self._symmetric_value(name, version)).hex(),
                    version.made_at,
                )
                for version in versions
            ]
            for name, versions in self._file.symmetric.items()
        }
        sm2 = {
            name: _Sm2(wrapping.wrap(_sm2_place(name), self.sm2_key(name).scalar).hex(), entry.made_at)
            for name, entry in self._file.sm2.items()
        }
        return _File(wrapping.format, symmetric, sm2)

    def reload(self) -> None:
        """Read the file again. Raises ``KeyStoreError``."""
        self._take(self._read())

    def _take(self, file: _File) -> None:
        self._file = file
        self._symmetric = {
            name: {version.key_id: version for version in versions} for name, versions in file.symmetric.items()
        }
        kept = {version.key for versions in file.symmetric.values() for version in versions}
        self._values = {key: value for key, value in self._values.copy().items() if key[2] in kept}

    def _symmetric_value(self, name: str, version: _Version) -> bytes:
        known = (name, version.key_id, version.key)
        value = self._values.get(known)
        if value is None:
            value = self._wrapping.unwrap(f"{name}/{version.key_id}", bytes.fromhex(version.key))
            self._values[known] = value
        return value

    def _versions(self, name: str) -> dict[int, _Version]:
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

    def _with_version(self, file: _File, name: str, value: bytes | None) -> _File:
        """The file with one more version of a key that is there; a fresh one without ``value``."""
        if name in NEVER_ROTATED:
            raise KeyStoreError(f"key {name} is never rotated: whatever was indexed under it could not be found again")
        versions = self._versions_in(file, name)
        key_id = max(version.key_id for version in versions) + 1
        if key_id > KEY_ID_MAX:
            raise KeyStoreError(f"key {name} has been rotated {KEY_ID_MAX} times; no number is left")
        added = self._version(name, key_id, value)
        return _File(file.format, file.symmetric | {name: [*versions, added]}, file.sm2)

    def _version(self, name: str, key_id: int, value: bytes | None = None) -> _Version:
        if value is None:
            value = self._wrapping.random(KEY_LENGTH)
        return _Version(key_id, self._wrapping.wrap(f"{name}/{key_id}", value).hex(), _now())

    def _fresh_sm2(self, name: str) -> _Sm2:
        return _Sm2(self._wrapping.wrap(_sm2_place(name), PrivateKey.generate().scalar).hex(), _now())

    def _change(self, edit: Callable[[_File], _File]) -> _File:
        """Edit what is on disk now. Memory follows only once the disk has it: no key may be used and then lost."""
        with locked(self.path):
            edited = edit(self._read())
            _write(self.path, edited)
            self._take(edited)
        return edited

    def _read(self) -> _File:
        file = _read(self.path)
        if file.format != self._wrapping.format:
            sealed = (
                "sealed by an HSM: set YIKATONG_HSM" if file.format == _SEALED else "in clear: run yikatong keys seal"
            )
            raise KeyStoreError(f"the keys in {self.path} are {sealed}, or name another file with YIKATONG_KEYS")
        keys = {len(version.key) for versions in file.symmetric.values() for version in versions}
        scalars = {len(entry.scalar) for entry in file.sm2.values()}
        overhead = self._wrapping.overhead
        if keys - {2 * (KEY_LENGTH + overhead)} or scalars - {2 * (SCALAR_LENGTH + overhead)}:
            raise KeyStoreError(f"{self.path} is damaged (a key of a wrong length); restore it from its backup")
        return file


def _sm2_place(name: str) -> str:
    return f"sm2:{name}"


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone with ``path`` among all processes of this machine, by a file beside it. Not to be nested."""
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
        return _FILE.decode(content)
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
