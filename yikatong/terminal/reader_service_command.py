"""``yikatong-terminal reader-service``: the established functions on a local WebSocket, until it is told to stop."""

from pathlib import Path

import click

from yikatong.foundation.clock import utc_now
from yikatong.terminal.client import Client
from yikatong.terminal.profile import load_profile
from yikatong.terminal.reader_api.api import ReaderApi
from yikatong.terminal.reader_api.console_keypad import ConsoleKeypad
from yikatong.terminal.reader_api.devices import PcscReaders
from yikatong.terminal.reader_api.http_hsm import HttpHsm
from yikatong.terminal.reader_api.kept_payments import KeptPayments
from yikatong.terminal.reader_api.service import HOST, PORT, ReaderService
from yikatong.terminal.until_told import run_until_told


@click.command("reader-service")
@click.option(
    "--origin", "origins", multiple=True, help="The address of pages that may ask; may be given several times."
)
@click.option("--port", default=PORT, show_default=True)
@click.option("--reader", default="", help="Part of the reader's name; by default the first reader.")
@click.option("--sam-reader", metavar="NAME", help="The reader that holds the security module (PSAM).")
@click.option("--device", default="", help="终端设备号, told at the end of each reading.")
@click.option(
    "--profile",
    "profile_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The profile of a registered desk: what its security module cannot read, the city's HSM service opens.",
)
@click.option(
    "--payments",
    "payments_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file in which payments from medical accounts are kept; without it they are forgotten at the end.",
)
@click.option(
    "--keypad",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The terminal at which holders type their PIN: /dev/tty is this one, /dev/ttyUSB0 one on a serial line.",
)
def reader_service(
    origins: tuple[str, ...],
    port: int,
    reader: str,
    sam_reader: str | None,
    device: str,
    profile_path: Path | None,
    payments_path: Path | None,
    keypad: Path | None,
) -> None:
    """Let pages and programs on this machine call iReadCardBas and its family by WebSocket."""
    readers, payments = PcscReaders(reader, sam=sam_reader), KeptPayments(payments_path)
    pad = None if keypad is None else ConsoleKeypad(keypad)
    hsm = None if profile_path is None else HttpHsm(Client(load_profile(profile_path), utc_now))

    async def serve() -> None:
        await ReaderService(lambda: ReaderApi(readers, device=device, keypad=pad, hsm=hsm, payments=payments)).run(
            origins=[origin.rstrip("/") for origin in origins],
            port=port,
            ready=lambda bound: click.echo(f"就绪 READY ws://{HOST}:{bound}"),
        )

    run_until_told(serve)
