"""One chunk of an import: checked, compared with the register, sealed and packed. Runs in the import's own processes.

Works ahead of the transaction that will store it, so it decides nothing that depends on other chunks: rows whose identity
number occurs more than once in the file are handed over as ``contested``, guardians are named by their blind index.
It imports no Django.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache
from itertools import repeat
from operator import add
from typing import NamedTuple

from yikatong.gm.fields import FieldCipher
from yikatong.registry import packing
from yikatong.registry.chunked import Chunk, RawRow, SourceFile
from yikatong.registry.files import read_chunk
from yikatong.registry.rows import Known, PersonRow, Problem
from yikatong.registry.rules import check_person_row
from yikatong.registry.search_numbers import search_numbers

IDENTITY_KEY_FIELDS = packing.field_count(2)
MEMBERSHIP_FIELDS = packing.field_count(5)
GUARDIAN_FIELDS = packing.field_count(3)
PERSON_FIELDS = packing.field_count(21)
CHANGED_PERSON_FIELDS = packing.field_count(22)


class KnownPerson(NamedTuple):
    """What the register holds of a person whom a row is about."""

    person_id: int
    source_digest: bytes


class Register(NamedTuple):
    """What a chunk asks of the register."""

    persons_by_index: Callable[[Sequence[bytes]], dict[bytes, KnownPerson]]
    organisation_kinds: Callable[[Sequence[str]], dict[str, str]]


class ChunkTask(NamedTuple):
    """One chunk, the person ids it may give to new persons, and which of its lines are contested."""

    chunk: Chunk
    person_ids: list[int]
    contested_lines: frozenset[int]


class RejectedRow(NamedTuple):
    """A row that was not taken."""

    line: int
    problems: list[Problem]
    cells: list[str]
    text: str


class Packed(NamedTuple):
    """Rows in binary COPY form, by table. ``changed`` holds whole persons that the register has otherwise."""

    persons: bytes = b""
    identity_keys: bytes = b""
    memberships: bytes = b""
    guardians: bytes = b""
    changed: bytes = b""


_NOTHING = Packed()


class Counts(NamedTuple):
    """How many rows were new, changed or the same."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


class ContestedRow(NamedTuple):
    """A sound row whose identity number may occur elsewhere in the file: stored only if it is the first sound one."""

    line: int
    identity_index: bytes
    digest: bytes
    packed: Packed
    counts: Counts
    cells: list[str]


class ChunkResult(NamedTuple):
    """What a chunk came to."""

    chunk: Chunk
    packed: Packed
    counts: Counts
    contested: list[ContestedRow]
    rejected: list[RejectedRow]


class ImportFrame(NamedTuple):
    """What all chunks of one import share. ``on`` is the day ages are counted for, ``at`` the moment of the import."""

    source: SourceFile
    community_codes: frozenset[str]
    bank_codes: frozenset[str]
    on: date
    at: datetime


class _Sound(NamedTuple):
    """A row that passed, with the codes it is found by. ``known`` is None for a person the register has not."""

    line: int
    cells: list[str]
    row: PersonRow
    identity_index: bytes
    digest: bytes
    known: KnownPerson | None


def process_chunk(frame: ImportFrame, task: ChunkTask, register: Register, cipher: FieldCipher) -> ChunkResult:
    """Check, compare, seal and pack one chunk. Raises ``Refused`` when the file was changed under it."""
    sound, rejected = _check(frame, task.chunk, register, cipher)
    fresh = [entry for entry in sound if entry.known is None]
    changed = [entry for entry in sound if entry.known and entry.known.source_digest != entry.digest]
    ids = dict(zip((entry.line for entry in fresh), task.person_ids, strict=False))
    stored = fresh + changed
    parts = dict(zip((entry.line for entry in stored), _pack(stored, ids, cipher, frame), strict=True))
    plain, contested = [], []
    for entry in sound:
        packed = parts.get(entry.line, _NOTHING)
        if entry.line in task.contested_lines:
            counts = Counts(int(bool(packed.persons)), int(bool(packed.changed)), int(packed is _NOTHING))
            contested.append(ContestedRow(entry.line, entry.identity_index, entry.digest, packed, counts, entry.cells))
        elif packed is not _NOTHING:
            plain.append(packed)
    added = sum(1 for packed in plain if packed.persons)
    counts = Counts(added, len(plain) - added, len(sound) - len(contested) - len(plain))
    return ChunkResult(task.chunk, joined(plain), counts, contested, rejected)


def joined(parts: Sequence[Packed]) -> Packed:
    """Several rows' bytes behind each other, table by table.

    Identity keys are sorted: they are random, and their index takes neighbours at half the price.
    """
    if not parts:
        return Packed()
    persons, identity_keys, *others = zip(*parts, strict=True)
    return Packed(b"".join(persons), b"".join(sorted(identity_keys)), *map(b"".join, others))


def _check(
    frame: ImportFrame, chunk: Chunk, register: Register, cipher: FieldCipher
) -> tuple[list[_Sound], list[RejectedRow]]:
    raw_rows = list(read_chunk(frame.source, chunk))
    at = frame.source.columns.index("organisation_code")
    codes = {raw.cells[at].strip() for raw in raw_rows if raw.cells}
    kinds = register.organisation_kinds(sorted(codes - {""}))
    known = Known(frame.community_codes, frame.bank_codes, kinds)
    passed: list[tuple[RawRow, PersonRow]] = []
    rejected: list[RejectedRow] = []
    for raw in raw_rows:
        outcome = [raw.problem] if raw.problem else check_person_row(raw.cells, known, frame.on)
        if isinstance(outcome, PersonRow):
            passed.append((raw, outcome))
        else:
            rejected.append(RejectedRow(raw.line, outcome, raw.cells, raw.text))
    indexes = cipher.blind_index_many("identity_number", [row.identity_number for _, row in passed])
    digests = cipher.blind_index_many("person_row", [row.canonical_text() for _, row in passed])
    persons = register.persons_by_index(indexes)
    sound = [
        _Sound(raw.line, raw.cells, row, index, digest, persons.get(index))
        for (raw, row), index, digest in zip(passed, indexes, digests, strict=True)
    ]
    return sound, rejected


def _pack(entries: Sequence[_Sound], ids: dict[int, int], cipher: FieldCipher, frame: ImportFrame) -> list[Packed]:
    """The bytes to store for each entry, made column by column. ``ids`` are the person ids of those that are new."""
    rows = [entry.row for entry in entries]
    numbers, names = [row.identity_number for row in rows], [row.name for row in rows]
    person_ids = packing.int64_columns([entry.known.person_id if entry.known else ids[entry.line] for entry in entries])
    identity_indexes = packing.binaries([entry.identity_index for entry in entries])
    persons = map(
        b"".join,
        zip(
            person_ids,
            packing.binaries(cipher.seal_many("identity_number", numbers)),
            identity_indexes,
            packing.binaries(cipher.seal_many("name", names)),
            _phones(rows, cipher),
            packing.int64_columns(*search_numbers(cipher, numbers, names, [row.birth_date for row in rows])),
            map(_plain_fields, rows),
            packing.binaries([entry.digest for entry in entries]),
            repeat(packing.moment(frame.at)),
            strict=False,
        ),
    )
    guardians = _guardians(rows, person_ids, cipher)
    since = packing.day(frame.on) + packing.NULL + packing.TRUE
    packed = []
    for entry, person_id, identity_index, person, theirs in zip(
        entries, person_ids, identity_indexes, persons, guardians, strict=True
    ):
        organisation = packing.code(entry.row.organisation_code)
        if entry.known:
            packed.append(Packed(guardians=theirs, changed=CHANGED_PERSON_FIELDS + person + organisation))
            continue
        identity_key = IDENTITY_KEY_FIELDS + identity_index + person_id
        membership = MEMBERSHIP_FIELDS + person_id + organisation + since if entry.row.organisation_code else b""
        packed.append(Packed(PERSON_FIELDS + person, identity_key, membership, theirs))
    return packed


def _phones(rows: Sequence[PersonRow], cipher: FieldCipher) -> list[bytes]:
    """``phone_sealed`` and ``phone_index`` of each row."""
    phones = [row.phone for row in rows if row.phone]
    sealed = packing.binaries(cipher.seal_many("phone", phones))
    indexes = packing.binaries(cipher.blind_index_many("phone", phones))
    given = map(add, sealed, indexes)
    none = packing.NULL + packing.NULL
    return [next(given) if row.phone else none for row in rows]


def _plain_fields(row: PersonRow) -> bytes:
    """``sex`` to ``older_card_number``; what has few different values is packed once."""
    return b"".join(
        (
            _sex_and_ethnicity(row.sex, row.ethnicity_code),
            packing.day(row.birth_date),
            packing.code(row.community_code),
            _insurance(
                row.category,
                row.pension_bank_code,
                (row.needs_large_print, row.needs_home_visit),
                row.older_card_generation,
            ),
            packing.text(row.older_card_number),
        )
    )


@lru_cache(maxsize=1 << 10)
def _sex_and_ethnicity(sex: str, ethnicity_code: str) -> bytes:
    return packing.text(sex) + packing.text(ethnicity_code)


@lru_cache(maxsize=1 << 12)
def _insurance(category: str, bank_code: str, needs: tuple[bool, bool], generation: int | None) -> bytes:
    fields = [packing.text(category), packing.text(bank_code), *map(packing.truth, needs)]
    return b"".join(fields) + (packing.int16(generation) if generation else packing.NULL)


def _guardians(rows: Sequence[PersonRow], person_ids: Sequence[bytes], cipher: FieldCipher) -> list[bytes]:
    """The rows of ``registry_import_guardian`` of each ward."""
    numbers = [number for row in rows for number, _ in row.guardians]
    indexes = iter(packing.binaries(cipher.blind_index_many("identity_number", numbers)))
    return [
        b"".join(
            [GUARDIAN_FIELDS + person_id + next(indexes) + packing.code(relation) for _, relation in row.guardians]
        )
        if row.guardians
        else b""
        for row, person_id in zip(rows, person_ids, strict=True)
    ]
