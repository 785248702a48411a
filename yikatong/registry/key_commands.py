"""``yikatong keys``: the keys that seal personal data, the root keys of cards, and the PSAMs made from them.

Keys are never printed: people compare check values. The ceremony, step by step, is in docs/keys.md.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now
from yikatong.gm import ceremony as ceremonies
from yikatong.gm.ceremony import CeremonyRefused, Component, check_value
from yikatong.gm.fields import FIELD_KEY
from yikatong.gm.sm4 import KEY_LENGTH
from yikatong.smartcard.card_roots import ROOT_NAMES, root_title

_BY = Actor.system("command line")
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_COMPONENT_FILES = click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[COMPONENT FILE]...")
_NAMES = click.option(
    "--key", "names", multiple=True, type=click.Choice(ROOT_NAMES), default=ROOT_NAMES, help="A root; all by default."
)
_ENTER = click.option("--enter", type=click.IntRange(2, 9), help="Type so many components instead of reading files.")
_EXPECTED = click.option(
    "--check-value", "expected", multiple=True, metavar="NAME=XXXXXX", help="A check value known from the record."
)


@click.group()
def keys() -> None:
    """The keys: of personal data, and the roots of the cards."""


@keys.command()
@click.option("--number", type=int, required=True, help="Which component this is, from 1.")
@click.option("--of", type=int, required=True, help="How many components the key has.")
@click.option("--out", type=_NEW_FILE, required=True, help="The custodian's own file; made with mode 0600.")
@_NAMES
def component(number: int, of: int, out: Path, names: Sequence[str]) -> None:
    """Make one custodian's component of the root keys. Needs no database: it may run on a machine apart."""
    made = ceremonies.make_component(ceremonies.fresh_values(names), number=number, of=of, at=utc_now())
    ceremonies.write_component(out, made)
    click.echo(f"已写入 {out}：共 {of} 份分量中的第 {number} 份。只交给一位保管人；请抄下校验值：")
    _show(made.check_values)


@keys.command()
@_COMPONENT_FILES
@_ENTER
@_NAMES
@_EXPECTED
def ceremony(files: Sequence[Path], enter: int | None, names: Sequence[str], expected: Sequence[str]) -> None:
    """Make the city's root keys of cards from the components of two or more custodians (`yikatong keys component`).

    Every key's check value must be confirmed before anything is stored: typed when asked, or given with --check-value.
    """
    _hold_ceremony(_components(files, enter, names), expected, rotating=False)


@keys.command()
@_COMPONENT_FILES
@_ENTER
@_NAMES
@_EXPECTED
@click.option("--new-key", is_flag=True, help="Make a new key even if values of an older one are left.")
def rotate(
    files: Sequence[Path], enter: int | None, names: Sequence[str], expected: Sequence[str], new_key: bool
) -> None:
    """Replace the key of personal data; or with components, root keys of cards.

    Without components: make a new key for personal data and seal all of it anew, or finish a rotation that was interrupted.
    Everything stays readable all the time, and services need not stop.

    With components: as in `yikatong keys ceremony`, roots that are there get a new version; older versions stay.
    """
    if files or enter:
        if new_key:
            raise click.UsageError("--new-key 只用于个人信息密钥，不能与分量同用")
        _hold_ceremony(_components(files, enter, names), expected, rotating=True)
    else:
        _rotate_field_key(new_key=new_key)


@keys.command("list")
def list_command() -> None:
    """List the keys: name and version, what for, when made, check value."""
    from yikatong.registry.sealing import key_store

    store = key_store()
    click.echo(f"密钥库 {store.path}")
    for info in store.describe():
        if info.key_id is None:
            click.echo(f"  {info.name:20} SM2   {info.made_at:%Y-%m-%d}  公钥 {info.public}")
            continue
        current = "  当前" if info.key_id == store.current(info.name)[0] else ""
        title = root_title(info.name)
        # Only for roots: under a key that seals with GCM, the block that the check value shows is GCM's own secret.
        check = f"校验值 {check_value(store.get(info.name, info.key_id))}  {title}" if title else ""
        line = f"  {f'{info.name}/{info.key_id}':20} SM4   {info.made_at:%Y-%m-%d}  {check}{current}"
        click.echo(line.rstrip())


@keys.command()
@click.option("--terminal", required=True, help="The terminal's number, 12 digits.")
@click.option("--out", type=_NEW_FILE, required=True, help="The image; made with mode 0600, never overwritten.")
@click.option("--purchase", is_flag=True, help="For a till: with the root of purchases too.")
@click.option("--transit", is_flag=True, help="For a gate: with the root of purchases from transit purses too.")
@click.option("--key-version", type=click.IntRange(min=1), help="An older version of the roots, for older cards.")
@click.option("--region", default="110000", show_default=True, help="The region (GB/T 2260).")
def psam(terminal: str, out: Path, purchase: bool, transit: bool, key_version: int | None, region: str) -> None:
    """Write the security module (PSAM) of a terminal as an image file; the audit trail names terminal and serial number."""
    from yikatong.registry.card_keys import write_psam

    written = write_psam(
        out,
        terminal,
        region_code=region,
        with_purchase=purchase,
        with_transit=transit,
        version=key_version,
        by=_BY,
        at=utc_now(),
    )
    click.echo(f"已写入 {out}：终端 {terminal} 的 PSAM，序列号 {written.serial}，含根密钥：")
    _show(written.check_values)
    click.echo("文件内有根密钥原文，只放进这台终端，不要复制、不要用网络发送。")


@keys.command()
@click.option("--out", type=_NEW_FILE, required=True, help="The sealed key file; never overwritten.")
def seal(out: Path) -> None:
    """Copy the key file, which is in clear, into one sealed by the HSM that YIKATONG_HSM addresses.

    Stop the services first: what is rotated meanwhile is not in the copy.
    """
    from yikatong.registry.sealing import key_file, seal_key_file

    out = out.resolve()
    count = seal_key_file(out)
    click.echo(f"已写入 {out}：{count} 把密钥，由 HSM 加密。")
    click.echo(
        f"请把 YIKATONG_KEYS 设为 {out}，启动服务并核对 yikatong keys list，再销毁明文文件 {key_file()} 及其备份。"
    )


@keys.command()
def status() -> None:
    """List the keys there are, and how many values each has sealed."""
    from yikatong.registry.rotation import values_by_key
    from yikatong.registry.sealing import key_store

    store = key_store()
    values = values_by_key()
    click.echo(f"keys in {store.path}")
    current = store.current(FIELD_KEY)[0]
    for info in store.describe():
        number = f"/{info.key_id}" if info.key_id is not None else ""
        line = f"  {info.name + number:18} made {info.made_at:%Y-%m-%d %H:%M} UTC"
        if info.name == FIELD_KEY and info.key_id is not None:
            line += f"  {values.pop(info.key_id, 0):>12,} values{'  current' if info.key_id == current else ''}"
        click.echo(line)
    for key_id, count in sorted(values.items()):
        click.echo(f"  {FIELD_KEY}/{key_id} is MISSING, and {count:,} values are sealed with it")


def _rotate_field_key(*, new_key: bool) -> None:
    from yikatong.registry.rotation import rotate_field_key

    report = rotate_field_key(by=_BY, at=utc_now(), new_key=new_key, progress=True)
    click.echo(f"key field/{report.key_id} {'made' if report.made_new_key else 'was there: went on'}")
    click.echo(f"{report.resealed:,} values sealed anew")
    if report.unreadable_count:
        named = "\n  ".join(report.unreadable)
        raise click.ClickException(f"{report.unreadable_count:,} values cannot be opened with any key here:\n  {named}")


def _components(files: Sequence[Path], enter: int | None, names: Sequence[str]) -> list[Component]:
    if files and enter:
        raise click.UsageError("分量要么来自文件，要么用 --enter 输入，不能同时")
    if enter:
        return [_typed_component(number, enter, names) for number in range(1, enter + 1)]
    if not files:
        raise click.UsageError("请给出各保管人的分量文件，或用 --enter 2 输入；分量由 yikatong keys component 生成")
    read = [ceremonies.read_component(path) for path in files]
    for path, component in zip(files, read, strict=True):
        click.echo(
            f"第 {component.number} 份（共 {component.of} 份），{component.made_at:%Y-%m-%d %H:%M} UTC 生成：{path}"
        )
        _show(component.check_values)
    return read


def _typed_component(number: int, of: int, names: Sequence[str]) -> Component:
    values: dict[str, bytes] = {}
    for name in names:
        text = f"第 {number} 份 {name}（{KEY_LENGTH * 2} 位十六进制，输入不显示）"
        values[name] = click.prompt(text, hide_input=True, value_proc=_key_from)
        if not click.confirm(f"校验值 {check_value(values[name])}，与保管人的记录一致？"):
            raise CeremonyRefused(f"第 {number} 份 {name} 的校验值与记录不一致，没有存入任何密钥；请核对后重来")
    return ceremonies.make_component(values, number=number, of=of, at=utc_now())


def _key_from(text: str) -> bytes:
    digits = "".join(text.split())
    try:
        value = bytes.fromhex(digits)
    except ValueError:
        value = b""
    if len(value) != KEY_LENGTH:
        raise click.UsageError(f"应是 {KEY_LENGTH * 2} 位十六进制数，请重新输入")
    return value


def _hold_ceremony(components: Sequence[Component], expected: Sequence[str], *, rotating: bool) -> None:
    from yikatong.registry.card_keys import check_roots, store_roots

    roots = ceremonies.combine(components)
    check_roots(roots, rotating=rotating)
    checks = {name: check_value(value) for name, value in roots.items()}
    click.echo("合成的根密钥：")
    _show(checks)
    _confirm(checks, expected)
    versions = store_roots(roots, components=len(components), rotating=rotating, by=_BY, at=utc_now())
    click.echo("已存入 " + "、".join(f"{name}/{version}" for name, version in versions.items()))


def _confirm(checks: dict[str, str], expected: Sequence[str]) -> None:
    """Every check value agreed to, by the record or by people. Raises ``CeremonyRefused``; nothing is stored then."""
    known = dict(_expectation(text, checks) for text in expected)
    for name, check in checks.items():
        typed = known.get(name) or click.prompt(f"各保管人核对并抄录后，请输入 {name} 的校验值")
        if "".join(typed.split()).upper() != check:
            raise CeremonyRefused(f"{name} 的校验值是 {check}，不是 {typed}；没有存入任何密钥")


def _expectation(text: str, checks: dict[str, str]) -> tuple[str, str]:
    name, _, check = text.partition("=")
    if name not in checks:
        raise CeremonyRefused(f"--check-value 中的 {name} 不在这次的密钥里；写法如 card-root/0A=1A2B3C")
    return name, check


def _show(checks: Mapping[str, str]) -> None:
    for name, check in checks.items():
        click.echo(f"  {name:14} 校验值 {check}  {root_title(name)}")
