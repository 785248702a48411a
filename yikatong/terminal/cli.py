"""``yikatong-terminal``: a gate, an identity desk, and their upkeep, from the command line."""

import sys
import threading
from pathlib import Path

import click

from yikatong.city.network import metro_network
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused, YikatongError
from yikatong.terminal.client import GatewayRefused, GatewayUnreachable
from yikatong.terminal.reader import code_from_image, code_from_text
from yikatong.terminal.sdk import Kind, Terminal

SYNC_EVERY_S = 10

profile_option = click.option(
    "--profile", type=click.Path(path_type=Path), required=True, help="The terminal's profile (JSON, mode 0600)."
)
state_option = click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for outbox and lists."
)


@click.group()
def main() -> None:
    """The terminal at a venue: decides offline, keeps taps, uploads them when it can."""


@main.command()
@profile_option
@state_option
@click.option("--station", required=True, help="The metro station, for example 国贸.")
@click.option("--direction", type=click.Choice(["entry", "exit"]), required=True)
@click.option("--code", "code_file", type=click.Path(path_type=Path), help="A text file with one code.")
@click.option("--image", type=click.Path(path_type=Path), help="A camera image with a QR code.")
@click.option("--watch-stdin", is_flag=True, help="Read codes from standard input, one a line, until it ends.")
@click.option("--offline", is_flag=True, help="Do not use the network; `sync` uploads later.")
def gate(
    profile: Path,
    state: Path,
    station: str,
    direction: Kind,
    code_file: Path | None,
    image: Path | None,
    watch_stdin: bool,
    offline: bool,
) -> None:
    """Let holders pass a metro gate. Exit code 0: let through; 1: refused; 2: could not even try."""
    if sum(map(bool, (code_file, image, watch_stdin))) != 1:
        raise click.UsageError("name exactly one of --code, --image, --watch-stdin")
    with _faults():
        metro_network().require(station)
        terminal = Terminal.open(profile, state)
        if watch_stdin:
            _watch(terminal, station, direction, offline=offline)
            return
        code = code_from_text(code_file) if code_file else code_from_image(image or Path())
        accepted = _present(terminal, code, station, direction)
        if not offline:
            _sync_quietly(terminal)
    sys.exit(0 if accepted else 1)


@main.command()
@profile_option
@state_option
@click.option("--code", "code_file", type=click.Path(path_type=Path))
@click.option("--image", type=click.Path(path_type=Path))
def verify(profile: Path, state: Path, code_file: Path | None, image: Path | None) -> None:
    """Check an electronic card's code offline, without a tap. Exit code 0: genuine; 1: refused."""
    if sum(map(bool, (code_file, image))) != 1:
        raise click.UsageError("name exactly one of --code, --image")
    with _faults():
        terminal = Terminal.open(profile, state)
        code = code_from_text(code_file) if code_file else code_from_image(image or Path())
        try:
            verified = terminal.verify(code, at=utc_now())
        except Refused as refused:
            click.echo(f"拒绝 {refused.reason}: {refused}")
            sys.exit(1)
        click.echo(f"有效 card token {verified.card_token.hex()}")


@main.command()
@profile_option
@state_option
@click.option("--card-number", required=True, help="The number printed on a card of any generation.")
def identify(profile: Path, state: Path, card_number: str) -> None:
    """Ask online whether a physical card's social function may be used. Exit code 0: yes; 1: refused."""
    with _faults():
        decision = Terminal.open(profile, state).ask(purpose="social", card_number=card_number)
        if decision.accepted:
            click.echo(f"有效 第{decision.card_generation}代卡 {decision.masked_name}")
        else:
            click.echo(f"拒绝 {decision.reason}")
    sys.exit(0 if decision.accepted else 1)


@main.command()
@profile_option
@state_option
def sync(profile: Path, state: Path) -> None:
    """Fetch the lists and upload what waits."""
    with _faults():
        terminal = Terminal.open(profile, state)
        uploaded = terminal.sync()
        deny = terminal.lists.deny
        click.echo(
            f"uploaded {uploaded.stored} new, {uploaded.repeated} known, {uploaded.refused} refused; "
            f"deny list version {deny.version if deny else '-'} with {len(deny.entries) if deny else 0} entries"
        )


@main.command()
@profile_option
@state_option
def outbox(profile: Path, state: Path) -> None:
    """Show what waits and what the gateway refused."""
    with _faults():
        terminal = Terminal.open(profile, state)
        counts = terminal.counts()
        click.echo(f"waiting {counts.waiting}, acknowledged {counts.acknowledged}, refused {counts.refused}")
        for tap, status, reason in terminal.outbox.refused():
            click.echo(f"  {tap.sequence}: {tap.kind} {tap.station} {status} {reason}")


def _present(terminal: Terminal, code: str, station: str, direction: Kind) -> bool:
    presented = terminal.present(code, kind=direction, station=station, at=utc_now())
    if presented.accepted:
        click.echo(f"放行 #{presented.sequence} {station} {direction}")
    else:
        click.echo(f"拒绝 #{presented.sequence} {presented.reason}: {presented.message}")
    return presented.accepted


def _watch(terminal: Terminal, station: str, direction: Kind, *, offline: bool) -> None:
    """Serve one code a line; a thread syncs beside it, so that a slow network never holds up the gate."""
    finished = threading.Event()

    def keep_syncing() -> None:
        beside = Terminal(terminal.profile, terminal.lists.folder)
        while True:
            _sync_quietly(beside)
            terminal.lists = beside.lists
            if finished.wait(SYNC_EVERY_S):
                return

    worker = threading.Thread(target=keep_syncing, daemon=True)
    if not offline:
        _sync_quietly(terminal)
        worker.start()
    try:
        for line in sys.stdin:
            if line.strip():
                _present(terminal, line, station, direction)
    except KeyboardInterrupt:
        click.echo("stopped")
    finally:
        finished.set()
        if not offline:
            worker.join()
            _sync_quietly(terminal)


def _sync_quietly(terminal: Terminal) -> None:
    try:
        terminal.sync()
    except (GatewayUnreachable, GatewayRefused) as error:
        click.echo(f"not uploaded yet: {error}", err=True)


class _faults:  # noqa: N801 - reads as a statement
    """Faults meant for people end the command with their sentence and exit code 2."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, YikatongError):
            click.echo(f"yikatong-terminal: {error}", err=True)
            sys.exit(2)


if __name__ == "__main__":
    main()
