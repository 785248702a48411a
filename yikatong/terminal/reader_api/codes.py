"""The established result codes: 0, the driver's own, and the negative of a card's status word.

Source: the reader specification's table of results, as docs/terminal.md lists it; which fault gives which code
where the table leaves it open: assumption.
"""

from enum import IntEnum

from yikatong.smartcard.status import Refusal, Status


class Code(IntEnum):
    """Results that are no status word."""

    OK = 0
    WRONG_CARD = -1
    NO_CARD = -2
    UNPOWERED = -3
    MUTE = -4
    READER = -11
    COMMAND = -13
    INTERNAL_AUTHENTICATION = -21
    OTHER_CARD = -22
    BAD_INPUT = -23
    SAM = -24
    CANCELLED = -31
    TIMED_OUT = -32
    PIN_LENGTH = -33
    PINS_DIFFER = -34
    CHARACTERS = -41
    LENGTH = -42
    PIN_WRONG = -51
    PIN_LOCKED = -52
    NO_SAM = -2201
    ALGORITHM = -2202
    NO_READING_KEY = -2203
    NO_HSM_NEEDED = -2204


FALLS_BACK = frozenset({Code.NO_SAM, Code.ALGORITHM, Code.NO_READING_KEY, -Status.REFERENCE_DATA_NOT_FOUND, Code.SAM})
"""After these a client goes on with the HSM pair."""

MEANINGS: dict[int, str] = {
    Code.OK: "成功",
    Code.WRONG_CARD: "不是社会保障卡",
    Code.NO_CARD: "没有卡，请放好卡片",
    Code.UNPOWERED: "卡没有上电",
    Code.MUTE: "卡没有应答",
    Code.READER: "读卡器出错",
    Code.COMMAND: "卡的应答不完整",
    Code.INTERNAL_AUTHENTICATION: "卡没有通过内部认证，可能不是真卡",
    Code.OTHER_CARD: "卡里的数据与给出的不一致",
    Code.BAD_INPUT: "输入参数不对",
    Code.SAM: "PSAM 出错",
    Code.CANCELLED: "持卡人取消了输入",
    Code.TIMED_OUT: "输入超时",
    Code.PIN_LENGTH: "密码应为 4 至 16 位数字",
    Code.PINS_DIFFER: "两次输入的新密码不一致",
    Code.CHARACTERS: "数据里有这一项写不下的字符",
    Code.LENGTH: "数据长度不对",
    Code.PIN_WRONG: "密码不对",
    Code.PIN_LOCKED: "密码已锁定",
    Code.NO_SAM: "没有 PSAM，请用加密机方式",
    Code.ALGORITHM: "PSAM 不支持此卡的算法，请用加密机方式",
    Code.NO_READING_KEY: "PSAM 没有 RKSSSE，请用加密机方式",
    Code.NO_HSM_NEEDED: "不需要加密机",
    -Status.SECURITY_NOT_SATISFIED: "卡不允许：没有所需的密码或密钥",
    -Status.METHOD_BLOCKED: "密钥已锁定",
    -Status.FILE_NOT_FOUND: "卡里没有这个文件",
    -Status.RECORD_NOT_FOUND: "卡里没有这一项",
    -Status.REFERENCE_DATA_NOT_FOUND: "没有这个密钥，请用加密机方式",
    -Status.FUNDS_INSUFFICIENT: "余额不足",
    -Status.MAC_NOT_AVAILABLE: "卡在别处用过，不能判断上一笔是否已扣款；请查交易记录",
}
"""What each says, for logs and screens."""


class ReaderError(Exception):
    """A call that did not succeed, by its code."""

    def __init__(self, code: int) -> None:
        self.code = int(code)
        super().__init__(MEANINGS.get(code, f"卡片返回 {-code:04X}"))


def error_of(refusal: Refusal) -> ReaderError:
    """A card's refusal under its code: the negative of the status word."""
    return ReaderError(-refusal.status)
