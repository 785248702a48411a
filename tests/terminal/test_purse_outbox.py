"""What purses paid is kept once, and a terminal's memory from before purses goes on."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from tests.terminal.makers import TERMINAL_ID
from yikatong.terminal.purse_outbox import PurseOutbox, PursePayment
from yikatong.terminal.storage import FILE_NAME, Storage

PAID = PursePayment("0" * 20, "110000000042", 1, 0, 9, 400, 2_000, 1_795_000_000_000, "6B217034", True, "西单", "exit")


def test_a_payment_is_kept_once(tmp_path: Path) -> None:
    with Storage(tmp_path, terminal_id=TERMINAL_ID) as storage:
        outbox = PurseOutbox(storage)
        assert outbox.add(PAID)
        assert not outbox.add(PAID)
        assert outbox.add(msgspec.structs.replace(PAID, card_counter=1, amount_fen=300))
    with Storage(tmp_path, terminal_id=TERMINAL_ID) as storage:
        assert PurseOutbox(storage).kept()[0] == PAID
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


@pytest.mark.parametrize(
    "change", [{"tac": "xyz"}, {"purse_number": "1"}, {"card_counter": 65_536}, {"amount_fen": -1}]
)
def test_what_settlement_could_not_read_is_not_read(change: dict[str, object]) -> None:
    body = msgspec.json.decode(msgspec.json.encode(PAID)) | change
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(body), type=PursePayment)
