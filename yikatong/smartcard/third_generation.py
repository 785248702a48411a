"""A whole third-generation card: which applications it has, what goes into its files, and a card image opened as a card.

Contents become data groupings (``social_groupings``), which a bureau receives and a blank card takes (``write_groupings``): there
is one way into a card.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from yikatong.smartcard import identity, issuer_domain, tunion, tunion_layout
from yikatong.smartcard.card import Application, EmulatedCard, Random
from yikatong.smartcard.dgi import Group, Grouping, GroupingsMalformed, decode_keys, encode_keys, record_group
from yikatong.smartcard.issuer_domain import IssuerDomain
from yikatong.smartcard.memory import Medium, Memory, MemoryDamaged
from yikatong.smartcard.payment import (
    REFERENCE_CELL,
    BankAccount,
    PaymentDirectory,
    ProximityDirectory,
    write_lists,
)
from yikatong.smartcard.secure_channel import ChannelKeys
from yikatong.smartcard.ssse import SocialSecurity
from yikatong.smartcard.ssse_account import PATH as ACCOUNT_PATH
from yikatong.smartcard.ssse_layout import (
    ACCOUNT_KEYS,
    DIRECTORY_ITEMS,
    DIRECTORY_KEYS,
    ISSUER_ITEMS,
    NAME_EXTENSION,
    ItemWrong,
    Version,
    answer_to_reset,
    holder_items,
)
from yikatong.smartcard.ssse_pin import encode_pin
from yikatong.smartcard.tunion_ride import RideRecord
from yikatong.smartcard.tunion_security import CIPHERS, Algorithm, issuer_factor

_VERSION, _HISTORICAL = "card/version", "card/historical"
_CELLS = {
    Group.CARD_VERSION: _VERSION,
    Group.HISTORICAL_BYTES: _HISTORICAL,
    Group.SOCIAL_PIN: "SSSE/pin",
    Group.IDENTITY_KEY: identity.KEY_CELL,
    Group.CERTIFICATE: identity.CERTIFICATE_CELL,
    Group.PURSE_ISSUER: "TU/0015",
    Group.PURSE_HOLDER: "TU/0016",
    Group.PURSE_REGION: "TU/0017",
    Group.PURSE_ALGORITHM: tunion.ALGORITHM_CELL,
    Group.PURSE_OVERDRAFT: tunion.OVERDRAFT_CELL,
    Group.BANK_REFERENCE: REFERENCE_CELL,
}
_NAME_BYTES = 0x1E
PORTRAIT_MAX = 0x1000
"""EF08. Source: LD/T 32 V2.0 (photo, 4096 bytes)."""


@dataclass(frozen=True, slots=True)
class SocialContents:
    """What the social security environment of one card holds.

    ``identification_code``: 32 hex digits. ``institution``: 24 hex digits. ``sex``: 1 or 2. ``ethnicity_code``: GB 3304.
    ``birthplace_code``: six digits, GB/T 2260.
    ``portrait_jpeg``: for EF08, at most ``PORTRAIT_MAX`` bytes. ``keys``: by number (``ssse_layout.Key``), 16 bytes each.
    """

    identification_code: str
    institution: str
    issued_on: date
    expires_on: date
    card_number: str
    identity_number: str
    name: str
    sex: str
    ethnicity_code: str
    birthplace_code: str
    birth_date: date
    category: str = "3"
    pin: str | None = None
    portrait_jpeg: bytes = field(default=b"", repr=False)
    keys: Mapping[int, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class PurseContents:
    """What the transit purse of one card holds. ``keys``: by number (``tunion_layout.PurseKey``), 16 bytes each."""

    issuer: tunion_layout.IssuerFile
    region: tunion_layout.RegionFile = field(default_factory=tunion_layout.RegionFile)
    overdraft_limit_fen: int = 0
    algorithm: Algorithm = Algorithm.SM4
    keys: Mapping[int, bytes] = field(default_factory=dict, repr=False)

    def card_keys(self, masters: Mapping[int, bytes]) -> dict[int, bytes]:
        """The keys derived from the city's for this purse."""
        cipher = CIPHERS[self.algorithm]
        return {
            number: cipher.card_key(master, issuer_factor(self.issuer.issuer), self.issuer.serial)
            for number, master in masters.items()
        }


def social_groupings(
    contents: SocialContents,
    historical: bytes,
    version: Version = Version.V3,
    *,
    keys: Mapping[int, bytes] | None = None,
) -> list[Grouping]:
    """A card's social security environment as data groupings. ``keys``: in place of those in ``contents``.

    Raises ``ItemWrong`` when a value does not fit its item.
    """
    values = _values(contents, version)
    groupings = [
        Grouping(Group.CARD_VERSION, version.encode()),
        Grouping(Group.HISTORICAL_BYTES, historical),
        Grouping(Group.SOCIAL_KEYS, encode_keys((contents.keys if keys is None else keys).items())),
    ]
    if len(contents.portrait_jpeg) > PORTRAIT_MAX:
        raise ItemWrong(f"照片：超过 {PORTRAIT_MAX} 字节")
    if contents.portrait_jpeg:
        groupings.append(Grouping(Group.PORTRAIT, contents.portrait_jpeg))
    if contents.pin is not None:
        groupings.append(Grouping(Group.SOCIAL_PIN, encode_pin(contents.pin)))
    for sfi, items in ((5, ISSUER_ITEMS), (6, holder_items(version))):
        groupings += [
            Grouping(record_group(sfi, number), item.encode(values[item.name]))
            for number, item in enumerate(items, start=1)
        ]
    return groupings


def purse_groupings(contents: PurseContents, *, keys: Mapping[int, bytes] | None = None) -> list[Grouping]:
    """A card's transit purse as data groupings, without money. ``keys``: in place of those in ``contents``.

    Raises ``PurseRecordWrong``.
    """
    return [
        Grouping(Group.PURSE_ALGORITHM, bytes((contents.algorithm,))),
        Grouping(Group.PURSE_OVERDRAFT, contents.overdraft_limit_fen.to_bytes(3)),
        Grouping(Group.PURSE_KEYS, encode_keys((contents.keys if keys is None else keys).items())),
        Grouping(Group.PURSE_ISSUER, contents.issuer.encode()),
        Grouping(Group.PURSE_REGION, contents.region.encode()),
    ]


def write_groupings(memory: Memory, groupings: Iterable[Grouping]) -> None:
    """Personalise a blank card in one transaction. Raises ``GroupingsMalformed`` for a grouping it does not know."""
    with memory.transaction():
        put_groupings(memory, groupings)


def put_groupings(memory: Memory, groupings: Iterable[Grouping]) -> None:
    """The same inside a transaction that is open already."""
    if _VERSION in memory:
        raise GroupingsMalformed("this card is personalised already")
    written = set()
    for grouping in groupings:
        _write(memory, grouping)
        written.add(grouping.number)
    if not written >= {Group.CARD_VERSION, Group.HISTORICAL_BYTES}:
        raise GroupingsMalformed("without its version and its historical bytes this would be no card")
    for (directory, fid), items in DIRECTORY_ITEMS.items():
        for number, item in enumerate(items, start=1):
            memory[f"SSSE/{directory}/{fid:04X}/{number}"] = item.encode("")
    write_lists(memory, has_purse=tunion.ALGORITHM_CELL in memory)


def _write(memory: Memory, grouping: Grouping) -> None:
    if grouping.number in _CELLS:
        memory[_CELLS[Group(grouping.number)]] = grouping.value
    elif grouping.number == Group.PORTRAIT and len(grouping.value) <= PORTRAIT_MAX:
        memory["SSSE/EF08"] = grouping.value.ljust(PORTRAIT_MAX, b"\xff")
    elif grouping.number == Group.SOCIAL_KEYS:
        for number, key in decode_keys(grouping.value).items():
            place = ACCOUNT_PATH if number in ACCOUNT_KEYS else "SSSE"
            memory[f"{place}/key/{number:02X}"] = key
            for directory in DIRECTORY_KEYS.get(number, ()):
                memory[f"SSSE/{directory}/key/{number:02X}"] = key
    elif grouping.number == Group.PURSE_KEYS:
        for number, key in decode_keys(grouping.value).items():
            memory[f"TU/key/{number:02X}"] = key
        for number in (tunion_layout.RAIL, tunion_layout.BUS):
            memory[f"TU/{tunion_layout.RIDE_SFI:04X}/{number}"] = RideRecord.blank(number).octets
    elif grouping.number >> 8 in {5, 6}:
        memory[f"SSSE/EF{grouping.number >> 8:02X}/{grouping.number & 0xFF}"] = grouping.value
    else:
        raise GroupingsMalformed(f"this card has no data grouping {grouping.number:04X}")


class ThirdGenerationCard(EmulatedCard):
    """A card with what is on it; a blank one becomes at the next reset what was written into it."""

    def __init__(self, memory: Memory, *, random: Random = os.urandom) -> None:
        super().__init__(memory, answer_to_reset(memory[_HISTORICAL]), random=random)
        self._is_blank = _VERSION not in memory
        self.install([IssuerDomain(self, put_groupings)] if self._is_blank else _applications(self))

    def power_on(self) -> bytes:
        """See ``EmulatedCard``."""
        if self._is_blank and _VERSION in self.memory:
            self._is_blank = False
            self.atr = answer_to_reset(self.memory[_HISTORICAL])
            self.install(_applications(self), anew=True)
        return super().power_on()


def open_card(medium: Medium, *, random: Random = os.urandom) -> EmulatedCard:
    """The card whose memory is ``medium``, personalised or a blank with its issuer's domain. Raises ``MemoryDamaged``."""
    memory = Memory(medium)
    if _VERSION not in memory and issuer_domain.SERIAL_CELL not in memory:
        raise MemoryDamaged("this is an empty card: nothing can be written to it through a reader")
    return ThirdGenerationCard(memory, random=random)


def write_blank(memory: Memory, serial: bytes, historical: bytes, keys: ChannelKeys) -> None:
    """Make an empty image a blank card, as its maker delivers it. ``serial``: 8 bytes; ``keys``: its domain's."""
    with memory.transaction():
        memory[_HISTORICAL] = historical
        issuer_domain.write_domain(memory, serial, keys)


def _applications(card: EmulatedCard) -> list[Application]:
    memory = card.memory
    social = SocialSecurity(card, Version(memory[_VERSION].decode()))
    found: list[Application] = [social]
    if identity.KEY_CELL in memory:
        found.append(identity.IdentityKey(card, social.verify_pin))
    if tunion.ALGORITHM_CELL in memory:
        found.append(tunion.TransitPurse(card))
    if REFERENCE_CELL in memory:
        found.append(BankAccount(card))
    return [*found, PaymentDirectory(card), ProximityDirectory(card)]


def _values(contents: SocialContents, version: Version) -> dict[str, str]:
    name, extension, left_out = name_in_chip(contents.name)
    if (extension or left_out) and version is Version.V1:
        raise ItemWrong("姓名：1.00 版的卡只放得下 30 字节")
    return {
        "卡的识别码": contents.identification_code,
        "卡的类别": contents.category,
        "规范版本": version.value,
        "初始化机构编号": contents.institution,
        "发卡日期": _digits_of(contents.issued_on),
        "卡有效期": _digits_of(contents.expires_on),
        "卡号": contents.card_number,
        "社会保障号码": contents.identity_number,
        "姓名": name,
        NAME_EXTENSION.name: extension,
        "性别": contents.sex,
        "民族": contents.ethnicity_code,
        "出生地": contents.birthplace_code,
        "出生日期": _digits_of(contents.birth_date),
    }


def _digits_of(day: date) -> str:
    return day.isoformat().replace("-", "")


def name_in_chip(name: str) -> tuple[str, str, str]:
    """A name as the chip holds it: in its own item, in the extension's, and what fits neither; never cut inside a character.

    The chip's name is for machines, the face bears the whole. That a longer one is cut, not refused: assumption.
    """
    first = _fitting(name, _NAME_BYTES)
    second = _fitting(name[len(first) :], NAME_EXTENSION.length)
    return first, second, name[len(first) + len(second) :]


def _fitting(text: str, octets: int) -> str:
    end = len(text)
    while len(text[:end].encode("gb18030")) > octets:
        end -= 1
    return text[:end]
