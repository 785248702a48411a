"""The trust and deny lists a terminal holds: kept on disk as they were signed, verified again whenever they are loaded.

What was tampered with on disk counts as missing, so that the gate says so and the next sync heals it.
"""

import threading
from dataclasses import dataclass

from yikatong.gm.sm2 import PublicKey
from yikatong.terminal.storage import Storage
from yikatong.wire.lists import DENY_LIST, TRUST_LIST, DenyList, ListInvalid, TrustList, open_deny_list, open_trust_list


@dataclass(frozen=True, slots=True)
class Held:
    """The lists at one moment; ``None`` for one that is missing or not to be believed."""

    trust: TrustList | None = None
    deny: DenyList | None = None


class Lists:
    """The lists in one terminal's memory. ``faults`` says what was found not to be believed."""

    def __init__(self, storage: Storage, key: PublicKey) -> None:
        self._storage = storage
        self._key = key
        self._lock = threading.Lock()
        self._revisions: dict[str, int] = {}
        self._held = Held()
        self.faults: dict[str, str] = {}

    def current(self) -> Held:
        """Both lists as they are now; another process may have replaced them since."""
        with self._lock:
            with self._storage.read() as database:
                revisions = dict(database.execute("select name, revision from list").fetchall())
            if revisions != self._revisions:
                self._load()
            return self._held

    def replace(self, name: str, octets: bytes) -> bool:
        """Believe and keep a fetched list; ``False`` when the one at hand is newer. Raises ``ListInvalid``.

        Older is what was signed earlier and is of no higher version: someone repeats an old answer, or two gateways' clocks
        differ a little. A lower version signed later comes from a restored database and is taken.
        """
        fresh = self._open(name, octets)
        with self._storage.write() as database:
            row = database.execute("select octets, revision from list where name = ?", [name]).fetchone()
            if row is not None:
                try:
                    held = self._open(name, row[0])
                except ListInvalid:
                    held = None
                if held and fresh.issued_at_s < held.issued_at_s and fresh.version <= held.version:
                    return False
            database.execute(
                "insert into list values (?, ?, ?) on conflict (name) do update "
                "set octets = excluded.octets, revision = excluded.revision",
                [name, octets, row[1] + 1 if row else 1],
            )
        return True

    def _load(self) -> None:
        with self._storage.read() as database:
            rows = database.execute("select name, octets, revision from list").fetchall()
        trust, deny = None, None
        self._revisions, self.faults = {}, {}
        for name, octets, revision in rows:
            self._revisions[name] = revision
            try:
                content = self._open(name, octets)
            except ListInvalid as error:
                self.faults[name] = str(error)
                continue
            if isinstance(content, TrustList):
                trust = content
            else:
                deny = content
        self._held = Held(trust, deny)

    def _open(self, name: str, octets: bytes) -> TrustList | DenyList:
        if name == TRUST_LIST:
            return open_trust_list(octets, self._key)
        if name == DENY_LIST:
            return open_deny_list(octets, self._key)
        raise ListInvalid(f"there is no list called {name}")
