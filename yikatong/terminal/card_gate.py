"""A gate with a card reader: waits for a card, lets it pay, keeps the payment, and says so, one card after another.

The payment is on disk before the gate opens. It prices and decides nothing itself: see ``rail_gate``.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from yikatong.city.network import metro_network
from yikatong.city.tariffs import load_metro_tariff
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import YikatongError
from yikatong.smartcard.channel import Channel
from yikatong.smartcard.tunion_layout import PurseRecordWrong
from yikatong.terminal.card_commands import open_image
from yikatong.terminal.decide import TerminalRefusal, usable_lists
from yikatong.terminal.pcsc import NoCard, PcscCard, ReaderFault, find_reader, wait_for_card
from yikatong.terminal.purse import NoPurse, PaymentRefused, PaymentTorn, PurseTerminal
from yikatong.terminal.purse_outbox import payment_to_keep
from yikatong.terminal.rail_gate import GatePlace, Passed, RailGate, Stopped
from yikatong.terminal.sdk import Terminal
from yikatong.terminal.texts import text_for

WAIT_S = 1.0
"""How long one look at the reader lasts before the gate looks whether it is to stop."""


class SecurityModuleMissing(YikatongError):
    """A gate for purses needs a security module."""


@dataclass(frozen=True, slots=True)
class CardGateReaders:
    """Where the gate finds its cards and its security module: an image, or another reader."""

    reader: str
    sam: Path | None
    sam_reader: str | None


def serve_cards(
    terminal: Terminal,
    station: str,
    direction: Literal["entry", "exit"],
    readers: CardGateReaders,
    *,
    once: bool,
    paid: Callable[[], None] = lambda: None,
) -> int:
    """Serve cards until Ctrl-C, or one card only; ``paid`` is told of each payment that was kept.

    Returns the exit code: 1 when the one card did not pass.
    """
    name = find_reader(readers.reader)
    with _security_module(readers) as sam:
        purses = PurseTerminal(sam)
        if purses.terminal.hex() != terminal.profile.terminal_id:
            click.echo(
                f"安全模块属于终端 {purses.terminal.hex()}，本机是 {terminal.profile.terminal_id}：交易保存在本机，不能上传结算",
                err=True,
            )
        place = GatePlace(station, bytes.fromhex(terminal.profile.terminal_id).rjust(8, b"\0"))
        gate = RailGate(
            purses,
            place,
            metro_network(),
            lambda day: load_metro_tariff(on=day),
            lambda code: _is_denied(terminal, code),
        )
        click.echo(f"{station} {direction}：请刷卡（{name}）", err=True)
        try:
            while True:
                if not wait_for_card(name, timeout_s=WAIT_S):
                    continue
                has_passed = _serve_one(terminal, gate, purses, name, direction)
                if has_passed:
                    paid()
                if once and has_passed is not None:
                    return 0 if has_passed else 1
                while not wait_for_card(name, is_present=False, timeout_s=WAIT_S):
                    pass
        except KeyboardInterrupt:
            click.echo(f"\n已停止；{terminal.purse_outbox.counts().waiting} 笔钱包交易待上传", err=True)
            return 0


def _serve_one(
    terminal: Terminal, gate: RailGate, purses: PurseTerminal, reader: str, direction: Literal["entry", "exit"]
) -> bool | None:
    """Whether the card passed; ``None`` when it left too early and is to be shown again."""
    lists = usable_lists(terminal.lists.current(), at=utc_now())
    if isinstance(lists, TerminalRefusal):
        click.echo(_told(lists))
        return False
    started = time.perf_counter()
    try:
        with PcscCard(reader) as card:
            answer = gate.enter(card, utc_now()) if direction == "entry" else gate.leave(card, utc_now())
    except (PaymentTorn, NoCard) as fault:
        click.echo(f"请重刷 AGAIN  {fault}")
        return None
    except (NoPurse, PaymentRefused, PurseRecordWrong, ReaderFault) as fault:
        click.echo(f"拒绝 REFUSED  {fault}")
        return False
    if isinstance(answer, Stopped):
        click.echo(_told(answer.reason))
        return False
    terminal.purse_outbox.add(payment_to_keep(answer.payment, purses.terminal, place=gate.place.station, use=direction))
    taken_ms = (time.perf_counter() - started) * 1000
    click.echo(f"放行 PASS  {_spoken(answer)}（{taken_ms:.0f} 毫秒）")
    return True


def _spoken(answer: Passed) -> str:
    paid = "" if answer.fare is None else f"票价 {_yuan(answer.fare.fare_fen)}，"
    return f"{paid}余额 {_yuan(answer.balance_fen)}"


def _told(reason: str) -> str:
    text = text_for(reason)
    return f"拒绝 REFUSED  {reason}  {text.zh}  {text.en}"


def _is_denied(terminal: Terminal, identification_code: str) -> bool:
    deny = terminal.lists.current().deny
    return deny is None or deny.reason_for(f"code:{identification_code}") is not None


@contextmanager
def _security_module(readers: CardGateReaders) -> Iterator[Channel]:
    if readers.sam is not None:
        emulated = open_image(readers.sam)
        emulated.power_on()
        yield emulated
    elif readers.sam_reader is not None:
        with PcscCard(find_reader(readers.sam_reader)) as inserted:
            yield inserted
    else:
        raise SecurityModuleMissing("闸机扣款需要安全模块：请给出 --sam 映像文件，或 --sam-reader 读卡器名称")


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d} 元"
