"""What the desk says: acts, what is due, what was looked for, and why something is refused. Chinese is the source text."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yikatong.desks.rules import Asked, DeskReason, Due
from yikatong.desks.services import Act, DoneAlready
from yikatong.desks.stock import CountDiffers
from yikatong.foundation.clock import BEIJING
from yikatong.foundation.errors import Refused
from yikatong.wire.codes import CodeRefusal
from yikatong.workbench.words import refusal_text

ACTS: dict[str, Promise] = {
    Act.RECEIVE: gettext_lazy("登记接收"),
    Act.HAND_OVER: gettext_lazy("发卡"),
    Act.HAND_OVER_AND_ACTIVATE: gettext_lazy("发卡并启用"),
    Act.ACTIVATE_SOCIAL: gettext_lazy("启用社会保障功能"),
    Act.ACTIVATE_FINANCIAL: gettext_lazy("启用金融功能"),
    Act.PRE_REPORT: gettext_lazy("预挂失"),
    Act.WITHDRAW: gettext_lazy("撤销预挂失"),
    Act.REPORT_LOSS: gettext_lazy("正式挂失"),
    "make": gettext_lazy("当场制卡"),
    "kiosk_activate": gettext_lazy("自助机启用"),
    "load_purse": gettext_lazy("交通钱包充值"),
    "spoil": gettext_lazy("空白卡报废"),
    "count": gettext_lazy("盘点"),
    "count_decided": gettext_lazy("复核盘点差异"),
}

LOAD_STATES: dict[str, Promise] = {
    "begun": gettext_lazy("未充值"),
    "authorised": gettext_lazy("待卡片证明"),
    "loaded": gettext_lazy("已充值"),
    "not_loaded": gettext_lazy("未充值"),
}

STOCK_KINDS: dict[str, Promise] = {"blanks": gettext_lazy("空白卡"), "cards": gettext_lazy("待领卡片")}
COUNT_STATES: dict[str, Promise] = {
    "agreed": gettext_lazy("账实相符"),
    "waiting": gettext_lazy("差异待复核"),
    "confirmed": gettext_lazy("差异已复核"),
    "rejected": gettext_lazy("复核不同意"),
}

DUES: dict[str, Promise] = {
    Due.MAKE: gettext_lazy("这张卡还没有写入芯片，可以在本柜台用空白卡当场制作。"),
    Due.RECEIVE: gettext_lazy("卡片送到本网点后，请登记接收，系统将通知持卡人领取。"),
    Due.POST: gettext_lazy("这张卡邮寄给持卡人。寄出后请登记。"),
    Due.HAND_OVER: gettext_lazy("请核对证件原件与本人，然后发卡。"),
    Due.ACTIVATE: gettext_lazy("卡片已经发放，金融功能尚未启用。"),
    Due.REPLACE: gettext_lazy("此卡已正式挂失并注销，可以办理补卡。"),
    Due.FOUND_OR_LOST: gettext_lazy("此卡已预挂失：找到的，撤销预挂失；找不到的，正式挂失后补卡。"),
    Due.ELSEWHERE: gettext_lazy("这张卡不在本网点，请持卡人到所选的网点领取。"),
    Due.UNIT: gettext_lazy("这张卡由单位统一领取，请在“单位代领”中备卡。"),
    Due.ON_ITS_WAY: gettext_lazy("卡片已经寄出。持卡人收到后可以在手机、自助机或柜台启用。"),
    Due.NOTHING: gettext_lazy("这张卡没有要办的事。"),
}

ASKED: dict[str, Promise] = {
    Asked.CODE: gettext_lazy("电子社保卡的码"),
    Asked.IDENTIFICATION_CODE: gettext_lazy("芯片里的卡识别码"),
    Asked.NUMBER: gettext_lazy("申请、预约或包裹编号"),
    Asked.IDENTITY_NUMBER: gettext_lazy("证件号码"),
    Asked.PHONE: gettext_lazy("手机号码"),
    Asked.CARD_NUMBER: gettext_lazy("卡号"),
    Asked.UNREADABLE: gettext_lazy("输入的内容"),
}

NOTHING_FOUND: dict[str, Promise] = {
    Asked.CODE: gettext_lazy("这个码没有对应的卡。请持卡人在手机上重新打开电子社保卡，再扫一次。"),
    Asked.IDENTIFICATION_CODE: gettext_lazy("读到的卡不是本市发行的第三代社会保障卡。请换一张卡，或改用卡号查找。"),
    Asked.NUMBER: gettext_lazy("没有这个编号的申请、预约或包裹。请核对编号，或改用证件号码查找。"),
    Asked.IDENTITY_NUMBER: gettext_lazy("登记簿中没有这个证件号码。请核对证件；号码无误的，请来人到街道社保所登记。"),
    Asked.PHONE: gettext_lazy("没有人登记这个手机号码。请改用证件号码查找。"),
    Asked.CARD_NUMBER: gettext_lazy("没有这个卡号。请对照卡面重新输入，或改用证件号码查找。"),
    Asked.UNREADABLE: gettext_lazy(
        "认不出输入的内容。请输入 9 位卡号、18 位证件号码、11 位手机号码或回执上的编号，也可以扫码或读卡。"
    ),
}

_REFUSALS: dict[str, Promise] = {
    DeskReason.DOCUMENT_DIFFERS: gettext_lazy("证件号码与持卡人或监护人不符，请核对证件。"),
    DeskReason.OTHER_BANK: gettext_lazy("这张卡由另一家银行发行，请到发卡银行办理。"),
    DeskReason.AT_OTHER_OUTLET: gettext_lazy("这张卡不在本网点，请持卡人到所选的网点领取。"),
    DeskReason.WITH_ITS_UNIT: gettext_lazy("这张卡由单位统一领取，请在“单位代领”中备卡。"),
    DeskReason.ACT_REUSED: gettext_lazy("这个页面已经办理过另一件事，请重新打开。"),
    DeskReason.CODE_REUSED: gettext_lazy("这个码刚才已经用过，请持卡人刷新后再出示。"),
    DeskReason.DEVICE_REVOKED: gettext_lazy("出示此码的手机已被停用，请持卡人重新打开电子社保卡。"),
    DeskReason.TOO_MANY_LOOKUPS: gettext_lazy("查找次数过多，请稍候几分钟再试。"),
    DeskReason.COUNT_WRONG: gettext_lazy("请输入清点到的张数（0 至 100000 的整数）。"),
    DeskReason.COUNT_DECIDED: gettext_lazy("这次盘点已经有人复核过。"),
    DeskReason.COUNT_UNKNOWN: gettext_lazy("没有这次盘点。"),
    DeskReason.SECOND_PERSON_WRONG: gettext_lazy("差异要由另一位柜员复核，清点人不能复核自己的盘点。"),
    DeskReason.AMOUNT_WRONG: gettext_lazy("请输入 10 至 1000 元的整数金额；充值后余额不能超过 1000 元。"),
    DeskReason.REFERENCE_MISSING: gettext_lazy("请输入本行扣款的流水号。"),
    DeskReason.CARD_NOT_USABLE: gettext_lazy("此卡还没有领取，或已挂失、停用，不能充值。"),
    DeskReason.PURSE_WRONG: gettext_lazy("读卡器里不是这张卡，或卡片没有证明自己。请换成卡号相同的那张，重新放好。"),
    DeskReason.LOAD_DECIDED: gettext_lazy("这笔充值已经发给卡片，请按页面提示确认。"),
    CodeRefusal.CODE_MALFORMED: gettext_lazy("扫到的码不完整，请重新扫一次。"),
    CodeRefusal.CODE_EXPIRED: gettext_lazy("这个码已经过期，请持卡人刷新后再出示。"),
    CodeRefusal.CODE_FROM_FUTURE: gettext_lazy("这个码的时间晚于现在，请持卡人校准手机时间。"),
    CodeRefusal.CERTIFICATE_EXPIRED: gettext_lazy("电子社保卡的证书已过期，请持卡人联网后重新打开。"),
    CodeRefusal.CERTIFICATE_SIGNATURE_WRONG: gettext_lazy("这不是本市电子社保卡的码。"),
    CodeRefusal.CODE_SIGNATURE_WRONG: gettext_lazy("这个码的签名不对，请持卡人刷新后再出示。"),
    CodeRefusal.ISSUER_UNKNOWN: gettext_lazy("这不是本市电子社保卡的码。"),
}


def told(refused: Refused[Any]) -> str:
    """A refusal in the page's language."""
    if isinstance(refused, DoneAlready) and refused.when is not None:
        when = f"{refused.when.astimezone(BEIJING):%m-%d %H:%M}"
        return _("这件事已由 %(who)s 于 %(when)s 办好，无需再办。") % {"who": refused.who, "when": when}
    if isinstance(refused, DoneAlready):
        return _("这件事已经办好，无需再办。")
    if isinstance(refused, CountDiffers):
        return _("清点数与账面数 %(n)d 张不符。请再数一遍；数目无误的，写明原因（至少四个字）。") % {
            "n": refused.expected
        }
    words = _REFUSALS.get(str(refused.reason))
    return str(words) if words is not None else refusal_text(refused.reason, str(refused))
