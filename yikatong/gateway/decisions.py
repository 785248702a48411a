"""Load, decide, post: taps as they come together, each stored by itself, and single questions.

Signatures are checked in threads (libcrypto lets go of the interpreter lock), a few taps to a thread, so that an upload uses
every core and never holds up the others' requests.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import batched

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from yikatong.acceptance import queries
from yikatong.acceptance.decisions import Named, ReadTap, judge, read_card, read_payment, read_tap
from yikatong.acceptance.queries import Standings
from yikatong.acceptance.rules import TerminalStanding, decide_card
from yikatong.foundation.errors import Refused
from yikatong.foundation.masks import masked_name
from yikatong.registry.sealing import field_cipher
from yikatong.wire.purses import PurseReply, PurseResult, PurseUpload
from yikatong.wire.taps import Authorise, Decision, Tap, TapResult, TapUpload, UploadReply

log = logging.getLogger(__name__)
TAPS_PER_THREAD = 16
GATE = "gate"


async def authorise(
    pool: AsyncConnectionPool, question: Authorise, *, terminal: TerminalStanding, at: datetime
) -> Decision:
    """Whether the card may be used now, decided by the gateway's clock.

    The holder's name comes masked, and not to gates: nobody stands there to compare it with a face.
    """
    try:
        named = await asyncio.to_thread(read_card, question, at=at)
        async with pool.connection() as connection:
            standings = await _load_standings(connection, [named])
            standing = decide_card(standings.of(named.directory_key, named.device_serial), at=at)
            if terminal.purpose == GATE:
                return Decision(accepted=True, card_generation=standing.generation)
            cursor = await connection.execute(queries.LOAD_NAME, {"person_id": standing.person_id})
            row = await cursor.fetchone()
    except Refused as refused:
        return Decision(accepted=False, reason=str(refused.reason))
    name = masked_name(field_cipher().open("name", bytes(row[0]))) if row else ""
    return Decision(accepted=True, card_generation=standing.generation, masked_name=name)


async def upload_taps(
    pool: AsyncConnectionPool, upload: TapUpload, *, terminal: TerminalStanding, at: datetime
) -> UploadReply:
    """Decide and store each tap by itself, in the order of their sequence; results in the order sent."""
    read_part = partial(_read_taps, terminal=terminal, received_at=at)
    parts = [asyncio.to_thread(read_part, part) for part in batched(upload.taps, TAPS_PER_THREAD)]
    read = [tap for part in await asyncio.gather(*parts) for tap in part]
    results = {position: tap for position, tap in enumerate(read) if isinstance(tap, TapResult)}
    kept = sorted(
        ((position, tap) for position, tap in enumerate(read) if isinstance(tap, ReadTap)),
        key=lambda item: item[1].tap.sequence,
    )
    if kept:
        async with pool.connection() as connection:
            standings = await _load_standings(connection, [tap.named for _, tap in kept if tap.named])
            for position, tap in kept:
                results[position] = await _store(connection, tap, standings)
    return UploadReply([results[position] for position in range(len(read))], int(at.timestamp() * 1000))


async def upload_payments(
    pool: AsyncConnectionPool, upload: PurseUpload, *, terminal: TerminalStanding, at: datetime
) -> PurseReply:
    """Keep purses' payments for settlement, all that can be kept in one transaction; results in the order sent."""
    results: list[PurseResult] = []
    async with pool.connection() as connection, connection.transaction():
        for payment in upload.payments:
            try:
                parameters = read_payment(payment, terminal, received_at=at)
            except Refused as refused:
                results.append(PurseResult(*payment.key, "refused", str(refused.reason)))
                continue
            cursor = await connection.execute(queries.STORE_PURSE_PAYMENT, parameters)
            results.append(PurseResult(*payment.key, "stored" if cursor.rowcount else "repeated"))
    return PurseReply(results, int(at.timestamp() * 1000))


def _read_taps(taps: Iterable[Tap], *, terminal: TerminalStanding, received_at: datetime) -> list[ReadTap | TapResult]:
    read: list[ReadTap | TapResult] = []
    for tap in taps:
        try:
            read.append(read_tap(tap, terminal, received_at=received_at))
        except Refused as refused:
            read.append(TapResult(tap.sequence, "refused", str(refused.reason)))
    return read


async def _load_standings(connection: AsyncConnection, named: Sequence[Named]) -> Standings:
    keys = [each.directory_key for each in named]
    cards = await (await connection.execute(queries.FIND_CARDS, {"keys": keys})).fetchall()
    serials = [each.device_serial for each in named if each.device_serial is not None]
    card_ids = [card_id for _, card_id in cards]
    rows = await connection.execute(queries.LOAD_STANDINGS, {"card_ids": card_ids, "serials": serials})
    return Standings(cards, await rows.fetchall())


async def _store(connection: AsyncConnection, read: ReadTap, standings: Standings) -> TapResult:
    """One transaction. What PostgreSQL will not keep is refused alone; the others go on."""
    standing = standings.of(read.named.directory_key, read.named.device_serial) if read.named else None
    try:
        cursor = await connection.execute(queries.STORE_TAP, judge(read, standing))
        row = await cursor.fetchone()
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        log.error("tap %s of %s not kept: %s", read.tap.sequence, read.tap.terminal_id, error.sqlstate)
        return TapResult(read.tap.sequence, "refused", "tap_not_storable")
    if row is None:
        raise RuntimeError("acceptance_store_tap_v1 answered nothing")
    return TapResult(read.tap.sequence, row[0], row[2])
