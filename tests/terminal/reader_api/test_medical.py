"""Paying from the medical account under the established names: exact fields, refusals, and the records afterwards."""

import json
from dataclasses import replace

import pytest

from tests.smartcard.makers import CONTENTS, HISTORICAL, KEYS, MASTERS, PIN, made_card
from tests.terminal.reader_api.test_reader_api import TERMINAL, Desk, Typing
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.memory import Memory, VolatileMedium
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.ssse_sam import SamContents, open_sam, write_sam
from yikatong.smartcard.ssse_security import card_key, mac
from yikatong.terminal.reader_api.api import ReaderApi
from yikatong.terminal.reader_api.codes import Code
from yikatong.terminal.reader_api.messages import answer

ACCOUNT = {Key.PURCHASE: b"\x51" * 16, Key.LOAD: b"\x52" * 16, Key.TAC: b"\x53" * 16}
CARD_INFO = f"{CONTENTS.identification_code}|{CONTENTS.card_number}|"
PAY_INFO = "123.45|100.00|20261123081500|"


def till(
    balance_fen: int = 50_000, *, module: bool = True, purchase: bytes = ACCOUNT[Key.PURCHASE]
) -> tuple[ReaderApi, EmulatedCard]:
    """A till with its module, and a card with money in its account."""
    keys = {number: card_key(master, "110000", HISTORICAL) for number, master in ACCOUNT.items()}
    card = made_card(contents=replace(CONTENTS, keys=KEYS | keys))
    with card.memory.transaction():
        card.memory["SSSE/DF04/balance"] = balance_fen.to_bytes(4)
    sam = None
    if module:
        medium = VolatileMedium()
        masters = {Key.INTERNAL: MASTERS[Key.INTERNAL], Key.PURCHASE: purchase}
        write_sam(Memory(medium), SamContents(0x11, bytes(10), 0x01, bytes.fromhex(TERMINAL), masters))
        sam = open_sam(medium)
    return ReaderApi(Desk(card, sam), keypad=Typing(PIN, PIN)), card


def test_a_payment_is_answered_with_what_settlement_needs() -> None:
    api, card = till()
    code, text = api.iDoDebit(1, CARD_INFO, PAY_INFO)
    fields = text.split("|")
    assert code == 0
    assert fields[:7] == ["03", "00B5", f"{12_345:08X}{10_000:08X}", "06", TERMINAL, "00000001", "20261123081500"]
    receipt = (10_000).to_bytes(4) + (2_345).to_bytes(4) + bytes(4) + b"\x06" + bytes.fromhex(TERMINAL)
    receipt += bytes.fromhex("00000001" + "20261123081500")
    assert fields[7:] == [mac(card_key(ACCOUNT[Key.TAC], "110000", HISTORICAL), receipt).hex().upper(), ""]
    assert int.from_bytes(card.memory["SSSE/DF04/balance"]) == 40_000


def test_the_records_tell_the_last_payments_newest_first() -> None:
    api, _ = till()
    assert api.iReadDebitRecord(1) == (0, "")
    api.iDoDebit(1, CARD_INFO, PAY_INFO)
    api.iDoDebit(1, CARD_INFO, "8.00|8.00|20261124090000|")
    assert api.iReadDebitRecord(1) == (
        0,
        f"1^{TERMINAL}^20261124090000^8.00^8.00^|0^{TERMINAL}^20261123081500^123.45^100.00^|",
    )
    assert api.iReadDebitRecord(1) == (Code.CANCELLED, ""), "nobody types a third PIN"


@pytest.mark.parametrize(
    "pay_info",
    [
        "",
        "123.45|100.00|20261123081500",
        "123.4|100.00|20261123081500|",
        "1,00|1.00|20261123081500|",
        "-1.00|1.00|20261123081500|",
        "1.00|1.01|20261123081500|",
        "1.00|1.00|2026112308|",
        "１.00|1.00|20261123081500|",
        "99999999.99|1.00|20261123081500|",
    ],
)
def test_amounts_that_are_none_are_refused_before_a_card_is_touched(pay_info: str) -> None:
    api, card = till()
    assert api.iDoDebit(1, CARD_INFO, pay_info) == (Code.BAD_INPUT, "")
    assert int.from_bytes(card.memory["SSSE/DF04/balance"]) == 50_000


def test_each_refusal_has_its_code_and_costs_nothing() -> None:
    for (api, card), info, code in (
        (till(balance_fen=9_999), CARD_INFO, -0x9401),
        (till(), CARD_INFO.replace("J", "K"), Code.OTHER_CARD),
        (till(), "", Code.OTHER_CARD),
        (till(module=False), CARD_INFO, Code.NO_SAM),
        (till(purchase=bytes(16)), CARD_INFO, -0x9302),
    ):
        before = card.memory["SSSE/DF04/balance"]
        assert api.iDoDebit(1, info, PAY_INFO) == (code, "")
        assert card.memory["SSSE/DF04/balance"] == before


def test_a_local_service_pays_with_named_arguments() -> None:
    api, _ = till()
    request = {"function": "iDoDebit", "iType": 1, "pCardInfo": CARD_INFO, "pPayInfo": PAY_INFO}
    assert json.loads(answer(api, json.dumps(request)))["pOutInfo"].startswith("03|00B5|")
    del request["pPayInfo"]
    assert "需要参数 pPayInfo" in json.loads(answer(api, json.dumps(request)))["message"]
