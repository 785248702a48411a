"""Commands for clearing and settling."""

import re
from datetime import datetime
from pathlib import Path

import click

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import beijing_day_bounds, utc_now
from yikatong.foundation.money import yuan_text

_NOT_IN_FILE_NAMES = re.compile(r"[^0-9A-Za-z._-]")
_BY = Actor.system("command line")


@click.group()
def clearing() -> None:
    """From charges on cards to what banks and operators owe."""


@clearing.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Clear to the end of this day; by default up to now.")
def run(day: datetime | None) -> None:
    """Clear every charge before the cut-off that no batch has yet."""
    from yikatong.clearing.services import clear

    at = utc_now()
    until = beijing_day_bounds(day.date())[1] if day else at
    batch = clear(until, by=_BY, at=at)
    if batch is None:
        click.echo("nothing to clear")
    else:
        click.echo(f"batch {batch.batch_id}: {batch.entries} charges, {yuan_text(batch.total_fen)} yuan")


@clearing.command()
@click.argument("batch_id")
def settle(batch_id: str) -> None:
    """Record that a batch's money has moved."""
    from yikatong.clearing import services

    batch = services.settle(batch_id, by=_BY, at=utc_now())
    click.echo(f"batch {batch.batch_id} settled at {batch.settled_at:%Y-%m-%d %H:%M:%S} UTC")


@clearing.command()
def batches() -> None:
    """List the batches, newest first."""
    from yikatong.clearing.models import ClearingBatch

    for batch in ClearingBatch.objects.order_by("-until")[:50]:
        state = "settled" if batch.settled_at else "cleared"
        click.echo(f"{batch.batch_id} {state} {batch.entries} charges {yuan_text(batch.total_fen)} yuan")


@clearing.command("purse-payments")
@click.option(
    "--state", type=click.Choice(["kept", "proved", "refused", "elsewhere"]), default="refused", show_default=True
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A CSV file for all of them.")
def purse_payments(state: str, out: Path | None) -> None:
    """Show purse payments, newest first, with why they were refused; the purse's number is masked on screen, not in the file."""
    from yikatong.clearing.purses import payments_in, write_payments

    payments = payments_in(state)
    click.echo(f"{payments.count()} {state}")
    if out is not None:
        click.echo(f"{write_payments(payments, out)} written to {out}")
        return
    for payment in payments[:50]:
        where = f"{payment.terminal_id} {payment.place} {payment.use}"
        click.echo(
            f"{payment.at:%Y-%m-%d %H:%M:%S} …{payment.purse_number[-4:]}/{payment.card_counter} "
            f"{yuan_text(payment.amount_fen)} yuan {where} {payment.reason}".rstrip()
        )


@clearing.command()
@click.argument("batch_id")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the files.")
def statements(batch_id: str, out: Path) -> None:
    """Write a batch's statements as CSV and JSON, after proving their totals against the ledger once more."""
    from yikatong.clearing.models import ClearingBatch, Statement
    from yikatong.clearing.services import prove

    batch = ClearingBatch.objects.filter(batch_id=batch_id).first()
    if batch is None:
        raise click.ClickException(f"there is no batch {batch_id}; see yikatong clearing batches")
    prove(batch)
    out.mkdir(parents=True, exist_ok=True)
    for statement in Statement.objects.filter(batch_id=batch_id).order_by("party"):
        name = f"{batch_id}-{_NOT_IN_FILE_NAMES.sub('-', statement.party)}"
        (out / f"{name}.csv").write_text("\ufeff" + statement.csv_text, encoding="utf-8", newline="")
        (out / f"{name}.json").write_text(statement.json_text, encoding="utf-8")
        click.echo(f"{name}: {statement.entries} charges, {yuan_text(statement.total_fen)} yuan")
