"""Changing the key that seals personal data, and sealing everything anew with it.

A rotation adds a key; what older keys sealed stays readable. Then every sealed value is opened and sealed again, batch by batch,
each in a transaction of its own. A value names its key, so there is no progress to keep: whoever starts again after a crash
finds what is left. Old keys stay in the store, because backups were sealed with them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from django.db import connection, transaction
from psycopg import sql
from tqdm import tqdm

from yikatong.audit import services as audit
from yikatong.audit.actors import Actor
from yikatong.foundation.errors import Refused
from yikatong.gm.fields import FIELD_KEY, KEY_ID_LENGTH, FieldCipher
from yikatong.gm.keystore import KeyUnknown
from yikatong.gm.sm4 import IntegrityError
from yikatong.registry.reasons import Reason
from yikatong.registry.sealing import field_cipher, key_store

BATCH_ROWS = 2000
_PASSES_MAX = 3  # a process that has not seen the new key yet may still seal with the old one
_LOCK = 0x594B545F4B4559  # "YKT_KEY": one rotation at a time in a database
_UNREADABLE_NAMED_MAX = 20

type Row = tuple[Any, ...]


class SealedTable(NamedTuple):
    """A table with sealed columns: its primary key's columns and their types, and each column with its field's name."""

    table: str
    key: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]


# Every sealed column of every domain, by table and column name: this floor does not import the ones above. A test holds the
# list against the database's catalogue.
SEALED_TABLES = (
    SealedTable(
        "registry_person",
        (("person_id", "bigint"),),
        (("identity_number_sealed", "identity_number"), ("name_sealed", "name"), ("phone_sealed", "phone")),
    ),
    SealedTable("accounts_user", (("id", "bigint"),), (("phone_sealed", "phone"),)),
    SealedTable(
        "accounts_sent_message",
        (("person_id", "bigint"), ("message_id", "uuid")),
        (("body_sealed", "sms"), ("english_sealed", "sms")),
    ),
    SealedTable(
        "approvals_request",
        (("request_id", "uuid"),),
        (("parameters_sealed", "approval"), ("reason_sealed", "approval_note"), ("note_sealed", "approval_note")),
    ),
    SealedTable("exports_export", (("export_id", "uuid"),), (("parameters_sealed", "export"),)),
    SealedTable("exports_part", (("export_id", "uuid"), ("part", "integer")), (("content_sealed", "export_part"),)),
    SealedTable("cases_note", (("note_id", "bigint"),), (("text_sealed", "case_note"),)),
    SealedTable("accounts_console_message", (("message_id", "bigint"),), (("body_sealed", "sms"),)),
    SealedTable(
        "applications_application",
        (("person_id", "bigint"), ("application_id", "uuid")),
        (("address_sealed", "address"),),
    ),
    SealedTable(
        "applications_draft",
        (("person_id", "bigint"), ("acting_person_id", "bigint")),
        (("answers_sealed", "draft"),),
    ),
    SealedTable(
        "delegation_delegation",
        (("principal_person_id", "bigint"), ("delegation_id", "uuid")),
        (("evidence_sealed", "evidence"),),
    ),
    SealedTable("banks_fair_seed", (("day", "date"),), (("seed_sealed", "seed"),)),
    SealedTable("ecard_server_held_key", (("card_id", "bigint"),), (("private_key_sealed", "device_key"),)),
    SealedTable(
        "credentials_issuer_key", (("key_id", "character varying"),), (("private_key_sealed", "credential_issuer_key"),)
    ),
    SealedTable(
        "credentials_question", (("question_id", "character varying"),), (("disclosed_sealed", "credential_answer"),)
    ),
    SealedTable(
        "issuance_portrait",
        (("person_id", "bigint"),),
        (("jpeg_sealed", "portrait"), ("chip_jpeg_sealed", "portrait")),
    ),
    SealedTable("issuance_chip_key", (("card_id", "bigint"),), (("private_key_sealed", "chip_key"),)),
    SealedTable(
        "outreach_home_application",
        (("person_id", "bigint"), ("application_id", "uuid")),
        (
            ("content_sealed", "home_application"),
            ("photo_sealed", "home_picture"),
            ("signature_sealed", "home_picture"),
        ),
    ),
    SealedTable("units_stored_part", (("file_id", "uuid"), ("part", "integer")), (("content_sealed", "file"),)),
    SealedTable("units_roster_row", (("roster_id", "uuid"), ("line", "bigint")), (("cells_sealed", "roster"),)),
    SealedTable(
        "supervision_complaint",
        (("complaint_id", "uuid"),),
        (("place_sealed", "complaint_place"), ("text_sealed", "complaint_text")),
    ),
    SealedTable(
        "consent_data_request",
        (("person_id", "bigint"), ("request_id", "uuid")),
        (("text_sealed", "data_request"), ("answer_sealed", "data_request")),
    ),
    SealedTable("supervision_complaint_step", (("step_id", "bigint"),), (("note_sealed", "complaint_note"),)),
)


@dataclass(slots=True)
class RotationReport:
    """What a rotation did. ``unreadable`` names values that no key of the store opens, as table, column and key."""

    key_id: int
    made_new_key: bool
    resealed: int = 0
    unreadable: list[str] = field(default_factory=list)
    unreadable_count: int = 0


def rotate_field_key(*, by: Actor, at: datetime, new_key: bool = False, progress: bool = False) -> RotationReport:
    """Make a new key and seal everything with it; or, where a rotation was interrupted, finish that one.

    ``new_key`` makes one in any case. Safe beside running services. Raises ``Refused(ROTATION_RUNNING)`` while another
    rotation runs.
    """
    with _only_rotation():
        cipher = field_cipher()
        made_new_key = new_key or not _left(cipher.current_key_id)
        if made_new_key:
            key_store().rotate(FIELD_KEY)
            cipher = field_cipher()
        report = RotationReport(cipher.current_key_id, made_new_key)
        with transaction.atomic():
            action = "keys.rotated" if made_new_key else "keys.rotation_resumed"
            audit.record(action, subject=f"key:{FIELD_KEY}/{report.key_id}", by=by, at=at)
        for _ in range(_PASSES_MAX):
            left = _left(report.key_id) - report.unreadable_count
            if left <= 0:
                break
            report.unreadable.clear()
            report.unreadable_count = 0
            with tqdm(total=left, unit="value", unit_scale=True, desc="seal anew", disable=not progress) as bar:
                for table in SEALED_TABLES:
                    for count in _reseal_table(table, cipher, report):
                        bar.update(count)
        with transaction.atomic():
            subject = f"key:{FIELD_KEY}/{report.key_id}"
            figures = {"values": report.resealed, "unreadable": report.unreadable_count}
            audit.record("keys.resealed", subject=subject, by=by, at=at, **figures)
    return report


def values_by_key() -> dict[int, int]:
    """How many sealed values there are under each key's number."""
    counts: dict[int, int] = {}
    with _cursor() as cursor:
        for table in SEALED_TABLES:
            for column, _ in table.columns:
                cursor.execute(
                    sql.SQL(
                        "select substring({column} from 1 for {length}), count(*) from {table}"
                        " where {column} is not null group by 1"
                    ).format(column=sql.Identifier(column), table=sql.Identifier(table.table), length=KEY_ID_LENGTH)
                )
                for prefix, count in cursor:
                    key_id = int.from_bytes(bytes(prefix))
                    counts[key_id] = counts.get(key_id, 0) + count
    return counts


def _left(key_id: int) -> int:
    return sum(count for number, count in values_by_key().items() if number != key_id)


def _reseal_table(table: SealedTable, cipher: FieldCipher, report: RotationReport) -> Iterator[int]:
    """Seal one table's values anew; after each batch how many it held."""
    after: Row | None = None
    while True:
        with transaction.atomic(), _cursor() as cursor:
            rows = _next_rows(cursor, table, cipher.current_key_id, after)
            if not rows:
                return
            done = _exchange(cursor, table, rows, cipher, report)
            after = rows[-1][: len(table.key)]
        report.resealed += done
        yield done


def _next_rows(cursor: "psycopg.Cursor[Any]", table: SealedTable, key_id: int, after: Row | None) -> list[Row]:
    """The next rows, by primary key, in which something is sealed with another key: the key, then the sealed columns."""
    prefix = key_id.to_bytes(KEY_ID_LENGTH)
    names = [sql.Identifier(column) for column, _ in table.columns]
    stale = sql.SQL(" or ").join(
        sql.SQL("substring({} from 1 for {}) <> {}").format(name, KEY_ID_LENGTH, prefix) for name in names
    )
    key = sql.SQL(", ").join(sql.Identifier(name) for name, _ in table.key)
    later: sql.Composable = sql.SQL("")
    if after is not None:
        last = [
            sql.SQL("{}::{}").format(value, sql.SQL(kind)) for value, (_, kind) in zip(after, table.key, strict=True)
        ]
        later = sql.SQL("({}) > ({}) and").format(key, sql.SQL(", ").join(last))
    cursor.execute(
        sql.SQL("select {key}, {names} from {table} where {later} ({stale}) order by {key} limit {limit}").format(
            key=key,
            names=sql.SQL(", ").join(names),
            table=sql.Identifier(table.table),
            later=later,
            stale=stale,
            limit=BATCH_ROWS,
        )
    )
    return cursor.fetchall()


def _exchange(
    cursor: "psycopg.Cursor[Any]", table: SealedTable, rows: list[Row], cipher: FieldCipher, report: RotationReport
) -> int:
    """Put values sealed anew in the place of older ones; how many. What somebody changed meanwhile is newer and stays."""
    width = len(table.key)
    names = [sql.Identifier(f"key{place}") for place in range(width)]
    arrays: list[sql.Composable] = [sql.SQL("%s::{}[]").format(sql.SQL(kind)) for _, kind in table.key]
    parameters: list[list[Any]] = [[row[place] for row in rows] for place in range(width)]
    assignments, done = [], 0
    for place, (column, name) in enumerate(table.columns, width):
        old = [bytes(row[place]) if row[place] is not None else None for row in rows]
        keyed = [(row[:width], value) for row, value in zip(rows, old, strict=True)]
        new = _sealed_anew(keyed, f"{table.table}.{column}", name, cipher, report)
        parameters += [old, new]
        old_name, new_name = sql.Identifier(f"old{place}"), sql.Identifier(f"new{place}")
        names += [old_name, new_name]
        arrays += [sql.SQL("%b::bytea[]")] * 2
        exchanged = "{column} = case when v.{new} is not null and t.{column} = v.{old} then v.{new} else t.{column} end"
        assignments.append(sql.SQL(exchanged).format(column=sql.Identifier(column), old=old_name, new=new_name))
        done += sum(1 for value in new if value is not None)
    same = [
        sql.SQL("t.{} = v.{}").format(sql.Identifier(key), sql.Identifier(f"key{place}"))
        for place, (key, _) in enumerate(table.key)
    ]
    cursor.execute(
        sql.SQL("update {table} t set {assignments} from unnest({arrays}) as v ({names}) where {same}").format(
            table=sql.Identifier(table.table),
            assignments=sql.SQL(", ").join(assignments),
            arrays=sql.SQL(", ").join(arrays),
            names=sql.SQL(", ").join(names),
            same=sql.SQL(" and ").join(same),
        ),
        parameters,
    )
    return done


def _sealed_anew(
    values: list[tuple[Row, bytes | None]], where: str, name: str, cipher: FieldCipher, report: RotationReport
) -> list[bytes | None]:
    """For each (key, value) the value under the present key; None where it has it, is absent, or does not open."""
    texts: dict[int, str] = {}
    for place, (key, value) in enumerate(values):
        if value is None or not cipher.needs_reseal(value):
            continue
        try:
            texts[place] = cipher.open(name, value)
        except (IntegrityError, KeyUnknown):
            report.unreadable_count += 1
            if len(report.unreadable) < _UNREADABLE_NAMED_MAX:
                report.unreadable.append(f"{where} of {' '.join(map(str, key))}")
    fresh: list[bytes | None] = [None] * len(values)
    for place, sealed in zip(texts, cipher.seal_many(name, texts.values()), strict=True):
        fresh[place] = sealed
    return fresh


@contextmanager
def _cursor() -> Iterator["psycopg.Cursor[Any]"]:
    connection.ensure_connection()
    with connection.connection.cursor() as cursor:
        yield cursor


@contextmanager
def _only_rotation() -> Iterator[None]:
    with _cursor() as cursor:
        if cursor.execute("select pg_try_advisory_lock(%s)", [_LOCK]).fetchone() != (True,):
            raise Refused(Reason.ROTATION_RUNNING, "另一个密钥更换正在进行，请等它结束后再试")
        try:
            yield
        finally:
            cursor.execute("select pg_advisory_unlock(%s)", [_LOCK])
