"""Following a card on its way, activating it, losing it and finding it again."""

from datetime import datetime, timedelta

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.consent import codes
from yikatong.delegation.rules import Act
from yikatong.ecard.selectors import electronic_card_of
from yikatong.foundation.errors import Refused
from yikatong.foundation.masks import masked_phone
from yikatong.issuance import services
from yikatong.issuance.lifecycle import snapshot
from yikatong.issuance.models import Card
from yikatong.issuance.rules import THIRD_GENERATION, check_activation, is_in_holders_hands, is_reported_lost
from yikatong.issuance.selectors import cards_of, timelines
from yikatong.issuance.tracking import tracks
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.overview import appointment_of, known_of, shown_number
from yikatong.portal.privacy_words import field_of
from yikatong.portal.tracking_words import words_of
from yikatong.portal.words import ACTIONS, refusal_text

CODE_TEXT = "您正在启用新的社会保障卡，启用后旧卡立即停用"
"""What the message says of the code. Messages are Chinese."""


@require_safe
@holder_required
def progress(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Each person's newest application step by step, promised and real; and all that happened, below."""
    found = known_of(holder.may_act_for(Act.FOLLOW), holder.at)
    stories = timelines([known.person.person_id for known in found])
    ways = tracks({known.person.person_id: known.applications for known in found}, stories, on=holder.today)
    people = [
        {
            "name": holder.name_of(known.person).name,
            "person_id": known.person.person_id,
            "track": words_of(ways[known.person.person_id]) if known.person.person_id in ways else None,
            "steps": [(entry, ACTIONS[entry.action]) for entry in stories[known.person.person_id]],
            "appointment": appointment_of(known),
        }
        for known in found
    ]
    return render(request, "portal/progress.html", {"people": people})


@require_http_methods(["GET", "POST"])
@holder_required
def activate(request: HttpRequest, holder: Holder, card_id: int) -> HttpResponse:
    """Activate the social function: a code to the registered phone, the end of the number on the card, one yes.

    A guardian's code goes to the guardian's phone. The page says plainly that the older card ends now.
    """
    card = holder.card_for(card_id, Act.ACTIVATE)
    if card.social_state == "active":
        return render(request, "portal/activated.html", _activated(holder, card))
    error = field = ""
    if request.method == "POST":
        try:
            if request.POST.get("action") == "send":
                codes.send(holder.person, _act(card), what=CODE_TEXT, by=holder.actor, at=holder.at)
                return redirect("portal:activate", card_id=card_id)
            error, field = _activate(request, holder, card)
            if not error:
                return redirect("portal:activate", card_id=card_id)
        except Refused as refused:
            card.refresh_from_db()
            if card.social_state == "active":  # the same form sent twice: the other one did it
                return redirect("portal:activate", card_id=card_id)
            error, field = refusal_text(refused.reason, str(refused)), field_of(refused.reason)
    context = _to_activate(request, holder, card) | {"error": error, "error_field": field}
    return render(request, "portal/activate.html", context, status=422 if error else 200)


def _act(card: Card) -> str:
    return f"activate:{card.card_id}"


def _activate(request: HttpRequest, holder: Holder, card: Card) -> tuple[str, str]:
    """What is wrong with the answers and where; empty when the card is active now. Raises ``Refused``.

    A wrong end of the number counts as a try of the code, so that it cannot be guessed by trying.
    """
    if request.POST.get("agreed") != "1":
        return _("请勾选最后一项，表示您已知道。"), "agreed"
    check_activation(snapshot(card), holder.at)
    code_id = codes.check(holder.person.person_id, _act(card), request.POST.get("code", ""), at=holder.at)
    if request.POST.get("tail", "").strip().upper() != card.card_number[-3:]:
        codes.count_mistake(holder.person.person_id, code_id)
        return _("卡号后三位不对，请对照卡面填写。"), "tail"
    with transaction.atomic():
        codes.spend(holder.person.person_id, code_id, at=holder.at)
        services.activate_social_function(
            card.card_id, by=holder.actor, at=holder.at, acting_person_id=holder.person.person_id
        )
    return "", ""


def _to_activate(request: HttpRequest, holder: Holder, card: Card) -> dict[str, object]:
    older = next((one for one in cards_of(card.person_id) if one.social_state == "active"), None)
    refusal = ""
    try:
        check_activation(snapshot(card), holder.at)
    except Refused as refused:
        refusal = refusal_text(refused.reason, str(refused))
    phone = holder.name_of(holder.person).phone
    return {
        "card": card,
        "older": older,
        "refusal": refusal,
        "is_ward": card.person_id != holder.person.person_id,
        "phone": masked_phone(phone) if phone else "",
        "is_code_sent": codes.is_waiting(holder.person.person_id, _act(card), at=holder.at),
        "tail": request.POST.get("tail", ""),
        "agreed": request.POST.get("agreed") == "1",
    }


def _activated(holder: Holder, card: Card) -> dict[str, object]:
    ended = [one for one in cards_of(card.person_id) if one.social_state == "ended" and one.card_id != card.card_id]
    return {
        "card": card,
        "ended": ended[0] if ended else None,
        "has_code": card.generation == THIRD_GENERATION and electronic_card_of(card.person_id) is not None,
        "is_self": card.person_id == holder.person.person_id,
    }


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
    facts = snapshot(card)
    is_pre_reported = card.reported_lost_at is None and is_reported_lost(facts, holder.at)
    context = {
        "card": card,
        "number": shown_number(card),
        "may_lose": is_in_holders_hands(facts),
        "is_pre_reported": is_pre_reported,
        "left": time_left(card.pre_report_lapses_at, holder.at) if is_pre_reported else None,
        "has_code": card.generation == THIRD_GENERATION,
        "error": error,
    }
    return render(request, "portal/loss.html", context, status=422 if error else 200)


def time_left(until: datetime | None, at: datetime) -> str:
    """``9 天 23 小时``; under an hour in minutes. Rounded down, so that nobody trusts in more than there is."""
    left = max(until - at, timedelta(0)) if until is not None else timedelta(0)
    days, hours, minutes = left.days, left.seconds // 3600, left.seconds // 60 % 60
    if days:
        return _("%(days)s 天 %(hours)s 小时") % {"days": days, "hours": hours}
    if hours:
        return _("%(hours)s 小时") % {"hours": hours}
    return _("%(minutes)s 分钟") % {"minutes": minutes}
