"""The lists that can be had as files: cards, the audit trail, whoever bears a name. Personal data stays masked in them."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from yikatong.accounts.models import Role
from yikatong.exports.files import Row
from yikatong.exports.kinds import ExportKind, Parameters, Table
from yikatong.foundation.clock import BEIJING
from yikatong.registry.models import Person
from yikatong.registry.searching import bears_name
from yikatong.registry.selectors import masked_view
from yikatong.workbench.filters import cards_filtered, events_filtered
from yikatong.workbench.paging import COUNT_MAX, beyond
from yikatong.workbench.searching import Question

READ_AT_ONCE = 5_000
_CENTRE = frozenset({Role.CARD_CENTRE.value})
_AUDITING = _CENTRE | {Role.AUDITOR.value}


def by_key(found: "models.QuerySet[Any]", *names: str, is_descending: bool = False) -> Iterator[Any]:
    """All rows in the order of ``names``, unique together, page after page: no statement lasts long."""
    last: list[Any] | None = None
    while True:
        page = list(beyond(found, names, last, is_descending=is_descending)[:READ_AT_ONCE])
        yield from page
        if len(page) < READ_AT_ONCE:
            return
        last = [getattr(page[-1], name) for name in names]


def _moment(value: Any) -> str:
    return value.astimezone(BEIJING).isoformat(sep=" ", timespec="seconds") if value else ""


def _cards(parameters: Parameters) -> Iterator[Row]:
    for card in by_key(cards_filtered(_texts(parameters)), "card_id", is_descending=True):
        yield (
            card.card_number,
            card.bank_code,
            card.outlet_id,
            card.get_state_display(),
            card.get_social_state_display(),
            _moment(card.made_at),
            _moment(card.ready_at),
            _moment(card.collected_at),
            _moment(card.activated_at),
        )


def _events(parameters: Parameters) -> Iterator[Row]:
    for event in by_key(events_filtered(_texts(parameters)), "at", "event_id", is_descending=True):
        yield (event.event_id, _moment(event.at), event.actor, event.action, event.subject, event.person_id or "")


def _named(parameters: Parameters) -> Iterator[Row]:
    from yikatong.workbench.register import named_persons

    question = _question(parameters)
    for person in by_key(named_persons(question, str(parameters.get("district", ""))), "person_id"):
        if bears_name(person, question.name):
            view = masked_view(person)
            yield (person.person_id, view.name, view.identity_number, view.phone, _category(person))


def _category(person: Person) -> str:
    return str(person.get_category_display())


def _question(parameters: Parameters) -> Question:
    question = Question.opened(str(parameters["question"]))
    assert question is not None
    return question


def _texts(parameters: Parameters) -> Mapping[str, str]:
    return {name: str(value) for name, value in parameters.items()}


def _expected_events(parameters: Parameters) -> int | None:
    return _capped(events_filtered(_texts(parameters)))


def _expected_cards(parameters: Parameters) -> int | None:
    return _capped(cards_filtered(_texts(parameters)))


def _capped(found: "models.QuerySet[Any]") -> int | None:
    number = found.order_by()[: COUNT_MAX + 1].count()
    return number if number <= COUNT_MAX else None


def _unknown(parameters: Parameters) -> int | None:
    return None


_CARDS = Table(
    _("第三代卡清单"),
    (
        *(_("卡号"), _("银行"), _("网点"), _("状态"), _("社会保障功能")),
        *(_("制卡时间"), _("到网点时间"), _("领卡时间"), _("启用时间")),
    ),
    _cards,
    _expected_cards,
)
_AUDIT = Table(
    _("审计记录"),
    (_("序号"), _("时间"), _("何人"), _("何事"), _("对象"), _("涉及人员编号")),
    _events,
    _expected_events,
)
_NAMED = Table(
    _("同名人员清单（已脱敏）"),
    (_("人员编号"), _("姓名"), _("证件号码"), _("手机号码"), _("参保类别")),
    _named,
    _unknown,
)
LIST_EXPORTS = (
    ExportKind("cards", _CENTRE, (_CARDS,)),
    ExportKind("audit", _AUDITING, (_AUDIT,)),
    ExportKind("register.named", _CENTRE, (_NAMED,)),
)
