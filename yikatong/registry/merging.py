"""Storing one processed chunk in the register. Its caller has the transaction open and holds the import lock.

New persons are copied straight into their tables; what exists is changed through small temporary tables. The register's
size does not matter: every step touches as many rows as the chunk has.
"""

from datetime import date
from typing import Any

import psycopg

from yikatong.registry.chunks import ChunkResult, ContestedRow, Counts, Packed, RejectedRow, joined
from yikatong.registry.packing import COPY_HEADER, COPY_TRAILER
from yikatong.registry.reasons import RowReason
from yikatong.registry.rows import Problem

type Cursor = psycopg.Cursor[Any]

PERSON_FIELDS = (
    "person_id, identity_number_sealed, identity_number_index, name_sealed, phone_sealed, phone_index,"
    " name_number, tail_name_number, tail_birth_number, sex,"
    " ethnicity_code, birth_date, community_code, category, pension_bank_code, needs_large_print, needs_home_visit,"
    " older_card_generation, older_card_number, source_digest, updated_at"
)
_UPDATED_FIELDS = PERSON_FIELDS.removeprefix("person_id, ")

_TEMPORARY_TABLES = """
create temp table if not exists registry_import_guardian (
    ward_person_id bigint, guardian_identity_index bytea, relation varchar(10), guardian_person_id bigint
);
create temp table if not exists registry_import_changed (
    like registry_person, organisation_code varchar(18), primary key (person_id)
);
"""

_FIND_GUARDIANS = """
update registry_import_guardian s set guardian_person_id = k.person_id
from registry_identity_key k where k.identity_number_index = s.guardian_identity_index
"""

_UPDATE_PERSONS = f"""
update registry_person p set ({_UPDATED_FIELDS}) = ({", ".join("c." + f for f in _UPDATED_FIELDS.split(", "))})
from registry_import_changed c where p.person_id = c.person_id
"""  # noqa: S608 - only the constant field names above

# A changed row takes back the ties that an earlier file said and this row does not say any more: the day before is the
# last on which they held.
_END_GUARDIANSHIPS = """
update registry_guardianship g set until = %(day)s::date - 1 from registry_import_changed c
where g.ward_person_id = c.person_id and g.from_import and g.until is null and not exists (
    select from registry_import_guardian s
    where s.ward_person_id = g.ward_person_id and s.guardian_person_id = g.guardian_person_id
)
"""
_FORGET_PENDING = """
delete from registry_pending_guardian p using registry_import_changed c where p.ward_person_id = c.person_id
"""
_END_MEMBERSHIPS = """
update registry_membership m set until = %(day)s::date - 1 from registry_import_changed c
where m.person_id = c.person_id and m.from_import and m.until is null and m.organisation_code <> c.organisation_code
"""
_ADD_MEMBERSHIPS = """
insert into registry_membership as m (person_id, organisation_code, since, until, from_import)
select person_id, organisation_code, %(day)s, null, true from registry_import_changed where organisation_code <> ''
on conflict (person_id, organisation_code) do update set since = excluded.since, until = null, from_import = true
where m.until is not null
"""
_ADD_GUARDIANSHIPS = """
insert into registry_guardianship as g (ward_person_id, guardian_person_id, relation, since, until, from_import)
select ward_person_id, guardian_person_id, relation, %(day)s, null, true
from registry_import_guardian where guardian_person_id is not null
on conflict (ward_person_id, guardian_person_id) do update
set relation = excluded.relation, until = null,
    since = case when g.until is null then g.since else excluded.since end,
    from_import = g.from_import or g.until is not null
where g.until is not null or g.relation <> excluded.relation
"""
_ADD_PENDING = """
insert into registry_pending_guardian (ward_person_id, guardian_identity_index, relation)
select ward_person_id, guardian_identity_index, relation from registry_import_guardian
where guardian_person_id is null
on conflict (ward_person_id, guardian_identity_index) do update set relation = excluded.relation
"""
# Persons of this chunk for whom wards of earlier chunks, or of earlier files, were waiting.
_TIE_WAITING_WARDS = """
with come as (
    delete from registry_pending_guardian w using registry_person p
    where p.person_id between %(first)s and %(last)s and w.guardian_identity_index = p.identity_number_index
    returning w.ward_person_id, p.person_id, w.relation
)
insert into registry_guardianship as g (ward_person_id, guardian_person_id, relation, since, until, from_import)
select ward_person_id, person_id, relation, %(day)s, null, true from come
on conflict (ward_person_id, guardian_person_id) do update
set since = excluded.since, until = null, from_import = true
where g.until is not null
"""


def make_temporary_tables(cursor: Cursor) -> None:
    """Make the tables of this connection that changes go through."""
    cursor.execute(_TEMPORARY_TABLES)


def settle_contested(
    cursor: Cursor, file_sha256: str, contested: list[ContestedRow]
) -> tuple[Packed, Counts, list[RejectedRow]]:
    """Rows whose identity number occurs more than once in the file: the first sound one counts.

    A later one that says the same is passed over, one that says otherwise is rejected with the first one's line.
    """
    indexes = [row.identity_index for row in contested]
    cursor.execute(
        "select identity_number_index, line, digest from registry_import_repeat"
        " where file_sha256 = %s and identity_number_index = any(%b)",
        [file_sha256, indexes],
    )
    firsts = {bytes(index): (line, bytes(digest)) for index, line, digest in cursor}
    accepted: list[ContestedRow] = []
    rejected: list[RejectedRow] = []
    repeated = 0
    for row in contested:
        if row.identity_index not in firsts:
            firsts[row.identity_index] = (row.line, row.digest)
            accepted.append(row)
        elif firsts[row.identity_index][1] == row.digest:
            repeated += 1
        else:
            text = f"身份证号码与第 {firsts[row.identity_index][0]} 行相同，而其他内容不同；以先出现的一行为准"
            rejected.append(RejectedRow(row.line, [Problem(RowReason.IDENTITY_NUMBER_REPEATED, text)], row.cells, ""))
    cursor.executemany(
        "insert into registry_import_repeat (file_sha256, identity_number_index, line, digest) values (%s, %s, %s, %s)",
        [(file_sha256, row.identity_index, row.line, row.digest) for row in accepted],
    )
    counts = add_counts([row.counts for row in accepted])
    return (
        joined([row.packed for row in accepted]),
        counts._replace(unchanged=counts.unchanged + repeated),
        rejected,
    )


def store_chunk(cursor: Cursor, result: ChunkResult, extra: Packed, person_ids: list[int], on: date) -> None:
    """Store a chunk's rows and those of its contested rows that were accepted (``extra``).

    Raises ``psycopg.errors.UniqueViolation`` when a person it holds for new was registered in the meantime.
    """
    packed = joined([result.packed, extra]) if any(extra) else result.packed
    _copy(cursor, "registry_identity_key (identity_number_index, person_id)", packed.identity_keys)
    _copy(cursor, f"registry_person ({PERSON_FIELDS})", packed.persons)
    membership = "registry_membership (person_id, organisation_code, since, until, from_import)"
    _copy(cursor, membership, packed.memberships)
    cursor.execute("truncate registry_import_guardian, registry_import_changed")
    if packed.guardians:
        guardian = "registry_import_guardian (ward_person_id, guardian_identity_index, relation)"
        _copy(cursor, guardian, packed.guardians)
        # Thousands of keys in a table of millions: by its index, also before the statistics know how big it has become.
        cursor.execute("set local enable_hashjoin = off; set local enable_mergejoin = off")
        cursor.execute(_FIND_GUARDIANS)
        cursor.execute("set local enable_hashjoin = on; set local enable_mergejoin = on")
    day = {"day": on}
    if packed.changed:
        _copy(cursor, f"registry_import_changed ({PERSON_FIELDS}, organisation_code)", packed.changed)
        cursor.execute("analyze registry_import_changed; analyze registry_import_guardian")
        cursor.execute(_UPDATE_PERSONS)
        for statement in (_END_GUARDIANSHIPS, _FORGET_PENDING, _END_MEMBERSHIPS, _ADD_MEMBERSHIPS):
            cursor.execute(statement, day if "%(day)s" in statement else None)
    if packed.guardians:
        cursor.execute(_ADD_GUARDIANSHIPS, day)
        cursor.execute(_ADD_PENDING)
    cursor.execute("select exists (select from registry_pending_guardian)")
    if packed.persons and cursor.fetchone() == (True,):
        cursor.execute(_TIE_WAITING_WARDS, {"first": person_ids[0], "last": person_ids[-1], **day})


def add_counts(counts: list[Counts]) -> Counts:
    """Their sum."""
    return Counts(*map(sum, zip(*counts, strict=True))) if counts else Counts()


def _copy(cursor: Cursor, target: str, rows: bytes) -> None:
    if not rows:
        return
    with cursor.copy(f"copy {target} from stdin (format binary)") as copy:
        copy.write(COPY_HEADER)
        copy.write(rows)
        copy.write(COPY_TRAILER)
