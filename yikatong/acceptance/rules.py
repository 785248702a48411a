"""Which refusal a card or a tap meets first.

Pure: no I/O, no clock, no framework. The web and the gateway both decide here; PostgreSQL then enforces what must never be
broken (``acceptance_store_tap_v1``). It does not price a ride: see ``transit.rules``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from yikatong.foundation.errors import Refused

THIRD_GENERATION = 3
TAKES_PURSES = frozenset({"gate", "till"})
"""The purposes of terminals that take money from transit purses."""


class Refusal(StrEnum):
    """Why a tap or a card is refused, in the order of checking; what is wrong with a code itself (``CodeRefusal``) comes
    before what is wrong with its card."""

    TERMINAL_UNKNOWN = "terminal_unknown"
    TERMINAL_REVOKED = "terminal_revoked"
    TAP_OF_OTHER_TERMINAL = "tap_of_other_terminal"
    PAYMENT_OF_OTHER_TERMINAL = "payment_of_other_terminal"
    TERMINAL_TAKES_NO_PURSES = "terminal_takes_no_purses"
    TAP_FROM_FUTURE = "tap_from_future"
    TAP_TOO_OLD = "tap_too_old"
    TERMINAL_NOT_A_GATE = "terminal_not_a_gate"
    STATION_UNKNOWN = "station_unknown"
    STATION_OF_OTHER_TERMINAL = "station_of_other_terminal"
    CARD_NOT_NAMED = "card_not_named"
    CARD_UNKNOWN = "card_unknown"
    CARD_REPORTED_LOST = "card_reported_lost"
    CARD_SUPERSEDED = "card_superseded"
    CARD_CANCELLED = "card_cancelled"
    CARD_NOT_ACTIVE = "card_not_active"
    DEVICE_REVOKED = "device_revoked"
    CODE_REPLAYED = "code_replayed"


@dataclass(frozen=True, slots=True)
class TerminalStanding:
    """What decides about a terminal. ``public_key``: 33 bytes; ``venue`` is the station of a metro gate."""

    terminal_id: str
    public_key: bytes
    venue: str
    purpose: str
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about a card at a moment. All times aware; ``None`` means it never happened."""

    card_id: int
    person_id: int
    generation: int
    activated_at: datetime | None
    ended_at: datetime | None
    is_cancelled: bool
    pre_reported_lost_at: datetime | None
    pre_report_lapses_at: datetime | None
    reported_lost_at: datetime | None
    device_revoked_at: datetime | None = None


def check_terminal(terminal: TerminalStanding | None, *, at: datetime) -> TerminalStanding:
    """The terminal itself when it is believed at ``at``. Raises ``Refused``."""
    if terminal is None:
        raise Refused(Refusal.TERMINAL_UNKNOWN, "没有登记过这台终端，请先登记")
    if terminal.revoked_at is not None and terminal.revoked_at <= at:
        raise Refused(Refusal.TERMINAL_REVOKED, "此终端已停用，请重新登记")
    return terminal


def check_gate(terminal: TerminalStanding, station: str) -> None:
    """Entries and exits come from a gate, of the station where it was registered: the fare depends on it. Raises ``Refused``."""
    if terminal.purpose != "gate":
        raise Refused(Refusal.TERMINAL_NOT_A_GATE, "此终端不是闸机，不能上传进出站记录")
    if station != terminal.venue:
        raise Refused(Refusal.STATION_OF_OTHER_TERMINAL, f"此终端登记在“{terminal.venue}”，不能上传其他车站的记录")


def decide_card(card: Standing | None, *, at: datetime) -> Standing:
    """The card itself when it may be used at ``at``; raises ``Refused`` with the first reason against it.

    Order matters: a lost card is told it is lost even when it has also been superseded, so that staff act on the loss.
    Decided by the moment of use, not of the upload: a loss reported afterwards does not undo a ride.
    Source: docs/algorithms/tap.md, step 3.
    """
    if card is None:
        raise Refused(Refusal.CARD_UNKNOWN, "没有这张卡")
    if _lost_at(card, at):
        raise Refused(Refusal.CARD_REPORTED_LOST, "此卡已挂失，请联系持卡人或拨打 12333")
    if card.ended_at is not None and card.ended_at <= at:
        if card.is_cancelled:
            raise Refused(Refusal.CARD_CANCELLED, "此卡已注销")
        raise Refused(Refusal.CARD_SUPERSEDED, "此卡已被新卡替代，请使用新卡")
    if card.activated_at is None or card.activated_at > at:
        raise Refused(Refusal.CARD_NOT_ACTIVE, "此卡尚未启用社会保障功能")
    if card.device_revoked_at is not None and card.device_revoked_at <= at:
        raise Refused(Refusal.DEVICE_REVOKED, "出示此码的设备已被停用")
    return card


def _lost_at(card: Standing, at: datetime) -> bool:
    if card.reported_lost_at is not None and card.reported_lost_at <= at:
        return True
    began, lapses = card.pre_reported_lost_at, card.pre_report_lapses_at
    return began is not None and began <= at and (lapses is None or at < lapses)


def check_not_ahead(*, at: datetime, received_at: datetime, ahead_max: timedelta) -> None:
    """Nothing comes from the future. Raises ``Refused``. Source: rules/programme.toml ``limit``."""
    if at > received_at + ahead_max:
        raise Refused(Refusal.TAP_FROM_FUTURE, "交易时间晚于现在，请校准终端时间后联系运营单位")


def check_tap_time(*, at: datetime, received_at: datetime, ahead_max: timedelta, age_max: timedelta) -> None:
    """A tap is from the present or the recent past. Raises ``Refused``. Source: rules/programme.toml ``limit``."""
    check_not_ahead(at=at, received_at=received_at, ahead_max=ahead_max)
    if at < received_at - age_max:
        raise Refused(Refusal.TAP_TOO_OLD, "交易时间过早，超过可补传的期限")
