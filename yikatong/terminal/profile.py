"""Who a terminal is: its number, its place, its key, and the list key it trusts. One JSON file of mode 0600."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from yikatong.foundation.errors import YikatongError
from yikatong.gm.sm2 import KeyInvalid, PrivateKey, PublicKey


class ProfileError(YikatongError):
    """The profile cannot be used; the text says why and what to do."""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    terminal_id: str
    operator: str
    venue: str
    purpose: str
    gateway_url: str
    private_key_hex: str
    list_signing_key_hex: str
    certificate_hex: str


@dataclass(frozen=True)
class Profile:
    """A registered terminal. ``repr`` does not show the key."""

    terminal_id: str
    operator: str
    venue: str
    purpose: str
    gateway_url: str
    _private_key_hex: str
    _list_signing_key_hex: str

    def __repr__(self) -> str:
        return f"Profile({self.terminal_id} at {self.venue})"

    @cached_property
    def key(self) -> PrivateKey:
        """What signs this terminal's requests."""
        return PrivateKey.from_scalar(bytes.fromhex(self._private_key_hex))

    @cached_property
    def list_key(self) -> PublicKey:
        """The only key whose lists are believed."""
        return PublicKey.from_point(bytes.fromhex(self._list_signing_key_hex))


def load_profile(path: Path) -> Profile:
    """Read a profile written by ``yikatong acceptance register-terminal``. Raises ``ProfileError``."""
    try:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise ProfileError(f"{path} holds a private key but others may read it (mode {mode:04o}): chmod 600 {path}")
        file = msgspec.json.decode(path.read_bytes(), type=_File)
        profile = Profile(
            file.terminal_id,
            file.operator,
            file.venue,
            file.purpose,
            file.gateway_url.rstrip("/"),
            file.private_key_hex,
            file.list_signing_key_hex,
        )
        _ = profile.key, profile.list_key
    except FileNotFoundError:
        raise ProfileError(
            f"no terminal profile at {path}; make one with yikatong acceptance register-terminal"
        ) from None
    except (msgspec.MsgspecError, ValueError, KeyInvalid) as error:
        raise ProfileError(f"{path} is not a terminal profile: {error}") from error
    return profile
