"""Who comes to this outlet on a day: the list by half-days, walk-ins counted in, and who did not come.

Names and numbers are masked; the card page shows more, to whoever hands the card over. A card that is handed over or made
here and an application taken here mark their appointment by themselves; who came for anything else is marked by hand.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from yikatong.audit.actors import Actor
from yikatong.banks.models import Outlet
from yikatong.campaign.appointments import NotBooked, Place, book, end, kept_by
from yikatong.campaign.halves import half_of
from yikatong.campaign.models import Appointment
from yikatong.desks.visits import SHOWN_STATES, HalfPage, halves_of, next_in_line
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.issuance.models import Card, CardState
from yikatong.issuance.rules import THIRD_GENERATION
from yikatong.registry.models import Person
from yikatong.registry.selectors import (
    PersonView,
    find_person_by_identity_number,
    find_person_by_phone,
    masked_view,
)
from yikatong.workbench.bank import outlet_of
from yikatong.workbench.words import APPOINTMENT_KINDS, APPOINTMENT_REFUSALS, APPOINTMENT_STATES, HALVES

DAYS_SHOWN = 3_660
"""No list is looked for further back or ahead. Source: assumption."""
PAGE_LENGTH = 50
TAG = "appointment"
"""Of the messages that this page shows: others, of signing in, wait for no reader here."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One appointment as the list shows it. ``card``: this bank's, that waits or was handed over."""

    appointment: Appointment
    holder: PersonView
    card: Card | None
    kind: Promise
    state: Promise


@require_http_methods(["GET", "POST"])
def appointments(request: HttpRequest) -> HttpResponse:
    """A day's list (``?day=``, by default today's; ``?state=``), and the search for whoever walked in (``?q=``)."""
    outlet = outlet_of(request)
    if request.method == "GET":
        return render(request, "workbench/bank_appointments.html", _shown(request, outlet))
    try:
        _act(request, outlet)
    except NotBooked as refused:
        context = _shown(request, outlet)
        context["error"] = str(APPOINTMENT_REFUSALS.get(refused.reason, str(refused)))
        context["next_free"] = [(place.day, HALVES[place.half]) for place in refused.next_free]
        return render(request, "workbench/bank_appointments.html", context, status=422)
    state = f"&state={_state(request)}" if _state(request) else ""
    return redirect(f"{reverse('work:bank:appointments')}?day={_day(request)}{state}")


def _act(request: HttpRequest, outlet: Outlet) -> None:
    """Count a walk-in, or note that somebody was served or did not come. Raises ``NotBooked``."""
    at, by = utc_now(), Actor("clerk", request.user.get_username())
    number = _number(request.POST.get("appointment_id", ""))
    action = request.POST.get("action")
    if action in {"no_show", "done"}:
        found = Appointment.objects.filter(outlet_id=outlet.outlet_id, appointment_id=number).first()
        if found is None or not _has_begun(found.day, found.half, at):
            raise Http404
        end(found.person_id, number, state="done" if action == "done" else "no_show", by=by, at=at)
        words = _("已记为办理。") if action == "done" else _("已记为未到，名额已释放。")
        messages.success(request, words, extra_tags=TAG)
    elif action == "walk_in":
        people = {str(person.person_id): person for person in _search(request.POST.get("q", "").strip())}
        person = people.get(request.POST.get("person", ""))
        if person is None:
            raise Http404
        place = Place(outlet.outlet_id, beijing_day(at), half_of(at))
        booked = book(person.person_id, place, appointment_id=number, by=by, at=at, kind="walk_in")
        name = masked_view(person).name
        words = _("%(name)s 本来就约在这半天。") if booked == "repeated" else _("已登记 %(name)s 现场到访。")
        messages.success(request, words % {"name": name}, extra_tags=TAG)
    else:
        raise Http404


def _shown(request: HttpRequest, outlet: Outlet) -> dict[str, object]:
    at = utc_now()
    day, today = _day(request), beijing_day(at)
    asked = request.GET.get("day", "")
    query = (request.POST if request.method == "POST" else request.GET).get("q", "").strip()
    state = _state(request)
    pages = halves_of(outlet.outlet_id, day, state=state, after=_after(request), limit=PAGE_LENGTH)
    first = next_in_line(outlet.outlet_id, day, half_of(at)) if day == today else None
    rows = _rows(outlet, [*(a for page in pages for a in page.appointments), *([first] if first else [])])
    return {
        "outlet": outlet,
        "day": day,
        "is_today": day == today,
        "day_unknown": bool(asked) and asked != str(day),
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1),
        "state": state,
        "states": [(value, APPOINTMENT_STATES[value], _people(pages, value)) for value in SHOWN_STATES],
        "first": rows.get(first.appointment_id) if first else None,
        "lists": [
            {
                "half": HALVES[page.half],
                "capacity": page.capacity,
                "taken": page.taken,
                "done": page.by_state.get("done", 0),
                "may_mark": _has_begun(day, page.half, at),
                "rows": [rows[each.appointment_id] for each in page.appointments if each.appointment_id in rows],
                "next_after": _behind(page) if page.has_more else "",
            }
            for page in pages
        ],
        "query": query,
        "found": [_found(person, outlet, at) for person in _search(query)] if query else None,
    }


def _people(pages: list[HalfPage], state: str) -> int:
    return sum(page.by_state.get(state, 0) for page in pages)


def _state(request: HttpRequest) -> str:
    state = request.GET.get("state", "")
    return state if state in SHOWN_STATES else ""


def _behind(page: HalfPage) -> str:
    last = page.appointments[-1]
    return f"{page.half}/{last.booked_at.isoformat()}/{last.person_id}"


def _after(request: HttpRequest) -> tuple[str, datetime, int] | None:
    """Where the page before ended; ``None`` for none, and for what no page wrote."""
    half, _slash, rest = request.GET.get("after", "").partition("/")
    moment, _slash, person_id = rest.partition("/")
    try:
        at = datetime.fromisoformat(moment.replace(" ", "+"))
    except ValueError:
        return None
    is_written_by_us = at.tzinfo is not None and person_id.isascii() and person_id.isdecimal() and len(person_id) < 18
    return (half, at, int(person_id)) if half in HALVES and is_written_by_us else None


def _rows(outlet: Outlet, appointments: list[Appointment]) -> dict[UUID, _Row]:
    ids = {appointment.person_id for appointment in appointments}
    people = Person.objects.in_bulk(ids)
    alive = [CardState.MADE, CardState.READY, CardState.COLLECTED]
    found = Card.objects.filter(
        person_id__in=ids, bank_code=outlet.bank_id, generation=THIRD_GENERATION, state__in=alive
    )
    cards = {card.person_id: card for card in found.order_by("card_id")}
    return {
        appointment.appointment_id: _Row(
            appointment,
            masked_view(people[appointment.person_id]),
            cards.get(appointment.person_id),
            APPOINTMENT_KINDS[appointment.kind],
            APPOINTMENT_STATES[appointment.state],
        )
        for appointment in appointments
        if appointment.person_id in people
    }


def _has_begun(day: date, half: str, at: datetime) -> bool:
    """Who is expected later cannot have stayed away yet."""
    return (day, half) <= (beijing_day(at), half_of(at))


def _search(query: str) -> list[Person]:
    """By identity number or phone."""
    if not query:
        return []
    by_identity = find_person_by_identity_number(query)
    return [by_identity] if by_identity is not None else find_person_by_phone(query)


def _found(person: Person, outlet: Outlet, at: datetime) -> dict[str, object]:
    """A person to count in, and when they are expected anyway; ``is_here`` when that is in this half-day, here."""
    kept = kept_by(person.person_id)
    return {
        "holder": masked_view(person),
        "appointment_id": uuid4(),
        "expected": f"{kept.day} {HALVES[kept.half]}" if kept is not None else "",
        "is_here": kept is not None
        and (kept.outlet_id, kept.day, kept.half) == (outlet.outlet_id, beijing_day(at), half_of(at)),
    }


def _number(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error


def _day(request: HttpRequest) -> date:
    """The day that was asked for; today for none, and for one that cannot be."""
    today = beijing_day(utc_now())
    try:
        day = date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        return today
    return day if abs(day - today) <= timedelta(days=DAYS_SHOWN) else today
