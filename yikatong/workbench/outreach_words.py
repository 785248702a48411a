"""Outreach's machine names in words: for the helper's device, in both languages, and for the card centre."""

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from yikatong.banks.models import Bank, Outlet
from yikatong.city.models import Division
from yikatong.foundation.clock import BEIJING
from yikatong.outreach.models import HomeApplication, Visit
from yikatong.outreach.selectors import standing_of
from yikatong.outreach.uploads import wished
from yikatong.registry.models import Person
from yikatong.supervision.words import CATEGORIES

REASONS: dict[str, Promise] = {
    "application_open": _("这位居民已经有一份办理中的申请。"),
    "card_already_held": _("这位居民已经有第三代社保卡。"),
    "replacement_needed": _("这位居民的第三代社保卡已正式挂失，应申请补卡。"),
    "nothing_to_replace": _("没有已正式挂失的第三代社保卡，不能申请补卡。"),
    "bank_not_allowed": _("上门时选的银行现在不能选了。"),
    "batch_not_open": _("这位居民所在的批次尚未开始。"),
    "channel_not_open": _("这类人员现在不能由协办员上门代办。"),
    "outlet_missing": _("上门时选的网点现在没有了。"),
    "outlet_of_other_bank": _("上门时选的网点不属于所选银行。"),
    "address_missing": _("没有填写邮寄地址。"),
    "guardian_required": _("未满十八周岁的，由监护人办理。"),
    "not_allowed_to_act": _("没有为此人办理的权限。"),
    "minor_collects_at_outlet": _("未成年人的卡由监护人到网点领取。"),
    "person_gone": _("登记簿中已经没有这位居民（去世、迁出或合并）。"),
    "person_unknown": _("登记簿中已经没有这位居民（去世、迁出或合并）。"),
    "category_changed": _("这位居民的参保类别已经改变，可选的银行可能不同。"),
    "person_moved": _("登记簿显示这位居民已搬到别的街道。"),
    "id_reused": _("这份申请已经上传过，内容不同。"),
}
"""Why what was taken at home became a case."""

REFUSALS: dict[str, Promise] = {
    "not_a_helper": _("您的账号还没有分配街道或社区，请联系社保卡中心。"),
    "area_unknown": _("没有这个街道或社区。"),
    "device_unknown": _("服务器不认识这台设备，或它登记在别人名下；请由本人登录，或重新登记设备。"),
    "device_lost": _("这台设备已报告遗失，其中的资料已停用。"),
    "too_many_devices": _("登记的设备太多；请先停用不再使用的设备。"),
    "visit_unknown": _("这次走访没有下发给这台设备。"),
    "visit_closed": _("这次走访已有结果，没有更改。"),
    "malformed": _("上传的内容不完整，没有受理；内容仍保存在本机，请联系社保卡中心。"),
    "case_unknown": _("没有这件待核实的申请。"),
    "case_closed": _("这件申请已经处理，不能再更改。"),
    "reason_missing": _("请写明原因。"),
}

CHANNELS: dict[str, Promise] = {
    "web": _("本人网上申请"),
    "outlet": _("网点现场申请"),
    "outreach": _("协办员上门办理"),
    "unit": _("单位代为申请"),
}
COLLECTIONS: dict[str, Promise] = {
    "outlet": _("网点领取"),
    "post": _("邮寄"),
    "visit": _("协办员送卡上门"),
    "unit": _("单位代领"),
}
CASE_STATES: dict[str, Promise] = {
    "accepted": _("已受理"),
    "conflict": _("待协办员处理"),
    "noted": _("待卡中心处理"),
    "discarded": _("已放弃"),
    "settled": _("已处理"),
}
CARD_STATES: dict[str, Promise] = {
    "made": _("已制卡"),
    "ready": _("待领取"),
    "collected": _("已领取"),
}


def words_for(reason: str, fallback: str = "") -> str:
    """A refusal or the reason of a case in the page's language."""
    found = REFUSALS.get(reason) or REASONS.get(reason)
    return str(found) if found is not None else fallback or reason


def our_side(case: HomeApplication) -> list[str]:
    """What was taken at home, in lines."""
    wish = wished(case)
    if not wish.bank_code:
        return [gettext("上门办理的内容已放弃。")]
    moment = case.completed_at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")
    return [
        gettext("协办员上门办理，%(moment)s") % {"moment": moment},
        gettext("银行：%(bank)s") % {"bank": _bank(wish.bank_code)},
        _collection(wish.collection, wish.outlet_id),
    ]


def their_side(case: HomeApplication) -> list[str]:
    """What the platform knows of the person now, in lines."""
    standing, lines = standing_of(case.person_id), []
    if standing.application is not None:
        application = standing.application
        moment = application.submitted_at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")
        lines += [
            f"{CHANNELS[application.channel]}，{moment}",
            gettext("银行：%(bank)s") % {"bank": _bank(application.bank_code)},
            _collection(application.collection, application.outlet_id),
        ]
    if standing.card is not None:
        lines.append(gettext("第三代社保卡：%(state)s") % {"state": CARD_STATES[standing.card.state]})
    lines += _register(case)
    return lines or [words_for(case.reason)]


def _register(case: HomeApplication) -> list[str]:
    """What the register says otherwise than when the helper left."""
    visit = Visit.objects.filter(person_id=case.person_id, visit_id=case.visit_id).first()
    person = Person.objects.filter(person_id=case.person_id).first()
    if visit is None or person is None:
        return []
    lines = []
    if person.category != visit.told_category:
        told = {which: str(CATEGORIES.get(code, "—")) for which, code in _both(person.category, visit.told_category)}
        lines.append(gettext("参保类别：%(now)s（下发走访时：%(before)s）") % told)
    if person.community_code != visit.told_community:
        codes = _both(person.community_code, visit.told_community)
        names = dict(Division.objects.filter(code__in=[code for _which, code in codes]).values_list("code", "name"))
        told = {which: names.get(code, code) for which, code in codes}
        lines.append(gettext("社区：%(now)s（下发走访时：%(before)s）") % told)
    return lines


def _both(now: str, before: str) -> list[tuple[str, str]]:
    return [("now", now), ("before", before)]


def _collection(way: str, outlet_id: str) -> str:
    outlet = Outlet.objects.filter(outlet_id=outlet_id).first() if way == "outlet" else None
    place = f"（{outlet.name}）" if outlet else ""
    return gettext("领卡：%(way)s%(place)s") % {"way": COLLECTIONS[way], "place": place}


def _bank(code: str) -> str:
    bank = Bank.objects.filter(code=code).first()
    if bank is None:
        return code
    return bank.name_en if (get_language() or "").startswith("en") else bank.name_zh
