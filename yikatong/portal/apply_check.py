"""Check the answers, change any of them, submit once."""

from uuid import UUID, uuid5

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from yikatong.applications.models import Application
from yikatong.applications.selectors import application_of
from yikatong.applications.services import SubmitApplication, submit
from yikatong.banks.models import Bank, Outlet
from yikatong.campaign.booking import book_for
from yikatong.foundation.errors import Refused
from yikatong.issuance.card_names import name_on_card
from yikatong.issuance.portraits import is_own_portrait
from yikatong.portal.apply_collection import place_chosen
from yikatong.portal.applying import Applying, asked_for
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.words import HALF_WORDS, refusal_text
from yikatong.registry.models import Organisation


@require_http_methods(["GET", "POST"])
@never_cache
@holder_required
def check(request: HttpRequest, holder: Holder) -> HttpResponse:
    """All answers with a link to change each; what was submitted already is shown instead."""
    applying = asked_for(request, holder)
    if request.method == "POST":
        known = application_of(applying.person.person_id, _number(request))
        if known is not None:
            return _to_receipt(known)
    missing = applying.next_step()
    if missing != "apply_check" or applying.draft is None:
        return redirect(applying.address(missing if missing != "apply_check" else "apply"))
    error = ""
    if request.method == "POST":
        if request.POST.get("digest") != applying.draft.digest or _number(request) != applying.draft.application_id:
            error = _("申请内容在另一个窗口里改过了。下面是现在的内容，请再核对一次。")
        else:
            try:
                application = submit(_command(applying), by=holder.actor, at=holder.at)
            except Refused as refused:
                error = refusal_text(refused.reason, str(refused))
            else:
                _book(request, applying, application)
                return _to_receipt(application)
    context = applying.context("apply_check") | _shown(applying) | {"error": error}
    return render(request, "portal/apply_check.html", context, status=422 if error else 200)


def _number(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("application_id", ""))
    except ValueError as error:
        raise Http404 from error


def _to_receipt(application: Application) -> HttpResponse:
    return redirect("portal:apply_receipt", person_id=application.person_id, application_id=application.application_id)


def _command(applying: Applying) -> SubmitApplication:
    assert applying.draft is not None, "checked by the caller"
    answers = applying.answers
    return SubmitApplication(
        application_id=applying.draft.application_id,
        person_id=applying.person.person_id,
        acting_person_id=applying.holder.person.person_id,
        kind=applying.kind,
        channel="web",
        bank_code=answers.bank_code,
        collection=answers.collection,
        organisation_code=answers.organisation_code,
        outlet_id=answers.outlet_id,
        address=answers.address,
    )


def _book(request: HttpRequest, applying: Applying, application: Application) -> None:
    """The half-day that was chosen, once however often this runs; the application stands whether or not it had room."""
    place = place_chosen(applying.answers.slot, application.outlet_id)
    if place is None:
        return
    number = uuid5(application.application_id, "appointment")
    holder = applying.holder
    try:
        book_for(application.person_id, place, appointment_id=number, by=holder.actor, at=holder.at)
    except Refused:
        messages.warning(request, _("申请已提交，但所选的领卡时间刚刚约满，请另选时间。"))


def _shown(applying: Applying) -> dict[str, object]:
    answers = applying.answers
    place = place_chosen(answers.slot, answers.outlet_id)
    assert applying.draft is not None, "checked by the caller"
    return {
        "application_id": applying.draft.application_id,
        "digest": applying.draft.digest,
        "kind": applying.kind,
        "bank": Bank.objects.filter(code=answers.bank_code).first(),
        "outlet": Outlet.objects.filter(outlet_id=answers.outlet_id).first() if answers.outlet_id else None,
        "unit": Organisation.objects.filter(credit_code=answers.organisation_code).first(),
        "place": place,
        "half": HALF_WORDS[place.half] if place else "",
        "has_own_photo": is_own_portrait(applying.person.person_id),
        "on_card": name_on_card(applying.holder.name_of(applying.person).name),
    }
