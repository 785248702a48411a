"""What a venue reads about a presentation."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from yikatong.credentials.presentation import Refusal

REFUSALS: dict[str, Promise] = {
    Refusal.REQUEST_UNKNOWN: _("没有这次核验，请重新发起。"),
    Refusal.REQUEST_EXPIRED: _("核验已超时，请重新发起。"),
    Refusal.PRESENTATION_REPLAYED: _("这次核验已经出示过，请重新发起。"),
    Refusal.WALLET_DECLINED: _("持卡人没有同意出示。"),
    Refusal.PRESENTATION_MALFORMED: _("钱包的回答不完整，请持卡人更新钱包后重试。"),
    Refusal.ISSUER_UNKNOWN: _("不是本市发放的电子社保卡。"),
    Refusal.ISSUER_SIGNATURE_WRONG: _("发证签名不对，可能是伪造的，请改用实体卡核验。"),
    Refusal.DISCLOSURE_WRONG: _("出示的内容与发证时不一致，请改用实体卡核验。"),
    Refusal.CREDENTIAL_TYPE_WRONG: _("出示的不是电子社保卡。"),
    Refusal.CREDENTIAL_NOT_YET_VALID: _("此卡尚未生效。"),
    Refusal.CREDENTIAL_EXPIRED: _("钱包中的卡已过期，请持卡人重新添加。"),
    Refusal.HOLDER_BINDING_WRONG: _("不能证明出示的手机就是领卡的手机。"),
    Refusal.AUDIENCE_WRONG: _("这次出示是给别处的，请重新扫码。"),
    Refusal.NONCE_WRONG: _("这次出示不是对本次核验的回答，请重新扫码。"),
    Refusal.BINDING_NOT_FRESH: _("出示的时间不对，请校准手机时间后重试。"),
    Refusal.CLAIMS_MISSING: _("持卡人没有出示所需的全部内容。"),
    Refusal.STATUS_UNKNOWN: _("查不到此卡的状态，请改用实体卡核验。"),
    Refusal.CREDENTIAL_REVOKED: _("此卡已失效（换卡、注销或持卡人已停用）。"),
    Refusal.CREDENTIAL_SUSPENDED: _("此卡已挂失，暂停使用。"),
}

CATEGORY_WORDS: dict[str, Promise] = {
    "employee": _("职工"),
    "flexible": _("灵活就业人员"),
    "resident": _("城乡居民"),
    "student": _("十八岁以上学生"),
    "minor": _("未成年人"),
    "retiree": _("退休人员"),
}


def refusal_words(reason: str) -> str:
    """A refusal in the reader's language."""
    return str(REFUSALS[Refusal(reason)])


def yes_or_no(value: bool) -> str:
    """For what is or is not."""
    return _now("是") if value else _now("否")
