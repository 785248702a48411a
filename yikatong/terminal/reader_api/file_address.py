"""``pFileAddr`` and what mirrors it: which items of which files, and how an item's value is written.

``DF01EF06|23|28|$DF01EF15|40:2|$`` names items by tag, ``40:2`` the second with that tag; ``DF04EF08|1|2|$``
and ``DF04EF08:1$`` name records of a cyclic file, ``DF04EF08|$`` all of them; ``SSSEEF08|$`` a file without
records. ``SSSE``, ``MF`` and ``3F00`` are the environment itself. It speaks to no card. Source: the reader
specification, published clients (``SSSE``, ``3F00``, ``MF``, ``:01``), 人社信息函〔2012〕37号 (tags). That an item
whose type is not listed here is written in hex digits: assumption.
"""

import re
from dataclasses import dataclass

from yikatong.smartcard.files import ElementaryFile, Structure
from yikatong.smartcard.ssse_layout import (
    AID_PREFIX,
    DIRECTORY_ITEMS,
    ISSUER_ITEMS,
    Coding,
    Item,
    ItemWrong,
    Version,
    holder_items,
    ssse_directory,
)
from yikatong.smartcard.status import Status
from yikatong.terminal.reader_api.codes import Code, ReaderError

ENVIRONMENT = "SSSE"
_NAMES = {"SSSE": ENVIRONMENT, "MF": ENVIRONMENT, "3F00": ENVIRONMENT}
_AIDS = {"DF01": 0x00, "DF02": 0x01, "DF03": 0x02, "DF04": 0x03, "DF07": 0x04}
_PARTS_MAX, _ITEMS_MAX = 32, 64
_PART = re.compile(r"(SSSE|MF|3F00|DF[0-9A-F]{2})EF([0-9A-F]{2})(?::([0-9]{1,2}))?((?:\|[0-9A-F:]{1,5})*)\|?", re.ASCII)
_ITEM = re.compile(r"([0-9A-F]{2})(?::([0-9]{1,2}))?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,2}", re.ASCII)
_ITEMS: dict[tuple[str, int], tuple[Item, ...]] = {
    (ENVIRONMENT, 0xEF05): ISSUER_ITEMS,
    (ENVIRONMENT, 0xEF06): holder_items(Version.V3),
} | DIRECTORY_ITEMS


@dataclass(frozen=True, slots=True)
class Place:
    """One item: its ``tag`` and the how-manieth with that tag; in a cyclic file, ``number`` is the record's."""

    tag: int
    number: int


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a ``pFileAddr``. ``file``: what is known of it, ``None`` when nothing is."""

    name: str
    directory: str
    fid: int
    places: tuple[Place, ...]
    file: ElementaryFile | None

    @property
    def aid(self) -> bytes | None:
        """The directory's, ``None`` for the environment itself."""
        return None if self.directory == ENVIRONMENT else AID_PREFIX + bytes((_AIDS[self.directory],))

    @property
    def structure(self) -> Structure:
        """How it is read; a file that nothing is known of has records."""
        return self.file.structure if self.file else Structure.LINEAR_VARIABLE

    def told(self, place: Place, record: bytes) -> str:
        """An item's value from its record. Raises ``ReaderError``."""
        try:
            return self._item(place.tag, len(record) - 2).decode(record)
        except ItemWrong as error:
            raise ReaderError(Code.CHARACTERS) from error

    def record(self, place: Place, value: str) -> bytes:
        """An item's record from its value. Raises ``ReaderError`` (−41 characters, −42 length)."""
        try:
            return self._item(place.tag, len(value) // 2).encode(value)
        except ItemWrong as error:
            raise ReaderError(Code.CHARACTERS if error.__cause__ else Code.LENGTH) from error

    def _item(self, tag: int, length: int) -> Item:
        known = (item for item in _ITEMS.get((self.directory, self.fid), ()) if item.tag == tag)
        return next(known, Item(tag, f"{tag:02X}", Coding.B, length))


def parse(text: str, version: str) -> list[Part]:
    """A ``pFileAddr`` for a card of this 规范版本. Raises ``ReaderError`` (−23; −27266 for a directory that no card has)."""
    *parts, rest = text.split("$")
    if not parts or rest or len(parts) > _PARTS_MAX:
        raise ReaderError(Code.BAD_INPUT)
    return [_part(part, version) for part in parts]


def values(text: str, parts: list[Part]) -> list[list[str]]:
    """The values in a ``pWriteData`` that mirrors these parts, for each its own. Raises ``ReaderError`` (−23)."""
    *given, rest = text.split("$")
    if rest or len(given) != len(parts):
        raise ReaderError(Code.BAD_INPUT)
    found = []
    for part, line in zip(parts, given, strict=True):
        name, *fields = line.removesuffix("|").split("|")
        if name != part.name or len(fields) != len(part.places):
            raise ReaderError(Code.BAD_INPUT)
        found.append(fields)
    return found


def mirrored(parts: list[Part], told: list[list[str]]) -> str:
    """The answer: each file's name and values."""
    lines = ("|".join((part.name, *fields)) for part, fields in zip(parts, told, strict=True))
    return "".join(f"{line}|$" for line in lines)


def _part(text: str, version: str) -> Part:
    found = _PART.fullmatch(text)
    if found is None:
        raise ReaderError(Code.BAD_INPUT)
    named, fid = found[1], int(f"EF{found[2]}", 16)
    directory = _NAMES.get(named, named)
    if directory != ENVIRONMENT and directory not in _AIDS:
        raise ReaderError(-Status.FILE_NOT_FOUND)
    file = _layout(directory, version, fid)
    structure = file.structure if file else Structure.LINEAR_VARIABLE
    items = found[4].split("|")[1:]
    if found[3] is not None:
        if structure is not Structure.CYCLIC or items:
            raise ReaderError(Code.BAD_INPUT)
        items = [found[3]]
    if len(items) > _ITEMS_MAX or (structure is Structure.LINEAR_VARIABLE and not items):
        raise ReaderError(Code.BAD_INPUT)
    places = tuple(_place(item, structure) for item in items)
    if structure is Structure.TRANSPARENT:
        places = (Place(0, 1),)
    return Part(f"{named}EF{found[2]}", directory, fid, places, file)


def _place(text: str, structure: Structure) -> Place:
    found = _NUMBER.fullmatch(text) if structure is not Structure.LINEAR_VARIABLE else _ITEM.fullmatch(text)
    if found is None:
        raise ReaderError(Code.BAD_INPUT)
    if structure is not Structure.LINEAR_VARIABLE:
        return Place(0, _from_one(found[0]))
    return Place(int(found[1], 16), _from_one(found[2] or "1"))


def _from_one(text: str) -> int:
    if not int(text):
        raise ReaderError(Code.BAD_INPUT)
    return int(text)


def _layout(directory: str, version: str, fid: int) -> ElementaryFile | None:
    known = Version(version) if version in set(Version) else Version.V3
    tree = ssse_directory(known)
    path = tree.path if directory == ENVIRONMENT else f"{tree.path}/{directory}"
    return next(each for each in tree.walk() if each.path == path).file_by_fid(fid)
