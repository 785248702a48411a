"""What a unit's pages say of refusals, rows and standings. Chinese is the source text; English comes from the message catalogue.

In Chinese the refusing service's own words are shown, which name figures and banks; in other languages the general sentence.
"""

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from yikatong.foundation.errors import Refused
from yikatong.units.models import PacketState, RosterState, RunState
from yikatong.units.rows import RowReason
from yikatong.units.rules import Reason
from yikatong.units.selectors import Standing

REFUSALS: dict[str, Promise] = {
    Reason.UNIT_UNKNOWN: _("没有这个单位。"),
    Reason.BANKS_MISSING: _("请至少选择一家银行；系统不预选任何银行。"),
    Reason.BANKS_TOO_MANY: _("勾选的银行超过可选的家数，请减少后再提交。"),
    Reason.BANK_UNKNOWN: _("所选银行不在合作银行名单中，请重新打开页面选择。"),
    Reason.NOT_A_SCHOOL: _("只有学校可以整体登记。"),
    Reason.BODY_MISSING: _("请填写作出决定的会议或机构，不超过 60 字。"),
    Reason.DECIDED_ON_WRONG: _("决定日期不对：不能晚于今天，也不能早于换发开始。"),
    Reason.REFERENCE_MISSING: _("请填写决定的文号或会议纪要编号，不超过 60 字。"),
    Reason.EVIDENCE_MISSING: _("请上传决定的书面材料（PDF、JPG 或 PNG）。"),
    Reason.EVIDENCE_TOO_LARGE: _("决定材料超过 5 MB，请压缩后再上传。"),
    Reason.EVIDENCE_UNREADABLE: _("决定材料应为完整的 PDF、JPG 或 PNG 文件。"),
    Reason.NOTHING_CHANGED: _("内容与目前的登记相同，没有可变更的。"),
    Reason.CHANGED_RECENTLY: _("30 天内只能变更一次；急需变更请联系社保卡中心。"),
    Reason.BANK_IN_USE: _("已有人通过本单位申请的银行不能取消。"),
    Reason.CARDS_TO_COLLECT: _("还有卡由本单位代领，领完后才能改为不代领。"),
    Reason.NOT_ENROLLED: _("请先完成登记选行。"),
    Reason.FILE_WRONG: _("这个文件不能作为名册读取：请用模板填写，存为 .xlsx 或 CSV 再上传。"),
    Reason.ROSTER_UNKNOWN: _("本单位没有这份名册。"),
    Reason.ROSTER_NOT_CHECKED: _("这份名册目前的状态不允许这一步，请刷新页面。"),
    Reason.ROSTER_OUTDATED: _("这份名册已经过时，请重新上传。"),
    Reason.NOBODY_TO_TAKE: _("这份名册没有可以采用的行，请按原因修改后重新上传。"),
    Reason.NOT_A_MEMBER: _("勾选的人员中有人不属于可结束的人员，请重新打开页面。"),
    Reason.RUN_UNDER_WAY: _("正在办理中，请等它结束。"),
    Reason.NOBODY_TO_APPLY_FOR: _("名册上没有已选银行且尚未申请的人员。"),
    Reason.NOBODY_TO_REMIND: _("没有需要提醒的人员：每人每天最多提醒一次。"),
    Reason.OUTLET_MISSING: _("请为名册上出现的每家银行选定一个领卡网点。"),
    Reason.PACKET_UNKNOWN: _("没有这一批卡。"),
    Reason.PACKET_NOT_READY: _("请先等银行备好，并登记已从网点领回。"),
    Reason.CARD_NOT_HERE: _("这张卡不在手上，不能发放或退回。"),
}

ROW_REASONS: dict[str, Promise] = {
    RowReason.COLUMN_COUNT_WRONG: _("列数不对"),
    RowReason.FORMULA: _("含有公式"),
    RowReason.CELL_TOO_LONG: _("内容过长"),
    RowReason.NAME_WRONG: _("姓名不对"),
    RowReason.NUMBER_MISSING: _("没有证件号码"),
    RowReason.NUMBER_ROUNDED: _("号码被存成数字"),
    RowReason.NUMBER_WRONG: _("证件号码不对"),
    RowReason.REPEATED: _("重复"),
    RowReason.STRANGER: _("不在登记簿中"),
    RowReason.NAME_DIFFERS: _("姓名与号码不符"),
    RowReason.MINOR: _("未满十八周岁"),
    RowReason.CATEGORY_WRONG: _("参保类别不符"),
    RowReason.BANK_UNKNOWN: _("银行不认识"),
    RowReason.BANK_NOT_PICKED: _("银行不在选定之列"),
}

STANDINGS: dict[str, Promise] = {
    Standing.UNCHOSEN: _("待本人选择"),
    Standing.TO_APPLY: _("已选行，待申请"),
    Standing.REFUSED: _("未能申请"),
    Standing.APPLIED: _("已申请"),
    Standing.MAKING: _("制卡中"),
    Standing.READY: _("待领取"),
    Standing.COLLECTED: _("已领卡"),
}

ROSTER_STATES: dict[str, Promise] = {
    RosterState.CHECKING: _("检查中"),
    RosterState.CHECKED: _("待确认"),
    RosterState.UNREADABLE: _("不能读取"),
    RosterState.CONFIRMED: _("采用中"),
    RosterState.TAKEN: _("已采用"),
    RosterState.DISCARDED: _("已放弃"),
}

RUN_STATES: dict[str, Promise] = {RunState.RUNNING: _("办理中"), RunState.DONE: _("已完成")}

PACKET_STATES: dict[str, Promise] = {
    PacketState.PREPARING: _("银行备卡中"),
    PacketState.READY: _("请到网点领取"),
    PacketState.FETCHED: _("单位已领回"),
}

_APPLICATION_REFUSALS: dict[str, Promise] = {
    "application_open": _("已有一份办理中的申请。"),
    "batch_not_open": _("此人所在的批次还没有开始。"),
    "card_already_held": _("此人已有第三代社会保障卡。"),
    "replacement_needed": _("此人的第三代卡已挂失；请本人办理补卡。"),
    "bank_not_allowed": _("此人不能选择这家银行。"),
    "guardian_required": _("未满十八周岁的，由监护人代为申请。"),
    "unit_missing": _("此人已不属于本单位。"),
    "unit_does_not_collect": _("本单位不代领社保卡。"),
    "person_unknown": _("登记簿中没有此人。"),
}


def told(refused: Refused) -> str:  # type: ignore[type-arg]
    """A refusal for the page."""
    return refusal_words(str(refused.reason), str(refused))


def refusal_words(reason: str, chinese: str) -> str:
    """The service's own words in Chinese, which say more; in another language the general ones, where there are any."""
    if (get_language() or "").startswith("zh"):
        return chinese
    return str(REFUSALS.get(reason) or _APPLICATION_REFUSALS.get(reason) or chinese)


def row_reasons(codes: str) -> str:
    """The short names of a row's mistakes."""
    return "、".join(str(ROW_REASONS.get(code, code)) for code in codes.split())
