"""What is done for a card at a desk: each act once, by one clerk, written down for the day's report in the same transaction.

Two clerks at one case: the first does it, the second is told who did and when. The same press twice is one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from yikatong.audit.models import AuditEvent
from yikatong.delegation.rules import Act as Delegated
from yikatong.desks.collecting import Collector, Right, collector_with
from yikatong.desks.finding import Desk
from yikatong.desks.models import DeskAct
from yikatong.desks.rules import DeskReason
from yikatong.foundation.clock import BEIJING, beijing_day
from yikatong.foundation.errors import Refused
from yikatong.issuance import services as issuance
from yikatong.issuance.lifecycle import application_behind, lock_card, snapshot
from yikatong.issuance.models import Card, CardState, SocialState
from yikatong.issuance.rules import is_reported_lost
from yikatong.registry.models import Person


class Act(StrEnum):
    """What a clerk can do for a card."""

    RECEIVE = "receive"
    HAND_OVER = "hand_over"
    HAND_OVER_AND_ACTIVATE = "hand_over_and_activate"
    ACTIVATE_SOCIAL = "activate_social"
    ACTIVATE_FINANCIAL = "activate_financial"
    PRE_REPORT = "pre_report"
    WITHDRAW = "withdraw"
    REPORT_LOSS = "report_loss"


class DoneAlready(Refused[DeskReason]):
    """Somebody was first: ``who`` (a user name, empty when not known) and when."""

    def __init__(self, what: str, who: str, when: datetime | None) -> None:
        self.who, self.when = who, when
        by = f"由 {who} 于 {when.astimezone(BEIJING):%m-%d %H:%M} " if when else ""
        super().__init__(DeskReason.DONE_ALREADY, f"此卡已{by}{what}，无需再办")


@dataclass(frozen=True, slots=True)
class _Case:
    card: Card
    person: Person
    desk: Desk
    at: datetime
    document: str

    @property
    def collector(self) -> Collector:
        """Raises ``Refused``."""
        return self.collector_for(None)

    def collector_for(self, act: Delegated | None) -> Collector:
        """The same where the holder may have given the right to the act. Raises ``Refused``."""
        return collector_with(self.document, self.person, on=beijing_day(self.at), act=act)


def do(act: Act, card_id: int, desk: Desk, *, act_id: UUID, document: str = "", at: datetime) -> DeskAct:
    """Do one thing for a card. ``act_id``: made by the page; the same again is the same act and changes nothing.

    ``document``: the number of the identity document before the clerk; needed for everything but ``RECEIVE``.
    Raises ``Refused`` with a ``DeskReason`` or the reason of ``issuance``.
    """
    with transaction.atomic():
        person, card = lock_card(card_id)
        if card.bank_code != desk.outlet.bank_id:
            raise Refused(DeskReason.OTHER_BANK, "这张卡由另一家银行发行，请到发卡银行办理")
        known = DeskAct.objects.filter(place=desk.place, act_id=act_id).first()
        if known is not None:
            if (known.act, known.card_id) != (act, card_id):
                raise Refused(DeskReason.ACT_REUSED, "这个页面已经办理过另一件事，请重新打开")
            return known
        case = _Case(card, person, desk, at, document)
        details = _DO[act](case)
        return DeskAct.objects.create(
            place=desk.place,
            act_id=act_id,
            day=beijing_day(at),
            at=at,
            by=str(desk.by),
            act=act,
            person_id=card.person_id,
            card_id=card_id,
            details=details,
        )


def note(act: str, card: Card, desk: Desk, *, act_id: UUID, at: datetime) -> DeskAct:
    """Write down what another service does for a card at this desk, inside that service's transaction. Once for each number."""
    facts = {"day": beijing_day(at), "at": at, "by": str(desk.by), "act": act, "card_id": card.card_id}
    defaults = {**facts, "person_id": card.person_id}
    return DeskAct.objects.get_or_create(place=desk.place, act_id=act_id, defaults=defaults)[0]


def _receive(case: _Case) -> dict[str, object]:
    _check_not_done(case, case.card.state in {CardState.READY, CardState.COLLECTED}, "card.ready", "登记接收")
    _check_here(case)
    issuance.mark_ready(case.card.card_id, by=case.desk.by, at=case.at)
    return {}


def _hand_over(case: _Case) -> dict[str, object]:
    _check_not_done(case, case.card.state == CardState.COLLECTED, "card.collected", "发放")
    _check_here(case)
    collector = case.collector_for(Delegated.COLLECT)
    issuance.hand_over(
        case.card.card_id,
        by=case.desk.by,
        at=case.at,
        guardian_person_id=collector.person_id if collector.right == Right.GUARDIAN else None,
        agent_person_id=collector.person_id if collector.right == Right.AGENT else None,
    )
    return {"right": str(collector.right)}


def _hand_over_and_activate(case: _Case) -> dict[str, object]:
    return _hand_over(case) | _financial(case)


def _activate_social(case: _Case) -> dict[str, object]:
    _check_not_done(case, case.card.social_state == SocialState.ACTIVE, "card.activated", "启用社会保障功能")
    collector = case.collector_for(Delegated.ACTIVATE)
    acting = {"by": case.desk.by, "at": case.at, "acting_person_id": collector.person_id}
    activation = issuance.activate_social_function(case.card.card_id, **acting)  # type: ignore[arg-type]
    return {"right": str(collector.right), "ended_card_id": activation.ended_card_id}


def _activate_financial(case: _Case) -> dict[str, object]:
    _check_not_done(case, case.card.is_financially_active, "card.financially_activated", "启用金融功能")
    return _financial(case)


def _financial(case: _Case) -> dict[str, object]:
    collector = case.collector
    activation = issuance.activate_financial_function(
        case.card.card_id,
        bank_code=case.desk.outlet.bank_id,
        by=case.desk.by,
        at=case.at,
        acting_person_id=collector.person_id,
    )
    return {"right": str(collector.right), "ended_card_id": activation.ended_card_id}


def _pre_report(case: _Case) -> dict[str, object]:
    is_lost = is_reported_lost(snapshot(case.card), case.at)
    _check_not_done(case, is_lost, "card.pre_reported_lost", "预挂失")
    right = case.collector_for(Delegated.REPORT_LOSS)
    issuance.pre_report_loss(case.card.card_id, by=case.desk.by, at=case.at, acting_person_id=right.person_id)
    return {"right": str(right.right)}


def _withdraw(case: _Case) -> dict[str, object]:
    is_found = case.card.pre_reported_lost_at is None
    _check_not_done(case, is_found, "card.pre_report_withdrawn", "撤销预挂失")
    right = case.collector_for(Delegated.REPORT_LOSS)
    issuance.withdraw_pre_report(case.card.card_id, by=case.desk.by, at=case.at, acting_person_id=right.person_id)
    return {"right": str(right.right)}


def _report_loss(case: _Case) -> dict[str, object]:
    _check_not_done(case, case.card.reported_lost_at is not None, "card.reported_lost", "正式挂失")
    right = case.collector_for(Delegated.REPORT_LOSS)
    issuance.report_loss(case.card.card_id, by=case.desk.by, at=case.at, acting_person_id=right.person_id)
    return {"right": str(right.right)}


_DO: dict[Act, Callable[[_Case], dict[str, object]]] = {
    Act.RECEIVE: _receive,
    Act.HAND_OVER: _hand_over,
    Act.HAND_OVER_AND_ACTIVATE: _hand_over_and_activate,
    Act.ACTIVATE_SOCIAL: _activate_social,
    Act.ACTIVATE_FINANCIAL: _activate_financial,
    Act.PRE_REPORT: _pre_report,
    Act.WITHDRAW: _withdraw,
    Act.REPORT_LOSS: _report_loss,
}


def _check_here(case: _Case) -> None:
    """The card lies at this outlet, or is to be posted; a unit's cards are made ready together, elsewhere."""
    application = application_behind(case.card)
    collection = application.collection if application else ""
    if case.card.outlet_id == case.desk.outlet.outlet_id or collection == "post":
        return
    if collection == "unit":
        raise Refused(DeskReason.WITH_ITS_UNIT, "这张卡由单位统一领取，请在“单位代领”中备卡")
    raise Refused(DeskReason.AT_OTHER_OUTLET, "这张卡不在本网点，请持卡人到所选的网点领取")


def _check_not_done(case: _Case, is_done: bool, action: str, what: str) -> None:
    """Raises ``Refused`` (``DONE_ALREADY``) saying who did it and when, as the audit trail has it."""
    if not is_done:
        return
    subject = f"card:{case.card.card_id}"
    done = AuditEvent.objects.filter(subject=subject, action=action).order_by("-event_id").first()
    raise DoneAlready(what, done.actor.partition(":")[2] if done else "", done.at if done else None)
