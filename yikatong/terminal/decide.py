"""Whether a gate or desk accepts a code that is shown now. Pure: no I/O, no clock.

Only the lists at hand are asked. It does not know what other terminals saw: a code used elsewhere within its minute is found
at upload. Replays at this terminal are found where the tap is stored (``outbox``), in the same transaction.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from yikatong.terminal.lists import Held
from yikatong.terminal.profile import Purpose
from yikatong.terminal.texts import Text, text_for
from yikatong.wire.codes import CodeRefusal, CodeRefused, UnverifiedCode, VerifiedCode, verify_code
from yikatong.wire.lists import DenyList, TrustList

CLOCK_BEHIND_MAX = timedelta(minutes=5)
CARD_NUMBER = re.compile(r"[A-Z0-9][0-9]{7}[0-9X]")
_REASON = re.compile(r"[a-z0-9_]{1,40}")


class TerminalRefusal(StrEnum):
    """Why the terminal itself cannot accept, beside what is wrong with a code (``CodeRefusal``)."""

    CARD_NUMBER_NOT_TAKEN = "card_number_not_taken"
    TRUST_LIST_MISSING = "trust_list_missing"
    TRUST_LIST_EXPIRED = "trust_list_expired"
    DENY_LIST_MISSING = "deny_list_missing"
    DENY_LIST_STALE = "deny_list_stale"
    TERMINAL_CLOCK_WRONG = "terminal_clock_wrong"
    STORAGE_FAILED = "storage_failed"


@dataclass(frozen=True, slots=True)
class StalePolicy:
    """How old a deny list may grow: fresh, then accepted with a notice for ``grace``, then everything is refused."""

    fresh_for: timedelta
    grace: timedelta


STALE_POLICIES: dict[Purpose, StalePolicy] = {
    # A station cut off for a day still lets people go home: a lost card costs a few yuan at most.
    "gate": StalePolicy(fresh_for=timedelta(hours=24), grace=timedelta(hours=48)),
    # Money and identity are not worth that risk.
    "identity": StalePolicy(fresh_for=timedelta(hours=24), grace=timedelta(0)),
    "till": StalePolicy(fresh_for=timedelta(hours=24), grace=timedelta(0)),
}
"""Source: assumption."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The code is genuine and may be used. ``notice`` is for the operator, not the holder; ``sequence`` is the tap's."""

    code: VerifiedCode
    notice: str = ""
    sequence: int = 0
    accepted: ClassVar[bool] = True
    reason: ClassVar[str] = ""

    @property
    def text(self) -> Text:
        """What the display says."""
        return text_for("accepted")

    @property
    def code_key(self) -> bytes:
        """What tells this code from every other: device serial and nonce, 16 bytes."""
        return self.code.device_serial + self.code.nonce


@dataclass(frozen=True, slots=True)
class Refused:
    """Not accepted. ``reason`` is the most telling machine name: a denied card's own reason rather than ``card_denied``.

    ``code`` is what could be read, if anything; ``sequence`` is 0 when no tap was stored.
    """

    reason: str
    code: UnverifiedCode | None = field(default=None, repr=False)
    sequence: int = 0
    accepted: ClassVar[bool] = False
    notice: ClassVar[str] = ""

    @property
    def text(self) -> Text:
        """What the display says."""
        return text_for(self.reason)

    @property
    def code_key(self) -> bytes | None:
        """Device serial and nonce as the code states them, 16 bytes; ``None`` when it was no code of ours."""
        return self.code.certificate.serial + self.code.nonce if self.code else None


type Decision = Accepted | Refused


def decide(text: str, held: Held, *, purpose: Purpose, at: datetime) -> Decision:
    """Accept or refuse the code in ``text`` with the lists ``held``.

    Order matters. What is no code is no code whatever the lists; without a trust list nothing else can be known; a
    denied card is told so even by an outdated list; only then does an outdated list refuse those it does not name.
    """
    try:
        code = UnverifiedCode.parse(text)
    except CodeRefused as refused:
        is_number = CARD_NUMBER.fullmatch(text.strip().upper()) is not None
        return Refused(TerminalRefusal.CARD_NUMBER_NOT_TAKEN if is_number else refused.reason)
    lists = usable_lists(held, at=at)
    if isinstance(lists, TerminalRefusal):
        return Refused(lists, code)
    trust, deny = lists
    try:
        verified = verify_code(code, trust, deny, at=at)
    except CodeRefused as refused:
        return Refused(_telling(refused), code)
    policy = STALE_POLICIES[purpose]
    age = timedelta(seconds=at.timestamp() - deny.issued_at_s)
    if age <= policy.fresh_for and at.timestamp() <= deny.valid_until_s:
        return Accepted(verified)
    if policy.grace and age <= policy.fresh_for + policy.grace:
        return Accepted(verified, notice=TerminalRefusal.DENY_LIST_STALE)
    return Refused(TerminalRefusal.DENY_LIST_STALE, code)


def usable_lists(held: Held, *, at: datetime) -> tuple[TrustList, DenyList] | TerminalRefusal:
    """Both lists when they can be decided by, however old the deny list; else why not.

    A clock that runs before the lists were signed would take yesterday's codes for today's.
    """
    if held.trust is None:
        return TerminalRefusal.TRUST_LIST_MISSING
    if held.deny is None:
        return TerminalRefusal.DENY_LIST_MISSING
    if at.timestamp() + CLOCK_BEHIND_MAX.total_seconds() < max(held.trust.issued_at_s, held.deny.issued_at_s):
        return TerminalRefusal.TERMINAL_CLOCK_WRONG
    if at.timestamp() > held.trust.valid_until_s:
        return TerminalRefusal.TRUST_LIST_EXPIRED
    return held.trust, held.deny


def _telling(refused: CodeRefused) -> str:
    if refused.reason == CodeRefusal.CARD_DENIED and _REASON.fullmatch(refused.deny_reason):
        return refused.deny_reason
    return refused.reason
