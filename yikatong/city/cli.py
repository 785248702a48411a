"""Commands for the city's reference data."""

import sys
from pathlib import Path
from typing import NoReturn

import click

from yikatong.city.content import read_city
from yikatong.city.folder import CITY_DATA, BadCityData
from yikatong.foundation.clock import utc_now

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def city() -> None:
    """Reference data of the city: divisions, places, metro, banks, rules."""


@city.command()
@click.option("--data", default=CITY_DATA, type=_FOLDER, help="Data folder; Beijing's by default.")
def load(data: Path) -> None:
    """Check a data folder completely, then load it in one transaction. Loading again changes nothing."""
    from yikatong.city.loader import load_city

    try:
        report = load_city(data, at=utc_now(), announce=lambda part: click.echo(f"writing {part} …"))
    except BadCityData as error:
        _fail(error)
    if report.changed_nothing:
        click.echo(f"{len(report.files)} files, all unchanged; nothing to do")
        return
    for file in report.files:
        click.echo(f"{file.status:9} {file.name} ({file.rows} rows)")
    for part, rows in report.written:
        click.echo(f"wrote {rows} rows of {part}")


@city.command()
@click.option("--data", default=CITY_DATA, type=_FOLDER, help="Data folder; Beijing's by default.")
def check(data: Path) -> None:
    """Check a data folder and name every fault; needs no database."""
    try:
        content = read_city(data)
    except BadCityData as error:
        _fail(error)
    unclear = [file.name for file in content.folder.files if file.has_unclear_licence]
    click.echo(f"{content.folder.head.name_zh}: {len(content.folder.files)} files, no fault")
    if unclear:
        click.echo(f"licence unclear, decide before passing on: {', '.join(unclear)}")


def _fail(error: BadCityData) -> NoReturn:
    click.echo(str(error), err=True)
    sys.exit(1)
