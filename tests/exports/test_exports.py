"""Exports: written in the worker, resumed after a crash, fetched by their requester alone, gone after a day."""

import io
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from openpyxl import load_workbook

from tests.cast import NOON
from yikatong.accounts.models import Role, User
from yikatong.audit.models import AuditEvent
from yikatong.exports import kinds, services
from yikatong.exports.files import Row
from yikatong.exports.kinds import ExportKind, Parameters, Table
from yikatong.exports.models import Export, ExportPart, ExportState
from yikatong.exports.services import KEPT, OPEN_MAX, Reason
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused

pytestmark = pytest.mark.django_db
ROWS = 20_000
_faults: list[Exception] = []
_meanwhile: list[Callable[[], object]] = []
"""What somebody else does when half of the rows are read."""


def rows(parameters: Parameters) -> Iterator[Row]:
    for number in range(int(parameters["rows"])):
        if number == ROWS // 2:
            for act in _meanwhile:
                act()
            if _faults:
                raise _faults.pop()
        yield (number, "=cmd|' /C calc'!A0", "张三")


def expected(parameters: Parameters) -> int:
    return int(parameters["rows"])


CARDS = Table(_("卡片"), (_("卡号"), _("状态"), _("姓名")), rows, expected)
UNKNOWN = Table(_("人员"), (_("编号"), _("状态"), _("姓名")), rows, lambda parameters: None)
CENTRE = frozenset({Role.CARD_CENTRE.value})
KIND = ExportKind("test.rows", CENTRE, (CARDS,))
BOOK = ExportKind(
    "test.book",
    CENTRE,
    (CARDS, Table(_("审计记录"), CARDS.head, rows, expected)),
    workbook_title=_("换发计划"),
    file_stem=lambda parameters: f"cards-{parameters['rows']}",
    is_current=lambda parameters: not parameters.get("is_replaced"),
)


@pytest.fixture(autouse=True)
def _kind() -> Iterator[None]:
    kinds.register(KIND, BOOK)
    yield
    for kind in (KIND, BOOK):
        kinds._kinds.pop(kind.name)
    _faults.clear()
    _meanwhile.clear()


@pytest.fixture
def centre() -> User:
    return User.objects.create(username="centre", role=Role.CARD_CENTRE)


def asked(by: User, kind: ExportKind = KIND, **parameters: Any) -> Export:
    return services.ask(kind.name, {"rows": ROWS} | parameters, by=by, at=NOON)


def written(export: Export) -> Export:
    services.write(export.export_id)
    export.refresh_from_db()
    return export


def content(export: Export, by: User) -> str:
    return b"".join(services.fetch(export.export_id, by=by, at=utc_now())).decode("utf-8-sig")


def test_every_row_arrives_sealed_and_harmless(centre: User) -> None:
    export = asked(centre)
    services.write(export.export_id)
    export.refresh_from_db()
    lines = content(export, centre).splitlines()
    assert (export.state, export.rows_done, export.rows_expected) == (ExportState.DONE, ROWS, ROWS)
    assert len(lines) == ROWS + 1
    assert lines[1] == "0,'=cmd|' /C calc'!A0,张三", "what begins like a formula is text"
    assert lines[-1].startswith(f"{ROWS - 1},")
    assert ExportPart.objects.count() > 1
    assert not any("张三".encode() in bytes(part.content_sealed) for part in ExportPart.objects.all())
    assert export.size_bytes == len(b"".join(services.fetch(export.export_id, by=centre, at=utc_now())))
    assert AuditEvent.objects.filter(action="export.downloaded", actor="staff:centre").count() == 2


def test_a_database_that_goes_away_is_waited_for(centre: User) -> None:
    export = asked(centre)
    _faults.append(OperationalError("gone"))
    with pytest.raises(OperationalError):
        services.write(export.export_id)
    services.write(export.export_id)
    export.refresh_from_db()
    assert (export.state, export.attempt) == (ExportState.DONE, 2)
    assert len(content(export, centre).splitlines()) == ROWS + 1


def test_a_fault_of_ours_ends_it(centre: User) -> None:
    export = asked(centre)
    _faults.append(ValueError("x"))
    with pytest.raises(ValueError, match="x"):
        services.write(export.export_id)
    export.refresh_from_db()
    assert (export.state, ExportPart.objects.count()) == (ExportState.FAILED, 0)


def test_a_run_that_was_overtaken_writes_nothing_more(centre: User) -> None:
    export = asked(centre)
    services.write(export.export_id)
    export.refresh_from_db()
    before = ExportPart.objects.count()
    export.attempt -= 1
    with pytest.raises(services._Overtaken):
        services._store(export, 99, b"late", 1)
    assert ExportPart.objects.count() == before


def test_nobody_else_gets_it(centre: User) -> None:
    export = asked(centre)
    services.write(export.export_id)
    other = User.objects.create(username="other", role=Role.CARD_CENTRE)
    for act in (services.fetch, services.cancel):
        with pytest.raises(Refused) as refused:
            act(export.export_id, by=other, at=NOON)
        assert refused.value.reason == Reason.EXPORT_UNKNOWN
    with pytest.raises(Refused) as refused:
        asked(User.objects.create(username="auditor", role=Role.AUDITOR))
    assert refused.value.reason == Reason.NOT_ALLOWED


def test_cancelled_is_cancelled(centre: User) -> None:
    export = asked(centre)
    services.cancel(export.export_id, by=centre, at=NOON)
    services.write(export.export_id)
    export.refresh_from_db()
    assert (export.state, export.rows_done, ExportPart.objects.count()) == (ExportState.CANCELLED, 0, 0)


def test_so_many_at_a_time(centre: User) -> None:
    for number in range(OPEN_MAX):
        asked(centre, rows=number)
    with pytest.raises(Refused) as refused:
        asked(centre, rows=OPEN_MAX)
    assert refused.value.reason == Reason.TOO_MANY
    asked(centre, rows=0)
    assert Export.objects.count() == OPEN_MAX, "a second click asks for nothing new"


def test_the_same_is_made_once_until_it_is_there(centre: User) -> None:
    first = asked(centre)
    assert asked(centre).export_id == first.export_id
    others = [asked(centre, BOOK), asked(User.objects.create(username="other", role=Role.CARD_CENTRE))]
    with override("en"):
        others.append(asked(centre))
    assert first.export_id not in {other.export_id for other in others}, "another file, person or language"
    assert AuditEvent.objects.filter(action="export.requested").count() == 4
    written(first)
    assert asked(centre).export_id != first.export_id, "what is there may be of old rows"


def test_a_workbook_holds_all_tables(centre: User) -> None:
    export = written(asked(centre, BOOK, rows=300))
    assert (export.state, export.rows_done, export.rows_expected) == (ExportState.DONE, 600, 600)
    assert services.file_of(export) == (
        "cards-300.xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )
    octets = b"".join(services.fetch(export.export_id, by=centre, at=utc_now()))
    assert export.size_bytes == len(octets)
    book = load_workbook(io.BytesIO(octets))
    assert book.sheetnames == ["卡片", "审计记录"]
    for sheet in book:
        assert [cell.value for cell in sheet[1]] == ["卡号", "状态", "姓名"]
        assert [cell.value for cell in sheet[301]] == [299, "'=cmd|' /C calc'!A0", "张三"]
        assert (sheet.max_row, sheet.freeze_panes, sheet["A1"].font.b) == (301, "A2", True)
    events = AuditEvent.objects.filter(subject=f"export:{export.export_id}").order_by("event_id")
    assert list(events.values_list("details", flat=True)) == [
        {"kind": "test.book", "file": "cards-300.xlsx"},
        {"kind": "test.book", "rows": 600},
        {"kind": "test.book", "rows": 600, "file": "cards-300.xlsx"},
    ]


def test_it_speaks_the_language_it_was_asked_in(centre: User) -> None:
    with override("en"):
        export = asked(centre, rows=1)
    assert content(written(export), centre).splitlines()[0] == "Card number,State,Name"
    assert content(written(asked(centre, rows=1)), centre).splitlines()[0] == "卡号,状态,姓名"


def test_a_sheet_that_is_full_says_so(centre: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yikatong.exports.services.SHEET_ROWS_MAX", 3)
    for number, last in ((3, 2), (4, "表格已到上限，其余各行请下载 CSV。")):
        export = written(asked(centre, BOOK, rows=number))
        octets = b"".join(services.fetch(export.export_id, by=centre, at=utc_now()))
        for sheet in load_workbook(io.BytesIO(octets)):
            assert (sheet.max_row, sheet.cell(sheet.max_row, 1).value) == (1 + number, last)
    assert len(content(written(asked(centre, rows=4)), centre).splitlines()) == 5, "CSV goes on"


@pytest.mark.parametrize("kind", [KIND, BOOK], ids=["csv", "xlsx"])
def test_cancelled_half_way_it_stops_and_leaves_nothing(
    centre: User, kind: ExportKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    export = asked(centre, kind, rows=30 * ROWS)
    progress: list[int] = []

    def cancels() -> None:
        progress.append(Export.objects.get(export_id=export.export_id).rows_done)
        services.cancel(export.export_id, by=centre, at=NOON)

    _meanwhile.append(cancels)
    written(export)
    assert (export.state, ExportPart.objects.count()) == (ExportState.CANCELLED, 0)
    assert len(progress) == 1, "the second table was not even begun"
    assert export.rows_done == progress[0] < 2 * ROWS
    with pytest.raises(Refused) as refused:
        services.fetch(export.export_id, by=centre, at=utc_now())
    assert refused.value.reason == Reason.NOT_READY
    assert list(tmp_path.iterdir()) == [], "nothing lies about in clear"


def test_rows_that_changed_meanwhile_make_no_file(centre: User) -> None:
    export = written(asked(centre, BOOK, is_replaced=True))
    assert (export.state, export.expires_at, ExportPart.objects.count()) == (ExportState.OUTDATED, None, 0)
    assert AuditEvent.objects.filter(action="export.outdated").count() == 1
    with pytest.raises(Refused) as refused:
        services.fetch(export.export_id, by=centre, at=utc_now())
    assert refused.value.reason == Reason.NOT_READY
    services.write(export.export_id)
    export.refresh_from_db()
    assert export.state == ExportState.OUTDATED


def test_nobody_counts_what_one_table_cannot_tell() -> None:
    assert ExportKind("x", CENTRE, (CARDS, UNKNOWN)).expected({"rows": 3}) is None
    assert ExportKind("x", CENTRE, (CARDS, CARDS)).expected({"rows": 0}) == 0


def test_gone_after_a_day(centre: User) -> None:
    export = asked(centre, rows=3)
    services.write(export.export_id)
    later = utc_now() + KEPT + timedelta(seconds=1)
    with pytest.raises(Refused):
        services.fetch(export.export_id, by=centre, at=later)
    assert services.remove_expired(at=utc_now()) == 0
    assert services.remove_expired(at=later) == 1
    export.refresh_from_db()
    assert (export.state, ExportPart.objects.count()) == (ExportState.EXPIRED, 0)
