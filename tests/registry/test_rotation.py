"""Changing the field key: everything readable before, during and after, also when it is killed halfway."""

import signal
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner
from django.db import connection

from tests.dying import dying, exit_code_of
from tests.registry.conftest import Import, register_contents
from tests.registry.people import adult, write_file
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.gm.fields import FIELD_KEY, key_id_of
from yikatong.registry import rotation
from yikatong.registry.importer import connection_parameters_of
from yikatong.registry.key_commands import keys
from yikatong.registry.models import Person
from yikatong.registry.reasons import Reason
from yikatong.registry.rotation import SEALED_TABLES, RotationReport, rotate_field_key, values_by_key
from yikatong.registry.sealing import field_cipher, key_store
from yikatong.registry.selectors import find_person_by_identity_number

BY = Actor.system("test")


def rotate(**options: Any) -> RotationReport:
    return rotate_field_key(by=BY, at=utc_now(), **options)


@pytest.fixture
def register(tmp_path: Path, city: None, take: Import) -> dict[str, dict[str, object]]:
    """Seven persons, one without a phone: 20 sealed values."""
    take(write_file(tmp_path / "register.csv", [adult(serial) for serial in range(6)] + [adult(6, phone="")]))
    return register_contents()


def test_every_sealed_column_of_the_database_is_covered(db: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid"
            " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attname like '%%\\_sealed'"
            " and not a.attisdropped"
        )
        there = set(cursor.fetchall())
        cursor.execute(
            "select t.relname, a.attname, format_type(a.atttypid, null) from pg_index x join pg_class t on t.oid = x.indrelid"
            " join pg_attribute a on a.attrelid = t.oid and a.attnum = any(x.indkey) where x.indisprimary"
            " and t.relname = any(%s)",
            [[table.table for table in SEALED_TABLES]],
        )
        primary_keys = set(cursor.fetchall())
    assert {(table.table, column) for table in SEALED_TABLES for column, _ in table.columns} == there
    assert {(table.table, *column) for table in SEALED_TABLES for column in table.key} == primary_keys


def test_all_values_move_to_a_new_key(register: dict[str, dict[str, object]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yikatong.registry.rotation.BATCH_ROWS", 3)
    assert values_by_key() == {1: 20}
    indexes = set(Person.objects.values_list("identity_number_index", "phone_index"))
    report = rotate()
    assert (report.key_id, report.made_new_key, report.resealed, report.unreadable_count) == (2, True, 20, 0)
    assert values_by_key() == {2: 20}
    assert register_contents() == register
    assert set(Person.objects.values_list("identity_number_index", "phone_index")) == indexes
    assert [event.action for event in AuditEvent.objects.order_by("event_id")][-2:] == ["keys.rotated", "keys.resealed"]
    assert rotate().key_id == 3
    assert key_store().key_ids(FIELD_KEY) == [1, 2, 3]


def test_values_of_older_keys_stay_readable(register: dict[str, dict[str, object]]) -> None:
    key_store().rotate(FIELD_KEY)
    assert field_cipher().current_key_id == 2
    assert register_contents() == register
    assert find_person_by_identity_number(next(iter(register))) is not None


def test_every_kind_of_key_column_is_moved(db: Any) -> None:
    """One value in each table, put there as the catalogue says, whatever its domain does with it."""
    cipher, at = field_cipher(), utc_now()
    keys_by_type = {"bigint": 7, "integer": 3, "uuid": uuid4(), "date": at.date() + timedelta(days=400)}
    keys_by_type["character varying"] = "k"
    with connection.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
        for table in SEALED_TABLES:
            cursor.execute(
                "select attname, format_type(atttypid, null) from pg_attribute where attrelid = %s::regclass and attnum > 0"
                " and attnotnull and not attisdropped and attname <> all(%s)",
                [table.table, [column for column, _ in table.key + table.columns]],
            )
            values: dict[str, object] = {name: keys_by_type[kind] for name, kind in table.key}
            values |= {column: cipher.seal(name, f"{name} in clear") for column, name in table.columns}
            fillers = {
                "boolean": False,
                "bytea": b"x",
                "date": at.date(),
                "timestamp with time zone": at,
                "jsonb": "{}",
                "uuid": keys_by_type["uuid"],
                "character varying": "x",
                "character varying[]": ["x"],
            }
            values |= {name: fillers.get(kind, 0) for name, kind in cursor.fetchall()}
            columns = ", ".join(values)
            cursor.execute(
                f"insert into {table.table} ({columns}) values ({', '.join(['%s'] * len(values))})",
                list(values.values()),
            )
        cursor.execute("set session_replication_role = default")
    expected = sum(len(table.columns) for table in SEALED_TABLES)
    assert rotate().resealed == expected
    with connection.cursor() as cursor:
        for table in SEALED_TABLES:
            for column, name in table.columns:
                cursor.execute(f"select {column} from {table.table}")
                [(value,)] = cursor.fetchall()
                assert key_id_of(value) == 2
                assert cipher.open(name, value) == f"{name} in clear"
            cursor.execute(f"delete from {table.table}")  # some point at rows that are not there


def test_a_value_that_does_not_open_is_named_and_left(register: dict[str, dict[str, object]]) -> None:
    spoiled = Person.objects.order_by("person_id")[2]
    Person.objects.filter(pk=spoiled.pk).update(name_sealed=bytes(spoiled.name_sealed)[:-1] + b"?")
    report = rotate()
    assert (report.resealed, report.unreadable_count) == (19, 1)
    assert report.unreadable == [f"registry_person.name_sealed of {spoiled.pk}"]
    assert values_by_key() == {1: 1, 2: 19}
    assert not rotate().made_new_key  # it looks like a rotation to finish …
    assert rotate(new_key=True).key_id == 3  # … until told otherwise
    assert values_by_key() == {1: 1, 3: 19}


def test_what_changes_during_the_rotation_is_not_put_back(
    register: dict[str, dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:

    person = Person.objects.order_by("person_id")[0]
    sealed_anew, changed = rotation._sealed_anew, field_cipher().seal("phone", "10299999999")

    def meanwhile(*arguments: Any) -> list[bytes | None]:
        Person.objects.filter(pk=person.pk).update(phone_sealed=changed)
        return sealed_anew(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(rotation, "_sealed_anew", meanwhile)
        patch.setattr(rotation, "_PASSES_MAX", 1)
        rotate()
    person.refresh_from_db()
    assert field_cipher().open("phone", bytes(person.phone_sealed or b"")) == "10299999999"


def rotate_to(nth: int) -> None:
    """Rotate in batches of two rows, and die after that batch; in a process of its own."""
    rotation.BATCH_ROWS = 2
    rotation._exchange = dying(rotation._exchange, nth, after=True)
    rotate()


@pytest.mark.usefixtures("committed_city")
def test_a_killed_rotation_is_finished_by_the_next(tmp_path: Path, take: Import) -> None:
    take(write_file(tmp_path / "register.csv", [adult(serial) for serial in range(10)]))
    before = register_contents()
    assert exit_code_of(rotate_to, 3) == -signal.SIGKILL
    assert values_by_key() == {1: 18, 2: 12}
    assert register_contents() == before
    report = rotate()
    assert (report.key_id, report.made_new_key, report.resealed) == (2, False, 18)
    assert values_by_key() == {2: 30}
    assert register_contents() == before


@pytest.mark.usefixtures("committed_city")
def test_two_rotations_at_once_are_refused() -> None:
    with psycopg.connect(**connection_parameters_of(connection.connection)) as other:
        other.execute("select pg_advisory_lock(%s)", [0x594B545F4B4559])
        with pytest.raises(Refused) as refusal:
            rotate()
    assert refusal.value.reason is Reason.ROTATION_RUNNING


def test_the_commands_say_what_there_is(register: dict[str, dict[str, object]], own_keys: Path) -> None:
    runner = CliRunner()
    status = runner.invoke(keys, ["status"], catch_exceptions=False).output
    assert str(own_keys) in status
    assert "20 values  current" in status
    rotated = runner.invoke(keys, ["rotate"], catch_exceptions=False).output
    assert "key field/2 made" in rotated
    assert "20 values sealed anew" in rotated
    status = runner.invoke(keys, ["status"], catch_exceptions=False).output
    assert "20 values  current" in status.partition("field/2")[2]
    secrets = [entry for version in (1, 2) for entry in [key_store().get(FIELD_KEY, version).hex()]]
    assert not any(secret in status for secret in secrets)
    own_keys.unlink()
    lost = runner.invoke(keys, ["status"], catch_exceptions=True)
    assert lost.exit_code != 0


def test_values_under_a_key_that_is_gone_are_told(register: dict[str, dict[str, object]]) -> None:
    rotate()
    Person.objects.filter(pk=Person.objects.order_by("person_id")[0].pk).update(name_sealed=(9).to_bytes(2) + bytes(40))
    status = CliRunner().invoke(keys, ["status"], catch_exceptions=False).output
    assert "field/9 is MISSING, and 1 values" in status
    refused = CliRunner().invoke(keys, ["rotate"])
    assert refused.exit_code == 1
    assert "registry_person.name_sealed of" in refused.output
