"""The social security environment's files, record items, and the answer to reset: names, tags, lengths, rights.

Source: 人社信息函〔2012〕37号 (file structure V2.0) and LD/T 32 parts 2, 6 and 10. Which rights a 3.00 card asks for follows
a published 3.00 trace; keys' numbers on the wire beyond 06 and 0A: assumption.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from yikatong.smartcard.files import FREE, Directory, ElementaryFile, Structure, needs

NAME = "sx1.sh.社会保障".encode("gbk")
AID_PREFIX = bytes.fromhex("D156000005")
SSSE_FID = 0xDDF0


class Version(StrEnum):
    """规范版本, as EF05 says it."""

    V1 = "1.00"
    V2 = "2.00"
    V3 = "3.00"


class Key:
    """Key numbers in P2 of EXTERNAL AUTHENTICATE and in the card's memory. Source: published trace (06, 0A), else assumption."""

    PUK = 0x06
    INTERNAL = 0x08
    PIN_SERVICE = 0x09
    READ = 0x0A
    BLOCK = 0x0B
    UPDATE = 0x12
    PURCHASE = 0x20
    LOAD = 0x21
    TAC = 0x22


ACCOUNT_KEYS = frozenset({Key.PURCHASE, Key.LOAD, Key.TAC})
"""The keys that lie in DF04, with the medical account; all others lie in the environment."""


DIRECTORIES = ("DF01", "DF02", "DF03", "DF04", "DF07")
"""Public matters, employment, insurance, medical, personnel."""
DIRECTORY_KEYS: dict[int, tuple[str, ...]] = {Key.UPDATE: DIRECTORIES, Key.READ: ("DF04",)}
"""The environment's keys that also open directories: the city's HSM writes all, a hospital's module reads DF04. The other
directories are read by the holder's PIN only, because every module has the read key. Source: assumption."""


class Coding(StrEnum):
    """``cn``: digits, two to a byte, filled up with F. ``an``: GBK text, filled up with zeros. ``b``: bytes."""

    CN = "cn"
    AN = "an"
    B = "b"


class ItemWrong(ValueError):
    """A value that does not fit its item. The text names the item, never the value."""


@dataclass(frozen=True, slots=True)
class Item:
    """One data item: a record ``tag ‖ length ‖ value``. ``name`` is the standard's Chinese name."""

    tag: int
    name: str
    coding: Coding
    length: int

    def encode(self, text: str) -> bytes:
        """The record for a value; for ``b`` and ``cn`` it is written in hex digits. Raises ``ItemWrong``."""
        try:
            if self.coding is Coding.AN:
                octets = text.encode() if text.isascii() else text.encode("gb18030")
                value = octets.ljust(self.length, b"\0")
            else:
                value = bytes.fromhex(text if self.coding is Coding.B else text.ljust(2 * self.length, "F"))
        except ValueError as error:
            raise ItemWrong(f"{self.name}：不能写成 {self.coding} 类型") from error
        if len(value) != self.length:
            raise ItemWrong(f"{self.name}：超过 {self.length} 字节")
        return bytes((self.tag, self.length)) + value

    def decode(self, record: bytes) -> str:
        """The value in a record, without what fills it up. Raises ``ItemWrong``."""
        value = record[2:]
        if record[:2] != bytes((self.tag, self.length)) or len(value) != self.length:
            raise ItemWrong(f"{self.name}：记录的标识或长度不对")
        if self.coding is Coding.AN:
            try:
                return value.rstrip(b"\0").decode("gb18030")
            except UnicodeDecodeError as error:
                raise ItemWrong(f"{self.name}：不是 GBK 文字") from error
        digits = value.hex().upper()
        return digits.rstrip("F") if self.coding is Coding.CN and self.tag != IDENTIFICATION.tag else digits


IDENTIFICATION = Item(0x01, "卡的识别码", Coding.CN, 0x10)
VERSION = Item(0x03, "规范版本", Coding.AN, 0x04)
NAME_EXTENSION = Item(0x4E, "姓名扩展", Coding.AN, 0x14)

ISSUER_ITEMS = (
    IDENTIFICATION,
    Item(0x02, "卡的类别", Coding.AN, 0x01),
    VERSION,
    Item(0x04, "初始化机构编号", Coding.CN, 0x0C),
    Item(0x05, "发卡日期", Coding.CN, 0x04),
    Item(0x06, "卡有效期", Coding.CN, 0x04),
    Item(0x07, "卡号", Coding.AN, 0x09),
)
_HOLDER_ITEMS = (
    Item(0x08, "社会保障号码", Coding.AN, 0x12),
    Item(0x09, "姓名", Coding.AN, 0x1E),
    NAME_EXTENSION,
    Item(0x0A, "性别", Coding.AN, 0x01),
    Item(0x0B, "民族", Coding.CN, 0x01),
    Item(0x0C, "出生地", Coding.CN, 0x03),
    Item(0x0D, "出生日期", Coding.CN, 0x04),
)
DIRECTORY_ITEMS: dict[tuple[str, int], tuple[Item, ...]] = {
    ("DF01", 0xEF06): (Item(0x23, "常住所在地地址", Coding.AN, 0x50), Item(0x28, "联系电话", Coding.AN, 0x0F)),
    ("DF04", 0xEF05): (
        Item(0x84, "医疗保险地区", Coding.CN, 0x03),
        Item(0x8C, "医疗人员类别", Coding.CN, 0x01),
        *(Item(tag, "定点医疗机构", Coding.AN, 0x09) for tag in (0x83, 0x86, 0x89)),
    ),
    ("DF04", 0xEF06): (
        Item(0x92, "脱机消费累计金额", Coding.CN, 0x04),
        Item(0x93, "脱机消费次数", Coding.AN, 0x02),
    ),
}
"""The items of directories that public sources name, by directory and file. A new card has them empty."""
_RIGHT_READ, _RIGHT_UPDATE = "SSSE:RK", "SSSE:UK"
PIN_RIGHT = "SSSE:PIN"
"""What a right PIN wins, until another application is selected."""


@cache
def holder_items(version: Version) -> tuple[Item, ...]:
    """EF06's records in order; a 1.00 card has no extension of the name."""
    return tuple(item for item in _HOLDER_ITEMS if version is not Version.V1 or item is not NAME_EXTENSION)


def ssse_directory(version: Version) -> Directory:
    """The environment's file tree. On a 3.00 card the holder's data are read after authenticating with RKSSSE only."""
    holder_read = needs(_RIGHT_READ) if version is Version.V3 else FREE
    written = needs(_RIGHT_UPDATE)
    variable, transparent = Structure.LINEAR_VARIABLE, Structure.TRANSPARENT
    files = (
        ElementaryFile(0xEF05, 5, variable, 0x12, len(ISSUER_ITEMS), FREE, written),
        ElementaryFile(0xEF06, 6, variable, 0x20, len(holder_items(version)), holder_read, written),
        ElementaryFile(0xEF07, 7, transparent, 0x300, read=needs(_RIGHT_READ), update=written),
        ElementaryFile(0xEF08, 8, transparent, 0x1000, read=needs(_RIGHT_READ), update=written),
    )
    directories = (
        _public(),
        _one_file("DF02", 0xDF02, 0x01),
        _one_file("DF03", 0xDF03, 0x02),
        _medical(),
        _one_file("DF07", 0xDF07, 0x04),
    )
    return Directory("SSSE", SSSE_FID, (NAME,), files, directories)


def _rights(directory: str) -> tuple[str, str]:
    return f"{directory}:RK", f"{directory}:UK"


def _records(fid: int, directory: str, count: int, size: int = 0x60) -> ElementaryFile:
    """A file of records in a directory, by PIN or its read key; written with its update key."""
    read, update = _rights(directory)
    return ElementaryFile(
        fid, fid & 0x1F, Structure.LINEAR_VARIABLE, size, count, needs(PIN_RIGHT, read), needs(update)
    )


def _public() -> Directory:
    files = (_records(0xEF05, "DF01", 16), _records(0xEF06, "DF01", 8))
    return Directory("SSSE/DF01", 0xDF01, (AID_PREFIX + b"\x00",), files)


def _one_file(name: str, fid: int, aid_end: int) -> Directory:
    """A directory with its EF05 only."""
    return Directory(f"SSSE/{name}", fid, (AID_PREFIX + bytes((aid_end,)),), (_records(0xEF05, name, 16),))


def _medical() -> Directory:
    """DF04: what a hospital reads, what was paid offline (EF06, PIN and key), and the account's last payments (EF08)."""
    read, update = _rights("DF04")
    offline = ElementaryFile(0xEF06, 6, Structure.LINEAR_VARIABLE, 0x60, 8, needs(f"{PIN_RIGHT}+{read}"), needs(update))
    payments = ElementaryFile(0xEF08, 8, Structure.CYCLIC, 0x1C, 30, needs(PIN_RIGHT, read))
    return Directory("SSSE/DF04", 0xDF04, (AID_PREFIX + b"\x03",), (_records(0xEF05, "DF04", 16), offline, payments))


def initialising_institution(issuing_region: str, initialising_region: str, sequence: int) -> str:
    """初始化机构编号 in hex digits. Beijing's is ``initialising_institution("110000", "110100", 2)``. Source: LD/T 32 part 8."""
    return f"9156000002{issuing_region}{initialising_region}{sequence:02X}"


def historical_bytes(*, chip_maker: bytes, chip: bytes, card_maker: bytes, region_code: str, serial: int) -> bytes:
    """The ATR's 13 historical bytes: chip maker (2), chip and COS (3), card maker (2), region (2), serial (4)."""
    octets = chip_maker + chip + card_maker + bytes.fromhex(region_code[:4]) + serial.to_bytes(4)
    if len(octets) != 13:
        raise ValueError(f"historical bytes are 13, not {len(octets)}")
    return octets


def answer_to_reset(historical: bytes) -> bytes:
    """The ATR of a contact card in T=0: direct convention, no programming voltage, no extra guard time."""
    return bytes((0x3B, 0x60 | len(historical), 0x00, 0x00)) + historical
