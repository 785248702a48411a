"""The demonstration's counter and gates for chip cards: a reader, a blank in it, and one card shown from the counter to the gate.

Where no card reader is connected a virtual one is started, with emulated cards; where that is impossible, the demonstration goes
on without and says why. What is shown is done by the same services and the same gate that a city runs, through PC/SC.
"""

import logging
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import click

from yikatong.acceptance.services import register_terminal
from yikatong.acceptance.setup import metro_venue_id
from yikatong.applications.selectors import applications_of, eligible_banks
from yikatong.applications.services import SubmitApplication, submit
from yikatong.audit.actors import Actor
from yikatong.city.folder import open_folder
from yikatong.city.network import metro_network
from yikatong.config.demo_accounts import demo_outlet
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused, YikatongError
from yikatong.issuance import counter, services
from yikatong.issuance.chip_records import city_roots
from yikatong.issuance.emulated_blanks import make_blanks
from yikatong.issuance.models import Card
from yikatong.issuance.selectors import cards_held
from yikatong.registry.card_keys import write_psam
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card_roots import purse_roots
from yikatong.smartcard.channel import exchange
from yikatong.smartcard.memory import FileMedium
from yikatong.smartcard.third_generation import open_card
from yikatong.smartcard.tunion_layout import AID as PURSE_AID
from yikatong.smartcard.tunion_loading import LoadAuthority
from yikatong.terminal.card_gate import CardGateReaders, serve_cards
from yikatong.terminal.pcsc import PcscCard, wait_for_card
from yikatong.terminal.profile import load_profile
from yikatong.terminal.purse_load import load_purse
from yikatong.terminal.sdk import Terminal
from yikatong.terminal.virtual_reader import SOCKET_VARIABLE, VirtualReader, VirtualReaderFault

BY = Actor.system("demo")
LOADED_FEN, LEAST_FEN = 5_000, 1_000
LOADING_TERMINAL = "900000000001"
BLANKS_DELIVERED = 200
STATIONS = (("国贸", "entry"), ("西单", "exit"))
CODE_FILE, SHOWN = "pairing-code", "shown.card"
_WITHIN_S, _LOOK_AGAIN_S = 20, 0.1


@dataclass(frozen=True, slots=True)
class DemoDesk:
    """``folder``: where card images, profiles and the pairing code lie. ``reader``: ``None`` when a real one is there."""

    folder: Path
    reader: VirtualReader | None


@contextmanager
def open_desk(home: Path) -> Iterator[DemoDesk | None]:
    """A desk with a reader for as long as the block runs; ``None``, with a line that says why, when there can be none."""
    folder = home / "demo" / "desk"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / CODE_FILE).unlink(missing_ok=True)
    with ExitStack() as stack:
        sockets = Path(tempfile.mkdtemp(prefix="ykt-"))  # sockets need a short path
        stack.callback(shutil.rmtree, sockets, ignore_errors=True)
        try:
            reader = stack.enter_context(VirtualReader(sockets)) if not _has_real_reader() else None
        except (VirtualReaderFault, OSError) as fault:
            click.echo(f"· no card reader, so no chip card is shown: {fault}")
            yield None
            return
        if reader is not None:
            os.environ.update(reader.environment())
        yield DemoDesk(folder, reader)


def _has_real_reader() -> bool:
    """Asked in another process: the PC/SC library keeps for good which service it found first."""
    command = [sys.executable, "-m", "yikatong.terminal.cli", "readers"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def show(desk: DemoDesk, *, web: str, gateway: str) -> None:
    """One card from the counter to the gates, line by line; then what to do with one's own hands."""
    outlet = demo_outlet()
    _deliver_blanks(outlet.bank_id, outlet.outlet_id)
    if desk.reader is None:
        click.echo(
            "\nA card reader is connected: put one of this city's blanks into it and make a card at the counter."
        )
    else:
        click.echo("\nA chip card from the counter to the gate (virtual reader, emulated card, keys not protected):")
        try:
            with _quiet():
                _show_card(desk, desk.reader, outlet.outlet_id, outlet.bank_id, gateway=gateway)
                _leave_cards(desk, desk.reader)
            _tell_gates(desk, desk.reader, gateway)
        except YikatongError as fault:
            click.echo(f"  ! {fault}")
    click.echo(f"\nMake one yourself: as clerk at {web}/work/bank/walk-in/ , pairing code {_pairing_code(desk.folder)}")
    person = next(_candidates(outlet.bank_id), None)
    if person is not None:
        click.echo(f"  somebody without a card walks in: identity number {clear_view(person).identity_number}")


def _leave_cards(desk: DemoDesk, reader: VirtualReader) -> None:
    """A blank for the clerk in the first slot, the card that was shown in the second."""
    (blank,) = make_blanks(desk.folder / "blanks", 1)
    reader.insert(open_card(FileMedium(blank)), 0)
    reader.insert(open_card(FileMedium(desk.folder / SHOWN)), 1)


def _tell_gates(desk: DemoDesk, reader: VirtualReader, gateway: str) -> None:
    """What to type to let the card through the gates again."""
    socket = reader.environment()[SOCKET_VARIABLE]
    click.echo(f"  Again, by hand:  export {SOCKET_VARIABLE}={socket} D={desk.folder}")
    for station, direction in STATIONS:
        gate = _gate_name(direction, gateway)
        files = f"--profile $D/{gate}.json --state $D/{gate}.state --sam $D/{gate}.sam"
        place = f"--station {station} --direction {direction}"
        click.echo(f'    .venv/bin/yikatong-terminal gate --reader "00 01" {files} {place} --once')


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings that cards are emulated: the line above says so once."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _show_card(desk: DemoDesk, reader: VirtualReader, outlet_id: str, bank_code: str, *, gateway: str) -> None:
    image = desk.folder / SHOWN
    if not image.exists():
        _make_card(desk, reader, image, outlet_id, bank_code)
    with _inserted(reader, image):
        _load(reader)
        for station, direction in STATIONS:
            _tap(desk, reader, station, direction, gateway=gateway)


def _make_card(desk: DemoDesk, reader: VirtualReader, image: Path, outlet_id: str, bank_code: str) -> None:
    """A walk-in's card: applied for, written into a blank, handed over, switched on."""
    at = utc_now()
    card = _apply(outlet_id, bank_code)
    (blank,) = make_blanks(desk.folder / "blanks", 1)
    with _inserted(reader, blank):
        began = time.monotonic()
        commands = _write(card.card_id, reader.reader(), outlet_id)
        taken_ms = (time.monotonic() - began) * 1000
    blank.replace(image)
    click.echo(
        f"  · 柜台制卡 {card.card_number}：空白卡 {blank.stem}，{commands} 条命令，{taken_ms:.0f} 毫秒；芯片已证明持有密钥"
    )
    services.hand_over(card.card_id, by=BY, at=at)
    services.activate_financial_function(card.card_id, bank_code=bank_code, by=BY, at=at)
    click.echo("  · 已发给本人，社会保障功能和金融功能已启用")


def _apply(outlet_id: str, bank_code: str) -> Card:
    """The register's card of the first who may have one. Raises ``YikatongError``."""
    for person in _candidates(bank_code):
        command = SubmitApplication(
            application_id=uuid4(),
            person_id=person.person_id,
            acting_person_id=None,
            kind="first",
            channel="outlet",
            bank_code=bank_code,
            collection="outlet",
            outlet_id=outlet_id,
        )
        try:
            submit(command, by=BY, at=utc_now())
        except Refused:
            continue
        card = services.produce_card(person.person_id, command.application_id, at=utc_now())
        if card is not None:
            return card
    raise YikatongError("登记簿中没有可以当场申领的人")


def _candidates(bank_code: str) -> Iterator[Person]:
    """Grown-ups without a card of the third generation or an application for one, who may choose the bank."""
    today = beijing_day(utc_now())
    born_before = today - timedelta(days=365 * 30)
    for person in Person.objects.filter(birth_date__lt=born_before).order_by("-person_id")[:500]:
        has_card = cards_held(person.person_id).ever_third_generation or applications_of(person.person_id)
        may = bank_code in eligible_banks(person, acting_person_id=None, on=today)
        if not has_card and may:
            yield person


def _write(card_id: int, reader: str, outlet_id: str) -> int:
    """What the counter's page does, without a page; how many commands it took."""
    sent = 0

    def send(card: PcscCard, commands: list[Command]) -> bytes:
        nonlocal sent
        sent += len(commands)
        return [exchange(card, command) for command in commands][-1]

    with PcscCard(reader) as blank:
        opened = send(blank, counter.begin(card_id, outlet_id=outlet_id, by=BY, at=utc_now()))
        send(blank, counter.load(card_id, opened, outlet_id=outlet_id, by=BY, at=utc_now()))
    with PcscCard(reader) as card:
        signature = send(card, counter.prove(card_id, outlet_id=outlet_id))
    counter.finish(card_id, signature, outlet_id=outlet_id, by=BY, at=utc_now())
    return sent


def _load(reader: VirtualReader) -> None:
    """Put money on the purse when little is left."""
    authority = LoadAuthority(city_roots(purse_roots))
    with PcscCard(reader.reader()) as card:
        exchange(card, Command(0x00, 0xA4, 0x04, 0x00, PURSE_AID))
        if int.from_bytes(exchange(card, Command(0x80, 0x5C, 0x00, 0x02, expected=4))) >= LEAST_FEN:
            return
        terminal = bytes.fromhex(LOADING_TERMINAL)
        load_purse(card, LOADED_FEN, terminal=terminal, authorise=authority.authorise, at=utc_now())
    click.echo(f"  · 交通钱包充值 {LOADED_FEN // 100} 元")


def _tap(desk: DemoDesk, reader: VirtualReader, station: str, direction: str, *, gateway: str) -> None:
    """Through a gate as a venue runs it."""
    profile, state, sam = _gate_files(desk, station, direction, gateway)
    with Terminal.open(profile, state) as terminal:
        terminal.refresh_lists()
        click.echo(f"  · 闸机 {station} {'进站' if direction == 'entry' else '出站'}：", nl=False)
        readers = CardGateReaders(reader.reader(), sam, None)
        serve_cards(terminal, station, "entry" if direction == "entry" else "exit", readers, once=True)
        uploaded = terminal.sync(lists=False)
    click.echo(f"    上传 {uploaded.stored} 笔交易，待结算")


def _gate_files(desk: DemoDesk, station: str, direction: str, gateway: str) -> tuple[Path, Path, Path]:
    """The gate's profile, memory and security module, of a terminal that is registered with this gateway."""
    gate = _gate_name(direction, gateway)
    profile, state, sam = (desk.folder / f"{gate}.{kind}" for kind in ("json", "state", "sam"))
    if not profile.exists():
        register_terminal(
            f"9{secrets.randbelow(10**11):011d}",
            venue_id=metro_venue_id(metro_network().require(station)),
            purpose="gate",
            gateway_url=gateway,
            out=profile,
            by=BY,
            at=utc_now(),
        )
    if not sam.exists():
        write_psam(
            sam,
            load_profile(profile).terminal_id,
            region_code=open_folder().head.code,
            with_purchase=False,
            with_transit=True,
            version=None,
            by=BY,
            at=utc_now(),
        )
    return profile, state, sam


def _gate_name(direction: str, gateway: str) -> str:
    """A gate belongs to one gateway: on other ports there are other gates, and what the first ones keep stays."""
    return f"{direction}-{urlsplit(gateway).port}"


def _deliver_blanks(bank_code: str, outlet_id: str) -> None:
    services.deliver_blanks(
        bank_code, BLANKS_DELIVERED, delivery_note="DEMO-1", by=BY, at=utc_now(), outlet_id=outlet_id
    )


def _pairing_code(folder: Path) -> str:
    """What the desk's program shows, once it is up."""
    path, deadline = folder / CODE_FILE, time.monotonic() + _WITHIN_S
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN_S)
    return path.read_text() if path.exists() else f"in {path}"


@contextmanager
def _inserted(reader: VirtualReader, image: Path) -> Iterator[None]:
    """With this card in the first slot."""
    reader.insert(open_card(FileMedium(image)))
    try:
        wait_for_card(reader.reader(), timeout_s=_WITHIN_S)
        yield
    finally:
        reader.remove()
        wait_for_card(reader.reader(), is_present=False, timeout_s=_WITHIN_S)
