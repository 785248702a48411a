"""What a card image holds, as lines for people: names and counts, masked data, and of keys only that they are there."""

from collections.abc import Iterator

from yikatong.gm import x509
from yikatong.smartcard.identity import CERTIFICATE_CELL, KEY_CELL
from yikatong.smartcard.issuer_domain import SERIAL_CELL
from yikatong.smartcard.memory import Medium, Memory, MemoryDamaged
from yikatong.smartcard.payment import REFERENCE_CELL, BankReference
from yikatong.smartcard.ssse_layout import ISSUER_ITEMS, Item, Version, holder_items
from yikatong.smartcard.tunion import ALGORITHM_CELL
from yikatong.smartcard.tunion_layout import RAIL, IssuerFile, LogRecord
from yikatong.smartcard.tunion_ride import RideRecord
from yikatong.smartcard.tunion_security import Algorithm

_PERSONAL_TAGS = frozenset({0x08, 0x09, 0x4E, 0x0C, 0x0D})
_KINDS = {0x02: "充值", 0x06: "消费", 0x09: "复合消费"}


def describe(medium: Medium) -> list[str]:
    """A card image in lines. Raises ``MemoryDamaged`` when it is none."""
    memory = Memory(medium)
    if "card/version" not in memory:
        if SERIAL_CELL in memory:
            return [f"空白卡  序列号 {memory[SERIAL_CELL].hex().upper()}，等待个人化", *_keys(memory)]
        kind = "是 PSAM 映像" if "PSAM/0016" in memory else "里什么都没有"
        raise MemoryDamaged(f"这{kind}，没有可显示的社保卡内容")
    return [*_social(memory), *_identity(memory), *_purse(memory), *_bank(memory), *_keys(memory)]


def _social(memory: Memory) -> Iterator[str]:
    version = Version(memory["card/version"].decode())
    yield f"ATR 历史字节  {memory['card/historical'].hex().upper()}"
    for sfi, items in ((5, ISSUER_ITEMS), (6, holder_items(version))):
        for number, item in enumerate(items, start=1):
            record = memory.get(f"SSSE/EF{sfi:02X}/{number}")
            if record is not None:
                yield f"EF{sfi:02X} {item.tag:02X} {item.name}  {_shown(item, record)}"
    if "SSSE/blocked" in memory:
        yield "社会保障应用  已永久锁定"
    balance = memory.get("SSSE/DF04/balance")
    if balance is not None:
        yield f"医保账户余额  {_yuan(int.from_bytes(balance))}"


def _shown(item: Item, record: bytes) -> str:
    text = item.decode(record)
    if item.tag not in _PERSONAL_TAGS or not text:
        return text
    kept = 6 if item.tag == 0x08 else 1
    return text[:kept] + "*" * max(len(text) - kept, 1)


def _identity(memory: Memory) -> Iterator[str]:
    if CERTIFICATE_CELL not in memory:
        return
    certificate = x509.parse(memory[CERTIFICATE_CELL])
    yield f"身份证书  {certificate.subject.native['common_name']}，序列号 {certificate.serial_number:x}"
    yield f"身份证书有效期至  {certificate.not_valid_after:%Y-%m-%d}"


def _purse(memory: Memory) -> Iterator[str]:
    if ALGORITHM_CELL not in memory:
        return
    issuer = IssuerFile.decode(memory["TU/0015"])
    algorithm = Algorithm(memory[ALGORITHM_CELL][0]).name
    yield f"交通钱包  {issuer.number}，{algorithm}，{issuer.starts_on} 至 {issuer.ends_on}"
    yield f"交通钱包余额  {_yuan(int.from_bytes(memory.get('TU/balance') or bytes(4)))}"
    ride = RideRecord.decode(memory[f"TU/001A/{RAIL}"])
    yield f"轨道交通  {'已进站，未出站' if ride.is_inside else '不在途中'}"
    newest = (memory.get("TU/0018/newest") or b"\0")[0]
    if newest:
        last = LogRecord.decode(memory[f"TU/0018/{newest}"])
        yield f"最近一笔  {_KINDS.get(last.kind, f'{last.kind:02X}')} {_yuan(last.amount_fen)}，卡内序号 {last.counter}"


def _bank(memory: Memory) -> Iterator[str]:
    if REFERENCE_CELL in memory:
        bank = BankReference.decode(memory[REFERENCE_CELL])
        yield f"银行应用  {bank.label}，{bank.issuer_number}******{bank.tail}"


def _keys(memory: Memory) -> Iterator[str]:
    """Which keys there are, by application and number; never a value."""
    places: dict[str, list[str]] = {}
    for cell in sorted(memory.cells()):
        place, _, number = cell.rpartition("/key/")
        if place and "/" not in number and cell != KEY_CELL:
            places.setdefault(place, []).append(number)
    for place, numbers in places.items():
        yield f"密钥 {place}  {' '.join(numbers)}（内容不显示）"
    if KEY_CELL in memory:
        yield "密钥 身份 SM2  有（内容不显示）"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d} 元"
