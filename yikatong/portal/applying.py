"""Applying, one thing per page: for whom, photograph, bank, collection, check, receipt.

Answers are kept sealed as a draft, so addresses carry nothing but the person's number, and whoever leaves can come back for
thirty days. The draft holds the application's id: a double click, a reload, the back button and a second tab submit once. The
pages of single steps are in ``apply_photo``, ``apply_bank``, ``apply_collection`` and ``apply_check``.
"""

from dataclasses import dataclass
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from yikatong.applications.drafts import Answers, Kept, draft_of, forget, keep
from yikatong.applications.models import Application
from yikatong.applications.receipts import receipt_number
from yikatong.applications.rules import OPEN_STATES, Reason
from yikatong.applications.selectors import application_of, applications_of
from yikatong.applications.services import cancel
from yikatong.banks.models import Bank, Outlet
from yikatong.campaign.appointments import kept_by
from yikatong.campaign.booking import give_back
from yikatong.delegation.rules import Act
from yikatong.foundation.errors import Refused
from yikatong.issuance.portraits import has_portrait
from yikatong.issuance.selectors import cards_held
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.words import HALF_WORDS, refusal_text
from yikatong.registry.models import Organisation, Person

STEPS = ("apply_photo", "apply_bank", "apply_collection", "apply_slot", "apply_check")
WITHDRAWABLE = {"submitted", "approved"}


@dataclass(frozen=True, slots=True)
class Applying:
    """An application on its way: for whom, by whom, and what was answered so far."""

    holder: Holder
    person: Person
    draft: Kept | None

    @property
    def answers(self) -> Answers:
        """Empty before the first is kept."""
        return self.draft.answers if self.draft is not None else Answers()

    @property
    def kind(self) -> str:
        """First card or replacement, as the register knows; nobody is asked."""
        return "replacement" if cards_held(self.person.person_id).lost_third_generation else "first"

    def keep(self, **answers: str) -> "Applying":
        """With these answers over the earlier ones."""
        kept = keep(self.person.person_id, self.holder.person.person_id, at=self.holder.at, **answers)
        return Applying(self.holder, self.person, kept)

    def next_step(self) -> str:
        """The name of the first page that still has something to ask, or of the check."""
        answers = self.answers
        if not has_portrait(self.person.person_id):
            return "apply_photo"
        if not answers.bank_code:
            return "apply_bank"
        if not is_collection_answered(answers):
            return "apply_collection"
        return "apply_slot" if answers.collection == "outlet" and not answers.slot else "apply_check"

    def address(self, step: str) -> str:
        """Of a step's page, for this person."""
        return f"{reverse(f'portal:{step}')}?for={self.person.person_id}"

    def context(self, step: str) -> dict[str, object]:
        """What every step's page shows."""
        return {
            "person": self.person,
            "name": self.holder.name_of(self.person).name,
            "is_self": self.person.person_id == self.holder.person.person_id,
            "answers": self.answers,
            "step": STEPS.index(step) + 1,
            "steps": len(STEPS),
            "is_change": self.next_step() == "apply_check",
            "check_address": self.address("apply_check"),
        }


def is_collection_answered(answers: Answers) -> bool:
    """Whether way and place of collection are known."""
    needed = {
        "outlet": answers.outlet_id,
        "post": answers.address,
        "visit": answers.address,
        "unit": answers.organisation_code,
    }
    return bool(needed.get(answers.collection))


def asked_for(request: HttpRequest, holder: Holder) -> Applying:
    """The person named in the address or form, whom the holder may apply for. Raises ``Http404``."""
    answers = request.POST if request.method == "POST" else request.GET
    person_id = answers.get("for", "")
    if not person_id.isdecimal():
        raise Http404
    person = holder.person_for(int(person_id), Act.APPLY)
    return Applying(holder, person, draft_of(person.person_id, holder.person.person_id, at=holder.at))


@require_http_methods(["GET", "POST"])
@holder_required
def start(request: HttpRequest, holder: Holder) -> HttpResponse:
    """For whom; then on where one left off, or anew. Skipped where there is nothing to ask."""
    people = holder.may_act_for(Act.APPLY)
    asked = request.POST if request.method == "POST" else request.GET
    if "for" not in asked and len(people) > 1:
        choices = [{"person": person, "name": holder.name_of(person).name} for person in people]
        return render(request, "portal/apply_person.html", {"choices": choices, "self_id": holder.person.person_id})
    if "for" in asked:
        applying = asked_for(request, holder)
    else:
        draft = draft_of(people[0].person_id, holder.person.person_id, at=holder.at)
        applying = Applying(holder, people[0], draft)
    person_id = applying.person.person_id
    if request.method == "POST" and request.POST.get("action") == "anew":
        forget(person_id, holder.person.person_id)
        applying = Applying(holder, applying.person, None)
    elif request.method == "GET":
        open_one = next((one for one in applications_of(person_id) if one.state in OPEN_STATES), None)
        if open_one is not None:
            return redirect("portal:apply_receipt", person_id=person_id, application_id=open_one.application_id)
        if cards_held(person_id).third_generation:
            context = applying.context("apply_photo") | {"says": refusal_text(Reason.CARD_ALREADY_HELD, "")}
            return render(request, "portal/apply_held.html", context)
        if applying.draft is not None:
            return render(request, "portal/apply_resume.html", applying.context("apply_photo") | _kept_so_far(applying))
    return redirect(applying.address(applying.next_step()))


def _kept_so_far(applying: Applying) -> dict[str, object]:
    answers = applying.answers
    return {
        "bank": Bank.objects.filter(code=answers.bank_code).first(),
        "outlet": Outlet.objects.filter(outlet_id=answers.outlet_id).first() if answers.outlet_id else None,
        "kept_at": applying.draft.updated_at if applying.draft else None,
    }


@require_http_methods(["GET", "POST"])
@holder_required
def receipt(request: HttpRequest, holder: Holder, person_id: int, application_id: UUID) -> HttpResponse:
    """What was applied for, when it will be ready; here it can also be withdrawn."""
    person = holder.person_for(person_id, Act.APPLY)
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
    context = _receipt_context(application, holder, person) | {"error": error}
    return render(request, "portal/apply_receipt.html", context, status=422 if error else 200)


def _receipt_context(application: Application, holder: Holder, person: Person) -> dict[str, object]:
    units = Organisation.objects.filter(credit_code=application.organisation_code)
    kept = kept_by(person.person_id) if application.collection == "outlet" else None
    return {
        "application": application,
        "number": receipt_number(application.application_id, application.submitted_at),
        "name": holder.name_of(person).name,
        "bank": Bank.objects.filter(code=application.bank_code).first(),
        "outlet": Outlet.objects.filter(outlet_id=application.outlet_id).first(),
        "unit": units.first() if application.collection == "unit" else None,
        "was_told": _was_told(application, holder),
        "kept": kept,
        "kept_half": HALF_WORDS[kept.half] if kept else "",
        "may_cancel": application.state in WITHDRAWABLE,
        "may_book": application.collection == "outlet" and application.state in OPEN_STATES,
    }


def _was_told(application: Application, holder: Holder) -> bool:
    """Whether the receipt went by SMS to whoever looks at it."""
    applicant = application.applicant_person_id or application.person_id
    has_phone = holder.person.phone_sealed is not None
    return application.channel == "web" and applicant == holder.person.person_id and has_phone
