"""A terminal in a few lines: open it, present codes, sync when there is a network.

    terminal = Terminal.open(Path("gate.json"), Path("/var/lib/gate"))
    terminal.sync()
    decision = terminal.present(code_text, kind="entry", station="国贸", at=utc_now())

Deciding needs no network. The tap is on disk before the decision is returned.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.terminal.client import Client, Uploaded
from yikatong.terminal.lists import Lists
from yikatong.terminal.outbox import Counts, Outbox
from yikatong.terminal.profile import Profile, load_profile
from yikatong.wire.codes import LIFE_MAX, CodeRefusal, CodeRefused, UnverifiedCode, VerifiedCode, verify_code
from yikatong.wire.taps import Authorise, Decision, Tap

Kind = Literal["entry", "exit", "identify"]


@dataclass(frozen=True, slots=True)
class Presented:
    """What the gate decided. ``reason`` is empty when accepted; ``message`` is what its display says."""

    accepted: bool
    reason: str
    message: str
    sequence: int
    card_token: bytes | None = None


class Terminal:
    """One registered terminal with its outbox and lists in one folder."""

    def __init__(self, profile: Profile, state: Path) -> None:
        self.profile = profile
        self.outbox = Outbox(state, terminal_id=profile.terminal_id)
        self.lists = Lists(state, profile.list_key)
        self.client = Client(profile)

    @classmethod
    def open(cls, profile: Path, state: Path) -> "Terminal":
        """Open by the profile's file and a folder for the terminal's memory. Raises ``ProfileError``, ``OutboxError``."""
        return cls(load_profile(profile), state)

    def close(self) -> None:
        """Let go of the network connection; the outbox needs no closing."""
        self.client.close()

    def present(self, code: str, *, kind: Kind, station: str = "", at: datetime) -> Presented:
        """Decide about a code, offline, and store the tap. Refused taps are stored too: auditors ask about them."""
        verified, reason, message = None, "", "请通行"
        try:
            verified = self.verify(code, at=at)
            now_s = int(at.timestamp())
            if not self.outbox.take_nonce(verified.nonce, now_s=now_s, expires_s=verified.issued_at_s + _REMEMBER_S):
                raise CodeRefused(CodeRefusal.CODE_REPLAYED, "此二维码刚刚用过，请刷新后重新出示")
        except Refused as refused:
            verified, reason, message = None, str(refused.reason), str(refused)
            if isinstance(refused, CodeRefused) and refused.deny_reason:
                reason = refused.deny_reason
        deny_version = self.lists.deny.version if self.lists.deny else 0
        tap = self.outbox.add(
            Tap(
                terminal_id=self.profile.terminal_id,
                sequence=0,
                kind=kind,
                at_ms=int(at.timestamp() * 1000),
                decision="accepted" if verified else "refused",
                reason=reason,
                station=station,
                code=code.strip()[:_CODE_KEPT],
                deny_list_version=deny_version,
            )
        )
        token = verified.card_token if verified else None
        return Presented(verified is not None, reason, message, tap.sequence, token)

    def verify(self, code: str, *, at: datetime) -> VerifiedCode:
        """Check a code without storing anything. Raises ``Refused``."""
        trust, deny = self.lists.require(at)
        return verify_code(UnverifiedCode.parse(code), trust, deny, at=at)

    def ask(
        self, *, purpose: Literal["social", "transit"], card_number: str | None = None, code: str | None = None
    ) -> Decision:
        """Ask the gateway whether a card may be used now. Raises ``GatewayUnreachable`` or ``GatewayRefused``."""
        at_ms = int(utc_now().timestamp() * 1000)
        return self.client.authorise(Authorise(purpose=purpose, at_ms=at_ms, card_number=card_number, code=code))

    def sync(self) -> Uploaded:
        """Fetch the lists and upload what waits. Raises ``GatewayUnreachable``, ``GatewayRefused``, ``ListInvalid``."""
        self.client.refresh_lists(self.lists)
        return self.client.upload(self.outbox)

    def counts(self) -> Counts:
        """How the outbox stands."""
        return self.outbox.counts()


_REMEMBER_S = int(LIFE_MAX.total_seconds()) * 2
_CODE_KEPT = 400
