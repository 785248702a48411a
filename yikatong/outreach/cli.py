"""Commands of outreach: who calls on people where."""

import click

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now


@click.group()
def outreach() -> None:
    """Help at home: helpers and their areas."""


@outreach.command()
@click.argument("username")
@click.argument("area_code")
def assign(username: str, area_code: str) -> None:
    """Bind a helper's account to a street (9 digits) or community (12)."""
    from yikatong.outreach.planning import assign_helper

    helper = assign_helper(username, area_code, by=Actor.system("command"), at=utc_now())
    click.echo(f"{helper.username} calls on people of {helper.area_code}")
