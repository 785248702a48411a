"""``yikatong up`` and ``yikatong demo``: everything on one machine, from the database to the address to open."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from yikatong.config.django import migrate, set_up_django
from yikatong.config.faults import told_plainly
from yikatong.database.connection import embedded_cluster, ensure_database
from yikatong.database.home import yikatong_home
from yikatong.database.processes import Service, Supervisor
from yikatong.foundation.clock import beijing_day, utc_now

if TYPE_CHECKING:
    from yikatong.config.demo_accounts import DemoSignIn

DEMO_PERSONS, DEMO_SEED = 20_000, 2026
WEB_PORT, GATEWAY_PORT, AGENT_PORT = 8600, 8601, 12344


@contextlib.contextmanager
def _step(words: str) -> Iterator[None]:
    """One line per step: what is done, and how long it took."""
    click.echo(f"· {words} … ", nl=False)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        click.echo("")  # what went wrong is told on a line of its own
        raise
    click.echo(f"{time.monotonic() - began:.1f} s")


@click.command()
@click.option("--web-port", default=WEB_PORT, show_default=True)
@click.option("--gateway-port", default=GATEWAY_PORT, show_default=True)
def up(web_port: int, gateway_port: int) -> None:
    """Start the database, the web, the gateway and the worker, and keep them running until ctrl-C."""
    with told_plainly():
        _prepare()
        _run(
            web_port,
            gateway_port,
            lambda: click.echo(f"\nYikatong is up: http://localhost:{web_port}/  (ctrl-C stops)"),
        )


@click.command()
@click.option("--persons", default=DEMO_PERSONS, show_default=True, help="Synthetic residents at the first start.")
@click.option("--web-port", default=WEB_PORT, show_default=True)
@click.option("--gateway-port", default=GATEWAY_PORT, show_default=True)
@click.option("--agent-port", default=AGENT_PORT, show_default=True, help="Where the clerk's card reader is reached.")
@click.option("--desk/--no-desk", default=True, help="Show a chip card with a card reader on the clerk's desk.")
def demo(persons: int, web_port: int, gateway_port: int, agent_port: int, desk: bool) -> None:
    """Start the whole platform with Beijing's places and a synthetic population, and print one sign-in per role."""
    click.echo("Yikatong 一卡通 demo")
    os.environ.setdefault("YIKATONG_SENDING_HOURS", "0-24")  # nothing is really sent, so nobody is woken
    with told_plainly():
        _prepare()
        _load(persons)
        from yikatong.config.demo_desk import CODE_FILE, open_desk, show

        with open_desk(yikatong_home()) if desk else contextlib.nullcontext() as reader:
            web, gateway = f"http://localhost:{web_port}", f"http://localhost:{gateway_port}"

            def ready() -> None:
                sign_ins = _sign_ins()
                if reader is not None:
                    show(reader, web=web, gateway=gateway)
                _welcome(sign_ins, web=web, gateway=gateway)

            agents = [] if reader is None else [_agent(web_port, agent_port, reader.folder / CODE_FILE)]
            _run(web_port, gateway_port, ready, beside=agents)


def _prepare() -> None:
    with _step("start the database"):
        ensure_database()
        set_up_django()
    with _step("bring the tables up to date"):
        migrate()


def _load(persons: int) -> None:
    from yikatong.acceptance.setup import ensure_operators
    from yikatong.audit.actors import Actor
    from yikatong.banks.services import keep_seeds
    from yikatong.campaign.appointments import OPEN_AHEAD_DAYS, are_half_days_open, open_all_half_days
    from yikatong.city.loader import load_city
    from yikatong.config.demo_campaign import ensure_demo_plan
    from yikatong.issuance.authorities import card_authority, terminal_authority
    from yikatong.issuance.services import adopt_older_cards
    from yikatong.registry.importer import import_persons
    from yikatong.registry.models import Person
    from yikatong.registry.organisations import import_organisations

    at = utc_now()
    with _step("load Beijing's places, banks and rules"):
        load_city(at=at)
        ensure_operators()
    today = beijing_day(at)
    last = today + timedelta(days=OPEN_AHEAD_DAYS)
    if not are_half_days_open(last):  # the worker goes on with it every hour
        with _step("open the outlets' half-days"):
            open_all_half_days(today, last, by=Actor.system("demo"), at=at)
    with _step("make the certificate authorities"):
        card_authority()
        terminal_authority()
        keep_seeds(at=at)
    if not Person.objects.exists():
        from yikatong.registry.synth.writing import organisations_path, write_synthetic_register

        register = yikatong_home() / "demo" / "register.csv"
        register.parent.mkdir(mode=0o700, exist_ok=True)
        by = Actor.system("demo")
        with _step(f"make up {persons:,} residents"):
            write_synthetic_register(register, persons=persons, seed=DEMO_SEED, on=beijing_day(at))
        with _step("import their employers and schools"):
            import_organisations(organisations_path(register), by=by, at=at)
        with _step("import them, sealed and indexed"):
            import_persons(register, by=by, at=at)
        register.unlink()
    with _step("take over the cards they hold"):
        adopt_older_cards(at=at)
    with _step("ask the worker for a plan of the exchange"):
        ensure_demo_plan(at=at)


def _agent(web_port: int, port: int, code_file: Path) -> Service:
    """The program that lets the workbench use the reader on the clerk's desk; pages learn its address by the environment."""
    os.environ["YIKATONG_DESK_AGENT"] = f"ws://127.0.0.1:{port}"
    origins = [f"--origin=http://{host}:{web_port}" for host in ("localhost", "127.0.0.1")]
    command = [sys.executable, "-m", "yikatong.terminal.cli", "agent", "--port", str(port), *origins]
    return Service("agent", [*command, "--pairing-code-file", str(code_file)])


def _run(web_port: int, gateway_port: int, on_ready: Callable[[], object], *, beside: Sequence[Service] = ()) -> None:
    from django.db import connections

    connections.close_all()
    python = [sys.executable, "-m", "yikatong.config"]
    web, gateway = f"http://127.0.0.1:{web_port}", f"http://127.0.0.1:{gateway_port}"
    services = [
        Service("web", [*python, "web", "--port", str(web_port), "--workers", "1"], ready=f"{web}/welcome/"),
        Service("gateway", [*python, "gateway", "--port", str(gateway_port)], ready=f"{gateway}/healthz"),
        Service("worker", [*python, "worker"]),
        *beside,
    ]
    cluster = None if os.environ.get("DATABASE_URL") else embedded_cluster()
    Supervisor(services, home=yikatong_home(), cluster=cluster).run(on_ready=on_ready)


def _sign_ins() -> "list[DemoSignIn]":
    from yikatong.city.tariffs import load_metro_tariff
    from yikatong.config.demo_accounts import ensure_demo_accounts

    operator_code = load_metro_tariff().rule.operator_code
    return ensure_demo_accounts(yikatong_home() / "demo-accounts.json", operator_code=operator_code)


def _welcome(sign_ins: "list[DemoSignIn]", *, web: str, gateway: str) -> None:
    click.echo(f"\nOpen  {web}/   (gateway for terminals: {gateway})\n")
    for sign_in in sign_ins:
        if sign_in.role == "resident":
            click.echo(f"  {sign_in.role:12} phone {sign_in.user}, identity number ends {sign_in.secret};")
            click.echo(f"  {'':12} the code arrives at {web}/dev/inbox/")
        else:
            click.echo(f"  {sign_in.role:12} {sign_in.user} / {sign_in.secret}   at /sign-in/staff/")
    click.echo(f"\nEverybody is made up. Data in {yikatong_home()}. Ctrl-C stops everything.")
