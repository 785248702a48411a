"""A city's worth of rows for ``bench.portal``: written by PostgreSQL itself, the shape of real ones, their sealed fields noise.

Of ten people six have changed cards and use the third generation, one can collect it, one waits for it, two have applied
for nothing. ``SAMPLE`` of them, spread over all, are the ones who sign in: their names and numbers are really sealed and they
have an account and a session, as ``bench.portal`` opens pages as them.
"""

import time
from datetime import timedelta
from typing import LiteralString

import psycopg

from yikatong.foundation.clock import utc_now

SAMPLE = 2_000
OUTLETS = "(select array_agg(outlet_id order by outlet_id) from banks_outlet where bank_code = 'ICBC')"

FILLS: tuple[tuple[str, LiteralString], ...] = (
    (
        "registry_person",
        """
        insert into registry_person (person_id, identity_number_sealed, identity_number_index, name_sealed, phone_sealed,
            phone_index, sex, ethnicity_code, birth_date, community_code, category, pension_bank_code, needs_large_print,
            needs_home_visit, older_card_generation, older_card_number, source_digest, updated_at)
        select n, sha256(int8send(n)) || int8send(n) || int4send(1), sha256(int8send(-n)), sha256(int8send(n + 1)),
            sha256(int8send(n + 2)) || int4send(1), sha256(int8send(-n - 1)), 1 + n %% 2, '01',
            date '1935-01-01' + (n::bigint * 7919 %% 32000)::int, communities.codes[1 + n %% cardinality(communities.codes)],
            (array['employee', 'flexible', 'resident', 'retiree', 'minor'])[1 + n %% 5],
            case when n %% 5 = 3 then 'ICBC' else '' end, n %% 9 = 0, n %% 97 = 0, 2,
            lpad(n::text, 9, '0'), sha256(int8send(n)), now()
        from generate_series(1, %(persons)s) n,
            (select array_agg(code order by code) codes from city_division where level = 'community') communities
        """,
    ),
    (
        "registry_identity_key",
        "insert into registry_identity_key select sha256(int8send(-n)), n from generate_series(1, %(persons)s) n",
    ),
    (
        "registry_guardianship",
        """
        insert into registry_guardianship (ward_person_id, guardian_person_id, relation, since, from_import)
        select n, n - 3, 'mother', date '2020-01-01', true from generate_series(4, %(persons)s, 10) n
        """,
    ),
    (
        "applications_application",
        """
        insert into applications_application (person_id, application_id, kind, channel, bank_code, collection, outlet_id,
            organisation_code, state, refusal_reason, content_digest, submitted_at, state_since, promised_by)
        select n, md5(n::text)::uuid, 'first', 'web', 'ICBC', 'outlet', outlets[1 + n %% cardinality(outlets)], '',
            case when n %% 10 < 6 then 'collected' when n %% 10 = 6 then 'ready' else 'in_production' end, '',
            substr(sha256(int8send(n)), 1, 16), %(at)s - interval '40 days' - n %% 300 * interval '1 day', %(at)s,
            (%(at)s - interval '10 days')::date
        from generate_series(1, %(persons)s) n, (select """
        + OUTLETS
        + """ outlets) o where n %% 10 < 8
        """,
    ),
    (
        "issuance_production_order",
        """
        insert into issuance_production_order (person_id, order_id, bank_code, state, card_id, ordered_at, made_at)
        select n, md5(n::text)::uuid, 'ICBC', case when n %% 10 < 7 then 'shipped' else 'ordered' end,
            case when n %% 10 < 7 then %(persons)s + n end, %(at)s - interval '39 days',
            case when n %% 10 < 7 then %(at)s - interval '20 days' end
        from generate_series(1, %(persons)s) n where n %% 10 < 8
        """,
    ),
    (
        "issuance_card",
        """
        insert into issuance_card (card_id, person_id, generation, card_number, identification_code, bank_code, outlet_id,
            application_id, certificate_serial_hex, state, social_state, is_financially_active, made_at, ready_at,
            collected_at, activated_at, ended_at, expires_on)
        select n, n, 2, lpad(n::text, 9, '0'), '', '', '', null, '', 'collected',
            case when n %% 10 < 6 then 'ended' else 'active' end, false, null, null, timestamptz '2015-01-01',
            timestamptz '2015-01-01', case when n %% 10 < 6 then %(at)s - interval '5 days' end, null
        from generate_series(1, %(persons)s) n
        union all
        select %(persons)s + n, n, 3, 'C' || lpad(n::text, 8, '0'), md5(n::text), 'ICBC',
            outlets[1 + n %% cardinality(outlets)], md5(n::text)::uuid, substr(md5(n::text), 1, 16),
            case when n %% 10 < 6 then 'collected' else 'ready' end, case when n %% 10 < 6 then 'active' else 'inactive' end,
            false, %(at)s - interval '20 days', %(at)s - interval '15 days',
            case when n %% 10 < 6 then %(at)s - interval '6 days' end,
            case when n %% 10 < 6 then %(at)s - interval '5 days' end, null, date '2036-01-01'
        from generate_series(1, %(persons)s) n, (select """
        + OUTLETS
        + """ outlets) o where n %% 10 < 7
        """,
    ),
    (
        "issuance_card_directory",
        """
        insert into issuance_card_directory (key, card_id)
        select 'number:' || lpad(n::text, 9, '0'), n from generate_series(1, %(persons)s) n
        union all
        select 'number:C' || lpad(n::text, 8, '0'), %(persons)s + n from generate_series(1, %(persons)s) n where n %% 10 < 7
        """,
    ),
    (
        "issuance_social_function",
        """
        insert into issuance_social_function (person_id, card_id, since)
        select n, case when n %% 10 < 6 then %(persons)s + n else n end, %(at)s - interval '5 days'
        from generate_series(1, %(persons)s) n
        """,
    ),
    (
        "ecard_electronic_card",
        """
        insert into ecard_electronic_card (card_id, person_id, token, created_at)
        select %(persons)s + n, n, substr(sha256(int8send(n)), 1, 8), %(at)s - interval '20 days'
        from generate_series(1, %(persons)s) n where n %% 10 < 7
        """,
    ),
    (
        "audit_event",
        """
        insert into audit_event (at, actor, action, subject, person_id, details)
        select %(at)s - (10 - step) * interval '4 days', 'system:bench', actions[step], subjects[step], n, '{}'
        from generate_series(1, %(persons)s) n, generate_series(1, 6) step,
            lateral (select array['application.submitted', 'application.approved', 'card.made', 'card.ready',
                'card.collected', 'card.activated'] actions, array['application:' || md5(n::text)::uuid,
                'application:' || md5(n::text)::uuid] || array_fill('card:' || %(persons)s + n, array[4]) subjects) words
        where n %% 10 < 8 and step <= case when n %% 10 < 6 then 6 when n %% 10 = 6 then 4 else 2 end
        """,
    ),
    (
        "transit_journey",
        """
        insert into transit_journey (journey_id, card_id, month, entry_station, exit_station, entry_at, exit_at, fare_fen,
            full_fare_fen, distance_m, explanation, charged_at, priced_at, operator_code)
        select md5(n::text || 'r' || ride)::uuid, %(persons)s + n, date_trunc('month', %(at)s)::date, '国贸', '西单',
            %(at)s - ride * interval '9 hours', %(at)s - ride * interval '8 hours', 400, 400, 7000, 'full',
            %(at)s, %(at)s, 'bjmetro'
        from generate_series(1, %(persons)s) n, generate_series(1, 2) ride where n %% 10 < 6
        """,
    ),
)
"""Table and statement, in the order in which they are filled; ``%(persons)s`` people as of ``%(at)s``."""


def fill(url: str, *, persons: int) -> None:
    """Write the rows, without indexes first: they are built at the end, as a restored database would have them."""
    parameters = {"persons": persons, "at": utc_now() - timedelta(hours=1)}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set maintenance_work_mem = '1GB'")
        connection.execute("set work_mem = '256MB'")
        for table, statement in FILLS:
            began = time.perf_counter()
            with connection.transaction():
                _fill_one(connection, table, statement, parameters)
            connection.execute(f"vacuum (analyze) {table}".encode())
            count = connection.execute(f"select count(*) from {table}".encode()).fetchone()
            assert count
            print(f"  {table:28} {count[0]:>12,} rows  {time.perf_counter() - began:6.1f} s", flush=True)


def _fill_one(
    connection: psycopg.Connection, table: str, statement: LiteralString, parameters: dict[str, object]
) -> None:
    indexes = connection.execute(
        "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index i where indrelid = %s::regclass"
        " and not exists (select from pg_constraint c where c.conindid = i.indexrelid)",
        [table],
    ).fetchall()
    constraints = connection.execute(
        "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = %s::regclass and contype in ('p', 'u')",
        [table],
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"drop index {name}".encode())
    for name, _ in constraints:
        connection.execute(f"alter table {table} drop constraint {name} cascade".encode())
    connection.execute(f"alter table {table} disable trigger user".encode())
    connection.execute(statement, parameters)
    connection.execute(f"alter table {table} enable trigger user".encode())
    for name, definition in constraints:
        connection.execute(f"alter table {table} add constraint {name} {definition}".encode())
    for _, definition in indexes:
        connection.execute(definition.encode())
