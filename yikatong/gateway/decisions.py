"""Load, decide, post: one tap or one question at a time, over the gateway's own connections.

Signatures are checked in threads (libcrypto lets go of the interpreter lock), so that a burst of uploads uses every core.
"""

import asyncio
from datetime import datetime

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from yikatong.acceptance import queries
from yikatong.acceptance.decisions import Named, check_tap, read_card, tap_row
from yikatong.acceptance.rules import Standing, decide_card
from yikatong.foundation.errors import Refused
from yikatong.foundation.masks import masked_name
from yikatong.registry.sealing import field_cipher
from yikatong.wire.taps import Authorise, Decision, Tap, TapResult, TapUpload, UploadReply


async def authorise(pool: AsyncConnectionPool, question: Authorise, *, at: datetime) -> Decision:
    """Whether the card may be used now, decided by the gateway's clock; the holder's name comes masked."""
    try:
        named = await asyncio.to_thread(read_card, question, at=at)
        async with pool.connection() as connection:
            standing = decide_card(await _load_standing(connection, named), at=at)
            cursor = await connection.execute(queries.LOAD_NAME, {"person_id": standing.person_id})
            row = await cursor.fetchone()
    except Refused as refused:
        return Decision(accepted=False, reason=str(refused.reason))
    name = masked_name(field_cipher().open("name", bytes(row[0]))) if row else ""
    return Decision(accepted=True, card_generation=standing.generation, masked_name=name)


async def upload_taps(pool: AsyncConnectionPool, upload: TapUpload, *, terminal_id: str, at: datetime) -> UploadReply:
    """Decide and store each tap by itself, in the order of their sequence; results in the order sent."""
    results: dict[int, TapResult] = {}
    async with pool.connection() as connection:
        for position, tap in sorted(enumerate(upload.taps), key=lambda item: item[1].sequence):
            results[position] = await _take_tap(connection, tap, terminal_id=terminal_id, received_at=at)
    return UploadReply([results[position] for position in range(len(upload.taps))], int(at.timestamp() * 1000))


async def _take_tap(connection: AsyncConnection, tap: Tap, *, terminal_id: str, received_at: datetime) -> TapResult:
    try:
        at = check_tap(tap, terminal_id=terminal_id, received_at=received_at)
    except Refused as refused:
        return TapResult(tap.sequence, "refused", str(refused.reason))
    named, standing, reason = Named(""), None, tap.reason
    if tap.decision == "accepted":
        try:
            named = await asyncio.to_thread(read_card, tap, at=at)
            standing = decide_card(await _load_standing(connection, named), at=at)
        except Refused as refused:
            reason = str(refused.reason)
    cursor = await connection.execute(
        queries.STORE_TAP,
        tap_row(tap, named=named, standing=standing, reason=reason, at=at, received_at=received_at),
    )
    row = await cursor.fetchone()
    if row is None:
        raise RuntimeError("acceptance_store_tap_v1 answered nothing")
    return TapResult(tap.sequence, row[0], row[2])


async def _load_standing(connection: AsyncConnection, named: Named) -> Standing | None:
    cursor = await connection.execute(queries.FIND_CARD, {"key": named.directory_key})
    found = await cursor.fetchone()
    if found is None:
        return None
    cursor = await connection.execute(queries.LOAD_STANDING, {"card_id": found[0], "serial": named.device_serial})
    return queries.standing_of(await cursor.fetchone())
