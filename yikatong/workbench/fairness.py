"""The figures of fair participation for the card centre and auditors: any period, by district, group and channel, in full.

Which part is shown stands in the address, so that a page can be kept, sent and printed. Banks stand in the order of their codes.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from yikatong.city.models import Division
from yikatong.exports.files import MEDIA_TYPES
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.supervision.rules import Position, most_favoured
from yikatong.supervision.selectors import BankFigures, Filters, Report, report_of
from yikatong.supervision.words import (
    CATEGORIES,
    CHANNELS,
    concentration_words,
    number_words,
    position_words,
    scale_words,
)
from yikatong.workbench.fairness_export import csv_of, xlsx_of

PERIOD_DAYS = 30
PERIOD_DAYS_MAX = 3 * 366


@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """The page; a period that makes no sense is answered with the last thirty days and said."""
    filters, error = _asked(request)
    report = report_of(filters)
    districts = list(Division.objects.filter(level="district").order_by("code").values_list("code", "name"))
    context = {
        "filters": filters,
        "report": report,
        "error": error,
        "districts": districts,
        "categories": CATEGORIES.items(),
        "channels": CHANNELS.items(),
        "part": _part_words(filters, dict(districts)),
        "query": _query(filters),
        "banks": [_row(bank, report) for bank in report.banks],
        "totals": {name: f"{count:,}" for name, count in report.totals.items()},
        "is_capacity_of_part": not filters.category and not filters.channel,
        "concentration": concentration_words(report.concentration),
        "scale": scale_words(),
        "test": position_words(report.test, favoured=most_favoured(report.positions)),
        "positions": [_position_row(row, report.positions) for row in report.positions],
    }
    return render(request, "workbench/fairness_figures.html", context, status=422 if error else 200)


@require_safe
def export(request: HttpRequest, form: str) -> HttpResponse:
    """The same figures as CSV (banks) or XLSX (banks and positions)."""
    filters, error = _asked(request)
    if error or form not in {"csv", "xlsx"}:
        raise Http404
    report = report_of(filters)
    name = f"bank-figures-{filters.first}-{filters.last}.{form}"
    content = csv_of(report) if form == "csv" else xlsx_of(report)
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=MEDIA_TYPES[form], headers=disposition)


def _asked(request: HttpRequest) -> tuple[Filters, str]:
    """The filters of the address, and what is wrong with them."""
    today = beijing_day(utc_now())
    usual = (today - timedelta(days=PERIOD_DAYS - 1), today)
    error = ""
    try:
        first = date.fromisoformat(request.GET.get("from") or usual[0].isoformat())
        last = date.fromisoformat(request.GET.get("to") or usual[1].isoformat())
    except ValueError:
        error = _("日期写法不对，应为年-月-日，例如 2026-11-01。下面是最近三十天的数据。")
        first, last = usual
    if not error and not timedelta() <= last - first <= timedelta(days=PERIOD_DAYS_MAX):
        error = _("起始日期应不晚于截止日期，且期间不超过三年。下面是最近三十天的数据。")
        first, last = usual
    district = request.GET.get("district", "")
    category = request.GET.get("group", "")
    channel = request.GET.get("channel", "")
    return (
        Filters(
            first,
            last,
            district if district.isdecimal() and len(district) == 6 else "",
            category if category in CATEGORIES else "",
            channel if channel in CHANNELS else "",
        ),
        error,
    )


def _query(filters: Filters) -> str:
    asked = {
        "from": filters.first.isoformat(),
        "to": filters.last.isoformat(),
        "district": filters.district_code,
        "group": filters.category,
        "channel": filters.channel,
    }
    return urlencode({name: value for name, value in asked.items() if value})


def _part_words(filters: Filters, districts: Mapping[str, str]) -> str:
    """Which part of the city is shown, for the heading and for print."""
    asked = [
        districts.get(filters.district_code, filters.district_code) if filters.district_code else _("全市"),
        str(CATEGORIES[filters.category]) if filters.category else _("各类人群"),
        str(CHANNELS[filters.channel]) if filters.channel else _("各渠道"),
    ]
    return " · ".join(asked)


def _row(bank: BankFigures, report: Report) -> dict[str, object]:
    """One bank's figures as text, and the widths of its bars in hundredths of the widest."""
    is_english = (get_language() or "").startswith("en")
    most = max((each.share or 0.0 for each in report.banks), default=0.0)
    return {
        "code": bank.code,
        "name": bank.name_en if is_english else bank.name_zh,
        "shown": f"{bank.shown:,}",
        "mean_position": number_words(bank.mean_position, 2),
        "shown_first": f"{bank.shown_first:,}",
        "chosen": f"{bank.chosen:,}",
        "share": number_words(bank.share),
        "width": f"{100 * (bank.share or 0.0) / most if most else 0.0:.2f}",
        "rate": number_words(bank.chosen_when_shown),
        "capacity": f"{bank.capacity:,}",
        "load": number_words(bank.load),
        "load_width": f"{min(bank.load or 0.0, 100.0):.2f}",
        "is_over": (bank.load or 0.0) > 100,
        "made": f"{bank.made:,}",
        "completed": f"{bank.completed:,}",
        "made_days": _days(bank.made_median, bank.made_slow),
        "collected_days": _days(bank.collected_median, bank.collected_slow),
        "complaints": bank.complaints,
        "complaints_founded": bank.complaints_founded,
    }


def _days(median: int | None, slow: int | None) -> str:
    return "—" if median is None else f"{median} / {slow}"


def _position_row(row: Position, table: list[Position]) -> dict[str, object]:
    most = max(max(each.share, each.expected_share) for each in table) or 1.0
    return {
        "position": row.position,
        "shown": f"{row.shown:,}",
        "chosen": f"{row.chosen:,}",
        "share": number_words(row.share),
        "expected": number_words(row.expected),
        "expected_share": number_words(row.expected_share),
        "difference": f"{row.share - row.expected_share:+.1f}",
        "width": f"{100 * row.share / most:.2f}",
        "mark": f"{100 * row.expected_share / most:.2f}",
    }
