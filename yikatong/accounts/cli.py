"""Commands for accounts: the first two administrators, without whom nobody can approve anything."""

import click

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now


@click.group()
def accounts() -> None:
    """Accounts of staff."""


@accounts.command("add-administrator")
@click.argument("username")
def add_administrator(username: str) -> None:
    """Make one of the first two administrators; prints the first password. Further accounts are made in the workbench by two."""
    from yikatong.accounts.staff_accounts import add_first_administrator

    password = add_first_administrator(username, by=Actor.system("command line"), at=utc_now())
    click.echo(f"{username} / {password}   (登录后必须修改)")
