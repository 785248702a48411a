"""Payments that are asked for again, with an HSM, or torn: the money moves once. And files read by PIN."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.smartcard.makers import MASTERS, PIN
from tests.terminal.reader_api.test_medical import ACCOUNT, CARD_INFO, PAY_INFO, till
from tests.terminal.reader_api.test_reader_api import Desk, Typing
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.channel import Channel
from yikatong.terminal.reader_api.api import ReaderApi
from yikatong.terminal.reader_api.codes import Code, ReaderError
from yikatong.terminal.reader_api.hsm import SoftwareHsm


class Leaving:
    """A card that leaves right after it has taken its DEBIT, or right before (``pays``)."""

    def __init__(self, card: EmulatedCard, *, pays: bool) -> None:
        self.atr, self._card, self._pays = card.atr, card, pays

    def transmit(self, octets: bytes, /) -> bytes:
        if octets[:2] == b"\xb0\x2c":
            if self._pays:
                self._card.transmit(octets)
            raise ReaderError(Code.MUTE)
        return self._card.transmit(octets)


class LeavingDesk(Desk):
    """Its card leaves once."""

    pays: bool | None = None

    @contextmanager
    def card(self, kind: int) -> Iterator[EmulatedCard]:
        with super().card(kind) as card:
            pays, self.pays = self.pays, None
            yield card if pays is None else Leaving(card, pays=pays)  # type: ignore[misc]

    @contextmanager
    def sam(self) -> Iterator[Channel | None]:
        with super().sam() as module:
            yield module


def balance(card: EmulatedCard) -> int:
    return int.from_bytes(card.memory["SSSE/DF04/balance"])


def test_a_torn_payment_moves_the_money_once_whether_the_card_had_paid_or_not() -> None:
    for pays in (True, False):
        whole, card = till()
        desk = LeavingDesk(card, whole._station._readers.module)  # type: ignore[attr-defined]  # the till's own module
        desk.pays = pays
        api = ReaderApi(desk)
        assert api.iDoDebit(1, CARD_INFO, PAY_INFO) == (Code.MUTE, "")
        code, text = api.iDoDebit(1, CARD_INFO, PAY_INFO)
        assert (code, text[:8], balance(card)) == (0, "03|00B5|", 40_000)
        assert api.iDoDebit(1, CARD_INFO, PAY_INFO) == (0, text), "told again, not taken again"
        assert balance(card) == 40_000


def test_a_torn_and_paid_payment_stands_before_another_one() -> None:
    whole, card = till()
    desk = LeavingDesk(card, whole._station._readers.module)  # type: ignore[attr-defined]  # the till's own module
    desk.pays = True
    api = ReaderApi(desk)
    api.iDoDebit(1, CARD_INFO, PAY_INFO)
    assert api.iDoDebit(1, CARD_INFO, "8.00|8.00|20261124090000|") == (Code.OTHER_CARD, "")
    assert balance(card) == 40_000


def test_a_payment_with_an_hsm_is_the_same_payment() -> None:
    _, card = till()
    api = ReaderApi(Desk(card), terminal="110000000042", hsm=SoftwareHsm(MASTERS | ACCOUNT))
    code, text = api.with_fallback("iDoDebit", 1, CARD_INFO, PAY_INFO)
    assert (code, text.split("|")[:2], balance(card)) == (0, ["03", "00B5"], 40_000)


def test_free_and_closed_files_are_read_as_their_rights_say() -> None:
    api, _ = till()
    assert api.iReadCard(1, 2, CARD_INFO, "SSSEEF05|03|$") == (0, "SSSEEF05|3.00|$")
    api = ReaderApi(Desk(till()[1]), keypad=Typing(PIN), hsm=SoftwareHsm(MASTERS))
    code, text = api.with_fallback("iReadCard", 1, 2, CARD_INFO, "SSSEEF06|09|$")
    assert (code, text) == (0, "SSSEEF06|测试员|$")
    assert api.iReadCard(1, 2, CARD_INFO, "SSSEEF05|03|") == (Code.BAD_INPUT, "")
    assert api.iReadCard(1, 1, CARD_INFO, "DF04EF08|$") == (0, "DF04EF08|$")
