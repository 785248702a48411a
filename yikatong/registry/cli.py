"""Commands for the register. They say how much was done, never about whom."""

from datetime import datetime
from pathlib import Path

import click

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import beijing_day, utc_now

_BY = Actor.system("command line")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def registry() -> None:
    """The register of insured persons."""


@registry.command("import")
@click.argument("file", type=_FILE)
@click.option("--again", is_flag=True, help="Work through a file that was imported to its end before.")
@click.option("--processes", type=click.IntRange(min=0), help="How many check and seal; by default one per core.")
def import_command(file: Path, again: bool, processes: int | None) -> None:
    """Import persons from CSV or Parquet (docs/import-format.md).

    Sound rows go in; the others go to FILE's .rejected.csv with their line and what is wrong. An interrupted import goes on
    where it stopped when the same command is given again.
    """
    from yikatong.registry.importer import import_persons

    report = import_persons(file, by=_BY, at=utc_now(), again=again, progress=True, processes=processes)
    if report.was_already_imported:
        click.echo(f"{file} was imported before; nothing changed. Use --again to work through it once more.")
    click.echo(
        f"{report.rows:,} rows: {report.added:,} added, {report.changed:,} changed, "
        f"{report.unchanged:,} unchanged, {report.rejected:,} rejected"
    )
    if report.rejected_path:
        click.echo(f"rejected rows with their reasons: {report.rejected_path}")
    if report.guardians_awaited:
        click.echo(
            f"{report.guardians_awaited:,} guardians named for minors are not in the register; "
            "they are tied to them when they come in"
        )


@registry.command()
@click.argument("file", type=_FILE)
def import_organisations(file: Path) -> None:
    """Import employers and schools from CSV or Parquet (docs/import-format.md), all or nothing."""
    from yikatong.registry.organisations import import_organisations as import_units

    report = import_units(file, by=_BY, at=utc_now(), progress=True)
    click.echo(
        f"{report.rows:,} rows: {report.added:,} added, {report.changed:,} changed, "
        f"{report.unchanged:,} unchanged, {report.rejected:,} rejected"
    )
    if report.rejected_path:
        click.echo(f"rejected rows with their reasons: {report.rejected_path}")


@registry.command("fill-search")
def fill_search() -> None:
    """Make everybody findable by name and by the end of the identity number.

    Only registers made before these could be searched need it; the import fills them in by itself. May be interrupted and
    given again, beside running services.
    """
    from yikatong.registry.searching import fill_in

    click.echo(f"{fill_in(progress=True):,} persons can now be found by name")


@registry.command()
@click.option("--persons", type=click.IntRange(min=1), required=True)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="A .csv or .parquet file.")
@click.option(
    "--on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day ages are counted for; today by default. Same day, same file.",
)
def synth(persons: int, seed: int, out: Path, on: datetime | None) -> None:
    """Make up a population that can be nobody's, in the shape of the 2020 census, and its employers and schools."""
    from yikatong.registry.synth.writing import write_synthetic_register

    day = on.date() if on else beijing_day(utc_now())
    report = write_synthetic_register(out, persons=persons, seed=seed, on=day, progress=True)
    click.echo(f"{report.persons:,} persons: {report.persons_path}")
    click.echo(f"{report.organisations:,} employers and schools, to be imported first: {report.organisations_path}")
