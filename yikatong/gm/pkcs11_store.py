"""The key store behind an HSM, over PKCS#11: every key lies in a file, sealed under an AES key that never leaves the device.

The device makes the sealing key (AES-256, sensitive, not extractable), makes the random bytes of new symmetric keys, and
encrypts and decrypts each key with AES-GCM, bound to its name and version. The file is worthless without the device, the
device without the file; back up both.

What it does not do: this platform's ciphers are SM2 and SM4, for which PKCS#11 has no standard mechanisms and SoftHSM2, against
which it is proven, has none at all. So a key that is used is unwrapped into this process and stays in its memory, SM2 scalars
included, and new SM2 pairs are made here. In a certified SM HSM (GM/T 0018 「密码设备应用接口规范」) SM2 keys are made and sign
inside by the vendor's mechanisms, and root keys diversify inside: that is another adapter behind ``KeyStore``, one per vendor. An
HSM that insists on choosing AES-GCM nonces itself (some clouds' do) is not supported.

Source: PKCS #11 v2.40, RFC 7512 (the address); that the sealing key is AES-256-GCM: assumption.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, unquote

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, MechanismFlag, ObjectClass, PKCS11Error

from yikatong.gm.key_file import KeyFile, KeyStoreError, locked

SEALING_KEY = "yikatong-keys"
"""The label of the sealing key on the token, unless the address says ``object=``."""
_NONCE_LENGTH, _TAG_LENGTH = 12, 16

_lock = threading.Lock()  # a process is logged in to a token once, whatever its threads do
_initialised: dict[str, int] = {}  # which process initialised a module; a forked child must do so again


@dataclass(frozen=True, slots=True)
class TokenAddress:
    """Where the sealing key is: a vendor's module, a token's label, a file with the user PIN, the key's label."""

    module: Path
    token: str
    pin_file: Path
    label: str = SEALING_KEY

    @classmethod
    def parse(cls, text: str) -> Self:
        """An address such as ``pkcs11:token=yikatong?module-path=/usr/lib/vendor.so&pin-source=file:/etc/yikatong/pin``.

        Raises ``KeyStoreError``, also for a PIN in the address itself: addresses are shown in logs and process lists.
        """
        scheme, _, rest = text.partition(":")
        path, _, query = rest.partition("?")
        parts = {name: unquote(value) for name, _, value in (part.partition("=") for part in path.split(";"))}
        parts |= dict(parse_qsl(query))
        if "pin-value" in parts:
            raise KeyStoreError("YIKATONG_HSM must not hold the PIN; write it to a file and name that as pin-source")
        missing = [name for name in ("token", "module-path", "pin-source") if not parts.get(name)]
        if scheme != "pkcs11" or missing:
            raise KeyStoreError(
                "YIKATONG_HSM must be pkcs11:token=LABEL?module-path=FILE&pin-source=file:FILE"
                + (f"; it lacks {' and '.join(missing)}" if missing else "")
            )
        pin_file = Path(parts["pin-source"].removeprefix("file:"))
        return cls(Path(parts["module-path"]), parts["token"], pin_file, parts.get("object") or SEALING_KEY)


class Pkcs11KeyStore(KeyFile):
    """All keys in one file, each sealed by an HSM. Safe to share between threads and, after a fork, between processes."""

    def __init__(self, path: Path, address: TokenAddress) -> None:
        """Read the file; use ``open``, ``create`` or ``open_or_create``."""
        super().__init__(path, _Sealing(path, address))

    @classmethod
    def create(cls, path: Path, address: TokenAddress) -> "Pkcs11KeyStore":
        """Make an empty store, and its sealing key where the token has none. Raises ``KeyStoreError``."""
        cls.make(path, _Sealing(path, address))
        return cls.open(path, address)

    @classmethod
    def open(cls, path: Path, address: TokenAddress) -> "Pkcs11KeyStore":
        """Open a store. Raises ``KeyStoreError`` when the file or the token cannot be used."""
        store = cls(path, address)
        _Sealing(path, address).check()
        return store

    @classmethod
    def open_or_create(cls, path: Path, address: TokenAddress) -> "Pkcs11KeyStore":
        """Open a store, making it first where there is none; safe between processes."""
        if not path.exists():
            cls.make(path, _Sealing(path, address), or_keep=True)
        return cls.open(path, address)

    @classmethod
    def sealed_from(cls, source: KeyFile, path: Path, address: TokenAddress) -> "Pkcs11KeyStore":
        """A new store at ``path`` with all keys of ``source``. Raises ``KeyStoreError``."""
        source.copy_to(path, _Sealing(path, address))
        return cls.open(path, address)


class _Sealing:
    """How the token wraps values: ``nonce (12) ‖ ciphertext ‖ tag (16)``."""

    format: Literal[2] = 2
    overhead = _NONCE_LENGTH + _TAG_LENGTH

    def __init__(self, path: Path, address: TokenAddress) -> None:
        self._address = address
        self._turn = path.with_name(f"{path.name}.hsm")

    def prepare(self) -> None:
        """See ``Wrapping``: has the token make a sealing key, where it has none."""
        with self._session(writing=True) as session:
            if not self._found(session):
                session.generate_key(
                    KeyType.AES,
                    256,
                    label=self._address.label,
                    store=True,
                    capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
                    template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
                )

    def wrap(self, place: str, value: bytes) -> bytes:
        """See ``Wrapping``."""
        with self._session() as session:
            nonce: bytes = session.generate_random(_NONCE_LENGTH * 8)
            key = self._sealing_key(session)
            sealed: bytes = key.encrypt(value, mechanism=Mechanism.AES_GCM, mechanism_param=_parameters(nonce, place))
        return nonce + sealed

    def unwrap(self, place: str, wrapped: bytes) -> bytes:
        """See ``Wrapping``."""
        nonce, sealed = wrapped[:_NONCE_LENGTH], wrapped[_NONCE_LENGTH:]
        with self._session() as session:
            key = self._sealing_key(session)
            try:
                value: bytes = key.decrypt(
                    sealed, mechanism=Mechanism.AES_GCM, mechanism_param=_parameters(nonce, place)
                )
            except PKCS11Error as error:
                raise KeyStoreError(
                    f"key {place} cannot be opened with {self._address.label} of token {self._address.token} "
                    f"({type(error).__name__}): the key file is damaged or belongs to another token; restore it from its backup"
                ) from error
        return value

    def random(self, length: int) -> bytes:
        """See ``Wrapping``."""
        with self._session() as session:
            octets: bytes = session.generate_random(length * 8)
        return octets

    def check(self) -> None:
        """Raise ``KeyStoreError`` unless the token has a sealing key that stays inside."""
        with self._session() as session:
            self._sealing_key(session)

    def _found(self, session: pkcs11.Session) -> list[Any]:
        wanted = {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.AES,
            Attribute.LABEL: self._address.label,
        }
        return list(session.get_objects(wanted))

    def _sealing_key(self, session: pkcs11.Session) -> Any:
        keys = self._found(session)
        where = f"{self._address.label} on token {self._address.token}"
        if len(keys) != 1:
            raise KeyStoreError(f"there are {len(keys)} AES keys {where}, not one; restore the token from its backup")
        if keys[0][Attribute.EXTRACTABLE] or not keys[0][Attribute.SENSITIVE]:
            raise KeyStoreError(
                f"the AES key {where} could be taken out of the device; nothing is sealed with such a key"
            )
        return keys[0]

    @contextlib.contextmanager
    def _session(self, *, writing: bool = False) -> Iterator[pkcs11.Session]:
        """A session of its own for each use, so that a device that was away for a moment is found again.

        One process after the other: SoftHSM2 fails when it reads its token while another process logs in.
        """
        address = self._address
        with _lock, locked(self._turn):
            try:
                token = _module(address.module).get_token(token_label=address.token)
                with token.open(rw=writing, user_pin=_pin(address.pin_file)) as session:
                    yield session
            except PKCS11Error as error:
                raise KeyStoreError(
                    f"the HSM cannot be used: token {address.token} of {address.module}: {_reason(error)}"
                ) from error


def _module(path: Path) -> Any:
    name = str(path)
    module = pkcs11.lib(name)
    if _initialised.setdefault(name, os.getpid()) != os.getpid():
        with contextlib.suppress(PKCS11Error):  # what is closed here is the parent's, and some modules say so
            module.finalize()
        module.initialize()
        _initialised[name] = os.getpid()
    return module


def _parameters(nonce: bytes, place: str) -> GCMParams:
    return GCMParams(nonce, place.encode(), _TAG_LENGTH * 8)


def _pin(path: Path) -> str:
    try:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise KeyStoreError(f"the PIN in {path} is open to others (mode {mode:04o}); run: chmod 600 {path}")
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise KeyStoreError(f"the HSM's PIN cannot be read from {path}: {error.strerror}") from error


def _reason(error: PKCS11Error) -> str:
    """The binding names most faults by their class only."""
    return f"{type(error).__name__} {error}".strip()
