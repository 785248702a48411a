"""Commands of supervision: compute the figures of fair participation now instead of within the hour."""

from datetime import datetime

import click

from yikatong.foundation.clock import beijing_day, utc_now


@click.group()
def supervision() -> None:
    """Whether the banks take part on an equal footing: figures by day."""


@supervision.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="One day; by default all days that are due.")
def figures(day: datetime | None) -> None:
    """Compute and store the figures of a day, or of all days that are due."""
    from yikatong.supervision.daily import compute_day, compute_due, totals_of

    at = utc_now()
    if day is not None and day.date() > beijing_day(at):
        raise click.BadParameter(f"{day.date()} is still to come", param_hint="--day")
    done = compute_due(at=at) if day is None else [compute_day(day.date(), at=at).day]
    for each in done:
        totals = totals_of(each)
        told = ", ".join(f"{totals[name]} {name}" for name in ("shown", "chosen", "made", "completed"))
        click.echo(f"{each} {told} ({totals['rows']} rows)")
    click.echo(f"{len(done)} days computed")
