"""Where the card was used: rides with their fares, and the other places that accepted it, month by month."""

from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from yikatong.acceptance.uses import PlaceUse, place_uses
from yikatong.consent.rules import CHILD_UNDER_YEARS
from yikatong.consent.selectors import has_consent
from yikatong.foundation.clock import age_years, beijing_day_bounds
from yikatong.foundation.money import yuan_text
from yikatong.issuance.selectors import cards_of
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.words import FARE_RULES
from yikatong.registry.models import Person
from yikatong.registry.selectors import wards_of
from yikatong.scenarios.transit.selectors import RideView, rides_of

SCENARIOS_OF_HEALTH = frozenset({"medical", "pharmacy"})
"""Places that tell of somebody's health: named only to whoever agreed to that."""


@require_safe
@holder_required
def rides(request: HttpRequest, holder: Holder) -> HttpResponse:
    """This month's uses, or another month's (``?month=2026-11``), with fares and the rule that set them.

    For oneself or a ward (``?for=``); whoever acts by delegation sees no uses.
    """
    person = _asked_for(request, holder)
    month = _month(request.GET.get("month", ""), holder.today)
    context: dict[str, object] = {
        "name": holder.name_of(person).name,
        "person": person,
        "is_self": person.person_id == holder.person.person_id,
        "month": month,
        "before": (month - timedelta(days=1)).replace(day=1),
        "after": _following(month) if month < holder.today.replace(day=1) else None,
        "hidden_by": _hidden_by(person, holder.today),
    }
    if not context["hidden_by"]:
        lines, paid_fen = _lines(person, month, holder)
        context |= {"lines": lines, "paid": yuan_text(paid_fen)}
    return render(request, "portal/rides.html", context)


def _asked_for(request: HttpRequest, holder: Holder) -> Person:
    """Oneself or a ward. Raises ``Http404``."""
    asked = request.GET.get("for", "")
    if not asked.isdecimal() or int(asked) == holder.person.person_id:
        return holder.person
    wards = {ward.person_id: ward for ward in wards_of(holder.person.person_id, holder.today)}
    return wards.get(int(asked)) or holder.person_for(-1)


def _hidden_by(person: Person, on: date) -> str:
    """Which missing consent hides the list; empty when it may be shown."""
    if age_years(person.birth_date, on) < CHILD_UNDER_YEARS and not has_consent(person.person_id, "child", on=on):
        return "child"
    return "" if has_consent(person.person_id, "usage_list", on=on) else "usage_list"


def _lines(person: Person, month: date, holder: Holder) -> tuple[list[dict[str, object]], int]:
    cards = [card.card_id for card in cards_of(person.person_id)]
    found = [ride for card_id in cards for ride in rides_of(card_id, month, at=holder.at)]
    start, end = beijing_day_bounds(month)[0], beijing_day_bounds(_following(month))[0]
    names_health = has_consent(person.person_id, "health", on=holder.today)
    lines = [_ride(ride) for ride in found]
    lines += [_place(use, names_health=names_health) for use in place_uses(cards, since=start, until=end)]
    lines.sort(key=lambda line: str(line["at"] or ""), reverse=True)
    return lines, sum(ride.fare_fen for ride in found if ride.fare_fen is not None)


def _ride(ride: RideView) -> dict[str, object]:
    is_reduced = ride.fare_fen is not None and ride.full_fare_fen is not None and ride.fare_fen < ride.full_fare_fen
    return {
        "ride": ride,
        "at": ride.entry_at or ride.exit_at,
        "fare": yuan_text(ride.fare_fen) if ride.fare_fen is not None else "",
        "full_fare": yuan_text(ride.full_fare_fen) if is_reduced and ride.full_fare_fen is not None else "",
        "rule": FARE_RULES.get(ride.explanation or ""),
    }


def _place(use: PlaceUse, *, names_health: bool) -> dict[str, object]:
    is_hidden = use.scenario in SCENARIOS_OF_HEALTH and not names_health
    return {"place": _("医疗机构") if is_hidden else use.venue, "at": use.at, "is_hidden": is_hidden}


def _month(text: str, today: date) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)


def _following(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)
