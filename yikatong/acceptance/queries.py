"""The statements of the tap's hot path, shared by both doors: the gateway (async, no Django) and the services.

A card is found in two steps, each on one distribution column: by key in the directory, then by card.
"""

from datetime import UTC, datetime
from typing import Any

from yikatong.acceptance.rules import Standing

FIND_CARD = "select card_id from issuance_card_directory where key = %(key)s"

LOAD_STANDING = """
select c.card_id, c.person_id, c.generation, c.activated_at, c.ended_at, c.state = 'cancelled',
    c.pre_reported_lost_at, c.pre_report_lapses_at, c.reported_lost_at, d.revoked_at
from issuance_card c
left join ecard_device d on d.card_id = c.card_id and d.serial = %(serial)s
where c.card_id = %(card_id)s
"""

STORE_TAP = """
select status, outcome, reason from acceptance_store_tap_v1(
    %(terminal_id)s, %(sequence)s, %(digest)s, %(card_id)s, %(kind)s, %(station)s, %(at)s, %(received_at)s,
    %(outcome)s, %(reason)s, %(device_serial)s, %(nonce)s)
"""

FIND_TERMINAL = """
select t.public_key, t.revoked_at, v.name, t.purpose, v.operator_code
from acceptance_terminal t join acceptance_venue v on v.venue_id = t.venue_id
where t.terminal_id = %(terminal_id)s
"""

LOAD_NAME = "select name_sealed from registry_person where person_id = %(person_id)s"


def standing_of(row: tuple[Any, ...] | None) -> Standing | None:
    """A row of ``LOAD_STANDING`` as the rules take it."""
    return Standing(*row) if row is not None else None


def directory_key(*, token: bytes | None = None, number: str | None = None, code: str | None = None) -> str:
    """The directory's key for one of the ways to name a card."""
    if token is not None:
        return f"token:{token.hex()}"
    return f"number:{number.strip().upper()}" if number is not None else f"code:{(code or '').strip().upper()}"


def moment(at_ms: int) -> datetime:
    """Unix milliseconds as an aware time. Raises ``ValueError`` outside the years 1970 to 9999."""
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{at_ms} is not a time in milliseconds") from error
