"""Posting to the general ledger and asking what an account holds.

The invariants (balanced, once only, nothing changed afterwards) stand in ``sql/ledger_v1.sql``; here is only the door.
It does not know what a fare or a bank is: callers bring account codes.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from django.db import Error, connection, transaction
from django.db.models import Sum

from yikatong.foundation.errors import Refused
from yikatong.ledger.models import Account, Posting


class Reason(StrEnum):
    """Why a posting was refused."""

    TOO_FEW_LINES = "too_few_lines"
    UNBALANCED = "unbalanced"
    ACCOUNT_UNKNOWN = "account_unknown"
    TRANSFER_ID_REUSED = "transfer_id_reused"


_REASON_OF_SQLSTATE = {
    "YKL01": Reason.TOO_FEW_LINES,
    "YKL02": Reason.UNBALANCED,
    "YKL03": Reason.ACCOUNT_UNKNOWN,
    "YKL04": Reason.TRANSFER_ID_REUSED,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One side of a transfer: a positive amount debits the account, a negative one credits it."""

    account_code: str
    amount_fen: int


def open_account(code: str, kind: str, *, at: datetime) -> None:
    """Open an account unless it is open. ``kind``: asset, liability, income or expense."""
    Account.objects.get_or_create(code=code, defaults={"kind": kind, "opened_at": at})


def post(
    transfer_id: UUID, *, kind: str, business_day: date, reference: str, lines: Sequence[Line], at: datetime
) -> bool:
    """Post one balanced transfer; ``True`` when it is new, ``False`` when it was posted before with the same content.

    Raises ``Refused`` with a ``Reason``; the surrounding transaction stays usable.
    """
    body = json.dumps([{"account": line.account_code, "amount_fen": line.amount_fen} for line in lines])
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "select ledger_post_v1(%s, %s, %s, %s, %s::jsonb, %s)",
                [transfer_id, kind, business_day, reference, body, at],
            )
            return bool(cursor.fetchone()[0] == "posted")
    except Error as error:
        reason = _REASON_OF_SQLSTATE.get(getattr(error.__cause__, "sqlstate", None) or "")
        if reason is None:
            raise
        raise Refused(reason, str(error.__cause__).splitlines()[0]) from error


def balance_fen(account_code: str) -> int:
    """Debits less credits of one account; 0 for an account without postings or one never opened."""
    total = Posting.objects.filter(account__code=account_code).aggregate(total=Sum("amount_fen"))["total"]
    return int(total or 0)


def trial_balance() -> dict[str, int]:
    """Every account's balance in fen, by code. The values sum to 0 or the ledger is broken."""
    rows: Iterable[tuple[str, int | None]] = Account.objects.annotate(total=Sum("posting__amount_fen")).values_list(
        "code", "total"
    )
    return {code: int(total or 0) for code, total in rows}


def lines_of(transfer_id: UUID) -> list[Line]:
    """The postings of one transfer, by account code."""
    rows = Posting.objects.filter(transfer_id=transfer_id).order_by("account__code", "amount_fen")
    return [Line(code, amount) for code, amount in rows.values_list("account__code", "amount_fen")]
