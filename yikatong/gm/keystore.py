"""Where keys live: named, versioned SM4 keys and named SM2 keys.

``KeyStore`` is the seam. ``FileKeyStore`` behind it is software: one file of mode 0600, and whoever reads that file owns
every card. ``pkcs11_store.Pkcs11KeyStore`` keeps the same file sealed by an HSM. A city in production puts its HSM behind
the seam; opening the file store with YIKATONG_ENV=production logs a warning.

It backs nothing up: losing the file loses everything sealed under it (docs/keys.md).
"""

import logging
import os
from pathlib import Path
from typing import Protocol

from yikatong.gm.key_file import (
    INDEX_KEY,
    KEY_ID_MAX,
    NEVER_ROTATED,
    Clear,
    KeyFile,
    KeyInfo,
    KeyStoreError,
    KeyUnknown,
)
from yikatong.gm.sm2 import Signer

log = logging.getLogger(__name__)

FIELD_KEY = "field"
"""Seals fields of personal data; rotated at will."""

_warned: set[Path] = set()

__all__ = [
    "FIELD_KEY",
    "INDEX_KEY",
    "KEY_ID_MAX",
    "NEVER_ROTATED",
    "FileKeyStore",
    "KeyFile",
    "KeyInfo",
    "KeyStore",
    "KeyStoreError",
    "KeyUnknown",
]


class KeyStore(Protocol):
    """What the platform asks of a key store."""

    def current(self, name: str) -> tuple[int, bytes]:
        """The newest version of a symmetric key: its number (1…65535) and its 16 bytes. Raises ``KeyUnknown``."""

    def get(self, name: str, key_id: int) -> bytes:
        """One version of a symmetric key. Raises ``KeyUnknown``."""

    def sm2_key(self, name: str) -> Signer:
        """A named SM2 key. Raises ``KeyUnknown``."""


class FileKeyStore(KeyFile):
    """All keys in one file, in clear.

    This is software, for development, tests and pilots: the real thing is an HSM behind ``KeyStore``.
    """

    def __init__(self, path: Path) -> None:
        """Read the file; use ``open``, ``create`` or ``open_or_create``."""
        super().__init__(path, Clear())

    @classmethod
    def create(cls, path: Path) -> "FileKeyStore":
        """Make an empty store. Raises ``KeyStoreError`` when there is one already."""
        cls.make(path, Clear())
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
            cls.make(path, Clear(), or_keep=True)
        return cls.open(path)
