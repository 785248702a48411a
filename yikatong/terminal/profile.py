"""Who a terminal is: its number, its place, its key, and the list key it trusts. One JSON file of mode 0600.

``yikatong acceptance register-terminal`` writes it once; losing it means registering the terminal anew under another number.
"""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from yikatong.foundation.errors import YikatongError
from yikatong.gm.sm2 import KeyInvalid, PrivateKey, PublicKey
from yikatong.wire.taps import Name, TerminalId

type Purpose = Literal["gate", "identity", "till"]


class ProfileError(YikatongError):
    """The profile cannot be used; the text says why and what to do."""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    terminal_id: TerminalId
    operator: str
    venue: Name
    purpose: Literal["gate", "identity", "till"]
    gateway_url: Annotated[str, msgspec.Meta(pattern=r"\Ahttps?://[^\s/]+")]
    private_key_hex: str
    list_signing_key_hex: str
    certificate_hex: str


_FILE = msgspec.json.Decoder(_File)


@dataclass(frozen=True)
class Profile:
    """A registered terminal. ``venue`` is the station of a metro gate. ``repr`` does not show the key."""

    terminal_id: str
    operator: str
    venue: str
    purpose: Purpose
    gateway_url: str
    key: PrivateKey
    """Signs this terminal's requests."""
    list_key: PublicKey
    """The only key whose lists are believed."""


def load_profile(path: Path) -> Profile:
    """Read a profile. Raises ``ProfileError`` when it is missing, open to others, or not a profile."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ProfileError(f"{path} is not a file; --profile names the file that register-terminal wrote")
        if status.st_mode & 0o077:
            mode = f"{status.st_mode & 0o777:04o}"
            raise ProfileError(f"{path} holds a private key but others may read it (mode {mode}): chmod 600 {path}")
        octets = path.read_bytes()
    except FileNotFoundError:
        raise ProfileError(
            f"no terminal profile at {path}; make one with yikatong acceptance register-terminal"
        ) from None
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return read_profile(octets)
    except ProfileError as error:
        raise ProfileError(f"{path} is not a terminal profile: {error}") from error


def read_profile(octets: bytes) -> Profile:
    """A profile from its JSON. Raises ``ProfileError``, whose text names the field but never shows a key."""
    try:
        file = _FILE.decode(octets)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProfileError(str(error)) from error
    try:
        key = PrivateKey.from_scalar(bytes.fromhex(file.private_key_hex))
    except (ValueError, KeyInvalid):
        raise ProfileError("private_key_hex is not an SM2 private key") from None
    try:
        list_key = PublicKey.from_point(bytes.fromhex(file.list_signing_key_hex))
    except (ValueError, KeyInvalid):
        raise ProfileError("list_signing_key_hex is not an SM2 public key") from None
    url = file.gateway_url.rstrip("/")
    return Profile(file.terminal_id, file.operator, file.venue, file.purpose, url, key, list_key)
