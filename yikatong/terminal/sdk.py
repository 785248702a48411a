"""A terminal in a few lines: open it, present codes, sync when there is a network.

    terminal = Terminal.open(Path("gate.json"), Path("/var/lib/gate"))
    terminal.sync()
    decision = terminal.present(code_text, at=utc_now(), kind="entry")

Deciding needs no network. The tap is on disk before the decision is returned.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import YikatongError
from yikatong.gm import sm3
from yikatong.terminal import uploader
from yikatong.terminal.client import Client, GatewayUnreachable
from yikatong.terminal.decide import Decision, Refused, TerminalRefusal, decide
from yikatong.terminal.lists import Lists
from yikatong.terminal.outbox import Counts, Outbox
from yikatong.terminal.profile import Profile, load_profile
from yikatong.terminal.purse_outbox import PurseOutbox
from yikatong.terminal.storage import Storage, StorageFailed
from yikatong.terminal.uploader import Uploaded
from yikatong.wire.codes import CodeRefusal, UnverifiedCode
from yikatong.wire.lists import DENY_LIST, TRUST_LIST
from yikatong.wire.taps import Authorise, Tap
from yikatong.wire.taps import Decision as OnlineDecision

type Kind = Literal["entry", "exit", "identify"]


class Terminal:
    """One registered terminal with its outbox and lists in one folder. Safe between threads."""

    def __init__(self, profile: Profile, state: Path, *, now: Callable[[], datetime] = utc_now) -> None:
        self.profile = profile
        self._now = now
        self._storage = Storage(state, terminal_id=profile.terminal_id)
        self.outbox = Outbox(self._storage)
        self.purse_outbox = PurseOutbox(self._storage)
        self.lists = Lists(self._storage, profile.list_key)
        self.client = Client(profile, now)

    @classmethod
    def open(cls, profile: Path, state: Path) -> "Terminal":
        """Open by the profile's file and a folder for the terminal's memory. Raises ``ProfileError``, ``StorageFailed``."""
        return cls(load_profile(profile), state)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the network connection and the memory's file."""
        self.client.close()
        self._storage.close()

    def present(self, code: str, at: datetime, *, kind: Kind = "identify", station: str = "") -> Decision:
        """Decide about a code, offline, and store the tap. Never raises over what is shown, nor over a full disk.

        A refusal is stored too, because auditors ask about it, but one code's refusal for one reason only once. A text that
        is no code of ours is not kept: it may be anything personal. ``station`` of a gate is where it was registered.
        """
        try:
            decision = decide(code, self.lists.current(), purpose=self.profile.purpose, at=at)
            if self.profile.purpose == "gate" and kind != "identify":
                station = station or self.profile.venue
            stored = self._store(code, decision, kind=kind, station=station, at=at)
            if stored is None and decision.accepted:
                decision = Refused(CodeRefusal.CODE_REPLAYED, UnverifiedCode.parse(code))
                stored = self._store(code, decision, kind=kind, station=station, at=at)
        except StorageFailed:
            return Refused(TerminalRefusal.STORAGE_FAILED)
        return replace(decision, sequence=stored.sequence if stored else 0)

    def verify(self, code: str, at: datetime) -> Decision:
        """Check a code without storing a tap, and without using the code up. Raises ``StorageFailed``."""
        return decide(code, self.lists.current(), purpose=self.profile.purpose, at=at)

    def ask(self, *, purpose: Literal["social", "transit"], card_number: str) -> OnlineDecision:
        """Ask the gateway whether a physical card may be used now. Raises ``GatewayUnreachable``, ``GatewayRefused``."""
        at_ms = int(self._now().timestamp() * 1000)
        return self.client.authorise(Authorise(purpose=purpose, at_ms=at_ms, card_number=card_number))

    def refresh_lists(self) -> None:
        """Fetch both lists. Raises ``GatewayUnreachable``, ``GatewayRefused``, ``ListInvalid`` or ``StorageFailed``."""
        for name in (TRUST_LIST, DENY_LIST):
            self.lists.replace(name, self.client.fetch_list(name))

    def upload(self) -> Uploaded:
        """Upload the taps and payments that wait. Raises ``GatewayUnreachable``, ``GatewayRefused`` or ``StorageFailed``."""
        taps = uploader.upload(self.outbox, self.client, now=self._now)
        return taps + uploader.upload_payments(self.purse_outbox, self.client, now=self._now)

    def sync(self, *, lists: bool = True) -> Uploaded:
        """Fetch the lists (unless told not to), upload what waits, drop what is past use.

        Raises what ``refresh_lists`` and ``upload`` raise.
        Lists that cannot be believed do not keep anything from being uploaded.
        """
        fault: YikatongError | None = None
        try:
            if lists:
                self.refresh_lists()
        except GatewayUnreachable:
            raise
        except YikatongError as error:
            fault = error
        uploaded = self.upload()
        self.outbox.forget_old(at=self._now())
        self.purse_outbox.forget_old(at=self._now())
        if fault is not None:
            raise fault
        return uploaded

    def counts(self) -> Counts:
        """How the outbox stands."""
        return self.outbox.counts()

    def _store(self, text: str, decision: Decision, *, kind: Kind, station: str, at: datetime) -> Tap | None:
        deny = self.lists.current().deny
        key = decision.code_key
        tap = Tap(
            terminal_id=self.profile.terminal_id,
            sequence=0,
            kind=kind,
            at_ms=int(at.timestamp() * 1000),
            decision="accepted" if decision.accepted else "refused",
            reason=decision.reason,
            station=station,
            code=text.strip() if key else None,
            deny_list_version=deny.version if deny else 0,
        )
        return self.outbox.add(tap, seen_key=key or sm3.digest(text.encode(errors="replace"))[:16], at=at)
