"""How and where the card is collected: at an outlet, with a half-day; by post; at home by a helper; through the unit."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from yikatong.applications import rules
from yikatong.banks.models import Bank, Outlet
from yikatong.campaign.appointments import Place
from yikatong.campaign.booking import Bookable, OfferedDay, offered
from yikatong.city.models import Division
from yikatong.city.rules import rules_at
from yikatong.foundation.clock import age_years, beijing_day
from yikatong.portal.applying import Applying, asked_for
from yikatong.portal.appointments import place_of
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.unit_collection import collecting_unit, collecting_units
from yikatong.portal.words import HALF_WORDS

OUTLETS_SHOWN_MAX = 400
DISTRICT_NOT_KNOWN = "none"  # most real branches of our source come without an address
ADDRESS_LENGTH_MAX = 120
LATER = "later"


@require_http_methods(["GET", "POST"])
@holder_required
def collection(request: HttpRequest, holder: Holder) -> HttpResponse:
    """One of up to four ways, with what it needs."""
    applying = asked_for(request, holder)
    bank = Bank.objects.filter(code=applying.answers.bank_code).first()
    if bank is None:
        return redirect(applying.address("apply_bank"))
    problems: list[tuple[str, str]] = []
    if request.method == "POST" and request.POST.get("action") != "district":
        kept, problems = _answered(request, applying, bank)
        if kept is not None:
            return redirect(kept.address(kept.next_step()))
    context = applying.context("apply_collection") | _shown(request, applying, bank) | {"problems": problems}
    return render(request, "portal/apply_collection.html", context, status=422 if problems else 200)


def _answered(request: HttpRequest, applying: Applying, bank: Bank) -> tuple[Applying | None, list[tuple[str, str]]]:
    """What was kept, or what is missing as field and text."""
    way = request.POST.get("collection", "")
    address = request.POST.get("address", "").strip()[:ADDRESS_LENGTH_MAX]
    kept = {"collection": way, "outlet_id": "", "slot": "", "address": "", "organisation_code": ""}
    problem = ("way-outlet", _("请选择领卡方式。"))
    if way == "unit":
        unit = collecting_unit(applying.person, bank.code, request.POST.get("unit", ""), applying.holder.today)
        kept["organisation_code"] = unit.credit_code if unit is not None else ""
        problem = ("way-outlet", _("所选单位不能代领，请选择其他方式。"))
    elif way in {"post", "visit"} and not _is_minor(applying):
        kept["address"] = address
        problem = ("address", _("请填写地址。"))
    elif way == "outlet":
        outlet = Outlet.objects.filter(outlet_id=request.POST.get("outlet", ""), bank=bank).first()
        kept["outlet_id"] = outlet.outlet_id if outlet is not None else ""
        is_same = kept["outlet_id"] == applying.answers.outlet_id
        kept["slot"] = applying.answers.slot if is_same else ""
        problem = ("district", _("请选择领卡网点。"))
    if kept["outlet_id"] or kept["address"] or kept["organisation_code"]:
        return applying.keep(**kept), []
    return None, [problem]


def _shown(request: HttpRequest, applying: Applying, bank: Bank) -> dict[str, object]:
    asked = request.POST if request.method == "POST" else request.GET
    chosen = Outlet.objects.filter(outlet_id=applying.answers.outlet_id, bank=bank).first()
    home = (chosen.district_code or DISTRICT_NOT_KNOWN) if chosen else applying.person.community_code[:6]
    district = asked.get("district") or home
    in_district = "" if district == DISTRICT_NOT_KNOWN else district
    outlets = Outlet.objects.filter(bank=bank, district_code=in_district).order_by("is_synthetic", "outlet_id")
    return {
        "bank": bank,
        "way": asked.get("collection") or applying.answers.collection,
        "address": asked.get("address") or applying.answers.address,
        "outlet_id": asked.get("outlet") or applying.answers.outlet_id,
        "districts": list(Division.objects.filter(level="district").order_by("code")),
        "district": district,
        "district_not_known": DISTRICT_NOT_KNOWN,
        "outlets": outlets[:OUTLETS_SHOWN_MAX],
        "units": collecting_units(applying.person, bank.code, applying.holder.today),
        "is_minor": _is_minor(applying),
        "needs_visit": applying.person.needs_home_visit,
    }


def _is_minor(applying: Applying) -> bool:
    return age_years(applying.person.birth_date, applying.holder.today) < rules.ADULT_AGE_YEARS


@require_http_methods(["GET", "POST"])
@holder_required
def slot(request: HttpRequest, holder: Holder) -> HttpResponse:
    """A half-day from the day by which the card is promised, or later."""
    applying = asked_for(request, holder)
    outlet = Outlet.objects.filter(outlet_id=applying.answers.outlet_id).first()
    if applying.answers.collection != "outlet" or outlet is None:
        return redirect(applying.address(applying.next_step()))
    bookable = _bookable(applying, outlet.outlet_id, holder.at)
    days = offered(bookable, person_id=applying.person.person_id, at=holder.at)
    if request.method == "POST":
        chosen = request.POST.get("slot", "")
        if chosen == LATER or _is_offered(chosen, days):
            applying = applying.keep(slot=chosen)
            return redirect(applying.address(applying.next_step()))
    elif not days:  # nothing to choose from: not a question
        applying = applying.keep(slot=LATER)
        return redirect(applying.address(applying.next_step()))
    context = applying.context("apply_slot") | {
        "outlet": outlet,
        "first_day": bookable.first_day,
        "days": [
            {"day": one.day, "halves": [(half, HALF_WORDS[half.place.half]) for half in one.halves]} for one in days
        ],
        "problem": _("请选择一个时间，或选择以后再约。") if request.method == "POST" else "",
    }
    return render(request, "portal/apply_slot.html", context, status=422 if request.method == "POST" else 200)


def _bookable(applying: Applying, outlet_id: str, at: datetime) -> Bookable:
    today = beijing_day(at)
    return Bookable(outlet_id, rules.promised_by(applying.kind, today, rules_at(today)), is_ready=False)


def _is_offered(chosen: str, days: list[OfferedDay]) -> bool:
    return any(chosen == f"{half.place.day}/{half.place.half}" for one in days for half in one.halves if half.free)


def place_chosen(answers_slot: str, outlet_id: str) -> Place | None:
    """The half-day of a kept answer; ``None`` for later."""
    return None if answers_slot in {"", LATER} else place_of(outlet_id, answers_slot)
