"""From an uploaded tap or an online question to a decision, given what the database knows. Django-free and I/O-free.

Both doors, the gateway and ``services.store_tap``, take the same three steps: ``read_tap`` (no database, may run in a
thread), their own database for the card's standing, ``judge``. What comes out is what ``queries.STORE_TAP`` stores.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from yikatong.acceptance.queries import directory_key, moment
from yikatong.acceptance.rules import (
    TAKES_PURSES,
    Refusal,
    Standing,
    TerminalStanding,
    check_gate,
    check_not_ahead,
    check_tap_time,
    decide_card,
)
from yikatong.city.network import StationUnknown, metro_network
from yikatong.city.rules import rules_at
from yikatong.ecard.issuer import issuer_key
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.gm.sm2 import PublicKey
from yikatong.wire.codes import UnverifiedCode, VerifiedCode, key_id_of, verify_code
from yikatong.wire.purses import PursePayment
from yikatong.wire.taps import Authorise, Tap


class OwnIssuer:
    """The trust list of the platform itself: its own issuer."""

    def issuer_key(self, key_id: bytes, at: datetime) -> PublicKey | None:
        """The issuer's key of that id, if it is ours."""
        public = issuer_key().public
        return public if key_id == key_id_of(public) else None


@dataclass(frozen=True, slots=True)
class Named:
    """The card a tap or question names: its key in the directory, and the code's device and nonce if it was a code."""

    directory_key: str
    device_serial: bytes | None = None
    nonce: bytes | None = None


@dataclass(frozen=True, slots=True)
class ReadTap:
    """A tap worth keeping. ``named`` is its card, unless ``reason`` says why none is to be charged."""

    tap: Tap
    at: datetime
    received_at: datetime
    named: Named | None
    reason: str = ""


def read_card(presented: Tap | Authorise, *, at: datetime) -> Named:
    """Which card was presented, with a code's signatures and dates checked as of ``at``. Raises ``Refused``."""
    if presented.code is not None:
        limits = rules_at(beijing_day(at)).limits
        verified: VerifiedCode = verify_code(
            UnverifiedCode.parse(presented.code),
            OwnIssuer(),
            None,
            at=at,
            life_max=timedelta(seconds=limits.ecard_code_life_s),
            skew_max=timedelta(seconds=limits.ecard_clock_skew_s),
        )
        return Named(directory_key(token=verified.card_token), verified.device_serial, verified.nonce)
    if presented.card_number is not None:
        return Named(directory_key(number=presented.card_number))
    if presented.identification_code is not None:
        return Named(directory_key(code=presented.identification_code))
    raise Refused(Refusal.CARD_NOT_NAMED, "没有出示卡号、识别码或二维码")


def read_tap(tap: Tap, terminal: TerminalStanding, *, received_at: datetime) -> ReadTap:
    """A tap once terminal, time and station are plausible, with the card it names. Raises ``Refused`` when it cannot be kept.

    A refused tap is not kept so that the terminal can send it again when the cause is mended, with its first content.
    """
    at = _check_tap(tap, terminal, received_at=received_at)
    if tap.decision == "refused":
        return ReadTap(tap, at, received_at, None, tap.reason)
    try:
        return ReadTap(tap, at, received_at, read_card(tap, at=at))
    except Refused as refused:
        return ReadTap(tap, at, received_at, None, str(refused.reason))


def judge(read: ReadTap, standing: Standing | None) -> dict[str, Any]:
    """The parameters of ``queries.STORE_TAP``: accepted when the card may be used at the tap's moment.

    A refused tap keeps its card, if there is one: holders and staff ask why a ride was not charged.
    """
    reason = read.reason
    if read.named is not None:
        try:
            decide_card(standing, at=read.at)
        except Refused as refused:
            reason = str(refused.reason)
    is_accepted = read.named is not None and not reason
    named = read.named or Named("")
    return {
        "terminal_id": read.tap.terminal_id,
        "sequence": read.tap.sequence,
        "digest": read.tap.digest(),
        "card_id": standing.card_id if standing else None,
        "kind": read.tap.kind,
        "station": read.tap.station,
        "at": read.at,
        "received_at": read.received_at,
        "outcome": "accepted" if is_accepted else "refused",
        "reason": reason,
        "device_serial": named.device_serial,
        "nonce": named.nonce,
    }


def read_payment(payment: PursePayment, terminal: TerminalStanding, *, received_at: datetime) -> dict[str, Any]:
    """The parameters of ``queries.STORE_PURSE_PAYMENT``. Raises ``Refused`` for one that this terminal cannot have taken.

    However late it comes it is kept: the purse has paid. Its TAC is for the settlement to check, which has the key.
    """
    if payment.terminal != terminal.terminal_id:
        raise Refused(Refusal.PAYMENT_OF_OTHER_TERMINAL, f"安全模块属于终端 {payment.terminal}，交易须由该终端上传")
    if terminal.purpose not in TAKES_PURSES:
        raise Refused(Refusal.TERMINAL_TAKES_NO_PURSES, "此终端没有登记为闸机或收银，不能上传钱包交易")
    if terminal.purpose == "gate":
        check_gate(terminal, payment.place)
    at = moment(payment.at_ms)
    limits = rules_at(beijing_day(received_at)).limits
    check_not_ahead(at=at, received_at=received_at, ahead_max=timedelta(seconds=limits.tap_ahead_max_s))
    return msgspec.structs.asdict(payment) | {
        "digest": payment.digest(),
        "tac": bytes.fromhex(payment.tac),
        "at": at,
        "received_at": received_at,
    }


def _check_tap(tap: Tap, terminal: TerminalStanding, *, received_at: datetime) -> datetime:
    if tap.terminal_id != terminal.terminal_id:
        raise Refused(Refusal.TAP_OF_OTHER_TERMINAL, "交易所属终端与上传终端不一致")
    at = moment(tap.at_ms)
    limits = rules_at(beijing_day(received_at)).limits
    check_tap_time(
        at=at,
        received_at=received_at,
        ahead_max=timedelta(seconds=limits.tap_ahead_max_s),
        age_max=timedelta(days=limits.tap_age_max_days),
    )
    if tap.kind != "identify":
        try:
            metro_network().require(tap.station)
        except StationUnknown as error:
            raise Refused(Refusal.STATION_UNKNOWN, str(error)) from error
        check_gate(terminal, tap.station)
    return at
