"""Commands for credentials in wallets."""

import click

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now


@click.group()
def credentials() -> None:
    """The electronic card in wallets."""


@credentials.command()
def rotate_key() -> None:
    """Make a new key that signs credentials and status lists from now on; older ones stay published and verify."""
    from yikatong.credentials.keys import rotate

    click.echo(f"credentials are signed by {rotate(by=Actor.system('command line'), at=utc_now())} from now on")


@credentials.command()
def show_keys() -> None:
    """Show the public keys, the one that signs first."""
    from yikatong.credentials.keys import public_keys

    for key in public_keys():
        click.echo(f"{key['kid']}  {key['alg']}")
