"""Paying from the medical account on the card, and reading what was paid: ``iDoDebit`` and ``iReadDebitRecord``.

Amounts come and go in yuan with two decimals and are fen inside. A card that leaves before it answers may have paid or not: it is
not asked again here. Source: the reader specification (fields and their order), LD/T 32 part 5 (the dialogue). That what account
and pooled fund pay together is all taken from the account, since one number is given for both, and the amounts' spelling in the
answer: assumption.
"""

import re
from dataclasses import dataclass

from yikatong.smartcard.apdu import Command
from yikatong.smartcard.channel import Channel, exchange
from yikatong.smartcard.ssse_account import ALGORITHM_SM4, PURCHASE, Amounts
from yikatong.smartcard.ssse_layout import AID_PREFIX
from yikatong.smartcard.status import Refusal
from yikatong.smartcard.stored_value import AMOUNT_MAX_FEN, KEY_INDEX
from yikatong.terminal.reader_api.codes import Code, ReaderError
from yikatong.terminal.reader_api.social_card import SecurityModule, SocialCard

TAC_KEY_ADDRESS = "00B5"
_MEDICAL_AID = AID_PREFIX + b"\x03"
_LOG_SFI, _LOG_LENGTH, _LOG_RECORDS = 0x08, 0x1C, 30
_YUAN = re.compile(r"(0|[1-9][0-9]{0,7})\.([0-9]{2})", re.ASCII)
_TIME = re.compile(r"[0-9]{14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Payment:
    """What is to be paid. ``time``: YYYYMMDDHHMMSS."""

    amounts: Amounts
    time: str

    @property
    def total_fen(self) -> int:
        """All three parts."""
        return self.amounts.account_fen + self.amounts.self_paid_fen + self.amounts.pooled_fen

    @classmethod
    def parse(cls, text: str) -> "Payment":
        """From ``总额|账户+统筹|时间|``. Raises ``ReaderError`` (−23)."""
        fields = text.split("|")
        if len(fields) != 4 or fields[3] or not _TIME.fullmatch(fields[2]):
            raise ReaderError(Code.BAD_INPUT)
        total_fen, account_fen = (_fen(field) for field in fields[:2])
        if not account_fen <= total_fen <= AMOUNT_MAX_FEN:
            raise ReaderError(Code.BAD_INPUT)
        return cls(Amounts(account_fen, total_fen - account_fen, 0), fields[2])


def debit(social: SocialCard, module: SecurityModule, payment: Payment) -> list[str]:
    """Pay; the answer's fields. Raises ``ReaderError``."""
    _select_account(social)
    amounts, time = payment.amounts.encode(), bytes.fromhex(payment.time)
    asked = bytes((KEY_INDEX,)) + amounts + bytes.fromhex(module.terminal)
    begun = social.send(Command(0xB0, 0x28, 0x01, 0x01, asked, 0x16))
    counter, versions, random = begun[14:16], begun[16:18], begun[18:]
    wanted = random + counter + amounts + bytes((PURCHASE,)) + time + versions + module.factors
    authorised = _module_answer(module.channel, Command(0x80, 0x70, 0x01, 0x00, wanted, 8))
    paid = social.send(Command(0xB0, 0x2C, 0x01, 0x00, authorised[:4] + time + authorised[4:], 8))
    _module_answer(module.channel, Command(0x80, 0x72, 0x00, 0x00, paid[4:]))
    both_fen = payment.amounts.account_fen + payment.amounts.pooled_fen
    return [
        f"{ALGORITHM_SM4:02X}",
        TAC_KEY_ADDRESS,
        f"{payment.total_fen:08X}{both_fen:08X}",
        f"{PURCHASE:02X}",
        module.terminal,
        authorised[:4].hex().upper(),
        payment.time,
        paid[:4].hex().upper(),
    ]


def records(social: SocialCard) -> list[str]:
    """The last payments, newest first, each as ``序号^终端^时间^总额^账户+统筹^``. Raises ``ReaderError``."""
    _select_account(social)
    found = []
    for number in range(1, _LOG_RECORDS + 1):
        try:
            octets = social.send(Command(0x00, 0xB2, number, _LOG_SFI << 3 | 4, expected=_LOG_LENGTH))
        except ReaderError as error:
            if error.code == -0x6A83:
                break
            raise
        amounts = Amounts.decode(octets[16:])
        both_fen = amounts.account_fen + amounts.pooled_fen
        fields = (
            str(int.from_bytes(octets[:2])),
            octets[3:9].hex(),
            octets[9:16].hex(),
            _yuan(both_fen + amounts.self_paid_fen),
            _yuan(both_fen),
        )
        found.append("".join(f"{field}^" for field in fields))
    return found


def _select_account(social: SocialCard) -> None:
    social.send(Command(0x00, 0xA4, 0x04, 0x0C, _MEDICAL_AID))


def _module_answer(channel: Channel, command: Command) -> bytes:
    try:
        return exchange(channel, command)
    except Refusal as refusal:
        raise ReaderError(Code.SAM) from refusal


def _fen(text: str) -> int:
    found = _YUAN.fullmatch(text)
    if found is None:
        raise ReaderError(Code.BAD_INPUT)
    return int(found[1]) * 100 + int(found[2])


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
