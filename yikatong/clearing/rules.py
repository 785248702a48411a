"""What a clearing batch posts, and what its statements say. Pure: no I/O, no clock, no framework.

Every charge to a card is a claim on the bank that issued it and a debt to the operator that carried the holder; every
payment of a purse is a claim on the issuer that holds the purse's money. The batch posts the sums once; settling moves the
money through the city's settlement account.
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
    """All charges of one batch between one payer and one operator. ``payer``: bank:ICBC, purse:01011000FFFFFFFF."""

    payer: str
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


def bank_party(bank_code: str) -> str:
    """A bank, as payers are named."""
    return f"bank:{bank_code}"


def purse_party(issuer_hex: str) -> str:
    """Whoever holds the purses' money, by the first eight bytes of their file 15."""
    return f"purse:{issuer_hex}"


def payer_account(payer: str) -> str:
    """The ledger account of what a payer owes."""
    return f"{payer}:receivable"


def operator_party(operator_code: str) -> str:
    """An operator, as the paid are named."""
    return f"operator:{operator_code}"


def is_payer(party: str) -> bool:
    """Whether a statement's party pays; the others are paid."""
    return not party.startswith("operator:")


def operator_account(operator_code: str) -> str:
    """The ledger account of what an operator is owed."""
    return f"{operator_party(operator_code)}:payable"


def clearing_lines(sums: Sequence[Sum]) -> list[tuple[str, int]]:
    """The batch's transfer: every payer debited, every operator credited; lines of zero fen are left out."""
    totals: dict[str, int] = defaultdict(int)
    for item in sums:
        totals[payer_account(item.payer)] += item.amount_fen
        totals[operator_account(item.operator_code)] -= item.amount_fen
    return sorted((account, amount) for account, amount in totals.items() if amount)


def settlement_lines(sums: Sequence[Sum]) -> list[tuple[str, int]]:
    """The settlement's transfer: payers pay in, operators are paid out, the settlement account ends where it began."""
    lines = [(account, -amount) for account, amount in clearing_lines(sums)]
    paid_in = -sum(amount for _, amount in lines if amount < 0)
    return [*lines, (SETTLEMENT_ACCOUNT, paid_in), (SETTLEMENT_ACCOUNT, -paid_in)] if lines else []


def statements(batch_id: str, business_day: date, sums: Sequence[Sum]) -> list[StatementText]:
    """One statement per payer (what it owes whom) and per operator (who owes it what), in the order of their names."""
    by_party: dict[str, list[tuple[str, Sum]]] = defaultdict(list)
    for item in sorted(sums, key=lambda item: (item.payer, item.operator_code)):
        by_party[item.payer].append((operator_party(item.operator_code), item))
        by_party[operator_party(item.operator_code)].append((item.payer, item))
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
        "direction": "pays" if is_payer(party) else "receives",
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
