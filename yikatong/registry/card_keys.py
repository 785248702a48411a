"""Storing the city's root keys of cards, and writing PSAM images from them; every act in the audit trail, without a key.

A root comes from a ceremony (``gm.ceremony``) and is replaced by another one. An image is a file that stands in for a terminal's
security module (``smartcard.memory.FileMedium``): it holds roots in clear, as the module does inside.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.db import transaction

from yikatong.audit import services as audit
from yikatong.audit.actors import Actor
from yikatong.foundation.errors import YikatongError
from yikatong.gm.ceremony import CeremonyRefused, check_value
from yikatong.gm.keystore import KeyUnknown
from yikatong.registry.sealing import key_store
from yikatong.smartcard.card_roots import (
    READING_KEYS,
    card_roots,
    purse_root_name,
    purse_roots,
    root_name,
    root_title,
)
from yikatong.smartcard.memory import FileMedium, Memory
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.ssse_sam import SamContents, write_sam
from yikatong.smartcard.tunion_layout import PurseKey
from yikatong.smartcard.tunion_security import Algorithm

TERMINAL_DIGITS = 12
_PURSE_ROOT = purse_root_name(PurseKey.PURCHASE)
_KIND = 0x01  # Source: assumption


class PsamRefused(YikatongError):
    """No PSAM can be written as asked. The text says why."""


@dataclass(frozen=True, slots=True)
class WrittenPsam:
    """What became of a PSAM: its serial number in 20 digits, and its roots' check values by name."""

    serial: str
    check_values: Mapping[str, str]


def check_roots(roots: Mapping[str, bytes], *, rotating: bool) -> None:
    """Raise ``CeremonyRefused`` unless these are roots that are new, or with ``rotating`` are all there already."""
    strange = sorted(name for name in roots if not root_title(name))
    if strange:
        raise CeremonyRefused(f"{'、'.join(strange)} 不是卡根密钥的名称；名称如 card-root/0A，见 docs/keys.md")
    stored = {name: _stored(name) for name in sorted(roots)}
    there = [name for name, versions in stored.items() if versions]
    if there and not rotating:
        raise CeremonyRefused(f"{'、'.join(there)} 已经存在，不会被覆盖；要更换请用 yikatong keys rotate")
    missing = [name for name, versions in stored.items() if not versions]
    if missing and rotating:
        raise CeremonyRefused(f"{'、'.join(missing)} 还不存在，谈不上更换；请先用 yikatong keys ceremony")
    same = [name for name, versions in stored.items() if roots[name] in versions]
    if same:
        raise CeremonyRefused(f"{'、'.join(same)} 与已有的版本相同：给的是以前的分量，请用新生成的分量")


def _stored(name: str) -> list[bytes]:
    try:
        return [key_store().get(name, number) for number in key_store().key_ids(name)]
    except KeyUnknown:
        return []


def store_roots(
    roots: Mapping[str, bytes], *, components: int, rotating: bool, by: Actor, at: datetime
) -> dict[str, int]:
    """Store roots, all of them or none; the version of each. Raises as ``check_roots`` does, and ``KeyStoreError``."""
    check_roots(roots, rotating=rotating)
    action = "keys.root_rotated" if rotating else "keys.root_stored"
    with transaction.atomic():
        versions = key_store().put(roots, rotating=rotating)
        for name, version in versions.items():
            subject, check = f"key:{name}/{version}", check_value(roots[name])
            audit.record(action, subject=subject, by=by, at=at, check_value=check, components=components)
    return versions


def write_psam(
    path: Path,
    terminal: str,
    *,
    region_code: str,
    with_purchase: bool,
    with_transit: bool,
    version: int | None,
    by: Actor,
    at: datetime,
) -> WrittenPsam:
    """Write the image of a terminal's PSAM: the reading roots, for a till the purchase root, for a gate the purses'.

    ``terminal``: 12 digits. ``region_code``: 6 digits (GB/T 2260). ``version``: of the roots, the current ones by default.
    Raises ``PsamRefused``. The serial number is the region, the second in UTC and two random digits: assumption.
    """
    if len(terminal) != TERMINAL_DIGITS or not (terminal.isascii() and terminal.isdigit()):
        raise PsamRefused(f"终端号应是 {TERMINAL_DIGITS} 位数字，不是“{terminal}”")
    if len(region_code) != 6 or not (region_code.isascii() and region_code.isdigit()):
        raise PsamRefused(f"行政区划代码应是 6 位数字，不是“{region_code}”")
    if path.exists():
        raise PsamRefused(f"{path} 已经存在，PSAM 文件从不覆盖；请换一个文件名")
    numbers = (*READING_KEYS, Key.PURCHASE) if with_purchase else READING_KEYS
    masters = _roots(numbers, version, with_transit=with_transit)
    serial = f"{region_code[:4]}{at.astimezone(UTC):%Y%m%d%H%M%S}{secrets.randbelow(100):02d}"
    contents = SamContents(
        issuer=int(region_code[:2], 16),
        serial=bytes.fromhex(serial),
        kind=_KIND,
        terminal=bytes.fromhex(terminal),
        masters={number: masters[root_name(number)] for number in numbers},
        purse_masters={Algorithm.SM4: masters[_PURSE_ROOT]} if with_transit else {},
    )
    checks = {name: check_value(master) for name, master in masters.items()}
    try:
        with transaction.atomic():
            audit.record("psam.written", subject=f"terminal:{terminal}", by=by, at=at, serial=serial, keys=checks)
            write_sam(Memory(FileMedium(path)), contents)
    except BaseException as error:
        path.unlink(missing_ok=True)  # an image that the audit trail does not know must not exist
        if isinstance(error, OSError):
            raise PsamRefused(f"不能写 {path}：{error.strerror}") from error
        raise
    return WrittenPsam(serial, checks)


def _roots(numbers: tuple[int, ...], version: int | None, *, with_transit: bool) -> dict[str, bytes]:
    """The roots by name."""
    names = [*map(root_name, numbers), *([_PURSE_ROOT] if with_transit else [])]
    try:
        roots = {root_name(number): root for number, root in card_roots(key_store(), numbers, version).items()}
        if with_transit:
            roots[_PURSE_ROOT] = purse_roots(key_store(), [PurseKey.PURCHASE], version)[PurseKey.PURCHASE]
    except KeyUnknown as error:
        which = f"第 {version} 版" if version is not None else ""
        raise PsamRefused(
            f"密钥库里没有齐全的{which}根密钥（需要 {'、'.join(names)}）；请先做密钥仪式：yikatong keys ceremony"
        ) from error
    return roots
