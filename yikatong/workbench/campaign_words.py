"""The campaign's machine names in the staff's words, and the colour of a state. Chinese is the source text."""

import re
from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from yikatong.campaign.models import CampaignState, InvitationState

NUMBER = re.compile(r"[0-9][0-9,]*")

STATES: Mapping[str, Promise] = {
    CampaignState.QUEUED: _("排队中"),
    CampaignState.PLANNING: _("计划中"),
    CampaignState.PLANNED: _("草案"),
    CampaignState.FAILED: _("未完成"),
    CampaignState.PUBLISHING: _("发布中"),
    CampaignState.PUBLISHED: _("已发布"),
    CampaignState.REPLACED: _("已被替换"),
}
STATE_COLOURS: Mapping[str, str] = {
    CampaignState.QUEUED: "waiting",
    CampaignState.PLANNING: "waiting",
    CampaignState.PLANNED: "draft",
    CampaignState.FAILED: "failed",
    CampaignState.PUBLISHING: "waiting",
    CampaignState.PUBLISHED: "published",
    CampaignState.REPLACED: "replaced",
}
UNFINISHED = (CampaignState.QUEUED, CampaignState.PLANNING)
"""Without figures yet."""
WITH_FIGURES = (
    CampaignState.PLANNED,
    CampaignState.PUBLISHING,
    CampaignState.PUBLISHED,
    CampaignState.REPLACED,
)
FOLLOWED = (*UNFINISHED, CampaignState.PUBLISHING)
"""The page follows the worker until it is done."""

INVITATIONS: Mapping[str, Promise] = {
    InvitationState.WAITING: _("待发送"),
    InvitationState.SENT: _("已发送"),
    InvitationState.UNREACHABLE: _("没有手机号码"),
    InvitationState.FAILED: _("发送失败"),
    InvitationState.WITHDRAWN: _("已撤回"),
}

WAYS: Mapping[str, Promise] = {
    "outlet": _("网点领取"),
    "post": _("邮寄"),
    "visit": _("上门办理"),
    "unit": _("单位代领"),
}

CATEGORIES: Mapping[str, Promise] = {
    "employee": _("职工"),
    "flexible": _("灵活就业人员"),
    "resident": _("城乡居民"),
    "student": _("十八岁以上学生"),
    "minor": _("未成年人"),
    "retiree": _("退休人员"),
}

BATCHES: tuple[Promise, ...] = (
    _("第一批"),
    _("第二批"),
    _("第三批"),
    _("第四批"),
    _("第五批"),
    _("常态化发卡"),
)
"""The batches as the city's rules name them, so that pages can translate them."""

REFUSALS: Mapping[str, Promise] = {
    "no_room": _("计划期内没有空位"),
    "unit_no_week": _("所在单位没有能一次容纳全体人员的周次"),
    "no_guardian": _("未成年人的监护人不明，请先登记监护关系"),
    "batch_not_open": _("所在批次在计划期内尚未开放"),
    "community_unknown": _("登记的社区不在城市数据中，请先更正"),
    "larger_than_a_week": _("人数超过任何一周能制的卡"),
    "no_week_left": _("计划期内各周均已排满"),
}

STEPS: tuple[Promise, ...] = (
    _("读取登记簿"),
    _("预测选行和领卡方式"),
    _("计算各领卡点能力"),
    _("安排单位"),
    _("计划"),
    _("抽签"),
    _("模拟排队"),
    _("保存"),
)
"""The steps of planning as the worker tells them, so that pages can translate them."""


def step_words(step: str) -> str:
    """A step as the worker tells it; in English its name and the first number beside it."""
    if not (get_language() or "").startswith("en"):
        return step
    name, _colon, rest = step.partition("：")
    number = NUMBER.search(rest)
    words = gettext(name) if name else ""
    return f"{words} ({number[0]})" if number else words


def refusal_words(code: str) -> str:
    """Why somebody has no slot; a code without words is shown as it is, so that nothing is hidden."""
    return str(REFUSALS.get(code, code))
