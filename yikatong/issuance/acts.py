"""Ending a card's social function by staff takes two people: it cannot be switched on again."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from yikatong.accounts.models import Role
from yikatong.approvals.acts import Act, Line, Parameters
from yikatong.audit.actors import Actor
from yikatong.foundation.errors import Refused
from yikatong.foundation.masks import masked_card_number
from yikatong.issuance.lifecycle import end_social_function
from yikatong.issuance.models import Card, SocialState
from yikatong.issuance.rules import Reason
from yikatong.registry.selectors import find_person, masked_view

CARD_CENTRE = frozenset({Role.CARD_CENTRE.value})

END_REASONS = {
    "holder_died": _("持卡人去世"),
    "left_insurance": _("参保关系已转出本市"),
    "issued_wrongly": _("发卡有误"),
}
"""Why staff end a social function. Source: assumption."""


def _card(parameters: Parameters) -> Card:
    card = Card.objects.filter(card_id=int(parameters["card_id"])).first()
    if card is None:
        raise Refused(Reason.CARD_UNKNOWN, "没有这张卡")
    return card


def _describe(parameters: Parameters) -> list[Line]:
    card = _card(parameters)
    person = find_person(card.person_id)
    return [
        (_("持卡人"), masked_view(person).name if person else "—"),
        (_("卡号"), masked_card_number(card.card_number)),
        (_("终止原因"), str(END_REASONS.get(str(parameters["reason"]), "—"))),
    ]


def _check(parameters: Parameters, at: datetime) -> None:
    if _card(parameters).social_state != SocialState.ACTIVE or parameters["reason"] not in END_REASONS:
        raise Refused(Reason.CARD_NOT_ACTIVE, "此卡的社会保障功能没有启用，不用终止")


def _execute(parameters: Parameters, by: Actor, at: datetime) -> None:
    end_social_function(int(parameters["card_id"]), by=by, at=at, reason=str(parameters["reason"]))


END_SOCIAL_FUNCTION = Act(
    name="card.end",
    title=_("终止社会保障功能"),
    warning=_("批准后这张卡不能再就医结算、领取待遇或乘车，不能恢复；需要时只能重新申请。"),
    requesters=CARD_CENTRE,
    approvers=CARD_CENTRE,
    describe=_describe,
    execute=_execute,
    check=_check,
)
