"""From an uploaded tap or an online question to a decision, given what the database knows. Django-free and I/O-free.

Both doors call these: first ``check_tap`` and ``read_card`` (no database), then their own database, then ``rules.decide_card``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from yikatong.acceptance.queries import directory_key, moment
from yikatong.acceptance.rules import Refusal, Standing, check_tap_time
from yikatong.city.network import StationUnknown, metro_network
from yikatong.city.rules import rules_at
from yikatong.ecard.issuer import issuer_key
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.gm.sm2 import PublicKey
from yikatong.wire.codes import UnverifiedCode, VerifiedCode, key_id_of, verify_code
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


def check_tap(tap: Tap, *, terminal_id: str, received_at: datetime) -> datetime:
    """The tap's moment, once terminal, time and station are plausible. Raises ``Refused``."""
    if tap.terminal_id != terminal_id:
        raise Refused(Refusal.TAP_OF_OTHER_TERMINAL, "交易所属终端与上传终端不一致")
    try:
        at = moment(tap.at_ms)
    except ValueError as error:
        raise Refused(Refusal.TAP_TOO_OLD, "交易时间无法识别") from error
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
    return at


def tap_row(
    tap: Tap, *, named: Named, standing: Standing | None, reason: str, at: datetime, received_at: datetime
) -> dict[str, Any]:
    """The parameters of ``queries.STORE_TAP``: accepted when there is a standing, else refused for ``reason``."""
    return {
        "terminal_id": tap.terminal_id,
        "sequence": tap.sequence,
        "digest": tap.digest(),
        "card_id": standing.card_id if standing else None,
        "kind": tap.kind,
        "station": tap.station,
        "at": at,
        "received_at": received_at,
        "outcome": "accepted" if standing else "refused",
        "reason": "" if standing else reason,
        "device_serial": named.device_serial,
        "nonce": named.nonce if standing else None,
    }
