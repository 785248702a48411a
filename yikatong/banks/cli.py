"""Commands for the fair order of banks: publish the seed's digest, then the seed, and check."""

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

import click

from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def fairness() -> None:
    """The order in which applicants see the banks: seeds and their proof."""


@fairness.command()
@click.option("--days", default=7, show_default=True, type=click.IntRange(0, 366), help="How many days ahead.")
def commit(days: int) -> None:
    """Make the seeds of today and the coming days, and print what is to be published now."""
    from yikatong.banks.services import commit_seed

    now = utc_now()
    today = beijing_day(now)
    for ahead in range(days + 1):
        day = today + timedelta(days=ahead)
        click.echo(f"{day} {commit_seed(day, at=now)}")


@fairness.command()
@click.argument("day", type=_DAY)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the day's public record.")
def reveal(day: datetime, out: Path | None) -> None:
    """Publish the seed of a day that is over, with every order drawn from it under pseudonyms."""
    from yikatong.banks.selectors import publication_of
    from yikatong.banks.services import reveal_seed

    try:
        seed = reveal_seed(day.date(), at=utc_now())
    except Refused as refused:
        _fail(str(refused))
    click.echo(f"{day.date()} {seed.hex()}")
    if out is not None:
        publication = publication_of(day.date())
        out.write_text(json.dumps(publication, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        click.echo(f"wrote {len(publication['draws'])} orders to {out}")


@fairness.command()
@click.argument("day", type=_DAY, required=False)
@click.option("--file", "record", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A public record.")
def verify(day: datetime | None, record: Path | None) -> None:
    """Recompute every stored order of DAY, or every order in a public record; fails when one does not hold."""
    if (day is None) == (record is None):
        raise click.UsageError("give either DAY or --file")
    if record is not None:
        _verify_record(record)
    elif day is not None:
        _verify_stored(day)


def _verify_record(record: Path) -> None:
    from yikatong.banks.rules import faults_in_publication

    try:
        publication = json.loads(record.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        _fail(f"{record}: {error}")
    faults = faults_in_publication(publication)
    if faults:
        _fail("\n".join(faults))
    click.echo(f"{len(publication['draws'])} orders of {publication['day']} hold")


def _verify_stored(day: datetime) -> None:
    from yikatong.banks.selectors import verify_day

    try:
        found = verify_day(day.date())
    except Refused as refused:
        _fail(str(refused))
    if not found.was_in_advance:
        click.echo(f"note: the seed of {found.day} was made on the day itself, not before it")
    if not found.holds:
        _fail(
            f"{found.day}: seed fits its commitment: {found.seed_fits_commitment}; "
            f"{len(found.wrong_order)} wrong orders, {len(found.wrong_banks)} with other banks than took part, "
            f"{len(found.wrong_units)} wrong of units"
        )
    click.echo(f"{found.draws} orders of {found.day} hold")


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(1)
