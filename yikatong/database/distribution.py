"""How each table would be spread over several machines, and the check that nothing stands in the way.

When one machine is not enough, Citus spreads the tables: ``distributed`` by a column, ``reference`` copied to every machine,
or ``local`` on the coordinator alone. Every table of the product is declared in ``TABLES``, so that a constraint which
Citus would refuse is found when it is written and not on the day the city has grown. It does not distribute anything.

Source: Citus documentation, "Creating and Modifying Distributed Objects": unique and foreign keys of a distributed table
must contain its distribution column; only tables beside it, or reference tables, can be referenced.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import psycopg


class Distribution(StrEnum):
    """Where a table's rows are."""

    DISTRIBUTED = "distributed"
    REFERENCE = "reference"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Placement:
    """How one table is spread; ``column`` names the distribution column of a distributed one and no other's."""

    kind: Distribution
    column: str | None = None

    def __post_init__(self) -> None:
        if (self.kind is Distribution.DISTRIBUTED) != (self.column is not None):
            raise ValueError(f"a distributed table, and no other, names its column; got {self.kind}, {self.column}")


def distributed(column: str) -> Placement:
    """Spread by the hash of ``column``; rows of equal value in any distributed table lie on the same machine."""
    return Placement(Distribution.DISTRIBUTED, column)


REFERENCE = Placement(Distribution.REFERENCE)
LOCAL = Placement(Distribution.LOCAL)

_BY_PERSON = distributed("person_id")
_BY_CARD = distributed("card_id")

TABLES: dict[str, Placement] = {
    # persons and what belongs to one of them
    "registry_person": _BY_PERSON,
    "registry_membership": _BY_PERSON,
    "consent_entry": _BY_PERSON,
    "consent_confirmation_code": _BY_PERSON,
    "consent_data_request": _BY_PERSON,
    "units_packet_card": _BY_PERSON,
    "units_roster_entry": _BY_PERSON,
    "registry_guardianship": distributed("ward_person_id"),
    "delegation_delegation": distributed("principal_person_id"),
    "delegation_request": distributed("agent_person_id"),
    "delegation_tries": _BY_PERSON,
    "registry_identity_key": distributed("identity_number_index"),
    "banks_order_draw": _BY_PERSON,
    "supervision_bank_offer": _BY_PERSON,
    "applications_application": _BY_PERSON,
    "applications_draft": _BY_PERSON,
    "issuance_production_order": _BY_PERSON,
    "accounts_sent_message": _BY_PERSON,
    "messaging_delivery": _BY_PERSON,
    "issuance_social_function": _BY_PERSON,
    # cards and what belongs to one of them
    "issuance_card": _BY_CARD,
    "issuance_chip_key": _BY_CARD,
    "issuance_counter_writing": _BY_CARD,
    "issuance_portrait": _BY_PERSON,
    "issuance_card_directory": distributed("key"),
    "campaign_slot": _BY_PERSON,
    "campaign_invitation": _BY_PERSON,
    "campaign_appointment": _BY_PERSON,
    "campaign_half_day": distributed("outlet_id"),
    "outreach_visit": _BY_PERSON,
    "outreach_home_application": _BY_PERSON,
    "desks_act": distributed("place"),
    "desks_stock_count": distributed("outlet_id"),
    "ecard_electronic_card": _BY_CARD,
    "desks_purse_load": _BY_CARD,
    "ecard_device": _BY_CARD,
    "ecard_server_held_key": _BY_CARD,
    "credentials_credential": _BY_CARD,
    "acceptance_code_use": _BY_CARD,
    "transit_pending_tap": _BY_CARD,
    "transit_journey": _BY_CARD,
    "transit_monthly_spend": _BY_CARD,
    "clearing_card_entry": _BY_CARD,
    # what terminals send, as sent
    "acceptance_tap": distributed("terminal_id"),
    # purses, each by its own number
    "acceptance_purse_payment": distributed("purse_number"),
    "clearing_purse_entry": distributed("purse_number"),
    # small, read by everybody
    "city_division": REFERENCE,
    "city_place": REFERENCE,
    "city_metro_line": REFERENCE,
    "city_metro_stop": REFERENCE,
    "city_loaded_file": REFERENCE,
    "banks_bank": REFERENCE,
    "banks_outlet": REFERENCE,
    "guide_spot": REFERENCE,
    "registry_organisation": REFERENCE,
    "acceptance_operator": REFERENCE,
    "acceptance_venue": REFERENCE,
    "acceptance_terminal": REFERENCE,
    # of the centre alone
    **dict.fromkeys(
        (
            "acceptance_deny_entry",
            "account_emailaddress",
            "account_emailconfirmation",
            "accounts_cache_entry",
            "accounts_allowance",
            "accounts_console_message",
            "accounts_session",
            "accounts_user",
            "accounts_user_groups",
            "accounts_user_user_permissions",
            "approvals_request",
            "audit_event",
            "auth_group",
            "auth_group_permissions",
            "auth_permission",
            "banks_fair_seed",
            "banks_unit_order_draw",
            "campaign_bank_week",
            "campaign_campaign",
            "campaign_capacity_change",
            "campaign_comparison",
            "campaign_place_week",
            "campaign_street_figures",
            "campaign_unit_slot",
            "campaign_uptake_cell",
            "cases_case",
            "cases_note",
            "clearing_batch",
            "clearing_statement",
            "desks_tally",
            "credentials_issuer_key",
            "credentials_offer",
            "credentials_question",
            "credentials_status_list",
            "credentials_status_place",
            "credentials_used_nonce",
            "django_content_type",
            "django_migrations",
            "django_session",
            "exports_export",
            "exports_part",
            "guide_helpfulness",
            "guide_question",
            "guide_question_version",
            "guide_video",
            "issuance_authority_certificate",
            "issuance_blank_delivery",
            "issuance_job_card",
            "issuance_job_part",
            "issuance_personalisation_job",
            "issuance_revoked_certificate",
            "ledger_account",
            "ledger_posting",
            "ledger_transfer",
            "messaging_dispatch",
            "messaging_template",
            "messaging_template_version",
            "mfa_authenticator",
            "outreach_device",
            "outreach_helper",
            "outreach_package",
            "procrastinate_events",
            "procrastinate_jobs",
            "procrastinate_periodic_defers",
            "procrastinate_workers",
            "registry_import_repeat",
            "registry_import_run",
            "registry_pending_guardian",
            "units_apply_run",
            "units_enrolment",
            "units_packet",
            "units_roster",
            "units_roster_row",
            "units_stored_file",
            "units_stored_part",
            "supervision_complaint",
            "supervision_complaint_step",
            "supervision_daily_capacity",
            "supervision_daily_figure",
            "supervision_daily_position",
            "supervision_daily_wait",
            "supervision_figure_day",
        ),
        LOCAL,
    ),
}

_TABLES_SQL = """
select c.relname
from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by c.relname
"""

_COLUMNS_SQL = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
"""

_UNIQUE_SQL = """
select t.relname, i.relname, case when x.indisprimary then 'primary key'
                                  when x.indisexclusion then 'exclusion constraint'
                                  when k.oid is not null then 'unique constraint' else 'unique index' end,
       array(select a.attname from unnest(x.indkey[0:x.indnkeyatts - 1]) with ordinality as n(number, place)
             left join pg_attribute a on a.attrelid = t.oid and a.attnum = n.number and n.number > 0 order by n.place)
from pg_index x
join pg_class t on t.oid = x.indrelid
join pg_class i on i.oid = x.indexrelid
left join pg_constraint k on k.conindid = x.indexrelid and k.contype in ('p', 'u', 'x')
where t.relnamespace = 'public'::regnamespace and not t.relispartition and (x.indisunique or x.indisexclusion)
order by t.relname, i.relname
"""

_FOREIGN_KEYS_SQL = """
select t.relname, k.conname, r.relname,
       array(select array[a.attname, b.attname] from unnest(k.conkey, k.confkey) with ordinality as n(here, there, place)
             join pg_attribute a on a.attrelid = k.conrelid and a.attnum = n.here
             join pg_attribute b on b.attrelid = k.confrelid and b.attnum = n.there order by n.place)
from pg_constraint k
join pg_class t on t.oid = k.conrelid
join pg_class r on r.oid = k.confrelid
where k.contype = 'f' and t.relnamespace = 'public'::regnamespace and not t.relispartition and k.conparentid = 0
order by t.relname, k.conname
"""


def violations(
    connection: psycopg.Connection[tuple[Any, ...]], tables: Mapping[str, Placement] | None = None
) -> list[str]:
    """What stands in the way of distributing the schema ``public`` as declared in ``tables`` (by default ``TABLES``).

    One sentence each, sorted by table; an empty list means that nothing does. Reads only the catalogue.
    """
    declared = TABLES if tables is None else tables
    existing = {name for (name,) in connection.execute(_TABLES_SQL)}
    columns = {(table, column): kind for table, column, kind in connection.execute(_COLUMNS_SQL)}
    found = [f"{table}: exists but is not declared" for table in existing - declared.keys()]
    found += [f"{table}: is declared but does not exist" for table in declared.keys() - existing]
    spread = {table: placement.column for table, placement in declared.items() if placement.column is not None}
    for table, column in spread.items():
        if table in existing and (table, column) not in columns:
            found.append(f"{table}: has no column {column} to be distributed by")
    found += _unlike_types(spread, columns)
    for table, name, what, keys in connection.execute(_UNIQUE_SQL):
        if table in spread and spread[table] not in keys:
            named = ", ".join(key or "an expression" for key in keys)
            found.append(f"{table}: {what} {name} ({named}) lacks the distribution column {spread[table]}")
    for table, name, target, pairs in connection.execute(_FOREIGN_KEYS_SQL):
        if table in declared and target in declared:
            wrong = _foreign_key_fault(declared[table], declared[target], [(here, there) for here, there in pairs])
            if wrong:
                found.append(f"{table}: foreign key {name} to {target} {wrong}")
    return sorted(found)


def _unlike_types(spread: Mapping[str, str], columns: Mapping[tuple[str, str], str]) -> list[str]:
    """Rows meet only when equal values hash alike: columns of one name must have one type in all tables."""
    types: dict[str, dict[str, str]] = {}
    for table, column in sorted(spread.items()):
        if (table, column) in columns:
            types.setdefault(column, {}).setdefault(columns[table, column], table)
    return [
        f"{table}: {column} is {kind}, but elsewhere {', '.join(other for other in kinds if other != kind)}"
        for column, kinds in types.items()
        if len(kinds) > 1
        for kind, table in kinds.items()
    ]


def _foreign_key_fault(here: Placement, there: Placement, pairs: list[tuple[str, str]]) -> str | None:
    if here.column is not None and there.column is not None:
        if (here.column, there.column) in pairs:
            return None
        return f"does not lead from {here.column} to {there.column}, so the rows may lie on different machines"
    if here.kind is Distribution.DISTRIBUTED and there.kind is Distribution.LOCAL:
        return "leads from a distributed table to a local one"
    if here.kind is not Distribution.DISTRIBUTED and there.kind is Distribution.DISTRIBUTED:
        return f"leads from a {here.kind} table to a distributed one"
    return None
