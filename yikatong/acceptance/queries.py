"""The statements of the tap's hot path, shared by both doors: the gateway (async, no Django) and the services.

Cards are found in two steps, each on one distribution column: by key in the directory, then by card. Both take many at once, so
that an upload of hundreds of taps loads with two statements.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from yikatong.acceptance.rules import Standing, TerminalStanding

FIND_CARDS = "select key, card_id from issuance_card_directory where key = any(%(keys)s)"

LOAD_STANDINGS = """
select d.serial, c.card_id, c.person_id, c.generation, c.activated_at, c.ended_at, c.state = 'cancelled',
    c.pre_reported_lost_at, c.pre_report_lapses_at, c.reported_lost_at, d.revoked_at
from issuance_card c
left join ecard_device d on d.card_id = c.card_id and d.serial = any(%(serials)s::bytea[])
where c.card_id = any(%(card_ids)s)
"""

STORE_TAP = """
select status, outcome, reason from acceptance_store_tap_v1(
    %(terminal_id)s, %(sequence)s, %(digest)s, %(card_id)s, %(kind)s, %(station)s, %(at)s, %(received_at)s,
    %(outcome)s, %(reason)s, %(device_serial)s, %(nonce)s)
"""

STORE_PURSE_PAYMENT = """
insert into acceptance_purse_payment (purse_number, card_counter, digest, terminal_id, terminal_number, issuer_hex, kind,
    algorithm, key_version, amount_fen, balance_before_fen, at, tac, is_checked, place, use, received_at, state, reason)
values (%(purse_number)s, %(card_counter)s, %(digest)s, %(terminal)s, %(terminal_number)s, %(issuer)s, %(kind)s,
    %(algorithm)s, %(key_version)s, %(amount_fen)s, %(balance_before_fen)s, %(at)s, %(tac)s, %(is_checked)s, %(place)s,
    %(use)s, %(received_at)s, 'kept', '')
on conflict (purse_number, card_counter, digest) do nothing
"""

FIND_TERMINAL = """
select t.terminal_id, t.public_key, v.name, t.purpose, t.revoked_at
from acceptance_terminal t join acceptance_venue v on v.venue_id = t.venue_id
where t.terminal_id = %(terminal_id)s
"""

LOAD_NAME = "select name_sealed from registry_person where person_id = %(person_id)s"


class Standings:
    """Cards as they stand, for taps or questions that came together."""

    def __init__(self, cards: Iterable[tuple[str, int]], rows: Iterable[tuple[Any, ...]]) -> None:
        """``cards``: rows of ``FIND_CARDS``; ``rows``: rows of ``LOAD_STANDINGS`` for those cards."""
        self._card_ids = dict(cards)
        self._by_device: dict[tuple[int, bytes | None], Standing] = {}
        for serial, *columns in rows:
            standing = Standing(*columns)
            self._by_device[standing.card_id, None] = replace(standing, device_revoked_at=None)
            if serial is not None:
                self._by_device[standing.card_id, bytes(serial)] = standing

    def of(self, directory_key: str, device_serial: bytes | None) -> Standing | None:
        """The card of that key, shown by that device if by any; ``None`` when there is no such card."""
        card_id = self._card_ids.get(directory_key)
        if card_id is None:
            return None
        return self._by_device.get((card_id, device_serial)) or self._by_device.get((card_id, None))


def terminal_of(row: tuple[Any, ...] | None) -> TerminalStanding | None:
    """A row of ``FIND_TERMINAL`` as the rules take it."""
    if row is None:
        return None
    terminal_id, point, venue, purpose, revoked_at = row
    return TerminalStanding(terminal_id, bytes(point), venue, purpose, revoked_at)


def directory_key(*, token: bytes | None = None, number: str | None = None, code: str | None = None) -> str:
    """The directory's key for one of the ways to name a card."""
    if token is not None:
        return f"token:{token.hex()}"
    return f"number:{number.strip().upper()}" if number is not None else f"code:{(code or '').strip().upper()}"


def moment(at_ms: int) -> datetime:
    """Unix milliseconds, of which there are none outside the years 1970 to 9999, as an aware time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)
