"""What anybody may see of the banks' fair participation: the order of the list day by day, and the figures month by month."""

from datetime import date, timedelta

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from yikatong.banks.selectors import publication_of, seed_notices
from yikatong.banks.services import COMMITTED_DAYS_AHEAD
from yikatong.city.models import Division
from yikatong.exports.files import MEDIA_TYPES, Row, csv_pieces
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.supervision.publication import (
    Count,
    Part,
    PublicBank,
    PublicReport,
    parts_of,
    public_report,
    published_months,
)
from yikatong.supervision.suppression import Hidden
from yikatong.supervision.words import (
    CATEGORIES,
    CHANNELS,
    concentration_words,
    count_words,
    number_words,
    position_words,
    scale_words,
)

DAYS_BACK = 30
CSV_COLUMNS = (
    *("month", "part", "bank_code", "bank_name", "shown", "mean_position", "chosen", "chosen_percent", "capacity"),
    *("completed", "days_to_made_median", "days_to_made_p90", "complaints"),
)


@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """The digests of the coming days, and of the last month with their seeds; newest first."""
    since = beijing_day(utc_now()) - timedelta(days=DAYS_BACK)
    found = seed_notices(since, days=DAYS_BACK + 1 + COMMITTED_DAYS_AHEAD)
    return render(request, "portal/fairness.html", {"notices": found[::-1]})


@require_safe
@cache_control(public=True, max_age=24 * 3600)
def record(request: HttpRequest, day: str) -> HttpResponse:
    """A past day's record, for ``yikatong fairness verify --file``: seed, banks and every order under pseudonyms."""
    try:
        publication = publication_of(date.fromisoformat(day))
    except (ValueError, Refused) as error:
        raise Http404 from error
    answer = JsonResponse(publication, json_dumps_params={"ensure_ascii": False, "indent": 1})
    answer["Content-Disposition"] = f'attachment; filename="bank-order-{publication["day"]}.json"'
    return answer


@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """A month's figures by bank, of the whole city or of one district, group or channel; small counts hidden."""
    months = published_months(beijing_day(utc_now()))
    if not months:
        return render(request, "portal/fairness_figures.html", {"months": []})
    report = _asked_report(request, months)
    names = dict(Division.objects.filter(level="district").values_list("code", "name"))
    most = max([report.expected_share or 0.0, *(row.share or 0.0 for row in report.positions)])
    widest = max((bank.share or 0.0 for bank in report.banks), default=0.0)
    context = {
        "months": [(f"{month:%Y-%m}", month == report.first) for month in months],
        "part": str(report.part),
        "parts": _part_choices(report.first, names),
        "part_name": _part_name(report.part, names),
        "query": f"month={report.first:%Y-%m}&part={report.part}",
        "report": report,
        "banks": [_shown_bank(bank, widest) for bank in report.banks],
        "chosen_total": count_words(report.totals["chosen"]),
        "completed_total": count_words(report.totals["completed"]),
        "concentration": concentration_words(report.concentration, is_exact=report.is_concentration_exact),
        "scale": scale_words(),
        "test": position_words(report.test, is_exact=report.is_test_exact),
        "positions": [
            (row.position, count_words(row.chosen), number_words(row.share), _width(row.share, most))
            for row in report.positions
        ],
        "expected_share": number_words(report.expected_share, 2),
        "expected_width": _width(report.expected_share, most),
    }
    return render(request, "portal/fairness_figures.html", context)


def _asked_report(request: HttpRequest, months: list[date]) -> PublicReport:
    """The month and part of the address. Raises ``Http404`` for what is not published."""
    by_name = {f"{month:%Y-%m}": month for month in months}
    month = by_name.get(request.GET.get("month") or next(iter(by_name)))
    part = Part.parse(request.GET.get("part", ""))
    if month is None or part is None or (part.dimension and part not in parts_of(month)):
        raise Http404
    return public_report(month, part)


def _part_choices(month: date, districts: dict[str, str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Districts, groups and channels for a select, each under its heading."""
    headings = {"district": _("按区"), "category": _("按参保类别"), "channel": _("按渠道")}
    found = parts_of(month)
    return [
        (heading, [(str(part), _part_name(part, districts)) for part in found if part.dimension == name])
        for name, heading in headings.items()
    ]


def _part_name(part: Part, districts: dict[str, str]) -> str:
    if not part.dimension:
        return _("全市")
    if part.dimension == "district":
        return districts.get(part.value, part.value)
    return str((CATEGORIES if part.dimension == "category" else CHANNELS).get(part.value, part.value))


def _shown_bank(bank: PublicBank, most: float) -> dict[str, object]:
    """A row as text, with the width of its bar in hundredths of ``most``."""
    is_english = (get_language() or "").startswith("en")
    return {
        "code": bank.code,
        "name": bank.name_en if is_english else bank.name_zh,
        "is_assumption": bank.is_assumption,
        "shown": count_words(bank.shown),
        "mean_position": number_words(bank.mean_position),
        "chosen": count_words(bank.chosen),
        "share": number_words(bank.share),
        "has_share": bank.share is not None,
        "width": _width(bank.share, most),
        "capacity": count_words(bank.capacity) if bank.capacity is not None else "",
        "completed": count_words(bank.completed),
        "made_median": bank.made_median,
        "made_slow": bank.made_slow,
        "complaints": count_words(bank.complaints) if bank.complaints is not None else "",
    }


def _width(share: float | None, most: float) -> str:
    return f"{100 * (share or 0.0) / most if most else 0.0:.2f}"


@require_safe
def figures_csv(request: HttpRequest) -> HttpResponse:
    """The same as a table for spreadsheets: machine names as headings, hidden counts as words."""
    months = published_months(beijing_day(utc_now()))
    if not months:
        raise Http404
    report = _asked_report(request, months)
    rows: list[Row] = [CSV_COLUMNS]
    for bank in report.banks:
        named = [f"{report.first:%Y-%m}", str(report.part), bank.code, bank.name_zh]
        listed = [_csv(bank.shown), _csv(bank.mean_position), _csv(bank.chosen), _csv(bank.share), _csv(bank.capacity)]
        done = [_csv(bank.completed), _csv(bank.made_median), _csv(bank.made_slow), _csv(bank.complaints)]
        rows.append([*named, *listed, *done])
    name = "-".join(filter(None, ["bank-figures", f"{report.first:%Y-%m}", str(report.part).replace(":", "-")]))
    return HttpResponse(
        b"".join(csv_pieces(rows)),
        content_type=MEDIA_TYPES["csv"],
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def _csv(value: Count | float | None) -> str:
    """A cell: nothing where there is nothing, words where a count is hidden, digits without grouping."""
    if value is None:
        return ""
    if isinstance(value, Hidden):
        return count_words(value)
    return f"{value:.2f}" if isinstance(value, float) else str(value)
