"""The card centre's view of outreach: today's visits by street, helpers with their devices, cases to decide."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.outreach import devices, planning, uploads
from yikatong.outreach.models import HomeApplication
from yikatong.outreach.selectors import helpers_with_devices, open_cases, streets_on
from yikatong.registry.models import Person
from yikatong.registry.selectors import find_person_by_identity_number, masked_view
from yikatong.workbench.outreach_words import CASE_STATES, our_side, their_side, words_for


@require_http_methods(["GET", "POST"])
def overview(request: HttpRequest) -> HttpResponse:
    """Today; POST reports a device lost."""
    at, error = utc_now(), ""
    if request.method == "POST":
        try:
            device_id = UUID(request.POST.get("device_id", ""))
            devices.report_lost(device_id, by=_actor(request), at=at)
            return redirect("work:staff:outreach")
        except ValueError as bad:
            raise Http404 from bad
        except Refused as refused:
            error = words_for(refused.reason, str(refused))
    return _page(request, error)


@require_http_methods(["POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Somebody asks for a visit, for example by telephone: found by identity number, put on their street's list."""
    person = find_person_by_identity_number(request.POST.get("identity_number", ""))
    if person is None:
        return _page(request, _("登记簿中没有这个证件号码，请核对。"))
    visit = planning.ask_for_visit(person.person_id, by=_actor(request), at=utc_now())
    return redirect(f"{request.path.removesuffix('ask/')}?asked={visit.street_code}")


@require_http_methods(["GET", "POST"])
def case(request: HttpRequest, person_id: int, application_id: UUID) -> HttpResponse:
    """One case with both sides; apply as asked for at home after all, or leave things as they are."""
    found = HomeApplication.objects.filter(person_id=person_id, application_id=application_id).first()
    if found is None:
        raise Http404
    error = ""
    if request.method == "POST":
        try:
            is_applied = request.POST.get("action") == "apply"
            uploads.settle(person_id, application_id, apply=is_applied, by=_actor(request), at=utc_now())
            return redirect("work:staff:outreach")
        except Refused as refused:
            error = words_for(refused.reason, str(refused))
    person = Person.objects.filter(person_id=person_id).first()
    context = {
        "case": found,
        "holder": masked_view(person) if person else None,
        "why": words_for(found.reason),
        "state": CASE_STATES[found.state],
        "ours": our_side(found),
        "theirs": their_side(found),
        "notes": uploads.wished(found).notes,
        "error": error,
    }
    return render(request, "workbench/outreach_case.html", context, status=422 if error else 200)


def _page(request: HttpRequest, error: str) -> HttpResponse:
    day = beijing_day(utc_now())
    context = {
        "day": day,
        "streets": streets_on(day),
        "helpers": helpers_with_devices(),
        "cases": [(each, words_for(each.reason), CASE_STATES[each.state]) for each in open_cases()],
        "is_asked": bool(request.GET.get("asked")),
        "error": error,
    }
    return render(request, "workbench/outreach_staff.html", context, status=422 if error else 200)


def _actor(request: HttpRequest) -> Actor:
    return Actor("staff", request.user.get_username())
