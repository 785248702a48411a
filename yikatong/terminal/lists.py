"""The trust and deny lists a terminal holds: kept on disk as they were signed, verified again at every start."""

import os
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from yikatong.foundation.errors import Refused
from yikatong.gm.sm2 import PublicKey
from yikatong.wire.lists import DENY_LIST, TRUST_LIST, DenyList, ListInvalid, TrustList, open_deny_list, open_trust_list

DENY_LIST_STALE_AFTER_S = 24 * 3600
"""How old a deny list may be before a terminal stops accepting cards offline. Source: assumption."""


class ListRefusal(StrEnum):
    """Why a terminal cannot decide at all."""

    TRUST_LIST_MISSING = "trust_list_missing"
    TRUST_LIST_EXPIRED = "trust_list_expired"
    DENY_LIST_MISSING = "deny_list_missing"
    DENY_LIST_STALE = "deny_list_stale"


@dataclass
class Lists:
    """The lists in one folder."""

    folder: Path
    key: PublicKey
    trust: TrustList | None = field(default=None, init=False)
    deny: DenyList | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (TRUST_LIST, DENY_LIST):
            path = self.folder / f"{name}.json"
            if path.exists():
                self._take(name, path.read_bytes())

    def replace(self, name: str, octets: bytes) -> None:
        """Believe and keep a fresh list. Raises ``ListInvalid``; an older deny list than the present one is ignored."""
        if not self._take(name, octets):
            return
        fresh = self.folder / f".{name}.new"
        with fresh.open("wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.folder / f"{name}.json")

    def require(self, at: datetime) -> tuple[TrustList, DenyList]:
        """Both lists, fresh enough to decide by. Raises ``Refused`` with a ``ListRefusal``."""
        if self.trust is None:
            raise Refused(ListRefusal.TRUST_LIST_MISSING, "终端还没有信任名单，请联网更新（yikatong-terminal sync）")
        if at.timestamp() > self.trust.valid_until_s:
            raise Refused(ListRefusal.TRUST_LIST_EXPIRED, "信任名单已过期，请联网更新")
        if self.deny is None:
            raise Refused(ListRefusal.DENY_LIST_MISSING, "终端还没有停用名单，请联网更新（yikatong-terminal sync）")
        if at.timestamp() - self.deny.issued_at_s > DENY_LIST_STALE_AFTER_S:
            raise Refused(ListRefusal.DENY_LIST_STALE, "停用名单超过一天没有更新，请联网后再用")
        return self.trust, self.deny

    def _take(self, name: str, octets: bytes) -> bool:
        if name == TRUST_LIST:
            trust = open_trust_list(octets, self.key)
            if self.trust is not None and trust.version < self.trust.version:
                return False
            self.trust = trust
            return True
        if name != DENY_LIST:
            raise ListInvalid(f"there is no list called {name}")
        deny = open_deny_list(octets, self.key)
        if self.deny is not None and (deny.version, deny.issued_at_s) < (self.deny.version, self.deny.issued_at_s):
            return False
        self.deny = deny
        return True
