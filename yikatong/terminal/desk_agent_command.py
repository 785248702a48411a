"""``yikatong-terminal agent``: run the desk's program until it is told to stop."""

import asyncio
import signal
from pathlib import Path

import click

from yikatong.terminal.desk_agent import HOST, PORT, DeskAgent, Pairing, PcscDesk, code_file

DEMO_ORIGIN = "http://localhost:8600"


@click.command()
@click.option(
    "--origin", "origins", multiple=True, default=(DEMO_ORIGIN,), show_default=True, help="The workbench's address."
)
@click.option("--port", default=PORT, show_default=True)
@click.option(
    "--pairing-code-file", "code_path", type=click.Path(path_type=Path, dir_okay=False), help="Also write it there."
)
def agent(origins: tuple[str, ...], port: int, code_path: Path | None) -> None:
    """Let the workbench in this machine's browser use the card reader here."""

    def show(code: str) -> None:
        click.echo(f"配对码 {code}：请在工作台的“当场制卡”网页上输入")
        if code_path is not None:
            code_file(code_path)(code)

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio.run makes a task"
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            await DeskAgent(PcscDesk(), Pairing(show)).run(
                origins=[origin.rstrip("/") for origin in origins],
                port=port,
                ready=lambda bound: click.echo(f"就绪 READY ws://{HOST}:{bound}"),
            )
        except asyncio.CancelledError:
            click.echo("已停止")

    asyncio.run(run())
