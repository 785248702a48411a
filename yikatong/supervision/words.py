"""Figures and states in words, for pages, exports and commands alike. Chinese is the source; English comes from the catalogue."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yikatong.supervision.rules import Concentration, Level, Position, PositionTest, Verdict
from yikatong.supervision.suppression import Hidden

LEVELS: dict[Level, Promise] = {
    Level.LOW: gettext_lazy("集中度低（不足 1,000 点）"),
    Level.MODERATE: gettext_lazy("中度集中（1,000 至 1,800 点）"),
    Level.HIGH: gettext_lazy("高度集中（超过 1,800 点）"),
}
CATEGORIES: dict[str, Promise] = {
    "employee": gettext_lazy("职工"),
    "flexible": gettext_lazy("灵活就业人员"),
    "resident": gettext_lazy("城乡居民"),
    "student": gettext_lazy("十八岁以上学生"),
    "minor": gettext_lazy("未成年人"),
    "retiree": gettext_lazy("退休人员"),
}
CHANNELS: dict[str, Promise] = {
    "web": gettext_lazy("网上"),
    "outlet": gettext_lazy("银行网点"),
    "outreach": gettext_lazy("上门协办"),
    "unit": gettext_lazy("单位"),
}
KINDS: dict[str, Promise] = {
    "steering": gettext_lazy("推荐或默认某家银行"),
    "stall": gettext_lazy("在学校、社区或写字楼驻点营销"),
    "refusal": gettext_lazy("拒绝办理"),
    "delay": gettext_lazy("办理超期"),
    "other": gettext_lazy("其他"),
}
STATES: dict[str, Promise] = {
    "received": gettext_lazy("已收到"),
    "checking": gettext_lazy("核实中"),
    "founded": gettext_lazy("属实"),
    "unfounded": gettext_lazy("不属实"),
    "closed": gettext_lazy("已办结"),
}
REFUSALS: dict[str, Promise] = {
    "text_missing": gettext_lazy("请写明发生了什么（至少 5 个字）。"),
    "text_too_long": gettext_lazy("经过最多 1,000 字，请写得简短一些。"),
    "place_too_long": gettext_lazy("地点最多 120 字。"),
    "kind_unknown": gettext_lazy("请选择反映的事项。"),
    "bank_unknown": gettext_lazy("没有这家银行，请重新选择。"),
    "district_unknown": gettext_lazy("没有这个区，请重新选择。"),
    "day_wrong": gettext_lazy("请填写发生的日期：一年之内，且不晚于今天。"),
    "too_many": gettext_lazy("今天收到的反映太多，请明天再试，或拨打 12333。"),
    "complaint_unknown": gettext_lazy("没有这件反映。"),
    "state_forbids": gettext_lazy("这件反映已有新的进展，不能再做这一步；请刷新页面。"),
    "note_missing": gettext_lazy("请写明处理情况（至少 4 个字），说明会留存备查。"),
    "note_too_long": gettext_lazy("处理情况最多 500 字。"),
}
HIDDEN: dict[Hidden, Promise] = {
    Hidden.FEW: gettext_lazy("不足 10"),
    Hidden.PROTECTING: gettext_lazy("隐去"),
}


def count_words(count: int | Hidden | None) -> str:
    """A count, why it is hidden, or a dash where there is none."""
    if count is None:
        return "—"
    return str(HIDDEN[count]) if isinstance(count, Hidden) else f"{count:,}"


def number_words(value: float | None, digits: int = 1) -> str:
    """A number with so many digits, or a dash."""
    return "—" if value is None else f"{value:,.{digits}f}"


def concentration_words(found: Concentration | None, *, is_exact: bool = True) -> str:
    """The HHI with the scale it is read on. ``is_exact`` false: only the step of the scale, since counts are hidden."""
    if found is None:
        return _("申请太少，不计算集中度。")
    if not is_exact:
        return _("银行集中度：%(level)s。部分人数没有公布，因此不列出点数。") % {"level": LEVELS[found.level]}
    told = _(
        "银行集中度（HHI）为 %(hhi)s 点：%(level)s。%(banks)s 家银行平分时为 %(floor)s 点，一家独占时为 10,000 点；"
        "换算到 0（平分）至 1（独占）为 %(normalised)s。"
    ) % {
        "hhi": f"{found.hhi:,.0f}",
        "level": LEVELS[found.level],
        "banks": found.banks,
        "floor": f"{found.floor:,.0f}",
        "normalised": f"{found.normalised:.3f}",
    }
    if found.is_small_sample:
        told += " " + _("只有 %(people)s 份申请：即使人人随意选，也约为 %(chance)s 点，请不要据此判断。") % {
            "people": f"{found.people:,}",
            "chance": f"{found.by_chance:,.0f}",
        }
    return told


def scale_words() -> str:
    """Whose scale it is."""
    return _(
        "尺度出自美国司法部和联邦贸易委员会《合并指南》（2023 年）：1,000 至 1,800 点为中度集中，超过 1,800 点为高度集中。"
    )


def position_words(found: PositionTest | None, *, favoured: Position | None = None, is_exact: bool = True) -> str:
    """Whether choice depends on position, as one would tell it. ``is_exact`` false: without the statistic."""
    if found is None or found.verdict is Verdict.NO_CHOICES:
        return _("还没有足够的人从两家以上的银行中选择，不作检验。")
    if found.verdict is Verdict.TOO_FEW:
        return _("样本太少（%(people)s 人）：每个位置预期不足 5 人，不作检验。") % {"people": f"{found.left_out:,}"}
    details = {
        "chi": f"{found.chi_square:.2f}",
        "degrees": found.degrees,
        "p": p_words(found.p_value),
        "people": f"{found.people:,}",
    }
    if not is_exact:
        text = (
            _("在 5%% 的显著性水平下，选择与排列位置有关（样本 %(people)s 人）。")
            if found.verdict is Verdict.DEPENDS
            else _("在 5%% 的显著性水平下，没有发现选择与排列位置有关（样本 %(people)s 人）。")
        )
    else:
        text = (
            _(
                "在 5%% 的显著性水平下，选择与排列位置有关"
                "（χ²=%(chi)s，自由度=%(degrees)s，%(p)s，样本 %(people)s 人）。"
            )
            if found.verdict is Verdict.DEPENDS
            else _(
                "在 5%% 的显著性水平下，没有发现选择与排列位置有关"
                "（χ²=%(chi)s，自由度=%(degrees)s，%(p)s，样本 %(people)s 人）。"
            )
        )
    told = [text % details]
    if found.verdict is Verdict.DEPENDS and favoured is not None:
        told.append(
            _("第 %(position)s 位被选得最多：占 %(share)s%%，位置不起作用时应占 %(expected)s%%。")
            % {
                "position": favoured.position,
                "share": f"{favoured.share:.1f}",
                "expected": f"{favoured.expected_share:.1f}",
            }
        )
    if found.left_out:
        told.append(_("另有 %(people)s 人看到的名单长度样本太少，没有计入。") % {"people": f"{found.left_out:,}"})
    return " ".join(told)


def p_words(p_value: float) -> str:
    """A p-value to three digits, and never ``0.000``."""
    return "p<0.001" if p_value < 0.001 else f"p={p_value:.3f}"


def refusal_words(reason: object, fallback: str) -> str:
    """A refusal in the page's language."""
    return str(REFUSALS.get(str(reason), fallback))
