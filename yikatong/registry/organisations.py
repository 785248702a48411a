"""Importing a file of employers and schools: one transaction for the whole file.

A city has few units compared with persons, so there is nothing to resume: either the file is in, or nothing of it. What a unit
decided for itself later (its banks, its enrolment) is never touched; a unit that a later file does not name stays.
"""

from datetime import datetime
from pathlib import Path
from typing import Never

from django.db import connection, transaction
from tqdm import tqdm

from yikatong.audit import services as audit
from yikatong.audit.actors import Actor
from yikatong.city.models import Division
from yikatong.foundation.errors import Refused
from yikatong.registry.chunked import SourceFile
from yikatong.registry.chunks import RejectedRow
from yikatong.registry.files import inspect_file, read_chunk
from yikatong.registry.importer import ImportReport, only_import
from yikatong.registry.models import ImportRun
from yikatong.registry.reasons import Reason, RowReason
from yikatong.registry.rejected import RejectedFile, rejected_path
from yikatong.registry.rows import ORGANISATION_COLUMNS, OrganisationRow, Problem
from yikatong.registry.rules import check_organisation_row

_SYNTHETIC_NAME = "虚构"  # as registry.synth marks the units it makes up

_MAKE_TABLE = """
create temp table if not exists registry_import_organisation (
    credit_code varchar(18) primary key, kind varchar(10), name varchar(120), district_code varchar(6)
) on commit drop;
truncate registry_import_organisation
"""
_MERGE = """
with merged as (
    insert into registry_organisation as o
        (credit_code, kind, name, district_code, bank_codes, is_enrolled_as_whole, collects_for_members, is_synthetic)
    select credit_code, kind, name, district_code, '[]', false, false, starts_with(name, %s)
    from registry_import_organisation
    on conflict (credit_code) do update
    set kind = excluded.kind, name = excluded.name, district_code = excluded.district_code,
        is_synthetic = excluded.is_synthetic
    where (o.kind, o.name, o.district_code) is distinct from (excluded.kind, excluded.name, excluded.district_code)
    returning xmax = 0 as is_new
)
select count(*) filter (where is_new), count(*) filter (where not is_new) from merged
"""


def import_organisations(path: Path, *, by: Actor, at: datetime, progress: bool = False) -> ImportReport:
    """Import a file of units. Repeating it changes nothing. Raises ``Refused`` before anything is written."""
    source = inspect_file(path, ORGANISATION_COLUMNS, frozenset(ORGANISATION_COLUMNS))
    districts = frozenset(Division.objects.filter(level="district").values_list("code", flat=True))
    if not districts:
        raise Refused(Reason.CITY_NOT_LOADED, "城市数据尚未导入，请先运行 yikatong city load")
    rejected = RejectedFile(rejected_path(path), ORGANISATION_COLUMNS)
    with only_import(), transaction.atomic():
        with tqdm(total=source.rows, unit="row", desc=f"import {path.name}", disable=not progress) as bar:
            rows, bad, repeated = _read(source, districts, bar)
        added, changed = _merge(rows)
        rejected.begin()
        rejected.append(bad)
        report = ImportReport(
            file_name=path.name,
            rows=source.rows,
            added=added,
            changed=changed,
            unchanged=len(rows) + repeated - added - changed,
            rejected=len(bad),
            rejected_path=rejected.path if bad else None,
            guardians_awaited=0,
            was_already_imported=False,
        )
        _record(source, report, by=by, at=at)
    return report


def _read(
    source: SourceFile, districts: frozenset[str], bar: "tqdm[Never]"
) -> tuple[list[OrganisationRow], list[RejectedRow], int]:
    """The sound rows, each credit code once; the rejected ones; how many only repeat another row."""
    rows: dict[str, tuple[int, OrganisationRow]] = {}
    bad: list[RejectedRow] = []
    repeated = 0
    for chunk in source.chunks:
        for raw in read_chunk(source, chunk):
            outcome = [raw.problem] if raw.problem else check_organisation_row(raw.cells, districts)
            if isinstance(outcome, OrganisationRow):
                line, first = rows.setdefault(outcome.credit_code, (raw.line, outcome))
                if line == raw.line:
                    continue
                if first == outcome:
                    repeated += 1
                    continue
                text = f"统一社会信用代码与第 {line} 行相同，而其他内容不同；以先出现的一行为准"
                outcome = [Problem(RowReason.CREDIT_CODE_REPEATED, text)]
            bad.append(RejectedRow(raw.line, outcome, raw.cells, raw.text))
        bar.update(chunk.lines)
    return [row for _, row in rows.values()], bad, repeated


def _merge(rows: list[OrganisationRow]) -> tuple[int, int]:
    """How many units were added and changed."""
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_TABLE)
        with connection.connection.cursor().copy("copy registry_import_organisation from stdin") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(_MERGE, [_SYNTHETIC_NAME])
        added, changed = cursor.fetchone() or (0, 0)
        return added, changed


def _record(source: SourceFile, report: ImportReport, *, by: Actor, at: datetime) -> None:
    ImportRun.objects.update_or_create(
        file_sha256=source.sha256,
        defaults={
            "kind": "organisations",
            "file_name": report.file_name[:200],
            "rows_total": report.rows,
            "rows_done": report.rows,
            "rows_added": report.added,
            "rows_changed": report.changed,
            "rows_unchanged": report.unchanged,
            "rows_rejected": report.rejected,
            "started_at": at,
            "finished_at": at,
        },
    )
    audit.record(
        "registry.organisations_imported",
        subject=f"import:{source.sha256}",
        by=by,
        at=at,
        rows=report.rows,
        added=report.added,
        changed=report.changed,
        unchanged=report.unchanged,
        rejected=report.rejected,
    )
