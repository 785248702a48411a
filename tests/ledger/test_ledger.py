"""What the ledger accepts, and what PostgreSQL refuses even when Python is bypassed."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest
from django.db import Error, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yikatong.foundation.errors import Refused
from yikatong.ledger.services import Line, Reason, balance_fen, lines_of, open_account, post, trial_balance

AT = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
DAY = date(2026, 11, 1)
BANK, METRO = "bank:ICBC:receivable", "operator:BJMETRO:payable"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _accounts() -> None:
    open_account(BANK, "asset", at=AT)
    open_account(METRO, "liability", at=AT)


def post_fares(transfer_id: UUID, *lines: tuple[str, int]) -> bool:
    return post(
        transfer_id, kind="clearing", business_day=DAY, reference="day", lines=[Line(*line) for line in lines], at=AT
    )


def test_a_balanced_transfer_moves_both_accounts() -> None:
    transfer_id = uuid4()
    assert post_fares(transfer_id, (BANK, 700), (METRO, -700))
    assert (balance_fen(BANK), balance_fen(METRO)) == (700, -700)
    assert lines_of(transfer_id) == [Line(BANK, 700), Line(METRO, -700)]


def test_posting_twice_is_posting_once() -> None:
    transfer_id = uuid4()
    assert post_fares(transfer_id, (BANK, 700), (METRO, -700))
    assert not post_fares(transfer_id, (METRO, -700), (BANK, 700))
    assert balance_fen(BANK) == 700


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], Reason.TOO_FEW_LINES),
        ([(BANK, 0)], Reason.TOO_FEW_LINES),
        ([(BANK, 700), (METRO, -699)], Reason.UNBALANCED),
        ([(BANK, 700), ("operator:NOBODY:payable", -700)], Reason.ACCOUNT_UNKNOWN),
    ],
)
def test_refusals(lines: list[tuple[str, int]], reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        post_fares(uuid4(), *lines)
    assert refused.value.reason == reason
    assert balance_fen(BANK) == 0


def test_a_reused_id_with_other_content_is_refused_and_changes_nothing() -> None:
    transfer_id = uuid4()
    post_fares(transfer_id, (BANK, 700), (METRO, -700))
    with pytest.raises(Refused) as refused:
        post_fares(transfer_id, (BANK, 800), (METRO, -800))
    assert refused.value.reason == Reason.TRANSFER_ID_REUSED
    assert balance_fen(BANK) == 700


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger_posting set amount_fen = amount_fen + 1",
        "delete from ledger_posting",
        "update ledger_transfer set reference = 'other'",
        "delete from ledger_transfer",
        "truncate ledger_posting",
        "truncate ledger_transfer cascade",
    ],
)
def test_what_is_posted_stays(statement: str) -> None:
    post_fares(uuid4(), (BANK, 700), (METRO, -700))
    with (
        pytest.raises(Error, match=r"append-only|pending trigger"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("set constraints all immediate")
        cursor.execute(statement)
    assert balance_fen(BANK) == 700


def insert_transfer(transfer_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into ledger_transfer values (%s, 'forged', %s, 'r', '\\x00', %s)", [transfer_id, DAY, AT]
        )


def insert_posting(transfer_id: UUID, amount_fen: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into ledger_posting (transfer_id, account_id, amount_fen) "
            "select %s, account_id, %s from ledger_account where code = %s",
            [transfer_id, amount_fen, BANK],
        )


def forge_one_sided() -> None:
    transfer_id = uuid4()
    insert_transfer(transfer_id)
    insert_posting(transfer_id, 500)


def forge_empty() -> None:
    insert_transfer(uuid4())


def add_to_an_old_transfer() -> None:
    transfer_id = uuid4()
    post_fares(transfer_id, (BANK, 700), (METRO, -700))
    insert_posting(transfer_id, 500)


@pytest.mark.parametrize("forgery", [forge_one_sided, forge_empty, add_to_an_old_transfer])
def test_postgresql_refuses_an_unbalanced_transfer_written_around_the_function(forgery: Callable[[], None]) -> None:
    with pytest.raises(Error, match="does not balance"), transaction.atomic():
        forgery()
        with connection.cursor() as cursor:
            cursor.execute("set constraints all immediate")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.integers(min_value=1, max_value=10**12), min_size=1, max_size=20))
def test_money_is_conserved(amounts_fen: list[int]) -> None:
    before = balance_fen(BANK)
    post_fares(uuid4(), *((BANK, amount) for amount in amounts_fen), (METRO, -sum(amounts_fen)))
    assert balance_fen(BANK) == before + sum(amounts_fen)
    assert sum(trial_balance().values()) == 0
