"""Commands for operators, venues and terminals."""

import json
from pathlib import Path

import click

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now

PURPOSES = ("gate", "identity", "till")


@click.group()
def acceptance() -> None:
    """Terminals and what they must refuse."""


@acceptance.command()
@click.option("--station", help="The metro station, for example 国贸.")
@click.option("--place", help="A hospital, library or park of the city's data instead: its name or place id.")
@click.option("--terminal-id", required=True, help="Twelve digits, never used before.")
@click.option("--gateway-url", default="http://127.0.0.1:8601", show_default=True)
@click.option(
    "--purpose", type=click.Choice(PURPOSES), help="By default gate at a station and identity at another place."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where the profile goes.")
def register_terminal(
    station: str | None, place: str | None, terminal_id: str, gateway_url: str, purpose: str | None, out: Path
) -> None:
    """Certify a terminal at a station or place and write its profile, which holds its private key."""
    from yikatong.acceptance import services
    from yikatong.acceptance.setup import ensure_institution, ensure_operators, metro_venue_id
    from yikatong.city.network import metro_network

    if (station is None) == (place is None):
        raise click.UsageError("name either --station or --place")
    if station is not None:
        venue_id = metro_venue_id(metro_network().require(station))
        ensure_operators()
    else:
        venue_id = ensure_institution(str(place)).venue_id
    terminal = services.register_terminal(
        terminal_id,
        venue_id=venue_id,
        purpose=purpose or ("gate" if station is not None else "identity"),
        gateway_url=gateway_url,
        out=out,
        by=Actor.system("command line"),
        at=utc_now(),
    )
    click.echo(f"terminal {terminal_id} ({terminal.purpose}) at {terminal.venue.name}: profile in {out}")


@acceptance.command()
@click.option("--operator", help="Only this operator's, for example BJMETRO.")
def venues(operator: str | None) -> None:
    """List the venues where terminals can be registered."""
    from yikatong.acceptance.models import Venue

    chosen = Venue.objects.filter(operator_id=operator) if operator else Venue.objects.all()
    for venue in chosen.order_by("operator_id", "venue_id"):
        click.echo(f"{venue.operator_id:20} {venue.venue_id}  {venue.name}")


@acceptance.command()
@click.argument("terminal_id")
def revoke_terminal(terminal_id: str) -> None:
    """Stop believing a terminal."""
    from yikatong.acceptance import services
    from yikatong.acceptance.models import Terminal

    if not Terminal.objects.filter(terminal_id=terminal_id).exists():
        raise click.ClickException(f"there is no terminal {terminal_id}; see yikatong acceptance terminals")
    services.revoke_terminal(terminal_id, by=Actor.system("command line"), at=utc_now())
    click.echo(f"terminal {terminal_id} is revoked")


@acceptance.command()
def terminals() -> None:
    """List the terminals."""
    from yikatong.acceptance.models import Terminal

    for terminal in Terminal.objects.select_related("venue").order_by("terminal_id"):
        state = "revoked" if terminal.revoked_at else "in use"
        click.echo(f"{terminal.terminal_id} {terminal.purpose:9} {state:8} {terminal.venue.name}")


@acceptance.command()
def deny_list() -> None:
    """Show what terminals refuse now."""
    import base64

    from yikatong.acceptance import services

    envelope = json.loads(services.deny_list(utc_now()))
    click.echo(json.dumps(json.loads(base64.urlsafe_b64decode(envelope["payload"])), ensure_ascii=False, indent=1))
