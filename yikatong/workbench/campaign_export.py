"""A plan as files: CSV for programs, one workbook for people. Streamed; no personal data, a person is a number.

What begins like a formula is written as text in both, so that opening a file computes nothing.
"""

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Bank, Outlet
from yikatong.campaign.models import BankWeek, Campaign, PlaceWeek, Slot, StreetFigures
from yikatong.city.models import Division
from yikatong.foundation.clock import utc_now
from yikatong.workbench.campaign_plan import with_figures_or_404
from yikatong.workbench.campaign_words import WAYS, refusal_words

FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")
SHEET_ROWS_MAX = 1_000_000
READ_AT_ONCE = 5_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

type Row = Sequence[Any]


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


@dataclass(frozen=True, slots=True)
class Table:
    """One file, or one sheet of the workbook."""

    title: Promise
    head: tuple[Promise, ...]
    rows: Callable[[Campaign], Iterator[Row]]


def _load(plan: Campaign) -> Iterator[Row]:
    outlets = dict(Outlet.objects.values_list("outlet_id", "name"))
    banks, districts = _banks(), _districts()
    found = PlaceWeek.objects.filter(campaign_id=plan.campaign_id).exclude(planned=0, capacity=0)
    for each in found.order_by("bank_code", "place", "week_starts_on").iterator(chunk_size=READ_AT_ONCE):
        waits = (each.wait_p50_min, each.wait_p95_min)
        yield (
            *(each.week_starts_on, each.bank_code, banks.get(each.bank_code, ""), str(WAYS.get(each.way, each.way))),
            *(each.place, outlets.get(each.place, ""), districts.get(each.district_code, ""), each.capacity),
            *(each.planned, *(None if wait is None else round(wait, 1) for wait in waits)),
        )


def _bank_weeks(plan: Campaign) -> Iterator[Row]:
    banks = _banks()
    for each in BankWeek.objects.filter(campaign_id=plan.campaign_id).order_by("bank_code", "week_starts_on"):
        name = banks.get(each.bank_code, "")
        yield each.week_starts_on, each.bank_code, name, each.production, each.planned, each.units, each.expected


def _streets(plan: Campaign) -> Iterator[Row]:
    names, districts = dict(Division.objects.filter(level="street").values_list("code", "name")), _districts()
    for each in StreetFigures.objects.filter(campaign_id=plan.campaign_id).order_by("street_code"):
        placed = each.people - each.left_out
        yield (
            *(districts.get(each.district_code, ""), each.street_code, names.get(each.street_code, "")),
            *(each.people, each.left_out, round(each.waited_weeks / placed, 2) if placed > 0 else None),
            round(each.distance_m / each.to_outlets) if each.to_outlets else None,
        )


def _left_out(plan: Campaign) -> Iterator[Row]:
    found = Slot.objects.filter(campaign_id=plan.campaign_id, week_starts_on=None).order_by("refusal", "person_id")
    for each in found.iterator(chunk_size=READ_AT_ONCE):
        way = str(WAYS.get(each.way, each.way))
        yield refusal_words(each.refusal), each.person_id, each.bank_code, way, each.organisation_code


TABLES: dict[str, Table] = {
    "load": Table(
        _("网点负荷"),
        (
            *(_("周（起始日）"), _("银行代码"), _("银行"), _("方式"), _("领卡点代码"), _("网点"), _("区")),
            *(_("可接待人数"), _("计划人数"), _("排队中位数（分钟）"), _("排队 p95（分钟）")),
        ),
        _load,
    ),
    "banks": Table(
        _("银行周产量"),
        (_("周（起始日）"), _("银行代码"), _("银行"), _("制卡能力"), _("计划张数"), _("其中单位代领"), _("预测到场")),
        _bank_weeks,
    ),
    "streets": Table(
        _("街道"),
        (_("区"), _("街道代码"), _("街道"), _("人数"), _("未排上"), _("平均等待（周）"), _("平均距离（米）")),
        _streets,
    ),
    "left-out": Table(_("未排上"), (_("原因"), _("人员编号"), _("银行代码"), _("方式"), _("单位代码")), _left_out),
}


@require_safe
def export(request: HttpRequest, campaign_id: str, what: str, form: str) -> HttpResponseBase:
    """One table as CSV, or all of them as sheets of a workbook."""
    plan = with_figures_or_404(campaign_id)
    is_workbook = (form, what) == ("xlsx", "plan")
    if not is_workbook and (form != "csv" or what not in TABLES):
        raise Http404
    _keep_record(request, plan, f"{what}.{form}")
    return _workbook(plan) if is_workbook else _csv(plan, what)


def _keep_record(request: HttpRequest, plan: Campaign, file: str) -> None:
    by = Actor("staff", request.user.get_username())
    with transaction.atomic():
        record("campaign.exported", subject=f"campaign:{plan.campaign_id}", by=by, at=utc_now(), file=file)


def _csv(plan: Campaign, what: str) -> StreamingHttpResponse:
    table = TABLES[what]
    writer = csv.writer(_Echo())
    head = [str(text) for text in table.head]

    def lines() -> Iterator[str]:
        yield "\ufeff"
        yield writer.writerow(head)
        for row in table.rows(plan):
            yield writer.writerow(_safe(row))

    return StreamingHttpResponse(
        _batched(lines()),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{_file_name(plan, what)}.csv"'},
    )


def _batched(lines: Iterable[str], *, at_once: int = 500) -> Iterator[str]:
    """Fewer, larger pieces."""
    held: list[str] = []
    for line in lines:
        held.append(line)
        if len(held) >= at_once:
            yield "".join(held)
            held.clear()
    yield "".join(held)


def _workbook(plan: Campaign) -> FileResponse:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    for table in TABLES.values():
        sheet = book.create_sheet(str(table.title))
        sheet.freeze_panes = "A2"
        head = []
        for column, text in enumerate(table.head):
            cell = WriteOnlyCell(sheet, str(text))
            cell.font = Font(bold=True)
            head.append(cell)
            sheet.column_dimensions["ABCDEFGHIJK"[column]].width = 18
        sheet.append(head)
        for number, row in enumerate(table.rows(plan)):
            if number == SHEET_ROWS_MAX:
                sheet.append([str(_("表格已到上限，其余各行请下载 CSV。"))])
                break
            sheet.append(_safe(row))
    file = tempfile.TemporaryFile()  # noqa: SIM115  # the answer closes it
    book.save(file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{_file_name(plan, 'plan')}.xlsx", content_type=XLSX)


def _file_name(plan: Campaign, what: str) -> str:
    """Letters, digits and hyphens only, whatever the plan is called."""
    name = "".join(each if each.isascii() and each.isalnum() else "-" for each in plan.campaign_id)
    return f"campaign-{name}-{what}"


def _safe(row: Row) -> list[Any]:
    """The row with a quotation mark before texts that a spreadsheet would compute."""
    return [f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_BEGINS) else value for value in row]


def _banks() -> dict[str, str]:
    return dict(Bank.objects.values_list("code", "name_zh"))


def _districts() -> dict[str, str]:
    return dict(Division.objects.filter(level="district").values_list("code", "name"))
