"""Machine names in the holder's words. Chinese is the source text; English comes from the message catalogue."""

from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from yikatong.applications.models import Application
from yikatong.issuance.models import CardState, SocialState
from yikatong.issuance.rules import THIRD_GENERATION, CardSnapshot, is_reported_lost
from yikatong.portal.privacy_words import REFUSALS as CODE_REFUSALS

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

FARE_RULES: dict[str, Promise] = {
    "distance": _("按里程"),
    "monthly_discount": _("月累计优惠"),
    "early_bird": _("低峰优惠"),
    "airport_line": _("机场线"),
    "overstay": _("超时，加收最低票价"),
    "no_exit": _("没有出站记录，按最低票价"),
    "no_entry": _("没有进站记录，按最低票价"),
}

REFUSALS: dict[str, Promise] = {
    "person_unknown": _("登记簿中没有此人，请拨打 12333。"),
    "id_reused": _("这份申请已经提交过，请重新打开申请页面。"),
    "not_offered": _("没有这种办理方式，请重新打开申请页面。"),
    "not_allowed_to_act": _("您没有为此人办理的权限；请由本人申请，或先办理委托。"),
    "guardian_required": _("未成年人的卡由监护人办理。"),
    "application_open": _("已有一份办理中的申请，请先查看进度；不需要的可以取消后重新申请。"),
    "batch_not_open": _("您所在的批次尚未开始，请留意通知。"),
    "channel_not_open": _("集中换发期间请在网上办理；2026年1月1日起可到网点或服务点办理。"),
    "card_already_held": _("已持有第三代社保卡；如已遗失，请先正式挂失再申请补卡。"),
    "replacement_needed": _("您的第三代社保卡已正式挂失，请申请补卡。"),
    "nothing_to_replace": _("没有已正式挂失的第三代社保卡，不能申请补卡。"),
    "bank_not_allowed": _("不能选择这家银行，请重新选择。"),
    "outlet_missing": _("请选择领卡网点。"),
    "outlet_of_other_bank": _("所选网点不属于所选银行，请重新选择。"),
    "minor_collects_at_outlet": _("未成年人的卡由监护人到网点领取，请选择领卡网点。"),
    "address_missing": _("请填写邮寄地址。"),
    "unit_missing": _("您不属于所填单位，不能由该单位代领。"),
    "unit_does_not_collect": _("所填单位不代领社保卡，请选择网点领取或邮寄。"),
    "application_unknown": _("没有这份申请，请从办理进度重新进入。"),
    "state_forbids": _("卡片已进入制作，不能取消。"),
    "card_unknown": _("没有这张卡，请从“我的卡”重新进入。"),
    "not_the_holder": _("这不是您的卡。"),
    "card_cancelled": _("此卡已注销。"),
    "card_reported_lost": _("此卡已挂失；如已找到，请先撤销预挂失。"),
    "social_function_ended": _("此卡的社会保障功能已终止，不能再次启用。"),
    "card_not_collected": _("此卡还没有领取；领卡后才能启用或挂失。"),
    "not_pre_reported": _("此卡已正式挂失，不能撤销；请申请补卡。"),
    "card_not_active": _("领卡并启用社会保障功能后，才能使用电子社保卡。"),
    "no_electronic_card": _("此卡没有电子社保卡；第三代社保卡才有。"),
    "too_many_offers": _("一小时内生成的次数太多，请稍后再试。"),
    "device_key_invalid": _("手机生成的密钥无效，请刷新页面重试。"),
}
"""What a holder may be refused. What only a clerk or the worker can be refused has no place here."""


HALF_WORDS: dict[str, Promise] = {"am": _("上午"), "pm": _("下午")}

APPOINTMENT_REFUSALS: dict[str, Promise] = {
    "full": _("所选时间已约满，您原有的预约没有变化。请选择其他时间。"),
    "unknown": _("请在列表中选择一个时间。"),
    "past": _("所选时间已经过去，请选择以后的时间。"),
    "conflict": _("这个预约编号已经用过，请重新选择时间。"),
    "ended": _("这个预约已经结束（改期、取消、办理或未到）。请查看当前的预约。"),
    "busy": _("同时预约的人太多，请稍后再试。"),
    "nothing_to_collect": _("目前没有需要到网点领取的卡，不用预约。"),
    "other_outlet": _("只能预约领卡的网点，请重新选择时间。"),
    "too_early": _("那时卡片可能还没有制成，请选择列表中的时间。"),
}
"""What a holder may be refused about an appointment."""


def appointment_refusal(reason: object, fallback: str) -> str:
    """As ``refusal_text``, for appointments."""
    return str(APPOINTMENT_REFUSALS.get(str(reason), fallback))


def refusal_text(reason: object, fallback: str) -> str:
    """A refusal for the page: in the page's language when we have words for it."""
    return str((REFUSALS | CODE_REFUSALS).get(str(reason), fallback))


def state_of(card: CardSnapshot, at: datetime) -> Promise:
    """Where a card stands, in a few words for its picture."""
    if card.reported_lost_at is not None:
        return _("已正式挂失")
    if is_reported_lost(card, at):
        return _("已预挂失")
    if card.state == CardState.CANCELLED:
        return _("已注销")
    if card.social_state != SocialState.INACTIVE:
        return _("使用中") if card.social_state == SocialState.ACTIVE else _("已终止")
    return _BEFORE_ACTIVATION[card.state, card.is_posted]


_BEFORE_ACTIVATION: dict[tuple[str, bool], Promise] = {
    (CardState.MADE, False): _("已制成，送往网点"),
    (CardState.MADE, True): _("已制成，待寄出"),
    (CardState.READY, False): _("已到网点，待领取"),
    (CardState.READY, True): _("已寄出，收到后启用"),
    (CardState.COLLECTED, False): _("待启用"),
    (CardState.COLLECTED, True): _("待启用"),
}


def next_step(card: CardSnapshot | None, application: Application | None) -> str:
    """What the holder does next, as the name of a block in the home page: the newest application's turn comes first."""
    if application is not None and application.state in {"submitted", "approved", "in_production"}:
        return "wait"
    if application is not None and application.state == "ready":
        return {"post": "await_post", "visit": "await_visit"}.get(application.collection, "collect")
    return "use" if card is not None and card.generation == THIRD_GENERATION else "apply"
