"""Correcting somebody's phone takes two people: whoever has the phone can sign in as that person."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from yikatong.accounts.models import Role
from yikatong.accounts.services import follow_phone
from yikatong.approvals.acts import Act, Line, Parameters
from yikatong.audit.actors import Actor
from yikatong.foundation.errors import Refused
from yikatong.registry.models import Person
from yikatong.registry.reasons import Reason
from yikatong.registry.rules import is_phone
from yikatong.registry.selectors import clear_view, find_person, masked_view
from yikatong.registry.services import change_phone

CARD_CENTRE = frozenset({Role.CARD_CENTRE.value})


def _person(parameters: Parameters) -> Person:
    person = find_person(int(parameters["person_id"]))
    if person is None:
        raise Refused(Reason.PERSON_UNKNOWN, "登记库中没有此人")
    return person


def _describe(parameters: Parameters) -> list[Line]:
    view = masked_view(_person(parameters))
    new = str(parameters["phone"])
    return [
        (_("姓名"), view.name),
        (_("证件号码"), view.identity_number),
        (_("原手机号码"), view.phone or "—"),
        # The approver compares it with the document, so it stands in clear.
        (_("新手机号码"), new or str(_("删除，不再登记手机"))),
    ]


def _check(parameters: Parameters, at: datetime) -> None:
    person, phone = _person(parameters), str(parameters["phone"])
    if phone and not is_phone(phone):
        raise Refused(Reason.PHONE_WRONG, "手机号码应为以 1 开头的 11 位数字")
    if clear_view(person).phone == phone:
        raise Refused(Reason.PHONE_WRONG, "新号码与登记的号码相同")


def _execute(parameters: Parameters, by: Actor, at: datetime) -> None:
    person_id, phone = int(parameters["person_id"]), str(parameters["phone"])
    change_phone(person_id, phone, by=by, at=at)
    follow_phone(person_id, phone)


CORRECT_PHONE = Act(
    name="person.phone",
    title=_("更正手机号码"),
    warning=_("批准后，持新号码的人可以以此人身份登录；原号码不能再登录，已登录的设备全部退出。"),
    requesters=CARD_CENTRE,
    approvers=CARD_CENTRE,
    describe=_describe,
    execute=_execute,
    check=_check,
)
PERSON_ACTS = (CORRECT_PHONE,)
