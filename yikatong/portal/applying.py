"""Applying, one thing per page. Every step carries the answers so far in its address; nothing is kept but the submission.

The application's id is made when the check page is opened and sent with the form, so that a double click, a reload or a
lost reply applies once.
"""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.applications.rules import OPEN_STATES
from yikatong.applications.selectors import application_of, eligible_banks
from yikatong.applications.services import SubmitApplication, cancel, submit
from yikatong.banks.models import Bank, Outlet
from yikatong.banks.services import draw_bank_order
from yikatong.campaign.booking import give_back
from yikatong.city.models import Division
from yikatong.foundation.errors import Refused
from yikatong.issuance.selectors import cards_held
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.unit_collection import collecting_unit, collecting_units
from yikatong.portal.words import refusal_text
from yikatong.registry.models import Organisation, Person
from yikatong.supervision.offers import record_offer

OUTLETS_SHOWN_MAX = 400
DISTRICT_NOT_KNOWN = "none"  # most real branches of our source come without an address
ADDRESS_LENGTH_MAX = 120


def _asked_for(request: HttpRequest, holder: Holder) -> Person:
    answers = request.POST if request.method == "POST" else request.GET
    person_id = answers.get("for", "")
    if not person_id.isdecimal():
        raise Http404
    return holder.person_for(int(person_id))


def _step(name: str, **answers: Any) -> str:
    return f"{reverse(name)}?{urlencode({key: value for key, value in answers.items() if value})}"


@require_safe
@holder_required
def choose_person(request: HttpRequest, holder: Holder) -> HttpResponse:
    """For whom: oneself or a child. Skipped when there is nobody else."""
    people = holder.may_act_for()
    if len(people) == 1:
        return redirect(_step("portal:apply_bank", **{"for": people[0].person_id}))
    choices = [{"person": person, "name": holder.name_of(person).name} for person in people]
    return render(request, "portal/apply_person.html", {"choices": choices, "self_id": holder.person.person_id})


@require_safe
@holder_required
def choose_bank(request: HttpRequest, holder: Holder) -> HttpResponse:
    """The banks this person may choose, in the order drawn for them today, none chosen beforehand."""
    person = _asked_for(request, holder)
    drawn = draw_bank_order(person.person_id, day=holder.today, at=holder.at)
    allowed = set(eligible_banks(person, acting_person_id=holder.person.person_id, on=holder.today))
    by_code = {bank.code: bank for bank in Bank.objects.all()}
    banks = [by_code[code] for code in drawn if code in allowed]
    record_offer(person.person_id, [bank.code for bank in banks], at=holder.at)
    context = {"person": person, "banks": banks, "is_limited": len(allowed) < len(by_code), "day": holder.today}
    return render(request, "portal/apply_bank.html", context)


@require_safe
@holder_required
def choose_collection(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Where to collect: through the unit where it collects, at an outlet of the bank by district, or by post."""
    person = _asked_for(request, holder)
    bank = Bank.objects.filter(code=request.GET.get("bank", "")).first()
    if bank is None:
        return redirect(_step("portal:apply_bank", **{"for": person.person_id, "error": "1"}))
    districts = list(Division.objects.filter(level="district").order_by("code"))
    district = request.GET.get("district") or person.community_code[:6]
    in_district = "" if district == DISTRICT_NOT_KNOWN else district
    outlets = Outlet.objects.filter(bank=bank, district_code=in_district).order_by("is_synthetic", "outlet_id")
    context = {
        "person": person,
        "bank": bank,
        "districts": districts,
        "district": district,
        "district_not_known": DISTRICT_NOT_KNOWN,
        "outlets": outlets[:OUTLETS_SHOWN_MAX],
        "units": collecting_units(person, bank.code, holder.today),
        "error": request.GET.get("error", ""),
    }
    return render(request, "portal/apply_collection.html", context)


@require_http_methods(["GET", "POST"])
@holder_required
def check(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Check the answers, then submit."""
    person = _asked_for(request, holder)
    answers = request.POST if request.method == "POST" else request.GET
    bank = Bank.objects.filter(code=answers.get("bank", "")).first()
    if bank is None:
        return redirect(_step("portal:apply_bank", **{"for": person.person_id}))
    by_post = answers.get("collection") == "post"
    unit = None
    if answers.get("collection") == "unit":
        unit = collecting_unit(person, bank.code, answers.get("unit", ""), holder.today)
    at_outlet = not by_post and unit is None
    outlet = Outlet.objects.filter(outlet_id=answers.get("outlet", ""), bank=bank).first() if at_outlet else None
    address = answers.get("address", "").strip()[:ADDRESS_LENGTH_MAX]
    if (by_post and not address) or (at_outlet and outlet is None):
        problem = "address" if by_post else "outlet"
        return redirect(
            _step("portal:apply_collection", **{"for": person.person_id, "bank": bank.code, "error": problem})
        )
    context: dict[str, object] = {
        "person": person,
        "name": holder.name_of(person).name,
        "bank": bank,
        "outlet": outlet,
        "unit": unit,
        "address": address if by_post else "",
        "kind": "replacement" if cards_held(person.person_id).lost_third_generation else "first",
        "application_id": uuid4(),
    }
    if request.method == "POST":
        try:
            application_id = UUID(request.POST.get("application_id", ""))
        except ValueError as error:
            raise Http404 from error
        command = SubmitApplication(
            application_id=application_id,
            person_id=person.person_id,
            acting_person_id=holder.person.person_id,
            kind=str(context["kind"])
            if not application_of(person.person_id, application_id)
            else request.POST.get("kind", ""),
            channel="web",
            bank_code=bank.code,
            collection="post" if by_post else "unit" if unit else "outlet",
            organisation_code=unit.credit_code if unit else "",
            outlet_id=outlet.outlet_id if outlet else "",
            address=address if by_post else "",
        )
        try:
            submit(command, by=holder.actor, at=holder.at)
        except Refused as refused:
            context["error"] = refusal_text(refused.reason, str(refused))
            return render(request, "portal/apply_check.html", context, status=422)
        return redirect("portal:apply_receipt", person_id=person.person_id, application_id=application_id)
    return render(request, "portal/apply_check.html", context)


@require_http_methods(["GET", "POST"])
@holder_required
def receipt(request: HttpRequest, holder: Holder, person_id: int, application_id: UUID) -> HttpResponse:
    """What was applied for, when it will be ready; here it can also be withdrawn."""
    person = holder.person_for(person_id)
    application = application_of(person.person_id, application_id)
    if application is None:
        raise Http404
    error = ""
    if request.method == "POST":
        try:
            application = cancel(
                person.person_id,
                application_id,
                by=holder.actor,
                at=holder.at,
                acting_person_id=holder.person.person_id,
            )
            give_back(person.person_id, by=holder.actor, at=holder.at)
        except Refused as refused:
            error = refusal_text(refused.reason, str(refused))
    context = {
        "application": application,
        "name": holder.name_of(person).name,
        "bank": Bank.objects.filter(code=application.bank_code).first(),
        "outlet": Outlet.objects.filter(outlet_id=application.outlet_id).first(),
        "unit": Organisation.objects.filter(credit_code=application.organisation_code).first()
        if application.collection == "unit"
        else None,
        "may_cancel": application.state in {"submitted", "approved"},
        "may_book": application.collection == "outlet" and application.state in OPEN_STATES,
        "error": error,
    }
    return render(request, "portal/apply_receipt.html", context, status=422 if error else 200)
