"""Asking for an export, writing it in the worker, fetching it, and removing it after a day.

A run that dies is begun anew by the next worker: it writes under a new ``attempt`` and throws away what the dead one left.
Nothing of a file is given out before all of it is there.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, islice
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from yikatong.accounts.models import User
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.exports.files import MEDIA_TYPES, Row, Sheet, csv_pieces, workbook_pieces
from yikatong.exports.kinds import ExportKind, Parameters, Table, kind_named
from yikatong.exports.models import Export, ExportPart, ExportState
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.registry.sealing import field_cipher

KEPT = timedelta(hours=24)
"""Source: assumption (long enough to fetch it the next morning)."""
OPEN_MAX = 3
"""So many exports of one account wait or run at a time. Source: assumption."""
SHEET_ROWS_MAX = 1_000_000
"""Source: Excel takes 1,048,576 rows; rounded down to a number that people can be told."""
_UNFINISHED = (ExportState.WAITING, ExportState.RUNNING)


class Reason(StrEnum):
    """Why an export is refused."""

    NOT_ALLOWED = "export_not_allowed"
    TOO_MANY = "export_too_many"
    EXPORT_UNKNOWN = "export_unknown"
    NOT_READY = "export_not_ready"


class _Overtaken(Exception):
    """Cancelled, or another worker has begun this export anew."""


def ask(kind_name: str, parameters: Parameters, *, by: User, at: datetime) -> Export:
    """Queue an export in the language of the page. Asked again while it waits or runs, it is the same one.

    Raises ``Refused`` (``NOT_ALLOWED``, ``TOO_MANY``).
    """
    from yikatong.exports.tasks import write_export_task

    kind = kind_named(kind_name)
    if by.role not in kind.roles:
        raise Refused(Reason.NOT_ALLOWED, "您的岗位不能导出这份清单")
    parameters = {**parameters, "language": get_language() or ""}
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=by.pk)
        unfinished = Export.objects.filter(requested_by_id=by.pk, state__in=_UNFINISHED)
        for export in unfinished:
            if export.kind == kind_name and _parameters(export) == parameters:
                return export
        if len(unfinished) >= OPEN_MAX:
            raise Refused(Reason.TOO_MANY, f"您已有 {OPEN_MAX} 份导出在生成，请等它们完成或取消后再试")
        export = Export.objects.create(
            export_id=new_uuid7(),
            kind=kind_name,
            parameters_sealed=field_cipher().seal("export", json.dumps(parameters, sort_keys=True)),
            requested_by_id=by.pk,
            requested_by=by.username,
            requested_at=at,
        )
        _record("export.requested", export, by=by.username, at=at, file=file_of(export)[0])
        write_export_task.defer(export_id=str(export.export_id))
    return export


def write(export_id: UUID) -> None:
    """Write the file, unless it is written or nobody wants it any more."""
    with transaction.atomic():
        export = Export.objects.select_for_update().filter(export_id=export_id).first()
        if export is None or export.state not in _UNFINISHED:
            return
        ExportPart.objects.filter(export_id=export_id).delete()
        export.attempt += 1
        export.state, export.rows_done, export.size_bytes = ExportState.RUNNING, 0, 0
        export.save()
    kind, parameters = kind_named(export.kind), _parameters(export)
    try:
        with override(parameters.get("language") or None):
            _estimate(export, kind, parameters)
            for part, (content, rows) in enumerate(_pieces(kind, parameters)):
                _store(export, part, content, rows)
        _end(export, ExportState.DONE if kind.is_current(parameters) else ExportState.OUTDATED)
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
        if export.state in _UNFINISHED:
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
    _record("export.downloaded", export, by=by.username, at=at, rows=export.rows_done, file=file_of(export)[0])
    return _contents(export_id)


def file_of(export: Export) -> tuple[str, str]:
    """The file's name and its media type."""
    kind = kind_named(export.kind)
    stem = (
        kind.file_stem(_parameters(export))
        if kind.file_stem
        else f"{kind.name}-{beijing_day(export.requested_at):%Y%m%d}"
    )
    return f"{stem}.{kind.ending}", MEDIA_TYPES[kind.ending]


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
    """The file cut into pieces, each with the number of rows read for it."""
    count = 0

    def counted(rows: Iterable[Row]) -> Iterator[Row]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    def rows_of(table: Table) -> Iterable[Row]:
        rows = table.rows(parameters)
        return chain([table.head], counted(_fitting(rows) if kind.workbook_title else rows))

    if kind.workbook_title:
        pieces = workbook_pieces([Sheet(str(table.title), rows_of(table)) for table in kind.tables])
    else:
        pieces = csv_pieces(rows_of(kind.tables[0]))
    for piece in pieces:
        yield piece, count
        count = 0


def _fitting(rows: Iterator[Row]) -> Iterator[Row]:
    """As many rows as a sheet holds; that there are more is said in the last one."""
    yield from islice(rows, SHEET_ROWS_MAX)
    if next(rows, None) is not None:
        yield [_("表格已到上限，其余各行请下载 CSV。")]


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
            if state != ExportState.DONE:
                ExportPart.objects.filter(export_id=export.export_id).delete()
            export.refresh_from_db()
            _record(f"export.{state}", export, by="exports", at=at, rows=export.rows_done)


def _parameters(export: Export) -> dict[str, Any]:
    parameters: dict[str, Any] = json.loads(field_cipher().open("export", bytes(export.parameters_sealed)))
    return parameters


def _record(action: str, export: Export, *, by: str, at: datetime, **details: Any) -> None:
    actor = Actor.system(by) if by == "exports" else Actor("staff", by)
    record(action, subject=f"export:{export.export_id}", by=actor, at=at, kind=export.kind, **details)
