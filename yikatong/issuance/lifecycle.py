"""What happens to a card after it was made: arrival, hand-over, activation, loss, end.

Every command takes the person's lock first, so that a person's cards change one command at a time; each is one transaction
with its audit row inside, and repeating it is harmless.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from yikatong.applications.models import Application, ApplicationState
from yikatong.applications.rules import ADULT_AGE_YEARS
from yikatong.applications.services import acting_person, lock_person, move
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.audit.services import record
from yikatong.banks.models import Outlet
from yikatong.city.rules import rules_at
from yikatong.delegation.rules import Act
from yikatong.delegation.selectors import delegate_ids_of
from yikatong.foundation.clock import age_years, beijing_day
from yikatong.foundation.errors import Refused
from yikatong.issuance import hooks, rules
from yikatong.issuance.models import (
    Card,
    CardState,
    ProductionOrder,
    ProductionState,
    SocialFunction,
    SocialState,
)
from yikatong.issuance.rules import CardSnapshot, Reason
from yikatong.registry.models import Person
from yikatong.registry.selectors import guardian_ids_of

SELF = Actor.system("issuance")


@dataclass(frozen=True, slots=True)
class Activation:
    """A card whose social function is on, since when, and which older card it ended, if this call ended one."""

    card_id: int
    activated_at: datetime
    ended_card_id: int | None
    was_repeated: bool


def snapshot(card: Card) -> CardSnapshot:
    """What the rules need to know of a card."""
    return snapshot_with(card, application_behind(card))


def snapshot_with(card: Card, application: Application | None) -> CardSnapshot:
    """The same for who has read the application behind the card already."""
    return CardSnapshot(
        card_id=card.card_id,
        person_id=card.person_id,
        generation=card.generation,
        state=card.state,
        social_state=card.social_state,
        is_financially_active=card.is_financially_active,
        is_posted=application is not None and application.collection == "post",
        pre_reported_lost_at=card.pre_reported_lost_at,
        pre_report_lapses_at=card.pre_report_lapses_at,
        reported_lost_at=card.reported_lost_at,
    )


def application_behind(card: Card) -> Application | None:
    """The application a card was made for; older generations have none."""
    if card.application_id is None:
        return None
    return Application.objects.filter(person_id=card.person_id, application_id=card.application_id).first()


def lock_card(card_id: int) -> tuple[Person, Card]:
    """Lock the card's person and read the card after. Raises ``Refused`` (``CARD_UNKNOWN``)."""
    person_id = Card.objects.filter(card_id=card_id).values_list("person_id", flat=True).first()
    if person_id is None:
        raise Refused(Reason.CARD_UNKNOWN, "没有这张卡")
    person = lock_person(person_id)
    return person, Card.objects.select_for_update().get(card_id=card_id)


def mark_ready(card_id: int, *, by: Actor, at: datetime) -> Card:
    """The card arrived at its outlet, or was posted. Repeating it changes nothing; raises ``Refused``."""
    with transaction.atomic():
        person, card = lock_card(card_id)
        if not rules.check_arrival(snapshot(card)):
            return card
        card.state, card.ready_at = CardState.READY, at
        card.save(update_fields=["state", "ready_at"])
        if card.application_id is not None:
            orders = ProductionOrder.objects.filter(person_id=person.person_id, order_id=card.application_id)
            orders.update(state=ProductionState.SHIPPED)
        _move_application(card, ApplicationState.READY, by=by, at=at)
        _record("card.ready", card, by=by, at=at)
        hooks.card_changed(card, at)
        return card


def send_to_outlet(card_id: int, *, outlet_id: str, by: Actor, at: datetime) -> Card:
    """A card that its unit could not hand out goes back to an outlet of its bank, to be collected there.

    Repeating it changes nothing. Raises ``Refused`` (``CARD_NOT_READY``, ``OTHER_BANKS_CARD``).
    """
    with transaction.atomic():
        _, card = lock_card(card_id)
        if not Outlet.objects.filter(outlet_id=outlet_id, bank_id=card.bank_code).exists():
            raise Refused(Reason.OTHER_BANKS_CARD, "只能退回发卡银行的网点")
        if card.outlet_id == outlet_id:
            return card
        if card.state != CardState.READY:
            raise Refused(Reason.CARD_NOT_READY, "此卡不在待领取状态，不能退回网点")
        card.outlet_id = outlet_id
        card.save(update_fields=["outlet_id"])
        _record("card.sent_to_outlet", card, by=by, at=at, outlet=outlet_id)
        return card


def hand_over(
    card_id: int,
    *,
    by: Actor,
    at: datetime,
    guardian_person_id: int | None = None,
    agent_person_id: int | None = None,
) -> Card:
    """Give the card to its holder, or a minor's to the guardian, after the clerk checked who stands there.

    ``agent_person_id``: an adult's card to whom they gave the right to collect it. Repeating it changes nothing. Raises
    ``Refused``.
    """
    with transaction.atomic():
        person, card = lock_card(card_id)
        today = beijing_day(at)
        is_guardian = guardian_person_id in guardian_ids_of(person, today)
        is_minor = age_years(person.birth_date, today) < ADULT_AGE_YEARS
        if agent_person_id is not None and agent_person_id not in delegate_ids_of(person.person_id, Act.COLLECT, today):
            raise Refused(Reason.NOT_THE_HOLDER, "此人没有代领的委托，请核对证件")
        if not rules.check_hand_over(snapshot(card), at, is_minor=is_minor, guardian_present=is_guardian):
            return card
        details = {"guardian_person_id": guardian_person_id} if is_guardian else {}
        if agent_person_id is not None:
            details["agent_person_id"] = agent_person_id
        _collect(card, by=by, at=at, **details)
        return card


def activate_social_function(
    card_id: int, *, by: Actor, at: datetime, acting_person_id: int | None = None
) -> Activation:
    """Switch the card's social function on and the holder's older card's off, in one transaction.

    Repeating it returns the first activation, so that a client whose reply was lost learns all the same which card ended.
    ``acting_person_id``: who asks, ``None`` when a clerk has checked the document; a resident acts as themselves. Raises
    ``Refused``. Source: 京人社数据字〔2024〕133号 (the older card is valid until activation).
    """
    with transaction.atomic():
        person, card = lock_card(card_id)
        _check_acting(person, by, acting_person_id, Act.ACTIVATE, at)
        if not rules.check_activation(snapshot(card), at):
            return Activation(card_id, card.activated_at or at, _ended_by(card_id), was_repeated=True)
        if card.state == CardState.READY:
            _collect(card, by=by, at=at)
        ended = _end_active_card(person.person_id, by=by, at=at, reason="superseded")
        card.social_state, card.activated_at = SocialState.ACTIVE, at
        card.save(update_fields=["social_state", "activated_at"])
        SocialFunction.objects.create(person_id=person.person_id, card_id=card_id, since=at)
        _record("card.activated", card, by=by, at=at, ended_card_id=ended.card_id if ended else None)
        if ended is not None:
            hooks.card_changed(ended, at)
        hooks.card_changed(card, at)
        return Activation(card_id, at, ended.card_id if ended else None, was_repeated=False)


def activate_financial_function(
    card_id: int, *, bank_code: str, by: Actor, at: datetime, acting_person_id: int | None = None
) -> Activation:
    """Switch the bank function on at the issuing bank's counter; the social function comes on with it.

    ``acting_person_id``: whose document the clerk has seen; for a minor's card it must be a guardian's. Repeating it changes
    nothing. Raises ``Refused``. Source: 京人社数据字〔2024〕133号 (the two functions are activated apart).
    """
    with transaction.atomic():
        _, card = lock_card(card_id)
        if card.bank_code != bank_code:
            raise Refused(Reason.OTHER_BANKS_CARD, "金融功能只能在发卡银行启用")
        activation = activate_social_function(card_id, by=by, at=at, acting_person_id=acting_person_id)
        card.refresh_from_db()
        if not card.is_financially_active:
            card.is_financially_active = True
            card.save(update_fields=["is_financially_active"])
            _record("card.financially_activated", card, by=by, at=at)
        return activation


def pre_report_loss(card_id: int, *, by: Actor, at: datetime, acting_person_id: int | None = None) -> Card:
    """Stop the card at once, for ten days. Repeating it keeps the first date. Raises ``Refused``."""
    with transaction.atomic():
        person, card = lock_card(card_id)
        _check_acting(person, by, acting_person_id, Act.REPORT_LOSS, at)
        rules.check_loss_report(snapshot(card))
        if rules.is_reported_lost(snapshot(card), at):
            return card
        if rules.has_lapsed(snapshot(card), at):  # the trail tells of the first report's end before the second begins
            _lift_pre_report(card, "card.pre_report_lapsed", by=SELF, at=at)
        days = rules_at(beijing_day(at)).limits.pre_report_lapses_after_days
        card.pre_reported_lost_at, card.pre_report_lapses_at = at, at + timedelta(days=days)
        card.save(update_fields=["pre_reported_lost_at", "pre_report_lapses_at"])
        _record("card.pre_reported_lost", card, by=by, at=at)
        hooks.card_changed(card, at)
        return card


def withdraw_pre_report(card_id: int, *, by: Actor, at: datetime, acting_person_id: int | None = None) -> Card:
    """The card was found again before it was formally reported. Repeating it changes nothing. Raises ``Refused``."""
    with transaction.atomic():
        person, card = lock_card(card_id)
        _check_acting(person, by, acting_person_id, Act.REPORT_LOSS, at)
        if card.reported_lost_at is not None:
            raise Refused(Reason.NOT_PRE_REPORTED, "此卡已正式挂失，不能撤销；请申请补卡")
        if card.pre_reported_lost_at is not None:
            _lift_pre_report(card, "card.pre_report_withdrawn", by=by, at=at)
        return card


def report_loss(card_id: int, *, by: Actor, at: datetime, acting_person_id: int | None = None) -> Card:
    """Report the loss formally: the card is cancelled for good, its social function ends, a replacement may be applied for.

    Repeating it changes nothing. Raises ``Refused``.
    """
    with transaction.atomic():
        person, card = lock_card(card_id)
        _check_acting(person, by, acting_person_id, Act.REPORT_LOSS, at)
        if card.reported_lost_at is not None:
            return card
        rules.check_loss_report(snapshot(card))
        card.reported_lost_at = at
        card.state = CardState.CANCELLED
        card.ended_at = card.ended_at or at  # superseded before: taps still on their way are judged by that moment
        if card.social_state == SocialState.ACTIVE:
            SocialFunction.objects.filter(person_id=person.person_id, card_id=card_id).delete()
        card.social_state = SocialState.ENDED
        card.save(update_fields=["reported_lost_at", "state", "ended_at", "social_state"])
        application = application_behind(card)
        if application is not None and application.state == ApplicationState.READY:
            move(application, ApplicationState.CANCELLED, by=by, at=at)
        _record("card.reported_lost", card, by=by, at=at)
        hooks.card_changed(card, at)
        return card


def end_social_function(card_id: int, *, by: Actor, at: datetime, reason: str) -> Card:
    """End a card's social function for good: the holder died or left the city's insurance. ``reason`` is a machine name.

    The card as a thing stays what it is. Repeating it changes nothing. Raises ``Refused`` (``CARD_UNKNOWN``,
    ``CARD_NOT_ACTIVE``). Source: assumption (the programme's papers name no procedure).
    """
    with transaction.atomic():
        person, card = lock_card(card_id)
        if card.social_state == SocialState.ENDED:
            return card
        if card.social_state != SocialState.ACTIVE:
            raise Refused(Reason.CARD_NOT_ACTIVE, "此卡的社会保障功能没有启用，不用终止")
        ended = _end_active_card(person.person_id, by=by, at=at, reason=reason)
        assert ended is not None
        assert ended.card_id == card_id
        hooks.card_changed(ended, at)
        return ended


def lapse_pre_reports(*, at: datetime) -> int:
    """Lift the pre-reports whose ten days are over; how many. What is refused never depends on when this runs."""
    lapsed = Card.objects.filter(pre_report_lapses_at__lte=at, reported_lost_at=None).values_list("card_id", flat=True)
    count = 0
    for card_id in list(lapsed):
        with transaction.atomic():
            _, card = lock_card(card_id)
            if rules.has_lapsed(snapshot(card), at):
                _lift_pre_report(card, "card.pre_report_lapsed", by=SELF, at=at)
                count += 1
    return count


def _lift_pre_report(card: Card, action: str, *, by: Actor, at: datetime) -> None:
    card.pre_reported_lost_at = card.pre_report_lapses_at = None
    card.save(update_fields=["pre_reported_lost_at", "pre_report_lapses_at"])
    _record(action, card, by=by, at=at)
    hooks.card_changed(card, at)


def _check_acting(person: Person, by: Actor, acting_person_id: int | None, act: Act, at: datetime) -> None:
    today = beijing_day(at)
    rules.check_right_to_act(
        holder_person_id=person.person_id,
        acting_person_id=acting_person(by, acting_person_id),
        is_minor=age_years(person.birth_date, today) < ADULT_AGE_YEARS,
        guardian_ids=guardian_ids_of(person, today),
        delegate_ids=delegate_ids_of(person.person_id, act, today),
    )


def _collect(card: Card, *, by: Actor, at: datetime, **details: int | None) -> None:
    card.state, card.collected_at = CardState.COLLECTED, at
    card.save(update_fields=["state", "collected_at"])
    _move_application(card, ApplicationState.COLLECTED, by=by, at=at)
    _record("card.collected", card, by=by, at=at, **details)
    hooks.card_changed(card, at)


def _ended_by(card_id: int) -> int | None:
    """Which card the first activation of this one ended, as the audit trail tells."""
    event = AuditEvent.objects.filter(subject=f"card:{card_id}", action="card.activated").order_by("-event_id").first()
    return event.details["ended_card_id"] if event else None


def _end_active_card(person_id: int, *, by: Actor, at: datetime, reason: str) -> Card | None:
    function = SocialFunction.objects.filter(person_id=person_id).first()
    if function is None:
        return None
    older = Card.objects.select_for_update().get(card_id=function.card_id)
    older.social_state, older.ended_at = SocialState.ENDED, at
    older.save(update_fields=["social_state", "ended_at"])
    function.delete()
    _record("card.social_function_ended", older, by=by, at=at, reason=reason)
    return older


def _move_application(card: Card, state: ApplicationState, *, by: Actor, at: datetime) -> None:
    application = application_behind(card)
    if application is not None:
        move(application, state, by=by, at=at)


def _record(action: str, card: Card, *, by: Actor, at: datetime, **details: object) -> None:
    record(action, subject=f"card:{card.card_id}", by=by, at=at, person_id=card.person_id, **details)
