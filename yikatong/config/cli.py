"""``yikatong``: every command of the platform, gathered from the floors that own them."""

import faulthandler
import os
import sys

import click

from yikatong.acceptance.cli import acceptance
from yikatong.accounts.cli import accounts
from yikatong.banks.cli import fairness
from yikatong.campaign.cli import campaign
from yikatong.city.cli import city
from yikatong.clearing.cli import clearing
from yikatong.config.django import migrate as migrate_tables
from yikatong.config.django import set_up_django
from yikatong.config.faults import told_plainly
from yikatong.config.up import demo, up
from yikatong.credentials.cli import credentials
from yikatong.database.cli import db
from yikatong.database.connection import ensure_database
from yikatong.issuance.cli import issuance
from yikatong.outreach.cli import outreach
from yikatong.registry.cli import registry
from yikatong.registry.key_commands import keys
from yikatong.supervision.cli import supervision

WEB_PORT, GATEWAY_PORT = 8600, 8601
THREADS, WORKERS_MAX = 4, 8
"""In a container the cores may be many more than it may use; the embedded database takes 200 connections."""


class DjangoGroup(click.Group):
    """Starts the embedded database and Django before a command, and shows errors meant for people as such."""

    offline: frozenset[str] = frozenset()
    """Commands that need neither."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the chosen command."""
        with told_plainly():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the chosen command, with what it needs ready."""
        resolved = super().resolve_command(ctx, args)
        if resolved[0] not in self.offline:
            ensure_database()
            set_up_django()
        return resolved


@click.group()
def main() -> None:
    """Yikatong 一卡通: the open platform on which a city runs its social card."""
    faulthandler.enable(sys.__stderr__ or sys.stderr)  # a crash in compiled code says where; it shows no values


def _with_django(group: click.Group, *, offline: frozenset[str] = frozenset()) -> click.Group:
    wrapped = DjangoGroup(name=group.name, commands=group.commands, help=group.help)
    wrapped.offline = offline
    return wrapped


@db.command()
def migrate() -> None:
    """Bring the tables up to date."""
    with told_plainly():
        ensure_database()
        set_up_django()
        migrate_tables()
    click.echo("the tables are up to date")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=WEB_PORT, show_default=True)
@click.option(
    "--workers",
    default=0,
    help=f"Processes, each with {THREADS} database connections; 0 for one per core, {WORKERS_MAX} at most.",
)
def web(host: str, port: int, workers: int) -> None:
    """Serve the portal and the workbenches."""
    from granian import Granian
    from granian.constants import Interfaces

    set_up_django()
    from yikatong.config.static_files import gather

    gather()
    Granian(
        "yikatong.config.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers or min(os.cpu_count() or 1, WORKERS_MAX),
        blocking_threads=THREADS,
        log_access=False,
    ).serve()


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=GATEWAY_PORT, show_default=True)
def gateway(host: str, port: int) -> None:
    """Serve terminals."""
    from yikatong.gateway.main import serve

    serve(host, port)


@main.command()
def worker() -> None:
    """Do the queued work: make cards, lapse pre-reports, clear."""
    set_up_django()
    from yikatong.config.worker import run_worker

    run_worker()


main.add_command(db)
main.add_command(up)
main.add_command(demo)
for _group in (
    city,
    registry,
    accounts,
    fairness,
    issuance,
    campaign,
    outreach,
    supervision,
    acceptance,
    clearing,
    credentials,
):
    main.add_command(_with_django(_group))
main.add_command(_with_django(keys, offline=frozenset({"component", "list", "seal"})))
