"""What purses paid is settled once, when its TAC proves it; whatever else was reported says why it is not paid."""

import csv
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.acceptance.makers import registered
from tests.at_once import at_once
from tests.cast import CLERK, NOON
from tests.clearing.purse_makers import RIDING, changed, keep, make_card, make_venue
from yikatong.acceptance.models import PursePayment as Kept
from yikatong.acceptance.models import PurseState, Terminal
from yikatong.audit.models import AuditEvent
from yikatong.clearing import services
from yikatong.clearing.cli import clearing as commands
from yikatong.clearing.models import PurseEntry, Statement
from yikatong.clearing.purses import Proof, TacKeys, prove_payments
from yikatong.gm.keystore import KeyUnknown
from yikatong.ledger import services as ledger
from yikatong.registry.sealing import key_store
from yikatong.smartcard.tunion_layout import ISSUER_BEIJING
from yikatong.smartcard.tunion_security import (
    CIPHERS,
    Algorithm,
    issuer_factor,
    purchase_receipt,
)
from yikatong.wire.purses import PursePayment

pytestmark = pytest.mark.django_db
EVENING = RIDING + timedelta(hours=6)
TILL = "900100000009"
PURSES = f"purse:{ISSUER_BEIJING.hex().upper()}"


@pytest.fixture
def lunch(tmp_path: Path) -> PursePayment:
    """A lunch of 12.50 yuan, paid with a real card of the city at a till."""
    till = make_venue(tmp_path, TILL, purpose="till")
    till.kit.debit(make_card(tmp_path), 1_250, RIDING, use="lunch")
    (payment,) = till.payments
    till.terminal.close()
    return payment


def states() -> list[tuple[str, str]]:
    return list(Kept.objects.order_by("received_at", "amount_fen").values_list("state", "reason"))


def keep_at_till(*payments: PursePayment) -> None:
    for payment in payments:
        keep(payment, purpose="till")


def test_a_ride_and_a_lunch_are_paid_to_their_operator(tmp_path: Path) -> None:
    card = make_card(tmp_path)
    inside, outside = (
        make_venue(tmp_path, number, station=station)
        for number, station in (("900100000001", "国贸"), ("900100000002", "西单"))
    )
    inside.kit.gate_entry(card, RIDING)
    outside.kit.gate_exit(card, RIDING + timedelta(minutes=25))
    for venue, station in ((inside, "国贸"), (outside, "西单")):
        for payment in venue.payments:
            keep(payment, venue=station, at=RIDING + timedelta(hours=1))
        venue.terminal.close()
    fare_fen = Kept.objects.get(use="exit").amount_fen
    batch = services.clear(EVENING, by=CLERK, at=EVENING)
    assert batch is not None
    assert (batch.entries, batch.total_fen) == (1, fare_fen), "an entry pays nothing and is no charge"
    assert set(Kept.objects.values_list("state", flat=True)) == {PurseState.PROVED}
    balances = ledger.trial_balance()
    assert balances[f"{PURSES}:receivable"] == fare_fen
    assert balances["operator:BJMETRO:payable"] == -fare_fen
    statement = Statement.objects.get(party=PURSES)
    assert '"direction": "pays"' in statement.json_text
    services.prove(batch)
    services.settle(batch.batch_id, by=CLERK, at=EVENING)
    assert set(ledger.trial_balance().values()) == {0}
    assert services.clear(EVENING + timedelta(days=1), by=CLERK, at=EVENING + timedelta(days=1)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"amount_fen": 1_251},
        {"kind": 9},
        {"terminal_number": 77},
        {"at_ms": int((RIDING + timedelta(seconds=1)).timestamp() * 1000)},
        {"tac": "00000000"},
        {"purse_number": "01001000759999999999"},
        {"algorithm": 1},
    ],
)
def test_a_claim_that_the_card_did_not_make_is_not_paid(lunch: PursePayment, change: dict[str, object]) -> None:
    keep_at_till(changed(lunch, **change))
    assert prove_payments(at=EVENING) == Proof(refused=1)
    assert states() == [("refused", "tac_wrong")]
    assert services.clear(EVENING, by=CLERK, at=EVENING) is None


def test_the_till_of_another_may_not_claim_it(lunch: PursePayment, tmp_path: Path) -> None:
    registered(tmp_path, "900100000010", at=NOON, purpose="till")
    keep_at_till(changed(lunch, terminal="900100000010"))
    assert prove_payments(at=EVENING) == Proof(refused=1)


def test_a_false_report_does_not_keep_the_true_one_out(lunch: PursePayment) -> None:
    keep_at_till(changed(lunch, amount_fen=9_999), lunch)
    assert prove_payments(at=EVENING) == Proof(proved=1, refused=1)
    assert states() == [("proved", ""), ("refused", "tac_wrong")]


@pytest.mark.parametrize("is_together", [True, False])
def test_one_payment_reported_in_two_ways_is_paid_once(lunch: PursePayment, *, is_together: bool) -> None:
    keep_at_till(lunch)
    if not is_together:
        assert prove_payments(at=EVENING) == Proof(proved=1)
    keep_at_till(changed(lunch, use="dinner"))
    prove_payments(at=EVENING)
    assert sorted(states()) == [("proved", ""), ("refused", "reported_twice")]
    batch = services.clear(EVENING, by=CLERK, at=EVENING)
    assert batch is not None
    assert batch.total_fen == 1_250


def test_two_proved_payments_of_one_number_mean_a_copied_purse(lunch: PursePayment) -> None:
    another = changed(lunch, amount_fen=300, terminal_number=5)
    keep_at_till(lunch, changed(another, tac=tac_of(another)))
    assert prove_payments(at=EVENING) == Proof(proved=1, refused=1)
    assert ("refused", "counter_reused") in states()
    event = AuditEvent.objects.get(action="purse.counter_reused")
    assert event.subject == f"purse:{lunch.purse_number}"


def tac_of(payment: PursePayment) -> str:
    """As a card with the purse's keys would make it."""
    cipher = CIPHERS[Algorithm.SM4]
    key = cipher.card_key(
        key_store().current("purse-root/03")[1],
        issuer_factor(ISSUER_BEIJING),
        bytes.fromhex(payment.purse_number)[2:],
    )
    at = (RIDING + timedelta(hours=8)).strftime("%Y%m%d%H%M%S")
    data = purchase_receipt(
        payment.amount_fen.to_bytes(4),
        payment.kind,
        bytes.fromhex(payment.terminal),
        payment.terminal_number.to_bytes(4),
        bytes.fromhex(at),
    )
    return cipher.tac(key, data).hex().upper()


def test_a_card_of_older_roots_is_still_proved(lunch: PursePayment) -> None:
    key_store().rotate("purse-root/03")
    keep_at_till(lunch)
    assert prove_payments(at=EVENING) == Proof(proved=1)


def test_another_citys_purse_waits_for_the_exchange_with_it(lunch: PursePayment) -> None:
    keep_at_till(changed(lunch, issuer="02022000FFFFFFFF"))
    assert prove_payments(at=EVENING) == Proof(elsewhere=1)
    assert states() == [("elsewhere", "issued_elsewhere")]
    assert not PurseEntry.objects.exists()


def test_what_comes_late_is_in_the_next_batch(lunch: PursePayment) -> None:
    keep_at_till(lunch)
    assert services.clear(RIDING, by=CLERK, at=EVENING) is None, "the cut-off is before it"
    batch = services.clear(EVENING, by=CLERK, at=EVENING)
    assert batch is not None
    assert batch.total_fen == 1_250


def test_without_the_root_payments_wait(
    lunch: PursePayment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keep_at_till(lunch)

    def missing(cls: type[TacKeys]) -> TacKeys:
        raise KeyUnknown("key purse-root/03 is not there")

    with monkeypatch.context() as patch:
        patch.setattr(TacKeys, "of_city", classmethod(missing))
        assert services.clear(EVENING, by=CLERK, at=EVENING) is None
    assert "purse payments wait" in caplog.text
    assert states() == [("kept", "")]
    assert prove_payments(at=EVENING) == Proof(proved=1)


@pytest.mark.django_db(transaction=True)
def test_two_rounds_at_once_prove_each_payment_once(tmp_path: Path) -> None:
    till = make_venue(tmp_path, TILL, purpose="till")
    card = make_card(tmp_path)
    for number in range(5):
        till.kit.debit(card, 100 + number, RIDING + timedelta(minutes=number), use="tea")
    for payment in till.payments:
        keep(payment, purpose="till", at=EVENING)
    till.terminal.close()
    proofs = at_once(3, lambda: prove_payments(at=EVENING))
    assert sum((proof for proof in proofs if proof), Proof()) == Proof(proved=5)
    batches = at_once(3, lambda: services.clear(EVENING, by=CLERK, at=EVENING))
    assert [batch.total_fen for batch in batches if batch] == [510]


def test_the_command_lists_them_and_writes_a_file(lunch: PursePayment, tmp_path: Path) -> None:
    keep_at_till(changed(lunch, amount_fen=9_999), changed(lunch, use="=SUM(A1)"))
    prove_payments(at=EVENING)
    listed = CliRunner().invoke(commands, ["purse-payments"])
    assert listed.output.startswith("1 refused\n")
    assert "99.99 yuan" in listed.output
    assert "tac_wrong" in listed.output
    assert lunch.purse_number not in listed.output
    out = tmp_path / "proved.csv"
    told = CliRunner().invoke(commands, ["purse-payments", "--state", "proved", "--out", str(out)])
    assert told.exit_code == 0, told.output
    with out.open(encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    assert (row["purse_number"], row["amount_fen"], row["state"]) == (lunch.purse_number, "1250", "proved")
    assert not row["use"].startswith("=")
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_payment_of_a_terminal_that_is_gone_is_not_lost(lunch: PursePayment) -> None:
    """A terminal is only ever revoked; its payments from before are paid."""
    Terminal.objects.filter(terminal_id=TILL).update(revoked_at=EVENING)
    keep_at_till(lunch)
    batch = services.clear(EVENING, by=CLERK, at=EVENING)
    assert batch is not None
    assert batch.total_fen == 1_250
