"""Each way in which a table could not be distributed is made to happen once, on a real catalogue."""

import psycopg
import pytest

from yikatong.database.distribution import LOCAL, REFERENCE, Distribution, Placement, distributed, violations

SOUND = """
create table bank (code text primary key, name text unique);
create table person (person_id uuid primary key, bank text references bank, name text);
create table card (person_id uuid references person, number text, bank text references bank, primary key (person_id, number));
create unique index on card (number, person_id) where number <> '';
create table tap (person_id uuid, number text, at timestamptz, primary key (at, number, person_id),
                  foreign key (person_id, number) references card) partition by range (at);
create table tap_2026 partition of tap for values from ('2026-01-01') to ('2027-01-01');
create table job (id bigint primary key, bank text references bank);
"""
TABLES = {
    "bank": REFERENCE,
    "person": distributed("person_id"),
    "card": distributed("person_id"),
    "tap": distributed("person_id"),
    "job": LOCAL,
}


def test_a_sound_schema_has_nothing_against_it(scratch_url: str) -> None:
    with psycopg.connect(scratch_url) as connection:
        connection.execute(SOUND)
        assert violations(connection, TABLES) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("create table stray (id int)", ["stray: exists but is not declared"]),
        ("drop table job", ["job: is declared but does not exist"]),
        (
            "alter table tap drop constraint tap_person_id_number_fkey; alter table card drop column person_id cascade",
            ["card: has no column person_id to be distributed by"],
        ),
        (
            "create table job_note (person_id uuid); alter table tap drop constraint tap_person_id_number_fkey; "
            "alter table card drop constraint card_pkey; alter table card add primary key (number)",
            [
                "card: primary key card_pkey (number) lacks the distribution column person_id",
                "job_note: exists but is not declared",
            ],
        ),
        (
            "alter table card add constraint card_number_unique unique (number)",
            ["card: unique constraint card_number_unique (number) lacks the distribution column person_id"],
        ),
        (
            "create unique index card_upper on card (upper(number), bank) include (person_id)",
            ["card: unique index card_upper (an expression, bank) lacks the distribution column person_id"],
        ),
        (
            "alter table card add constraint card_apart exclude using btree (number with =)",
            ["card: exclusion constraint card_apart (number) lacks the distribution column person_id"],
        ),
        (
            "alter table tap add constraint tap_at unique (at)",
            ["tap: unique constraint tap_at (at) lacks the distribution column person_id"],
        ),
        (
            "alter table person add job_id bigint constraint person_job references job",
            ["person: foreign key person_job to job leads from a distributed table to a local one"],
        ),
        (
            "alter table person add guardian_id uuid constraint person_guardian references person",
            [
                "person: foreign key person_guardian to person does not lead from person_id to person_id, "
                "so the rows may lie on different machines"
            ],
        ),
        (
            "alter table job add person_id uuid constraint job_person references person",
            ["job: foreign key job_person to person leads from a local table to a distributed one"],
        ),
        (
            "alter table bank add head_id uuid constraint bank_head references person",
            ["bank: foreign key bank_head to person leads from a reference table to a distributed one"],
        ),
        (
            "alter table tap drop constraint tap_person_id_number_fkey; "
            "alter table card drop constraint card_person_id_fkey; alter table card alter person_id type text",
            [
                "card: person_id is text, but elsewhere uuid",
                "person: person_id is uuid, but elsewhere text",
            ],
        ),
    ],
)
def test_each_obstacle_is_named(scratch_url: str, change: str, found: list[str]) -> None:
    with psycopg.connect(scratch_url) as connection:
        connection.execute(SOUND)
        connection.execute(change)
        assert violations(connection, TABLES) == found


def test_tables_of_an_extension_and_of_other_schemas_are_not_ours(scratch_url: str) -> None:
    with psycopg.connect(scratch_url) as connection:
        connection.execute("create schema elsewhere; create table elsewhere.anything (id int)")
        connection.execute("create table member (id int); create extension btree_gist")
        connection.execute("alter extension btree_gist add table member")
        assert violations(connection, {}) == []


@pytest.mark.parametrize(("kind", "column"), [(Distribution.DISTRIBUTED, None), (Distribution.LOCAL, "person_id")])
def test_a_declaration_that_contradicts_itself_is_refused(kind: Distribution, column: str | None) -> None:
    with pytest.raises(ValueError, match="names its column"):
        Placement(kind, column)
