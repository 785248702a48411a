"""Setting a PIN anew with an HSM: the computed vector, and a card that takes it."""

from tests.smartcard.makers import CONTENTS, MASTERS, made_card
from tests.terminal.reader_api.test_reader_api import Desk, Typing
from yikatong.smartcard.ssse_hsm import CardPath
from yikatong.smartcard.ssse_layout import Key
from yikatong.terminal.reader_api.api import ReaderApi
from yikatong.terminal.reader_api.hsm import SoftwareHsm

CARD_INFO = f"{CONTENTS.identification_code}|{CONTENTS.card_number}|"


def test_the_secured_command_is_the_computed_one() -> None:
    master = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    card = CardPath("110000", bytes.fromhex("00814A44468660110000000001"))
    answer = SoftwareHsm({Key.PIN_SERVICE: master}).secure(card, "03|0173|2AFD6A015D2D9BAC|8424000114|123456|")
    assert answer == "8424000114" + "3D6BCBE266F4B8416673B628C3271BB1" + "5F21A6C8"


def test_a_forgotten_pin_is_set_anew_through_the_hsm() -> None:
    at = Desk(made_card())
    hsm = SoftwareHsm(MASTERS)
    assert ReaderApi(at, keypad=Typing("654321", "654321"), hsm=hsm).with_fallback("iReloadPIN", 1, CARD_INFO) == (
        0,
        "",
    )
    assert ReaderApi(at, keypad=Typing("654321")).iVerifyPIN(1) == (0, "")
