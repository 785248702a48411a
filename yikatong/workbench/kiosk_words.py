"""What a kiosk says when it goes no further. Chinese is the source text."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from yikatong.desks.kiosk import KioskReason
from yikatong.foundation.errors import Refused
from yikatong.issuance.rules import Reason

REFUSALS: dict[str, Promise] = {
    KioskReason.CHIP_NOT_PROVEN: _("这张卡没有证明自己是本市的社会保障卡。请改用卡面上的卡号。"),
    KioskReason.NOT_THE_HOLDER: _("卡号与证件号码后四位不符，请核对后重新输入。"),
    KioskReason.TRIED_TOO_OFTEN: _("输错的次数过多，自助机今天不能再办理此卡。请带证件到银行网点启用。"),
    KioskReason.NO_PHONE: _("登记信息中没有手机号码，收不到验证码。请带证件到银行网点启用。"),
    KioskReason.CODE_WRONG: _("验证码不对，请对照短信重新输入。"),
    KioskReason.CODE_EXPIRED: _("验证码已过期，请重新获取。"),
    KioskReason.CODES_USED_UP: _("今天发给此卡的验证码已达上限。请明天再来，或带证件到银行网点启用。"),
    KioskReason.GUARDIAN_NEEDED: _("未成年人的卡由监护人在手机上或在银行网点启用。"),
    KioskReason.ACTIVE_ALREADY: _("此卡的社会保障功能已经启用，无需再办。"),
    Reason.CARD_REPORTED_LOST: _("此卡已挂失，不能启用。已经找到的，请先撤销预挂失。"),
    Reason.CARD_CANCELLED: _("此卡已注销，不能启用。"),
    Reason.SOCIAL_FUNCTION_ENDED: _("此卡的社会保障功能已终止，不能再次启用。"),
    Reason.CARD_NOT_COLLECTED: _("此卡还没有领取；领卡后才能启用。"),
}


def told(refused: Refused[Any]) -> str:
    """A refusal in the page's language."""
    return str(REFUSALS.get(str(refused.reason), str(refused)))
