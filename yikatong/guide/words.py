"""Topics of questions in people's words, for residents and staff alike."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TOPICS: Mapping[str, Promise] = {
    "old_card": _("旧卡和换卡"),
    "activation": _("启用新卡"),
    "bank": _("选银行"),
    "batch": _("什么时候办"),
    "apply": _("申请办卡"),
    "collect": _("领卡"),
    "loss": _("挂失和补卡"),
    "ecard": _("电子社保卡"),
    "use": _("怎么用卡"),
    "money": _("待遇和账户"),
    "special": _("老人、孩子、单位"),
    "rights": _("隐私和投诉"),
}
