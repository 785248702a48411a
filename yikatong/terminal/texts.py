"""What a gate's or desk's display says, in Chinese and English, one text for each reason.

The reasons are those of codes, of the terminal itself, of the deny list, and of the gateway's answers. A reason that is newer
than this terminal's software is refused with a general text; the reason itself is always shown beside it.
"""

from typing import NamedTuple


class Text(NamedTuple):
    """One sentence for the holder."""

    zh: str
    en: str


TEXTS: dict[str, Text] = {
    "accepted": Text("请通行", "Please pass"),
    # the code
    "code_malformed": Text("这不是一卡通二维码，请打开电子社保卡重新出示", "Not a Yikatong code; open your e-card"),
    "issuer_unknown": Text("发码机构不在信任名单中", "The issuer of this code is not trusted here"),
    "certificate_signature_wrong": Text(
        "电子社保卡证书不是发码机构签发的", "This e-card was not certified by its issuer"
    ),
    "code_signature_wrong": Text("二维码签名不对，请重新出示", "The code's signature is wrong; show it again"),
    "certificate_not_yet_valid": Text("电子社保卡证书尚未生效", "This e-card's certificate is not valid yet"),
    "certificate_expired": Text(
        "电子社保卡证书已过期，请联网后重新打开", "This e-card's certificate expired; open it again while online"
    ),
    "code_from_future": Text("手机时间比现在快，请校准后再出示", "The phone's clock is ahead; set it and try again"),
    "code_expired": Text("二维码已过期，请刷新后重新出示", "The code expired; refresh it and show it again"),
    "code_replayed": Text(
        "此二维码刚刚用过，请刷新后重新出示", "This code was just used; refresh it and show it again"
    ),
    # the card and the phone
    "card_denied": Text("此卡已停用，请拨打 12333 查询", "This card is blocked; call 12333"),
    "card_reported_lost": Text("此卡已挂失，请联系持卡人或拨打 12333", "This card was reported lost; call 12333"),
    "card_superseded": Text("此卡已被新卡替代，请使用新卡", "This card was replaced; use the new card"),
    "card_cancelled": Text("此卡已注销", "This card was cancelled"),
    "card_not_active": Text("此卡尚未启用社会保障功能", "This card's social function is not active yet"),
    "card_unknown": Text("没有这张卡", "No such card"),
    "device_revoked": Text("出示此码的手机已被停用，请重新登录", "This phone was revoked; sign in again"),
    # the transit purse
    "purse_not_interoperable": Text("此卡未开通异地互通", "This card is not open for travel in other cities"),
    "purse_not_yet_valid": Text("此卡的交通功能尚未生效", "This card's transit purse is not valid yet"),
    "purse_expired": Text("此卡的交通功能已过期，请换新卡", "This card's transit purse expired; get a new card"),
    "already_entered": Text("此卡已进站，请找工作人员", "This card has entered already; ask the staff"),
    "not_entered": Text("此卡没有进站记录，请找工作人员", "This card has not entered; ask the staff"),
    "station_unknown": Text("进站记录无法识别，请找工作人员", "The entry on this card is not known; ask the staff"),
    "purse_insufficient": Text("余额不足，请先充值", "Not enough money; top up first"),
    # the terminal
    "card_number_not_taken": Text("此处不能用卡号，请出示二维码", "Card numbers are not taken here; show your code"),
    "trust_list_missing": Text("终端还没有信任名单，请找工作人员", "This terminal has no trust list; ask the staff"),
    "trust_list_expired": Text(
        "终端的信任名单已过期，请找工作人员", "This terminal's trust list expired; ask the staff"
    ),
    "deny_list_missing": Text("终端还没有停用名单，请找工作人员", "This terminal has no deny list; ask the staff"),
    "deny_list_stale": Text("终端太久没有联网，请找工作人员", "This terminal was offline for too long; ask the staff"),
    "terminal_clock_wrong": Text("终端时间不对，请找工作人员", "This terminal's clock is wrong; ask the staff"),
    "storage_failed": Text("终端无法保存记录，请找工作人员", "This terminal cannot store anything; ask the staff"),
}

_GENERAL = Text("此卡不能使用，请找工作人员", "This card cannot be used; ask the staff")


def text_for(reason: str) -> Text:
    """The sentence for a reason."""
    return TEXTS.get(reason, _GENERAL)
