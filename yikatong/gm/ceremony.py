"""Making a root key out of components that separate custodians hold: none of them, nor all but one, knows the key.

Each custodian makes a component in a file of their own; the components of a key, XORed, are the key. Check values let people
compare keys that they never see: the first three bytes of SM4 over a block of zeros, of each component and of the whole.

It does not keep custodians apart: who holds which file, and that no one is alone with two, is organisation (docs/keys.md).
Source: the industry's usual key check value; three bytes of SM4, and that components are XORed: assumption.
"""

import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from yikatong.foundation.errors import YikatongError
from yikatong.gm.sm4 import BLOCK_LENGTH, KEY_LENGTH, encrypt_block

CHECK_LENGTH = 3
COMPONENTS_MIN, COMPONENTS_MAX = 2, 9


class CeremonyRefused(YikatongError):
    """Components that do not make keys. The text says which, never a value."""


class Component(msgspec.Struct, frozen=True):
    """One custodian's part of some keys: ``values`` by the key's name, in hex; ``number`` of ``of``."""

    format: Literal[1]
    number: Annotated[int, msgspec.Meta(ge=1, le=COMPONENTS_MAX)]
    of: Annotated[int, msgspec.Meta(ge=COMPONENTS_MIN, le=COMPONENTS_MAX)]
    made_at: datetime
    values: Annotated[
        dict[str, Annotated[str, msgspec.Meta(pattern=f"^[0-9A-F]{{{KEY_LENGTH * 2}}}$")]], msgspec.Meta(min_length=1)
    ]
    check_values: dict[str, str]

    def __repr__(self) -> str:
        """Without its values."""
        return f"Component({self.number} of {self.of}, {self.check_values})"


_COMPONENT = msgspec.json.Decoder(Component)


def check_value(key: bytes) -> str:
    """Six hex digits by which people compare a key of 16 bytes without seeing it."""
    return encrypt_block(key, bytes(BLOCK_LENGTH))[:CHECK_LENGTH].hex().upper()


def make_component(values: Mapping[str, bytes], *, number: int, of: int, at: datetime) -> Component:
    """The component ``number`` of ``of`` with these values. Raises ``CeremonyRefused``."""
    if not COMPONENTS_MIN <= of <= COMPONENTS_MAX or not 1 <= number <= of:
        raise CeremonyRefused(
            f"分量共 {COMPONENTS_MIN} 至 {COMPONENTS_MAX} 份，序号从 1 起：没有“{of} 份中的第 {number} 份”"
        )
    checks = {name: check_value(value) for name, value in values.items()}
    return Component(1, number, of, at, {name: value.hex().upper() for name, value in values.items()}, checks)


def fresh_values(names: Sequence[str]) -> dict[str, bytes]:
    """Random values for a component, by the key's name."""
    return {name: secrets.token_bytes(KEY_LENGTH) for name in names}


def write_component(path: Path, component: Component) -> None:
    """A file of mode 0600 that was not there before. Raises ``CeremonyRefused``."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise CeremonyRefused(f"{path} 已经存在，分量文件从不覆盖；请换一个文件名") from error
    except OSError as error:
        raise CeremonyRefused(f"不能写 {path}：{error.strerror}") from error
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(component), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_component(path: Path) -> Component:
    """A component, its check values proved. Raises ``CeremonyRefused``, also for a file that others may read."""
    try:
        mode = path.stat().st_mode & 0o777
        content = path.read_bytes()
    except OSError as error:
        raise CeremonyRefused(f"不能读 {path}：{error.strerror}") from error
    if mode & 0o077:
        raise CeremonyRefused(f"{path} 其他用户也能读（权限 {mode:04o}），这份分量可能已泄露；请作废全部分量，重新生成")
    try:
        component = _COMPONENT.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CeremonyRefused(f"{path} 不是分量文件，或者已损坏") from error
    checks = {name: check_value(bytes.fromhex(value)) for name, value in component.values.items()}
    if checks != component.check_values:
        wrong = sorted(
            name
            for name in checks.keys() | component.check_values
            if checks.get(name) != component.check_values.get(name)
        )
        raise CeremonyRefused(f"{path} 中 {'、'.join(wrong)} 的校验值不对：文件已损坏，请用保管人的备份")
    return component


def combine(components: Sequence[Component]) -> dict[str, bytes]:
    """The keys, by name, that all components of one ceremony make together. Raises ``CeremonyRefused``."""
    if not components:
        raise CeremonyRefused("没有分量")
    of = components[0].of
    numbers = sorted(component.number for component in components)
    if any(component.of != of for component in components):
        raise CeremonyRefused("这些分量不是同一次仪式的：总份数不同")
    missing = sorted(set(range(1, of + 1)) - set(numbers))
    if missing:
        raise CeremonyRefused(f"还缺第 {'、'.join(map(str, missing))} 份分量（共 {of} 份）")
    if len(numbers) != of:
        raise CeremonyRefused(f"有的分量给了两次：共 {of} 份，每份一次")
    names = components[0].values.keys()
    if any(component.values.keys() != names for component in components):
        raise CeremonyRefused("这些分量不是同一次仪式的：所含密钥不同")
    return {
        name: _combined(name, [bytes.fromhex(component.values[name]) for component in components]) for name in names
    }


def _combined(name: str, values: Sequence[bytes]) -> bytes:
    if len(set(values)) != len(values):
        raise CeremonyRefused(f"{name} 有两份分量相同，会互相抵消；请重新生成")
    key = bytes(KEY_LENGTH)
    for value in values:
        key = bytes(left ^ right for left, right in zip(key, value, strict=True))
    if not any(key):
        raise CeremonyRefused(f"{name} 的各分量互相抵消，得不出密钥；请重新生成")
    return key
