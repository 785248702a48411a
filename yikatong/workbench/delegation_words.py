"""Refusals of delegations for staff."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from yikatong.delegation.rules import Reason

DELEGATION_REFUSALS: dict[str, Promise] = {
    Reason.PERSON_UNKNOWN: _("登记簿中没有这个证件号码，请核对后重新输入。"),
    Reason.SAME_PERSON: _("委托人和受托人是同一个人。"),
    Reason.PRINCIPAL_UNDER_AGE: _("委托人未满十八周岁，由监护人办理，无需委托。"),
    Reason.AGENT_UNDER_AGE: _("受托人须年满十八周岁。"),
    Reason.ACTS_MISSING: _("请选择委托办理的事项。"),
    Reason.UNTIL_WRONG: _("委托的最后一天不对，最长三年。"),
    Reason.TOO_MANY: _("同时有效的委托太多，请先结束不需要的。"),
    Reason.EVIDENCE_MISSING: _("请写明核对了哪些证件和材料。"),
    Reason.ID_REUSED: _("这份委托已经登记过，请重新打开页面。"),
}
