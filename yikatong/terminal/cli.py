"""``yikatong-terminal``: a gate, an identity desk, and their upkeep, from the command line.

Exit codes: 0 accepted or done; 1 refused; 2 could not even try (the sentence on standard error says what to do).
"""

import faulthandler
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import click

from yikatong.city.network import metro_network
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import YikatongError
from yikatong.terminal import card_commands
from yikatong.terminal.card_gate import CardGateReaders, serve_cards
from yikatong.terminal.decide import Decision
from yikatong.terminal.desk_agent_command import agent
from yikatong.terminal.outbox import Counts
from yikatong.terminal.profile import Profile
from yikatong.terminal.reader import code_from_image, code_from_stream, code_from_text, lines, typed_card_number
from yikatong.terminal.reader_service_command import reader_service
from yikatong.terminal.sdk import Terminal
from yikatong.terminal.texts import text_for
from yikatong.terminal.uploader import BackgroundSync, Uploaded
from yikatong.wire.codes import PREFIX

CLOCK_AHEAD_MAX_S = 5
Direction = Literal["entry", "exit"]


class StationWrong(YikatongError):
    """The gate is not where it was told to be."""


class PurposeWrong(YikatongError):
    """The terminal was registered for something else."""


def _terminal_options(command: Callable[..., Any]) -> Callable[..., Any]:
    folder = click.Path(path_type=Path)
    state = click.option("--state", type=folder, required=True, help="Folder of the terminal's memory.")
    profile = click.option("--profile", type=folder, required=True, help="The terminal's profile (JSON, mode 0600).")
    return profile(state(command))


def _code_options(command: Callable[..., Any]) -> Callable[..., Any]:
    code = click.option("--code", metavar="FILE", help="A text file with a code, or the code itself, or - for stdin.")
    image = click.option(
        "--image", type=click.Path(path_type=Path), help="A camera image (PNG or JPEG) with a QR code."
    )
    return code(image(command))


class _TellingGroup(click.Group):
    """Tells faults meant for people in their sentence, whichever command met them."""

    def invoke(self, ctx: click.Context) -> Any:
        with _faults():
            return super().invoke(ctx)


@click.group(cls=_TellingGroup)
def main() -> None:
    """The terminal at a venue: decides offline, keeps taps, uploads them when it can."""
    faulthandler.enable(sys.__stderr__ or sys.stderr)  # a crash in compiled code says where; it shows no values


for _command in (
    agent,
    reader_service,
    card_commands.card,
    card_commands.readers,
    card_commands.run_virtual_reader,
    card_commands.emulate,
):
    main.add_command(_command)


@main.command()
@_terminal_options
@click.option("--station", help="The metro station, for example 国贸; by default where the gate was registered.")
@click.option("--direction", type=click.Choice(["entry", "exit"]), required=True)
@_code_options
@click.option("--watch-stdin", is_flag=True, help="Serve one code a line from standard input until it ends.")
@click.option("--once", is_flag=True, help="Stop after one code (the default but for --watch-stdin).")
@click.option("--offline", is_flag=True, help="Leave the network alone; `sync` uploads later.")
@click.option("--reader", metavar="NAME", help="Take chip cards in the PC/SC reader whose name contains this.")
@click.option("--sam", type=click.Path(path_type=Path), help="With --reader: the security module's image.")
@click.option("--sam-reader", metavar="NAME", help="With --reader: the reader that the security module is in.")
def gate(
    profile: Path,
    state: Path,
    station: str | None,
    direction: Direction,
    code: str | None,
    image: Path | None,
    watch_stdin: bool,
    once: bool,
    offline: bool,
    reader: str | None,
    sam: Path | None,
    sam_reader: str | None,
) -> None:
    """Let holders pass a metro gate. Without --code, --image, --reader or --watch-stdin, one code or image comes from stdin."""
    _at_most_one(code=code, image=image, watch_stdin=watch_stdin, reader=reader)
    with _faults(), Terminal.open(profile, state) as terminal:
        where = _station_of(terminal.profile, station)
        if reader is not None:
            readers = CardGateReaders(reader, sam, sam_reader)
            sys.exit(_serve_cards(terminal, where, direction, readers, once=once, offline=offline))
        if watch_stdin and not once:
            _watch(terminal, where, direction, offline=offline)
            return
        text = _read_code(code, image)
        if not offline:
            _quietly(terminal.refresh_lists)
        decision = _pass(terminal, text, where, direction)
        if not offline:
            _quietly(lambda: _warn_of_clock(terminal.sync(lists=False)))
    sys.exit(0 if decision.accepted else 1)


@main.command()
@_terminal_options
@_code_options
def verify(profile: Path, state: Path, code: str | None, image: Path | None) -> None:
    """Check an electronic card's code offline, without a tap."""
    _at_most_one(code=code, image=image)
    with _faults(), Terminal.open(profile, state) as terminal:
        decision = terminal.verify(_read_code(code, image), at=utc_now())
        _warn_of_lists(terminal, decision)
    click.echo(_sentence("有效 GENUINE" if decision.accepted else "拒绝 REFUSED", decision, accepted_text=False))
    sys.exit(0 if decision.accepted else 1)


@main.command()
@_terminal_options
@_code_options
@click.option("--offline", is_flag=True, help="Leave the network alone; `sync` uploads later.")
def present(profile: Path, state: Path, code: str | None, image: Path | None, offline: bool) -> None:
    """Take an electronic card's code at a desk (registration, lending): decide offline, keep that it was shown."""
    _at_most_one(code=code, image=image)
    with _faults(), Terminal.open(profile, state) as terminal:
        text = _read_code(code, image)
        if not offline:
            _quietly(terminal.refresh_lists)
        decision = terminal.present(text, utc_now(), kind="identify")
        _warn_of_lists(terminal, decision)
        verdict = "有效 GENUINE" if decision.accepted else "拒绝 REFUSED"
        number = f"#{decision.sequence} " if decision.sequence else ""
        click.echo(_sentence(f"{verdict}  {number}{terminal.profile.venue}", decision, accepted_text=False))
        if not offline:
            _quietly(lambda: _warn_of_clock(terminal.sync(lists=False)))
    sys.exit(0 if decision.accepted else 1)


@main.command()
@_terminal_options
@click.option("--card-number", help="The number printed on a card of any generation; by default read from stdin.")
def identify(profile: Path, state: Path, card_number: str | None) -> None:
    """Ask online whether a physical card's social function may be used."""
    with _faults(), Terminal.open(profile, state) as terminal:
        typed = card_number if card_number is not None else next(lines(sys.stdin.buffer), "")
        answer = terminal.ask(purpose="social", card_number=typed_card_number(typed))
    if answer.accepted:
        click.echo(f"有效 VALID  第{answer.card_generation}代卡  {answer.masked_name}")
    else:
        text = text_for(answer.reason)
        click.echo(f"拒绝 REFUSED  {answer.reason}  {text.zh}  {text.en}")
    sys.exit(0 if answer.accepted else 1)


@main.command()
@_terminal_options
def sync(profile: Path, state: Path) -> None:
    """Fetch the lists and upload what waits, now."""
    with _faults(), Terminal.open(profile, state) as terminal:
        uploaded = terminal.sync()
        _warn_of_clock(uploaded)
        deny = terminal.lists.current().deny
        click.echo(
            f"uploaded {uploaded.stored} new, {uploaded.repeated} known, {uploaded.refused} refused; "
            f"deny list version {deny.version if deny else '-'} with {len(deny.entries) if deny else 0} entries"
        )


@main.command()
@_terminal_options
@click.option("--retry", is_flag=True, help="Let refused taps wait again, after their cause was mended.")
def outbox(profile: Path, state: Path, retry: bool) -> None:
    """Show what waits and what the gateway refused."""
    with _faults(), Terminal.open(profile, state) as terminal:
        if retry:
            again = terminal.outbox.retry_refused(), terminal.purse_outbox.retry_refused()
            click.echo(f"{again[0]} refused taps and {again[1]} refused payments wait again")
        counts, payments = terminal.counts(), terminal.purse_outbox.counts()
        click.echo(f"waiting {counts.waiting}, acknowledged {counts.acknowledged}, refused {counts.refused}")
        for kept in terminal.outbox.kept():
            if kept.status != "acknowledged":
                tap = kept.tap
                told = f"{tap.decision} {tap.reason}".strip()
                click.echo(f"  #{tap.sequence} {kept.status} {kept.reason}  {tap.kind} {tap.station} {told}".rstrip())
        if payments != Counts(0, 0, 0):
            click.echo(
                f"purse payments: waiting {payments.waiting}, acknowledged {payments.acknowledged}, "
                f"refused {payments.refused}; {terminal.purse_outbox.sum_fen()} fen in all"
            )
        for one in terminal.purse_outbox.kept():
            if one.status != "acknowledged":
                paid = one.payment
                told = f"{paid.use} {paid.place} {paid.amount_fen} fen"
                click.echo(
                    f"  …{paid.purse_number[-4:]}/{paid.card_counter} {one.status} {one.reason}  {told}".rstrip()
                )


def _station_of(profile: Profile, station: str | None) -> str:
    """Where the gate stands. Raises ``StationUnknown``, ``StationWrong``, ``PurposeWrong``."""
    if profile.purpose != "gate":
        raise PurposeWrong(f"terminal {profile.terminal_id} was registered for {profile.purpose}, not as a gate")
    chosen = metro_network().require(station if station is not None else profile.venue)
    if chosen != profile.venue:
        raise StationWrong(
            f"终端 {profile.terminal_id} 登记在“{profile.venue}”，不能用作“{chosen}”的闸机；请在新站重新登记"
        )
    return chosen


def _read_code(code: str | None, image: Path | None) -> str:
    if image is not None:
        return code_from_image(image)
    if code is None or code == "-":
        return code_from_stream(sys.stdin.buffer)  # type: ignore[arg-type]
    return code if code.startswith(PREFIX) else code_from_text(Path(code))


def _pass(terminal: Terminal, text: str, station: str, direction: Direction) -> Decision:
    decision = terminal.present(text, utc_now(), kind=direction, station=station)
    _warn_of_lists(terminal, decision)
    verdict = "放行 PASS" if decision.accepted else "拒绝 REFUSED"
    number = f"#{decision.sequence} " if decision.sequence else ""
    click.echo(_sentence(f"{verdict}  {number}{station} {direction}", decision))
    return decision


def _sentence(verdict: str, decision: Decision, *, accepted_text: bool = True) -> str:
    if decision.accepted and not accepted_text:
        return verdict
    return "  ".join(part for part in (verdict, decision.reason, decision.text.zh, decision.text.en) if part)


def _watch(terminal: Terminal, station: str, direction: Direction, *, offline: bool) -> None:
    """Serve one code a line until the input ends, Ctrl-C or SIGTERM; uploads go on beside it."""
    background = BackgroundSync(lambda lists: _warn_of_clock(terminal.sync(lists=lists)), report=_report)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if not offline:
            if terminal.lists.current().deny is None:
                _quietly(terminal.refresh_lists)
            background.start()
        for line in lines(sys.stdin.buffer):
            _pass(terminal, line, station, direction)
            background.wake()
        if not offline:
            _quietly(lambda: terminal.sync(lists=False))
    except KeyboardInterrupt:
        click.echo("", err=True)
    finally:
        signal.signal(signal.SIGTERM, before)
        background.stop()
    click.echo(f"stopped; {terminal.counts().waiting} taps wait for upload", err=True)


def _serve_cards(
    terminal: Terminal, station: str, direction: Direction, readers: CardGateReaders, *, once: bool, offline: bool
) -> int:
    """Serve chip cards; uploads and lists go on beside it. Returns the exit code."""
    if offline:
        return serve_cards(terminal, station, direction, readers, once=once)
    _quietly(terminal.refresh_lists)
    background = BackgroundSync(lambda lists: _warn_of_clock(terminal.sync(lists=lists)), report=_report)
    if not once:
        background.start()
    try:
        code = serve_cards(terminal, station, direction, readers, once=once, paid=background.wake)
    finally:
        background.stop()
    _quietly(lambda: _warn_of_clock(terminal.sync(lists=False)))
    return code


def _quietly(step: Callable[[], object]) -> None:
    """The network's faults are told and do not keep the gate from working."""
    try:
        step()
    except YikatongError as error:
        _report(str(error))


def _report(fault: str) -> None:
    click.echo(f"not in step with the gateway yet: {fault}", err=True)


def _warn_of_clock(uploaded: Uploaded) -> None:
    if abs(uploaded.clock_ahead_s) > CLOCK_AHEAD_MAX_S:
        click.echo(f"this terminal's clock differs from the gateway's by {uploaded.clock_ahead_s} s; set it", err=True)


def _warn_of_lists(terminal: Terminal, decision: Decision) -> None:
    for name, fault in terminal.lists.faults.items():
        click.echo(f"the {name} kept on disk is not believed: {fault}", err=True)
    if decision.accepted and decision.notice:
        click.echo(f"accepted although {decision.notice}: bring this terminal online", err=True)


def _at_most_one(**ways: object) -> None:
    if sum(bool(way) for way in ways.values()) > 1:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in ways)
        raise click.UsageError(f"name at most one of {names}")


@contextmanager
def _faults() -> Iterator[None]:
    """Faults meant for people end the command with their sentence and exit code 2."""
    try:
        yield
    except YikatongError as error:
        click.echo(f"yikatong-terminal: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
