"""From priced journeys to proved statements: every charge once, balanced, and the files say what the ledger says."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from django.db import Error, connection, transaction

from tests.at_once import at_once
from tests.cast import CLERK, active_card, make_bank, make_person
from yikatong.audit.models import AuditEvent
from yikatong.clearing.cli import clearing as commands
from yikatong.clearing.models import CardEntry, ClearingBatch, Statement
from yikatong.clearing.services import Reason, clear, clear_day, clearing_transfer_id, prove, settle
from yikatong.foundation.errors import Refused
from yikatong.ledger import services as ledger
from yikatong.ledger.models import Posting
from yikatong.scenarios.transit.models import Journey

DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # 00:00 of the 24th in Beijing
MORNING = MIDNIGHT + timedelta(hours=8)
pytestmark = pytest.mark.django_db


def card_of(bank: str, serial: int) -> int:
    return active_card(make_person(serial), make_bank(bank)).card_id


def ride(card_id: int, fare_fen: int, *, at: datetime = NOON, operator: str = "BJMETRO") -> UUID:
    journey_id = uuid4()
    Journey.objects.create(
        card_id=card_id,
        journey_id=journey_id,
        entry_station="国贸",
        exit_station="西单",
        full_fare_fen=fare_fen,
        fare_fen=fare_fen,
        explanation="distance",
        operator_code=operator,
        month=DAY.replace(day=1),
        charged_at=at,
        priced_at=at,
    )
    return journey_id


def balances() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select a.code, sum(p.amount_fen)::bigint from ledger_posting p join ledger_account a using (account_id)"
            " group by 1 having sum(p.amount_fen) <> 0"
        )
        return dict(cursor.fetchall())


@pytest.fixture
def rides(db: None) -> tuple[int, int]:
    """Two cards of two banks, three rides with two operators: 4, 3.20 and 2 yuan."""
    icbc, abc = card_of("ICBC", 1), card_of("ABC", 2)
    ride(icbc, 400)
    ride(icbc, 320, operator="TRAM")
    ride(abc, 200)
    return icbc, abc


def cleared() -> ClearingBatch:
    batch = clear_day(DAY, by=CLERK, at=MORNING)
    assert batch is not None
    return batch


def test_a_day_is_cleared_balanced_and_stated(rides: tuple[int, int]) -> None:
    batch = cleared()
    assert (batch.batch_id, batch.entries, batch.total_fen) == ("2026-11-23.1", 3, 920)
    assert balances() == {
        "bank:ICBC:receivable": 720,
        "bank:ABC:receivable": 200,
        "operator:BJMETRO:payable": -600,
        "operator:TRAM:payable": -320,
    }
    totals = Statement.objects.values_list("party", "entries", "total_fen").order_by("party")
    assert list(totals) == [
        ("bank:ABC", 1, 200),
        ("bank:ICBC", 2, 720),
        ("operator:BJMETRO", 2, 600),
        ("operator:TRAM", 1, 320),
    ]
    prove(batch)


def test_csv_and_json_agree_with_the_ledger_to_the_fen(rides: tuple[int, int]) -> None:
    batch = cleared()
    posted = {line.account_code: line.amount_fen for line in ledger.lines_of(clearing_transfer_id(batch.batch_id))}
    for statement in Statement.objects.filter(batch_id=batch.batch_id):
        document = json.loads(statement.json_text)
        *rows, total = csv.DictReader(io.StringIO(statement.csv_text))
        assert sum(int(row["amount_fen"]) for row in rows) == int(total["amount_fen"]) == document["total_fen"]
        assert [int(row["amount_fen"]) for row in rows] == [line["amount_fen"] for line in document["lines"]]
        is_bank = statement.party.startswith("bank:")
        account = f"{statement.party}:{'receivable' if is_bank else 'payable'}"
        assert document["total_fen"] == (posted[account] if is_bank else -posted[account])


def test_clearing_again_clears_nothing(rides: tuple[int, int]) -> None:
    cleared()
    postings = Posting.objects.count()
    assert clear_day(DAY, by=CLERK, at=MORNING) is None
    assert (ClearingBatch.objects.count(), Posting.objects.count()) == (1, postings)


def test_an_empty_day_makes_no_batch() -> None:
    assert clear_day(DAY, by=CLERK, at=MORNING) is None
    assert not AuditEvent.objects.filter(action="clearing.cleared").exists()


def test_a_free_ride_is_no_charge(rides: tuple[int, int]) -> None:
    ride(rides[0], 0)
    assert cleared().entries == 3


def test_the_cut_off_is_midnight_in_beijing(rides: tuple[int, int]) -> None:
    ride(rides[0], 500, at=MIDNIGHT - timedelta(microseconds=1))
    ride(rides[0], 700, at=MIDNIGHT)
    assert cleared().total_fen == 920 + 500
    following = clear_day(DAY + timedelta(days=1), by=CLERK, at=MORNING + timedelta(days=1))
    assert following is not None
    assert (following.batch_id, following.total_fen) == ("2026-11-24.1", 700)


def test_what_comes_late_is_a_further_cycle_of_its_day_or_part_of_the_next(rides: tuple[int, int]) -> None:
    cleared()
    ride(rides[0], 300)
    late = clear_day(DAY, by=CLERK, at=MORNING)
    assert late is not None
    assert (late.batch_id, late.total_fen) == ("2026-11-23.2", 300)


def test_a_cut_off_in_the_future_is_refused(rides: tuple[int, int]) -> None:
    with pytest.raises(Refused) as refused:
        clear(MIDNIGHT, by=CLERK, at=NOON)
    assert refused.value.reason == Reason.CUT_OFF_IN_FUTURE
    assert not CardEntry.objects.exists()


def test_settling_brings_every_account_to_nought_once(rides: tuple[int, int]) -> None:
    batch = cleared()
    first = settle(batch.batch_id, by=CLERK, at=MORNING)
    again = settle(batch.batch_id, by=CLERK, at=MORNING + timedelta(days=1))
    assert first.settled_at == again.settled_at == MORNING
    assert balances() == {}
    with pytest.raises(Refused) as refused:
        settle("2026-01-01.9", by=CLERK, at=MORNING)
    assert refused.value.reason == Reason.BATCH_UNKNOWN


def test_a_statement_that_was_changed_is_not_proved(rides: tuple[int, int]) -> None:
    batch = cleared()
    Statement.objects.filter(party="bank:ABC").update(total_fen=199)
    with pytest.raises(Refused, match="bank:ABC:receivable") as refused:
        prove(batch)
    assert refused.value.reason == Reason.TOTALS_DISAGREE


def test_a_posting_cannot_be_changed_or_taken_back(rides: tuple[int, int]) -> None:
    cleared()
    for statement in ("update ledger_posting set amount_fen = 1", "delete from ledger_posting"):
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_two_clearings_at_once_take_each_charge_once() -> None:
    card_id = card_of("ICBC", 1)
    for _ in range(20):
        ride(card_id, 300)
    batches = at_once(4, lambda: clear_day(DAY, by=CLERK, at=MORNING))
    assert [batch.total_fen for batch in batches if batch] == [6000]
    assert balances() == {"bank:ICBC:receivable": 6000, "operator:BJMETRO:payable": -6000}


def test_statements_are_written_into_their_folder_and_nowhere_else(db: None, tmp_path: Path) -> None:
    ride(card_of("ICBC", 1), 400, operator="../../EVIL")
    batch = cleared()
    folder = tmp_path / "out"
    done = CliRunner().invoke(commands, ["statements", batch.batch_id, "--out", str(folder)])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in folder.iterdir()) == [
        "2026-11-23.1-bank-ICBC.csv",
        "2026-11-23.1-bank-ICBC.json",
        "2026-11-23.1-operator-..-..-EVIL.csv",
        "2026-11-23.1-operator-..-..-EVIL.json",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    unknown = CliRunner().invoke(commands, ["statements", "nothing", "--out", str(folder)])
    assert unknown.exit_code == 1
    assert "no batch nothing" in unknown.output


def test_the_commands_tell_what_they_did(rides: tuple[int, int]) -> None:
    run = CliRunner().invoke(commands, ["run", "--day", "2026-11-22"])
    assert "nothing to clear" in run.output
    batch = cleared()
    settled = CliRunner().invoke(commands, ["settle", batch.batch_id])
    assert f"batch {batch.batch_id} settled at" in settled.output
    listed = CliRunner().invoke(commands, ["batches"])
    assert listed.output == "2026-11-23.1 settled 3 charges 9.20 yuan\n"
