"""A card's file tree: what there is, how it is structured, and which rights reading and writing it take.

The tree is fixed by the kind of card; its contents are cells of the card's memory, one for each record or transparent file.
Source: ISO/IEC 7816-4:2013, 7.1 (structures), 9.3 (security attributes).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from yikatong.smartcard.memory import Memory
from yikatong.smartcard.status import Refusal, Status

type Condition = tuple[frozenset[str], ...]
"""Sets of rights, any one of which is enough. ``FREE`` holds the empty set, ``NEVER`` holds none."""

FREE: Condition = (frozenset(),)
NEVER: Condition = ()


def needs(*alternatives: str) -> Condition:
    """The condition of any of these; rights that are needed together are joined with ``+``: ``needs("PIN+RK1", "UK")``."""
    return tuple(frozenset(alternative.split("+")) for alternative in alternatives)


def is_met(condition: Condition, rights: frozenset[str]) -> bool:
    """Whether the rights won so far are enough."""
    return any(alternative <= rights for alternative in condition)


class Structure(StrEnum):
    """How an elementary file is read."""

    TRANSPARENT = "transparent"
    LINEAR_FIXED = "linear fixed"
    LINEAR_VARIABLE = "linear variable"
    CYCLIC = "cyclic"

    @property
    def has_records(self) -> bool:
        """Whether it is read by record."""
        return self is not Structure.TRANSPARENT


@dataclass(frozen=True, slots=True)
class ElementaryFile:
    """A file with contents.

    ``size``: bytes of a transparent file, of each record of a fixed or cyclic one, and at most of a variable one. ``records``:
    """

    fid: int
    sfi: int
    structure: Structure
    size: int
    records: int = 0
    read: Condition = FREE
    update: Condition = NEVER


@dataclass(frozen=True, slots=True)
class Directory:
    """A dedicated file. ``path`` names it in the memory's cells, ``names`` are what it is selected by (AID or DF name)."""

    path: str
    fid: int
    names: tuple[bytes, ...] = ()
    files: tuple[ElementaryFile, ...] = ()
    directories: tuple["Directory", ...] = ()

    def file_by_fid(self, fid: int) -> ElementaryFile | None:
        """One of its own files."""
        return next((file for file in self.files if file.fid == fid), None)

    def file_by_sfi(self, sfi: int) -> ElementaryFile | None:
        """One of its own files by short identifier."""
        return next((file for file in self.files if sfi and file.sfi == sfi), None)

    def walk(self) -> Iterator["Directory"]:
        """Itself and all directories below."""
        yield self
        for directory in self.directories:
            yield from directory.walk()


class Contents:
    """The contents of one elementary file in a card's memory. Writing needs an open transaction."""

    def __init__(self, memory: Memory, directory: Directory, file: ElementaryFile) -> None:
        self._memory = memory
        self._cell = f"{directory.path}/{file.fid:04X}"
        self._file = file

    def octets(self) -> bytes:
        """All of a transparent file; what was never written is FF."""
        return self._memory.get(self._cell) or b"\xff" * self._file.size

    def write_octets(self, offset: int, octets: bytes) -> None:
        """Replace part of a transparent file. Raises ``Refusal``."""
        if offset + len(octets) > self._file.size:
            raise Refusal(Status.OFFSET_OUTSIDE)
        before = self.octets()
        self._memory[self._cell] = before[:offset] + octets + before[offset + len(octets) :]

    def records(self) -> list[bytes]:
        """All records in reading order: a cyclic file's newest first."""
        return [record for record in map(self._record, range(1, self._file.records + 1)) if record is not None]

    def record(self, number: int) -> bytes:
        """A record by number, from 1. Raises ``Refusal``."""
        record = self._record(number) if 1 <= number <= self._file.records else None
        if record is None:
            raise Refusal(Status.RECORD_NOT_FOUND)
        return record

    def write_record(self, number: int, octets: bytes) -> None:
        """Replace a record of a linear file. Raises ``Refusal``."""
        if not 1 <= number <= self._file.records:
            raise Refusal(Status.RECORD_NOT_FOUND)
        self._check_size(octets)
        self._memory[f"{self._cell}/{number}"] = octets

    def append(self, octets: bytes) -> None:
        """Add a record to a cyclic file, in place of the oldest. Raises ``Refusal``."""
        self._check_size(octets)
        newest = self._newest() % self._file.records + 1
        self._memory[f"{self._cell}/{newest}"] = octets
        self._memory[f"{self._cell}/newest"] = bytes((newest,))

    def _check_size(self, octets: bytes) -> None:
        is_variable = self._file.structure is Structure.LINEAR_VARIABLE
        if len(octets) > self._file.size or (not is_variable and len(octets) < self._file.size):
            raise Refusal(Status.WRONG_LENGTH)

    def _newest(self) -> int:
        return (self._memory.get(f"{self._cell}/newest") or b"\0")[0]

    def _record(self, number: int) -> bytes | None:
        if self._file.structure is Structure.CYCLIC:
            number = (self._newest() - number) % self._file.records + 1
        return self._memory.get(f"{self._cell}/{number}")
