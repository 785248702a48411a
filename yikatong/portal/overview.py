"""The home page's people: their cards as they stand, and for each the one thing to do next. Queries do not grow with people."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from yikatong.applications.models import Application, ApplicationState
from yikatong.applications.selectors import applications_of_all
from yikatong.banks.known import known_banks
from yikatong.banks.models import Bank
from yikatong.campaign.booking import Bookable, appointments_of, bookable_of
from yikatong.campaign.models import Appointment
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.issuance.lifecycle import snapshot_with
from yikatong.issuance.models import Card, CardState, SocialState
from yikatong.issuance.rules import (
    THIRD_GENERATION,
    CardSnapshot,
    check_activation,
    is_in_holders_hands,
    is_reported_lost,
)
from yikatong.issuance.selectors import cards_of_all
from yikatong.portal.holder import Holder
from yikatong.portal.words import HALF_WORDS, next_step, state_of
from yikatong.registry.models import Person


@dataclass(frozen=True, slots=True)
class Action:
    """What to do next: one address, its words, and a sentence that says why."""

    kind: str
    url: str
    label: str
    why: str


@dataclass(frozen=True, slots=True)
class Overview:
    """One person on the home page. ``next`` as ``words.next_step``; ``number``: not in clear before the card is in use."""

    person: Person
    name: str
    is_self: bool
    card: Card | None
    bank: Bank | None
    number: str
    state: str
    is_lost: bool
    may_lose: bool
    application: Application | None
    next: str
    appointment: dict[str, object] | None
    to_activate: list[CardSnapshot]
    action: Action


@dataclass(frozen=True, slots=True)
class Known:
    """All that was read of one person; cards and applications newest first."""

    person: Person
    cards: list[Card]
    applications: list[Application]
    kept: Appointment | None
    booking: Bookable | None


def known_of(people: Sequence[Person], at: datetime) -> list[Known]:
    """Cards, applications and appointments of several people; four queries however many they are."""
    ids = [person.person_id for person in people]
    cards, applications = defaultdict(list), defaultdict(list)
    for card in cards_of_all(ids):
        cards[card.person_id].append(card)
    for application in applications_of_all(ids):
        applications[application.person_id].append(application)
    kept, invited = appointments_of(ids)
    return [
        Known(
            person,
            cards[person.person_id],
            applications[person.person_id],
            kept.get(person.person_id),
            bookable_of(
                applications[person.person_id],
                holds_third_generation=any(_is_third_and_alive(card) for card in cards[person.person_id]),
                invited=invited.get(person.person_id),
                kept=kept.get(person.person_id),
                at=at,
            ),
        )
        for person in people
    ]


def overviews(holder: Holder) -> list[Overview]:
    """The resident first, then those they may act for."""
    found = known_of(holder.may_act_for(), holder.at)
    return [_overview(holder, known, known_banks()) for known in found]


def _overview(holder: Holder, known: Known, banks: Mapping[str, Bank]) -> Overview:
    behind = {application.application_id: application for application in known.applications}
    facts = {
        card.card_id: snapshot_with(card, behind.get(card.application_id) if card.application_id else None)
        for card in known.cards
    }
    main = main_card(known.cards)
    shown = facts[main.card_id] if main else None
    newest = known.applications[0] if known.applications else None
    to_activate = [card for card in facts.values() if _may_activate(card, holder.at)]
    return Overview(
        person=known.person,
        name=holder.name_of(known.person).name,
        is_self=known.person.person_id == holder.person.person_id,
        card=main,
        bank=banks.get(main.bank_code) if main else None,
        number=shown_number(main) if main else "",
        state=str(state_of(shown, holder.at)) if shown else "",
        is_lost=shown is not None and is_reported_lost(shown, holder.at),
        may_lose=shown is not None and is_in_holders_hands(shown),
        application=newest,
        next=next_step(shown, newest),
        appointment=appointment_of(known),
        to_activate=to_activate,
        action=_action(known, shown, to_activate, holder.at),
    )


def main_card(cards: list[Card]) -> Card | None:
    """The card to show first: the one with the social function, else the newest that lives."""
    alive = [card for card in cards if card.state != CardState.CANCELLED]
    active = [card for card in alive if card.social_state == SocialState.ACTIVE]
    return next(iter(active or alive), None)


def shown_number(card: Card) -> str:
    """A card's number for its holder. Before activation only its beginning: the end must come from the card in the hand."""
    if card.social_state != SocialState.INACTIVE:
        return card.card_number
    return card.card_number[:1] + "*" * max(len(card.card_number) - 1, 0)


def _is_third_and_alive(card: Card) -> bool:
    return card.generation == THIRD_GENERATION and card.state != CardState.CANCELLED


def _may_activate(card: CardSnapshot, at: datetime) -> bool:
    try:
        return check_activation(card, at)
    except Refused:
        return False


def appointment_of(known: Known) -> dict[str, object] | None:
    """What is kept, or that there is something to book; ``None`` when there is neither."""
    if known.kept is None and known.booking is None:
        return None
    return {"kept": known.kept, "half": HALF_WORDS[known.kept.half] if known.kept else ""}


def _action(known: Known, card: CardSnapshot | None, to_activate: list[CardSnapshot], at: datetime) -> Action:
    """The first that applies: what is lost before what is new, what is new before what is usual."""
    whose = f"?for={known.person.person_id}"
    if card is not None and is_reported_lost(card, at):
        why = _("卡已停用。找到了请撤销；找不到请正式挂失，再申请补卡。")
        return Action("lost", reverse("portal:loss", args=[card.card_id]), _("处理挂失"), why)
    if to_activate:
        why = _("新卡到手后在这里启用。启用之前旧卡照常使用。")
        return Action("activate", reverse("portal:activate", args=[to_activate[0].card_id]), _("启用新卡"), why)
    newest = known.applications[0] if known.applications else None
    step = next_step(card, newest)
    if step == "collect":
        return _collecting(whose, known)
    if step == "await_post":
        return _following(_("您的新卡已寄出，收到后请在这里启用。"))
    if step == "wait" and newest is not None:
        return _following(_waiting(newest, at))
    return _using_or_applying(known, card, whose, step)


def _using_or_applying(known: Known, card: CardSnapshot | None, whose: str, step: str) -> Action:
    if step == "use" and card is not None and card.social_state == SocialState.ACTIVE:
        why = _("进站、就医、借书时出示；没有网络也能用。")
        return Action("code", reverse("portal:code") + whose, _("出示电子社保卡"), why)
    if step == "use":
        return _following(_("请留意进度。"))
    if any(each.generation == THIRD_GENERATION and each.reported_lost_at is not None for each in known.cards):
        why = _("原来的第三代卡已正式挂失，可以申请补卡。")
        return Action("replace", reverse("portal:apply_bank") + whose, _("申请补卡"), why)
    why = _("现在可以申请。拿到新卡并启用之前，旧卡照常使用。")
    return Action("apply", reverse("portal:apply_bank") + whose, _("申请第三代社保卡"), why)


def _following(why: str) -> Action:
    return Action("track", reverse("portal:progress"), _("查看办理进度"), why)


def _collecting(whose: str, known: Known) -> Action:
    url = reverse("portal:appointments") + whose
    if known.kept is not None:
        when = f"{known.kept.day:%Y-%m-%d} {HALF_WORDS[known.kept.half]}"
        why = _("新卡已到网点。已预约 %(when)s，请带身份证。") % {"when": when}
        return Action("collect", url, _("查看领卡预约"), why)
    if known.booking is not None:
        return Action("collect", url, _("预约领卡时间"), _("您的新卡已到，请带身份证到所选网点领取。"))
    return _following(_("您的新卡已到，由单位发放。"))


def _waiting(application: Application, at: datetime) -> str:
    if application.state == ApplicationState.IN_PRODUCTION:
        return _("您的新卡已制成，正在送来；到达后会通知您。")
    promised = application.promised_by
    if promised is None:
        return _("您的新卡正在办理，请留意进度。")
    if promised < beijing_day(at):
        return _("应于 %(day)s 前制成，已超期；原因见进度。") % {"day": promised}
    return _("您的新卡正在办理，预计不晚于 %(day)s 制成。") % {"day": promised}
