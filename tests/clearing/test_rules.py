"""What a batch posts and states."""

import csv
import io
import json
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from yikatong.clearing.rules import SETTLEMENT_ACCOUNT, Sum, clearing_lines, settlement_lines, statements

SUMS = [Sum("bank:ABC", "METRO", 2, 700), Sum("bank:ICBC", "METRO", 1, 400), Sum("bank:ICBC", "PARK", 1, 1000)]


def test_banks_are_debited_and_operators_credited() -> None:
    assert dict(clearing_lines(SUMS)) == {
        "bank:ABC:receivable": 700,
        "bank:ICBC:receivable": 1400,
        "operator:METRO:payable": -1100,
        "operator:PARK:payable": -1000,
    }


def test_settling_reverses_every_account_through_the_settlement_account() -> None:
    lines = settlement_lines(SUMS)
    assert sum(amount for _, amount in lines) == 0
    assert [amount for account, amount in lines if account == SETTLEMENT_ACCOUNT] == [2100, -2100]
    assert settlement_lines([]) == []


sums = st.builds(
    Sum,
    st.sampled_from(["bank:ABC", "bank:ICBC", "purse:01011000FFFFFFFF"]),
    st.sampled_from(["METRO", "PARK"]),
    st.integers(1, 99),
    st.integers(1, 10**9),
)


@given(st.lists(sums, max_size=8, unique_by=lambda item: (item.payer, item.operator_code)))
def test_lines_balance_and_statements_add_up(items: list[Sum]) -> None:
    assert sum(amount for _, amount in clearing_lines(items)) == 0
    total_fen = sum(item.amount_fen for item in items)
    stated = statements("2026-11-02.1", date(2026, 11, 2), items)
    for kind in (("bank:", "purse:"), ("operator:",)):
        assert sum(text.total_fen for text in stated if text.party.startswith(kind)) == total_fen


def test_both_files_of_a_statement_say_the_same() -> None:
    (statement,) = [text for text in statements("b", date(2026, 11, 2), SUMS) if text.party == "bank:ICBC"]
    document = json.loads(statement.json_text)
    rows = list(csv.DictReader(io.StringIO(statement.csv_text)))
    assert [(row["counterparty"], int(row["amount_fen"])) for row in rows] == [
        ("operator:METRO", 400),
        ("operator:PARK", 1000),
        ("TOTAL", 1400),
    ]
    assert [(line["counterparty"], line["amount_fen"]) for line in document["lines"]] == [
        ("operator:METRO", 400),
        ("operator:PARK", 1000),
    ]
    assert (document["total_fen"], document["direction"], statement.entries) == (1400, "pays", 2)
