"""``yikatong-terminal card …``, ``virtual-reader`` and ``emulate``: cards as files, and cards in readers."""

import signal
import socket
import sys
from pathlib import Path

import click

from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import YikatongError
from yikatong.gm import x509
from yikatong.smartcard import vpcd
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.inspect import describe
from yikatong.smartcard.memory import FileMedium, MemoryDamaged
from yikatong.smartcard.sample import PIN, write_sample
from yikatong.smartcard.ssse_sam import open_sam
from yikatong.smartcard.third_generation import open_card
from yikatong.terminal import virtual_reader
from yikatong.terminal.card_check import CardVerifier
from yikatong.terminal.pcsc import PcscCard, find_reader, reader_names, wait_for_card

DEFAULT_FOLDER = Path("/tmp/yikatong-reader")  # noqa: S108  # sockets need a short path; the folder is made with mode 0700
_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


class CardFileWrong(YikatongError):
    """The file is no card image that can be used."""


@click.group()
def card() -> None:
    """Cards as files (images), for development and tests."""


@card.command("new")
@click.option("--sample", "folder", type=_FOLDER, required=True, help="The folder to make the sample in.")
def new_card(folder: Path) -> None:
    """Make a sample: a card, a security module that fits it, and the certificate of their authority."""
    try:
        files = write_sample(folder, utc_now())
    except FileExistsError as error:
        raise CardFileWrong(f"{error.args[0]} 已经存在；请换一个文件夹") from None
    except OSError as error:
        raise CardFileWrong(f"{folder} 不能写入：{error.strerror}") from error
    click.echo(f"卡      {files.card}（PIN {PIN}）\nPSAM    {files.sam}\n发卡机构证书 {files.authority}")


@card.command()
@click.argument("image", type=_FILE)
def show(image: Path) -> None:
    """Show what a card image holds: personal data masked, keys never."""
    if not image.exists():
        raise CardFileWrong(f"没有这个文件：{image}")
    try:
        lines = describe(FileMedium(image))
    except MemoryDamaged as error:
        raise CardFileWrong(f"{image}：{error}") from error
    for line in lines:
        click.echo(line)


@card.command("verify")
@click.option("--reader", default="", help="Part of the reader's name; by default the first reader.")
@click.option("--authority", "authorities", type=_FILE, multiple=True, required=True, help="A trusted authority (DER).")
def verify_card(reader: str, authorities: tuple[Path, ...]) -> None:
    """Let the card in a reader prove that it is genuine, offline."""
    try:
        verifier = CardVerifier([x509.parse(path.read_bytes()) for path in authorities])
    except OSError as error:
        raise CardFileWrong(f"证书不能读取：{error}") from error
    with PcscCard(find_reader(reader)) as inserted:
        genuine = verifier.verify(inserted, utc_now())
    click.echo(f"有效 GENUINE  {genuine.identification_code}  有效期至 {genuine.expires_at:%Y-%m-%d}")


@click.command("readers")
def readers() -> None:
    """List the card readers there are."""
    names = reader_names()
    for name in names:
        click.echo(f"{name}  {'有卡' if wait_for_card(name, timeout_s=0) else '空'}")
    if not names:
        click.echo("没有找到读卡器", err=True)
        sys.exit(1)


@click.command("virtual-reader")
@click.option("--folder", type=_FOLDER, default=DEFAULT_FOLDER, show_default=True, help="Where its sockets lie.")
def run_virtual_reader(folder: Path) -> None:
    """Run a card reader in software until Ctrl-C, for a machine without one."""
    signal.signal(signal.SIGTERM, _stop)
    settings = " ".join(f"{name}={value}" for name, value in virtual_reader.environment(folder).items())
    click.echo(f"虚拟读卡器：用它的程序要设 {settings}", err=True)
    try:
        virtual_reader.run(folder)
    except KeyboardInterrupt:
        click.echo("", err=True)


@click.command()
@click.option("--card", "image", type=_FILE, required=True, help="The card image (or PSAM image) to put in.")
@click.option(
    "--folder", type=_FOLDER, default=DEFAULT_FOLDER, show_default=True, help="Where the virtual reader runs."
)
@click.option("--slot", type=click.IntRange(0, virtual_reader.SLOTS - 1), default=0, show_default=True)
def emulate(image: Path, folder: Path, slot: int) -> None:
    """Put a card image into the virtual reader until Ctrl-C. What readers write is in the image at once."""
    emulated = open_image(image)
    signal.signal(signal.SIGTERM, _stop)
    connection = virtual_reader.connect(folder, slot)
    click.echo(f"{image} 已放入卡槽 {slot}；按 Ctrl-C 取出", err=True)
    try:
        vpcd.serve(emulated, connection)
    except KeyboardInterrupt:
        click.echo("", err=True)
    finally:
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()


def open_image(image: Path) -> EmulatedCard:
    """The card or security module in an image. Raises ``CardFileWrong``."""
    if not image.exists():
        raise CardFileWrong(f"没有这个文件：{image}；可用 yikatong-terminal card new --sample 文件夹 做一套样卡")
    medium = FileMedium(image)
    try:
        return open_card(medium)
    except MemoryDamaged as no_card:
        try:
            return open_sam(medium)
        except MemoryDamaged:
            raise CardFileWrong(f"{image}：{no_card}") from no_card


def _stop(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
