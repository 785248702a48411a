"""The established functions: exact texts, codes, the HSM pair, PINs, and messages of local services."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.smartcard.makers import CONTENTS, HISTORICAL, KEYS, MASTERS, PIN, made_card
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.channel import Channel
from yikatong.smartcard.memory import Memory, VolatileMedium
from yikatong.smartcard.ssse_layout import Key, Version
from yikatong.smartcard.ssse_sam import SamContents, open_sam, write_sam
from yikatong.terminal.reader_api.api import ReaderApi
from yikatong.terminal.reader_api.codes import Code, ReaderError
from yikatong.terminal.reader_api.hsm import SoftwareHsm
from yikatong.terminal.reader_api.messages import answer

TERMINAL = "110000000042"
BASIC = "|".join(
    [
        *("110000", CONTENTS.identity_number, CONTENTS.card_number, CONTENTS.identification_code, CONTENTS.name),
        *(HISTORICAL.hex().upper(), "{version}", "20261123", "20361122", "{terminal}", "desk 7", ""),
    ]
)


class Desk:
    """A desk's readers with emulated cards in them; ``None`` where there is none."""

    def __init__(self, card: EmulatedCard | None, sam: EmulatedCard | None = None) -> None:
        self.inserted, self.module = card, sam

    @contextmanager
    def card(self, kind: int) -> Iterator[EmulatedCard]:
        if kind not in {1, 2, 3, 4}:
            raise ReaderError(Code.BAD_INPUT)
        if self.inserted is None:
            raise ReaderError(Code.NO_CARD)
        self.inserted.power_on()
        yield self.inserted
        self.inserted.power_off()

    @contextmanager
    def sam(self) -> Iterator[Channel | None]:
        if self.module is not None:
            self.module.power_on()
        yield self.module


class Typing:
    """Somebody who types these in turn."""

    def __init__(self, *pins: str) -> None:
        self._pins = list(pins)

    def pin(self, prompt: str) -> str:
        if not self._pins:
            raise ReaderError(Code.CANCELLED)
        return self._pins.pop(0)


def sam(*numbers: int) -> EmulatedCard:
    medium = VolatileMedium()
    masters = {number: MASTERS[number] for number in numbers or (Key.INTERNAL, Key.READ)}
    write_sam(Memory(medium), SamContents(0x11, bytes(10), 0x01, bytes.fromhex(TERMINAL), masters))
    return open_sam(medium)


def desk(version: Version = Version.V3, *, module: EmulatedCard | None = None, **more: object) -> ReaderApi:
    return ReaderApi(Desk(made_card(version), module), device="desk 7", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("version", list(Version))
def test_a_card_is_read_in_the_established_order(version: Version) -> None:
    expected = BASIC.format(version=version.value, terminal=TERMINAL)
    assert desk(version, module=sam()).iReadCardBas(3) == (0, expected)


@pytest.mark.parametrize("version", list(Version))
def test_the_hsm_pair_reads_the_same_without_a_module(version: Version) -> None:
    api = desk(version)
    code, request = api.iReadCardBas_HSM_Step1(1)
    fields = request.split("|")
    assert code == 0
    assert fields[:4] == ["110000", HISTORICAL.hex().upper(), "03", CONTENTS.identification_code]
    assert fields[8:] == [""]
    assert [len(field) for field in fields[4:8]] == ([16] * 4 if version is Version.V3 else [16, 16, 0, 0])
    code, text = api.iReadCardBas_HSM_Step2(SoftwareHsm(MASTERS).authenticate(request))
    assert (code, text) == (0, BASIC.format(version=version.value, terminal="0" * 12))


def test_a_name_longer_than_its_item_is_put_together_again() -> None:
    name = "阿卜杜热合曼阿卜杜克热木麦麦提伊敏"
    card = made_card(contents=replace(CONTENTS, name=name))
    code, text = ReaderApi(Desk(card, sam())).iReadCardBas(1)
    assert code == 0
    assert text.split("|")[4] == name


def test_where_the_module_cannot_the_hsm_does() -> None:
    for module in (None, sam(Key.INTERNAL)):
        code, text = desk(module=module, hsm=SoftwareHsm(MASTERS)).read_with_fallback(1)
        assert (code, text) == (0, BASIC.format(version="3.00", terminal="0" * 12))
    assert desk().read_with_fallback(1) == (Code.NO_SAM, "")


def test_each_fault_has_its_code() -> None:
    stranger = made_card(contents=replace(CONTENTS, keys=KEYS | {Key.INTERNAL: bytes(16)}))
    blocked = made_card()
    with blocked.memory.transaction():
        blocked.memory["SSSE/blocked"] = b"\1"
    for api, code in (
        (ReaderApi(Desk(None)), Code.NO_CARD),
        (desk(), Code.NO_SAM),
        (desk(module=sam(Key.INTERNAL)), Code.NO_READING_KEY),
        (ReaderApi(Desk(stranger, sam())), Code.INTERNAL_AUTHENTICATION),
        (ReaderApi(Desk(sam(), sam())), Code.WRONG_CARD),
        (ReaderApi(Desk(blocked, sam())), Code.WRONG_CARD),
        (desk(module=made_card()), Code.SAM),
    ):
        assert api.iReadCardBas(1) == (code, "")
    assert desk(module=sam()).iReadCardBas(7) == (Code.BAD_INPUT, "")


@pytest.mark.parametrize("spoil", ["", "zz|", "00" * 16 + "|", None])
def test_an_hsms_answer_that_does_not_fit_is_refused_and_ends_the_pair(spoil: str | None) -> None:
    api = desk()
    _, request = api.iReadCardBas_HSM_Step1(1)
    right = SoftwareHsm(MASTERS).authenticate(request)
    wrong = right[:2] + ("0" if right[2] != "0" else "1") + right[3:] if spoil is None else spoil
    expected = Code.INTERNAL_AUTHENTICATION if spoil is None else Code.BAD_INPUT
    assert api.iReadCardBas_HSM_Step2(wrong) == (expected, "")
    assert api.iReadCardBas_HSM_Step2(right) == (Code.BAD_INPUT, ""), "the pair is over"


def test_an_hsm_without_the_right_key_does_not_open_the_card() -> None:
    api = desk()
    _, request = api.iReadCardBas_HSM_Step1(1)
    hsm = SoftwareHsm(MASTERS | {Key.READ: bytes(16)})
    assert api.iReadCardBas_HSM_Step2(hsm.authenticate(request)) == (-0x63C2, ""), "two tries are left"
    assert api.iReadCardBas_HSM_Step2(request) == (Code.BAD_INPUT, "")


def test_an_old_answer_does_not_serve_twice() -> None:
    api = desk()
    _, request = api.iReadCardBas_HSM_Step1(1)
    old = SoftwareHsm(MASTERS).authenticate(request)
    api.iReadCardBas_HSM_Step1(1)
    assert api.iReadCardBas_HSM_Step2(old) == (Code.BAD_INPUT, "")


def test_pins_are_verified_and_changed_at_the_keypad() -> None:
    card = made_card()
    at = Desk(card)
    assert ReaderApi(at, keypad=Typing(PIN)).iVerifyPIN(1) == (0, "")
    assert ReaderApi(at, keypad=Typing(PIN, "654321", "654321")).iChangePIN(1) == (0, "")
    assert ReaderApi(at, keypad=Typing(PIN)).iVerifyPIN(1) == (Code.PIN_WRONG, "")
    assert ReaderApi(at, keypad=Typing("654321")).iVerifyPIN(1) == (0, "")
    for pins, code in (
        (("123",), Code.PIN_LENGTH),
        ((), Code.CANCELLED),
        (("654321", "111111", "222222"), Code.PINS_DIFFER),
    ):
        assert ReaderApi(at, keypad=Typing(*pins)).iChangePIN(1) == (code, "")
    for code in (Code.PIN_WRONG, Code.PIN_WRONG, Code.PIN_WRONG, Code.PIN_LOCKED):
        assert ReaderApi(at, keypad=Typing("000000")).iVerifyPIN(1) == (code, "")
    assert ReaderApi(at).iVerifyPIN(1) == (Code.READER, "")


def test_a_message_is_answered_as_local_services_do() -> None:
    api = desk(module=sam())
    reply = json.loads(answer(api, '{"function":"iReadCardBas","iType":3}'))
    assert reply == {"success": 0, "pOutInfo": BASIC.format(version="3.00", terminal=TERMINAL)}
    none = json.loads(answer(ReaderApi(Desk(None)), '{"function":"iReadCardBas","iType":3}'))
    assert none == {"success": -2, "pOutInfo": "", "message": "没有卡，请放好卡片"}
    _, request = desk().iReadCardBas_HSM_Step1(1)
    assert (
        json.loads(answer(api, json.dumps({"function": "iReadCardBas_HSM_Step2", "pKey": request})))["success"] == -23
    )


@pytest.mark.parametrize(
    ("request_text", "words"),
    [
        ("", "不是 JSON"),
        ("[]", "没有这个函数"),
        ('{"function":"close"}', "没有这个函数"),
        ('{"function":["iReadCardBas"]}', "没有这个函数"),
        ('{"function":"iReadCardBas"}', "需要参数 iType"),
        ('{"function":"iReadCardBas","iType":true}', "需要参数 iType"),
        ('{"function":"iReadCardBas","iType":"3"}', "需要参数 iType"),
        ("x" * 20_000, "超过"),
    ],
)
def test_a_message_that_is_none_is_told(request_text: str, words: str) -> None:
    reply = json.loads(answer(desk(), request_text))
    assert reply["success"] == Code.BAD_INPUT
    assert words in reply["message"]


def test_neither_keys_nor_pins_are_shown() -> None:
    assert repr(SoftwareHsm(MASTERS)) == f"SoftwareHsm({len(MASTERS)} keys)"
