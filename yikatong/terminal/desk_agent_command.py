"""``yikatong-terminal agent``: run the desk's program until it is told to stop."""

from pathlib import Path

import click

from yikatong.terminal.desk_agent import HOST, PORT, DeskAgent, Pairing, PcscDesk, code_file
from yikatong.terminal.until_told import run_until_told

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

    async def serve() -> None:
        await DeskAgent(PcscDesk(), Pairing(show)).run(
            origins=[origin.rstrip("/") for origin in origins],
            port=port,
            ready=lambda bound: click.echo(f"就绪 READY ws://{HOST}:{bound}"),
        )

    run_until_told(serve)
