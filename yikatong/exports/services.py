"""Asking for an export, writing it in the worker, fetching it, and removing it after a day.

A run that dies is begun anew by the next worker: it writes under a new ``attempt`` and throws away what the dead one left.
What begins like a formula is written as text, so that opening the file computes nothing.
"""

import base64
import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F

from yikatong.accounts.models import User
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.exports.kinds import ExportKind, Parameters, Row, kind_named
from yikatong.exports.models import Export, ExportPart, ExportState
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.registry.sealing import field_cipher

KEPT = timedelta(hours=24)
"""Source: assumption (long enough to fetch it the next morning)."""
OPEN_MAX = 3
"""So many exports of one account wait or run at a time. Source: assumption."""
PART_BYTES = 1 << 18
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")
_BOM = "\ufeff"  # without it a spreadsheet reads Chinese as something else


class Reason(StrEnum):
    """Why an export is refused."""

    NOT_ALLOWED = "export_not_allowed"
    TOO_MANY = "export_too_many"
    EXPORT_UNKNOWN = "export_unknown"
    NOT_READY = "export_not_ready"


class _Overtaken(Exception):
    """Cancelled, or another worker has begun this export anew."""


def ask(kind_name: str, parameters: Parameters, *, by: User, at: datetime) -> Export:
    """Queue an export. Raises ``Refused`` (``NOT_ALLOWED``, ``TOO_MANY``)."""
    from yikatong.exports.tasks import write_export_task

    kind = kind_named(kind_name)
    if by.role not in kind.roles:
        raise Refused(Reason.NOT_ALLOWED, "您的岗位不能导出这份清单")
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=by.pk)
        unfinished = Export.objects.filter(
            requested_by_id=by.pk, state__in=[ExportState.WAITING, ExportState.RUNNING]
        ).count()
        if unfinished >= OPEN_MAX:
            raise Refused(Reason.TOO_MANY, f"您已有 {OPEN_MAX} 份导出在生成，请等它们完成或取消后再试")
        export = Export.objects.create(
            export_id=new_uuid7(),
            kind=kind_name,
            parameters_sealed=field_cipher().seal("export", json.dumps(parameters, sort_keys=True)),
            requested_by_id=by.pk,
            requested_by=by.username,
            requested_at=at,
        )
        _record("export.requested", export, by=by.username, at=at)
        write_export_task.defer(export_id=str(export.export_id))
    return export


def write(export_id: UUID) -> None:
    """Write the file, unless it is written or nobody wants it any more."""
    with transaction.atomic():
        export = Export.objects.select_for_update().filter(export_id=export_id).first()
        if export is None or export.state not in {ExportState.WAITING, ExportState.RUNNING}:
            return
        ExportPart.objects.filter(export_id=export_id).delete()
        export.attempt += 1
        export.state, export.rows_done, export.size_bytes = ExportState.RUNNING, 0, 0
        export.save()
    kind = kind_named(export.kind)
    parameters = json.loads(field_cipher().open("export", bytes(export.parameters_sealed)))
    try:
        _estimate(export, kind, parameters)
        for part, (content, rows) in enumerate(_pieces(kind, parameters)):
            _store(export, part, content, rows)
        _end(export, ExportState.DONE)
    except _Overtaken:
        return
    except (OperationalError, InterfaceError):
        raise  # the database went away: the next attempt begins anew
    except Exception:
        _end(export, ExportState.FAILED)
        raise


def cancel(export_id: UUID, *, by: User, at: datetime) -> None:
    """Stop one's own export. Repeating it changes nothing. Raises ``Refused(EXPORT_UNKNOWN)``."""
    with transaction.atomic():
        export = own_export(export_id, by=by, lock=True)
        if export.state in {ExportState.WAITING, ExportState.RUNNING}:
            export.state, export.finished_at = ExportState.CANCELLED, at
            export.save(update_fields=["state", "finished_at"])
            ExportPart.objects.filter(export_id=export_id).delete()
            _record("export.cancelled", export, by=by.username, at=at)


def own_export(export_id: UUID, *, by: User, lock: bool = False) -> Export:
    """One's own export; nobody else's is told of. Raises ``Refused(EXPORT_UNKNOWN)``."""
    exports = Export.objects.select_for_update() if lock else Export.objects.all()
    export = exports.filter(export_id=export_id, requested_by_id=by.pk).first()
    if export is None:
        raise Refused(Reason.EXPORT_UNKNOWN, "没有这份导出")
    return export


def fetch(export_id: UUID, *, by: User, at: datetime) -> Iterator[bytes]:
    """The file in clear, piece by piece; that it was fetched is recorded. Raises ``Refused``."""
    export = own_export(export_id, by=by)
    if export.state != ExportState.DONE or (export.expires_at is not None and export.expires_at <= at):
        raise Refused(Reason.NOT_READY, "这份文件还没有生成，或已过期清除")
    _record("export.downloaded", export, by=by.username, at=at, rows=export.rows_done)
    return _contents(export_id)


def remove_expired(*, at: datetime) -> int:
    """Remove files whose day is over; how many."""
    count = 0
    for export in Export.objects.filter(state=ExportState.DONE, expires_at__lte=at):
        with transaction.atomic():
            ExportPart.objects.filter(export_id=export.export_id).delete()
            count += Export.objects.filter(export_id=export.export_id, state=ExportState.DONE).update(
                state=ExportState.EXPIRED
            )
    return count


def _contents(export_id: UUID) -> Iterator[bytes]:
    part = 0
    while True:
        piece = ExportPart.objects.filter(export_id=export_id, part=part).first()
        if piece is None:
            return
        yield base64.b64decode(field_cipher().open("export_part", bytes(piece.content_sealed)))
        part += 1


def _estimate(export: Export, kind: ExportKind, parameters: dict[str, Any]) -> None:
    expected = kind.expected(parameters)
    Export.objects.filter(pk=export.pk, attempt=export.attempt).update(rows_expected=expected)


def _pieces(kind: ExportKind, parameters: dict[str, Any]) -> Iterator[tuple[bytes, int]]:
    """The file cut into pieces, each with the number of rows that end in it."""
    text = io.StringIO()
    text.write(_BOM)
    writer = csv.writer(text)
    writer.writerow([str(title) for title in kind.head])
    rows = 0
    for row in kind.rows(parameters):
        writer.writerow(_safe(row))
        rows += 1
        if text.tell() >= PART_BYTES:
            yield text.getvalue().encode(), rows
            text.seek(0)
            text.truncate()
            rows = 0
    yield text.getvalue().encode(), rows


def _safe(row: Row) -> list[object]:
    return ["'" + cell if isinstance(cell, str) and cell.startswith(FORMULA_BEGINS) else cell for cell in row]


def _store(export: Export, part: int, content: bytes, rows: int) -> None:
    sealed = field_cipher().seal("export_part", base64.b64encode(content).decode())
    with transaction.atomic():
        mine = Export.objects.filter(pk=export.pk, attempt=export.attempt, state=ExportState.RUNNING)
        if not mine.update(rows_done=F("rows_done") + rows, size_bytes=F("size_bytes") + len(content)):
            raise _Overtaken
        ExportPart.objects.create(export_id=export.export_id, part=part, content_sealed=sealed)


def _end(export: Export, state: ExportState) -> None:
    at = utc_now()
    with transaction.atomic():
        mine = Export.objects.filter(pk=export.pk, attempt=export.attempt, state=ExportState.RUNNING)
        if mine.update(state=state, finished_at=at, expires_at=at + KEPT if state == ExportState.DONE else None):
            export.refresh_from_db()
            _record(f"export.{state}", export, by="exports", at=at, rows=export.rows_done)


def _record(action: str, export: Export, *, by: str, at: datetime, **details: Any) -> None:
    actor = Actor.system(by) if by == "exports" else Actor("staff", by)
    record(action, subject=f"export:{export.export_id}", by=actor, at=at, kind=export.kind, **details)
