"""A plan as files: CSV for programs, one workbook for people. Written by the worker; no personal data, a person is a number."""

from collections.abc import Iterator
from datetime import datetime

from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from yikatong.accounts.models import Role
from yikatong.banks.models import Bank, Outlet
from yikatong.campaign.models import BankWeek, Campaign, PlaceWeek, Slot, StreetFigures
from yikatong.city.models import Division
from yikatong.exports.files import Row
from yikatong.exports.kinds import ExportKind, Parameters, Table
from yikatong.workbench.campaign_plan import with_figures_or_404
from yikatong.workbench.campaign_words import WAYS, WITH_FIGURES, refusal_words
from yikatong.workbench.staff import ask_for_export

READ_AT_ONCE = 5_000


@require_POST
def export(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Ask for the file that the button names."""
    plan = with_figures_or_404(campaign_id)
    kind = f"campaign.{request.POST.get('what', '')}"
    if kind not in {each.name for each in PLAN_EXPORTS}:
        raise Http404
    assert plan.planned_at is not None
    parameters = {"campaign_id": campaign_id, "planned_at": plan.planned_at.isoformat()}
    return ask_for_export(request, kind, parameters, otherwise=reverse("work:campaigns:detail", args=[campaign_id]))


def _is_current(parameters: Parameters) -> bool:
    """Whether the plan is neither thrown away nor planned anew."""
    found = Campaign.objects.filter(campaign_id=parameters["campaign_id"], state__in=WITH_FIGURES)
    return found.filter(planned_at=datetime.fromisoformat(parameters["planned_at"])).exists()


def _load(parameters: Parameters) -> Iterator[Row]:
    outlets = dict(Outlet.objects.values_list("outlet_id", "name"))
    banks, districts = _banks(), _districts()
    found = _place_weeks(parameters).order_by("bank_code", "place", "week_starts_on")
    for each in found.iterator(chunk_size=READ_AT_ONCE):
        waits = (each.wait_p50_min, each.wait_p95_min)
        yield (
            *(each.week_starts_on, each.bank_code, banks.get(each.bank_code, ""), str(WAYS.get(each.way, each.way))),
            *(each.place, outlets.get(each.place, ""), districts.get(each.district_code, ""), each.capacity),
            *(each.planned, *(None if wait is None else round(wait, 1) for wait in waits)),
        )


def _bank_weeks(parameters: Parameters) -> Iterator[Row]:
    banks = _banks()
    found = BankWeek.objects.filter(campaign_id=parameters["campaign_id"])
    for each in found.order_by("bank_code", "week_starts_on"):
        name = banks.get(each.bank_code, "")
        yield each.week_starts_on, each.bank_code, name, each.production, each.planned, each.units, each.expected


def _streets(parameters: Parameters) -> Iterator[Row]:
    names, districts = dict(Division.objects.filter(level="street").values_list("code", "name")), _districts()
    for each in StreetFigures.objects.filter(campaign_id=parameters["campaign_id"]).order_by("street_code"):
        placed = each.people - each.left_out
        yield (
            *(districts.get(each.district_code, ""), each.street_code, names.get(each.street_code, "")),
            *(each.people, each.left_out, round(each.waited_weeks / placed, 2) if placed > 0 else None),
            round(each.distance_m / each.to_outlets) if each.to_outlets else None,
        )


def _left_out(parameters: Parameters) -> Iterator[Row]:
    found = Slot.objects.filter(
        campaign_id=parameters["campaign_id"], outlet_id="", week_starts_on=None
    )  # by its index
    for each in found.order_by("refusal", "person_id").iterator(chunk_size=READ_AT_ONCE):
        way = str(WAYS.get(each.way, each.way))
        yield refusal_words(each.refusal), each.person_id, each.bank_code, way, each.organisation_code


def _place_weeks(parameters: Parameters) -> "models.QuerySet[PlaceWeek]":
    return PlaceWeek.objects.filter(campaign_id=parameters["campaign_id"]).exclude(planned=0, capacity=0)


def _expected_left_out(parameters: Parameters) -> int:
    """As planning counted them: whoever found no room, and whoever was not planned for."""
    columns = ("left_out", "unknown_community", "not_open", "without_guardian")
    counts = Campaign.objects.filter(campaign_id=parameters["campaign_id"]).values_list(*columns).first()
    return sum(counts or ())


def _banks() -> dict[str, str]:
    return dict(Bank.objects.values_list("code", "name_zh"))


def _districts() -> dict[str, str]:
    return dict(Division.objects.filter(level="district").values_list("code", "name"))


def _kind(what: str, *tables: Table, workbook_title: Promise | None = None) -> ExportKind:
    return ExportKind(
        f"campaign.{what}",
        frozenset({Role.CARD_CENTRE.value}),
        tables,
        workbook_title,
        file_stem=lambda parameters: f"campaign-{parameters['campaign_id']}-{what}",
        is_current=_is_current,
    )


_LOAD = Table(
    _("网点负荷"),
    (
        *(_("周（起始日）"), _("银行代码"), _("银行"), _("方式"), _("领卡点代码"), _("网点"), _("区")),
        *(_("可接待人数"), _("计划人数"), _("排队中位数（分钟）"), _("排队 p95（分钟）")),
    ),
    _load,
    lambda parameters: _place_weeks(parameters).count(),
)
_BANKS = Table(
    _("银行周产量"),
    (_("周（起始日）"), _("银行代码"), _("银行"), _("制卡能力"), _("计划张数"), _("其中单位代领"), _("预测到场")),
    _bank_weeks,
    lambda parameters: BankWeek.objects.filter(campaign_id=parameters["campaign_id"]).count(),
)
_STREETS = Table(
    _("街道"),
    (_("区"), _("街道代码"), _("街道"), _("人数"), _("未排上"), _("平均等待（周）"), _("平均距离（米）")),
    _streets,
    lambda parameters: StreetFigures.objects.filter(campaign_id=parameters["campaign_id"]).count(),
)
_LEFT_OUT = Table(
    _("未排上"),
    (_("原因"), _("人员编号"), _("银行代码"), _("方式"), _("单位代码")),
    _left_out,
    _expected_left_out,
)
PLAN_EXPORTS = (
    _kind("plan", _LOAD, _BANKS, _STREETS, _LEFT_OUT, workbook_title=_("换发计划")),
    _kind("load", _LOAD),
    _kind("banks", _BANKS),
    _kind("streets", _STREETS),
    _kind("left-out", _LEFT_OUT),
)
