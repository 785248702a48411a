"""Acts in words: short for a message, which is always in Chinese, and as pages name them, in the page's language."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from yikatong.delegation.rules import Act

ACT_NAMES: dict[str, str] = {
    Act.APPLY: "申请",
    Act.FOLLOW: "查看进度",
    Act.BOOK: "预约领卡",
    Act.COLLECT: "领卡",
    Act.ACTIVATE: "启用",
    Act.REPORT_LOSS: "挂失",
    Act.SHOW_CODE: "出示电子社保卡",
}
ACT_WORDS: dict[str, Promise] = {
    Act.APPLY: _("申请社保卡，取消申请"),
    Act.FOLLOW: _("查看办理进度"),
    Act.BOOK: _("预约领卡时间"),
    Act.COLLECT: _("到网点代领卡片"),
    Act.ACTIVATE: _("启用社会保障功能"),
    Act.REPORT_LOSS: _("挂失和撤销挂失"),
    Act.SHOW_CODE: _("出示电子社保卡"),
}
