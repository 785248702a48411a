"""What purses paid is kept once, and a terminal's memory from before purses goes on."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from tests.terminal.makers import TERMINAL_ID
from tests.wire.makers import NOW
from yikatong.terminal.outbox import Counts
from yikatong.terminal.purse import Payment, Pending
from yikatong.terminal.purse_outbox import PurseOutbox, payment_to_keep
from yikatong.terminal.storage import FILE_NAME, Storage
from yikatong.wire.purses import PursePayment, PurseResult

PAID = PursePayment("0" * 20, "110000000042", 1, 0, 9, 400, 2_000, 1_795_000_000_000, "6B217034", True, "西单", "exit")


def test_a_payment_is_kept_once(tmp_path: Path) -> None:
    with Storage(tmp_path, terminal_id=TERMINAL_ID) as storage:
        outbox = PurseOutbox(storage)
        assert outbox.add(PAID)
        assert not outbox.add(PAID)
        assert outbox.add(msgspec.structs.replace(PAID, card_counter=1, amount_fen=300))
    with Storage(tmp_path, terminal_id=TERMINAL_ID) as storage:
        assert PurseOutbox(storage).kept()[0].payment == PAID
        assert PurseOutbox(storage).sum_fen() == 700


def test_a_new_modules_numbers_begin_anew(tmp_path: Path) -> None:
    with Storage(tmp_path, terminal_id=TERMINAL_ID) as storage:
        outbox = PurseOutbox(storage)
        assert outbox.add(PAID)
        assert outbox.add(msgspec.structs.replace(PAID, purse_number="1" * 20))


def test_a_memory_from_before_purses_goes_on(tmp_path: Path) -> None:
    with Storage(tmp_path, terminal_id=TERMINAL_ID):
        pass
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("drop table purse_payment")
        database.execute("insert into tap (body, status) values (x'7b7d', 'acknowledged')")
        database.execute("pragma user_version = 1")
    database.close()
    with Storage(tmp_path, terminal_id=TERMINAL_ID) as storage:
        assert PurseOutbox(storage).add(PAID)
        with storage.read() as opened:
            assert opened.execute("select count(*) from tap").fetchone() == (1,)


def test_a_payment_from_before_uploading_waits_for_it(tmp_path: Path) -> None:
    with Storage(tmp_path, terminal_id=TERMINAL_ID):
        pass
    body = msgspec.json.decode(msgspec.json.encode(PAID))
    for added in ("issuer", "algorithm", "key_version"):
        del body[added]
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("drop table purse_payment")
        database.execute(
            "create table purse_payment (sequence integer primary key, purse_number text not null, "
            "card_counter integer not null, body blob not null, unique (purse_number, card_counter)) strict"
        )
        database.execute(
            "insert into purse_payment (purse_number, card_counter, body) values (?, 0, ?)",
            [PAID.purse_number, msgspec.json.encode(body)],
        )
        database.execute("pragma user_version = 2")
    database.close()
    with Storage(tmp_path, terminal_id=TERMINAL_ID) as storage:
        assert PurseOutbox(storage).waiting(9) == [PAID]


def test_what_was_uploaded_waits_no_more_and_what_was_refused_may_again(tmp_path: Path) -> None:
    other = msgspec.structs.replace(PAID, card_counter=1)
    third = msgspec.structs.replace(PAID, card_counter=2)
    with Storage(tmp_path, terminal_id=TERMINAL_ID) as storage:
        outbox = PurseOutbox(storage)
        for payment in (PAID, other, third):
            outbox.add(payment)
        assert outbox.waiting(2) == [PAID, other]
        results = [PurseResult(*PAID.key, "stored"), PurseResult(*other.key, "refused", "tap_from_future")]
        outbox.settle(results, at=NOW)
        assert outbox.counts() == Counts(waiting=1, acknowledged=1, refused=1)
        outbox.settle([PurseResult(*PAID.key, "refused", "too late")], at=NOW)
        assert outbox.counts() == Counts(waiting=1, acknowledged=1, refused=1), "what is settled stays settled"
        assert not outbox.add(PAID), "uploaded, it is still known"
        assert outbox.retry_refused() == 1
        assert outbox.waiting(9) == [other, third]
        outbox.forget_old(at=NOW + timedelta(days=31))
        assert outbox.counts() == Counts(waiting=2, acknowledged=0, refused=0)


def test_money_that_moved_is_kept_whatever_it_was_called() -> None:
    asked = Pending("1" * 20, 6, 100, 900, 3, 7, NOW, bytes.fromhex("01011000FFFFFFFF"), b"\x01\x03")
    kept = payment_to_keep(
        Payment(asked, b"\1\2\3\4"), bytes.fromhex("110000000042"), place="西单\n", use="x" * 99 + "\0"
    )
    assert (kept.place, kept.use) == ("西单", "x" * 40)
    assert msgspec.json.decode(msgspec.json.encode(kept), type=PursePayment) == kept


@pytest.mark.parametrize(
    "change", [{"tac": "xyz"}, {"purse_number": "1"}, {"card_counter": 65_536}, {"amount_fen": -1}]
)
def test_what_settlement_could_not_read_is_not_read(change: dict[str, object]) -> None:
    body = msgspec.json.decode(msgspec.json.encode(PAID)) | change
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(body), type=PursePayment)
