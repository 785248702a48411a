"""Following, activating and losing a card, and the rides it made."""

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.delegation.rules import Act
from yikatong.foundation.errors import Refused
from yikatong.foundation.money import yuan_text
from yikatong.issuance import services
from yikatong.issuance.lifecycle import snapshot
from yikatong.issuance.rules import is_in_holders_hands, is_reported_lost
from yikatong.issuance.selectors import cards_of, promise_of, timeline
from yikatong.portal.appointments import appointment_line
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.words import ACTIONS, FARE_RULES, refusal_text
from yikatong.scenarios.transit.selectors import RideView, rides_of


@require_safe
@holder_required
def progress(request: HttpRequest, holder: Holder) -> HttpResponse:
    """What happened so far to each card, and what was promised."""
    people = [
        {
            "name": holder.name_of(person).name,
            "steps": [(entry, ACTIONS[entry.action]) for entry in timeline(person.person_id)],
            "promise": promise_of(person.person_id, on=holder.today),
            "person_id": person.person_id,
            "appointment": appointment_line(person, holder),
        }
        for person in holder.may_act_for(Act.FOLLOW)
    ]
    return render(request, "portal/progress.html", {"people": people})


@require_http_methods(["GET", "POST"])
@holder_required
def activate(request: HttpRequest, holder: Holder, card_id: int) -> HttpResponse:
    """Activate the social function, after saying plainly that the older card ends now."""
    card = holder.card_for(card_id, Act.ACTIVATE)
    older = [c for c in cards_of(card.person_id) if c.social_state == "active" and c.card_id != card.card_id]
    context: dict[str, object] = {
        "card": card,
        "older": older[0] if older else None,
        "is_active": card.social_state == "active",
    }
    if request.method != "POST":
        return render(request, "portal/activate.html", context)
    if request.POST.get("tail", "").strip().upper() != card.card_number[-3:]:
        context["error"] = _("卡号后三位不对，请对照卡面填写。")
        return render(request, "portal/activate.html", context, status=422)
    try:
        services.activate_social_function(
            card_id, by=holder.actor, at=holder.at, acting_person_id=holder.person.person_id
        )
    except Refused as refused:
        context["error"] = refusal_text(refused.reason, str(refused))
        return render(request, "portal/activate.html", context, status=422)
    return redirect("portal:activate", card_id=card_id)


@require_http_methods(["GET", "POST"])
@holder_required
def loss(request: HttpRequest, holder: Holder, card_id: int) -> HttpResponse:
    """Stop a lost card at once; found again, withdraw; gone for good, report formally."""
    card = holder.card_for(card_id, Act.REPORT_LOSS)
    error = ""
    if request.method == "POST":
        commands = {
            "pre_report": services.pre_report_loss,
            "withdraw": services.withdraw_pre_report,
            "report": services.report_loss,
        }
        command = commands.get(request.POST.get("action", ""))
        try:
            if command is not None:
                command(card_id, by=holder.actor, at=holder.at, acting_person_id=holder.person.person_id)
                return redirect("portal:loss", card_id=card_id)
        except Refused as refused:
            error = refusal_text(refused.reason, str(refused))
    context = {
        "card": card,
        "may_lose": is_in_holders_hands(snapshot(card)),
        "is_pre_reported": card.reported_lost_at is None and is_reported_lost(snapshot(card), holder.at),
        "error": error,
    }
    return render(request, "portal/loss.html", context, status=422 if error else 200)


@require_safe
@holder_required
def rides(request: HttpRequest, holder: Holder) -> HttpResponse:
    """This month's rides, or another month's (``?month=2026-11``), with fares and the rule that set them."""
    month = _month(request.GET.get("month", ""), holder.today)
    found = [ride for card in cards_of(holder.person.person_id) for ride in rides_of(card.card_id, month, at=holder.at)]
    paid_fen = sum(ride.fare_fen for ride in found if ride.fare_fen is not None)
    context = {"rides": [_line(ride) for ride in found], "month": month, "paid": yuan_text(paid_fen)}
    return render(request, "portal/rides.html", context)


def _line(ride: RideView) -> dict[str, object]:
    is_reduced = ride.fare_fen is not None and ride.full_fare_fen is not None and ride.fare_fen < ride.full_fare_fen
    return {
        "ride": ride,
        "fare": yuan_text(ride.fare_fen) if ride.fare_fen is not None else "",
        "full_fare": yuan_text(ride.full_fare_fen) if is_reduced and ride.full_fare_fen is not None else "",
        "rule": FARE_RULES.get(ride.explanation or ""),
    }


def _month(text: str, today: date) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)
