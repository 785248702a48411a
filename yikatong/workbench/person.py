"""One person as the card centre sees them: masked, with everything that happened; in clear, piece by piece, for a reason."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.accounts.looking import REASONS
from yikatong.accounts.models import SentMessage
from yikatong.applications.models import Application, ApplicationState
from yikatong.applications.selectors import applications_of
from yikatong.approvals.models import ApprovalRequest, RequestState
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.audit.services import record
from yikatong.banks.models import Outlet
from yikatong.campaign.models import Appointment
from yikatong.cases.models import UNDONE, Case
from yikatong.city.models import Division
from yikatong.foundation.clock import utc_now
from yikatong.issuance.models import Card, CardState, SocialState
from yikatong.issuance.selectors import cards_of, timeline
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.selectors import clear_view, find_person, guardians_of, masked_view, wards_of
from yikatong.supervision.models import Complaint
from yikatong.workbench import revealing
from yikatong.workbench.paging import page_of
from yikatong.workbench.words import ACTIONS, APPOINTMENT_STATES, AUDIT_ACTIONS, HALVES

SHOWN = 10
_LOOKS = ("person.viewed", "person.revealed", "register.revealed")
_SEEN_AGAIN_AFTER = timedelta(minutes=10)
_CANCELLABLE = (ApplicationState.SUBMITTED, ApplicationState.APPROVED)


@dataclass(frozen=True, slots=True)
class Doing:
    """Something staff may do for a person now: its name, what it is done to, and whether it needs a second person."""

    name: str
    ref: str
    label: str
    takes_two: bool = False


@require_http_methods(["GET", "POST"])
def person(request: HttpRequest, person_id: int) -> HttpResponse:
    """The page of one person."""
    found = person_or_404(person_id)
    at = utc_now()
    errors: dict[str, object] = {}
    if request.method == "POST":
        if request.POST.get("action") == "hide":
            revealing.hide(request, person_id)
            return redirect("work:staff:person", person_id=person_id)
        asked = revealing.asked_in(request)
        errors = dict(asked.errors)
        if not errors:
            if revealing.reveal(request, person_id, asked, at=at):
                return redirect("work:staff:person", person_id=person_id)
            errors = {"reason-holder_present": _("一小时内查看的次数太多，请稍后再试。")}
    else:
        _note_view(request, person_id, at)
    context = _shown(request, found, at) | {"errors": errors, "typed": request.POST}
    return render(request, "workbench/person.html", context, status=422 if errors else 200)


@require_safe
def history(request: HttpRequest, person_id: int) -> HttpResponse:
    """Everything that was recorded of a person, newest first; or only who looked."""
    found = person_or_404(person_id)
    events = AuditEvent.objects.filter(person_id=person_id)
    only_looks = request.GET.get("what") == "looks"
    if only_looks:
        events = events.filter(action__in=_LOOKS)
    page = page_of(request, events, "-event_id")
    context = {
        "person": found,
        "view": masked_view(found),
        "only_looks": only_looks,
        "page": page,
        "rows": [_event_line(event) for event in page.rows],
    }
    return render(request, "workbench/person_history.html", context)


def person_or_404(person_id: int) -> Person:
    """The person, or the answer that there is none."""
    found = find_person(person_id)
    if found is None:
        raise Http404
    return found


def _event_line(event: AuditEvent) -> tuple[AuditEvent, str, str]:
    """An event, what it was in words, and why it was done."""
    reason = REASONS.get(str(event.details.get("reason", "")))
    note = str(event.details.get("note", ""))
    return event, str(AUDIT_ACTIONS.get(event.action, event.action)), "：".join(filter(None, (str(reason or ""), note)))


def _note_view(request: HttpRequest, person_id: int, at: datetime) -> None:
    """That somebody looked, once in a while: going back to the page is not looking again."""
    seen: dict[str, str] = request.session.get("viewed", {})
    last = seen.get(str(person_id))
    if last is not None and datetime.fromisoformat(last) > at - _SEEN_AGAIN_AFTER:
        return
    by = Actor("staff", request.user.get_username())
    record("person.viewed", subject=f"person:{person_id}", by=by, at=at, person_id=person_id)
    fresh = {key: text for key, text in seen.items() if datetime.fromisoformat(text) > at - _SEEN_AGAIN_AFTER}
    request.session["viewed"] = fresh | {str(person_id): at.isoformat()}


def _shown(request: HttpRequest, found: Person, at: datetime) -> dict[str, object]:
    clear_fields = revealing.revealed(request, found.person_id, at=at)
    clear, masked = clear_view(found), masked_view(found)
    fields = [
        (name, label, getattr(clear if name in clear_fields else masked, name) or "—", clear_fields.get(name))
        for name, label in revealing.FIELDS.items()
        if name != "messages"
    ]
    today = at.date()
    applications, cards = applications_of(found.person_id), cards_of(found.person_id)
    codes = [found.community_code[:6], found.community_code]
    places = dict(Division.objects.filter(code__in=codes).values_list("code", "name"))
    return {
        "person": found,
        "view": masked,
        "place": " ".join(places.get(code, "") for code in codes).strip(),
        "fields": fields,
        "is_clear": bool(clear_fields),
        "may_reveal": [(name, label) for name, label in revealing.FIELDS.items() if name not in clear_fields],
        "reasons": REASONS,
        "applications": applications,
        "cards": cards,
        "doings": doings_for(applications, cards, at),
        "steps": [(entry, ACTIONS[entry.action]) for entry in timeline(found.person_id)],
        "appointments": _appointments(found.person_id),
        "sent": _messages(found.person_id, in_clear="messages" in clear_fields),
        "complaints": list(
            Complaint.objects.filter(reporter_person_id=found.person_id).order_by("-reported_at")[:SHOWN]
        ),
        "cases": list(Case.objects.filter(person_id=found.person_id, state__in=UNDONE).order_by("since")[:SHOWN]),
        "asked": list(
            ApprovalRequest.objects.filter(subject=f"person:{found.person_id}", state=RequestState.WAITING)[:SHOWN]
        ),
        "looks": [
            _event_line(event)
            for event in AuditEvent.objects.filter(person_id=found.person_id, action__in=_LOOKS).order_by("-event_id")[
                :5
            ]
        ],
        "guardians": [(one.person_id, masked_view(one).name) for one in guardians_of(found.person_id, today)],
        "wards": [(one.person_id, masked_view(one).name) for one in wards_of(found.person_id, today)],
    }


def _appointments(person_id: int) -> list[tuple[Appointment, str, object, object]]:
    found = list(Appointment.objects.filter(person_id=person_id).order_by("-day")[:SHOWN])
    names = dict(
        Outlet.objects.filter(outlet_id__in=[each.outlet_id for each in found]).values_list("outlet_id", "name")
    )
    return [
        (
            each,
            names.get(each.outlet_id, each.outlet_id),
            HALVES.get(each.half, each.half),
            APPOINTMENT_STATES[each.state],
        )
        for each in found
    ]


def _messages(person_id: int, *, in_clear: bool) -> list[tuple[SentMessage, str]]:
    found = list(SentMessage.objects.filter(person_id=person_id).order_by("-message_id")[:SHOWN])
    cipher = field_cipher()
    return [(each, cipher.open("sms", bytes(each.body_sealed)) if in_clear else "") for each in found]


def doings_for(applications: list[Application], cards: list[Card], at: datetime) -> list[Doing]:
    """What may be done now. The services decide again when it is done."""
    doings = [
        Doing("cancel", str(each.application_id), _("取消申请")) for each in applications if each.state in _CANCELLABLE
    ]
    for card in cards:
        ref, number = str(card.card_id), card.card_number
        if (
            card.state == CardState.COLLECTED
            and card.reported_lost_at is None
            and card.social_state != SocialState.ENDED
        ):
            is_stopped = card.pre_report_lapses_at is not None and card.pre_report_lapses_at > at
            if is_stopped:
                doings.append(Doing("unlose", ref, _("撤销预挂失 %(n)s") % {"n": number}))
            else:
                doings.append(Doing("prelose", ref, _("预挂失 %(n)s") % {"n": number}))
            doings.append(Doing("lose", ref, _("正式挂失 %(n)s") % {"n": number}))
        if card.social_state == SocialState.ACTIVE:
            doings.append(Doing("end", ref, _("终止社会保障功能 %(n)s") % {"n": number}, takes_two=True))
    doings.append(Doing("phone", "-", _("更正手机号码"), takes_two=True))
    return doings
