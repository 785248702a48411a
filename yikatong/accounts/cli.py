"""Commands for accounts: the first two administrators, without whom nobody can approve anything; everybody signed out."""

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


@accounts.command("sign-everybody-out")
@click.confirmation_option(prompt="Sign out all residents and staff?")
def sign_everybody_out() -> None:
    """End all sessions of residents and staff. For the day on which sessions may have leaked."""
    from yikatong.accounts.own_sessions import end_everybodys

    click.echo(f"{end_everybodys(by=Actor.system('command line'), at=utc_now())} sessions ended")
