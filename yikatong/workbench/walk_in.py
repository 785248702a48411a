"""Somebody comes to the counter without an application: found by document, applied for, and the card made at once.

The clerk types the number from the document before them; whoever is a minor comes with a guardian, whose document is typed too.
What follows on the card page and the chip page is the same as for every other card.
"""

from dataclasses import dataclass
from uuid import UUID, uuid4

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from yikatong.applications.rules import ADULT_AGE_YEARS
from yikatong.applications.services import SubmitApplication, submit
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.desks.rules import DeskReason
from yikatong.foundation.clock import age_years, beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.issuance.counter import can_be_made_at
from yikatong.issuance.models import Card
from yikatong.issuance.production import produce_card
from yikatong.issuance.selectors import cards_held, cards_of
from yikatong.issuance.stock import stock_at
from yikatong.registry.models import Person
from yikatong.registry.selectors import PersonView, clear_view, find_person_by_identity_number
from yikatong.workbench.bank import outlet_of
from yikatong.workbench.words import refusal_text


@dataclass(frozen=True, slots=True)
class _Presented:
    """Who stands at the counter. ``guardian`` acts for a minor."""

    person: Person
    guardian: Person | None


@require_http_methods(["GET", "POST"])
def walk_in(request: HttpRequest) -> HttpResponse:
    """Ask for the document, show who it is, apply and go on to the chip."""
    outlet = outlet_of(request)
    context: dict[str, object] = {"outlet": outlet, "stock": stock_at(outlet.outlet_id)}
    if request.method == "GET" or not outlet.issues_instantly:
        return render(request, "workbench/walk_in.html", context)
    context["identity_number"] = request.POST.get("identity_number", "").strip()
    context["guardian_number"] = request.POST.get("guardian_number", "").strip()
    try:
        presented = _presented(request)
        person = presented.person
        by = Actor("clerk", request.user.get_username())
        waiting = next((card for card in cards_of(person.person_id) if can_be_made_at(card, outlet)), None)
        if waiting is not None:
            return redirect("work:bank:chip", card_id=waiting.card_id)
        if request.POST.get("step") == "issue":
            card = _issue(request, presented, by)
            return redirect("work:bank:chip", card_id=card.card_id)
        record("person.shown", subject=f"person:{person.person_id}", by=by, at=utc_now(), person_id=person.person_id)
        return render(request, "workbench/walk_in.html", context | _shown(presented))
    except Refused as refused:
        context["error"] = refusal_text(refused.reason, str(refused))
        return render(request, "workbench/walk_in.html", context, status=422)


def _presented(request: HttpRequest) -> _Presented:
    """Raises ``Refused``."""
    person = find_person_by_identity_number(request.POST.get("identity_number", ""))
    if person is None:
        raise Refused(DeskReason.DOCUMENT_UNKNOWN, _("登记簿中没有这个证件号码，请核对后重新输入。"))
    number = request.POST.get("guardian_number", "").strip()
    guardian = find_person_by_identity_number(number) if number else None
    if number and guardian is None:
        raise Refused(DeskReason.DOCUMENT_UNKNOWN, _("登记簿中没有这个监护人证件号码，请核对后重新输入。"))
    if guardian is None and age_years(person.birth_date, beijing_day(utc_now())) < ADULT_AGE_YEARS:
        raise Refused(DeskReason.GUARDIAN_MISSING, _("持卡人未满十八周岁：请同时输入监护人的证件号码。"))
    return _Presented(person, guardian)


def _shown(presented: _Presented) -> dict[str, object]:
    holder: PersonView = clear_view(presented.person)
    return {
        "holder": holder,
        "guardian": clear_view(presented.guardian) if presented.guardian else None,
        "kind": "replacement" if cards_held(presented.person.person_id).lost_third_generation else "first",
        "application_id": uuid4(),
    }


def _issue(request: HttpRequest, presented: _Presented, by: Actor) -> Card:
    """Apply and make the register's card; pressing twice makes one. Raises ``Refused``."""
    outlet = outlet_of(request)
    try:
        application_id = UUID(request.POST.get("application_id", ""))
    except ValueError as error:
        raise Http404 from error
    at = utc_now()
    command = SubmitApplication(
        application_id=application_id,
        person_id=presented.person.person_id,
        acting_person_id=presented.guardian.person_id if presented.guardian else None,
        kind=request.POST.get("kind", ""),
        channel="outlet",
        bank_code=outlet.bank_id,
        collection="outlet",
        outlet_id=outlet.outlet_id,
    )
    submit(command, by=by, at=at)
    card = produce_card(presented.person.person_id, application_id, at=at)
    if card is None:
        raise Refused(DeskReason.WITHDRAWN, _("这份申请已经取消。"))
    return card
