"""Machine names in the staff's words. Chinese is the source text; English comes from the message catalogue."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from yikatong.workbench import staff_words

ACTIONS: dict[str, Promise] = {
    "application.submitted": _("已提交申请"),
    "application.approved": _("审核通过"),
    "application.cancelled": _("申请已取消"),
    "card.made": _("卡片已制成"),
    "card.personalised": _("芯片已写入"),
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

AUDIT_ACTIONS: dict[str, Promise] = ACTIONS | staff_words.AUDIT_ACTIONS
"""What the audit trail names, where there are words for it."""

REFUSALS: dict[str, Promise] = staff_words.STAFF_REFUSALS | {
    "card_cancelled": _("此卡已注销。"),
    "card_reported_lost": _("此卡已挂失；如已找到，请先撤销预挂失。"),
    "card_not_ready": _("此卡还没有到网点，不能发放。"),
    "card_not_active": _("此卡的社会保障功能没有启用，不用终止。"),
    "card_not_collected": _("此卡还没有领取；领卡后才能启用或挂失。"),
    "guardian_required": _("未成年人的卡只能发给监护人，请核对监护人身份证件。"),
    "social_function_ended": _("此卡的社会保障功能已终止，不能再次启用。"),
    "not_the_holder": _("此卡不属于出示证件的人。"),
    "card_unknown": _("没有这张卡。"),
    "other_banks_card": _("金融功能只能在发卡银行启用。"),
    "made_by_bureau": _("此卡已交给制卡方或另一个网点制作，不能在这里制卡。"),
    "made_already": _("此卡已经制好。"),
    "blank_wrong": _("读卡器里的不是本市的空白卡；请换一张空白卡。"),
    "blank_differs": _("这不是先前写过的那张空白卡；请放回那张，或先将它报废。"),
    "writing_not_begun": _("还没有开始在本柜台制作这张卡；请重新开始。"),
    "chip_not_proven": _("卡片没有证明写卡成功；请重试，或将这张空白卡报废。"),
    "no_instant_issue": _("本网点不能即时制这张卡。"),
    "reason_missing": _("报废要写明原因。"),
    "person_unknown": _("登记簿中没有此人。"),
    "id_reused": _("这份申请已经提交过；请重新打开页面。"),
    "not_allowed_to_act": _("出示证件的人不能为他办理。"),
    "application_open": _("此人已有正在办理的申请；请在柜台首页查找。"),
    "batch_not_open": _("此人所在的批次还没有开始。"),
    "channel_not_open": _("集中换发期间，此人不能在网点申请；请在网上或由单位办理。"),
    "card_already_held": _("此人已有第三代社会保障卡。"),
    "replacement_needed": _("此人的第三代卡已挂失；请办理补卡。"),
    "nothing_to_replace": _("此人没有需要补的卡。"),
    "bank_not_allowed": _("此人不能选择本行；请查看可选的银行。"),
}

STATES: tuple[Promise, ...] = (
    _("已制卡"),
    _("待领取"),
    _("已领取"),
    _("已注销"),
    _("未启用"),
    _("已启用"),
    _("已终止"),
)
"""The states of a card as ``issuance.models`` calls them, so that pages can translate them."""


HALVES: dict[str, Promise] = {"am": _("上午"), "pm": _("下午")}

APPOINTMENT_STATES: dict[str, Promise] = {
    "kept": _("已预约"),
    "done": _("已办理"),
    "moved": _("已改期"),
    "cancelled": _("已取消"),
    "no_show": _("未到"),
}

APPOINTMENT_KINDS: dict[str, Promise] = {"booked": _("预约"), "invited": _("邀请"), "walk_in": _("现场到访")}

APPOINTMENT_REFUSALS: dict[str, Promise] = {
    "full": _("本半天的名额已满，不能再登记。请改约下面有空的时间，或请来人稍候。"),
    "unknown": _("本网点这半天不办理领卡。"),
    "past": _("这半天已经结束，不能再登记。"),
    "conflict": _("这个登记编号已经用过，请重新查找来人。"),
    "ended": _("这个预约已经结束（改期、取消、办理或未到），请刷新名单。"),
    "busy": _("同时预约的人太多，请稍后再试。"),
}
"""What a clerk may be refused about an appointment."""


def refusal_text(reason: object, fallback: str) -> str:
    """A refusal for the page: in the page's language when we have words for it."""
    return str(REFUSALS.get(str(reason), fallback))
