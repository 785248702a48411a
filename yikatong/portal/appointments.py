"""The half-day for collecting a card: what is kept, keeping it, moving it, cancelling it.

The number of an appointment is made when the page is opened and sent with the form, so that a double click books once.
"""

from datetime import date, timedelta
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from yikatong.applications.rules import ADULT_AGE_YEARS, OPEN_STATES
from yikatong.applications.selectors import applications_of
from yikatong.banks.models import Outlet
from yikatong.campaign.appointments import NotBooked, Place, Reason, confirm, end, kept_by
from yikatong.campaign.booking import DAYS_OFFERED, OfferedDay, book_for, offered, where_to_book
from yikatong.campaign.invitations import invitation_of
from yikatong.city.models import Division
from yikatong.delegation.rules import Act
from yikatong.foundation.clock import age_years
from yikatong.foundation.errors import Refused
from yikatong.issuance.selectors import cards_held
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.words import HALF_WORDS, appointment_refusal
from yikatong.registry.models import Person


@require_http_methods(["GET", "POST"])
@holder_required
def appointments(request: HttpRequest, holder: Holder) -> HttpResponse:
    """One person's appointment, for oneself or a child; several people choose first."""
    answers = request.POST if request.method == "POST" else request.GET
    people = holder.may_act_for(Act.BOOK)
    chosen = answers.get("for", "")
    if not chosen and len(people) > 1 and request.method == "GET":
        return render(request, "portal/appointment_person.html", {"people": [_line(holder, one) for one in people]})
    person = holder.person_for(int(chosen), Act.BOOK) if chosen.isdecimal() else _only(people, chosen)
    if request.method == "GET":
        return render(request, "portal/appointment.html", _shown(request, holder, person))
    try:
        _act(request, holder, person)
    except Refused as refused:
        context = _shown(request, holder, person)
        context["error"] = appointment_refusal(refused.reason, str(refused))
        context["next_free"] = [
            (uuid4(), place, HALF_WORDS[place.half])
            for place in (refused.next_free if isinstance(refused, NotBooked) else ())
        ]
        return render(request, "portal/appointment.html", context, status=422)
    return redirect(f"{reverse('portal:appointments')}?for={person.person_id}")


def appointment_line(person: Person, holder: Holder) -> dict[str, object] | None:
    """For the home page: what is kept, or that there is something to book; ``None`` when there is neither."""
    kept = kept_by(person.person_id)
    if kept is None and where_to_book(person.person_id, at=holder.at) is None:
        return None
    return {"kept": kept, "half": HALF_WORDS[kept.half] if kept else ""}


def _line(holder: Holder, person: Person) -> dict[str, object]:
    return {
        "person": person,
        "name": holder.name_of(person).name,
        "line": appointment_line(person, holder),
    }


def _only(people: list[Person], chosen: str) -> Person:
    if chosen or len(people) > 1:
        raise Http404
    return people[0]


def _act(request: HttpRequest, holder: Holder, person: Person) -> None:
    """Do what was pressed. Raises ``Refused``; ``Http404`` for an appointment that is not this person's."""
    number = _number(request.POST.get("appointment_id", ""))
    action = request.POST.get("action", "")
    if action == "book":
        outlet_id = request.POST.get("outlet", "")
        place = place_of(outlet_id, request.POST.get("place", ""))
        book_for(person.person_id, place, appointment_id=number, by=holder.actor, at=holder.at)
        when = f"{place.day} {HALF_WORDS[place.half]}"
        messages.success(request, _("已预约：%(when)s。") % {"when": when})
        return
    if action not in {"confirm", "cancel"}:
        raise Http404
    try:
        if action == "confirm":
            confirm(person.person_id, number, by=holder.actor, at=holder.at)
            messages.success(request, _("已确认，届时请带好证件。"))
        else:
            end(person.person_id, number, state="cancelled", by=holder.actor, at=holder.at)
            messages.success(request, _("预约已取消。"))
    except NotBooked as refused:
        if refused.reason == Reason.UNKNOWN:
            raise Http404 from refused
        raise


def _number(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error


def place_of(outlet_id: str, text: str) -> Place:
    """``2026-11-16/am``. Raises ``NotBooked`` when nothing was chosen."""
    day, _slash, half = text.partition("/")
    try:
        return Place(outlet_id, date.fromisoformat(day), {"am": "am", "pm": "pm"}[half])  # type: ignore[arg-type]
    except (ValueError, KeyError) as error:
        raise NotBooked(Reason.UNKNOWN, _("请选择一个时间。")) from error


def _shown(request: HttpRequest, holder: Holder, person: Person) -> dict[str, object]:
    kept = kept_by(person.person_id)
    bookable = where_to_book(person.person_id, at=holder.at)
    days = offered(bookable, person_id=person.person_id, at=holder.at, since=_since(request)) if bookable else []
    invited = invitation_of(person.person_id)
    return {
        "person": person,
        "name": holder.name_of(person).name,
        "is_self": person.person_id == holder.person.person_id,
        "is_minor": age_years(person.birth_date, holder.today) < ADULT_AGE_YEARS,
        "kept": kept,
        "kept_half": HALF_WORDS[kept.half] if kept else "",
        "kept_at": _where(kept.outlet_id) if kept else None,
        "invited": invited,
        "may_apply": _has_not_applied(person),
        "bookable": bookable,
        "outlet": _where(bookable.outlet_id) if bookable else None,
        "days": [_day(each) for each in days],
        "later": days[-1].day + timedelta(days=1) if len(days) == DAYS_OFFERED else None,
        "is_later": bool(_since(request)),
        "appointment_id": uuid4(),
    }


def _has_not_applied(person: Person) -> bool:
    states = {application.state for application in applications_of(person.person_id)}
    return not states & OPEN_STATES and not cards_held(person.person_id).third_generation


def _since(request: HttpRequest) -> date | None:
    try:
        return date.fromisoformat(request.GET.get("from", ""))
    except ValueError:
        return None


def _day(offered_day: OfferedDay) -> dict[str, object]:
    halves = [(each, HALF_WORDS[each.place.half]) for each in offered_day.halves]
    return {"day": offered_day.day, "halves": halves}


def _where(outlet_id: str) -> dict[str, object] | None:
    outlet = Outlet.objects.select_related("bank").filter(outlet_id=outlet_id).first()
    if outlet is None:
        return None
    codes = [code for code in (outlet.district_code, outlet.street_code) if code]
    names = Division.objects.filter(code__in=codes).order_by("code").values_list("name", flat=True)
    return {"outlet": outlet, "area": " ".join(names)}
