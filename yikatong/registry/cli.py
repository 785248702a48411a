"""Commands for the register and its keys."""

from pathlib import Path

import click

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import beijing_day, utc_now

_BY = Actor.system("command line")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def registry() -> None:
    """The register of insured persons."""


@click.group()
def keys() -> None:
    """The keys that seal personal data."""


@registry.command("import")
@click.argument("file", type=_FILE)
def import_command(file: Path) -> None:
    """Import persons from CSV or Parquet; bad rows go to FILE.rejected.csv with reasons."""
    from yikatong.registry.importer import import_persons

    report = import_persons(file, by=_BY, at=utc_now(), progress=True)
    click.echo(
        f"{report.rows} rows: {report.added} added, {report.changed} changed, {report.unchanged} unchanged, "
        f"{report.rejected} rejected{f' (see {report.rejected_path})' if report.rejected else ''}"
    )


@registry.command()
@click.argument("file", type=_FILE)
def import_organisations(file: Path) -> None:
    """Import employers and schools from CSV."""
    from yikatong.registry.organisations import import_organisations as import_units

    report = import_units(file, by=_BY, at=utc_now(), progress=True)
    click.echo(f"{report.rows} rows: {report.added} added, {report.changed} changed, {report.rejected} rejected")


@registry.command()
@click.option("--persons", type=click.IntRange(min=1), required=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="A .csv or .parquet file.")
def synth(persons: int, seed: int, out: Path) -> None:
    """Make up a population that can be nobody's, in the shape of the 2020 census."""
    from yikatong.registry.synth.writing import write_synthetic_register

    write_synthetic_register(out, persons=persons, seed=seed, on=beijing_day(utc_now()), progress=True)
    click.echo(f"wrote {out}")
