"""Clearing and settling: from priced journeys and proved purse payments to balanced postings and proved statements.

``clear`` takes every charge before its cut-off that no earlier batch took; ``settle`` records that the money moved. Both are
safe to repeat and to run twice at once. What moves the money (the settlement bank's files) is a later piece: the statement
is the instruction.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from django.db import connection, transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.clearing import purses
from yikatong.clearing.locking import lock_clearing
from yikatong.clearing.models import CardEntry, ClearingBatch, PurseEntry, Statement
from yikatong.clearing.rules import (
    SETTLEMENT_ACCOUNT,
    StatementText,
    Sum,
    bank_party,
    clearing_lines,
    is_payer,
    purse_party,
    settlement_lines,
    statements,
)
from yikatong.foundation.clock import beijing_day, beijing_day_bounds
from yikatong.foundation.errors import Refused
from yikatong.gm import sm3
from yikatong.ledger import services as ledger
from yikatong.scenarios.transit import services as transit

CLEARING = UUID("b0f1c0b4-63f6-4c36-9d58-3a1a50f3c1a7")


class Reason(StrEnum):
    """Why clearing was refused."""

    CUT_OFF_IN_FUTURE = "cut_off_in_future"
    BATCH_UNKNOWN = "batch_unknown"
    TOTALS_DISAGREE = "totals_disagree"


def clear_day(day: date, *, by: Actor, at: datetime) -> ClearingBatch | None:
    """Clear up to the end of ``day`` in Beijing: the nightly cycle. ``None`` when nothing was left to clear."""
    return clear(beijing_day_bounds(day)[1], by=by, at=at)


def clear(until: datetime, *, by: Actor, at: datetime) -> ClearingBatch | None:
    """Price and prove what is pending, then take every charge before ``until`` into a new batch and post it.

    Returns ``None`` when there is nothing to clear. Raises ``Refused``: a cut-off in the future would miss charges still
    to come. One transaction from the first entry to the last statement.
    """
    if until > at:
        raise Refused(Reason.CUT_OFF_IN_FUTURE, f"截止时间 {until:%Y-%m-%d %H:%M} 还没有到，不能清分")
    transit.price_pending(until, at=at)
    purses.prove_payments(at=at)
    with transaction.atomic():
        lock_clearing()
        _enter_journeys(until, at=at)
        purses.enter_payments(until)
        ledgers = [entries.objects.filter(batch_id=None, charged_at__lt=until) for entries in (CardEntry, PurseEntry)]
        if not any(entries.exists() for entries in ledgers):
            return None
        business_day = beijing_day(until - timedelta(microseconds=1))
        cycle = ClearingBatch.objects.filter(business_day=business_day).count() + 1
        batch_id = f"{business_day.isoformat()}.{cycle}"
        for entries in ledgers:
            entries.update(batch_id=batch_id)
        sums = sums_of(batch_id)
        _open_accounts(sums, at=at)
        ledger.post(
            clearing_transfer_id(batch_id),
            kind="clearing",
            business_day=business_day,
            reference=batch_id,
            lines=[ledger.Line(*line) for line in clearing_lines(sums)],
            at=at,
        )
        batch = ClearingBatch.objects.create(
            batch_id=batch_id,
            business_day=business_day,
            cycle=cycle,
            until=until,
            entries=sum(item.entries for item in sums),
            total_fen=sum(item.amount_fen for item in sums),
            cleared_at=at,
        )
        _write_statements(batch, sums)
        record(
            "clearing.cleared",
            subject=f"batch:{batch_id}",
            by=by,
            at=at,
            entries=batch.entries,
            total_fen=batch.total_fen,
        )
        return batch


def settle(batch_id: str, *, by: Actor, at: datetime) -> ClearingBatch:
    """Record that the payers paid and the operators were paid. Repeating it changes nothing.

    Raises ``Refused`` when there is no such batch.
    """
    with transaction.atomic():
        lock_clearing()
        batch = ClearingBatch.objects.select_for_update().filter(batch_id=batch_id).first()
        if batch is None:
            raise Refused(Reason.BATCH_UNKNOWN, f"没有清分批次 {batch_id}；请用“yikatong clearing batches”查看已有批次")
        if batch.settled_at is not None:
            return batch
        ledger.open_account(SETTLEMENT_ACCOUNT, "asset", at=at)
        ledger.post(
            uuid5(CLEARING, f"settlement:{batch_id}"),
            kind="settlement",
            business_day=batch.business_day,
            reference=batch_id,
            lines=[ledger.Line(*line) for line in settlement_lines(sums_of(batch_id))],
            at=at,
        )
        batch.settled_at = at
        batch.save(update_fields=["settled_at"])
        record("clearing.settled", subject=f"batch:{batch_id}", by=by, at=at, total_fen=batch.total_fen)
        return batch


def sums_of(batch_id: str) -> list[Sum]:
    """The batch's charges, summed per payer and operator, straight from both sub-ledgers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select bank_code, operator_code, count(*), sum(amount_fen)::bigint from clearing_card_entry "
            "where batch_id = %s group by 1, 2 order by 1, 2",
            [batch_id],
        )
        sums = [Sum(bank_party(bank), *rest) for bank, *rest in cursor.fetchall()]
        cursor.execute(
            "select issuer_hex, operator_code, count(*), sum(amount_fen)::bigint from clearing_purse_entry "
            "where batch_id = %s group by 1, 2 order by 1, 2",
            [batch_id],
        )
        return sums + [Sum(purse_party(issuer), *rest) for issuer, *rest in cursor.fetchall()]


def clearing_transfer_id(batch_id: str) -> UUID:
    """The batch's transfer in the general ledger; derived, so that a batch can be posted only once."""
    return uuid5(CLEARING, f"clearing:{batch_id}")


def prove(batch: ClearingBatch) -> None:
    """Hold the batch's statements against the ledger, account by account. Raises ``Refused`` on the first difference."""
    posted: dict[str, int] = {}
    for line in ledger.lines_of(clearing_transfer_id(batch.batch_id)):
        posted[line.account_code] = posted.get(line.account_code, 0) + line.amount_fen
    stated = {}
    for statement in Statement.objects.filter(batch_id=batch.batch_id):
        pays = is_payer(statement.party)
        account = f"{statement.party}:{'receivable' if pays else 'payable'}"
        stated[account] = statement.total_fen if pays else -statement.total_fen
    stated = {account: amount for account, amount in stated.items() if amount}
    if posted != stated:
        different = sorted(account for account in posted.keys() | stated if posted.get(account) != stated.get(account))
        raise Refused(Reason.TOTALS_DISAGREE, f"批次 {batch.batch_id} 的对账单与总账不一致：{'、'.join(different)}")


def _enter_journeys(until: datetime, *, at: datetime) -> None:
    """Charge every priced journey to its card's sub-ledger, once. Both tables are distributed by card."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into clearing_card_entry (card_id, source, operator_code, bank_code, amount_fen, charged_at) "
            "select j.card_id, 'journey:' || j.journey_id, j.operator_code, c.bank_code, j.fare_fen, j.charged_at "
            "from transit_journey j join issuance_card c on c.card_id = j.card_id "
            "where j.charged_at < %s and j.fare_fen > 0 and not exists (select from clearing_card_entry e "
            "where e.card_id = j.card_id and e.source = 'journey:' || j.journey_id)",
            [until],
        )


def _open_accounts(sums: Sequence[Sum], *, at: datetime) -> None:
    for account, _ in clearing_lines(sums):
        ledger.open_account(account, "asset" if is_payer(account) else "liability", at=at)


def _write_statements(batch: ClearingBatch, sums: Sequence[Sum]) -> None:
    texts: list[StatementText] = statements(batch.batch_id, batch.business_day, sums)
    Statement.objects.bulk_create(
        Statement(
            batch_id=batch.batch_id,
            party=text.party,
            entries=text.entries,
            total_fen=text.total_fen,
            csv_text=text.csv_text,
            json_text=text.json_text,
            sm3_hex=sm3.digest((text.csv_text + text.json_text).encode()).hex(),
        )
        for text in texts
    )
    prove(batch)
