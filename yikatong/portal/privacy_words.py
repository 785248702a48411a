"""What is kept about people, in their words: what for, on what ground, how long.

Source of grounds and times: 个人信息保护法 and the rules of social insurance, not checked article by article (unverified);
times that no rule gives are assumptions, and the page says that they are provisional.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from yikatong.consent.rules import Reason


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of data. ``section``: its name in the export."""

    section: str
    title: Promise
    purpose: Promise
    ground: Promise
    kept: Promise


CATEGORIES = (
    Category(
        "identity",
        _("身份和联系方式"),
        _("核对您是谁、判断能在哪家银行办卡、通知您领卡。"),
        _("办理社会保险和社保卡所必需；来自参保登记。"),
        _("参保期间一直保存。"),
    ),
    Category(
        "ties",
        _("监护关系和所在单位"),
        _("由监护人为孩子办理；由单位为职工、学生办理和代领。"),
        _("办理社保卡所必需；来自参保登记。"),
        _("关系结束后保存两年（暂定）。"),
    ),
    Category(
        "cards",
        _("卡片"),
        _("制卡、启用、挂失和核验。"),
        _("办理社保卡所必需。"),
        _("卡片有效期内，注销后五年（暂定）。"),
    ),
    Category(
        "applications",
        _("申请和邮寄地址"),
        _("按您的选择制卡、送卡。"),
        _("办理社保卡所必需；来自您的填写。"),
        _("办结后五年（暂定）。"),
    ),
    Category(
        "photograph",
        _("照片"),
        _("印在卡面、写入芯片、领卡时核对本人。"),
        _("您的单独同意（敏感个人信息）。"),
        _("卡片有效期内；撤回同意后不再用于制作新卡。"),
    ),
    Category(
        "phones",
        _("出示电子社保卡的手机"),
        _("让这部手机能出示二维码，丢了可以停用。"),
        _("提供电子社保卡所必需。"),
        _("到期后一年（暂定）。"),
    ),
    Category(
        "sessions",
        _("登录着的设备"),
        _("让您看到在哪里登录着，可以结束不是您的登录。"),
        _("保障账号安全所必需；只记设备种类，不记网络地址。"),
        _("登录结束后两小时内删除。"),
    ),
    Category(
        "uses",
        _("用卡记录"),
        _("计算票价、与运营单位结算、让您自己查看。"),
        _("提供服务所必需；就医地点的显示需要您的单独同意。"),
        _("结算记录按会计档案的规定保存。"),
    ),
    Category(
        "consents",
        _("您的同意和撤回"),
        _("证明您同意过什么、何时撤回。"),
        _("法律要求能够证明已取得同意。"),
        _("一直保存，不能修改。"),
    ),
    Category(
        "seen_by",
        _("谁查看和处理过"),
        _("让您和审计人员知道谁动过您的信息。"),
        _("法律要求留存处理记录。"),
        _("一直保存，不能修改。"),
    ),
)

ROLES: dict[str, Promise] = {
    "clerk": _("银行网点柜员"),
    "staff": _("社保卡中心工作人员"),
    "unit": _("单位或学校经办人"),
    "outreach": _("社区协办员"),
    "operator": _("运营单位工作人员"),
}

DEEDS: dict[str, Promise] = {
    "person.viewed": _("打开了您的页面（信息隐去大部分）"),
    "person.revealed": _("查看了完整的登记信息"),
    "person.shown": _("在柜台核对了您的证件"),
    "person.portrait_kept": _("保存了您的照片"),
    "person.phone_changed": _("更改了手机号码"),
    "card.face_printed": _("打印了卡面"),
    "card.ready": _("登记新卡到达"),
    "card.collected": _("发放了新卡"),
    "card.activated": _("启用了社会保障功能"),
    "card.financially_activated": _("启用了金融功能"),
    "application.submitted": _("提交了申请"),
    "data_request.read": _("打开了您关于信息的要求"),
    "data_request.answered": _("答复了您关于信息的要求"),
    "guardianship.recorded": _("登记了监护关系"),
    "guardianship.ended": _("结束了监护关系"),
}
OTHER_DEED = _("办理业务")
"""For whatever a floor records that has no words here."""

REQUEST_KINDS: dict[str, Promise] = {"deletion": _("删除信息"), "correct": _("更正信息")}

REFUSALS: dict[str, Promise] = {
    Reason.PURPOSE_UNKNOWN: _("没有这一同意事项，请重新打开页面。"),
    Reason.NOT_YOURS_TO_GIVE: _("只能由本人（未成年人可由监护人）同意或撤回。"),
    Reason.GUARDIAN_AGREES: _("未满十四周岁的，由监护人同意。"),
    Reason.NOT_FOR_THIS_AGE: _("这一项只适用于未满十四周岁的孩子。"),
    Reason.NO_PHONE: _("登记信息中没有手机号码，请到街道社保所登记，或到发卡银行柜台办理。"),
    Reason.SENT_JUST_NOW: _("验证码刚刚发送，请一分钟后再试。"),
    Reason.TOO_MANY_CODES: _("一小时内发送的验证码太多，请稍后再试，或到发卡银行柜台办理。"),
    Reason.NOT_SENT: _("短信没有发出，请稍后再试，或拨打 12333。"),
    Reason.CODE_WRONG: _("验证码不对，请核对短信。"),
    Reason.CODE_EXPIRED: _("验证码已过期或没有获取，请重新获取。"),
    Reason.CODE_USED: _("这个验证码已经用过，请重新获取。"),
    Reason.TOO_MANY_TRIES: _("验证码填错次数过多，请重新获取。"),
    Reason.TEXT_MISSING: _("请写明要求。"),
    Reason.TEXT_TOO_LONG: _("文字太长，请不要超过 500 字。"),
    Reason.PERSON_UNKNOWN: _("登记簿中没有此人，请拨打 12333。"),
    Reason.REQUEST_DIFFERS: _("这份要求已经提交过，内容不同；请重新打开页面。"),
}

_FIELDS: dict[str, str] = {
    Reason.CODE_WRONG: "code",
    Reason.CODE_EXPIRED: "code",
    Reason.CODE_USED: "code",
    Reason.TOO_MANY_TRIES: "code",
    Reason.TEXT_MISSING: "text",
    Reason.TEXT_TOO_LONG: "text",
}


def field_of(reason: object) -> str:
    """Where on the page a refusal is put right; empty when it is nowhere in particular."""
    return _FIELDS.get(str(reason), "")


def refusal_words(reason: object, fallback: str) -> str:
    """A refusal of ``yikatong.consent`` for the page, in the page's language when there are words for it."""
    return str(REFUSALS.get(str(reason), fallback))
