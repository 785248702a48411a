"""What a clearing batch posts, and what its statements say. Pure: no I/O, no clock, no framework.

Every charge to a card is a claim on the bank that issued it and a debt to the operator that carried the holder. The batch
posts the sums once; settling moves the money through the city's settlement account.
"""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from yikatong.foundation.money import yuan_text

SETTLEMENT_ACCOUNT = "city:settlement"


@dataclass(frozen=True, slots=True)
class Sum:
    """All charges of one batch between one bank and one operator. ``entries`` counts them."""

    bank_code: str
    operator_code: str
    entries: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class StatementText:
    """One party's statement: who, how many charges, how much, and the two files' texts."""

    party: str
    entries: int
    total_fen: int
    csv_text: str
    json_text: str


def bank_account(bank_code: str) -> str:
    """The ledger account of what a bank owes."""
    return f"bank:{bank_code}:receivable"


def operator_account(operator_code: str) -> str:
    """The ledger account of what an operator is owed."""
    return f"operator:{operator_code}:payable"


def clearing_lines(sums: Sequence[Sum]) -> list[tuple[str, int]]:
    """The batch's transfer: every bank debited, every operator credited; lines of zero fen are left out."""
    totals: dict[str, int] = defaultdict(int)
    for item in sums:
        totals[bank_account(item.bank_code)] += item.amount_fen
        totals[operator_account(item.operator_code)] -= item.amount_fen
    return sorted((account, amount) for account, amount in totals.items() if amount)


def settlement_lines(sums: Sequence[Sum]) -> list[tuple[str, int]]:
    """The settlement's transfer: banks pay in, operators are paid out, the settlement account ends where it began."""
    lines = [(account, -amount) for account, amount in clearing_lines(sums)]
    paid_in = -sum(amount for _, amount in lines if amount < 0)
    return [*lines, (SETTLEMENT_ACCOUNT, paid_in), (SETTLEMENT_ACCOUNT, -paid_in)] if lines else []


def statements(batch_id: str, business_day: date, sums: Sequence[Sum]) -> list[StatementText]:
    """One statement per bank (what it owes whom) and per operator (who owes it what), in the order of their names."""
    by_party: dict[str, list[tuple[str, Sum]]] = defaultdict(list)
    for item in sorted(sums, key=lambda item: (item.bank_code, item.operator_code)):
        by_party[f"bank:{item.bank_code}"].append((f"operator:{item.operator_code}", item))
        by_party[f"operator:{item.operator_code}"].append((f"bank:{item.bank_code}", item))
    return [_statement(batch_id, business_day, party, by_party[party]) for party in sorted(by_party)]


def _statement(batch_id: str, business_day: date, party: str, items: list[tuple[str, Sum]]) -> StatementText:
    rows = [
        {
            "counterparty": counterparty,
            "entries": item.entries,
            "amount_fen": item.amount_fen,
            "amount_yuan": yuan_text(item.amount_fen),
        }
        for counterparty, item in items
    ]
    entries = sum(item.entries for _, item in items)
    total_fen = sum(item.amount_fen for _, item in items)
    head = {
        "batch": batch_id,
        "business_day": business_day.isoformat(),
        "party": party,
        "direction": "pays" if party.startswith("bank:") else "receives",
    }
    text = io.StringIO()
    writer = csv.DictWriter(
        text, [*head, "counterparty", "entries", "amount_fen", "amount_yuan"], lineterminator="\r\n"
    )
    writer.writeheader()
    writer.writerows(head | row for row in rows)
    total = {"counterparty": "TOTAL", "entries": entries, "amount_fen": total_fen, "amount_yuan": yuan_text(total_fen)}
    writer.writerow(head | total)
    document = head | {"lines": rows, "entries": entries, "total_fen": total_fen, "total_yuan": yuan_text(total_fen)}
    return StatementText(
        party, entries, total_fen, text.getvalue(), json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    )
