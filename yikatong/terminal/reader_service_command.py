"""``yikatong-terminal reader-service``: the established functions on a local WebSocket, until it is told to stop."""

from pathlib import Path

import click

from yikatong.terminal.reader_api.api import ReaderApi
from yikatong.terminal.reader_api.devices import PcscReaders
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
    "--payments",
    "payments_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file in which payments from medical accounts are kept; without it they are forgotten at the end.",
)
def reader_service(
    origins: tuple[str, ...], port: int, reader: str, sam_reader: str | None, device: str, payments_path: Path | None
) -> None:
    """Let pages and programs on this machine call iReadCardBas and its family by WebSocket."""
    readers, payments = PcscReaders(reader, sam=sam_reader), KeptPayments(payments_path)

    async def serve() -> None:
        await ReaderService(lambda: ReaderApi(readers, device=device, payments=payments)).run(
            origins=[origin.rstrip("/") for origin in origins],
            port=port,
            ready=lambda bound: click.echo(f"就绪 READY ws://{HOST}:{bound}"),
        )

    run_until_told(serve)
