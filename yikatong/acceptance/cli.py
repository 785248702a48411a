"""Commands for operators, venues and terminals."""

import json
from pathlib import Path

import click

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now


@click.group()
def acceptance() -> None:
    """Terminals and what they must refuse."""


@acceptance.command()
@click.option("--station", required=True, help="The metro station, for example 国贸.")
@click.option("--terminal-id", required=True, help="Twelve digits, never used before.")
@click.option("--gateway-url", default="http://127.0.0.1:8601", show_default=True)
@click.option("--purpose", type=click.Choice(["gate", "identity", "till"]), default="gate", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where the profile goes.")
def register_terminal(station: str, terminal_id: str, gateway_url: str, purpose: str, out: Path) -> None:
    """Certify a terminal at a metro station and write its profile, which holds its private key."""
    from yikatong.acceptance import services
    from yikatong.acceptance.setup import ensure_operators, metro_venue_id
    from yikatong.city.network import metro_network

    metro_network().require(station)
    ensure_operators()
    services.register_terminal(
        terminal_id,
        venue_id=metro_venue_id(station),
        purpose=purpose,
        gateway_url=gateway_url,
        out=out,
        by=Actor.system("command line"),
        at=utc_now(),
    )
    click.echo(f"terminal {terminal_id} at {station}: profile in {out}")


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
