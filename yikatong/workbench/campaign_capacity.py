"""Capacity changes: what departs from the rules for a time, recorded with a reason, withdrawn with a confirmation.

What a change means and which are refused: ``campaign.capacities``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from yikatong.audit.actors import Actor
from yikatong.banks.models import Outlet
from yikatong.campaign.capacities import VALUE_MAX, Kind, record_change, withdraw_change
from yikatong.campaign.models import CapacityChange
from yikatong.city.models import Division
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import YikatongError
from yikatong.workbench.campaign_asking import as_typed, day_of, number_fault, year_fault
from yikatong.workbench.campaign_figures import bank_names

OFFERED_MAX = 30
SHOWN_MAX = 200
REASON_MAX = 200
KINDS: Mapping[str, Promise] = {
    Kind.OUTLET_CLOSED: gettext_lazy("网点停办"),
    Kind.OUTLET_WINDOWS: gettext_lazy("网点每日办卡窗口数"),
    Kind.PRODUCTION_CARDS: gettext_lazy("银行每日制卡张数"),
    Kind.POST_CARDS: gettext_lazy("银行每日邮寄张数"),
    Kind.VISITS: gettext_lazy("街道每日上门人数"),
    Kind.BLANKS: gettext_lazy("空白卡到货张数"),
}
OF_OUTLETS = (Kind.OUTLET_CLOSED, Kind.OUTLET_WINDOWS)
FIELDS = ("kind", "of", "value", "effective_from", "effective_until", "reason", "q")


@dataclass(slots=True)
class _Typed:
    """The form as typed; ``faults`` by field."""

    values: dict[str, str]
    faults: dict[str, str] = field(default_factory=dict)
    error: str = ""


@require_http_methods(["GET", "POST"])
def changes(request: HttpRequest) -> HttpResponse:
    """The changes there are, and the form for another: first its kind, then of what, from when, why."""
    given = request.POST if request.method == "POST" else request.GET
    typed = _Typed({name: as_typed(given, name) for name in FIELDS})
    if request.method == "POST" and given.get("do") == "record" and _record(typed, request):
        return redirect("work:campaigns:capacity")
    is_faulty = bool(typed.faults or typed.error)
    return render(request, "workbench/campaign_capacity.html", _context(typed), status=422 if is_faulty else 200)


def _record(typed: _Typed, request: HttpRequest) -> bool:
    """Whether it is recorded."""
    values = typed.values
    first, last = day_of(values["effective_from"]), day_of(values["effective_until"])
    if first is None:
        typed.faults["effective_from"] = year_fault(values["effective_from"]) or _("请填写开始日期。")
    if values["effective_until"] and last is None:
        typed.faults["effective_until"] = year_fault(values["effective_until"]) or _("日期写法不对，例如 2026-12-31。")
    needs_value = values["kind"] != Kind.OUTLET_CLOSED
    most = VALUE_MAX.get(values["kind"], max(VALUE_MAX.values()))  # an unknown kind is refused as such
    if needs_value and (fault := number_fault(values["value"], 0, most, _("数值"))):
        typed.faults["value"] = fault
    if not values["of"]:
        typed.faults["of"] = _("请选择是哪一个。")
    if len(values["reason"]) > REASON_MAX:
        typed.faults["reason"] = _("原因最多 %(most)s 个字。") % {"most": REASON_MAX}
    if typed.faults or first is None:
        typed.error = _("还没有登记：请改正下面标出的各项。")
        return False
    try:
        record_change(
            values["kind"],
            values["of"],
            int(values["value"]) if needs_value else 0,
            first,
            last,
            values["reason"],
            by=Actor("staff", request.user.get_username()),
            at=utc_now(),
        )
    except YikatongError as refused:
        typed.error = str(refused)
        return False
    return True


@require_http_methods(["GET", "POST"])
def withdraw(request: HttpRequest, change_id: int) -> HttpResponse:
    """Ask whether it is to be withdrawn; withdraw it."""
    change = CapacityChange.objects.filter(change_id=change_id).first()
    if change is None:
        raise Http404
    if request.method == "POST":
        withdraw_change(change_id, by=Actor("staff", request.user.get_username()), at=utc_now())
        return redirect("work:campaigns:capacity")
    context = {"row": _rows([change], beijing_day(utc_now()))[0]}
    return render(request, "workbench/campaign_withdraw.html", context)


def _context(typed: _Typed) -> dict[str, object]:
    kind, query = typed.values["kind"], typed.values["q"]
    kind = kind if kind in KINDS else ""
    needs_search = kind in OF_OUTLETS or kind == Kind.VISITS
    found = CapacityChange.objects.order_by("-change_id")[:SHOWN_MAX]
    return {
        "rows": _rows(list(found), beijing_day(utc_now())),
        "typed": typed,
        "error": typed.error,
        "kinds": KINDS.items(),
        "kind": kind,
        "kind_words": KINDS.get(kind, ""),
        "needs_search": needs_search,
        "needs_value": kind != Kind.OUTLET_CLOSED,
        "has_end": kind != Kind.BLANKS,
        "offered": _offered(kind, query) if kind and (query or not needs_search) else [],
        "is_searched": bool(kind and needs_search and query),
    }


def _offered(kind: str, query: str) -> list[tuple[str, str]]:
    """What the change can be of: codes and names."""
    if kind in OF_OUTLETS:
        outlets = Outlet.objects.filter(name__icontains=query) | Outlet.objects.filter(outlet_id=query)
        return [(each.outlet_id, each.name) for each in outlets.order_by("name", "outlet_id")[:OFFERED_MAX]]
    if kind == Kind.VISITS:
        streets = Division.objects.filter(level="street", name__icontains=query).order_by("code")[:OFFERED_MAX]
        districts = dict(Division.objects.filter(level="district").values_list("code", "name"))
        return [(each.code, f"{districts.get(each.district_code, '')} {each.name}") for each in streets]
    return list(bank_names(get_language() or "").items())


def _rows(found: list[CapacityChange], today: date) -> list[dict[str, object]]:
    of = {change.of for change in found}
    names = dict(Outlet.objects.filter(outlet_id__in=of).values_list("outlet_id", "name"))
    names |= dict(Division.objects.filter(code__in=of).values_list("code", "name"))
    names |= {code: name for code, name in bank_names(get_language() or "").items() if code in of}
    return [
        {
            "change": change,
            "kind": KINDS.get(change.kind, change.kind),
            "name": names.get(change.of, change.of),
            "has_value": change.kind != Kind.OUTLET_CLOSED,
            "standing": _standing(change, today),
        }
        for change in found
    ]


def _standing(change: CapacityChange, today: date) -> str:
    if change.withdrawn_at is not None:
        return _("已撤回")
    if change.effective_from > today:
        return _("尚未生效")
    if change.effective_until is not None and change.effective_until < today:
        return _("已结束")
    return _("生效中")
