"""Acts, refusals and lasts of delegations in words."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from yikatong.delegation.rules import Proof, Reason

PROOF_WORDS: dict[str, Promise] = {
    Proof.GIVEN: _("本人在网上委托"),
    Proof.CODE: _("本人手机验证码确认"),
    Proof.IN_PERSON: _("当面办理"),
}
MONTHS: dict[int, Promise] = {3: _("三个月"), 12: _("一年"), 36: _("三年")}
REFUSALS: dict[str, Promise] = {
    Reason.PERSON_UNKNOWN: _("没有找到相符的登记信息，请核对手机号和身份证号码最后四位。"),
    Reason.TOO_MANY_TRIES: _("今天尝试的次数过多，请明天再试，或到街道社保所当面办理。"),
    Reason.PHONE_IS_OWN: _(
        "与您登记的是同一个手机号，验证码不能证明对方同意；请一起带身份证到网点或街道社保所当面办理。"
    ),
    Reason.SAME_PERSON: _("不能委托给本人。"),
    Reason.PRINCIPAL_UNDER_AGE: _("未满十八周岁的由监护人办理，无需委托。"),
    Reason.AGENT_UNDER_AGE: _("受托人须年满十八周岁。"),
    Reason.ACTS_MISSING: _("请选择委托办理的事项。"),
    Reason.UNTIL_WRONG: _("请选择委托多久。"),
    Reason.TOO_MANY: _("同时有效的委托太多，请先撤销不需要的。"),
    Reason.EVIDENCE_MISSING: _("请写明核对了哪些证件和材料。"),
    Reason.CODE_WRONG: _("验证码不对，或已过期、尝试次数过多。请核对，或重新申请。"),
    Reason.ID_REUSED: _("这份委托已经办理过，请重新打开页面。"),
}


def delegation_refusal(reason: object, fallback: str) -> str:
    """A refusal for the page, in its language."""
    return str(REFUSALS.get(str(reason), fallback))
