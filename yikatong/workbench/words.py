"""Machine names in the staff's words. Chinese is the source text; English comes from the message catalogue."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACTIONS: dict[str, Promise] = {
    "application.submitted": _("已提交申请"),
    "application.approved": _("审核通过"),
    "application.cancelled": _("申请已取消"),
    "card.made": _("卡片已制成"),
    "card.ready": _("卡片已到领卡网点（或已寄出）"),
    "card.collected": _("已领卡"),
    "card.activated": _("社会保障功能已启用"),
    "card.financially_activated": _("金融功能已启用"),
    "card.pre_reported_lost": _("已预挂失"),
    "card.pre_report_withdrawn": _("已撤销预挂失"),
    "card.pre_report_lapsed": _("预挂失已到期失效"),
    "card.reported_lost": _("已正式挂失"),
    "card.social_function_ended": _("旧卡的社会保障功能已终止"),
}

REFUSALS: dict[str, Promise] = {
    "card_cancelled": _("此卡已注销。"),
    "card_reported_lost": _("此卡已挂失；如已找到，请先撤销预挂失。"),
    "card_not_ready": _("此卡还没有到网点，不能发放。"),
    "card_not_collected": _("此卡还没有领取；领卡后才能启用或挂失。"),
    "guardian_required": _("未成年人的卡只能发给监护人，请核对监护人身份证件。"),
    "social_function_ended": _("此卡的社会保障功能已终止，不能再次启用。"),
    "not_the_holder": _("此卡不属于出示证件的人。"),
    "card_unknown": _("没有这张卡。"),
    "other_banks_card": _("金融功能只能在发卡银行启用。"),
}


def refusal_text(reason: object, fallback: str) -> str:
    """A refusal for the page: in the page's language when we have words for it."""
    return str(REFUSALS.get(str(reason), fallback))
